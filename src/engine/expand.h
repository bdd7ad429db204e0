/* Templates in what a task asks for: the worker expands them, for it knows node and task.
 *
 * Values of environment variables, the hostname, sources and targets of mounts, labels and driver
 * options of volumes; and the data of secrets and configs whose templating is "golang". What may
 * be asked for: .Service.ID .Name .Labels, .Node.ID .Hostname .Platform.Architecture .OS, .Task.ID
 * .Name .Slot; in data also the functions secret, config (by target) and env. The language is that
 * of template/template.h; a field that is not there is an error.
 *
 * Source: public behaviour of the reference's workers. */
#ifndef SHOAL_ENGINE_EXPAND_H
#define SHOAL_ENGINE_EXPAND_H

#include <stdbool.h>

#include "base/arena.h"
#include "engine/engine.h"

struct err;

/* The task with everything expanded; the same one when there is nothing to expand. In `a`. */
bool expand_task(struct arena *a, const Pb__Task *task, const struct engine_node *node,
		 const Pb__Task **expanded, struct err *e);
/* Data of a secret or config, if it is a template; else *out is the data. Text up to 64 KiB. */
bool expand_payload(struct arena *a, const Pb__Task *task, const struct engine_node *node,
		    struct engine_secret_source source, const struct engine_payload *payload,
		    struct str *out, struct err *e);

#endif
