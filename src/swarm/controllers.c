#include "swarm/controllers.h"

#include "swarm/allocate/allocate.h"
#include "swarm/orchestrate/enforcer.h"
#include "swarm/orchestrate/orchestrate.h"
#include "swarm/orchestrate/reaper.h"
#include "swarm/orchestrate/restart.h"
#include "swarm/orchestrate/update.h"
#include "swarm/schedule/schedule.h"

void controllers_init(struct controllers *c, struct prng *prng, const struct log *log)
{
	struct orchestra o = { .prng = prng, .log = log };

	*c = (struct controllers){ 0 };
	c->enforcer = enforcer_new();
	c->restarts = o.restarts = restarts_new(prng, log);
	c->updates = o.updates = updates_new(prng, o.restarts, log);
	c->orchestrate = orchestrate_new(&o);
	c->allocate = allocate_new(log);
	c->schedule = schedule_new(log);
	c->reaper = reaper_new();

	c->items[0] = enforcer_controller(c->enforcer);
	c->items[1] = orchestrate_controller(c->orchestrate);
	c->items[2] = restarts_controller(c->restarts);
	c->items[3] = updates_controller(c->updates);
	c->items[4] = allocate_controller(c->allocate);
	c->items[5] = schedule_controller(c->schedule);
	c->items[6] = reaper_controller(c->reaper);
}

void controllers_clear(struct controllers *c)
{
	reaper_free(c->reaper);
	schedule_free(c->schedule);
	allocate_free(c->allocate);
	orchestrate_free(c->orchestrate);
	updates_free(c->updates);
	restarts_free(c->restarts);
	enforcer_free(c->enforcer);
	*c = (struct controllers){ 0 };
}
