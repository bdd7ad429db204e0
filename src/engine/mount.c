#include "engine/mount.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/mem.h"

#define NAME_MAX_LEN 255

bool volume_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len < 2 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool is_alnum =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!is_alnum && (i == 0 || !strchr("_.-", c)))
			return false;
	}
	return true;
}

/* "/a//b/./c/" -> "/a/b/c"; ".." goes up. */
static const char *clean_path(struct arena *a, struct str path)
{
	char *out = arena_alloc(a, path.len + 2);
	size_t len = 0;
	struct str rest = path, part;
	bool more = true;

	while (more) {
		more = str_cut(rest, '/', &part, &rest);
		if (part.len == 0 || str_equal_c(part, "."))
			continue;
		if (str_equal_c(part, "..")) {
			while (len > 0 && out[--len] != '/')
				continue;
			continue;
		}
		out[len++] = '/';
		memcpy(out + len, part.ptr, part.len);
		len += part.len;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

static bool check_destination(const char *cleaned, struct str written, struct err *err)
{
	if (written.len == 0 || written.ptr[0] != '/')
		return fail(err, ERR_INVALID,
			    "invalid mount path: '%.*s' mount path must be absolute",
			    STR_FMT(written));
	if (strcmp(cleaned, "/") == 0)
		return fail(err, ERR_INVALID,
			    "invalid volume specification: '%.*s': destination can't be '/'",
			    STR_FMT(written));
	return true;
}

static bool is_propagation(struct str s)
{
	static const char *const words[] = { "private", "rprivate", "shared",
					     "rshared", "slave",    "rslave" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_equal_c(s, words[i]))
			return true;
	return false;
}

static bool apply_mode(struct arena *a, Pb__MountPoint *p, struct str mode)
{
	struct str word;
	bool more = mode.len > 0;

	p->mode = arena_str(a, mode);
	while (more) {
		more = str_cut(mode, ',', &word, &mode);
		if (str_equal_c(word, "ro"))
			p->rw = false;
		else if (str_equal_c(word, "nocopy") && p->type[0] == 'v')
			p->copy_up = false;
		else if (is_propagation(word) && p->type[0] == 'b')
			p->propagation = arena_str(a, word);
		else if (!str_equal_c(word, "rw") && !str_equal_c(word, "z") &&
			 !str_equal_c(word, "Z"))
			return false;
	}
	return true;
}

bool bind_parse(struct arena *a, const char *text, const char *driver, Pb__MountPoint **point,
		struct err *err)
{
	Pb__MountPoint *p = PB_NEW(a, mount_point);
	struct str source = str_of(text), rest, destination, mode = STR("");
	bool has_source = str_cut(source, ':', &source, &rest);

	if (!has_source)
		destination = source;
	else if (!str_cut(rest, ':', &destination, &mode))
		mode = STR("");
	if ((has_source && source.len == 0) || destination.len == 0 || str_find(mode, ':') >= 0)
		return fail(err, ERR_INVALID, "invalid volume specification: '%s'", text);

	p->destination = (char *)clean_path(a, destination);
	if (!check_destination(p->destination, destination, err))
		return false;
	p->rw = true;
	if (has_source && source.ptr[0] == '/') {
		p->type = "bind";
		p->source = (char *)clean_path(a, source);
		p->propagation = "rprivate";
		p->make_source = true;
	} else {
		p->type = "volume";
		p->name = has_source ? arena_str(a, source) : "";
		p->driver = driver[0] ? (char *)driver : "local";
		p->copy_up = true;
		if (has_source && !volume_name_is_valid(p->name))
			return fail(err, ERR_INVALID,
				    "create %s: \"%s\" includes invalid characters for a local "
				    "volume name, only "
				    "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to "
				    "pass a host directory, "
				    "use absolute path",
				    p->name, p->name);
	}
	if (!apply_mode(a, p, mode))
		return fail(err, ERR_INVALID, "invalid mode: %.*s", STR_FMT(mode));
	*point = p;
	return true;
}

static const char *propagation_name(int propagation)
{
	static const char *const names[] = { "rprivate", "private", "rshared",
					     "shared",   "rslave",  "slave" };

	return propagation >= 0 && propagation < (int)ARRAY_LEN(names) ? names[propagation]
								       : "rprivate";
}

static bool parse_bind(struct arena *a, const Pb__Mount *m, Pb__MountPoint *p, struct err *err)
{
	p->type = "bind";
	if (!m->source[0])
		return fail(
			err, ERR_INVALID,
			"invalid mount config for type \"bind\": field Source must not be empty");
	if (m->source[0] != '/')
		return fail(err, ERR_INVALID,
			    "invalid mount config for type \"bind\": invalid mount path: '%s' "
			    "mount path must be absolute",
			    m->source);
	p->source = (char *)clean_path(a, str_of(m->source));
	p->propagation =
		(char *)propagation_name(m->bind_options ? (int)m->bind_options->propagation : 0);
	p->make_source = m->bind_options && m->bind_options->createmountpoint;
	if (m->volume_options || m->tmpfs_options)
		return fail(
			err, ERR_INVALID,
			"invalid mount config for type \"bind\": field %s must not be specified",
			m->volume_options ? "VolumeOptions" : "TmpfsOptions");
	return true;
}

static bool parse_volume(struct arena *a, const Pb__Mount *m, Pb__MountPoint *p, struct err *err)
{
	const Pb__Mount__VolumeOptions *options = m->volume_options;

	p->type = "volume";
	p->name = arena_strdup(a, m->source);
	p->driver = options && options->driver_config && options->driver_config->name[0]
			    ? arena_strdup(a, options->driver_config->name)
			    : "local";
	p->copy_up = !(options && options->nocopy) && !m->readonly;
	p->subpath = options ? arena_strdup(a, options->subpath) : "";
	if (m->bind_options || m->tmpfs_options)
		return fail(
			err, ERR_INVALID,
			"invalid mount config for type \"volume\": field %s must not be specified",
			m->bind_options ? "BindOptions" : "TmpfsOptions");
	if (p->name[0] && !volume_name_is_valid(p->name))
		return fail(err, ERR_INVALID,
			    "create %s: \"%s\" includes invalid characters for a local volume "
			    "name, only "
			    "\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a "
			    "host directory, "
			    "use absolute path",
			    p->name, p->name);
	if (p->subpath[0] == '/' || strstr(p->subpath, ".."))
		return fail(err, ERR_INVALID,
			    "invalid mount config for type \"volume\": subpath must be a relative "
			    "path within the volume");
	return true;
}

static bool parse_tmpfs(struct arena *a, const Pb__Mount *m, Pb__MountPoint *p, struct err *err)
{
	const Pb__Mount__TmpfsOptions *options = m->tmpfs_options;
	AUTO_BUF struct buf text = BUF_MAX(256);

	p->type = "tmpfs";
	if (m->source[0])
		return fail(err, ERR_INVALID,
			    "invalid mount config for type \"tmpfs\": field Source must not be "
			    "specified");
	if (options && options->size_bytes < 0)
		return fail(err, ERR_INVALID,
			    "invalid mount config for type \"tmpfs\": invalid tmpfs size");
	if (options && options->size_bytes > 0)
		buf_printf(&text, "size=%lld", (long long)options->size_bytes);
	if (options && options->mode)
		buf_printf(&text, "%smode=%o", text.len ? "," : "", options->mode & 0777);
	p->options = arena_str(a, buf_str(&text));
	return true;
}

bool mount_parse(struct arena *a, const Pb__Mount *mount, Pb__MountPoint **point, struct err *err)
{
	Pb__MountPoint *p = PB_NEW(a, mount_point);
	bool ok;

	if (!mount->target[0])
		return fail(err, ERR_INVALID,
			    "invalid mount config: field Target must not be empty");
	p->destination = (char *)clean_path(a, str_of(mount->target));
	if (!check_destination(p->destination, str_of(mount->target), err))
		return false;
	p->rw = !mount->readonly;
	p->is_from_mounts = true;
	switch (mount->type) {
	case PB__MOUNT__TYPE__BIND:
		ok = parse_bind(a, mount, p, err);
		break;
	case PB__MOUNT__TYPE__VOLUME:
		ok = parse_volume(a, mount, p, err);
		break;
	case PB__MOUNT__TYPE__TMPFS:
		ok = parse_tmpfs(a, mount, p, err);
		break;
	default:
		ok = fail(err, ERR_INVALID, "mount type unknown");
	}
	*point = p;
	return ok;
}

bool tmpfs_parse(struct arena *a, const char *destination, const char *options,
		 Pb__MountPoint **point, struct err *err)
{
	static const char *const words[] = {
		"ro",         "rw",          "nosuid",        "suid",     "nodev",      "dev",
		"noexec",     "exec",        "sync",          "async",    "dirsync",    "mand",
		"nomand",     "atime",       "noatime",       "diratime", "nodiratime", "relatime",
		"norelatime", "strictatime", "nostrictatime", "bind",     "rbind",      "private",
		"rprivate",   "shared",      "rshared",       "slave",    "rslave",
	};
	static const char *const keys[] = { "size=",      "mode=",      "uid=", "gid=",
					    "nr_inodes=", "nr_blocks=", "mpol=" };
	Pb__MountPoint *p = PB_NEW(a, mount_point);
	struct str rest = str_of(options), word;
	bool more = rest.len > 0, is_known;

	p->type = "tmpfs";
	p->destination = (char *)clean_path(a, str_of(destination));
	p->options = arena_strdup(a, options);
	p->rw = true;
	if (!check_destination(p->destination, str_of(destination), err))
		return false;
	while (more) {
		more = str_cut(rest, ',', &word, &rest);
		is_known = false;
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			is_known |= str_equal_c(word, words[i]);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			is_known |= str_starts_with(word, keys[i]);
		if (!is_known)
			return fail(err, ERR_INVALID, "invalid tmpfs option: %.*s", STR_FMT(word));
		if (str_equal_c(word, "ro"))
			p->rw = false;
	}
	*point = p;
	return true;
}

/* --- all of a container's --- */

struct collection {
	Pb__MountPoint **points;
	size_t count;
};

static bool has_destination(const struct collection *c, const char *destination)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->points[i]->destination, destination) == 0)
			return true;
	return false;
}

