#include "swarm/control/cluster.h"

#include "swarm_drive.h"

/* The text of the refusal, or "" for none. */
static const char *refusal(struct drive *d, const char *method, const void *request,
			   enum err_kind kind)
{
	struct err e = { 0 };

	if (ask(d, method, request, &e))
		return "";
	if (e.kind != kind)
		TEST_FAIL("%s: kind is %s, not %s", e.text, err_kind_name(e.kind),
			  err_kind_name(kind));
	return arena_strdup(&d->arena, e.text);
}

static const char *refused(struct drive *d, Pb__ServiceSpec *spec, enum err_kind kind)
{
	Pb__CreateServiceRequest *request = PB_NEW(&d->arena, create_service_request);

	request->spec = spec;
	return refusal(d, "CreateService", request, kind);
}

static const char *invalid(struct drive *d, Pb__ServiceSpec *spec)
{
	return refused(d, spec, ERR_INVALID);
}

TEST(every_method_is_found_by_its_path)
{
	CHECK(control_find(STR("/docker.swarmkit.v1.Control/GetNode"))->is_read);
	CHECK(!control_find(STR("/docker.swarmkit.v1.Control/CreateService"))->is_read);
	CHECK(control_find(STR("/docker.swarmkit.v1.Control/UpdateCluster"))->needs_chance);
	CHECK(!control_find(STR("/docker.swarmkit.v1.Control/Nothing")));
	for (size_t i = 1; i < control_methods_count; i++)
		CHECK(strcmp(control_methods[i - 1].path, control_methods[i].path) < 0);
}

TEST(names_of_services_are_checked)
{
	struct drive *d = drive_new(1);
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "", "meta: name must be provided" },
		{ "-web", "name must be valid as a DNS name component" },
		{ "we b", "name must be valid as a DNS name component" },
		{ "web_", "name must be valid as a DNS name component" },
		{ "a234567890123456789012345678901234567890123456789012345678901234",
		  "name must be 63 characters or fewer" },
		{ "we-_b2", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(invalid(d, replicated(d, rows[i].name, "web", 1)), rows[i].text);
	CHECK_STR(refused(d, replicated(d, "WE-_B2", "web", 1), ERR_CONFLICT),
		  "name conflicts with an existing object: service WE-_B2 already exists");
	drive_free(d);
}

TEST(specs_of_tasks_are_checked)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *s = replicated(d, "web", "", 1);
	Pb__Mount *mount = PB_NEW(&d->arena, mount);

	CHECK_STR(
		refusal(d, "CreateService", PB_NEW(&d->arena, create_service_request), ERR_INVALID),
		"invalid argument");
	CHECK_STR(invalid(d, s), "ContainerSpec: image reference must be provided");
	s->task->runtime_case = PB__TASK_SPEC__RUNTIME__NOT_SET;
	CHECK_STR(invalid(d, s), "TaskSpec: missing runtime");
	s->task->runtime_case = PB__TASK_SPEC__RUNTIME_ATTACHMENT;
	s->task->attachment = PB_NEW(&d->arena, network_attachment_spec);
	CHECK_STR(refused(d, s, ERR_UNSUPPORTED),
		  "RuntimeSpec: unimplemented runtime in service spec");

	s = replicated(d, "web", "web", 1);
	mount->target = "/data";
	PB_APPEND(&d->arena, s->task->container, mounts, mount);
	PB_APPEND(&d->arena, s->task->container, mounts, mount);
	CHECK_STR(invalid(d, s), "ContainerSpec: duplicate mount point: /data");

	s = replicated(d, "web", "web", 1);
	s->task->container->healthcheck = PB_NEW(&d->arena, health_config);
	s->task->container->healthcheck->interval = PB_NEW(&d->arena, duration);
	s->task->container->healthcheck->interval->nanos = 1;
	CHECK_STR(invalid(d, s), "ContainerSpec: Interval in HealthConfig cannot be less than 1ms");
	s->task->container->healthcheck->interval = NULL;
	s->task->container->healthcheck->retries = -1;
	CHECK_STR(invalid(d, s), "ContainerSpec: Retries in HealthConfig cannot be negative");

	s = replicated(d, "web", "web", 1);
	s->task->resources = PB_NEW(&d->arena, resource_requirements);
	s->task->resources->limits = PB_NEW(&d->arena, resources);
	s->task->resources->limits->nano_cpus = 10;
	CHECK_STR(invalid(d, s), "invalid cpu value 1e-08: Must be at least 0.001");
	s->task->resources->limits->nano_cpus = 0;
	s->task->resources->limits->memory_bytes = 1000;
	CHECK_STR(invalid(d, s), "invalid memory value 1000: Must be at least 4MiB");

	s = replicated(d, "web", "web", 1);
	policy(d, s, PB__RESTART_POLICY__RESTART_CONDITION__ANY, -1000, 0, 0);
	CHECK_STR(invalid(d, s), "TaskSpec: restart-delay cannot be negative");

	s = replicated(d, "web", "web", 1);
	s->task->placement = PB_NEW(&d->arena, placement);
	PB_APPEND(&d->arena, s->task->placement, constraints, "node.role");
	CHECK_STR(invalid(d, s), "constraint expected one operator from ==, !=");
	drive_free(d);
}

