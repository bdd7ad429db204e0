#include "wire/ref.h"

#include <stdio.h>

#include "base/err.h"

#define DEFAULT_DOMAIN "docker.io"
#define LEGACY_DOMAIN  "index.docker.io"
#define OFFICIAL       "library/"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower_or_digit(char c)
{
	return is_lower(c) || is_digit(c);
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_upper(s.ptr[i]))
			return true;
	return false;
}

/* Between two alphanumerics: one dot, one or two underscores, or any number of dashes. */
static bool is_separator(struct str s)
{
	if (str_equal_c(s, ".") || str_equal_c(s, "_") || str_equal_c(s, "__"))
		return true;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '-')
			return false;
	return s.len > 0;
}

static bool is_component(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t word = i, gap;

		while (i < s.len && is_lower_or_digit(s.ptr[i]))
			i++;
		if (i == word)
			return false;
		if (i == s.len)
			return true;
		gap = i;
		while (i < s.len && !is_lower_or_digit(s.ptr[i]))
			i++;
		if (!is_separator(str_bytes(s.ptr + gap, i - gap)))
			return false;
	}
	return false;
}

static bool is_path(struct str s)
{
	struct str component;

	while (str_cut(s, '/', &component, &s))
		if (!is_component(component))
			return false;
	return is_component(component);
}

static bool is_host_label(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		bool inner = i > 0 && i < s.len - 1;

		if (!is_lower_or_digit(s.ptr[i]) && !is_upper(s.ptr[i]) &&
		    !(s.ptr[i] == '-' && inner))
			return false;
	}
	return s.len > 0;
}

static bool is_port(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool is_ipv6(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F') && c != ':')
			return false;
	}
	return s.len > 0;
}

static bool is_bracketed_domain(struct str s)
{
	struct str inside, port;

	if (!str_cut(str_bytes(s.ptr + 1, s.len - 1), ']', &inside, &port) || !is_ipv6(inside))
		return false;
	return port.len == 0 ||
	       (port.ptr[0] == ':' && is_port(str_bytes(port.ptr + 1, port.len - 1)));
}

static bool is_domain(struct str s)
{
	struct str host, port, label;

	if (s.len > 0 && s.ptr[0] == '[')
		return is_bracketed_domain(s);
	if (str_cut(s, ':', &host, &port) && !is_port(port))
		return false;
	while (str_cut(host, '.', &label, &host))
		if (!is_host_label(label))
			return false;
	return is_host_label(label);
}

bool tag_is_valid(struct str tag)
{
	if (tag.len == 0 || tag.len > REF_TAG_MAX || tag.ptr[0] == '.' || tag.ptr[0] == '-')
		return false;
	for (size_t i = 0; i < tag.len; i++) {
		char c = tag.ptr[i];

		if (!is_lower_or_digit(c) && !is_upper(c) && c != '_' && c != '.' && c != '-')
			return false;
	}
	return true;
}

static bool is_hex_id(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.ptr[i]) && !(s.ptr[i] >= 'a' && s.ptr[i] <= 'f'))
			return false;
	return s.len == 64;
}

/* Does the first component name a registry? */
static bool names_registry(struct str first)
{
	return str_find(first, '.') >= 0 || str_find(first, ':') >= 0 ||
	       str_equal_c(first, "localhost") || has_upper(first);
}

static void copy(char *to, struct str s)
{
	memcpy(to, s.ptr, s.len);
	to[s.len] = '\0';
}

/* Domain and path of a name that has lost its tag and digest. */
static bool parse_name(struct str name, struct ref *r, struct err *e)
{
	struct str domain, path;
	const char *prefix = "";

	if (!str_cut(name, '/', &domain, &path) || !names_registry(domain)) {
		domain = STR(DEFAULT_DOMAIN);
		path = name;
	}
	if (str_equal_c(domain, LEGACY_DOMAIN))
		domain = STR(DEFAULT_DOMAIN);
	if (str_equal_c(domain, DEFAULT_DOMAIN) && str_find(path, '/') < 0)
		prefix = OFFICIAL;

	if (has_upper(path))
		return fail(e, ERR_INVALID,
			    "invalid reference format: repository name (%s%.*s) must be lowercase",
			    prefix, (int)(path.len < 256 ? path.len : 256), path.ptr);
	if (!is_domain(domain) || !is_path(path))
		return fail(e, ERR_INVALID, "invalid reference format");
	if (domain.len + 1 + strlen(prefix) + path.len > REF_NAME_MAX)
		return fail(e, ERR_INVALID, "repository name must not be more than %d characters",
			    REF_NAME_MAX);
	copy(r->domain, domain);
	copy(r->path, str_of(prefix));
	copy(r->path + strlen(prefix), path);
	return true;
}

/* The tag begins at the last colon behind the last slash. */
static bool cut_tag(struct str *name, struct str *tag)
{
	for (size_t i = name->len; i > 0 && name->ptr[i - 1] != '/'; i--) {
		if (name->ptr[i - 1] != ':')
			continue;
		*tag = str_bytes(name->ptr + i, name->len - i);
		name->len = i - 1;
		return true;
	}
	return false;
}

bool ref_parse(struct str text, struct ref *r, struct err *e)
{
	struct str name, tag, digest;

	*r = (struct ref){ 0 };
	if (is_hex_id(text))
		return fail(e, ERR_INVALID,
			    "invalid repository name (%.*s), cannot specify 64-byte hexadecimal "
			    "strings",
			    STR_FMT(text));
	if (str_cut(text, '@', &name, &digest)) {
		if (digest.len > DIGEST_MAX || str_find(digest, ':') < 0)
			return fail(e, ERR_INVALID, "invalid reference format");
		if (!digest_check(digest, e))
			return false;
		copy(r->digest, digest);
	}
	if (cut_tag(&name, &tag)) {
		if (!tag_is_valid(tag))
			return fail(e, ERR_INVALID, "invalid reference format");
		copy(r->tag, tag);
	}
	return parse_name(name, r, e);
}

void ref_default_tag(struct ref *r)
{
	if (!r->tag[0] && !r->digest[0])
		copy(r->tag, STR("latest"));
}

static void put_rest(const struct ref *r, char *out)
{
	out += strlen(out);
	sprintf(out, "%s%s%s%s", r->tag[0] ? ":" : "", r->tag, r->digest[0] ? "@" : "", r->digest);
}

void ref_full(const struct ref *r, char *out)
{
	sprintf(out, "%s/%s", r->domain, r->path);
	put_rest(r, out);
}

void ref_familiar_name(const struct ref *r, char *out)
{
	struct str path = str_of(r->path);

	if (strcmp(r->domain, DEFAULT_DOMAIN) != 0) {
		sprintf(out, "%s/%s", r->domain, r->path);
		return;
	}
	if (str_starts_with(path, OFFICIAL) &&
	    str_find(str_bytes(path.ptr + 8, path.len - 8), '/') < 0)
		path = str_bytes(path.ptr + strlen(OFFICIAL), path.len - strlen(OFFICIAL));
	copy(out, path);
}

void ref_familiar(const struct ref *r, char *out)
{
	ref_familiar_name(r, out);
	put_rest(r, out);
}
