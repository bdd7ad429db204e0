#include "content/challenge.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static bool is_token_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct str take_token(struct str *s)
{
	size_t n = 0;
	struct str token;

	while (n < s->len && is_token_char(s->ptr[n]))
		n++;
	token = str_bytes(s->ptr, n);
	*s = str_bytes(s->ptr + n, s->len - n);
	return token;
}

static void skip(struct str *s, const char *any_of)
{
	while (s->len > 0 && s->ptr[0] && strchr(any_of, s->ptr[0]))
		*s = str_bytes(s->ptr + 1, s->len - 1);
}

static bool add_char(char *out, size_t *len, char c)
{
	/* What goes into a URL or a header again must not end it. */
	if (*len + 1 >= CHALLENGE_TEXT_MAX || (unsigned char)c < ' ' || c == 0x7f)
		return false;
	out[(*len)++] = c;
	out[*len] = '\0';
	return true;
}

/* A token or a quoted string. */
static bool take_value(struct str *s, char out[CHALLENGE_TEXT_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	if (s->len == 0 || s->ptr[0] != '"') {
		struct str token = take_token(s);

		for (size_t i = 0; i < token.len; i++)
			if (!add_char(out, &len, token.ptr[i]))
				return false;
		return true;
	}
	for (size_t i = 1; i < s->len; i++) {
		char c = s->ptr[i];

		if (c == '"') {
			*s = str_bytes(s->ptr + i + 1, s->len - i - 1);
			return true;
		}
		if (c == '\\' && ++i < s->len)
			c = s->ptr[i];
		if (!add_char(out, &len, c))
			return false;
	}
	return false;
}

/* name=value pairs up to the next scheme, which is a token that no "=" follows. */
static bool take_parameters(struct str *s, struct challenge *c, bool is_wanted)
{
	for (;;) {
		struct str ahead, name;
		char value[CHALLENGE_TEXT_MAX];
		char *slot = NULL;

		skip(s, " \t,");
		ahead = *s;
		name = take_token(&ahead);
		skip(&ahead, " \t");
		if (name.len == 0 || ahead.len == 0 || ahead.ptr[0] != '=')
			return true;
		*s = str_bytes(ahead.ptr + 1, ahead.len - 1);
		skip(s, " \t");
		if (!take_value(s, value))
			return false;
		if (name.len == 5 && strncasecmp(name.ptr, "realm", 5) == 0)
			slot = c->realm;
		else if (name.len == 7 && strncasecmp(name.ptr, "service", 7) == 0)
			slot = c->service;
		else if (name.len == 5 && strncasecmp(name.ptr, "scope", 5) == 0)
			slot = c->scope;
		if (slot && is_wanted)
			memcpy(slot, value, strlen(value) + 1);
	}
}

bool challenge_parse(struct str value, struct challenge *c)
{
	struct challenge got = *c;

	skip(&value, " \t,");
	while (value.len > 0) {
		struct str scheme = take_token(&value);
		bool is_bearer = scheme.len == 6 && strncasecmp(scheme.ptr, "Bearer", 6) == 0;
		bool is_first = is_bearer && !got.is_bearer;

		if (scheme.len == 0)
			return false;
		if (scheme.len == 5 && strncasecmp(scheme.ptr, "Basic", 5) == 0)
			got.is_basic = true;
		got.is_bearer |= is_bearer;
		if (!take_parameters(&value, &got, is_first))
			return false;
		skip(&value, " \t,");
	}
	*c = got;
	return true;
}

static struct str host_of(const char *authority)
{
	struct str s = str_of(authority), head, tail;

	if (s.len > 0 && s.ptr[0] == '[')
		return s; /* an IPv6 address, port and all */
	(void)str_cut(s, ':', &head, &tail);
	return head;
}

static bool is_address(struct str host)
{
	if (host.len > 0 && host.ptr[0] == '[')
		return true;
	for (size_t i = 0; i < host.len; i++)
		if (!isdigit((unsigned char)host.ptr[i]) && host.ptr[i] != '.')
			return false;
	return true;
}

/* A name below `parent`: "a.b.c" below "b.c". */
static bool is_below(struct str name, struct str parent)
{
	return name.len > parent.len + 1 && name.ptr[name.len - parent.len - 1] == '.' &&
	       strncasecmp(name.ptr + name.len - parent.len, parent.ptr, parent.len) == 0;
}

bool challenge_may_trust(const char *registry, const char *realm)
{
	struct str a = host_of(registry), b = host_of(realm), first, parent;

	if (a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0)
		return true;
	if (is_address(a) || is_address(b))
		return false;
	if (!str_cut(a, '.', &first, &parent) || str_find(parent, '.') < 0)
		parent = a; /* "example.com" itself is the parent then */
	if (str_find(parent, '.') < 0)
		return false;
	return is_below(b, parent) ||
	       (b.len == parent.len && strncasecmp(b.ptr, parent.ptr, b.len) == 0);
}