TEST(modes_and_updates_are_checked)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *s = replicated(d, "web", "web", UINT64_MAX);

	CHECK_STR(invalid(d, s), "Number of replicas must be non-negative");
	s->mode_case = PB__SERVICE_SPEC__MODE__NOT_SET;
	CHECK_STR(invalid(d, s), "Unrecognized service mode");
	s->mode_case = PB__SERVICE_SPEC__MODE_REPLICATED_JOB;
	s->replicated_job = PB_NEW(&d->arena, replicated_job);
	s->replicated_job->max_concurrent = UINT64_MAX;
	CHECK_STR(invalid(d, s), "Maximum concurrent jobs must not be negative");
	s->replicated_job->max_concurrent = 1;
	s->update = PB_NEW(&d->arena, update_config);
	CHECK_STR(invalid(d, s), "Jobs may not have an update config");
	s->update->max_failure_ratio = 1.5f;
	CHECK_STR(invalid(d, s),
		  "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
	s->update->delay->seconds = -1;
	CHECK_STR(invalid(d, s), "TaskSpec: update-delay cannot be negative");
	drive_free(d);
}

TEST(ports_are_checked)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *s = replicated(d, "web", "web", 1);
	Pb__PortConfig *port = PB_NEW(&d->arena, port_config);
	const char *text;

	port->target_port = 80;
	port->published_port = 8080;
	s->endpoint = PB_NEW(&d->arena, endpoint_spec);
	PB_APPEND(&d->arena, s->endpoint, ports, port);
	text = refused(d, s, ERR_UNSUPPORTED);
	CHECK(strstr(text, "mode=host"));
	s->endpoint->mode = PB__ENDPOINT_SPEC__RESOLUTION_MODE__DNSRR;
	CHECK_STR(invalid(d, s),
		  "EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
	s->endpoint->mode = PB__ENDPOINT_SPEC__RESOLUTION_MODE__VIP;
	port->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	PB_APPEND(&d->arena, s->endpoint, ports, port);
	CHECK_STR(invalid(d, s), "EndpointSpec: duplicate published ports provided");
	s->endpoint->n_ports = 1;
	CHECK_STR(refused(d, s, ERR_INVALID), "");
	drive_free(d);
}

TEST(a_host_port_and_an_ingress_port_exclude_each_other)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *s = replicated(d, "web", "web", 1);
	Pb__PortConfig *port = PB_NEW(&d->arena, port_config);
	Pb__CreateServiceRequest *request = PB_NEW(&d->arena, create_service_request);
	struct control c = { .arena = &d->arena, .prng = &d->prng, .overlay_is_built = true };
	const char *web;
	struct err e;

	port->published_port = 8080;
	port->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__HOST;
	s->endpoint = PB_NEW(&d->arena, endpoint_spec);
	PB_APPEND(&d->arena, s->endpoint, ports, port);
	web = create(d, s);

	s->annotations->name = "web2";
	port->publish_mode = PB__PORT_CONFIG__PUBLISH_MODE__INGRESS;
	request->spec = s;
	c.txn = begin(d);
	c.view = txn_view(c.txn);
	CHECK(!control_find(STR("/docker.swarmkit.v1.Control/CreateService"))
		       ->handle(&c, request, &e));
	CHECK_STR(e.text, arena_printf(&d->arena,
				       "port '8080' is already in use by service 'web' (%s) as an "
				       "ingress port",
				       web));
	txn_close(c.txn);
	drive_free(d);
}

