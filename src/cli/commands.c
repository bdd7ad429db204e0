/* The table of tables, and finding a row in it. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const struct command_group command_groups[] = {
	{ "swarm", "manage the swarm this node is in", true, swarm_commands },
	{ "node", "manage the nodes of the swarm", true, node_commands },
	{ "service", "manage services of the swarm", true, service_commands },
	{ "secret", "manage secrets of the swarm", true, secret_commands },
	{ "config", "manage configs of the swarm", true, config_commands },
	{ "container", "manage containers", false, container_commands },
	{ "image", "manage images", false, image_commands },
	{ "network", "manage networks", false, network_commands },
	{ "volume", "manage volumes", false, volume_commands },
	{ "system", "manage the engine", false, system_commands },
	{ NULL, NULL, false, short_commands },
	{ 0 },
};

const struct command_group *command_group_find(const char *name)
{
	for (const struct command_group *g = command_groups; g->commands; g++)
		if (g->name && strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

bool command_name(const struct command *c, size_t i, char *out, size_t size)
{
	struct str name = str_of(c->name), rest = str_of(c->also ? c->also : "");

	for (; i > 0; i--) {
		if (rest.len == 0)
			return false;
		str_cut(rest, ',', &name, &rest);
		name = str_trim(name);
	}
	(void)snprintf(out, size, "%.*s", STR_FMT(name));
	return true;
}

bool command_has_name(const struct command *c, const char *name)
{
	char own[COMMAND_NAME_MAX];

	for (size_t i = 0; command_name(c, i, own, sizeof(own)); i++)
		if (strcmp(own, name) == 0)
			return true;
	return false;
}

static const struct command *by_name(const char *name)
{
	for (const struct command_group *g = command_groups; g->commands; g++)
		for (const struct command *c = g->commands; c->name; c++)
			if (command_has_name(c, name))
				return c;
	return NULL;
}

const struct command *command_find(const char *const *words, size_t count, size_t *used)
{
	const struct command *c = NULL;
	char name[COMMAND_NAME_MAX];

	*used = 0;
	if (count == 0)
		return NULL;
	if (count > 1 && command_group_find(words[0])) {
		(void)snprintf(name, sizeof(name), "%s %s", words[0], words[1]);
		c = by_name(name);
		*used = 2;
		return c;
	}
	*used = 1;
	return by_name(words[0]);
}
