#include "host/content/pipe.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/mem.h"
#include "host/endpoint.h"
#include "host/loop.h"

/* A client's body waits while so much is queued for the program, and goes on below the other mark.
 */
#define INPUT_HIGH (256u << 10)
#define INPUT_LOW  (64u << 10)

/* The client's side. */
enum pipe_step { PIPE_QUIET, PIPE_ANNOUNCED, PIPE_JOINED, PIPE_GONE };

struct pipe {
	struct list link;
	struct pipes *all;
	enum pipe_direction direction;
	enum pipe_step step;
	struct endpoint ep;
	bool may_flow;     /* output: the client takes more */
	bool is_held_back; /* input: the client waits for us */

	struct channel channel; /* the program's side */
	bool is_at_end;         /* ... has said all, or is broken */
	char *breakage;

	struct pipe_user user; /* self is NULL once the request is over */
	bool is_over;
	char *reason; /* ... badly */

	uv_timer_t timer;
	int open_handles;
	bool is_posted; /* go_on() will be called */
};

static struct pipe *of(struct endpoint *ep)
{
	return container_of(ep, struct pipe, ep);
}

/* ---- going ---- */

static void free_if_closed(struct pipe *p)
{
	if (p->open_handles > 0 || p->is_posted)
		return;
	free(p->reason);
	free(p->breakage);
	free(p);
}

static void on_channel_closed(struct channel *c)
{
	struct pipe *p = container_of(c, struct pipe, channel);

	p->open_handles--;
	free_if_closed(p);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct pipe *p = handle->data;

	p->open_handles--;
	free_if_closed(p);
}

static void vanish(struct pipe *p)
{
	struct pipe_user user = p->user;

	p->step = PIPE_GONE;
	p->user.self = NULL;
	list_remove(&p->link);
	channel_close(&p->channel, on_channel_closed);
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
	if (user.self)
		user.gone(user.self);
}

static void end(struct pipe *p, const char *reason)
{
	if (p->step != PIPE_QUIET)
		endpoint_end(&p->ep, reason);
	vanish(p);
}

/* Is every byte delivered that there will be? */
static bool is_delivered(const struct pipe *p)
{
	return p->direction == PIPE_INPUT ||
	       (p->is_at_end && p->step == PIPE_JOINED && channel_held(&p->channel) == 0);
}

static void end_if_over(struct pipe *p)
{
	if (p->step == PIPE_GONE || !p->is_over)
		return;
	if (p->reason || p->step == PIPE_QUIET)
		end(p, p->reason);
	else if (p->direction == PIPE_OUTPUT && p->breakage)
		end(p, p->breakage);
	else if (is_delivered(p))
		end(p, NULL);
}

static void go_on(void *self)
{
	struct pipe *p = self;

	p->is_posted = false;
	if (p->step == PIPE_GONE) {
		free_if_closed(p);
		return;
	}
	if (p->step == PIPE_JOINED && p->may_flow)
		channel_offer(&p->channel);
	end_if_over(p);
}

static void go_on_soon(struct pipe *p)
{
	if (!p->is_posted)
		loop_post(p->all->loop, p, go_on);
	p->is_posted = true;
}

/* ---- what the program does ---- */

static void on_received(void *self, struct str *bytes)
{
	struct pipe *p = self;

	if (p->direction == PIPE_INPUT || p->step == PIPE_GONE) {
		*bytes = (struct str){ 0 };
	} else if (p->step == PIPE_QUIET && p->user.self) {
		p->user.arrived(p->user.self);
	} else if (p->step == PIPE_JOINED && p->may_flow) {
		endpoint_output(&p->ep, ENDPOINT_PLAIN, *bytes);
		*bytes = (struct str){ 0 };
	}
}

static void let_client_go_on(struct pipe *p)
{
	if (!p->is_held_back)
		return;
	p->is_held_back = false;
	endpoint_drained(&p->ep);
}

static void on_ended(void *self)
{
	struct pipe *p = self;

	p->is_at_end = true;
	let_client_go_on(p);
	go_on_soon(p);
}

static void on_sent(void *self, size_t left)
{
	if (left <= INPUT_LOW)
		let_client_go_on(self);
}

/* An input that breaks is one that the program has read enough of: how it ended says the request.
 */
static void on_broken(void *self, const char *reason)
{
	struct pipe *p = self;

	p->breakage = xasprintf("the bytes from shoal-content broke off: %s", reason);
	on_ended(p);
}

/* ---- what the client does ---- */

static void on_joined(struct endpoint *ep)
{
	struct pipe *p = of(ep);

	p->step = PIPE_JOINED;
	p->may_flow = true;
	uv_timer_stop(&p->timer);
	go_on_soon(p);
}

static void on_flow(struct endpoint *ep, bool may_flow)
{
	struct pipe *p = of(ep);

	p->may_flow = may_flow;
	if (may_flow)
		go_on_soon(p);
}

static bool on_input(struct endpoint *ep, struct str bytes)
{
	struct pipe *p = of(ep);

	if (p->direction == PIPE_OUTPUT || p->is_at_end)
		return true;
	channel_write(&p->channel, bytes);
	p->is_held_back = channel_queued(&p->channel) >= INPUT_HIGH;
	return !p->is_held_back;
}

static void on_end_input(struct endpoint *ep)
{
	struct pipe *p = of(ep);

	if (p->direction == PIPE_INPUT)
		channel_end(&p->channel);
}

static void on_left(struct endpoint *ep)
{
	vanish(of(ep));
}

static const struct endpoint_kind kind = { on_joined, on_flow, on_input, on_end_input, on_left };

static void on_nobody_joined(uv_timer_t *timer)
{
	end(timer->data, NULL);
}

/* ---- the owner ---- */

void pipes_init(struct pipes *all, struct loop *loop, struct endpoints *endpoints, int join_ms)
{
	all->loop = loop;
	all->endpoints = endpoints;
	all->join_ms = join_ms;
	list_init(&all->all);
}

void pipes_end(struct pipes *all, const char *reason)
{
	struct pipe *p;

	list_each (&all->all, struct pipe, link, p) {
		p->user.self = NULL;
		end(p, reason);
	}
}

bool pipe_new(struct pipes *all, enum pipe_direction direction, struct pipe_user user,
	      struct pipe **out, int *theirs, struct err *e)
{
	const struct channel_user heard = {
		.received = on_received,
		.ended = on_ended,
		.sent = on_sent,
		.broken = on_broken,
	};
	struct channel_user channel_user = heard;
	struct pipe *p;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail_sys(e, errno, "make a pipe to shoal-content");
	p = NEW(struct pipe);
	p->all = all;
	p->direction = direction;
	p->user = user;
	channel_user.self = p;
	channel_open(&p->channel, all->loop, &all->space, ends[0], NULL, &channel_user);
	uv_timer_init(loop_uv(all->loop), &p->timer);
	p->timer.data = p;
	p->open_handles = 2;
	list_push_back(&all->all, &p->link);
	*out = p;
	*theirs = ends[1];
	return true;
}

uint64_t pipe_announce(struct pipe *p)
{
	assert(p->step == PIPE_QUIET);
	p->step = PIPE_ANNOUNCED;
	uv_timer_start(&p->timer, on_nobody_joined, p->all->join_ms, 0);
	return endpoint_add(p->all->endpoints, &p->ep, &kind);
}

void pipe_over(struct pipe *p, const char *reason)
{
	p->user.self = NULL;
	p->is_over = true;
	p->reason = reason ? xstrdup(reason) : NULL;
	go_on_soon(p);
}
