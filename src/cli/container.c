/* The commands of containers. */
#include "cli/container.h"

#include "cli/container_control.h"
#include "cli/list_options.h"
#include "cli/program.h"

#define OPTION_DETACH_KEYS                                                                         \
	{                                                                                          \
		0, "detach-keys", OPT_TEXT, "keys that detach: ctrl-p,ctrl-q"                      \
	}
#define OPTION_SIG_PROXY                                                                           \
	{                                                                                          \
		0, "sig-proxy", OPT_BOOL, "pass signals on to the process", .fallback = "true"     \
	}
#define OPTION_CHANGE                                                                              \
	{                                                                                          \
		'c', "change", OPT_LIST, "change the image's settings: 'CMD [\"sh\"]'"             \
	}

static const struct option list_options[] = {
	{ 'a', "all", OPT_BOOL, "show stopped containers too" },
	OPTION_FILTER,
	OPTION_FORMAT,
	{ 'n', "last", OPT_INT, "show the last so many created, in any state", .fallback = "-1" },
	{ 'l', "latest", OPT_BOOL, "show the last created, in any state" },
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	{ 's', "size", OPT_BOOL, "show the size of their files" },
	{ 0 },
};

static const struct option attach_options[] = {
	OPTION_DETACH_KEYS,
	{ 0, "no-stdin", OPT_BOOL, "do not send standard input" },
	OPTION_SIG_PROXY,
	{ 0 },
};

static const struct option commit_options[] = {
	{ 'a', "author", OPT_TEXT, "who made it" },
	OPTION_CHANGE,
	{ 'm', "message", OPT_TEXT, "what it is" },
	{ 'p', "pause", OPT_BOOL, "pause the container meanwhile", .fallback = "true" },
	{ 0 },
};

static const struct option copy_options[] = {
	{ 'a', "archive", OPT_BOOL, "keep owners" },
	{ 'L', "follow-link", OPT_BOOL, "copy what links lead to" },
	{ 'q', "quiet", OPT_BOOL, "show no progress" },
	{ 0 },
};

static const struct option exec_options[] = {
	{ 'd', "detach", OPT_BOOL, "run in the background" },
	OPTION_DETACH_KEYS,
	{ 'e', "env", OPT_LIST, "an environment variable: NAME=VALUE" },
	{ 0, "env-file", OPT_LIST, "a file of environment variables" },
	{ 'i', "interactive", OPT_BOOL, "keep standard input open" },
	{ 0, "privileged", OPT_BOOL, "all privileges" },
	{ 't', "tty", OPT_BOOL, "give it a terminal" },
	{ 'u', "user", OPT_TEXT, "who runs it: NAME or UID[:GROUP or GID]" },
	{ 'w', "workdir", OPT_TEXT, "working directory" },
	{ 0 },
};

static const struct option output_options[] = {
	{ 'o', "output", OPT_TEXT, "write to this file, not to standard output" },
	{ 0 },
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 's', "size", OPT_BOOL, "show the size of its files" },
	{ 0 },
};

static const struct option kill_options[] = {
	{ 's', "signal", OPT_TEXT, "signal to send, KILL if not given" },
	{ 0 },
};

static const struct option logs_options[] = {
	{ 0, "details", OPT_BOOL, "show what the log driver adds to each line" },
	{ 'f', "follow", OPT_BOOL, "go on with what comes" },
	{ 0, "since", OPT_TEXT,
	  "from when on: 2026-01-31T15:04:05Z, or 10m for the last ten minutes" },
	{ 'n', "tail", OPT_TEXT, "lines to show from the end", .fallback = "all" },
	{ 't', "timestamps", OPT_BOOL, "show when each line was written" },
	{ 0, "until", OPT_TEXT, "until when: a time, or 10m for what is older than ten minutes" },
	{ 0 },
};

static const struct option prune_options[] = {
	{ 0, "filter", OPT_FILTER, "remove only what fits: until=TIME, label=NAME" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "kill it if it runs" },
	{ 'l', "link", OPT_BOOL, "remove a link" },
	{ 'v', "volumes", OPT_BOOL, "remove its anonymous volumes too" },
	{ 0 },
};

