/* Runs interaction scripts of the reference against our core.
 *
 *     raft_script FILE...      or without a FILE: all *.txt of a folder that is kept beside the
 *                              source tree (or of $RAFT_SCRIPTS); without it, nothing to do
 *
 * A script is a list of stanzas: a command, its input lines, "----", what it must print, and an
 * empty line. Lines that begin with a log level are the reference's log texts; they are left
 * out on both sides, all others must be equal. Each file is one test. */
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "raft/core/describe.h"
#include "raft/core/inside.h"

#define NODES_MAX  16
#define ARGS_MAX   32
#define VALUES_MAX 16
#define OUTPUT_MAX (16u << 20)

struct arg {
	char *key;
	char *values[VALUES_MAX];
	int value_count;
};

struct stanza {
	int line;
	char *name;
	struct arg args[ARGS_MAX];
	int arg_count;
	char *input;
	char *expected;
};

struct env {
	struct raft *nodes[NODES_MAX];
	unsigned node_count;
	struct message_list network; /* in order of sending */
	struct buf out;
	bool is_quiet;
};

/* --- output ----------------------------------------------------------------------------------- */

static void print_buf(struct env *env, const struct buf *text)
{
	if (!env->is_quiet)
		buf_append_str(&env->out, buf_str(text));
}

static void print_line(struct env *env, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void print_line(struct env *env, const char *format, ...)
{
	va_list args;

	if (env->is_quiet)
		return;
	va_start(args, format);
	buf_vprintf(&env->out, format, args);
	va_end(args);
	buf_append_char(&env->out, '\n');
}

/* Move everything printed since `from` two columns to the right. */
static void indent(struct env *env, size_t from)
{
	AUTO_BUF struct buf moved = BUF_MAX(OUTPUT_MAX);
	struct str rest = { env->out.data + from, env->out.len - from }, line;

	if (env->out.len == from)
		return;
	while (str_cut(rest, '\n', &line, &rest))
		buf_printf(&moved, "  %.*s\n", STR_FMT(line));
	env->out.len = from;
	buf_append_str(&env->out, buf_str(&moved));
}

/* --- arguments -------------------------------------------------------------------------------- */

static const struct arg *named(const struct stanza *s, const char *key)
{
	for (int i = 0; i < s->arg_count; i++)
		if (s->args[i].value_count && strcmp(s->args[i].key, key) == 0)
			return &s->args[i];
	return NULL;
}

static uint64_t number_or(const struct stanza *s, const char *key, uint64_t otherwise)
{
	const struct arg *a = named(s, key);

	return a ? strtoull(a->values[0], NULL, 10) : otherwise;
}

static bool is_true(const struct stanza *s, const char *key)
{
	const struct arg *a = named(s, key);

	return a && strcmp(a->values[0], "true") == 0;
}

/* The numbers among the arguments. */
static unsigned positions(const struct stanza *s, uint64_t *ids)
{
	unsigned count = 0;

	for (int i = 0; i < s->arg_count; i++)
		if (!s->args[i].value_count)
			ids[count++] = strtoull(s->args[i].key, NULL, 10);
	return count;
}

static struct raft *node(struct env *env, uint64_t id)
{
	if (id == 0 || id > env->node_count) {
		fprintf(stderr, "the script names node %llu of %u\n", (unsigned long long)id,
			env->node_count);
		exit(2);
	}
	return env->nodes[id - 1];
}

static struct raft *first_node(struct env *env, const struct stanza *s)
{
	return node(env, s->arg_count ? strtoull(s->args[0].key, NULL, 10) : 0);
}

/* --- commands --------------------------------------------------------------------------------- */

typedef void command(struct env *env, const struct stanza *s);

static unsigned ids_of(const struct stanza *s, const char *key, uint64_t *ids)
{
	const struct arg *a = named(s, key);

	for (int i = 0; a && i < a->value_count; i++)
		ids[i] = strtoull(a->values[i], NULL, 10);
	return a ? (unsigned)a->value_count : 0;
}

static void add_nodes(struct env *env, const struct stanza *s)
{
	static const char *const known[] = { "voters",      "learners",
					     "inflight",    "index",
					     "content",     "prevote",
					     "checkquorum", "max-committed-size-per-ready",
					     "read-only" };
	struct raft_conf conf = { 0 };
	struct raft_stored stored = { 0 };
	unsigned count = (unsigned)strtoul(s->args[0].key, NULL, 10);

	for (int i = 1; i < s->arg_count; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(known) && strcmp(known[k], s->args[i].key) != 0)
			k++;
		if (k == ARRAY_LEN(known))
			print_line(env, "add-nodes: %s is not supported", s->args[i].key);
	}
	conf.voter_count = ids_of(s, "voters", conf.voters);
	conf.learner_count = ids_of(s, "learners", conf.learners);
	if (number_or(s, "index", 0) > 0)
		stored.snapshot = raft_snapshot_new(number_or(s, "index", 0), 1, &conf, NULL, 0);

	for (unsigned i = 0; i < count && env->node_count < NODES_MAX; i++) {
		struct raft_config c = {
			.id = env->node_count + 1,
			.seed = env->node_count + 1,
			.heartbeat_ticks = 1,
			.election_ticks = 3,
			.pre_vote = is_true(s, "prevote"),
			.check_quorum = is_true(s, "checkquorum"),
			.inflight_max = number_or(s, "inflight", 0),
			.apply_bytes_max = number_or(s, "max-committed-size-per-ready", 0),
		};
		struct err e;

		env->nodes[env->node_count] = raft_new(&c, &stored, &e);
		if (!env->nodes[env->node_count])
			print_line(env, "%s", e.text);
		else
			env->node_count++;
	}
	raft_snapshot_drop(stored.snapshot);
}

