/* The rules of one daemon: one table of nft, printed whole and replaced in one transaction.
 *
 *   raw          what comes from a container never speaks to 127.0.0.0/8 of the host
 *   published    where a packet to a published port goes: two maps, one lookup each however many
 * ports postrouting  the world sees the host's address; so do containers that are reached through
 * it forward      into a network: answers, what a map has sent there, and what comes from the
 * network itself if its containers may speak to each other; nothing else, also not from other
 *                networks or from neighbours that route to it (CVE-2025-54388)
 *
 * A rule of another table that drops a packet wins over ours, whichever comes first; who runs a
 * firewall with a policy of drop must let the networks pass there. Everything printed is a number
 * or a name that we checked. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/net/model.h"
#include "host/program.h"

#define RULES_MAX      (16 << 20)
#define NFT_TIMEOUT_MS 30000

static void print_ip(struct buf *out, uint32_t ip)
{
	buf_printf(out, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static void print_subnet(struct buf *out, const struct bridge *b)
{
	print_ip(out, b->network);
	buf_printf(out, "/%d", b->prefix);
}

/* A published port leads to the first network that is no internal one. */
static uint32_t target_address(const struct model *m, const struct sandbox *s)
{
	for (size_t i = 0; i < s->interface_count; i++) {
		const struct bridge *b = model_bridge((struct model *)m, s->interfaces[i].network);

		if (b && !b->internal)
			return s->interfaces[i].address;
	}
	return 0;
}

static void print_elements(const struct model *m, struct buf *out, bool with_ip)
{
	struct sandbox *s;
	bool any = false;

	tree_each (&m->sandboxes, struct sandbox, by_id, s) {
		uint32_t address = target_address(m, s);

		for (size_t i = 0; address && i < s->port_count; i++) {
			const struct held_port *p = &s->ports[i];

			if ((p->host_ip != 0) != with_ip)
				continue;
			buf_append_c(out, any ? ", " : "elements = { ");
			any = true;
			if (with_ip) {
				print_ip(out, p->host_ip);
				buf_append_c(out, " . ");
			}
			buf_printf(out, "%s . %u : ", net_proto_name(p->proto), p->host_port);
			print_ip(out, address);
			buf_printf(out, " . %u", p->target);
		}
	}
	if (any)
		buf_append_c(out, " }\n");
}

static void print_maps(const struct model *m, struct buf *out)
{
	buf_append_c(out,
		     "map ports { type inet_proto . inet_service : ipv4_addr . inet_service\n");
	print_elements(m, out, false);
	buf_append_c(out,
		     "}\nmap ports_of_address {\n"
		     "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n");
	print_elements(m, out, true);
	buf_append_c(out, "}\n");
}

static void print_network(struct buf *out, const struct bridge *b, size_t n)
{
	buf_printf(out, "chain to_%zu {\n", n);
	if (!b->internal)
		buf_append_c(out, "ct state established,related accept\nct status dnat accept\n");
	/* With icc off the ports of the bridge are isolated; this is for what is routed. */
	if (b->icc)
		buf_printf(out, "iifname \"%s\" accept\n", b->link);
	buf_append_c(out, "drop\n}\n");
	if (!b->internal)
		return;
	buf_printf(out, "chain from_%zu {\noifname \"%s\" accept\ndrop\n}\n", n, b->link);
}

static void print_networks(const struct model *m, struct buf *out)
{
	struct bridge *b;
	size_t n = 0;

	tree_each (&m->bridges, struct bridge, by_id, b)
		print_network(out, b, n++);
	buf_append_c(out,
		     "chain raw {\ntype filter hook prerouting priority raw; policy accept;\n");
	tree_each (&m->bridges, struct bridge, by_id, b)
		buf_printf(out, "iifname \"%s\" ip daddr 127.0.0.0/8 drop\n", b->link);
	buf_append_c(
		out,
		"}\nchain forward {\ntype filter hook forward priority filter; policy accept;\n");
	n = 0;
	tree_each (&m->bridges, struct bridge, by_id, b) {
		if (b->internal)
			buf_printf(out, "iifname \"%s\" jump from_%zu\n", b->link, n);
		buf_printf(out, "oifname \"%s\" jump to_%zu\n", b->link, n);
		n++;
	}
	buf_append_c(out, "}\nchain postrouting {\n"
			  "type nat hook postrouting priority srcnat; policy accept;\n");
	tree_each (&m->bridges, struct bridge, by_id, b) {
		if (b->internal)
			continue;
		buf_printf(out, "oifname \"%s\" ip saddr 127.0.0.0/8 masquerade\n", b->link);
		buf_printf(out, "oifname \"%s\" ct status dnat ip saddr ", b->link);
		print_subnet(out, b);
		buf_append_c(out, " masquerade\n");
		if (!b->masquerade)
			continue;
		buf_append_c(out, "ip saddr ");
		print_subnet(out, b);
		buf_printf(out, " oifname != \"%s\" masquerade\n", b->link);
	}
	buf_append_c(out, "}\n");
}

void ruleset_print(const struct model *m, struct buf *out)
{
	/* Added first, so that deleting it never fails. */
	buf_printf(out, "add table ip %s\ndelete table ip %s\ntable ip %s {\n", m->table, m->table,
		   m->table);
	print_maps(m, out);
	buf_append_c(out, "chain published {\n"
			  "dnat ip to ip daddr . meta l4proto . th dport map @ports_of_address\n"
			  "fib daddr type local dnat ip to meta l4proto . th dport map @ports\n}\n"
			  "chain prerouting {\n"
			  "type nat hook prerouting priority dstnat; policy accept;\n"
			  "meta l4proto { tcp, udp, sctp } jump published\n}\n"
			  "chain output {\ntype nat hook output priority -100; policy accept;\n"
			  "meta l4proto { tcp, udp, sctp } jump published\n}\n");
	print_networks(m, out);
	buf_append_c(out, "}\n");
}

static bool run_nft(struct model *m, struct str rules, struct err *e)
{
	unsigned slot = m->own_pid_next++ % NET_OWN_PIDS;
	struct program p = { .input = rules,
			     .timeout_ms = NFT_TIMEOUT_MS,
			     .pid = &m->own_pids[slot] };

	program_args(&p, (const char *[]){ "nft", "-f", "-", NULL });
	return program_must(&p, NULL, e);
}

bool ruleset_apply(struct model *m, bool is_touched, struct err *e)
{
	AUTO_BUF struct buf rules = BUF_MAX(RULES_MAX);

	ruleset_print(m, &rules);
	if (rules.overflow)
		return fail(e, ERR_EXHAUSTED, "too many published ports");
	if (!is_touched && str_equal(buf_str(&rules), buf_str(&m->applied)))
		return true;
	buf_clear(&m->applied);
	if (!run_nft(m, buf_str(&rules), e))
		return false;
	m->applied = rules;
	rules = BUF_MAX(RULES_MAX);
	return true;
}

bool ruleset_remove(struct model *m, struct err *e)
{
	AUTO_BUF struct buf rules = BUF_MAX(256);

	buf_clear(&m->applied);
	buf_printf(&rules, "add table ip %s\ndelete table ip %s\n", m->table, m->table);
	return run_nft(m, buf_str(&rules), e);
}
