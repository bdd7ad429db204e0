/* Containers: as they are asked for, inspected and listed. What the record does not hold (paths on
 * the host, sizes, the Status column, execs) whoever writes adds to the object. */
#include <stdio.h>
#include <stdlib.h>

#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

/* ---- POST /containers/create ---- */

static const struct dialect_field networking_fields[] = {
	{ "EndpointsConfig", "endpoints", DIALECT_KEYED, 0, &dialect_endpoint_settings,
	  .key_field = "network" },
	END,
};
static const struct dialect networking = { &pb__container__descriptor, networking_fields };
static const struct dialect_field create_fields[] = {
	{ NULL, "config", DIALECT_MEMBERS, 0, &dialect_container_config },
	{ "HostConfig", "host_config", DIALECT_OBJECT, 0, &dialect_host_config },
	{ "NetworkingConfig", "config", DIALECT_GROUP, 0, &networking },
	END,
};
const struct dialect dialect_container_create = { &pb__container__descriptor, create_fields };

/* ---- state ---- */

static void write_is_running(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Container *c = message;

	/* A paused one runs, and so does one that waits for its restart: docker's meaning. */
	json_bool(j, key,
		  c->state == PB__CONTAINER__STATE__RUNNING ||
			  c->state == PB__CONTAINER__STATE__PAUSED ||
			  c->state == PB__CONTAINER__STATE__RESTARTING);
}

static void write_is_paused(struct json *j, const char *key, const void *message, int version)
{
	json_bool(j, key, ((const Pb__Container *)message)->state == PB__CONTAINER__STATE__PAUSED);
}

static void write_is_restarting(struct json *j, const char *key, const void *message, int version)
{
	json_bool(j, key,
		  ((const Pb__Container *)message)->state == PB__CONTAINER__STATE__RESTARTING);
}

static void write_is_dead(struct json *j, const char *key, const void *message, int version)
{
	json_bool(j, key, ((const Pb__Container *)message)->state == PB__CONTAINER__STATE__DEAD);
}

static const struct dialect_own is_running = { .write = write_is_running };
static const struct dialect_own is_paused = { .write = write_is_paused };
static const struct dialect_own is_restarting = { .write = write_is_restarting };
static const struct dialect_own is_dead = { .write = write_is_dead };

static const struct dialect_field result_fields[] = {
	{ "Start", "start_ns", DIALECT_TIME_NS },
	{ "End", "end_ns", DIALECT_TIME_NS },
	{ "ExitCode", "exit_code", DIALECT_INT },
	{ "Output", "output", DIALECT_TEXT },
	END,
};
static const struct dialect result = { &pb__health_result__descriptor, result_fields };
static const struct dialect_field health_fields[] = {
	{ "Status", "status", DIALECT_TEXT },
	{ "FailingStreak", "failing_streak", DIALECT_INT },
	{ "Log", "log", DIALECT_OBJECTS, 0, &result },
	END,
};
static const struct dialect health = { &pb__health__descriptor, health_fields };
static const struct dialect_field state_fields[] = {
	{ "Status", "state", DIALECT_WORD },
	{ "Running", NULL, DIALECT_OWN, .own = &is_running },
	{ "Paused", NULL, DIALECT_OWN, .own = &is_paused },
	{ "Restarting", NULL, DIALECT_OWN, .own = &is_restarting },
	{ "OOMKilled", "oom_killed", DIALECT_BOOL },
	{ "Dead", NULL, DIALECT_OWN, .own = &is_dead },
	{ "Pid", "pid", DIALECT_INT },
	{ "ExitCode", "exit_code", DIALECT_INT },
	{ "Error", "error", DIALECT_TEXT },
	{ "StartedAt", "started_ns", DIALECT_TIME_NS },
	{ "FinishedAt", "finished_ns", DIALECT_TIME_NS },
	{ "Health", "health", DIALECT_OBJECT, OMIT_UNSET, &health },
	END,
};
static const struct dialect state = { &pb__container__descriptor, state_fields };

/* ---- mounts ---- */

static const struct dialect_field mount_fields[] = {
	{ "Type", "type", DIALECT_TEXT, OMIT_EMPTY },
	{ "Name", "name", DIALECT_TEXT, OMIT_EMPTY },
	{ "Source", "source", DIALECT_TEXT },
	{ "Destination", "destination", DIALECT_TEXT },
	{ "Driver", "driver", DIALECT_TEXT, OMIT_EMPTY },
	{ "Mode", "mode", DIALECT_TEXT },
	{ "RW", "rw", DIALECT_BOOL },
	{ "Propagation", "propagation", DIALECT_TEXT },
	END,
};
const struct dialect dialect_mount_point = { &pb__mount_point__descriptor, mount_fields };

/* ---- ports ---- */

static bool is_bound(const Pb__Container *c, const char *port)
{
	for (size_t i = 0; i < c->n_ports; i++)
		if (strcmp(c->ports[i]->port, port) == 0)
			return true;
	return false;
}

static bool is_first_of_port(Pb__PortBinding *const *list, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(list[i]->port, list[at]->port) == 0)
			return false;
	return true;
}

