#include "api/measure.h"

#include "api/outcome.h"

struct measuring {
	struct measured *list;
	size_t count, at;
	void *state;
	void (*then)(struct call *c);
};

static void next_size(struct call *c, struct measuring *m);

static void size_came(struct call *c, const struct engine_answer *a)
{
	struct measuring *m = c->state;
	struct measured *what = &m->list[m->at];

	if (a->kind == ENGINE_DONE) {
		what->bytes = a->size_bytes;
		what->written_bytes = a->size_rw;
	}
	m->at++;
	next_size(c, m);
}

static void next_size(struct call *c, struct measuring *m)
{
	struct engine *e = engine_of(c);
	uint64_t ticket;

	if (m->at == m->count) {
		c->state = m->state;
		m->then(c);
		return;
	}
	ticket = call_engine(c, size_came);
	if (m->list[m->at].is_volume)
		engine_volume_size(e, ticket, m->list[m->at].name, c->now);
	else
		engine_container_size(e, ticket, m->list[m->at].name, c->now);
}

void measure(struct call *c, struct measured *list, size_t count, void (*then)(struct call *c))
{
	struct measuring *m = ARENA_NEW(&c->arena, struct measuring);

	*m = (struct measuring){ list, count, 0, c->state, then };
	c->state = m;
	next_size(c, m);
}
