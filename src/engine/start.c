/* Starting a container. What it needs is made ready all at once: its root and user, its network,
 * its devices, and its record on stable storage (so that no restart gives its address away). When
 * all are there, the runtime starts it; when one fails, what the others made is undone. */
#include "base/percent.h"
#include "engine/inside.h"
#include "engine/ocispec.h"
#include "pb/map.h"

static void part_ready(struct engine *e, struct container *c);

/* --- namespaces of others --- */

static bool namespace_of(struct engine *e, struct container *c, const char *mode, const char *what,
			 const char *kind, const char **path, struct err *err)
{
	struct container *other;

	*path = "";
	if (strcmp(mode, "host") == 0)
		*path = NULL;
	if (strncmp(mode, "container:", 10) != 0)
		return true;
	other = container_lookup(e, mode + 10, err);
	if (!other)
		return false;
	if (!container_has_process(other))
		return fail(err, ERR_CONFLICT, "cannot join %s of a non running container: %s",
			    what, other->record->id);
	*path = arena_printf(&c->run, "/proc/%lld/ns/%s", (long long)other->record->pid, kind);
	return true;
}

static bool choose_namespaces(struct engine *e, struct container *c, struct ocispec_namespaces *n,
			      struct err *err)
{
	const Pb__HostConfig *h = c->record->host_config;

	if (!namespace_of(e, c, h->pid_mode, "PID", "pid", &n->pid, err) ||
	    !namespace_of(e, c, h->ipc_mode, "IPC", "ipc", &n->ipc, err) ||
	    !namespace_of(e, c, h->uts_mode, "UTS", "uts", &n->uts, err) ||
	    !namespace_of(e, c, h->network_mode, "network", "net", &n->net, err))
		return false;
	if (c->netns)
		n->net = c->netns;
	if (strcmp(h->network_mode, "host") == 0 || strncmp(h->network_mode, "container:", 10) == 0)
		n->uts = strncmp(h->network_mode, "container:", 10) == 0 ? "" : NULL;
	n->own_cgroup = strcmp(h->cgroupns_mode, "private") == 0;
	return true;
}

static const char *shm_path(struct engine *e, struct container *c)
{
	const char *mode = c->record->host_config->ipc_mode;
	struct container *other;

	if (strcmp(mode, "host") == 0)
		return "/dev/shm";
	if (strncmp(mode, "container:", 10) != 0)
		return NULL;
	other = container_by_id(e, mode + 10);
	return other ? arena_printf(&c->run, "/proc/%lld/root/dev/shm",
				    (long long)other->record->pid)
		     : NULL;
}

/* --- launching --- */

static bool parse_size(const char *text, int64_t *bytes)
{
	static const char units[] = "kmgt";
	struct str s = str_trim(str_of(text));
	const char *unit = NULL;
	uint64_t value;

	while (s.len > 1 && (s.ptr[s.len - 1] == 'b' || s.ptr[s.len - 1] == 'B'))
		s.len--;
	if (s.len > 1)
		unit = strchr(units, s.ptr[s.len - 1] | 32);
	if (unit)
		s.len--;
	if (!str_to_u64(s, &value) || value > (UINT64_C(1) << 40))
		return false;
	*bytes = (int64_t)value << (unit ? 10 * (unit - units + 1) : 0);
	return *bytes >= 0;
}

static void add_attribute(struct buf *out, struct str key, struct str value)
{
	buf_append_c(out, out->len ? "," : "");
	percent_encode(out, key);
	buf_append_char(out, '=');
	percent_encode(out, value);
}

/* "a,b" names labels (or variables) that logs with details show. */
static void add_attributes(struct buf *out, const char *list, const Pb__ContainerConfig *config,
			   bool is_env)
{
	struct str rest = str_of(list), name;
	bool more = rest.len > 0;

	while (more) {
		more = str_cut(rest, ',', &name, &rest);
		for (size_t i = 0; !is_env && i < config->n_labels; i++)
			if (str_equal_c(name, config->labels[i]->key))
				add_attribute(out, str_of(config->labels[i]->key),
					      str_of(config->labels[i]->value));
		for (size_t i = 0; is_env && i < config->n_env; i++)
			if (strncmp(config->env[i], name.ptr, name.len) == 0 &&
			    config->env[i][name.len] == '=')
				add_attribute(out, name, str_of(config->env[i] + name.len + 1));
	}
}

