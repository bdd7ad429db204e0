/* The commands of services. */
#include "cli/service.h"

#include "base/mem.h"
#include "template/field.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "cli/program.h"
#include "cli/service_options.h"
#include "cli/task.h"

static const struct option list_options[] = {
	OPTION_FILTER, OPTION_FORMAT, OPTION_QUIET_IDS, { 0 }
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 0, "pretty", OPT_BOOL, "print for people" },
	{ 0 },
};

static const struct option wait_options[] = {
	{ 'd', "detach", OPT_BOOL, "do not wait until the tasks run" },
	{ 'q', "quiet", OPT_BOOL, "show no progress" },
	{ 0 },
};

static const struct option scale_options[] = {
	{ 'd', "detach", OPT_BOOL, "do not wait until the tasks run" },
	{ 0 },
};

json_t *service_fetch(struct cli *c, const char *reference, bool defaults, struct err *e)
{
	AUTO_FREE char *path = path_of("/services/%s", reference);
	AUTO_QUERY struct query q = QUERY;

	query_add(&q, "insertDefaults", defaults ? "true" : "false");
	return client_get(c->client, path, &q, e);
}

static bool no_such_service(const char *word, struct err *e)
{
	return e->kind == ERR_NOT_FOUND ? fail(e, ERR_NOT_FOUND, "Error: no such service: %s", word)
					: false;
}

static bool fetch_text(struct cli *c, const struct args *a, const char *word, struct buf *text,
		       struct err *e)
{
	AUTO_FREE char *path = path_of("/services/%s", word);
	AUTO_QUERY struct query q = QUERY;

	query_add(&q, "insertDefaults", "true");
	return client_get_text(c->client, path, &q, text, e) || no_such_service(word, e);
}

static bool show_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_JSON json_t *service = service_fetch(c, word, true, e);

	return service ? service_show(c, service, e) : no_such_service(word, e);
}

static bool service_inspect(struct cli *c, const struct args *a, struct err *e)
{
	if (!args_bool(a, "pretty"))
		return inspect_print(c, a, fetch_text, e);
	if (args_has(a, "format"))
		return fail(e, ERR_INVALID, "--format is incompatible with human friendly format");
	cli_each(c, a, false, show_one);
	return true;
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = path_of("/services/%s", word);

	return client_delete(c->client, path, NULL, NULL, e);
}

static bool service_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, true, remove_one);
	return true;
}

const struct command service_commands[] = {
	{ "service create", NULL, "IMAGE [COMMAND] [ARG...]", "make a service",
	  "Three web servers behind one port of every node\n"
	  "$ shoal service create --name web --replicas 3 -p 80:80 nginx\n"
	  "One task on every node, with a folder of the node\n"
	  "$ shoal service create --name agent --mode global --mount "
	  "type=bind,src=/var/log,dst=/logs alpine\n"
	  "$ shoal service create --name db --secret db_password --network backend "
	  "--constraint node.labels.disk==ssd postgres",
	  service_create_options, service_create, 1, -1, COMMAND_STOPS, NAMES_IMAGES },
	{ "service inspect", NULL, "SERVICE [SERVICE...]", "show all that is known of services",
	  "$ shoal service inspect --pretty web\n"
	  "$ shoal service inspect -f '{{json .Endpoint.VirtualIPs}}' web",
	  inspect_options, service_inspect, 1, -1, 0, NAMES_SERVICES },
	{ "service logs", NULL, "SERVICE|TASK", "show the output of a service's tasks",
	  "$ shoal service logs -f --tail 20 web\n"
	  "$ shoal service logs --since 10m -t web",
	  service_logs_options, service_logs, 1, 1, 0, NAMES_SERVICES },
	{ "service ls", "service list", NULL, "list services",
	  "$ shoal service ls\n"
	  "$ shoal service ls --filter name=web --format '{{.Replicas}}'",
	  list_options, service_list, 0, 0 },
	{ "service ps", NULL, "SERVICE [SERVICE...]", "list the tasks of services",
	  "$ shoal service ps web\n"
	  "Why did it fail?\n"
	  "$ shoal service ps --no-trunc --filter desired-state=shutdown web",
	  task_list_options, service_tasks, 1, -1, 0, NAMES_SERVICES },
	{ "service rm", "service remove", "SERVICE [SERVICE...]", "remove services",
	  "$ shoal service rm web", NULL, service_remove, 1, -1, 0, NAMES_SERVICES },
	{ "service rollback", NULL, "SERVICE",
	  "go back to what a service was before its last update", "$ shoal service rollback web",
	  wait_options, service_rollback, 1, 1, 0, NAMES_SERVICES },
	{ "service scale", NULL, "SERVICE=REPLICAS [SERVICE=REPLICAS...]",
	  "change the number of tasks", "$ shoal service scale web=5 worker=10", scale_options,
	  service_scale, 1, -1, 0, NAMES_SERVICES },
	{ "service update", NULL, "SERVICE", "change a service",
	  "$ shoal service update --image nginx:1.27 web\n"
	  "Two tasks at a time, and back if more than a tenth fails\n"
	  "$ shoal service update --update-parallelism 2 --update-failure-action rollback "
	  "--update-max-failure-ratio 0.1 --image nginx:1.27 web\n"
	  "Start all tasks anew\n"
	  "$ shoal service update --force web",
	  service_update_options, service_update, 1, 1, 0, NAMES_SERVICES },
	{ 0 },
};