TEST(overlay_networks_are_refused_until_they_are_built)
{
	struct drive *d = drive_new(1);
	Pb__ServiceSpec *s = replicated(d, "web", "web", 1);
	Pb__NetworkAttachmentConfig *at = PB_NEW(&d->arena, network_attachment_config);
	Pb__CreateNetworkRequest *request = PB_NEW(&d->arena, create_network_request);

	at->target = view_by_name(store_view(d->store), OBJECT_NETWORK, "ingress")
			     ? (char *)object_id(view_by_name(store_view(d->store), OBJECT_NETWORK,
							      "ingress"))
			     : "";
	PB_APPEND(&d->arena, s->task, networks, at);
	CHECK_STR(invalid(d, s),
		  "Service cannot be explicitly attached to the ingress network \"ingress\"");
	request->spec = PB_NEW(&d->arena, network_spec);
	request->spec->annotations->name = "mine";
	CHECK(strstr(refusal(d, "CreateNetwork", request, ERR_UNSUPPORTED), "mode=host"));
	drive_free(d);
}

/* ---- versions ---- */

TEST(an_update_of_an_old_version_is_out_of_sequence)
{
	struct drive *d = drive_new(1);
	Pb__UpdateServiceRequest *request = PB_NEW(&d->arena, update_service_request);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);
	const char *web = create(d, spec);

	CHECK_STR(refusal(d, "UpdateService", request, ERR_INVALID), "invalid argument");
	request->service_id = (char *)web;
	request->spec = spec;
	request->service_version = pb_dup(&d->arena, service(d, web)->meta->version);
	CHECK_STR(refusal(d, "UpdateService", request, ERR_NONE), "");
	CHECK_STR(refusal(d, "UpdateService", request, ERR_OUT_OF_SEQUENCE),
		  "update out of sequence");
	CHECK_INT(err_grpc_status(ERR_OUT_OF_SEQUENCE), 2);
	drive_free(d);
}

TEST(of_two_updates_in_one_transaction_the_second_is_out_of_sequence)
{
	struct drive *d = drive_new(1);
	const struct control_method *m =
		control_find(STR("/docker.swarmkit.v1.Control/UpdateService"));
	Pb__UpdateServiceRequest *request = PB_NEW(&d->arena, update_service_request);
	struct control c = { .arena = &d->arena, .prng = &d->prng };
	const char *web = create(d, replicated(d, "web", "web", 1));
	struct err e;

	request->service_id = (char *)web;
	request->spec = replicated(d, "web", "web", 2);
	request->service_version = pb_dup(&d->arena, service(d, web)->meta->version);
	c.txn = begin(d);
	c.view = txn_view(c.txn);
	CHECK(m->handle(&c, request, &e));
	CHECK(!m->handle(&c, request, &e));
	CHECK_STR(e.text, "update out of sequence");
	finish(d, c.txn);
	drive_free(d);
}

TEST(the_spec_version_of_a_service_is_the_version_it_was_changed_from)
{
	struct drive *d = drive_new(1);
	const char *web = create(d, replicated(d, "web", "web", 1));
	uint64_t from = service(d, web)->meta->version->index;

	CHECK_INT(service(d, web)->spec_version->index, 0);
	update(d, web, replicated(d, "web", "web2", 1));
	CHECK_INT(service(d, web)->spec_version->index, from);
	CHECK_INT(service(d, web)->previous_spec_version->index, 0);
	CHECK_STR(service(d, web)->previous_spec->task->container->image, "web");
	drive_free(d);
}

TEST(a_service_keeps_its_name_and_mode)
{
	struct drive *d = drive_new(1);
	const char *web = create(d, replicated(d, "web", "web", 1));
	struct err e;

	CHECK(!try_update(d, web, replicated(d, "web2", "web", 1), &e));
	CHECK_INT(e.kind, ERR_UNSUPPORTED);
	CHECK_STR(e.text, "renaming services is not supported");
	CHECK(!try_update(d, web, global(d, "web", "web"), &e));
	CHECK_STR(e.text, "service mode change is not allowed");
	drive_free(d);
}

TEST(what_does_not_exist_is_not_found)
{
	struct drive *d = drive_new(1);
	Pb__GetServiceRequest *s = PB_NEW(&d->arena, get_service_request);
	Pb__GetNodeRequest *n = PB_NEW(&d->arena, get_node_request);
	Pb__RemoveSecretRequest *r = PB_NEW(&d->arena, remove_secret_request);

	s->service_id = "x";
	CHECK_STR(refusal(d, "GetService", s, ERR_NOT_FOUND), "service x not found");
	n->node_id = "x";
	CHECK_STR(refusal(d, "GetNode", n, ERR_NOT_FOUND), "node x not found");
	CHECK_STR(refusal(d, "RemoveSecret", r, ERR_INVALID), "secret ID must be provided");
	r->secret_id = "x";
	CHECK_STR(refusal(d, "RemoveSecret", r, ERR_NOT_FOUND), "could not find secret x");
	drive_free(d);
}

