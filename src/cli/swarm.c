/* The swarm this node is in: init, join, leave, tokens, keys. Its CA is in swarm_ca.c. */
#include "cli/swarm.h"

#include "cli/program.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "template/field.h"
#include "console/help.h"

/* Settings of the whole swarm, of init and update. Each goes to a place in the spec. */
static const struct {
	const char *option, *path;
} settings[] = {
	{ "task-history-limit", "Orchestration.TaskHistoryRetentionLimit" },
	{ "snapshot-interval", "Raft.SnapshotInterval" },
	{ "max-snapshots", "Raft.KeepOldSnapshots" },
	{ "dispatcher-heartbeat", "Dispatcher.HeartbeatPeriod" },
	{ "cert-expiry", "CAConfig.NodeCertExpiry" },
};

static const struct option setting_options[] = {
	{ 0, "autolock", OPT_BOOL, "lock managers when they stop: starting one asks for a key" },
	{ 0, "cert-expiry", OPT_DURATION, "how long certificates of nodes are valid",
	  .fallback = "2160h0m0s" },
	{ 0, "dispatcher-heartbeat", OPT_DURATION, "how often nodes say that they are alive",
	  .fallback = "5s" },
	{ 0, "external-ca", OPT_LIST, "a CA that signs certificates: protocol=cfssl,url=URL",
	  .word = "external-ca" },
	{ 0, "max-snapshots", OPT_UINT, "old Raft snapshots to keep" },
	{ 0, "snapshot-interval", OPT_UINT, "log entries between Raft snapshots",
	  .fallback = "10000" },
	{ 0, "task-history-limit", OPT_INT, "old tasks to remember of each slot", .fallback = "5" },
	{ 0 },
};

static const struct option init_options[] = {
	{ 0, "advertise-addr", OPT_TEXT,
	  "the address others reach this node at: IP or interface[:PORT]" },
	{ 0, "availability", OPT_TEXT, "whether this node takes tasks", .fallback = "active",
	  .choices = "active pause drain" },
	{ 0, "data-path-addr", OPT_TEXT, "address or interface of container traffic" },
	{ 0, "data-path-port", OPT_UINT, "UDP port of container traffic, 1024 to 49151, 0 for 4789",
	  .fallback = "0" },
	{ 0, "default-addr-pool", OPT_CSV, "pool of network addresses: CIDR" },
	{ 0, "default-addr-pool-mask-length", OPT_UINT, "length of the subnets taken from the pool",
	  .fallback = "24" },
	{ 0, "force-new-cluster", OPT_BOOL, "begin anew with what this manager remembers" },
	{ 0, "listen-addr", OPT_TEXT, "the address managers listen at: IP or interface[:PORT]",
	  .fallback = "0.0.0.0:2377" },
	{ .kind = OPT_ALSO, .also = setting_options },
	{ 0 },
};

static const struct option join_options[] = {
	{ 0, "advertise-addr", OPT_TEXT,
	  "the address others reach this node at: IP or interface[:PORT]" },
	{ 0, "availability", OPT_TEXT, "whether this node takes tasks", .fallback = "active",
	  .choices = "active pause drain" },
	{ 0, "data-path-addr", OPT_TEXT, "address or interface of container traffic" },
	{ 0, "listen-addr", OPT_TEXT, "the address managers listen at: IP or interface[:PORT]",
	  .fallback = "0.0.0.0:2377" },
	{ 0, "token", OPT_TEXT, "the token that lets nodes in" },
	{ 0 },
};

static const struct option token_options[] = {
	{ 'q', "quiet", OPT_BOOL, "print the token only" },
	{ 0, "rotate", OPT_BOOL, "make a new token; the old one lets nobody in any more" },
	{ 0 },
};

static const struct option key_options[] = {
	{ 'q', "quiet", OPT_BOOL, "print the key only" },
	{ 0, "rotate", OPT_BOOL, "make a new key" },
	{ 0 },
};

static const struct option leave_options[] = {
	{ 'f', "force", OPT_BOOL, "leave even if this is a manager that the swarm needs" },
	{ 0 },
};

