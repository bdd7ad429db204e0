/* The event of a reload, with what the configuration now says. */
#ifndef SHOAL_DAEMON_RELOAD_H
#define SHOAL_DAEMON_RELOAD_H

#include "base/now.h"

struct config;
struct engine;

void tell_reload(const struct config *c, struct engine *engine, const char *engine_id,
		 struct now now);

#endif