static bool has_process(const Pb__Container *c)
{
	return c->state == PB__CONTAINER__STATE__RUNNING ||
	       c->state == PB__CONTAINER__STATE__PAUSED;
}

/* No address is every address. */
static const char *shown_ip(const Pb__PortBinding *b)
{
	return b->host_ip[0] ? b->host_ip : "0.0.0.0";
}

static void write_host_side(struct json *j, const Pb__PortBinding *b)
{
	json_open_object(j, NULL);
	json_text(j, "HostIp", shown_ip(b));
	json_text(j, "HostPort", b->host_port);
	json_close(j);
}

/* {"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}],"81/tcp":null} */
static void write_bound(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Container *c = message;

	json_open_object(j, key);
	for (size_t i = 0; has_process(c) && i < c->config->n_exposed_ports; i++)
		if (!is_bound(c, c->config->exposed_ports[i]))
			json_none(j, c->config->exposed_ports[i]);
	for (size_t i = 0; i < c->n_ports; i++) {
		if (!is_first_of_port(c->ports, i))
			continue;
		json_open_list(j, c->ports[i]->port);
		for (size_t k = i; k < c->n_ports; k++)
			if (strcmp(c->ports[k]->port, c->ports[i]->port) == 0)
				write_host_side(j, c->ports[k]);
		json_close(j);
	}
	json_close(j);
}

static const struct dialect_own bound_ports = { .write = write_bound };

/* "80/tcp" as its members. */
static void write_inner_port(struct json *j, const char *port, const char *host_port)
{
	const char *slash = strchr(port, '/');

	json_int(j, "PrivatePort", strtol(port, NULL, 10));
	if (host_port)
		json_int(j, "PublicPort", strtol(host_port, NULL, 10));
	json_text(j, "Type", slash ? slash + 1 : "tcp");
}

static void write_listed_ports(struct json *j, const char *key, const void *message, int version)
{
	const Pb__Container *c = message;

	json_open_list(j, key);
	for (size_t i = 0; has_process(c) && i < c->config->n_exposed_ports; i++) {
		if (is_bound(c, c->config->exposed_ports[i]))
			continue;
		json_open_object(j, NULL);
		write_inner_port(j, c->config->exposed_ports[i], NULL);
		json_close(j);
	}
	for (size_t i = 0; i < c->n_ports; i++) {
		json_open_object(j, NULL);
		json_text(j, "IP", shown_ip(c->ports[i]));
		write_inner_port(j, c->ports[i]->port, c->ports[i]->host_port);
		json_close(j);
	}
	json_close(j);
}

static const struct dialect_own listed_ports = { .write = write_listed_ports };

/* ---- networks ---- */

static void write_empty(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "");
}

static const struct dialect_own empty = { .write = write_empty };

/* The place on the default bridge shows outside of Networks too. */
static void write_default_endpoint(struct json *j, const char *key, const void *message,
				   int version)
{
	const Pb__Container *c = message;
	const Pb__EndpointSettings *s = NULL;

	for (size_t i = 0; i < c->n_endpoints; i++)
		if (strcmp(c->endpoints[i]->network, "bridge") == 0)
			s = c->endpoints[i];
	json_text(j, "EndpointID", s ? s->endpoint_id : "");
	json_text(j, "Gateway", s ? s->gateway : "");
	json_text(j, "GlobalIPv6Address", "");
	json_int(j, "GlobalIPv6PrefixLen", 0);
	json_text(j, "IPAddress", s ? s->ip_address : "");
	json_int(j, "IPPrefixLen", s ? s->ip_prefix_len : 0);
	json_text(j, "IPv6Gateway", "");
	json_text(j, "MacAddress", s && s->ip_address[0] ? s->mac_address : "");
}

static const struct dialect_own default_endpoint = { .write = write_default_endpoint };

/* What no container has any more, nor ever had here. */
static void write_old_settings(struct json *j, const char *key, const void *message, int version)
{
	json_bool(j, "HairpinMode", false);
	json_text(j, "LinkLocalIPv6Address", "");
	json_int(j, "LinkLocalIPv6PrefixLen", 0);
	json_none(j, "SecondaryIPAddresses");
	json_none(j, "SecondaryIPv6Addresses");
}

static const struct dialect_own old_settings = { .write = write_old_settings };

static const struct dialect_field settings_fields[] = {
	{ "Bridge", NULL, DIALECT_OWN, .own = &empty },
	{ "SandboxID", NULL, DIALECT_OWN, .own = &empty },
	{ "SandboxKey", NULL, DIALECT_OWN, .own = &empty },
	{ "Ports", NULL, DIALECT_OWN, .own = &bound_ports },
	/* These write their keys themselves; the ones here are names for the rows alone. */
	{ "HairpinMode", NULL, DIALECT_OWN, .own = &old_settings, .until = 52 },
	{ "EndpointID", NULL, DIALECT_OWN, .own = &default_endpoint, .until = 52 },
	{ "Networks", "endpoints", DIALECT_KEYED, 0, &dialect_endpoint_settings,
	  .key_field = "network" },
	END,
};
static const struct dialect network_settings = { &pb__container__descriptor, settings_fields };
static const struct dialect_field listed_settings_fields[] = {
	{ "Networks", "endpoints", DIALECT_KEYED, 0, &dialect_endpoint_settings,
	  .key_field = "network" },
	END,
};
static const struct dialect listed_settings = { &pb__container__descriptor,
						listed_settings_fields };