/* "protocol=cfssl,url=URL[,cacert=FILE][,KEY=VALUE]" */
static json_t *external_ca(const char *text, struct err *e)
{
	AUTO_JSON json_t *ca = json_object();
	struct str rest = str_of(text), part, key, value;

	while (rest.len) {
		AUTO_FREE char *name = NULL, *setting = NULL;

		str_cut(rest, ',', &part, &rest);
		if (!str_cut(part, '=', &key, &value))
			return fail(e, ERR_INVALID, "invalid field '%.*s' must be a key=value pair",
				    STR_FMT(part)),
			       NULL;
		name = str_dup(key);
		setting = str_dup(value);
		if (strcasecmp(name, "protocol") == 0)
			field_put_text(ca, "Protocol", setting);
		else if (strcasecmp(name, "url") == 0)
			field_put_text(ca, "URL", setting);
		else if (strcasecmp(name, "cacert") == 0) {
			char *pem = swarm_read_pem(setting, e);

			if (!pem)
				return NULL;
			field_put_text(ca, "CACert", pem);
			free(pem);
		} else {
			json_object_set_new(field_object(ca, "Options"), name,
					    json_string(setting));
		}
	}
	if (!*field_text(ca, "Protocol") || !*field_text(ca, "URL"))
		return fail(e, ERR_INVALID,
			    "the external-ca option needs a protocol= and a url= parameter"),
		       NULL;
	return json_incref(ca);
}

bool swarm_set_external_cas(json_t *spec, const struct args *a, struct err *e)
{
	const char *const *list;
	size_t count;

	list = args_list(a, "external-ca", &count);
	if (!args_has(a, "external-ca"))
		return true;
	field_put(spec, "CAConfig.ExternalCAs", json_array());
	for (size_t i = 0; i < count; i++) {
		json_t *ca = external_ca(list[i], e);

		if (!ca)
			return false;
		json_array_append_new(field_array(spec, "CAConfig.ExternalCAs"), ca);
	}
	return true;
}

/* The listen address with its port. */
static void put_listen_address(json_t *body, const struct args *a)
{
	const char *text = args_text(a, "listen-addr"), *end = strrchr(text, ']');
	AUTO_FREE char *whole =
		xasprintf("%s%s", text, strchr(end ? end : text, ':') ? "" : ":2377");

	field_put_text(body, "ListenAddr", whole);
}

/* Put what was given into a swarm spec. */
static bool merge_settings(json_t *spec, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (args_has(a, settings[i].option))
			field_put(spec, settings[i].path,
				  json_integer(args_int(a, settings[i].option)));
	if (args_has(a, "autolock"))
		field_put(spec, "EncryptionConfig.AutoLockManagers",
			  json_boolean(args_bool(a, "autolock")));
	return swarm_set_external_cas(spec, a, e);
}

bool swarm_post_update(struct cli *c, const json_t *swarm, const char *rotate, struct err *e)
{
	static const char *const kinds[] = { "rotateManagerToken", "rotateManagerUnlockKey",
					     "rotateWorkerToken" };
	AUTO_QUERY struct query q = QUERY;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		query_add(&q, kinds[i], strcmp(kinds[i], rotate) == 0 ? "true" : "false");
	query_add_int(&q, "version", field_int(swarm, "Version.Index"));
	return client_post(c->client, "/swarm/update", &q, field_at(swarm, "Spec"), NULL, e);
}

static bool print_join_command(struct cli *c, const char *node_id, bool worker, bool manager,
			       struct err *e)
{
	AUTO_FREE char *path = path_of("/nodes/%s", node_id);
	AUTO_JSON json_t *node = client_get(c->client, path, NULL, e), *swarm = NULL;
	const char *address;

