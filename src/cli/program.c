/* What shoal is: its commands, its options, and where names come from. */
#include "cli/program.h"

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/machine.h"
#include "console/complete.h"
#include "template/field.h"

#define QUERY_NAMES_MAX 1000

static const struct command_group groups[] = {
	{ "swarm", "manage the swarm this node is in", true, swarm_commands },
	{ "node", "manage the nodes of the swarm", true, node_commands },
	{ "service", "manage services of the swarm", true, service_commands },
	{ "secret", "manage secrets of the swarm", true, secret_commands },
	{ "config", "manage configs of the swarm", true, config_commands },
	{ "container", "manage containers", false, container_commands },
	{ "context", "name engines and choose among them", false, context_commands },
	{ "image", "manage images", false, image_commands },
	{ "network", "manage networks", false, network_commands },
	{ "volume", "manage volumes", false, volume_commands },
	{ "system", "manage the engine", false, system_commands },
	{ NULL, NULL, false, short_commands },
	{ 0 },
};

#define BUILD   "images are built elsewhere: load or pull them"
#define PLUGINS "there are no plugins"
#define TRUST   "signatures of images are not looked at: name an image by its digest"

static const struct absent_command absent[] = {
	{ "bake", BUILD },
	{ "build", BUILD },
	{ "builder", BUILD },
	{ "buildx", BUILD },
	{ "checkpoint", "checkpoints are not taken" },
	{ "compose", "services are described one by one: shoal service create" },
	{ "context export", "copy the folder ~/.docker/contexts" },
	{ "context import", "copy the folder ~/.docker/contexts" },
	{ "image build", BUILD },
	{ "manifest", "a tool for registries makes manifest lists" },
	{ "plugin", PLUGINS },
	{ "search", "the search of Docker Hub is on its pages" },
	{ "stack", "services are described one by one: shoal service create" },
	{ "trust", TRUST },
	{ "volume update", "cluster volumes are not available" },
	{ 0 },
};

static const struct option options[] = {
	{ 0, "config", OPT_TEXT, "folder of the client's settings", .word = "folder" },
	{ 'c', "context", OPT_TEXT, "the context to use (shoal context ls)" },
	{ 'D', "debug", OPT_BOOL, "say more on standard error" },
	{ 'H', "host", OPT_TEXT, "the daemon to talk to: unix://PATH or tcp://HOST:PORT" },
	{ 'l', "log-level", OPT_TEXT, "least level of messages to show", .fallback = "info",
	  .choices = "debug info warn error fatal" },
	{ 0, "tls", OPT_BOOL, "use TLS without checking who answers" },
	{ 0, "tlscacert", OPT_TEXT, "trust only certificates signed by this CA", .word = "file" },
	{ 0, "tlscert", OPT_TEXT, "our TLS certificate", .word = "file" },
	{ 0, "tlskey", OPT_TEXT, "the key of our TLS certificate", .word = "file" },
	{ 0, "tlsverify", OPT_BOOL, "use TLS and check who answers" },
	{ 'v', "version", OPT_BOOL, "print the version and end" },
	{ 0 },
};

/* Where the names of a kind are asked for, and where in the answer they are. */
static const struct {
	enum names names;
	const char *path, *list, *name;
} sources[] = {
	{ NAMES_CONTAINERS, "/containers/json?all=1", "", "Names" },
	{ NAMES_IMAGES, "/images/json", "", "RepoTags" },
	{ NAMES_NETWORKS, "/networks", "", "Name" },
	{ NAMES_VOLUMES, "/volumes", "Volumes", "Name" },
	{ NAMES_SERVICES, "/services", "", "Spec.Name" },
	{ NAMES_NODES, "/nodes", "", "Description.Hostname" },
	{ NAMES_SECRETS, "/secrets", "", "Spec.Name" },
	{ NAMES_CONFIGS, "/configs", "", "Spec.Name" },
};

static void add_value(const json_t *value, const char *begun, struct buf *out)
{
	if (json_is_string(value)) {
		const char *text = json_string_value(value);

		complete_add(out, text + (*text == '/'), begun);
	}
	for (size_t i = 0; i < json_array_size(value); i++)
		add_value(json_array_get(value, i), begun, out);
}

static void add_names(struct cli *c, enum names names, const char *begun, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		AUTO_JSON json_t *answer = NULL;
		const json_t *list;
		struct err ignored;

		if (sources[i].names != names)
			continue;
		answer = client_get(c->client, sources[i].path, NULL, &ignored);
		list = field_at(answer, sources[i].list);
		for (size_t j = 0; j < json_array_size(list) && j < QUERY_NAMES_MAX; j++)
			add_value(field_at(json_array_get(list, j), sources[i].name), begun, out);
		if (names == NAMES_NODES)
			complete_add(out, "self", begun);
	}
}

static bool run(struct cli *c, const struct command *cmd, const char *name, const struct args *a,
		int *status, struct err *e)
{
	c->command = cmd;
	c->command_name = name;
	if (!cmd->run(c, a, e))
		return false;
	*status = c->status;
	return true;
}

struct program program = {
	.name = "shoal",
	.summary = "containers on one host or on a swarm of them",
	.usage = "[OPTIONS] COMMAND",
	.version = SHOAL_VERSION,
	.environment =
		".TP\n.B SHOAL_HOST, DOCKER_HOST\nthe daemon to talk to\n.TP\n"
		".B DOCKER_CONTEXT\nthe context to use, unless the daemon is named\n.TP\n"
		".B DOCKER_TLS_VERIFY\nuse TLS and check who answers\n.TP\n.B DOCKER_CERT_PATH\n"
		"folder of ca.pem, cert.pem and key.pem\n.TP\n.B DOCKER_CONFIG\n"
		"folder of the client's settings\n",
	.exit_status =
		"0 when all went well, 1 when something failed, 125 when options make no sense;\n"
		"run gives the container's own code, or 125, 126, 127 when it could not be run.\n",
	.usage_status = 125,
	.groups = groups,
	.absent = absent,
	.options = options,
	.run = run,
	.add_names = add_names,
	.add_words = machine_complete,
};