static bool choose_log(struct container *c, struct runtime_log *log, struct err *err)
{
	const Pb__LogConfig *asked = c->record->host_config->log_config;
	const char *size = PB_MAP_GET(asked, config, "max-size"),
		   *files = PB_MAP_GET(asked, config, "max-file");
	const char *labels = PB_MAP_GET(asked, config, "labels"),
		   *env = PB_MAP_GET(asked, config, "env");
	AUTO_BUF struct buf attributes = BUF_MAX(16384);
	uint64_t count = 1;

	*log = (struct runtime_log){ .files_max = 1 };
	log->driver = strcmp(asked->type, "none") == 0 ? RUNTIME_LOG_NONE : RUNTIME_LOG_JSON_FILE;
	if (size && strcmp(size, "-1") != 0 && !parse_size(size, &log->file_size_max))
		return fail(err, ERR_INVALID,
			    "failed to initialize logging driver: invalid size: '%s'", size);
	if (files && (!str_to_u64(str_of(files), &count) || count == 0 || count > 1000))
		return fail(err, ERR_INVALID,
			    "failed to initialize logging driver: max-file cannot be %s", files);
	log->files_max = (int)count;
	add_attributes(&attributes, labels ? labels : "", c->record->config, false);
	add_attributes(&attributes, env ? env : "", c->record->config, true);
	log->attributes = arena_str(&c->run, buf_str(&attributes));
	return true;
}

static const char *mount_source(struct container *c, const Pb__MountPoint *m)
{
	if (strcmp(m->type, "volume") == 0 && m->subpath[0])
		return arena_printf(&c->run, "%s/%s", m->source, m->subpath);
	return m->source;
}

static void collect_mounts(struct engine *e, struct container *c, struct ocispec *spec,
			   struct runtime_start *start)
{
	size_t count = c->record->n_mounts;
	const char **sources = arena_alloc(&c->run, (count + 1) * sizeof(*sources));
	struct runtime_mount *mounts = arena_alloc(&c->run, (count + 1) * sizeof(*mounts));

	for (size_t i = 0; i < count; i++) {
		const Pb__MountPoint *m = c->record->mounts[i];
		struct runtime_mount *to = &mounts[start->mount_count];
		struct volume *v = volume_by_name(e, m->name);

		sources[i] = mount_source(c, m);
		if (strcmp(m->type, "tmpfs") == 0)
			continue;
		*to = (struct runtime_mount){ .source = sources[i],
					      .destination = m->destination,
					      .copy_up = m->copy_up,
					      .make_source = m->make_source };
		if (v) {
			to->volume.name = v->record->name;
			to->volume.type = PB_MAP_GET(v->record, options, "type");
			to->volume.device = PB_MAP_GET(v->record, options, "device");
			to->volume.options = PB_MAP_GET(v->record, options, "o");
			to->volume.type = to->volume.type ? to->volume.type : "";
			to->volume.device = to->volume.device ? to->volume.device : "";
			to->volume.options = to->volume.options ? to->volume.options : "";
		}
		start->mount_count++;
	}
	spec->mount_sources = sources;
	start->mounts = mounts;
}

static void collect_files(struct engine *e, struct container *c, struct ocispec *spec,
			  struct runtime_start *start)
{
	struct ocispec_file *seen = arena_alloc(&c->run, (c->file_count + 1) * sizeof(*seen));
	struct runtime_file *files = arena_alloc(&c->run, (c->file_count + 1) * sizeof(*files));

	for (size_t i = 0; i < c->file_count; i++) {
		const struct secret_file *f = &c->files[i];

		files[i] = (struct runtime_file){ f->name, buf_str(&f->data), f->uid, f->gid,
						  f->mode };
		seen[i].source = arena_printf(&c->run, "%s/files/%s/%s", e->config.exec_root,
					      c->record->id, f->name);
		seen[i].destination = f->destination;
	}
	spec->files = seen;
	start->files = files;
	spec->file_count = start->file_count = c->file_count;
}

static void collect_devices(struct container *c, struct ocispec *spec)
{
	struct runtime_device *found = arena_alloc(&c->run, (c->device_count + 1) * sizeof(*found));
	const char **targets = arena_alloc(&c->run, (c->device_count + 1) * sizeof(*targets));
	const char **access = arena_alloc(&c->run, (c->device_count + 1) * sizeof(*access));

	for (size_t i = 0; i < c->device_count; i++) {
		found[i] = c->devices[i].found;
		targets[i] = c->devices[i].target;
		access[i] = c->devices[i].access;
	}
	spec->devices = found;
	spec->device_targets = targets;
	spec->device_access = access;
	spec->device_count = c->device_count;
	spec->rate_devices = c->rate_devices;
}

