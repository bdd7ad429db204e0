#include "wire/dns.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ldns/ldns.h>
#include <stdio.h>

#define HEADER 12

static ldns_pkt *parse(struct str message)
{
	ldns_pkt *packet = NULL;

	if (message.len < HEADER || message.len > DNS_MESSAGE_MAX ||
	    ldns_wire2pkt(&packet, (const uint8_t *)message.ptr, message.len) != LDNS_STATUS_OK)
		return NULL;
	return packet;
}

static bool is_question(const ldns_pkt *packet)
{
	const ldns_rr_list *questions = ldns_pkt_question(packet);

	return !ldns_pkt_qr(packet) && ldns_pkt_get_opcode(packet) == LDNS_PACKET_QUERY &&
	       ldns_rr_list_rr_count(questions) == 1 &&
	       ldns_rr_get_class(ldns_rr_list_rr(questions, 0)) == LDNS_RR_CLASS_IN;
}

bool dns_question_read(struct str message, struct dns_question *q)
{
	ldns_pkt *packet = parse(message);
	const ldns_rr *question;
	char *name;
	size_t len;
	bool ok;

	if (!packet)
		return false;
	ok = is_question(packet);
	if (ok) {
		question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
		name = ldns_rdf2str(ldns_rr_owner(question));
		len = name ? strlen(name) : 0;
		*q = (struct dns_question){ .id = ldns_pkt_id(packet),
					    .type = (int)ldns_rr_get_type(question),
					    .udp_max = ldns_pkt_edns_udp_size(packet) };
		ok = name && len <= DNS_NAME_MAX;
		for (size_t i = 0; ok && i < len; i++)
			q->name[i] = (char)tolower((unsigned char)name[i]);
		if (ok && len > 0 && q->name[len - 1] == '.')
			q->name[len - 1] = '\0';
		if (q->udp_max < DNS_UDP_MIN)
			q->udp_max = DNS_UDP_MIN;
		free(name);
	}
	ldns_pkt_free(packet);
	return ok;
}

static void make_answer(ldns_pkt *packet, ldns_pkt_rcode rcode)
{
	ldns_pkt_set_qr(packet, true);
	ldns_pkt_set_ra(packet, true);
	ldns_pkt_set_ad(packet, false);
	ldns_pkt_set_rcode(packet, rcode);
	/* What else a query may carry does not come back. */
	ldns_pkt_set_edns_udp_size(packet, 0);
	ldns_rdf_deep_free(ldns_pkt_edns_data(packet));
	ldns_pkt_set_edns_data(packet, NULL);
	ldns_pkt_set_edns_do(packet, false);
	ldns_rr_list_deep_free(ldns_pkt_answer(packet));
	ldns_pkt_set_answer(packet, ldns_rr_list_new());
	ldns_pkt_set_ancount(packet, 0);
	ldns_rr_list_deep_free(ldns_pkt_authority(packet));
	ldns_pkt_set_authority(packet, ldns_rr_list_new());
	ldns_pkt_set_nscount(packet, 0);
	ldns_rr_list_deep_free(ldns_pkt_additional(packet));
	ldns_pkt_set_additional(packet, ldns_rr_list_new());
	ldns_pkt_set_arcount(packet, 0);
}

static bool write_packet(ldns_pkt *packet, size_t size_max, struct buf *out)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	bool ok = ldns_pkt2wire(&bytes, packet, &len) == LDNS_STATUS_OK && len <= size_max;

	ok = ok && buf_append(out, bytes, len);
	free(bytes);
	return ok;
}

static bool finish(ldns_pkt *packet, size_t size_max, struct buf *out)
{
	bool ok = write_packet(packet, size_max, out);

	if (!ok && !out->overflow) {
		make_answer(packet, LDNS_RCODE_NOERROR);
		ldns_pkt_set_tc(packet, true);
		ok = write_packet(packet, size_max, out);
	}
	ldns_pkt_free(packet);
	return ok;
}

