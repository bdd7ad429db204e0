#include "swarm/schedule/constraint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "pb/map.h"

/* [a-z_][a-z0-9_.-]+ in any case. */
static bool key_is_valid(struct str s)
{
	if (s.len < 2 || !(isalpha((unsigned char)s.ptr[0]) || s.ptr[0] == '_'))
		return false;
	for (size_t i = 1; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) && !strchr("_.-", s.ptr[i]))
			return false;
	return true;
}

static bool value_is_valid(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) && !isspace((unsigned char)s.ptr[i]) &&
		    !strchr(":-_.*()?+[]\\^$|/", s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool parse_one(struct constraint *c, const char *text, struct err *e)
{
	const char *op = strstr(text, "==");

	c->is_not = !op;
	if (!op)
		op = strstr(text, "!=");
	if (!op)
		return fail(e, ERR_INVALID, "constraint expected one operator from ==, !=");
	c->key = str_trim(str_bytes(text, (size_t)(op - text)));
	c->value = str_trim(str_of(op + 2));
	if (!key_is_valid(c->key))
		return fail(e, ERR_INVALID, "key '%.*s' is invalid", STR_FMT(c->key));
	if (!value_is_valid(c->value))
		return fail(e, ERR_INVALID, "value '%.*s' is invalid", STR_FMT(c->value));
	return true;
}

bool constraints_parse(struct constraints *c, char *const *texts, size_t count, struct arena *a,
		       struct err *e)
{
	c->count = 0;
	c->items = arena_alloc(a, (count + 1) * sizeof(*c->items));
	for (size_t i = 0; i < count; i++)
		if (!parse_one(&c->items[c->count++], texts[i], e))
			return false;
	return true;
}

/* ---- matching ---- */

static bool equals(struct str s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.ptr, text, s.len) == 0;
}

static bool begins(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len > len && strncasecmp(s.ptr, prefix, len) == 0;
}

static bool address_parse(struct str text, uint8_t out[16], int *family)
{
	char plain[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(plain))
		return false;
	memcpy(plain, text.ptr, text.len);
	plain[text.len] = '\0';
	*family = memchr(plain, ':', text.len) ? AF_INET6 : AF_INET;
	return inet_pton(*family, plain, out) == 1;
}

/* -1: the network is malformed. */
static int compare_address(struct str address, struct str network)
{
	struct str base, bits_text;
	uint8_t a[16], n[16];
	int a_family, n_family;
	bool has_bits = str_cut(network, '/', &base, &bits_text);
	uint64_t bits = 0, most;

	if (!address_parse(base, n, &n_family))
		return -1;
	most = n_family == AF_INET ? 32 : 128;
	if (!has_bits)
		bits = most;
	else if (!str_to_u64(bits_text, &bits) || bits > most)
		return -1;
	if (!address_parse(address, a, &a_family) || a_family != n_family)
		return 0;
	for (unsigned i = 0; i < bits; i++) {
		unsigned mask = 0x80u >> i % 8;

		if ((a[i / 8] & mask) != (n[i / 8] & mask))
			return 0;
	}
	return 1;
}

bool address_is_in(struct str address, struct str network)
{
	return compare_address(address, network) == 1;
}

static const char *label(const Pb__MapEntry *const *entries, size_t count, struct str key,
			 const char *prefix)
{
	AUTO_BUF struct buf name = BUF_MAX(key.len + 1);
	const char *value;

	buf_append(&name, key.ptr + strlen(prefix), key.len - strlen(prefix));
	value = pb_map_get((Pb__MapEntry *const *)entries, count, name.data);
	return value ? value : "";
}

/* What the node has under this key. False if there is no such key at all. */
static bool attribute(const Pb__Node *node, struct str key, const char **value)
{
	const Pb__NodeDescription *d = node->description;
	const Pb__Platform *platform = d ? d->platform : NULL;
	const Pb__EngineDescription *engine = d ? d->engine : NULL;

	*value = "";
	if (equals(key, "node.id"))
		*value = node->id;
	else if (equals(key, "node.hostname"))
		*value = d ? d->hostname : "";
	else if (equals(key, "node.role"))
		*value = node->role == PB__NODE_ROLE__MANAGER ? "manager" : "worker";
	else if (equals(key, "node.platform.os"))
		*value = platform ? platform->os : "";
	else if (equals(key, "node.platform.arch"))
		*value = platform ? platform->architecture : "";
	else if (begins(key, "node.labels."))
		*value = label((const Pb__MapEntry *const *)node->spec->annotations->labels,
			       node->spec->annotations->n_labels, key, "node.labels.");
	else if (begins(key, "engine.labels."))
		*value = engine ? label((const Pb__MapEntry *const *)engine->labels,
					engine->n_labels, key, "engine.labels.")
				: "";
	else
		return false;
	return true;
}

static bool matches(const struct constraint *c, const Pb__Node *node)
{
	const char *value;

	if (equals(c->key, "node.ip")) {
		int is_in = compare_address(str_of(node->status->addr), c->value);

		return is_in >= 0 && (is_in == 1) != c->is_not;
	}
	return attribute(node, c->key, &value) && equals(c->value, value) != c->is_not;
}

bool constraints_match(const struct constraints *c, const Pb__Node *node)
{
	for (size_t i = 0; i < c->count; i++)
		if (!matches(&c->items[i], node))
			return false;
	return true;
}
