#include "console/command.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const struct command_group *command_group_find(const char *name)
{
	for (const struct command_group *g = program.groups; g->commands; g++)
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
	for (const struct command_group *g = program.groups; g->commands; g++)
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