	if (!node)
		return false;
	swarm = client_get(c->client, "/swarm", NULL, e);
	if (!swarm)
		return false;
	address = field_text(node, "ManagerStatus.Addr");
	if (worker && field_at(node, "ManagerStatus"))
		printf("To add a worker to this swarm, run the following command:\n\n"
		       "    shoal swarm join --token %s %s\n\n",
		       field_text(swarm, "JoinTokens.Worker"), address);
	if (manager && field_at(node, "ManagerStatus"))
		printf("To add a manager to this swarm, run the following command:\n\n"
		       "    shoal swarm join --token %s %s\n\n",
		       field_text(swarm, "JoinTokens.Manager"), address);
	return true;
}

static void print_unlock_command(const char *key)
{
	if (*key)
		printf("To unlock a swarm manager after it restarts, run the `shoal swarm unlock`\n"
		       "command and provide the following key:\n\n    %s\n\n"
		       "Remember to store this key in a password manager, since without it you\n"
		       "will not be able to restart the manager.\n",
		       key);
}

/* The unlock key, "" when managers are not locked; the caller frees it. */
static char *unlock_key(struct cli *c, struct err *e)
{
	AUTO_JSON json_t *answer = client_get(c->client, "/swarm/unlockkey", NULL, e);

	return answer ? xstrdup(field_text(answer, "UnlockKey")) : NULL;
}

static bool print_unlock_key(struct cli *c, struct err *e)
{
	AUTO_FREE char *key = unlock_key(c, e);

	if (!key)
		return false;
	print_unlock_command(key);
	return true;
}

static json_t *init_body(const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object();
	const char *const *pools;
	size_t count;

	pools = args_list(a, "default-addr-pool", &count);
	put_listen_address(body, a);
	field_put_text(body, "AdvertiseAddr", args_text(a, "advertise-addr"));
	field_put_text(body, "DataPathAddr", args_text(a, "data-path-addr"));
	field_put(body, "DataPathPort", json_integer(args_int(a, "data-path-port")));
	field_put(body, "ForceNewCluster", json_boolean(args_bool(a, "force-new-cluster")));
	field_put(body, "Spec", json_object());
	field_put(body, "Spec.EncryptionConfig.AutoLockManagers", json_false());
	field_put(body, "AutoLockManagers", json_boolean(args_bool(a, "autolock")));
	field_put_text(body, "Availability",
		       args_has(a, "availability") ? args_text(a, "availability") : "");
	for (size_t i = 0; i < count; i++)
		json_array_append_new(field_array(body, "DefaultAddrPool"), json_string(pools[i]));
	field_array(body, "DefaultAddrPool");
	field_put(body, "SubnetSize", json_integer(args_int(a, "default-addr-pool-mask-length")));
	if (!merge_settings(field_at(body, "Spec"), a, e))
		return NULL;
	return json_incref(body);
}

static bool swarm_init(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = init_body(a, e), *node_id = NULL;

	if (!body)
		return false;
	if (!client_post(c->client, "/swarm/init", NULL, body, &node_id, e)) {
		if (strstr(e->text, "could not choose an IP address to advertise"))
			strncat(e->text, " - specify one with --advertise-addr",
				ERR_TEXT_MAX - strlen(e->text) - 1);
		return false;
	}
	printf("Swarm initialized: current node (%s) is now a manager.\n\n",
	       field_text(node_id, ""));
	if (!print_join_command(c, field_text(node_id, ""), true, false, e))
		return false;
	printf("To add a manager to this swarm, run 'shoal swarm join-token manager' and follow the "
	       "instructions.\n");
	return !args_bool(a, "autolock") || print_unlock_key(c, e);
}

static bool swarm_join(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *body = json_object(), *info = NULL;

	put_listen_address(body, a);
	field_put_text(body, "AdvertiseAddr", args_text(a, "advertise-addr"));
	field_put_text(body, "DataPathAddr", args_text(a, "data-path-addr"));
	json_array_append_new(field_array(body, "RemoteAddrs"), json_string(a->words[0]));
	field_put_text(body, "JoinToken", args_text(a, "token"));
	field_put_text(body, "Availability",
		       args_has(a, "availability") ? args_text(a, "availability") : "");
	if (!client_post(c->client, "/swarm/join", NULL, body, NULL, e))
		return false;
	info = client_get(c->client, "/info", NULL, e);
	if (!info)
		return false;
	printf("This node joined a swarm as a %s.\n",
	       field_bool(info, "Swarm.ControlAvailable") ? "manager" : "worker");
	return true;
}