static bool choose_init(struct engine *e, const struct container *c, const char **path,
			struct err *err)
{
	const Pb__BoolValue *asked = c->record->host_config->init;
	bool is_wanted = asked ? asked->value : e->config.defaults.init;

	*path = is_wanted ? e->config.init_path : "";
	if (is_wanted && !e->config.init_path[0])
		return fail(err, ERR_INVALID,
			    "exec: \"docker-init\": executable file not found in $PATH");
	return true;
}

static void started(struct engine *e, struct call *call, const struct input *in);

static bool launch(struct engine *e, struct container *c, struct err *err)
{
	const struct runtime *runtime = e->seams.runtime;
	const Pb__HostConfig *h = c->record->host_config;
	AUTO_BUF struct buf config = BUF_MAX(OCISPEC_MAX), hosts = BUF_MAX(65536),
			    resolv = BUF_MAX(16384), hostname = BUF_MAX(1024);
	struct ocispec spec = { .container = c->record,
				.user = &c->user,
				.is_cgroup_v2 = e->config.is_cgroup_v2 };
	struct runtime_start start = { 0 };

	if (!choose_namespaces(e, c, &spec.namespaces, err) || !choose_log(c, &start.log, err) ||
	    !choose_init(e, c, &spec.init_path, err))
		return false;
	spec.capabilities = e->config.capabilities;
	spec.folder = container_folder(e, &c->run, c->record->id);
	spec.mounts_network_files = container_netmode(c) != NETMODE_CONTAINER;
	spec.cgroup = start.cgroup = container_cgroup(e, &c->run, c->record);
	spec.shm_path = shm_path(e, c);
	collect_mounts(e, c, &spec, &start);
	collect_files(e, c, &spec, &start);
	collect_devices(c, &spec);
	if (!ocispec_write(&spec, &config, err))
		return false;

	endpoints_write_hosts(e, c, &hosts);
	endpoints_write_resolv(e, c, &resolv);
	buf_printf(&hostname, "%s\n", c->record->config->hostname);
	start.runtime = h->runtime[0] ? h->runtime : e->config.default_runtime;
	start.config = buf_str(&config);
	start.workdir = c->record->config->working_dir[0] ? c->record->config->working_dir : "/";
	start.uid = c->user.uid;
	start.gid = c->user.gid;
	start.hosts = buf_str(&hosts);
	start.hostname = buf_str(&hostname);
	start.resolv_conf = buf_str(&resolv);
	start.tty = c->record->config->tty;
	start.open_stdin = c->record->config->open_stdin;
	start.stdin_once = c->record->config->stdin_once;
	if (h->n_console_size == 2) {
		start.height = (int32_t)h->console_size[0];
		start.width = (int32_t)h->console_size[1];
	}
	container_step(e, c, STEP_LAUNCHING);
	runtime->start(runtime->self, call_new(e, started, c->record->id, 0)->ticket, c->record->id,
		       &start);
	return true;
}

/* --- its end, good or bad --- */

static void clear_run(struct container *c)
{
	arena_reset(&c->run);
	c->devices = NULL;
	c->rate_devices = NULL;
	c->device_count = 0;
}

static void start_failed(struct engine *e, struct container *c, const struct err *err,
			 int exit_code)
{
	bool had_run = c->state == PB__CONTAINER__STATE__RESTARTING;

	c->record->exit_code = exit_code ? exit_code : 128;
	c->record->error = arena_strdup(&c->memory, err->text);
	c->record->pid = 0;
	endpoints_release(e, c);
	container_step(e, c, STEP_IDLE);
	if (had_run) {
		c->record->finished_ns = e->now.wall_ns;
		container_move(e, c, PB__CONTAINER__STATE__EXITED);
	} else {
		executor_container_changed(e, c);
	}
	container_save(e, c);
	container_tell_stopped(e, c, had_run);
	clear_run(c);
	container_release_root(e, c);
	/* Who asked for one that goes by itself is told when it is gone. */
	c->fault = *err;
	if (c->record->host_config->auto_remove)
		container_remove_soon(e, c, 0, (struct engine_remove){ .volumes = true });
	else
		container_tell_start_failed(e, c);
	requests_run(e, c);
}

void container_tell_start_failed(struct engine *e, struct container *c)
{
	uint64_t asker = c->starter;

	c->starter = 0;
	if (!asker)
		return;
	answer_fail(e, asker, &c->fault);
	container_of(e->answers.prev, struct answer, link)->answer.exit_code = c->record->exit_code;
}