/* ---- lists ---- */

static size_t services_listed(struct drive *d, Pb__ListServicesRequest *request)
{
	const Pb__ListServicesResponse *response;
	struct err e;

	response = ask(d, "ListServices", request, &e);
	return response->n_services;
}

TEST(lists_are_filtered)
{
	struct drive *d = drive_new(1);
	Pb__ListServicesRequest *request = PB_NEW(&d->arena, list_services_request);
	Pb__ServiceSpec *spec = replicated(d, "web", "web", 1);

	PB_MAP_SET(&d->arena, spec->annotations, labels, "tier", "front");
	create(d, spec);
	create(d, replicated(d, "db", "db", 1));
	CHECK_INT(services_listed(d, request), 2);
	request->filters = pb_new(&d->arena, &pb__list_services_request__filters__descriptor);
	PB_APPEND(&d->arena, request->filters, names, "web");
	CHECK_INT(services_listed(d, request), 1);
	PB_MAP_SET(&d->arena, request->filters, labels, "tier", "");
	CHECK_INT(services_listed(d, request), 1);
	PB_MAP_SET(&d->arena, request->filters, labels, "tier", "back");
	CHECK_INT(services_listed(d, request), 0);
	request->filters->n_labels = request->filters->n_names = 0;
	PB_APPEND(&d->arena, request->filters, name_prefixes, "d");
	CHECK_INT(services_listed(d, request), 1);
	drive_free(d);
}

TEST(tasks_are_listed_by_service_node_and_name)
{
	struct drive *d = drive_new(1);
	Pb__ListTasksRequest *request = PB_NEW(&d->arena, list_tasks_request);
	const Pb__ListTasksResponse *response;
	const Pb__Task *task;
	const char *web;
	struct err e;

	add_workers(d, 2);
	web = create(d, replicated(d, "web", "web", 4));
	create(d, replicated(d, "db", "db", 2));
	run(d, 1000);
	request->filters = pb_new(&d->arena, &pb__list_tasks_request__filters__descriptor);
	PB_APPEND(&d->arena, request->filters, service_ids, (char *)web);
	response = ask(d, "ListTasks", request, &e);
	CHECK_INT(response->n_tasks, 4);
	PB_APPEND(&d->arena, request->filters, node_ids, "worker1");
	response = ask(d, "ListTasks", request, &e);
	CHECK_INT(response->n_tasks, 2);
	task = response->tasks[0];
	PB_APPEND(&d->arena, request->filters, names,
		  arena_printf(&d->arena, "web.%d.%s", (int)task->slot, task->id));
	request->filters->up_to_date = true;
	response = ask(d, "ListTasks", request, &e);
	CHECK_INT(response->n_tasks, 1);
	drive_free(d);
}

TEST(statuses_count_what_runs)
{
	struct drive *d = drive_new(1);
	Pb__ListServiceStatusesRequest *request = PB_NEW(&d->arena, list_service_statuses_request);
	const Pb__ListServiceStatusesResponse *response;
	struct err e;

	add_workers(d, 2);
	PB_APPEND(&d->arena, request, services, (char *)create(d, replicated(d, "web", "web", 3)));
	PB_APPEND(&d->arena, request, services, (char *)create(d, global(d, "agent", "web")));
	PB_APPEND(&d->arena, request, services, "unknown");
	run(d, 1000);
	response = ask(d, "ListServiceStatuses", request, &e);
	CHECK_INT(response->n_statuses, 3);
	CHECK_INT(response->statuses[0]->desired_tasks, 3);
	CHECK_INT(response->statuses[0]->running_tasks, 3);
	CHECK_INT(response->statuses[1]->desired_tasks, 2);
	CHECK_INT(response->statuses[2]->desired_tasks, 0);
	drive_free(d);
}

/* ---- nodes and the cluster ---- */

TEST(the_last_manager_is_not_demoted)
{
	struct drive *d = drive_new(1);
	Pb__UpdateNodeRequest *request = PB_NEW(&d->arena, update_node_request);
	const Pb__Node *node = view_node(store_view(d->store), "manager");

	request->node_id = "manager";
	request->node_version = pb_dup(&d->arena, node->meta->version);
	request->spec = pb_dup(&d->arena, node->spec);
	request->spec->desired_role = PB__NODE_ROLE__WORKER;
	CHECK_STR(refusal(d, "UpdateNode", request, ERR_IN_USE),
		  "attempting to demote the last manager of the swarm");
	request->spec->desired_role = PB__NODE_ROLE__MANAGER;
	request->spec->availability = PB__NODE_SPEC__AVAILABILITY__ACTIVE;
	CHECK_STR(refusal(d, "UpdateNode", request, ERR_NONE), "");
	CHECK_STR(refusal(d, "UpdateNode", request, ERR_OUT_OF_SEQUENCE), "update out of sequence");
	drive_free(d);
}