static bool swarm_leave(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;

	query_add_flag(&q, "force", args_bool(a, "force"));
	if (!client_post(c->client, "/swarm/leave", &q, NULL, NULL, e))
		return false;
	printf("Node left the swarm.\n");
	return true;
}

static bool nothing_given(const struct args *a)
{
	for (size_t i = 0; i < a->value_count; i++)
		if (a->values[i].is_given)
			return false;
	return true;
}

static bool swarm_update(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *swarm = NULL;
	bool was_locked;

	if (nothing_given(a)) {
		help_command(c->command, c->command_name, stdout);
		return true;
	}
	swarm = client_get(c->client, "/swarm", NULL, e);
	if (!swarm)
		return false;
	was_locked = field_bool(swarm, "Spec.EncryptionConfig.AutoLockManagers");
	if (!merge_settings(field_at(swarm, "Spec"), a, e) || !swarm_post_update(c, swarm, "", e))
		return false;
	printf("Swarm updated.\n");
	return was_locked || !args_bool(a, "autolock") || print_unlock_key(c, e);
}

static bool rotate_token(struct cli *c, bool worker, bool quiet, struct err *e)
{
	AUTO_JSON json_t *swarm = client_get(c->client, "/swarm", NULL, e);

	if (!swarm ||
	    !swarm_post_update(c, swarm, worker ? "rotateWorkerToken" : "rotateManagerToken", e))
		return false;
	if (!quiet)
		printf("Successfully rotated %s join token.\n\n", worker ? "worker" : "manager");
	return true;
}

static bool swarm_join_token(struct cli *c, const struct args *a, struct err *e)
{
	bool worker = strcmp(a->words[0], "worker") == 0, quiet = args_bool(a, "quiet");
	AUTO_JSON json_t *swarm = NULL, *info = NULL;

	if (!worker && strcmp(a->words[0], "manager") != 0)
		return fail(e, ERR_INVALID, "unknown role %s", a->words[0]);
	if (args_bool(a, "rotate") && !rotate_token(c, worker, quiet, e))
		return false;
	swarm = client_get(c->client, "/swarm", NULL, e);
	if (!swarm)
		return false;
	if (quiet) {
		printf("%s\n",
		       field_text(swarm, worker ? "JoinTokens.Worker" : "JoinTokens.Manager"));
		return true;
	}
	info = client_get(c->client, "/info", NULL, e);
	return info && print_join_command(c, field_text(info, "Swarm.NodeID"), worker, !worker, e);
}

static bool swarm_unlock_key(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *key = NULL;

	if (args_bool(a, "rotate")) {
		AUTO_JSON json_t *swarm = client_get(c->client, "/swarm", NULL, e);

		if (!swarm)
			return false;
		if (!field_bool(swarm, "Spec.EncryptionConfig.AutoLockManagers"))
			return fail(e, ERR_CONFLICT,
				    "cannot rotate because autolock is not turned on");
		if (!swarm_post_update(c, swarm, "rotateManagerUnlockKey", e))
			return false;
		if (!args_bool(a, "quiet"))
			printf("Successfully rotated manager unlock key.\n\n");
	}
	key = unlock_key(c, e);
	if (!key)
		return false;
	if (!*key)
		return fail(e, ERR_NOT_FOUND, "no unlock key is set");
	if (args_bool(a, "quiet"))
		printf("%s\n", key);
	else
		print_unlock_command(key);
	return true;
}