static void campaign(struct env *env, const struct stanza *s)
{
	raft_campaign(first_node(env, s));
}

/* As in the reference, a snapshot of the newest state is always at hand. */
static void take_snapshot(struct raft *r, uint64_t index, uint64_t term)
{
	struct raft_conf conf;
	struct raft_snapshot *snapshot;

	raft_conf(r, &conf);
	snapshot = raft_snapshot_new(index, term, &conf, NULL, 0);
	raft_set_snapshot(r, snapshot);
	raft_snapshot_drop(snapshot);
}

static void handle_ready(struct env *env, struct raft *r)
{
	AUTO_BUF struct buf text = BUF_MAX(OUTPUT_MAX);
	const struct raft_ready *rd = raft_ready(r);

	raft_describe_ready(&text, rd);
	print_buf(env, &text);
	for (size_t i = 0; i < rd->committed_count; i++) {
		const struct raft_entry *e = rd->committed[i];

		if (e->kind == RAFT_CONF_CHANGE)
			raft_apply_conf_change(r, &e->change);
		take_snapshot(r, e->index, e->term);
	}
	for (size_t i = 0; i < rd->message_count; i++)
		message_list_push(&env->network, raft_message_dup(rd->messages[i]));
	raft_advance(r);
}

static void process_ready(struct env *env, const struct stanza *s)
{
	uint64_t ids[ARGS_MAX];
	unsigned count = positions(s, ids);

	for (unsigned i = 0; i < count; i++) {
		size_t from;

		if (count > 1)
			print_line(env, "> %llu handling Ready", (unsigned long long)ids[i]);
		from = env->out.len;
		handle_ready(env, node(env, ids[i]));
		if (count > 1)
			indent(env, from);
	}
}

static bool is_for(const struct raft_message *m, uint64_t to, int kind)
{
	return m->to == to && (kind < 0 || (int)m->kind == kind);
}

static bool has_mail(const struct env *env, uint64_t to)
{
	for (size_t i = 0; i < env->network.count; i++)
		if (is_for(env->network.at[i], to, -1))
			return true;
	return false;
}

/* How many there were. */
static unsigned deliver(struct env *env, uint64_t to, int kind, bool drops)
{
	struct message_list mail = { 0 }, rest = { 0 };
	unsigned count;

	for (size_t i = 0; i < env->network.count; i++) {
		struct raft_message *m = env->network.at[i];

		message_list_push(is_for(m, to, kind) ? &mail : &rest, m);
	}
	free(env->network.at);
	env->network = rest;

	for (size_t i = 0; i < mail.count; i++) {
		AUTO_BUF struct buf text = BUF_MAX(OUTPUT_MAX);
		struct err e;

		raft_describe_message(&text, mail.at[i]);
		print_line(env, "%s%s", drops ? "dropped: " : "", text.data);
		if (!drops && !raft_step(node(env, to), mail.at[i], &e))
			print_line(env, "%s", e.text);
	}
	count = mail.count;
	message_list_clear(&mail);
	free(mail.at);
	return count;
}

