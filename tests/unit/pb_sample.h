/* A task as a middling service has it: 10 variables, 2 mounts, 5 labels, one overlay network. */
#ifndef SHOAL_TESTS_PB_SAMPLE_H
#define SHOAL_TESTS_PB_SAMPLE_H

#include "pb/map.h"
#include "pb/pb.h"

static Pb__Timestamp *sample_time(struct arena *a, int64_t seconds)
{
	Pb__Timestamp *t = PB_NEW(a, timestamp);

	t->seconds = seconds;
	t->nanos = 123456789;
	return t;
}

static Pb__Mount *sample_mount(struct arena *a, const char *source, const char *target)
{
	Pb__Mount *m = PB_NEW(a, mount);

	m->type = PB__MOUNT__TYPE__VOLUME;
	m->source = arena_strdup(a, source);
	m->target = arena_strdup(a, target);
	m->volume_options = pb_new(a, &pb__mount__volume_options__descriptor);
	return m;
}

static Pb__ContainerSpec *sample_container(struct arena *a)
{
	Pb__ContainerSpec *c = PB_NEW(a, container_spec);

	c->image = "registry.example.com/shop/frontend:1.27.3@sha256:"
		   "4c0fdaa8b6341bfdeca5f18f7837462c80cff90527ee35ef185571e1c327beac";
	for (int i = 0; i < 10; i++)
		PB_APPEND(a, c, env, arena_printf(a, "SETTING_%d=the value of setting %d", i, i));
	for (int i = 0; i < 5; i++)
		PB_MAP_SET(a, c, labels, arena_printf(a, "com.example.label%d", i), "some value");
	PB_APPEND(a, c, args, "nginx");
	PB_APPEND(a, c, args, "-g");
	PB_APPEND(a, c, args, "daemon off;");
	PB_APPEND(a, c, mounts, sample_mount(a, "web-data", "/usr/share/nginx/html"));
	PB_APPEND(a, c, mounts, sample_mount(a, "web-logs", "/var/log/nginx"));
	c->stop_grace_period = PB_NEW(a, duration);
	c->stop_grace_period->seconds = 10;
	return c;
}

static Pb__TaskSpec *sample_task_spec(struct arena *a)
{
	Pb__TaskSpec *s = PB_NEW(a, task_spec);
	Pb__NetworkAttachmentConfig *n = PB_NEW(a, network_attachment_config);

	s->runtime_case = PB__TASK_SPEC__RUNTIME_CONTAINER;
	s->container = sample_container(a);
	s->resources = PB_NEW(a, resource_requirements);
	s->resources->limits = PB_NEW(a, resources);
	s->resources->limits->memory_bytes = 512 << 20;
	s->restart = PB_NEW(a, restart_policy);
	s->restart->condition = PB__RESTART_POLICY__RESTART_CONDITION__ANY;
	s->restart->delay = PB_NEW(a, duration);
	s->restart->delay->seconds = 5;
	s->placement = PB_NEW(a, placement);
	PB_APPEND(a, s->placement, constraints, "node.role==worker");
	n->target = "n3tw0rk1d0fth3s4mpl3taskx";
	PB_APPEND(a, n, aliases, "web");
	PB_APPEND(a, s, networks, n);
	return s;
}

static Pb__Network *sample_network(struct arena *a)
{
	Pb__Network *n = PB_NEW(a, network);
	Pb__IPAMConfig *c = PB_NEW(a, ipamconfig);

	n->id = "n3tw0rk1d0fth3s4mpl3taskx";
	n->meta->version->index = 21;
	n->meta->created_at = sample_time(a, 1700000000);
	n->spec->annotations->name = "backend";
	n->driver_state = PB_NEW(a, driver);
	n->driver_state->name = "overlay";
	PB_MAP_SET(a, n->driver_state, options, "com.docker.network.driver.overlay.vxlanid_list",
		   "4097");
	c->family = PB__IPAMCONFIG__ADDRESS_FAMILY__IPV4;
	c->subnet = "10.0.1.0/24";
	c->gateway = "10.0.1.1";
	n->ipam = PB_NEW(a, ipamoptions);
	PB_APPEND(a, n->ipam, configs, c);
	return n;
}

static Pb__Endpoint *sample_endpoint(struct arena *a)
{
	Pb__Endpoint *e = PB_NEW(a, endpoint);
	Pb__Endpoint__VirtualIP *v = pb_new(a, &pb__endpoint__virtual_ip__descriptor);
	Pb__PortConfig *p = PB_NEW(a, port_config);

	p->target_port = 80;
	p->published_port = 8080;
	e->spec = PB_NEW(a, endpoint_spec);
	PB_APPEND(a, e->spec, ports, p);
	PB_APPEND(a, e, ports, p);
	v->network_id = "n3tw0rk1d0fth3s4mpl3taskx";
	v->addr = "10.0.1.2/24";
	PB_APPEND(a, e, virtual_ips, v);
	return e;
}

/* The slot-th task of the service, running. */
__attribute__((unused)) static Pb__Task *sample_task(struct arena *a, unsigned slot)
{
	Pb__Task *t = PB_NEW(a, task);
	Pb__NetworkAttachment *n = PB_NEW(a, network_attachment);

	t->id = arena_printf(a, "t4sk1d0fth3s4mpl3task%04u", slot % 10000);
	t->meta->version->index = 1000 + slot;
	t->meta->created_at = sample_time(a, 1700000100);
	t->meta->updated_at = sample_time(a, 1700000100 + slot);
	t->spec = sample_task_spec(a);
	t->service_id = "s3rv1c31d0fth3s4mpl3taskx";
	t->slot = slot;
	t->node_id = "n0d31d0fth3s4mpl3taskxxxx";
	t->annotations->name = arena_printf(a, "frontend.%u.%s", slot, t->id);
	t->service_annotations->name = "frontend";
	PB_MAP_SET(a, t->service_annotations, labels, "com.docker.stack.namespace", "shop");
	t->status->timestamp = sample_time(a, 1700000105 + slot);
	t->status->state = PB__TASK_STATE__RUNNING;
	t->status->message = "started";
	t->status->runtime_status_case = PB__TASK_STATUS__RUNTIME_STATUS_CONTAINER;
	t->status->container = PB_NEW(a, container_status);
	t->status->container->container_id =
		arena_printf(a, "%04x4c0fdaa8b6341bfdeca5f18f7837462c80cff90527ee35ef185571e1c327",
			     slot % 65536);
	t->status->container->pid = 4321;
	t->status->port_status = PB_NEW(a, port_status);
	t->status->applied_by = "n0d31d0fth3l34d3rxxxxxxxx";
	t->status->applied_at = sample_time(a, 1700000106 + slot);
	t->desired_state = PB__TASK_STATE__RUNNING;
	n->network = sample_network(a);
	PB_APPEND(a, n, addresses, arena_printf(a, "10.0.1.%u/24", 3 + slot % 250));
	PB_APPEND(a, n, aliases, "web");
	PB_APPEND(a, t, networks, n);
	t->endpoint = sample_endpoint(a);
	t->spec_version = PB_NEW(a, version);
	t->spec_version->index = 42;
	return t;
}

#endif
