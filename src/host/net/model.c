#include "host/net/model.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"

#define TAG_DIGITS  5
#define HASH_DIGITS 8

static int compare_bridge(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct bridge, by_id)->id);
}

static int compare_sandbox(const void *key, const struct tree_node *member)
{
	return strcmp(key, container_of(member, struct sandbox, by_id)->id);
}

/* FNV-1a: short names from long ones; nothing is kept secret by it. */
static uint64_t hash_more(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return hash;
}

#define HASH_BEGIN UINT64_C(14695981039346656037)

static void print_hash(uint64_t hash, char *out, size_t digits)
{
	static const char all[] = "0123456789abcdefghijklmnopqrstuvwxyz";

	for (size_t i = 0; i < digits; i++, hash /= 36)
		out[i] = all[hash % 36];
	out[digits] = '\0';
}

void model_init(struct model *m, const char *data_root, const char *exec_root)
{
	*m = (struct model){ .data_root = xstrdup(data_root),
			     .exec_root = xstrdup(exec_root),
			     .bridges = TREE(compare_bridge),
			     .sandboxes = TREE(compare_sandbox) };
	print_hash(hash_more(HASH_BEGIN, data_root), m->tag, TAG_DIGITS);
	(void)snprintf(m->table, sizeof(m->table), "shoal_%s", m->tag);
}

void sandbox_free(struct sandbox *s)
{
	resolver_close(&s->sockets);
	for (size_t i = 0; i < s->port_count; i++)
		port_release(&s->ports[i]);
	free(s->ports);
	free(s->interfaces);
	free(s->path);
	free(s);
}

void model_clear(struct model *m)
{
	struct bridge *b;
	struct sandbox *s;

	tree_each (&m->bridges, struct bridge, by_id, b) {
		tree_remove(&m->bridges, &b->by_id);
		free(b);
	}
	tree_each (&m->sandboxes, struct sandbox, by_id, s) {
		tree_remove(&m->sandboxes, &s->by_id);
		sandbox_free(s);
	}
	buf_clear(&m->applied);
	free(m->data_root);
	free(m->exec_root);
}

void model_link_name(const struct model *m, const char *kind, const char *of, const char *more,
		     char name[IFNAMSIZ])
{
	char digits[HASH_DIGITS + 1];

	print_hash(hash_more(hash_more(HASH_BEGIN, of), more), digits, HASH_DIGITS);
	(void)snprintf(name, IFNAMSIZ, "%.2s%.5s%.8s", kind, m->tag, digits);
}

struct bridge *model_bridge(struct model *m, const char *id)
{
	return tree_entry(tree_find(&m->bridges, id), struct bridge, by_id);
}

struct sandbox *model_sandbox(struct model *m, const char *id)
{
	return tree_entry(tree_find(&m->sandboxes, id), struct sandbox, by_id);
}

char *model_netns_path(const struct model *m, const char *id)
{
	return xasprintf("%s/netns/%s", m->exec_root, id);
}

bool address_parse(const char *text, uint32_t *address, struct err *e)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		return fail(e, ERR_INVALID, "invalid IPv4 address: %s", text);
	*address = ntohl(in.s_addr);
	return true;
}

bool cidr_parse(const char *text, uint32_t *address, int *prefix, struct err *e)
{
	AUTO_FREE char *copy = xstrdup(text);
	char *slash = strchr(copy, '/'), *end;
	long value;

	if (!slash)
		return fail(e, ERR_INVALID, "invalid CIDR address: %s", text);
	*slash = '\0';
	value = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end || value < 0 || value > 32)
		return fail(e, ERR_INVALID, "invalid CIDR address: %s", text);
	*prefix = (int)value;
	return address_parse(copy, address, e);
}

bool mac_parse(const char *text, uint8_t mac[6], struct err *e)
{
	unsigned byte[6];
	int used = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &used) != 6 ||
	    text[used])
		return fail(e, ERR_INVALID, "invalid MAC address: %s", text);
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)byte[i];
	return true;
}
