#include "engine/reference.h"

#include <string.h>

#include "base/err.h"
#include "base/str.h"

#define NAME_MAX_LEN 255
#define TAG_MAX_LEN  128

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
	return is_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static bool is_path_component(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t begin = i, dots = 0, lines = 0, dashes = 0;

		while (i < s.len && is_alnum(s.ptr[i]))
			i++;
		if (i == begin)
			return false;
		if (i == s.len)
			return true;
		for (; i < s.len && !is_alnum(s.ptr[i]); i++) {
			dots += s.ptr[i] == '.';
			lines += s.ptr[i] == '_';
			dashes += s.ptr[i] == '-';
			if (s.ptr[i] != '.' && s.ptr[i] != '_' && s.ptr[i] != '-')
				return false;
		}
		if ((dots > 0) + (lines > 0) + (dashes > 0) != 1 || dots > 1 || lines > 2)
			return false;
	}
	return false;
}

static bool is_path(struct str s)
{
	struct str head, tail;

	while (str_cut(s, '/', &head, &tail)) {
		if (!is_path_component(head))
			return false;
		s = tail;
	}
	return is_path_component(s);
}

static bool is_domain(struct str s)
{
	struct str host, port;

	if (!str_cut(s, ':', &host, &port))
		port = STR("0");
	if (host.len == 0 || port.len == 0)
		return false;
	for (size_t i = 0; i < port.len; i++)
		if (port.ptr[i] < '0' || port.ptr[i] > '9')
			return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool is_edge = i == 0 || i + 1 == host.len || host.ptr[i - 1] == '.' ||
			       host.ptr[i + 1] == '.';

		if (c == '_' || !(is_word(c) || (!is_edge && c == '-') ||
				  (c == '.' && i > 0 && i + 1 < host.len)))
			return false;
	}
	return true;
}

static bool is_tag(struct str s)
{
	if (s.len == 0 || s.len > TAG_MAX_LEN || !is_word(s.ptr[0]))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!is_word(s.ptr[i]) && s.ptr[i] != '.' && s.ptr[i] != '-')
			return false;
	return true;
}

bool reference_is_digest(const char *text)
{
	struct str s = str_of(text);

	if (!str_starts_with(s, "sha256:") || s.len != 7 + 64)
		return false;
	for (size_t i = 7; i < s.len; i++)
		if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
			return false;
	return true;
}

/* The first part is a domain if it could not be a part of a path: it has a dot or a port, is
 * "localhost", or has upper-case letters. */
static bool names_domain(struct str first)
{
	if (str_find(first, '.') >= 0 || str_find(first, ':') >= 0 ||
	    str_equal_c(first, "localhost"))
		return true;
	for (size_t i = 0; i < first.len; i++)
		if (first.ptr[i] >= 'A' && first.ptr[i] <= 'Z')
			return true;
	return false;
}

bool reference_parse(struct arena *a, const char *text, struct reference *ref, struct err *err)
{
	struct str rest = str_of(text), head, tail, digest = STR(""), tag = STR(""),
		   domain = STR("docker.io");
	bool is_short;

	if (str_cut(rest, '@', &head, &tail)) {
		digest = tail;
		rest = head;
		if (!reference_is_digest(arena_str(a, digest)))
			return fail(err, ERR_INVALID, "invalid reference format");
	}
	for (size_t i = rest.len; i > 0 && rest.ptr[i - 1] != '/'; i--) {
		if (rest.ptr[i - 1] != ':')
			continue;
		tag = (struct str){ rest.ptr + i, rest.len - i };
		rest.len = i - 1;
		if (!is_tag(tag))
			return fail(err, ERR_INVALID, "invalid reference format");
		break;
	}
	if (str_cut(rest, '/', &head, &tail) && names_domain(head)) {
		domain = str_equal_c(head, "index.docker.io") ? STR("docker.io") : head;
		rest = tail;
	}
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] >= 'A' && rest.ptr[i] <= 'Z')
			return fail(err, ERR_INVALID,
				    "invalid reference format: repository name must be lowercase");
	if (!is_domain(domain) || !is_path(rest) || domain.len + 1 + rest.len > NAME_MAX_LEN)
		return fail(err, ERR_INVALID, "invalid reference format");

	is_short = str_equal_c(domain, "docker.io") && str_find(rest, '/') < 0;
	*ref = (struct reference){
		.domain = arena_str(a, domain),
		.path = arena_printf(a, "%s%.*s", is_short ? "library/" : "", STR_FMT(rest)),
		.tag = arena_str(a, tag),
		.digest = arena_str(a, digest),
	};
	return true;
}

const char *reference_name(struct arena *a, const struct reference *ref)
{
	return arena_printf(a, "%s/%s", ref->domain, ref->path);
}

const char *reference_tagged(struct arena *a, const struct reference *ref)
{
	if (!ref->tag[0] && ref->digest[0])
		return reference_digested(a, ref, ref->digest);
	return arena_printf(a, "%s/%s:%s", ref->domain, ref->path,
			    ref->tag[0] ? ref->tag : "latest");
}

const char *reference_digested(struct arena *a, const struct reference *ref, const char *digest)
{
	return arena_printf(a, "%s/%s@%s", ref->domain, ref->path, digest);
}

const char *reference_familiar(const char *canonical)
{
	struct str s = str_of(canonical);

	if (str_starts_with(s, "docker.io/library/"))
		return canonical + strlen("docker.io/library/");
	if (str_starts_with(s, "docker.io/"))
		return canonical + strlen("docker.io/");
	return canonical;
}