static void started(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	uint64_t asker;
	struct err err;

	if (!c || c->step != STEP_LAUNCHING)
		return;
	if (call_failed(in, &err)) {
		start_failed(e, c, &err, in->runtime.exit_code);
		return;
	}
	asker = c->starter;
	c->starter = 0;
	c->was_told_to_stop = false;
	c->running_since_ms = e->now.mono_ms;
	c->record->pid = in->runtime.pid;
	c->record->started_ns = in->runtime.at_ns;
	c->record->exit_code = 0;
	c->record->error = "";
	c->record->oom_killed = false;
	c->record->was_started = true;
	c->record->was_stopped = false;
	container_step(e, c, STEP_IDLE);
	container_move(e, c, PB__CONTAINER__STATE__RUNNING);
	event_container(e, c, "start");
	clear_run(c);
	health_begin(e, c);
	answer_done(e, asker);
	requests_run(e, c);
}

/* --- preparing --- */

static void set_fault(struct container *c, const struct err *err)
{
	if (c->has_fault)
		return;
	c->has_fault = true;
	c->fault = *err;
}

static void part_ready(struct engine *e, struct container *c)
{
	struct err err;

	if (--c->awaiting > 0)
		return;
	if (c->has_fault)
		start_failed(e, c, &c->fault, 0);
	else if (!launch(e, c, &err))
		start_failed(e, c, &err, 0);
}

static void keep_user(struct container *c, const struct runtime_user *user)
{
	c->user = *user;
	c->user.groups =
		arena_copy(&c->run, user->groups, user->group_count * sizeof(*user->groups));
	c->user.home = arena_strdup(&c->run, user->home && user->home[0] ? user->home : "/");
}

static void keep_root(struct container *c, const struct runtime_event *event)
{
	free(c->root);
	free(c->upper);
	c->root = xstrdup(event->path);
	c->upper = xstrdup(event->upper ? event->upper : "");
}

static void keep_devices(struct container *c, const struct runtime_event *event, size_t at)
{
	const Pb__HostConfig *h = c->record->host_config;
	const Pb__DeviceMapping *asked = at < h->n_devices ? h->devices[at] : NULL;
	struct device *all =
		arena_alloc(&c->run, (c->device_count + event->device_count + 1) * sizeof(*all));

	if (c->device_count > 0)
		memcpy(all, c->devices, c->device_count * sizeof(*all));
	for (size_t i = 0; i < event->device_count; i++) {
		struct device *d = &all[c->device_count++];
		const char *path = event->devices[i].path;

		d->found = event->devices[i];
		d->path = d->target = arena_strdup(&c->run, path);
		d->access =
			asked && asked->cgroup_permissions[0] ? asked->cgroup_permissions : "rwm";
		/* A folder keeps its shape below the path it is wanted at. */
		if (asked && asked->path_in_container[0] &&
		    strncmp(path, asked->path_on_host, strlen(asked->path_on_host)) == 0)
			d->target = arena_printf(&c->run, "%s%s", asked->path_in_container,
						 path + strlen(asked->path_on_host));
	}
	c->devices = all;
}

/* Devices are asked for by number: those of the container, /dev of a privileged one, and from the
 * next on those that have a rate. */
static int64_t first_rate(const struct container *c)
{
	return (int64_t)c->record->host_config->n_devices;
}

static void keep_rate_device(struct container *c, const struct runtime_event *event, size_t number)
{
	struct err err;

	if (event->device_count == 1) {
		c->rate_devices[number] = event->devices[0];
		return;
	}
	(void)fail(&err, ERR_INVALID, "a limit of block I/O is for one device, not for a folder");
	set_fault(c, &err);
}

static void part_came(struct engine *e, struct call *call, const struct input *in)
{
	struct container *c = container_by_id(e, call->object);
	struct err err;

	if (!c || c->step != STEP_PREPARING)
		return;
	if (!in && e->has_journal_fault)
		set_fault(c, &e->journal_fault);
	else if (in && call_failed(in, &err))
		set_fault(c, &err);
	else if (in && in->runtime.kind == RUNTIME_MOUNTED)
		keep_root(c, &in->runtime);
	else if (in && in->runtime.kind == RUNTIME_RESOLVED)
		keep_user(c, &in->runtime.user);
	else if (in && in->runtime.kind == RUNTIME_DEVICES && call->number > first_rate(c))
		keep_rate_device(c, &in->runtime, (size_t)(call->number - first_rate(c) - 1));
	else if (in && in->runtime.kind == RUNTIME_DEVICES)
		keep_devices(c, &in->runtime, (size_t)call->number);
	part_ready(e, c);
}

static uint64_t await_part(struct engine *e, struct container *c, size_t number)
{
	struct call *call = call_new(e, part_came, c->record->id, 0);

	call->number = (int64_t)number;
	c->awaiting++;
	return call->ticket;
}

