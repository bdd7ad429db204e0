/* What shoal-machine is: its commands and options. */
#include "base/mem.h"
#include "console/complete.h"
#include "console/man.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "machine/external/external.h"
#include "machine/local/init.h"

static const struct option options[] = {
	{ 'D', "debug", OPT_BOOL, "say more on standard error", .env = "MACHINE_DEBUG" },
	{ 's', "storage-path", OPT_TEXT, "folder of the store, if not ~/.shoal/machine",
	  .word = "folder", .env = "MACHINE_STORAGE_PATH" },
	{ 0, "tls-ca-cert", OPT_TEXT, "the CA's certificate, if not certs/ca.pem of the store",
	  .word = "file", .env = "MACHINE_TLS_CA_CERT" },
	{ 0, "tls-ca-key", OPT_TEXT, "the CA's key, if not certs/ca-key.pem", .word = "file",
	  .env = "MACHINE_TLS_CA_KEY" },
	{ 0, "tls-client-cert", OPT_TEXT, "our own certificate, if not certs/cert.pem",
	  .word = "file", .env = "MACHINE_TLS_CLIENT_CERT" },
	{ 0, "tls-client-key", OPT_TEXT, "our own key, if not certs/key.pem", .word = "file",
	  .env = "MACHINE_TLS_CLIENT_KEY" },
	{ 'v', "version", OPT_BOOL, "print the version and end" },
	/* Docker Machine's, for scripts that give them; here nothing depends on them. */
	{ 0, "bugsnag-api-token", OPT_TEXT, "", .flags = OPTION_HIDDEN },
	{ 0, "github-api-token", OPT_TEXT, "", .flags = OPTION_HIDDEN },
	{ 0, "native-ssh", OPT_BOOL, "", .flags = OPTION_HIDDEN },
	{ 0 },
};

static const struct option create_options[] = {
	{ 'd', "driver", OPT_TEXT, "where the host comes from", .fallback = "local",
	  .choices = "local amazonec2 generic none", .env = "MACHINE_DRIVER" },
	{ 'n', "count", OPT_UINT, "make so many hosts: NAME-01, NAME-02, ..." },
	{ 0, "engine", OPT_TEXT, "what to install on hosts that are reached by SSH: shoal or none",
	  .fallback = "shoal", .choices = "shoal none", .env = "SHOAL_ENGINE" },
	{ 0, "engine-env", OPT_LIST, "environment of the engine, NAME=VALUE" },
	{ 0, "engine-insecure-registry", OPT_LIST, "registry that may be spoken to without TLS" },
	{ 0, "engine-label", OPT_LIST, "label of the engine, NAME=VALUE" },
	{ 0, "engine-opt", OPT_LIST, "any option of the engine, name=value" },
	{ 0, "engine-registry-mirror", OPT_LIST, "mirror to ask first",
	  .env = "ENGINE_REGISTRY_MIRROR" },
	{ 0, "engine-storage-driver", OPT_TEXT, "storage driver of the engine" },
	{ 0, "engine-tree", OPT_TEXT, "archive of the engine for hosts that are reached by SSH",
	  .word = "file", .env = "SHOAL_ENGINE_TREE" },
	{ 0, "tls-san", OPT_LIST, "another name that the engine's certificate is for" },
	{ 0, "dry-run", OPT_BOOL, "only tell what would be done, what it needs and what it costs" },
	{ .kind = OPT_ALSO, .also = ec2_options },
	{ .kind = OPT_ALSO, .also = generic_options },
	{ .kind = OPT_ALSO, .also = external_options },
	{ .kind = OPT_ALSO, .also = none_options },
	{ 0 },
};

static const struct option env_options[] = {
	{ 0, "no-proxy", OPT_BOOL, "add the machine's address to NO_PROXY" },
	{ 0, "shell", OPT_TEXT, "whose words to print; else it is guessed from SHELL",
	  .choices = "bash fish powershell cmd tcsh emacs" },
	{ 'u', "unset", OPT_BOOL, "unset the variables" },
	{ 0 },
};

static const struct option ls_options[] = {
	{ 0, "filter", OPT_FILTER, "only machines that fit: driver=, state=, name=, label=" },
	{ 'f', "format", OPT_TEXT, "table, json, table TEMPLATE or a Go template" },
	{ 'q', "quiet", OPT_BOOL, "only names" },
	{ 't', "timeout", OPT_UINT, "seconds to wait for each engine", .fallback = "10" },
	{ 0 },
};