static void deliver_msgs(struct env *env, const struct stanza *s)
{
	uint64_t ids[ARGS_MAX];
	unsigned count = positions(s, ids), delivered = 0;
	const struct arg *type = named(s, "type");
	enum raft_message_kind kind;
	int wanted = -1;

	if (type && raft_message_kind_parse(type->values[0], &kind))
		wanted = (int)kind;
	for (unsigned i = 0; i < count; i++)
		delivered += deliver(env, ids[i], wanted, false);
	count = ids_of(s, "drop", ids);
	for (unsigned i = 0; i < count; i++)
		delivered += deliver(env, ids[i], wanted, true);
	if (delivered == 0)
		print_line(env, "no messages");
}

static void set_log_level(struct env *env, const char *level)
{
	env->is_quiet = strcasecmp(level, "none") == 0;
}

static void log_level_command(struct env *env, const struct stanza *s)
{
	set_log_level(env, s->args[0].key);
}

static void print_log(struct env *env, const struct raft *r)
{
	AUTO_BUF struct buf text = BUF_MAX(OUTPUT_MAX);
	struct raft_status st = raft_status(r);

	if (st.stable < st.first)
		buf_printf(&text, "log is empty: first index=%llu, last index=%llu\n",
			   (unsigned long long)st.first, (unsigned long long)st.stable);
	for (uint64_t i = st.first; i <= st.stable; i++) {
		raft_describe_entry(&text, raft_entry_at(r, i));
		buf_append_char(&text, '\n');
	}
	print_buf(env, &text);
}

static void raft_log_command(struct env *env, const struct stanza *s)
{
	print_log(env, first_node(env, s));
}

static void compact(struct env *env, const struct stanza *s)
{
	struct raft *r = first_node(env, s);

	raft_compact(r, strtoull(s->args[1].key, NULL, 10));
	print_log(env, r);
}

static void raft_state(struct env *env, const struct stanza *s)
{
	for (unsigned i = 0; i < env->node_count; i++) {
		struct raft_status st = raft_status(env->nodes[i]);

		print_line(env, "%llu: %s %s Term:%llu Lead:%llu", (unsigned long long)st.id,
			   raft_role_name(st.role), st.is_voter ? "(Voter)" : "(Non-Voter)",
			   (unsigned long long)st.term, (unsigned long long)st.lead);
	}
}

static void set_election_timeout(struct env *env, const struct stanza *s)
{
	first_node(env, s)->election_timeout = (int)number_or(s, "timeout", 0);
}

static void stabilize(struct env *env, const struct stanza *s)
{
	uint64_t ids[ARGS_MAX];
	unsigned count = positions(s, ids);
	const struct arg *level = named(s, "log-level");
	bool was_quiet = env->is_quiet, worked = true;

	if (level)
		set_log_level(env, level->values[0]);
	for (; count == 0 && env->node_count > 0; count = env->node_count)
		for (unsigned i = 0; i < env->node_count; i++)
			ids[i] = i + 1;

	while (worked) {
		worked = false;
		for (unsigned i = 0; i < count; i++) {
			size_t from;

			if (!raft_has_ready(node(env, ids[i])))
				continue;
			print_line(env, "> %llu handling Ready", (unsigned long long)ids[i]);
			from = env->out.len;
			handle_ready(env, node(env, ids[i]));
			indent(env, from);
			worked = true;
		}
		for (unsigned i = 0; i < count; i++) {
			size_t from;

			if (!has_mail(env, ids[i]))
				continue;
			print_line(env, "> %llu receiving messages", (unsigned long long)ids[i]);
			from = env->out.len;
			deliver(env, ids[i], -1, false);
			indent(env, from);
			worked = true;
		}
	}
	env->is_quiet = was_quiet;
}

static void status(struct env *env, const struct stanza *s)
{
	struct raft *r = first_node(env, s);
	struct raft_peer_status p;

	if (raft_status(r).role != RAFT_LEADER)
		return;
	for (unsigned i = 0; raft_peer(r, i, &p); i++) {
		AUTO_BUF struct buf text = BUF_MAX(OUTPUT_MAX);

		raft_describe_peer(&text, &p);
		print_line(env, "%s", text.data);
	}
}

static void tick_election(struct env *env, const struct stanza *s)
{
	struct raft *r = first_node(env, s);

	for (int i = 0; i < r->config.election_ticks; i++)
		raft_tick(r);
}

static void tick_heartbeat(struct env *env, const struct stanza *s)
{
	raft_tick(first_node(env, s));
}

