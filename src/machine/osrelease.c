#include "machine/osrelease.h"

#include "base/mem.h"

/* Within double quotes a backslash takes the meaning from what follows; within single ones nothing
 * has a meaning. */
static void unquote(struct str from, char *to, size_t size)
{
	char quote = from.len && (from.ptr[0] == '"' || from.ptr[0] == '\'') ? from.ptr[0] : '\0';
	size_t at = 0;

	for (size_t i = quote ? 1 : 0; i < from.len && from.ptr[i] != quote; i++) {
		if (from.ptr[i] == '\\' && quote != '\'' && ++i == from.len)
			break;
		if (at + 1 < size && from.ptr[i])
			to[at++] = from.ptr[i];
	}
	to[at] = '\0';
}

bool os_value(struct str text, const char *key, char *value, size_t size)
{
	bool found = false;
	struct str line, name, rest;

	value[0] = '\0';
	while (text.len) {
		str_cut(text, '\n', &line, &text);
		if (!str_cut(str_trim(line), '=', &name, &rest) || !str_equal_c(name, key))
			continue;
		unquote(rest, value, size);
		found = true;
	}
	return found;
}

static enum os_family family_of_word(struct str word)
{
	static const struct {
		const char *word;
		enum os_family family;
	} known[] = {
		{ "debian", OS_DEBIAN },      { "ubuntu", OS_DEBIAN },
		{ "amzn", OS_AMAZON },        { "rhel", OS_REDHAT },
		{ "fedora", OS_REDHAT },      { "centos", OS_REDHAT },
		{ "rocky", OS_REDHAT },       { "almalinux", OS_REDHAT },
		{ "ol", OS_REDHAT },          { "suse", OS_SUSE },
		{ "opensuse", OS_SUSE },      { "sles", OS_SUSE },
		{ "opensuse-leap", OS_SUSE }, { "opensuse-tumbleweed", OS_SUSE },
		{ "arch", OS_ARCH },          { "alpine", OS_ALPINE },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_equal_c(word, known[i].word))
			return known[i].family;
	return OS_OTHER;
}

enum os_family os_family_of(struct str text)
{
	char id[64], like[256];
	enum os_family family;
	struct str word, rest;

	(void)os_value(text, "ID", id, sizeof(id));
	(void)os_value(text, "ID_LIKE", like, sizeof(like));
	family = family_of_word(str_of(id));
	rest = str_of(like);
	while (family == OS_OTHER && rest.len) {
		str_cut(rest, ' ', &word, &rest);
		family = family_of_word(word);
	}
	return family;
}
