#include "api/changes.h"

#include "api/call.h"
#include "docker/instruction.h"
#include "engine/signal.h"

bool changes_apply(struct call *c, Pb__ContainerConfig *config)
{
	const char **texts = arena_alloc(&c->arena, (c->query.count + 1) * sizeof(*texts));
	size_t count = 0;
	struct err e;
	int ignored;

	for (size_t i = 0; i < c->query.count; i++)
		if (strcmp(c->query.pairs[i].name, "changes") == 0)
			texts[count++] = c->query.pairs[i].value;
	if (!config || count == 0)
		return true;
	if (instructions_apply(&c->arena, texts, count, config, &e) &&
	    (!config->stop_signal[0] || signal_parse(config->stop_signal, &ignored, &e)))
		return true;
	call_fail(c, &e);
	return false;
}