TEST(a_removed_node_cannot_come_back)
{
	struct drive *d = drive_new(1);
	Pb__RemoveNodeRequest *request = PB_NEW(&d->arena, remove_node_request);
	const Pb__Cluster *cluster;

	add_workers(d, 2);
	request->node_id = "worker2";
	request->force = true;
	CHECK_STR(refusal(d, "RemoveNode", request, ERR_NONE), "");
	request->node_id = "worker1";
	CHECK_STR(refusal(d, "RemoveNode", request, ERR_NONE), "");
	cluster = view_cluster(store_view(d->store));
	CHECK_INT(cluster->n_blacklisted_certificates, 2);
	CHECK_STR(cluster->blacklisted_certificates[0]->key, "worker1");
	CHECK_STR(cluster->blacklisted_certificates[1]->key, "worker2");
	CHECK(moment_ns(cluster->blacklisted_certificates[0]->value->expiry) > d->now.wall_ns);
	drive_free(d);
}

static Pb__UpdateClusterRequest *cluster_request(struct drive *d)
{
	Pb__UpdateClusterRequest *request = PB_NEW(&d->arena, update_cluster_request);
	const Pb__Cluster *cluster = view_cluster(store_view(d->store));

	request->cluster_id = "cluster";
	request->cluster_version = pb_dup(&d->arena, cluster->meta->version);
	request->spec = pb_dup(&d->arena, cluster->spec);
	return request;
}

TEST(join_tokens_are_rotated_one_by_one)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);
	const Pb__JoinTokens *now,
		*before =
			pb_dup(&d->arena, view_cluster(store_view(d->store))->root_ca->join_tokens);
	const uint8_t secret[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	request->rotation->worker_join_token = true;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	now = view_cluster(store_view(d->store))->root_ca->join_tokens;
	CHECK_STR(now->manager, before->manager);
	CHECK(strcmp(now->worker, before->worker) != 0);
	CHECK_INT(strlen(now->worker), strlen(before->worker));
	CHECK_STR(token_with_secret("SWMTKN-1-digest-old", secret, &d->arena),
		  "SWMTKN-1-digest-000avh9he7dy896m08s18udxr");
	drive_free(d);
}

static const Pb__RootCA *root_of(struct drive *d)
{
	return view_cluster(store_view(d->store))->root_ca;
}

static ProtobufCBinaryData bytes(const char *text)
{
	return (ProtobufCBinaryData){ strlen(text), (uint8_t *)(uintptr_t)text };
}

static struct str str_of_bytes(ProtobufCBinaryData b)
{
	return str_bytes(b.data, b.len);
}

/* A root that seam/keys would have made for this request. */
static const struct control_root *made_for(struct drive *d, const Pb__UpdateClusterRequest *request,
					   const char *cert)
{
	struct control_root *r = ARENA_NEW(&d->arena, struct control_root);

	*r = (struct control_root){
		.old_cert = str_of_bytes(root_of(d)->ca_cert),
		.asked_cert = str_of_bytes(request->spec->ca_config->signing_ca_cert),
		.asked_key = str_of_bytes(request->spec->ca_config->signing_ca_key),
		.cert = str_of(cert),
		.key = STR("its key"),
		.cross_signed = STR("the old root's word for it"),
	};
	return r;
}

TEST(a_rotation_of_the_root_begins_when_the_root_is_made)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);
	const char *token = arena_strdup(&d->arena, root_of(d)->join_tokens->worker);

	request->spec->ca_config->force_rotate = 1;
	(void)refusal(d, "UpdateCluster", request, ERR_UNAVAILABLE);
	CHECK(d->needs_root && !root_of(d)->root_rotation);

	d->root = made_for(d, request, "new root\n");
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK(str_equal_c(str_of_bytes(root_of(d)->root_rotation->ca_cert), "new root\n"));
	CHECK(str_equal_c(str_of_bytes(root_of(d)->root_rotation->ca_key), "its key"));
	CHECK_INT(root_of(d)->last_forced_rotation, 1);
	CHECK_STR(root_of(d)->join_tokens->worker, token);

	/* The same number asks for nothing more. */
	d->root = NULL;
	CHECK_STR(refusal(d, "UpdateCluster", cluster_request(d), ERR_NONE), "");
	CHECK(root_of(d)->root_rotation);
	drive_free(d);
}