static void transfer_leadership(struct env *env, const struct stanza *s)
{
	struct err e;

	(void)!raft_transfer(node(env, number_or(s, "from", 0)), number_or(s, "to", 0), &e);
}

static void forget_leader(struct env *env, const struct stanza *s)
{
	raft_forget_leader(first_node(env, s));
}

static void send_snapshot(struct env *env, const struct stanza *s)
{
	AUTO_BUF struct buf text = BUF_MAX(OUTPUT_MAX);
	uint64_t ids[ARGS_MAX];
	struct raft_message *m;

	positions(s, ids);
	m = raft_message_new(RAFT_SNAPSHOT, ids[1]);
	m->from = ids[0];
	m->term = raft_status(node(env, ids[0])).term;
	m->snapshot = raft_snapshot_ref(node(env, ids[0])->log.snapshot);
	message_list_push(&env->network, m);
	raft_describe_message(&text, m);
	print_line(env, "%s", text.data);
}

/* An error is printed even when nothing else is. */
static void print_dropped(struct env *env)
{
	buf_append_c(&env->out, "raft proposal dropped\n");
}

static void propose(struct env *env, const struct stanza *s)
{
	const char *data = s->args[1].key;
	uint64_t index;
	struct err e;

	if (!raft_propose(first_node(env, s), data, strlen(data), &index, &e))
		print_dropped(env);
}

static void propose_conf_change(struct env *env, const struct stanza *s)
{
	static const char letters[] = "vrul";
	const char *kind = s->input && *s->input ? strchr(letters, *s->input) : NULL;
	struct raft_change change = { 0 };
	uint64_t index;
	struct err e;

	if (!is_true(s, "v1") || !kind) {
		print_line(env, "only changes of one member are supported");
		return;
	}
	change.kind = (enum raft_change_kind)(kind - letters);
	change.node = strtoull(s->input + 1, NULL, 10);
	if (!raft_propose_conf_change(first_node(env, s), &change, NULL, 0, &index, &e))
		print_dropped(env);
}

static void report_unreachable(struct env *env, const struct stanza *s)
{
	uint64_t ids[ARGS_MAX];

	positions(s, ids);
	raft_report_unreachable(node(env, ids[0]), ids[1]);
}

static const struct {
	const char *name;
	command *run;
} commands[] = {
	{ "add-nodes", add_nodes },
	{ "campaign", campaign },
	{ "compact", compact },
	{ "deliver-msgs", deliver_msgs },
	{ "forget-leader", forget_leader },
	{ "log-level", log_level_command },
	{ "process-ready", process_ready },
	{ "propose", propose },
	{ "propose-conf-change", propose_conf_change },
	{ "raft-log", raft_log_command },
	{ "raft-state", raft_state },
	{ "report-unreachable", report_unreachable },
	{ "send-snapshot", send_snapshot },
	{ "set-randomized-election-timeout", set_election_timeout },
	{ "stabilize", stabilize },
	{ "status", status },
	{ "tick-election", tick_election },
	{ "tick-heartbeat", tick_heartbeat },
	{ "transfer-leadership", transfer_leadership },
};

static bool run(struct env *env, const struct stanza *s)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, s->name) == 0) {
			commands[i].run(env, s);
			return true;
		}
	}
	return false;
}

/* --- files ------------------------------------------------------------------------------------ */

static void parse_arg(struct stanza *s, char *word)
{
	struct arg *a = &s->args[s->arg_count++];
	char *value = strchr(word, '=');

	*a = (struct arg){ .key = word };
	if (!value)
		return;
	*value++ = '\0';
	if (*value == '(') {
		value++;
		value[strcspn(value, ")")] = '\0';
	}
	for (char *save, *v = strtok_r(value, ", ", &save); v && a->value_count < VALUES_MAX;
	     v = strtok_r(NULL, ", ", &save))
		a->values[a->value_count++] = v;
}

static void parse_command(struct stanza *s, char *line)
{
	char *at = line;

	s->name = at;
	at += strcspn(at, " ");
	while (*at && s->arg_count < ARGS_MAX) {
		char *word;

		*at++ = '\0';
		at += strspn(at, " ");
		word = at;
		while (*at && *at != ' ')
			at += *at == '(' ? strcspn(at, ")") : 1;
		if (word != at) {
			char after = *at;

			*at = '\0';
			parse_arg(s, word);
			*at = after;
		}
	}
}