/* A line from the terminal that is not shown, or the first line of standard input. */
static bool read_secret_line(const char *prompt, char *line, size_t size)
{
	struct termios was, silent;
	bool is_tty = tcgetattr(0, &was) == 0, ok;

	if (is_tty) {
		fprintf(stderr, "%s", prompt);
		silent = was;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(0, TCSAFLUSH, &silent);
	}
	ok = fgets(line, (int)size, stdin) != NULL;
	if (is_tty) {
		(void)tcsetattr(0, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	return ok;
}

static bool swarm_unlock(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_JSON json_t *info = client_get(c->client, "/info", NULL, e), *body = json_object();
	const char *state;
	char line[256];

	if (!info)
		return false;
	state = field_text(info, "Swarm.LocalNodeState");
	if (strcmp(state, "inactive") == 0)
		return fail(e, ERR_CONFLICT, "Error: This node is not part of a swarm");
	if (strcmp(state, "locked") != 0)
		return fail(e, ERR_CONFLICT, "Error: swarm is not locked");
	if (!read_secret_line("Enter unlock key: ", line, sizeof(line)))
		return fail(e, ERR_INVALID, "no key was given");
	line[strcspn(line, "\r\n")] = '\0';
	field_put_text(body, "UnlockKey", line);
	return client_post(c->client, "/swarm/unlock", NULL, body, NULL, e);
}

const struct command swarm_commands[] = {
	{ "swarm backup", NULL, "FILE", "write the swarm's state to a file, while it works",
	  "The file holds all keys and secrets of the swarm\n"
	  "$ shoal swarm backup /root/swarm.backup",
	  NULL, swarm_backup, 1, 1 },
	{ "swarm ca", NULL, NULL, "show the swarm's root certificate, or make a new one",
	  "$ shoal swarm ca\n"
	  "Every node gets a new certificate; containers keep running\n"
	  "$ shoal swarm ca --rotate",
	  swarm_ca_options, swarm_ca, 0, 0 },
	{ "swarm init", NULL, NULL, "begin a swarm with this node as its first manager",
	  "$ shoal swarm init\n"
	  "On a host with several addresses\n"
	  "$ shoal swarm init --advertise-addr 10.0.0.12\n"
	  "$ shoal swarm init --autolock",
	  init_options, swarm_init, 0, 0 },
	{ "swarm join", NULL, "HOST:PORT", "make this node part of a swarm",
	  "A manager prints this line: shoal swarm join-token worker\n"
	  "$ shoal swarm join --token SWMTKN-1-... 10.0.0.12:2377",
	  join_options, swarm_join, 1, 1 },
	{ "swarm join-token", NULL, "(worker|manager)",
	  "show or renew the token that lets nodes in",
	  "$ shoal swarm join-token worker\n"
	  "$ shoal swarm join-token -q manager\n"
	  "$ shoal swarm join-token --rotate worker",
	  token_options, swarm_join_token, 1, 1 },
	{ "swarm leave", NULL, NULL, "take this node out of the swarm",
	  "$ shoal swarm leave\n"
	  "The last manager takes the swarm with it\n"
	  "$ shoal swarm leave --force",
	  leave_options, swarm_leave, 0, 0 },
	{ "swarm restore", NULL, "FILE", "begin again with the state that a backup holds",
	  "On a node that is in no swarm, at any address\n"
	  "$ shoal swarm restore /root/swarm.backup\n"
	  "$ shoal swarm restore --advertise-addr 10.0.0.15 /root/swarm.backup",
	  swarm_restore_options, swarm_restore, 1, 1 },
	{ "swarm status", NULL, NULL,
	  "say whether the managers have a majority, and what one more "
	  "loss would mean",
	  "$ shoal swarm status\n"
	  "For scripts: 0 all is well, 2 something is amiss, 3 there is no majority\n"
	  "$ shoal swarm status > /dev/null; echo $?",
	  swarm_status_options, swarm_status, 0, 0 },
	{ "swarm unlock", NULL, NULL, "unlock a manager that waits for its key",
	  "$ shoal swarm unlock < key.txt", NULL, swarm_unlock, 0, 0 },
	{ "swarm unlock-key", NULL, NULL, "show or renew the key that unlocks managers",
	  "$ shoal swarm unlock-key -q", key_options, swarm_unlock_key, 0, 0 },
	{ "swarm update", NULL, NULL, "change settings of the swarm",
	  "$ shoal swarm update --autolock=true\n"
	  "$ shoal swarm update --task-history-limit 2",
	  setting_options, swarm_update, 0, 0 },
	{ 0 },
};