static void add_record(ldns_pkt *packet, ldns_rr_type type, uint32_t ttl_s, ldns_rdf *data)
{
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
	ldns_rr *rr = ldns_rr_new();

	ldns_rr_set_owner(rr, ldns_rdf_clone(ldns_rr_owner(question)));
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
	ldns_rr_set_ttl(rr, ttl_s);
	ldns_rr_push_rdf(rr, data);
	ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, rr);
}

static ldns_pkt *answer_to(struct str query, ldns_pkt_rcode rcode)
{
	ldns_pkt *packet = parse(query);

	if (packet && !is_question(packet)) {
		ldns_pkt_free(packet);
		return NULL;
	}
	if (packet)
		make_answer(packet, rcode);
	return packet;
}

bool dns_answer_addresses(struct str query, const uint32_t *addresses, size_t count, uint32_t ttl_s,
			  size_t size_max, struct buf *out)
{
	ldns_pkt *packet = answer_to(query, LDNS_RCODE_NOERROR);

	if (!packet)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t wire = htonl(addresses[i]);

		add_record(packet, LDNS_RR_TYPE_A, ttl_s,
			   ldns_rdf_new_frm_data(LDNS_RDF_TYPE_A, sizeof(wire), &wire));
	}
	return finish(packet, size_max, out);
}

bool dns_answer_name(struct str query, const char *name, uint32_t ttl_s, size_t size_max,
		     struct buf *out)
{
	ldns_rdf *data = ldns_dname_new_frm_str(name);
	ldns_pkt *packet = data ? answer_to(query, LDNS_RCODE_NOERROR) : NULL;

	if (!packet) {
		ldns_rdf_deep_free(data);
		return false;
	}
	add_record(packet, LDNS_RR_TYPE_PTR, ttl_s, data);
	return finish(packet, size_max, out);
}

bool dns_answer_rcode(struct str query, enum dns_rcode rcode, struct buf *out)
{
	ldns_pkt *packet = answer_to(query, (ldns_pkt_rcode)rcode);

	return packet && finish(packet, DNS_UDP_MIN, out);
}

bool dns_reverse_parse(const char *name, uint32_t *address)
{
	unsigned a, b, c, d;
	int used = 0;

	if (sscanf(name, "%3u.%3u.%3u.%3u.in-addr.arpa%n", &a, &b, &c, &d, &used) != 4 ||
	    used == 0 || name[used] || a > 255 || b > 255 || c > 255 || d > 255)
		return false;
	*address = d << 24 | c << 16 | b << 8 | a;
	return true;
}

uint16_t dns_id(struct str message)
{
	return (uint16_t)((uint8_t)message.ptr[0] << 8 | (uint8_t)message.ptr[1]);
}

void dns_set_id(char *message, uint16_t id)
{
	message[0] = (char)(id >> 8);
	message[1] = (char)id;
}

bool dns_is_answer(struct str message)
{
	return message.len >= HEADER && ((uint8_t)message.ptr[2] & 0x80);
}

int dns_rcode(struct str message)
{
	return (uint8_t)message.ptr[3] & 0x0f;
}

/* Length of header and question: names in a first question are never compressed. 0 when it is
 * broken. */
static size_t question_end(struct str m)
{
	size_t at = HEADER;

	if (m.len < HEADER || m.ptr[4] != 0 || m.ptr[5] != 1)
		return 0;
	while (at < m.len && m.ptr[at] != 0) {
		if ((uint8_t)m.ptr[at] > 63)
			return 0;
		at += 1 + (uint8_t)m.ptr[at];
	}
	return at + 5 <= m.len ? at + 5 : 0;
}

bool dns_same_question(struct str a, struct str b)
{
	size_t end = question_end(a);

	if (end == 0 || question_end(b) != end)
		return false;
	for (size_t i = HEADER; i < end; i++)
		if (tolower((unsigned char)a.ptr[i]) != tolower((unsigned char)b.ptr[i]))
			return false;
	return true;
}