/* Lines of *rest up to one that equals `end`, joined; the line after is next. */
static char *lines_until(char **rest, const char *end, int *line_number)
{
	char *start = *rest, *at = start;
	size_t length = strlen(end);

	while (*at) {
		char *newline = strchrnul(at, '\n');

		++*line_number;
		if ((size_t)(newline - at) == length && strncmp(at, end, length) == 0) {
			*rest = *newline ? newline + 1 : newline;
			*at = '\0';
			return start;
		}
		at = *newline ? newline + 1 : newline;
	}
	*rest = at;
	return start;
}

static bool next_stanza(char **rest, int *line_number, struct stanza *s)
{
	char *head, *newline;

	for (;;) {
		newline = strchrnul(*rest, '\n');
		if (!**rest)
			return false;
		if (**rest != '#' && newline != *rest)
			break;
		*rest = *newline ? newline + 1 : newline;
		++*line_number;
	}
	*s = (struct stanza){ .line = *line_number + 1 };
	head = lines_until(rest, "----", line_number);
	s->input = strchrnul(head, '\n');
	if (*s->input)
		*s->input++ = '\0';
	parse_command(s, head);
	s->expected = lines_until(rest, "", line_number);
	return true;
}

static bool is_log_line(struct str line)
{
	static const char *const levels[] = { "INFO ", "DEBUG ", "WARN ", "ERROR " };
	struct str text = str_trim(line);

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_starts_with(text, levels[i]))
			return true;
	return false;
}

/* Without log lines, and "ok" for nothing. */
static void essence(struct buf *out, struct str text)
{
	struct str line;
	bool more = text.len > 0;

	while (more) {
		more = str_cut(text, '\n', &line, &text);
		if (!is_log_line(line) && (more || line.len > 0))
			buf_printf(out, "%.*s\n", STR_FMT(line));
	}
	if (out->len == 0)
		buf_append_c(out, "ok\n");
}

static bool matches(const char *file, const struct stanza *s, const struct buf *printed)
{
	AUTO_BUF struct buf want = BUF_MAX(OUTPUT_MAX);
	AUTO_BUF struct buf got = BUF_MAX(OUTPUT_MAX);

	essence(&want, str_of(s->expected));
	essence(&got, buf_str(printed));
	if (strcmp(want.data, got.data) == 0)
		return true;
	printf("%s:%d: %s\n--- expected\n%s--- got\n%s", file, s->line, s->name, want.data,
	       got.data);
	return false;
}

static void env_clear(struct env *env)
{
	for (unsigned i = 0; i < env->node_count; i++)
		raft_free(env->nodes[i]);
	message_list_clear(&env->network);
	free(env->network.at);
	buf_clear(&env->out);
}

static bool passes(const char *file, char *text)
{
	struct env env = { .out = BUF_MAX(OUTPUT_MAX) };
	struct stanza s;
	int line_number = 0, stanzas = 0;
	bool good = true;

	while (good && next_stanza(&text, &line_number, &s)) {
		buf_reset(&env.out);
		stanzas++;
		if (!run(&env, &s)) {
			printf("%s:%d: unknown command %s\n", file, s.line, s.name);
			good = false;
		} else {
			good = matches(file, &s, &env.out);
		}
	}
	env_clear(&env);
	return good && stanzas > 0;
}

static char *read_file(const char *path)
{
	struct buf text = BUF_MAX(OUTPUT_MAX);
	FILE *f = fopen(path, "r");
	char block[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_append(&text, block, n);
	fclose(f);
	return buf_steal(&text);
}

static int run_files(char **files, size_t count)
{
	int passed = 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *text = read_file(files[i]);

		if (text && passes(files[i], text)) {
			passed++;
		} else {
			printf("FAILED %s\n", files[i]);
			failed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}

static int run_folder(const char *folder)
{
	AUTO_FREE char *pattern = xasprintf("%s/*.txt", folder);
	glob_t found;
	int result = 0;

	if (glob(pattern, 0, NULL, &found) != 0) {
		printf("skipped: no interaction scripts in %s\n0 passed, 0 failed\n", folder);
		return 0;
	}
	result = run_files(found.gl_pathv, found.gl_pathc);
	globfree(&found);
	return result;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("RAFT_SCRIPTS");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1)
		return run_files(argv + 1, (size_t)argc - 1);
	return run_folder(folder ? folder : RAFT_SCRIPTS_DIR);
}
