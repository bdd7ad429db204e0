#include "daemon/containers.h"

#include <string.h>

#include "base/mem.h"
#include "daemon/config.h"
#include "host/content/hands.h"
#include "host/net/net.h"
#include "host/run/runtime.h"

struct container_hands {
	struct runtime_hands *runtime_hands;
	struct net_hands *net_hands;
	struct content_hands *content_hands;
	struct runtime runtime;
	struct net net;
	struct content content;
};

/* ---- what may change while running ---- */

static struct runtime_programs choose_programs(const struct config *c, struct arena *a)
{
	struct runtime_program *list = arena_alloc(a, (c->runtimes.count + 1) * sizeof(*list));
	struct runtime_programs all = { .fallback = c->default_runtime, .list = list };

	for (size_t i = 0; i < c->runtimes.count; i++) {
		struct str name, path;

		if (str_cut(str_of(c->runtimes.items[i]), '=', &name, &path))
			list[all.count++] =
				(struct runtime_program){ arena_str(a, name), arena_str(a, path) };
	}
	return all;
}

static struct content_registries choose_registries(const struct config *c)
{
	return (struct content_registries){
		.mirrors = c->registry_mirrors.items,
		.mirror_count = c->registry_mirrors.count,
		.insecure = c->insecure_registries.items,
		.insecure_count = c->insecure_registries.count,
		.downloads_max = (int)c->max_concurrent_downloads,
	};
}

void container_hands_reconfigure(struct container_hands *h, const struct config *c)
{
	struct content_registries registries = choose_registries(c);
	AUTO_ARENA struct arena a = { 0 };
	struct runtime_programs programs = choose_programs(c, &a);

	content_hands_set_registries(h->content_hands, &registries);
	runtime_hands_set_programs(h->runtime_hands, &programs);
}

/* ---- life ---- */

static bool open_runtime(const struct config *c, struct loop *loop, struct endpoints *endpoints,
			 struct container_hands *h, struct err *e)
{
	AUTO_ARENA struct arena a = { 0 };
	struct runtime_hands_config config = { .loop = loop,
					       .endpoints = endpoints,
					       .data_root = c->data_root,
					       .exec_root = c->exec_root,
					       .programs = choose_programs(c, &a) };

	return runtime_hands_new(&config, &h->runtime_hands, e);
}

bool container_hands_open(const struct config *c, struct loop *loop, struct endpoints *endpoints,
			  struct container_hands **hands, struct err *e)
{
	struct container_hands *h = NEW(struct container_hands);
	struct net_hands_config net = { .loop = loop,
					.data_root = c->data_root,
					.exec_root = c->exec_root };
	struct content_hands_config content = {
		.loop = loop,
		.endpoints = endpoints,
		.data_root = c->data_root,
		.registries = choose_registries(c),
	};

	if (!open_runtime(c, loop, endpoints, h, e) || !net_hands_new(&net, &h->net_hands, e)) {
		container_hands_close(h);
		return false;
	}
	h->content_hands = content_hands_new(&content, e);
	if (!h->content_hands) {
		container_hands_close(h);
		return false;
	}
	h->runtime = runtime_hands_seam(h->runtime_hands);
	h->net = net_hands_seam(h->net_hands);
	h->content = content_hands_seam(h->content_hands);
	*hands = h;
	return true;
}

void container_hands_close(struct container_hands *h)
{
	if (!h)
		return;
	if (h->content_hands)
		content_hands_free(h->content_hands);
	if (h->net_hands)
		net_hands_free(h->net_hands);
	if (h->runtime_hands)
		runtime_hands_free(h->runtime_hands);
	free(h);
}

const struct runtime *container_hands_runtime(const struct container_hands *h)
{
	return &h->runtime;
}

const struct net *container_hands_net(const struct container_hands *h)
{
	return &h->net;
}

const struct content *container_hands_content(const struct container_hands *h)
{
	return &h->content;
}
