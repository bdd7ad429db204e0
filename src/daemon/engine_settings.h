/* What the engine is told of this host and of the configuration.
 *
 * The values that are more than a word have a form of their own, read here both to check them and
 * to use them: a size ("64M"), a pool ("base=10.0.0.0/8,size=24"), a ulimit
 * ("nofile=1024:2048"), a bridge ("10.1.0.1/16"). */
#ifndef SHOAL_DAEMON_ENGINE_SETTINGS_H
#define SHOAL_DAEMON_ENGINE_SETTINGS_H

#include "engine/engine.h"

struct config;

/* Everything of *engine that the node does not fill in; what it points at lives as long as memory
 * and the configuration. */
void engine_settings(const struct config *c, struct arena *memory, struct engine_config *engine);

/* crun, runc and those of --add-runtime. */
const char *const *setting_runtimes(const struct config *c, struct arena *memory, size_t *count);
const char *setting_default_runtime(const struct config *c);
/* The program that one of these names stands for. */
const char *setting_runtime_program(const struct config *c, const char *name, struct arena *memory);
/* The program for --init: the one that is named, else the first known one that is installed, else "". */
const char *setting_init_path(const struct config *c);

bool setting_size(const char *text, int64_t *bytes);
bool setting_pool(const char *text, struct ipam_pool *pool);
/* The address, and the network it is in. */
bool setting_bridge(const char *text, char subnet[SUBNET_TEXT_MAX], char gateway[IPV4_TEXT_MAX]);
/* *ulimit points at `name`. ERR_INVALID with docker's words. */
#define SETTING_ULIMIT_NAME_MAX 32
bool setting_ulimit(const char *text, char name[SETTING_ULIMIT_NAME_MAX], Pb__Ulimit *ulimit,
		    struct err *e) MUST_CHECK;

#endif