TEST(a_rotation_of_the_root_is_given_up_by_the_present_root)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);

	request->spec->ca_config->force_rotate = 1;
	d->root = made_for(d, request, "new root\n");
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");

	request = cluster_request(d);
	request->spec->ca_config->signing_ca_cert = root_of(d)->ca_cert;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK(!root_of(d)->root_rotation);
	drive_free(d);
}

TEST(ones_own_root_comes_with_its_key_and_neither_stays_in_the_spec)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);

	request->spec->ca_config->signing_ca_key = bytes("a key");
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_INVALID),
		  "if a signing CA key is provided, the signing CA cert must also be provided");
	request->spec->ca_config->signing_ca_cert = bytes("our root");
	d->root = made_for(d, request, "our root\n");
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK(root_of(d)->root_rotation);
	CHECK_INT(view_cluster(store_view(d->store))->spec->ca_config->signing_ca_cert.len, 0);
	CHECK_INT(view_cluster(store_view(d->store))->spec->ca_config->signing_ca_key.len, 0);

	/* Asked for again, it goes on. */
	request = cluster_request(d);
	request->spec->ca_config->signing_ca_cert = bytes("our root");
	d->root = NULL;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK(root_of(d)->root_rotation);
	drive_free(d);
}

TEST(a_root_that_cannot_be_one_is_refused_in_the_keys_words)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);
	struct control_root *r;

	request->spec->ca_config->signing_ca_cert = bytes("no root");
	request->spec->ca_config->signing_ca_key = bytes("no key");
	r = (struct control_root *)made_for(d, request, "");
	r->is_refused = true;
	fail(&r->why, ERR_INVALID, "could not parse the desired CA certificate");
	d->root = r;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_INVALID),
		  "could not parse the desired CA certificate");
	CHECK(!d->needs_root && !root_of(d)->root_rotation);
	drive_free(d);
}

TEST(autolock_has_a_key_while_it_is_on)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);

	request->spec->encryption_config->auto_lock_managers = true;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK_INT(view_cluster(store_view(d->store))->n_unlock_keys, 1);
	CHECK_INT(view_cluster(store_view(d->store))->unlock_keys[0]->key.len, 32);
	CHECK_STR(view_cluster(store_view(d->store))->unlock_keys[0]->subsystem, "swarm-manager");
	request = cluster_request(d);
	request->spec->encryption_config->auto_lock_managers = false;
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_NONE), "");
	CHECK_INT(view_cluster(store_view(d->store))->n_unlock_keys, 0);
	drive_free(d);
}

TEST(specs_of_clusters_are_checked)
{
	struct drive *d = drive_new(1);
	Pb__UpdateClusterRequest *request = cluster_request(d);

	request->spec->ca_config->node_cert_expiry = span(&d->arena, 60000);
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_INVALID),
		  "minimum certificate expiry time is: 1h0m0s");
	request = cluster_request(d);
	request->spec->annotations->name = "mine";
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_INVALID),
		  "modification of cluster name is not allowed");
	request = cluster_request(d);
	request->spec->dispatcher->heartbeat_period = span(&d->arena, -1000);
	CHECK_STR(refusal(d, "UpdateCluster", request, ERR_INVALID),
		  "heartbeat time period cannot be a negative duration");
	drive_free(d);
}

TEST(clusters_are_shown_without_their_keys)
{
	AUTO_ARENA struct arena a = { 0 };
	Pb__Cluster *cluster = PB_NEW(&a, cluster);
	const Pb__Cluster *shown;
	ProtobufCBinaryData key = { 3, (uint8_t *)"key" };
	Pb__EncryptionKey *unlock = PB_NEW(&a, encryption_key);

	cluster->root_ca->ca_key = cluster->spec->ca_config->signing_ca_key = key;
	cluster->root_ca->root_rotation = PB_NEW(&a, root_rotation);
	cluster->root_ca->root_rotation->ca_key = key;
	cluster->root_ca->join_tokens->worker = "token";
	PB_APPEND(&a, cluster, unlock_keys, unlock);
	PB_APPEND(&a, cluster, network_bootstrap_keys, unlock);
	shown = cluster_redacted(cluster, &a);
	CHECK_INT(shown->root_ca->ca_key.len + shown->root_ca->root_rotation->ca_key.len +
			  shown->spec->ca_config->signing_ca_key.len,
		  0);
	CHECK_INT(shown->n_unlock_keys + shown->n_network_bootstrap_keys, 0);
	CHECK_STR(shown->root_ca->join_tokens->worker, "token");
	CHECK_STR(shown->default_address_pool[0], "10.0.0.0/8");
	CHECK(shown->subnet_size == 24 && shown->vxlan_udp_port == 4789);
	/* What is stored stays as it was. */
	CHECK(cluster->root_ca->ca_key.len == 3 &&
	      cluster->spec->ca_config->signing_ca_key.len == 3);
	drive_free(drive_new(1));
}