/* ---- the container ---- */

static void write_name(struct json *j, const char *key, const void *message, int version)
{
	char name[300];

	snprintf(name, sizeof(name), "/%s", ((const Pb__Container *)message)->name);
	json_text(j, key, name);
}

static void write_names(struct json *j, const char *key, const void *message, int version)
{
	json_open_list(j, key);
	write_name(j, NULL, message, version);
	json_close(j);
}

static void write_driver(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "overlay2");
}

static const struct dialect_own slashed_name = { .write = write_name };
static const struct dialect_own names = { .write = write_names };
static const struct dialect_own driver = { .write = write_driver };

static const struct dialect_field container_fields[] = {
	{ "Id", "id", DIALECT_TEXT },
	{ "Created", "created_ns", DIALECT_TIME_NS },
	{ "Path", "path", DIALECT_TEXT },
	{ "Args", "args", DIALECT_TEXTS },
	{ "State", "config", DIALECT_GROUP, WRITE_ONLY, &state },
	{ "Image", "image_id", DIALECT_TEXT },
	{ "Name", NULL, DIALECT_OWN, .own = &slashed_name },
	{ "RestartCount", "restart_count", DIALECT_INT },
	{ "Driver", NULL, DIALECT_OWN, .own = &driver },
	{ "Platform", "platform", DIALECT_TEXT },
	{ "MountLabel", NULL, DIALECT_OWN, .own = &empty },
	{ "ProcessLabel", NULL, DIALECT_OWN, .own = &empty },
	{ "AppArmorProfile", NULL, DIALECT_OWN, .own = &empty },
	{ "HostConfig", "host_config", DIALECT_OBJECT, 0, &dialect_host_config },
	{ "Mounts", "mounts", DIALECT_OBJECTS, 0, &dialect_mount_point },
	{ "Config", "config", DIALECT_OBJECT, 0, &dialect_container_config },
	{ "NetworkSettings", "config", DIALECT_GROUP, WRITE_ONLY, &network_settings },
	END,
};
const struct dialect dialect_container = { &pb__container__descriptor, container_fields };

/* ---- its line in a list ---- */

static bool needs_quotes(const char *word)
{
	return !word[0] || strpbrk(word, " \t\n\"'\\$`<>|&;()*?[]#~=%!{}");
}

/* As a shell would want it: words with blanks and the like in single quotes. */
static void write_word(struct buf *out, const char *word)
{
	if (!needs_quotes(word)) {
		buf_append_c(out, word);
		return;
	}
	buf_append_char(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_append_c(out, "'\"'\"'");
		else
			buf_append_char(out, *word);
	buf_append_char(out, '\'');
}

#define COMMAND_MAX (1 << 20)

static void write_command(struct json *j, const char *key, const void *message, int version)
{
	AUTO_BUF struct buf command = BUF_MAX(COMMAND_MAX);
	const Pb__Container *c = message;

	buf_append_c(&command, c->path);
	for (size_t i = 0; i < c->n_args; i++) {
		buf_append_char(&command, ' ');
		write_word(&command, c->args[i]);
	}
	json_str(j, key, buf_str(&command));
}

static const struct dialect_own command = { .write = write_command };

static const struct dialect_field mode_fields[] = {
	{ "NetworkMode", "host_config.network_mode", DIALECT_TEXT, OMIT_EMPTY },
	{ "Annotations", "host_config.annotations", DIALECT_MAP, OMIT_EMPTY, .since = 46 },
	END,
};
static const struct dialect listed_mode = { &pb__container__descriptor, mode_fields };

static const struct dialect_field listed_fields[] = {
	{ "Id", "id", DIALECT_TEXT },
	{ "Names", NULL, DIALECT_OWN, .own = &names },
	{ "Image", "config.image", DIALECT_TEXT },
	{ "ImageID", "image_id", DIALECT_TEXT },
	{ "Command", NULL, DIALECT_OWN, .own = &command },
	{ "Created", "created_ns", DIALECT_TIME_S },
	{ "Ports", NULL, DIALECT_OWN, .own = &listed_ports },
	{ "Labels", "config.labels", DIALECT_MAP },
	{ "State", "state", DIALECT_WORD },
	{ "HostConfig", "config", DIALECT_GROUP, WRITE_ONLY, &listed_mode },
	{ "NetworkSettings", "config", DIALECT_GROUP, WRITE_ONLY, &listed_settings },
	{ "Mounts", "mounts", DIALECT_OBJECTS, 0, &dialect_mount_point },
	END,
};
const struct dialect dialect_container_listed = { &pb__container__descriptor, listed_fields };