static const struct option active_options[] = {
	{ 't', "timeout", OPT_UINT, "seconds to wait", .fallback = "10" },
	{ 0 },
};

static const struct option inspect_options[] = {
	{ 'f', "format", OPT_TEXT, "json or a Go template" },
	{ 0 },
};

static const struct option mount_options[] = {
	{ 'u', "unmount", OPT_BOOL, "take it away again" },
	{ 0 },
};

static const struct option scp_options[] = {
	{ 'd', "delta", OPT_BOOL, "send only what differs" },
	{ 'q', "quiet", OPT_BOOL, "no progress" },
	{ 'r', "recursive", OPT_BOOL, "whole folders" },
	{ 0 },
};

static const struct option rm_options[] = {
	{ 'f', "force", OPT_BOOL, "forget the machine even if the host cannot be removed" },
	{ 'y', "yes", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option certs_options[] = {
	{ 0, "client-certs", OPT_BOOL,
	  "also the CA and our own certificate, if missing or expired" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option gc_options[] = {
	{ 0, "all-stores", OPT_BOOL, "also what other stores have tagged: other people's, too" },
	{ 'y', "yes", OPT_BOOL, "do not ask" },
	{ .kind = OPT_ALSO, .also = ec2_account_options },
	{ 0 },
};

static bool run_init(struct cli *c, const struct args *a, struct err *e)
{
	c->status = host_init(a->words[0]);
	return true;
}

static const struct command commands[] = {
	{ "active", NULL, NULL, "print the machine that DOCKER_HOST points at",
	  "$ shoal machine active", active_options, machine_active, 0, 0 },
	{ "config", NULL, "[NAME]", "print the options with which a client reaches a machine",
	  "$ docker $(shoal machine config node-01) ps", NULL, machine_config, 0, 1, 0,
	  NAMES_MACHINES },
	{ "connect", NULL, "NAME [NAME...]", "plug the cable of a machine in again",
	  "$ shoal machine connect node-02", NULL, machine_connect, 0, -1, 0, NAMES_MACHINES },
	{ "create", NULL, "NAME", "make a host with an engine",
	  "$ shoal machine create --driver local node-01\n$ shoal machine create -n 4 node",
	  create_options, machine_create, 0, -1 },
	{ "disconnect", NULL, "NAME [NAME...]", "cut a machine off: drop all its packets",
	  "$ shoal machine disconnect node-02", NULL, machine_disconnect, 0, -1, 0,
	  NAMES_MACHINES },
	{ "env", NULL, "[NAME]", "print what points the clients of this shell at a machine",
	  "$ eval $(shoal machine env node-01)\n$ eval $(shoal machine env -u)", env_options,
	  machine_env, 0, 1, 0, NAMES_MACHINES },
	{ "gc", NULL, NULL, "remove what was made on AWS and no machine here knows",
	  "$ shoal machine gc --amazonec2-region eu-west-2", gc_options, machine_gc, 0, 0 },
	{ "import", NULL, "FOLDER [NAME...]",
	  "take over machines of another store, or of Docker Machine's",
	  "$ shoal machine import ~/.docker/machine", NULL, machine_import, 1, -1 },
	{ "inspect", NULL, "[NAME]", "show all that is known of a machine",
	  "$ shoal machine inspect node-01\n"
	  "$ shoal machine inspect -f '{{.Driver.IPAddress}}' node-01",
	  inspect_options, machine_inspect, 0, 1, 0, NAMES_MACHINES },
	{ "ip", NULL, "[NAME...]", "print addresses", "$ shoal machine ip node-01", NULL,
	  machine_ip, 0, -1, 0, NAMES_MACHINES },
	{ "kill", NULL, "[NAME...]", "stop machines at once, as if the power failed",
	  "$ shoal machine kill node-01", NULL, machine_kill, 0, -1, 0, NAMES_MACHINES },
	{ "ls", NULL, NULL, "list machines",
	  "$ shoal machine ls\n$ shoal machine ls --filter state=Running -f '{{.Name}} {{.URL}}'",
	  ls_options, machine_ls, 0, 0 },
	{ "mount", NULL, "NAME:PATH [FOLDER]", "show a folder of a machine here",
	  "$ shoal machine mount node-01:/data /mnt", mount_options, machine_mount, 1, 2 },
	{ "provision", NULL, "[NAME...]", "bring certificates and options to a machine again",
	  "$ shoal machine provision node-01", NULL, machine_provision, 0, -1, 0, NAMES_MACHINES },
	{ "regenerate-certs", NULL, "[NAME...]", "make a machine's certificate anew",
	  "$ shoal machine regenerate-certs node-01", certs_options, machine_regenerate_certs, 0,
	  -1, 0, NAMES_MACHINES },
	{ "restart", NULL, "[NAME...]", "stop machines and start them again",
	  "$ shoal machine restart node-01", NULL, machine_restart, 0, -1, 0, NAMES_MACHINES },
	{ "rm", NULL, "NAME [NAME...]", "remove machines: the host and what we know of it",
	  "$ shoal machine rm -y node-01 node-02", rm_options, machine_rm, 0, -1, 0,
	  NAMES_MACHINES },
	{ "scp", NULL, "[NAME:]PATH [NAME:]PATH", "copy files from or to a machine",
	  "$ shoal machine scp node-01:/etc/hostname .", scp_options, machine_scp, 0, -1, 0,
	  NAMES_FILES },
	{ "ssh", NULL, "[NAME] [COMMAND...]", "run a command on a machine, or a shell",
	  "$ shoal machine ssh node-01\n$ shoal machine ssh node-01 shoal ps", NULL, machine_ssh, 0,
	  -1, COMMAND_STOPS, NAMES_MACHINES },
	{ "start", NULL, "[NAME...]", "start machines", "$ shoal machine start node-01", NULL,
	  machine_start, 0, -1, 0, NAMES_MACHINES },
	{ "status", NULL, "[NAME]", "print the state of a machine",
	  "$ shoal machine status node-01", NULL, machine_status, 0, 1, 0, NAMES_MACHINES },
	{ "stop", NULL, "[NAME...]", "shut machines down", "$ shoal machine stop node-01", NULL,
	  machine_stop, 0, -1, 0, NAMES_MACHINES },
	{ "upgrade", NULL, "[NAME...]", "bring the engine of machines to the newest version",
	  "$ shoal machine upgrade node-01", NULL, machine_upgrade, 0, -1, 0, NAMES_MACHINES },
	{ "url", NULL, "[NAME]", "print where the engine of a machine listens",
	  "$ shoal machine url node-01", NULL, machine_url_command, 0, 1, 0, NAMES_MACHINES },
	{ "version", NULL, "[NAME]", "print our version, or that of a machine's engine",
	  "$ shoal machine version node-01", NULL, machine_version, 0, 1, 0, NAMES_MACHINES },
	{ "completion", NULL, "bash|zsh|fish", "print what makes a shell complete our words", NULL,
	  NULL, complete_script, 1, 1, COMMAND_HIDDEN },
	{ "man", NULL, "DIR", "write the manual pages to a folder", NULL, NULL, man_write, 1, 1,
	  COMMAND_HIDDEN },
	{ "__complete", NULL, "WORD...", "print what can follow", NULL, NULL, complete_words, 0, -1,
	  COMMAND_STOPS | COMMAND_HIDDEN },
	{ INIT_COMMAND, NULL, "ID", "be the first process of a local host", NULL, NULL, run_init, 1,
	  1, COMMAND_HIDDEN },
	{ 0 },
};

static const struct command_group groups[] = {
	{ NULL, NULL, false, commands },
	{ 0 },
};

static void add_names(struct cli *c, enum names names, const char *begun, struct buf *out)
{
	size_t count;
	char **machines;

	if (names != NAMES_MACHINES || !c)
		return;
	machines = store_names(&c->store, &count);
	for (size_t i = 0; i < count; i++)
		complete_add(out, machines[i], begun);
	names_free(machines, count);
}

static bool run(struct cli *c, const struct command *cmd, const char *name, const struct args *a,
		int *status, struct err *e)
{
	if (!cmd->run(c, a, e))
		return false;
	*status = c->status;
	return true;
}

struct program program = {
	.name = "shoal machine",
	.summary = "create and manage machines running an engine",
	.usage = "[OPTIONS] COMMAND [ARG...]",
	.version = SHOAL_VERSION,
	.environment =
		".TP\n.B MACHINE_STORAGE_PATH\nfolder of the store\n.TP\n.B MACHINE_DRIVER\n"
		"driver of create\n.TP\n.B ENGINE_REGISTRY_MIRROR\nmirrors, parted by commas\n",
	.exit_status = "0 when all went well, 1 when something failed, 2 when options make no "
		       "sense, 3 when\n"
		       "create could not begin; ssh gives the command's own code.\n",
	.usage_status = STATUS_USAGE,
	.groups = groups,
	.options = options,
	.run = run,
	.add_names = add_names,
};