/* ---- secrets, configs, networks ---- */

static const char *make_secret(struct drive *d, const char *name)
{
	Pb__CreateSecretRequest *request = PB_NEW(&d->arena, create_secret_request);
	const Pb__CreateSecretResponse *response;
	struct err e;

	request->spec = PB_NEW(&d->arena, secret_spec);
	request->spec->annotations->name = (char *)name;
	request->spec->data = (ProtobufCBinaryData){ 4, (uint8_t *)"1234" };
	response = ask(d, "CreateSecret", request, &e);
	if (!response)
		TEST_FAIL("%s", e.text);
	CHECK_INT(response->secret->spec->data.len, 0);
	return response->secret->id;
}

static void use_secret(struct drive *d, Pb__ServiceSpec *spec, const char *id, const char *name,
		       const char *file)
{
	Pb__SecretReference *ref = PB_NEW(&d->arena, secret_reference);

	ref->secret_id = (char *)id;
	ref->secret_name = (char *)name;
	if (file) {
		ref->target_case = PB__SECRET_REFERENCE__TARGET_FILE;
		ref->file = PB_NEW(&d->arena, file_target);
		ref->file->name = (char *)file;
	}
	PB_APPEND(&d->arena, spec->task->container, secrets, ref);
}

TEST(references_to_secrets_are_checked)
{
	struct drive *d = drive_new(1);
	const char *id = make_secret(d, "key");
	Pb__ServiceSpec *s;

	s = replicated(d, "web", "web", 1);
	use_secret(d, s, "", "key", "key");
	CHECK_STR(invalid(d, s), "malformed secret reference");
	s = replicated(d, "web", "web", 1);
	use_secret(d, s, id, "key", NULL);
	CHECK_STR(invalid(d, s), "malformed secret reference, no target provided");
	s = replicated(d, "web", "web", 1);
	use_secret(d, s, id, "key", "");
	CHECK_STR(invalid(d, s),
		  "malformed file secret reference, invalid target file name provided");
	s = replicated(d, "web", "web", 1);
	use_secret(d, s, id, "key", "a");
	use_secret(d, s, id, "key2", "a");
	CHECK_STR(invalid(d, s),
		  "secret references 'key' and 'key2' have a conflicting target: 'a'");
	s = replicated(d, "web", "web", 1);
	use_secret(d, s, "x", "x", "x");
	CHECK_STR(invalid(d, s), "secret not found: x");
	use_secret(d, s, "y", "y", "y");
	CHECK_STR(invalid(d, s), "secrets not found: x, y");
	drive_free(d);
}

TEST(a_secret_in_use_stays)
{
	struct drive *d = drive_new(1);
	const char *id = make_secret(d, "key"), *web;
	Pb__RemoveSecretRequest *request = PB_NEW(&d->arena, remove_secret_request);
	Pb__ServiceSpec *s = replicated(d, "web", "web", 1);

	use_secret(d, s, id, "key", "key");
	web = create(d, s);
	request->secret_id = (char *)id;
	CHECK_STR(refusal(d, "RemoveSecret", request, ERR_INVALID),
		  "secret 'key' is in use by the following service: web");
	remove_it(d, web);
	CHECK_STR(refusal(d, "RemoveSecret", request, ERR_NONE), "");
	drive_free(d);
}

