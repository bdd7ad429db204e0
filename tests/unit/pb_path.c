#include "pb/path.h"

#include "base/mem.h"
#include "test.h"

static struct pb_path path_of(const ProtobufCMessageDescriptor *type, const char *text)
{
	struct pb_path p;
	struct err e;

	CHECK(pb_path_resolve(&p, type, text, &e));
	return p;
}

TEST(a_path_goes_through_a_oneof)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);
	struct pb_path p = path_of(&pb__service_spec__descriptor, "replicated.replicas");
	struct pb_slot slot;

	CHECK(!pb_path_find(&p, s, &slot));
	slot = pb_path_make(&p, &a, s);
	CHECK(pb_slot_set_int(&slot, 3, NULL));

	CHECK_INT(s->mode_case, PB__SERVICE_SPEC__MODE_REPLICATED);
	CHECK_INT(s->replicated->replicas, 3);
	CHECK(pb_path_find(&p, s, &slot));
	CHECK_INT(pb_slot_int(&slot), 3);
}

TEST(making_another_member_of_a_oneof_starts_afresh)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);
	struct pb_path replicas = path_of(&pb__service_spec__descriptor, "replicated.replicas");
	struct pb_path global = path_of(&pb__service_spec__descriptor, "global");
	struct pb_slot slot;

	pb_set_int(&a, s, "replicated.replicas", 3);
	pb_path_make(&global, &a, s);

	CHECK_INT(s->mode_case, PB__SERVICE_SPEC__MODE_GLOBAL);
	CHECK(s->global && s->global->base.descriptor == &pb__global_service__descriptor);
	CHECK(!pb_path_find(&replicas, s, &slot));
	CHECK_INT(pb_get_int(s, "replicated.replicas"), 0);
}

TEST(making_a_path_keeps_what_is_on_it)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);

	pb_set_text(&a, s, "task.container.image", "nginx");
	pb_set_text(&a, s, "task.container.user", "www");
	pb_set_int(&a, s, "task.container.stop_grace_period.seconds", 7);

	CHECK_STR(s->task->container->image, "nginx");
	CHECK_STR(pb_get_text(s, "task.container.user"), "www");
	CHECK_INT(s->task->container->stop_grace_period->seconds, 7);
	CHECK(!pb_get_text(s, "task.log_driver.name"));
}

TEST(paths_that_do_not_exist_are_refused)
{
	static const char *const wrong[] = { "",
					     "x",
					     "task.",
					     ".task",
					     "task..container",
					     "annotations.name.x",
					     "annotations.labels.key",
					     "task.container.imagee" };
	struct pb_path p;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct err e = { 0 };

		CHECK(!pb_path_resolve(&p, &pb__service_spec__descriptor, wrong[i], &e));
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST(numbers_must_fit_the_field)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__PortConfig *port = PB_NEW(&a, port_config);
	struct pb_path p = path_of(&pb__port_config__descriptor, "target_port");
	struct pb_slot slot = pb_path_make(&p, &a, port);
	struct err e = { 0 };

	CHECK(!pb_slot_set_int(&slot, -1, &e));
	CHECK(!pb_slot_set_int(&slot, INT64_C(1) << 32, &e));
	CHECK_INT(e.kind, ERR_INVALID);
	CHECK(pb_slot_set_int(&slot, UINT32_MAX, &e));
	CHECK(port->target_port == UINT32_MAX);
	CHECK(pb_slot_int(&slot) == UINT32_MAX);
}

TEST(bools_enums_and_negative_numbers_are_numbers)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Task *t = PB_NEW(&a, task);
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);

	pb_set_int(&a, t, "status.state", PB__TASK_STATE__FAILED);
	pb_set_int(&a, t, "status.container.exit_code", -7);
	pb_set_int(&a, s, "task.container.tty", 1);
	pb_set_int(&a, s, "task.resources.memory_swappiness.value", -1);

	CHECK_INT(t->status->state, PB__TASK_STATE__FAILED);
	CHECK_INT(pb_get_int(t, "status.container.exit_code"), -7);
	CHECK(s->task->container->tty);
	CHECK_INT(s->task->resources->memory_swappiness->value, -1);
}

TEST(a_list_is_made_with_its_items)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);
	struct pb_path env = path_of(&pb__service_spec__descriptor, "task.container.env");
	struct pb_path ports = path_of(&pb__service_spec__descriptor, "endpoint.ports");
	struct pb_slot slot = pb_path_make(&env, &a, s);

	pb_slot_set_count(&slot, &a, 2);
	*(char **)pb_slot_item(&slot, 1) = "A=1";
	CHECK_INT(pb_slot_count(&slot), 2);
	CHECK_STR(s->task->container->env[0], "");
	CHECK_STR(s->task->container->env[1], "A=1");

	slot = pb_path_make(&ports, &a, s);
	pb_slot_set_count(&slot, &a, 1);
	CHECK_INT(s->endpoint->ports[0]->target_port, 0);
}

TEST(a_cleared_field_is_as_if_never_set)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__ServiceSpec *s = PB_NEW(&a, service_spec);
	static const char *const set[] = { "annotations.name", "replicated", "update", "networks",
					   "task.force_update" };

	s->update = PB_NEW(&a, update_config);
	PB_APPEND(&a, s, networks, PB_NEW(&a, network_attachment_config));
	pb_set_text(&a, s, "annotations.name", "web");
	pb_set_int(&a, s, "replicated.replicas", 1);
	pb_set_int(&a, s, "task.force_update", 1);
	for (size_t i = 0; i < ARRAY_LEN(set); i++) {
		struct pb_path p = path_of(&pb__service_spec__descriptor, set[i]);

		pb_path_clear(&p, s);
	}

	CHECK(pb_equal(s, PB_NEW(&a, service_spec)));
}

TEST(text_and_bytes_are_copied)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__SecretSpec *s = PB_NEW(&a, secret_spec);
	Pb__SelectBy *by = PB_NEW(&a, select_by);
	char text[] = "secret";
	struct pb_path p = path_of(&pb__secret_spec__descriptor, "data");
	struct pb_slot slot = pb_path_make(&p, &a, s);

	pb_slot_set_bytes(&slot, &a, str_bytes(text, sizeof(text)));
	text[0] = 'S';
	CHECK(s->data.len == 7 && memcmp(s->data.data, "secret", 7) == 0);

	p = path_of(&pb__select_by__descriptor, "id_prefix");
	pb_path_make(&p, &a, by);
	CHECK_INT(by->by_case, PB__SELECT_BY__BY_ID_PREFIX);
	CHECK_STR(by->id_prefix, "");
	CHECK_INT(pb_encoded_size(by), 2);
}

TEST_MAIN()
