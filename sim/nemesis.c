#include "sim/nemesis.h"

#include <stdio.h>

#include "base/mem.h"
#include "sim/disk.h"
#include "sim/network.h"

static struct sim_node *any_node(struct world *w)
{
	/* Managers are where the interesting trouble is: three draws in four. */
	if (w->config.workers == 0 || prng_chance(&w->prng, 3, 4))
		return &w->nodes[prng_below(&w->prng, w->config.managers)];
	return &w->nodes[w->config.managers + prng_below(&w->prng, w->config.workers)];
}

static void start_again(struct world *w, void *arg)
{
	(void)w;
	world_start(arg);
}

static void heal(struct world *w, void *arg)
{
	(void)arg;
	network_heal(w->network);
}

static void disk_is_well(struct world *w, void *arg)
{
	struct sim_node *s = arg;

	disk_set_delay(s->disk, 2);
	disk_set_full(s->disk, false);
	/* A journal that failed stays failed until the process is started again. */
	if (disk_has_failed(s->disk))
		world_crash(s, false);
	world_start(s);
	(void)w;
}

static void net_is_well(struct world *w, void *arg)
{
	(void)arg;
	network_set_delay(w->network, 0, 2);
}

static int64_t a_while(struct world *w)
{
	return prng_between(&w->prng, 100, prng_chance(&w->prng, 1, 4) ? 30000 : 3000);
}

static void partition(struct world *w)
{
	for (size_t i = 0; i < w->node_count; i++) {
		bool side = prng_chance(&w->prng, 1, 2);

		for (size_t k = 0; side && k < w->node_count; k++)
			if (k != i && prng_chance(&w->prng, 3, 4)) {
				network_cut(w->network, i, k, true);
				network_cut(w->network, k, i, true);
			}
	}
	world_plan(w, a_while(w), heal, NULL);
}

static void one_way(struct world *w)
{
	network_cut(w->network, prng_below(&w->prng, w->node_count),
		    prng_below(&w->prng, w->node_count), true);
	world_plan(w, a_while(w), heal, NULL);
}

/* Which fault, out of a thousand: they share one draw. */
static bool falls_in(unsigned *draw, unsigned share)
{
	if (*draw < share)
		return true;
	*draw -= share;
	return false;
}

static void strike(struct world *w, void *arg)
{
	struct nemesis *n = arg;
	struct sim_node *s = any_node(w);
	unsigned draw = (unsigned)prng_below(&w->prng, 1000);

	if (w->now_ms >= n->until_ms)
		return;
	if (falls_in(&draw, n->partition)) {
		partition(w);
	} else if (falls_in(&draw, n->one_way)) {
		one_way(w);
	} else if (falls_in(&draw, n->reset)) {
		network_break(w->network, prng_below(&w->prng, w->node_count),
			      prng_below(&w->prng, w->node_count));
	} else if (falls_in(&draw, n->crash)) {
		world_crash(s, false);
		world_plan(w, a_while(w), start_again, s);
	} else if (falls_in(&draw, n->power)) {
		world_crash(s, true);
		world_plan(w, a_while(w), start_again, s);
	} else if (falls_in(&draw, n->pause)) {
		world_pause(s, a_while(w));
	} else if (falls_in(&draw, n->slow_disk)) {
		disk_set_delay(s->disk, prng_between(&w->prng, 10, 2000));
		world_plan(w, a_while(w), disk_is_well, s);
	} else if (falls_in(&draw, n->full_disk)) {
		disk_set_full(s->disk, true);
		world_plan(w, a_while(w), disk_is_well, s);
	} else if (falls_in(&draw, n->slow_net)) {
		network_set_delay(w->network, 0, prng_between(&w->prng, 10, 500));
		world_plan(w, a_while(w), net_is_well, NULL);
	}
	world_plan(w, prng_between(&w->prng, 1, 2 * n->every_ms), strike, n);
}

static unsigned share(struct prng *p)
{
	return prng_chance(p, 1, 2) ? (unsigned)prng_between(p, 1, 140) : 0;
}

void nemesis_begin(struct nemesis *n, struct world *w, int64_t until_ms)
{
	*n = (struct nemesis){ .world = w, .until_ms = until_ms };
	n->partition = share(&w->prng);
	n->one_way = share(&w->prng);
	n->reset = share(&w->prng);
	n->crash = share(&w->prng);
	n->power = share(&w->prng);
	n->pause = share(&w->prng);
	n->slow_disk = share(&w->prng);
	n->full_disk = share(&w->prng) / 4;
	n->slow_net = share(&w->prng);
	n->every_ms = prng_between(&w->prng, 500, 10000);
	world_plan(w, 1000, strike, n);
}

void nemesis_calm(struct nemesis *n)
{
	struct world *w = n->world;

	network_heal(w->network);
	network_set_delay(w->network, 0, 2);
	for (size_t i = 0; i < w->node_count; i++)
		disk_is_well(w, &w->nodes[i]);
}

void nemesis_print(const struct nemesis *n)
{
	printf("faults in a thousand, every %lld ms: partition %u, one-way %u, reset %u, crash %u, "
	       "power %u, "
	       "pause %u, slow disk %u, full disk %u, slow network %u\n",
	       (long long)n->every_ms, n->partition, n->one_way, n->reset, n->crash, n->power,
	       n->pause, n->slow_disk, n->full_disk, n->slow_net);
}