TEST(secrets_and_configs_have_names_and_limits)
{
	struct drive *d = drive_new(1);
	Pb__CreateSecretRequest *s = PB_NEW(&d->arena, create_secret_request);
	Pb__CreateConfigRequest *c = PB_NEW(&d->arena, create_config_request);
	static uint8_t data[1024000];

	s->spec = PB_NEW(&d->arena, secret_spec);
	CHECK_STR(refusal(d, "CreateSecret", s, ERR_INVALID), "name must be provided");
	s->spec->annotations->name = ".key";
	CHECK_STR(refusal(d, "CreateSecret", s, ERR_INVALID),
		  "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end "
		  "character must be [a-zA-Z0-9]");
	s->spec->annotations->name = "key";
	CHECK_STR(refusal(d, "CreateSecret", s, ERR_INVALID),
		  "secret data must be larger than 0 and less than 512000 bytes");
	s->spec->data = (ProtobufCBinaryData){ 511999, data };
	CHECK_STR(refusal(d, "CreateSecret", s, ERR_NONE), "");
	CHECK_STR(refusal(d, "CreateSecret", s, ERR_CONFLICT), "secret key already exists");

	c->spec = PB_NEW(&d->arena, config_spec);
	c->spec->annotations->name = "site";
	c->spec->data = (ProtobufCBinaryData){ sizeof(data), data };
	CHECK_STR(refusal(d, "CreateConfig", c, ERR_INVALID),
		  "config data must be larger than 0 and less than 1024000 bytes");
	c->spec->data.len--;
	CHECK_STR(refusal(d, "CreateConfig", c, ERR_NONE), "");
	drive_free(d);
}

TEST(only_labels_of_a_secret_change)
{
	struct drive *d = drive_new(1);
	const char *id = make_secret(d, "key");
	const Pb__Secret *stored = view_get(store_view(d->store), OBJECT_SECRET, id);
	Pb__UpdateSecretRequest *request = PB_NEW(&d->arena, update_secret_request);

	request->secret_id = (char *)id;
	request->secret_version = pb_dup(&d->arena, stored->meta->version);
	request->spec = PB_NEW(&d->arena, secret_spec);
	request->spec->annotations->name = "key2";
	CHECK_STR(refusal(d, "UpdateSecret", request, ERR_INVALID),
		  "only updates to Labels are allowed");
	request->spec->annotations->name = "key";
	PB_MAP_SET(&d->arena, request->spec->annotations, labels, "a", "b");
	CHECK_STR(refusal(d, "UpdateSecret", request, ERR_NONE), "");
	stored = view_get(store_view(d->store), OBJECT_SECRET, id);
	CHECK_INT(stored->spec->data.len, 4);
	CHECK_STR(PB_MAP_GET(stored->spec->annotations, labels, "a"), "b");
	drive_free(d);
}

TEST(networks_are_checked)
{
	struct drive *d = drive_new(1);
	Pb__CreateNetworkRequest *request = PB_NEW(&d->arena, create_network_request);
	Pb__RemoveNetworkRequest *removal = PB_NEW(&d->arena, remove_network_request);
	Pb__NetworkSpec *spec = request->spec = PB_NEW(&d->arena, network_spec);
	Pb__IPAMConfig *ipam = PB_NEW(&d->arena, ipamconfig);

	spec->annotations->name = "lan";
	spec->driver_config = PB_NEW(&d->arena, driver);
	spec->driver_config->name = "macvlan";
	spec->ipam = PB_NEW(&d->arena, ipamoptions);
	PB_APPEND(&d->arena, spec->ipam, configs, ipam);
	ipam->subnet = "10.1.0.0";
	CHECK_STR(refusal(d, "CreateNetwork", request, ERR_INVALID),
		  "ipam configuration: invalid subnet 10.1.0.0");
	ipam->subnet = "10.1.0.0/16";
	ipam->range = "10.2.0.0/24";
	CHECK_STR(refusal(d, "CreateNetwork", request, ERR_INVALID),
		  "ipam configuration: subnet 10.1.0.0/16 does not contain range 10.2.0.0/24");
	ipam->range = "10.1.3.0/24";
	ipam->gateway = "10.9.0.1";
	CHECK_STR(refusal(d, "CreateNetwork", request, ERR_INVALID),
		  "ipam configuration: subnet 10.1.0.0/16 does not contain gateway 10.9.0.1");
	ipam->gateway = "10.1.0.1";
	PB_MAP_SET(&d->arena, spec->annotations, labels, "com.docker.swarm.predefined", "true");
	CHECK_STR(refusal(d, "CreateNetwork", request, ERR_DENIED),
		  "label com.docker.swarm.predefined is for internally created predefined networks "
		  "and "
		  "cannot be applied by users");
	spec->annotations->n_labels = 0;
	CHECK_STR(refusal(d, "CreateNetwork", request, ERR_NONE), "");
	removal->name = "lan";
	CHECK_STR(refusal(d, "RemoveNetwork", removal, ERR_NONE), "");
	removal->name = "bridge";
	CHECK(strstr(refusal(d, "RemoveNetwork", removal, ERR_IN_USE),
		     "(bridge) is a swarm predefined network and cannot be removed"));
	drive_free(d);
}

TEST_MAIN()