static void ask_devices(struct engine *e, struct container *c)
{
	const struct runtime *runtime = e->seams.runtime;
	const Pb__HostConfig *h = c->record->host_config;
	const Pb__BlkioDevice *rate;
	const char *list;
	size_t rates = 0;

	while (ocispec_rate(h, rates, &list))
		rates++;
	if (rates > 0)
		c->rate_devices = arena_alloc(&c->run, rates * sizeof(*c->rate_devices));
	for (size_t i = 0; (rate = ocispec_rate(h, i, &list)); i++)
		runtime->devices(runtime->self, await_part(e, c, (size_t)first_rate(c) + 1 + i),
				 rate->path);
	for (size_t i = 0; i < h->n_devices; i++)
		runtime->devices(runtime->self, await_part(e, c, i), h->devices[i]->path_on_host);
	if (h->privileged)
		runtime->devices(runtime->self, await_part(e, c, h->n_devices), "/dev");
}

static void finish_connect(struct engine *e, struct container *c, const struct err *err)
{
	const struct runtime *runtime = e->seams.runtime;
	AUTO_BUF struct buf hosts = BUF_MAX(65536);
	uint64_t asker = c->net_asker;

	c->net_asker = 0;
	container_step(e, c, STEP_IDLE);
	if (err) {
		answer_fail(e, asker, err);
	} else {
		endpoints_write_hosts(e, c, &hosts);
		runtime->write_hosts(runtime->self, call_unheard(e, c->record->id), c->record->id,
				     buf_str(&hosts));
		answer_done(e, asker);
	}
	requests_run(e, c);
}

void start_input_net(struct engine *e, struct container *c, const struct net_event *event)
{
	struct err err;

	if (event->generation != c->generation)
		return;
	if (event->kind == NET_FAILED) {
		(void)fail(&err, event->err_kind, "%s", event->text);
		(void)while_doing(&err, "failed to set up networking of %s", c->record->name);
		log_warn(e->config.log, "engine", "%s", err.text);
	}
	if (c->step == STEP_BUSY && c->net_asker)
		finish_connect(e, c, event->kind == NET_FAILED ? &err : NULL);
	if (c->step != STEP_PREPARING || !c->has_sandbox || c->netns)
		return;
	if (event->kind == NET_FAILED) {
		set_fault(c, &err);
	} else {
		c->netns = xstrdup(event->netns);
		for (size_t i = 0; i < event->port_count && i < c->record->n_ports; i++)
			c->record->ports[i]->host_port =
				arena_printf(&c->memory, "%u", event->ports[i].host_port);
		container_save(e, c);
	}
	part_ready(e, c);
}

void container_start_now(struct engine *e, struct container *c, uint64_t asker)
{
	const struct runtime *runtime = e->seams.runtime;
	const Pb__Container *record = c->record;
	struct err err;

	timer_stop(e, &c->restart_timer);
	clear_run(c);
	c->starter = asker;
	c->has_fault = false;
	c->awaiting = 1; /* this function itself */
	container_step(e, c, STEP_PREPARING);

	runtime->mount(runtime->self, await_part(e, c, 0), record->id);
	runtime->resolve(runtime->self, await_part(e, c, 0), record->id, record->config->user,
			 (const char *const *)record->host_config->group_add,
			 record->host_config->n_group_add);
	ask_devices(e, c);
	if (!endpoints_take(e, c, &err))
		set_fault(c, &err);
	else if (c->has_sandbox)
		c->awaiting++;
	container_save(e, c);
	c->awaiting++;
	(void)call_when_safe(e, part_came, record->id, 0);
	part_ready(e, c);
}

/* --- the request --- */

static void run_start(struct engine *e, struct container *c, struct request *r)
{
	if (c->state == PB__CONTAINER__STATE__PAUSED)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "cannot start a paused container, try unpause instead");
	else if (c->state == PB__CONTAINER__STATE__RUNNING)
		answer_already(e, r->asker);
	else if (c->state == PB__CONTAINER__STATE__REMOVING ||
		 c->state == PB__CONTAINER__STATE__DEAD)
		ANSWER_FAIL(e, r->asker, ERR_CONFLICT,
			    "container is marked for removal and cannot be started");
	else
		container_start_now(e, c, r->asker);
}

void engine_container_start(struct engine *e, uint64_t ticket, const char *ref, struct now now)
{
	struct container *c = container_for(e, ticket, ref, now);

	if (!c)
		return;
	(void)request_add(c, ticket, run_start);
	requests_run(e, c);
}
