/* The commands of the engine as a whole, and those that are of no noun. */
#include "cli/system.h"

#include "cli/auth.h"
#include "console/complete.h"
#include "cli/list_options.h"
#include "cli/machine.h"
#include "console/man.h"
#include "cli/program.h"
#include "cli/prune.h"

static const struct option format_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 0 },
};

static const struct option usage_options[] = {
	OPTION_FORMAT,
	{ 'v', "verbose", OPT_BOOL, "show each thing" },
	{ 0 },
};

static const struct option events_options[] = {
	OPTION_FILTER,
	OPTION_FORMAT,
	{ 0, "since", OPT_TEXT, "from when on: a time, or 10m for the last ten minutes" },
	{ 0, "until", OPT_TEXT, "until when" },
	{ 0 },
};

static const struct option prune_options[] = {
	{ 'a', "all", OPT_BOOL, "remove all images that no container uses" },
	{ 0, "filter", OPT_FILTER, "remove only what fits: until=TIME, label=NAME" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0, "volumes", OPT_BOOL, "remove anonymous volumes too" },
	{ 0 },
};

static const struct option inspect_options[] = {
	OPTION_INSPECT_FORMAT,
	{ 's', "size", OPT_BOOL, "show the size of a container's files" },
	{ 0, "type", OPT_TEXT, "look among these only",
	  .choices = "config container image network node plugin secret service task volume" },
	{ 0 },
};

static const struct option login_options[] = {
	{ 'p', "password", OPT_TEXT, "password; others can see it, prefer --password-stdin" },
	{ 0, "password-stdin", OPT_BOOL, "read the password from standard input" },
	{ 'u', "username", OPT_TEXT, "user" },
	{ 0 },
};

const struct command system_commands[] = {
	{ "system df", NULL, NULL, "show what lies on disk", "$ shoal system df -v", usage_options,
	  system_usage, 0, 0 },
	{ "system events", "events", NULL, "show what happens",
	  "$ shoal events --filter type=container --since 10m\n"
	  "$ shoal events --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'",
	  events_options, system_events, 0, 0 },
	{ "system info", "info", NULL, "show what the engine is and has",
	  "$ shoal info\n$ shoal info --format '{{.Swarm.NodeID}}'", format_options, system_info, 0,
	  0, COMMAND_COMMON },
	{ "system prune", NULL, NULL, "remove what nothing uses",
	  "$ shoal system prune -a --volumes", prune_options, system_prune, 0, 0 },
	{ 0 },
};

const struct command short_commands[] = {
	{ "completion", NULL, "bash|zsh|fish", "print what makes a shell complete our words",
	  "$ shoal completion bash > /etc/bash_completion.d/shoal\n"
	  "$ shoal completion fish > ~/.config/fish/completions/shoal.fish",
	  NULL, complete_script, 1, 1 },
	{ "inspect", NULL, "NAME|ID [NAME|ID...]", "show all that is known of anything",
	  "$ shoal inspect web1\n$ shoal inspect --type volume data", inspect_options, inspect_any,
	  1, -1, 0, NAMES_CONTAINERS },
	{ "login", NULL, "[SERVER]", "log in to a registry",
	  "$ shoal login -u me registry.example.com:5000\n"
	  "$ cat password.txt | shoal login -u me --password-stdin",
	  login_options, auth_login, 0, 1, COMMAND_COMMON },
	{ "logout", NULL, "[SERVER]", "log out from a registry",
	  "$ shoal logout registry.example.com:5000", NULL, auth_logout, 0, 1, COMMAND_COMMON },
	{ "machine", NULL, "COMMAND", "make and manage hosts with an engine",
	  "$ shoal machine create node-01\n"
	  "$ eval $(shoal machine env node-01)",
	  NULL, machine_run, 0, -1, COMMAND_PROGRAM | COMMAND_COMMON },
	{ "man", NULL, "DIR", "write the manual pages to a folder",
	  "$ shoal man /usr/share/man/man1", NULL, man_write, 1, 1 },
	{ "version", NULL, NULL, "show the versions of client and daemon",
	  "$ shoal version --format '{{.Server.Version}}'", format_options, system_version, 0, 0,
	  COMMAND_COMMON },
	{ "__complete", NULL, "WORD...", "print what can follow", NULL, NULL, complete_words, 0, -1,
	  COMMAND_STOPS | COMMAND_HIDDEN },
	{ 0 },
};
