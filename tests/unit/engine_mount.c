#include "engine/mount.h"

#include "base/err.h"
#include "pb/map.h"
#include "test.h"

static struct arena a;
static struct err err;

static Pb__MountPoint *bind(const char *text)
{
	Pb__MountPoint *p;

	return bind_parse(&a, text, "", &p, &err) ? p : NULL;
}

TEST(a_bind_has_a_path_and_a_volume_a_name)
{
	Pb__MountPoint *p = bind("/host/dir:/in//side/:ro,rshared");

	CHECK(p);
	CHECK_STR(p->type, "bind");
	CHECK_STR(p->source, "/host/dir");
	CHECK_STR(p->destination, "/in/side");
	CHECK(!p->rw && p->make_source);
	CHECK_STR(p->propagation, "rshared");

	p = bind("data:/data:nocopy");
	CHECK_STR(p->type, "volume");
	CHECK_STR(p->name, "data");
	CHECK(p->rw && !p->copy_up);

	p = bind("/data");
	CHECK_STR(p->type, "volume");
	CHECK_STR(p->name, "");
	arena_clear(&a);
}

TEST(what_is_no_mount_is_refused_with_dockers_words)
{
	CHECK(!bind("data:rel"));
	CHECK_STR(err.text, "invalid mount path: 'rel' mount path must be absolute");
	CHECK(!bind("data:/"));
	CHECK(!bind(":/x"));
	CHECK_STR(err.text, "invalid volume specification: ':/x'");
	CHECK(!bind("a:/b:c:d"));
	CHECK(!bind("data:/x:frob"));
	CHECK_STR(err.text, "invalid mode: frob");
	CHECK(!bind("./rel:/x"));
	CHECK(strstr(err.text, "includes invalid characters for a local volume name"));
	CHECK(!bind("/a:/../.."));
	arena_clear(&a);
}

TEST(mounts_are_checked_by_kind)
{
	Pb__Mount *m = PB_NEW(&a, mount);
	Pb__MountPoint *p;

	m->target = "/x";
	m->type = PB__MOUNT__TYPE__BIND;
	CHECK(!mount_parse(&a, m, &p, &err));
	CHECK_STR(err.text,
		  "invalid mount config for type \"bind\": field Source must not be empty");
	m->source = "/src";
	CHECK(mount_parse(&a, m, &p, &err) && !p->make_source);
	m->type = PB__MOUNT__TYPE__TMPFS;
	CHECK(!mount_parse(&a, m, &p, &err));
	m->source = "";
	m->tmpfs_options = pb_new(&a, &pb__mount__tmpfs_options__descriptor);
	m->tmpfs_options->size_bytes = 4096;
	m->tmpfs_options->mode = 0700;
	CHECK(mount_parse(&a, m, &p, &err));
	CHECK_STR(p->options, "size=4096,mode=700");
	m->tmpfs_options = NULL;
	m->type = PB__MOUNT__TYPE__VOLUME;
	m->volume_options = pb_new(&a, &pb__mount__volume_options__descriptor);
	m->volume_options->subpath = "../up";
	CHECK(!mount_parse(&a, m, &p, &err));
	m->target = "";
	CHECK(!mount_parse(&a, m, &p, &err));
	arena_clear(&a);
}

TEST(all_mounts_come_in_order_and_none_twice)
{
	struct mount_sources from = { 0 };
	Pb__HostConfig *host = PB_NEW(&a, host_config);
	Pb__ContainerConfig *config = PB_NEW(&a, container_config);
	Pb__MountPoint **points;
	size_t count;

	PB_APPEND(&a, host, binds, "v1:/b");
	PB_MAP_SET(&a, host, tmpfs, "/a", "size=1k");
	PB_APPEND(&a, config, volumes, "/b");
	PB_APPEND(&a, config, volumes, "/c");
	from.config = config;
	from.host_config = host;
	CHECK(mounts_collect(&a, &from, &points, &count, &err));
	CHECK_INT(count, 3);
	CHECK_STR(points[0]->destination, "/a");
	CHECK_STR(points[1]->name, "v1");
	CHECK_STR(points[2]->name, "");

	PB_APPEND(&a, host, binds, "v2:/b/");
	CHECK(!mounts_collect(&a, &from, &points, &count, &err));
	CHECK_STR(err.text, "Duplicate mount point: /b");
	arena_clear(&a);
}

TEST(a_tmpfs_takes_known_options_alone)
{
	Pb__MountPoint *p;

	CHECK(tmpfs_parse(&a, "/t", "ro,noexec,size=64m", &p, &err) && !p->rw);
	CHECK(!tmpfs_parse(&a, "/t", "loop", &p, &err));
	CHECK(!tmpfs_parse(&a, "t", "", &p, &err));
	arena_clear(&a);
}

TEST_MAIN()