static const struct option start_options[] = {
	{ 'a', "attach", OPT_BOOL, "show its output and pass signals on" },
	OPTION_DETACH_KEYS,
	{ 'i', "interactive", OPT_BOOL, "send it standard input" },
	OPTION_ABSENT("checkpoint", OPT_TEXT, "checkpoints are not taken"),
	OPTION_ABSENT("checkpoint-dir", OPT_TEXT, "checkpoints are not taken"),
	{ 0 },
};

static const struct option stats_options[] = {
	{ 'a', "all", OPT_BOOL, "show stopped containers too" },
	OPTION_FORMAT,
	{ 0, "no-stream", OPT_BOOL, "show once" },
	OPTION_NO_TRUNC,
	{ 0 },
};

static const struct option stop_options[] = {
	{ 's', "signal", OPT_TEXT, "signal to send first" },
	{ 't', "timeout", OPT_INT, "seconds until it is killed" },
	{ 0, "time", OPT_INT, "the same", .flags = OPTION_HIDDEN },
	{ 0 },
};

const struct command container_commands[] = {
	{ "container attach", "attach", "CONTAINER", "connect to a container's output and input",
	  "$ shoal attach web1\n$ shoal attach --no-stdin web1", attach_options, container_attach,
	  1, 1, 0, NAMES_CONTAINERS },
	{ "container commit", "commit", "CONTAINER [REPOSITORY[:TAG]]",
	  "make an image of a container", "$ shoal commit -m 'with curl' web1 me/web:curl",
	  commit_options, container_commit, 1, 2, 0, NAMES_CONTAINERS },
	{ "container cp", "cp", "CONTAINER:SRC_PATH DEST_PATH|-\nSRC_PATH|- CONTAINER:DEST_PATH",
	  "copy files to or from a container",
	  "$ shoal cp web1:/etc/nginx/nginx.conf .\n$ shoal cp site web1:/usr/share/nginx/html",
	  copy_options, container_copy, 2, 2, 0, NAMES_CONTAINERS },
	{ "container create", "create", "IMAGE [COMMAND] [ARG...]",
	  "make a container, do not start it", "$ shoal create --name web1 -p 8080:80 nginx",
	  container_create_options, container_create, 1, -1, COMMAND_STOPS | COMMAND_RUNS,
	  NAMES_IMAGES },
	{ "container diff", "diff", "CONTAINER", "show what changed in a container's files",
	  "$ shoal diff web1", NULL, container_diff, 1, 1, 0, NAMES_CONTAINERS },
	{ "container exec", "exec", "CONTAINER COMMAND [ARG...]",
	  "run a command in a container that runs",
	  "$ shoal exec -it web1 sh\n$ shoal exec -u root web1 apk add curl", exec_options,
	  container_exec, 2, -1, COMMAND_STOPS | COMMAND_COMMON, NAMES_CONTAINERS },
	{ "container export", "export", "CONTAINER", "write a container's files as tar",
	  "$ shoal export -o web1.tar web1", output_options, container_export, 1, 1, 0,
	  NAMES_CONTAINERS },
	{ "container inspect", NULL, "CONTAINER [CONTAINER...]",
	  "show all that is known of containers",
	  "$ shoal container inspect -f '{{.State.Status}}' web1", inspect_options,
	  container_inspect, 1, -1, 0, NAMES_CONTAINERS },
	{ "container kill", "kill", "CONTAINER [CONTAINER...]", "send a signal to containers",
	  "$ shoal kill web1\n$ shoal kill -s HUP web1", kill_options, container_kill, 1, -1, 0,
	  NAMES_CONTAINERS },
	{ "container logs", "logs", "CONTAINER", "show a container's output",
	  "$ shoal logs -f --tail 20 web1\n$ shoal logs --since 10m -t web1", logs_options,
	  container_logs, 1, 1, 0, NAMES_CONTAINERS },
	{ "container ls", "container list, container ps, ps", NULL, "list containers",
	  "$ shoal ps -a\n"
	  "The names of those that ended\n"
	  "$ shoal ps -a --filter status=exited --format '{{.Names}}'\n"
	  "$ shoal ps --format 'table {{.ID}}\\t{{.Names}}\\t{{.Status}}'",
	  list_options, container_list, 0, 0, COMMAND_COMMON },
	{ "container pause", "pause", "CONTAINER [CONTAINER...]", "stop containers where they are",
	  "$ shoal pause web1", NULL, container_pause, 1, -1, 0, NAMES_CONTAINERS },
	{ "container port", "port", "CONTAINER [PRIVATE_PORT[/PROTO]]",
	  "show where a container's ports are published",
	  "$ shoal port web1\n$ shoal port web1 80/tcp", NULL, container_port, 1, 2, 0,
	  NAMES_CONTAINERS },
	{ "container prune", NULL, NULL, "remove all stopped containers",
	  "$ shoal container prune --filter until=24h", prune_options, container_prune, 0, 0 },
	{ "container rename", "rename", "CONTAINER NEW_NAME", "give a container another name",
	  "$ shoal rename web1 web-old", NULL, container_rename, 2, 2, 0, NAMES_CONTAINERS },
	{ "container restart", "restart", "CONTAINER [CONTAINER...]",
	  "stop containers and start them again", "$ shoal restart -t 30 web1", stop_options,
	  container_stop, 1, -1, 0, NAMES_CONTAINERS },
	{ "container rm", "container remove, rm", "CONTAINER [CONTAINER...]", "remove containers",
	  "$ shoal rm web1\n$ shoal rm -fv web1 web2", remove_options, container_remove, 1, -1, 0,
	  NAMES_CONTAINERS },
	{ "container run", "run", "IMAGE [COMMAND] [ARG...]",
	  "make a container of an image and start it",
	  "$ shoal run --rm -it alpine sh\n"
	  "$ shoal run -d --name web1 -p 8080:80 --restart unless-stopped nginx\n"
	  "$ shoal run --rm -v \"$PWD\":/src -w /src gcc:13 make",
	  container_run_options, container_run, 1, -1,
	  COMMAND_STOPS | COMMAND_RUNS | COMMAND_COMMON, NAMES_IMAGES },
	{ "container start", "start", "CONTAINER [CONTAINER...]", "start stopped containers",
	  "$ shoal start web1\n$ shoal start -ai shell1", start_options, container_start, 1, -1, 0,
	  NAMES_CONTAINERS },
	{ "container stats", "stats", "[CONTAINER...]", "show what containers use",
	  "$ shoal stats\n$ shoal stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
	  stats_options, container_stats, 0, -1, 0, NAMES_CONTAINERS },
	{ "container stop", "stop", "CONTAINER [CONTAINER...]", "stop containers",
	  "$ shoal stop -t 30 web1", stop_options, container_stop, 1, -1, 0, NAMES_CONTAINERS },
	{ "container top", "top", "CONTAINER [ps OPTIONS]", "show the processes of a container",
	  "$ shoal top web1\n$ shoal top web1 -eo pid,rss,args", NULL, container_top, 1, -1,
	  COMMAND_STOPS, NAMES_CONTAINERS },
	{ "container unpause", "unpause", "CONTAINER [CONTAINER...]", "let paused containers go on",
	  "$ shoal unpause web1", NULL, container_pause, 1, -1, 0, NAMES_CONTAINERS },
	{ "container update", "update", "CONTAINER [CONTAINER...]", "change limits of containers",
	  "$ shoal update --memory 512m --memory-swap 1g web1", container_update_options,
	  container_update, 1, -1, 0, NAMES_CONTAINERS },
	{ "container wait", "wait", "CONTAINER [CONTAINER...]",
	  "wait until containers end and print their exit codes", "$ shoal wait job1", NULL,
	  container_wait, 1, -1, 0, NAMES_CONTAINERS },
	{ 0 },
};
