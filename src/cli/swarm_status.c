/* `swarm status`: does the swarm have a majority, and what if one more manager died?
 *
 * The exit code says it to scripts: 0 all is well; 2 it works, and something is not as it should be
 * (a manager is missing, far behind or not yet a voter, or a certificate runs out); 3 there is no
 * majority. 1 is, as ever, a question that was not answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/swarm.h"
#include "console/format.h"
#include "console/order.h"
#include "console/table.h"
#include "console/units.h"
#include "template/field.h"

#define EXIT_AT_RISK     2
#define EXIT_NO_MAJORITY 3
#define LAG_MANY         1000
#define NS_PER_DAY       (INT64_C(86400) * 1000000000)
#define CERT_LEFT_MIN_NS (7 * NS_PER_DAY)

const struct option swarm_status_options[] = {
	{ 'f', "format", OPT_TEXT, "json, or a Go template over that", .word = "string" },
	{ 0 },
};

static bool is_even(int64_t n)
{
	return n % 2 == 0;
}

/* "in 89 days", and whether that is soon. */
static bool expiry(const struct cli *c, const char *text, struct buf *out)
{
	int64_t ns, left;

	if (!*text || !time_parse(text, &ns))
		return false;
	left = ns - c->now_ns;
	if (left < 0)
		buf_append_c(out, "expired");
	else if (left < 2 * NS_PER_DAY)
		buf_printf(out, "in %lld hours", (long long)(left / (NS_PER_DAY / 24)));
	else
		buf_printf(out, "in %lld days", (long long)(left / NS_PER_DAY));
	return left < CERT_LEFT_MIN_NS;
}

static const char *status_of(const json_t *m)
{
	if (!field_bool(m, "Reachable"))
		return "Unreachable";
	if (field_bool(m, "Leader"))
		return "Leader";
	return field_bool(m, "Voter") ? "Reachable" : "Catching up";
}

/* What is not as it should be, a line each. */
static void find_faults(const struct cli *c, const json_t *managers, struct buf *out)
{
	for (size_t i = 0; i < json_array_size(managers); i++) {
		const json_t *m = json_array_get(managers, i);
		const char *name = field_text(m, "Hostname");
		AUTO_BUF struct buf when = BUF_MAX(64);

		if (!field_bool(m, "Reachable"))
			buf_printf(out, "%s (%s) cannot be reached.\n", name,
				   field_text(m, "Addr"));
		else if (!field_bool(m, "Voter"))
			buf_printf(out, "%s is catching up and does not vote yet.\n", name);
		else if (field_int(m, "Lag") > LAG_MANY)
			buf_printf(out, "%s lacks %lld entries.\n", name,
				   (long long)field_int(m, "Lag"));
		if (expiry(c, field_text(m, "CertificateExpiry"), &when))
			buf_printf(out, "The certificate of %s runs out: %.*s.\n", name,
				   (int)when.len, when.data);
	}
}

static void print_majority(const json_t *s)
{
	long long all = field_int(s, "Quorum.Managers"),
		  reachable = field_int(s, "Quorum.Reachable");
	long long needed = field_int(s, "Quorum.Needed"), spare = field_int(s, "Quorum.CanLose");

	if (!field_bool(s, "HasLeader")) {
		printf("No majority: %lld of %lld %s can be reached from here, and %lld are needed.\n"
		       "Nothing can be changed until more are back; containers run on.\n"
		       "If the missing are gone for good: shoal swarm init --force-new-cluster\n",
		       reachable, all, all == 1 ? "manager" : "managers", needed);
		return;
	}
	printf("Majority: %lld of %lld %s can be reached, and %lld %s needed.\n", reachable, all,
	       all == 1 ? "manager" : "managers", needed, needed == 1 ? "is" : "are");
	if (all == 1)
		printf("If this one died for good, the swarm's state would be lost with it; "
		       "containers would run on.\n"
		       "Promote two more managers, or keep what `shoal swarm backup` writes.\n");
	else if (spare > 0)
		printf("If one more died, the other %lld would go on, and nothing would be lost.\n",
		       reachable - 1);
	else
		printf("If one more died, nothing could be changed until it is back; containers "
		       "would run on.\n"
		       "No change would be lost: the other %lld have all of them.\n",
		       reachable - 1);
	if (is_even(all))
		printf("%lld managers stand the loss of no more than %lld do.\n", all, all - 1);
}

static void print_leader(const json_t *s, const json_t *managers)
{
	const char *name = "nobody";

	for (size_t i = 0; i < json_array_size(managers); i++)
		if (field_bool(json_array_get(managers, i), "Leader"))
			name = field_text(json_array_get(managers, i), "Hostname");
	printf("Leader: %s, in term %lld; the last entry of this manager's log is %lld, %lld are "
	       "agreed on.\n",
	       field_bool(s, "HasLeader") ? name : "nobody", (long long)field_int(s, "Term"),
	       (long long)field_int(s, "LastIndex"), (long long)field_int(s, "Committed"));
}

static int by_name(const void *a, const void *b)
{
	return natural_compare(field_text(*(const json_t *const *)a, "Hostname"),
			       field_text(*(const json_t *const *)b, "Hostname"));
}

static void print_managers(const struct cli *c, const json_t *managers)
{
	AUTO_BUF struct buf text = BUF_MAX(1 << 20), out = BUF_MAX(1 << 20);
	size_t count = json_array_size(managers);
	AUTO_FREE const json_t **sorted = xcalloc(count + 1, sizeof(*sorted));

	for (size_t i = 0; i < count; i++)
		sorted[i] = json_array_get(managers, i);
	qsort(sorted, count, sizeof(*sorted), by_name);

	buf_append_c(&text, "MANAGER\tSTATUS\tADDRESS\tENTRY\tLAG\tCERTIFICATE EXPIRES\n");
	for (size_t i = 0; i < count; i++) {
		const json_t *m = sorted[i];

		buf_printf(&text, "%s\t%s\t%s\t", field_text(m, "Hostname"), status_of(m),
			   field_text(m, "Addr"));
		if (field_at(m, "Index"))
			buf_printf(&text, "%lld\t%lld\t", (long long)field_int(m, "Index"),
				   (long long)field_int(m, "Lag"));
		else
			buf_append_c(&text, "-\t-\t");
		(void)expiry(c, field_text(m, "CertificateExpiry"), &text);
		buf_append_c(&text, "\n");
	}
	table_layout(buf_str(&text), &out);
	printf("\n%.*s", (int)out.len, out.data);
}

bool swarm_status(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *s = client_get(c->client, "/swarm/status", NULL, e);
	AUTO_BUF struct buf faults = BUF_MAX(1 << 20);
	const json_t *managers;

	if (!s)
		return false;
	managers = field_at(s, "Managers");
	find_faults(c, managers, &faults);
	c->status = !field_bool(s, "HasLeader") ? EXIT_NO_MAJORITY : faults.len ? EXIT_AT_RISK : 0;
	if (args_has(a, "format"))
		return object_print(args_text(a, "format"), s, e);
	print_majority(s);
	print_leader(s, managers);
	printf("%.*s", (int)faults.len, faults.len ? faults.data : "");
	print_managers(c, managers);
	return true;
}