static bool add(struct collection *c, Pb__MountPoint *p, struct err *err)
{
	if (has_destination(c, p->destination))
		return fail(err, ERR_INVALID, "Duplicate mount point: %s", p->destination);
	if (c->count == MOUNTS_MAX)
		return fail(err, ERR_INVALID, "more than %d mounts", MOUNTS_MAX);
	c->points[c->count++] = p;
	return true;
}

static bool add_asked_for(struct arena *a, struct collection *c, const Pb__HostConfig *host,
			  struct err *err)
{
	Pb__MountPoint *p;

	for (size_t i = 0; i < host->n_binds; i++)
		if (!bind_parse(a, host->binds[i], host->volume_driver, &p, err) || !add(c, p, err))
			return false;
	for (size_t i = 0; i < host->n_mounts; i++)
		if (!mount_parse(a, host->mounts[i], &p, err) || !add(c, p, err))
			return false;
	for (size_t i = 0; i < host->n_tmpfs; i++)
		if (!tmpfs_parse(a, host->tmpfs[i]->key, host->tmpfs[i]->value, &p, err) ||
		    !add(c, p, err))
			return false;
	return true;
}

static bool add_anonymous(struct arena *a, struct collection *c, const struct mount_sources *from,
			  struct err *err)
{
	for (size_t i = 0; i < from->config->n_volumes; i++) {
		Pb__MountPoint *p;

		if (!bind_parse(a, from->config->volumes[i], from->host_config->volume_driver, &p,
				err))
			return false;
		if (has_destination(c, p->destination))
			continue;
		if (!add(c, p, err))
			return false;
	}
	return true;
}

static int compare_destination(const void *a, const void *b)
{
	return strcmp((*(Pb__MountPoint *const *)a)->destination,
		      (*(Pb__MountPoint *const *)b)->destination);
}

bool mounts_collect(struct arena *a, const struct mount_sources *from, Pb__MountPoint ***points,
		    size_t *count, struct err *err)
{
	struct collection c = { arena_alloc(a, MOUNTS_MAX * sizeof(Pb__MountPoint *)), 0 };

	if (!add_asked_for(a, &c, from->host_config, err))
		return false;
	for (size_t i = 0; i < from->inherited_count; i++)
		if (!has_destination(&c, from->inherited[i]->destination) &&
		    !add(&c, from->inherited[i], err))
			return false;
	if (!add_anonymous(a, &c, from, err))
		return false;
	qsort(c.points, c.count, sizeof(*c.points), compare_destination);
	*points = c.points;
	*count = c.count;
	return true;
}
