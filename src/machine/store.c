#include "machine/store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "console/command.h"
#include "console/order.h"
#include "machine/driver.h"

#define NAME_MAX_BYTES 63
#define LOCK_TRIES     100
#define LOCK_PAUSE_MS  10

void store_init(struct store *s, const char *root)
{
	*s = (struct store){
		.root = xstrdup(root),
		.ca = xasprintf("%s/certs/ca.pem", root),
		.ca_key = xasprintf("%s/certs/ca-key.pem", root),
		.cert = xasprintf("%s/certs/cert.pem", root),
		.key = xasprintf("%s/certs/key.pem", root),
	};
}

void store_clear(struct store *s)
{
	free(s->root);
	free(s->ca);
	free(s->ca_key);
	free(s->cert);
	free(s->key);
	*s = (struct store){ 0 };
}

bool machine_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_MAX_BYTES || !isalnum((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '.')
			return false;
	return true;
}

static char *folder_of(const struct store *s, const char *name)
{
	return xasprintf("%s/machines/%s", s->root, name);
}

bool store_has(const struct store *s, const char *name)
{
	AUTO_FREE char *folder = folder_of(s, name);
	struct stat st;

	return machine_name_is_valid(name) && stat(folder, &st) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const void *a, const void *b)
{
	return natural_compare(*(char *const *)a, *(char *const *)b);
}

char **store_names(const struct store *s, size_t *count)
{
	AUTO_FREE char *path = xasprintf("%s/machines", s->root);
	char **names = NULL;
	struct dirent *entry;
	DIR *dir = opendir(path);

	*count = 0;
	while (dir && *count < MACHINES_MAX && (entry = readdir(dir))) {
		if (!store_has(s, entry->d_name))
			continue;
		names = xrealloc(names, (*count + 1) * sizeof(*names));
		names[(*count)++] = xstrdup(entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (*count)
		qsort(names, *count, sizeof(*names), by_name);
	return names;
}

void names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static struct machine *machine_of(const struct store *s, const char *name)
{
	struct machine *m = NEW(struct machine);

	m->store = s;
	m->name = xstrdup(name);
	m->folder = folder_of(s, name);
	m->lock = -1;
	return m;
}

/* The members that Docker Machine's own clients look for. */
static json_t *config_new(const struct machine *m)
{
	json_t *c = json_object();

	json_object_set_new(c, "ConfigVersion", json_integer(CONFIG_VERSION));
	field_put_text(c, "Driver.IPAddress", "");
	field_put_text(c, "Driver.MachineName", m->name);
	field_put_text(c, "Driver.StorePath", m->store->root);
	field_put_text(c, "DriverName", m->driver->name);
	field_put_text(c, "HostOptions.AuthOptions.StorePath", m->folder);
	field_put_text(c, "HostOptions.AuthOptions.CaCertPath", m->store->ca);
	field_put_text(c, "HostOptions.AuthOptions.CaPrivateKeyPath", m->store->ca_key);
	field_put_text(c, "HostOptions.AuthOptions.ClientCertPath", m->store->cert);
	field_put_text(c, "HostOptions.AuthOptions.ClientKeyPath", m->store->key);
	field_put_text(c, "Name", m->name);
	field_put_text(c, "Stage", "creating");
	return c;
}

struct machine *machine_new(const struct store *s, const char *name, const struct driver *driver)
{
	struct machine *m = machine_of(s, name);

	m->driver = driver;
	m->config = config_new(m);
	m->own = field_object(m->config, "Driver");
	return m;
}

json_t *config_parse(struct str text, struct err *e)
{
	json_error_t why;
	json_t *config =
		json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &why);

	if (!config) {
		fail(e, ERR_INVALID, "line %d: %s", why.line, why.text);
		return NULL;
	}
	if (field_int(config, "ConfigVersion") > CONFIG_VERSION)
		fail(e, ERR_UNSUPPORTED,
		     "config version is from the future -- you should upgrade your client");
	else if (field_int(config, "ConfigVersion") < CONFIG_VERSION)
		fail(e, ERR_UNSUPPORTED, "config version %lld is too old: only %d is read",
		     (long long)field_int(config, "ConfigVersion"), CONFIG_VERSION);
	else if (!json_is_object(field_at(config, "Driver")) || !*field_text(config, "DriverName"))
		fail(e, ERR_INVALID, "it names no driver");
	else
		return config;
	json_decref(config);
	return NULL;
}

static bool read_config(struct machine *m, struct err *e)
{
	AUTO_FREE char *path = machine_file(m, "config.json");
	AUTO_BUF struct buf text = BUF_MAX(CONFIG_BYTES_MAX);

	if (!file_read(path, &text, e))
		return false;
	m->config = config_parse(buf_str(&text), e);
	if (!m->config)
		return while_doing(e, "%s", path);
	m->own = field_at(m->config, "Driver");
	m->driver = driver_find(field_text(m->config, "DriverName"));
	if (!m->driver)
		return fail(e, ERR_UNSUPPORTED, "Driver \"%s\" not found",
			    field_text(m->config, "DriverName"));
	return true;
}

struct machine *machine_load(const struct store *s, const char *name, struct err *e)
{
	struct machine *m;

	if (!store_has(s, name)) {
		fail(e, ERR_NOT_FOUND,
		     "Docker machine \"%s\" does not exist. Use \"%s ls\" to list "
		     "machines. "
		     "Use \"%s create\" to add a new one.",
		     name, program.name, program.name);
		return NULL;
	}
	m = machine_of(s, name);
	if (read_config(m, e))
		return m;
	(void)while_doing(e, "Error loading machine \"%s\"", name);
	machine_free(m);
	return NULL;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	if (m->lock >= 0)
		(void)close(m->lock);
	json_decref(m->config);
	free(m->folder);
	free(m->name);
	free(m);
}

bool machine_lock(struct machine *m, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };

	if (m->lock >= 0)
		return true;
	if (!folder_make(m->folder, 0700, e))
		return false;
	m->lock = open(m->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->lock < 0)
		return fail_sys(e, errno, "open %s", m->folder);
	/* A command that was killed may have a child that is about to notice. */
	for (int tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(m->lock, LOCK_EX | LOCK_NB) == 0)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return fail(e, ERR_CONFLICT, "another command is working on machine \"%s\"", m->name);
}

bool machine_save(struct machine *m, struct err *e)
{
	AUTO_FREE char *path = machine_file(m, "config.json");
	AUTO_FREE char *text =
		m->is_plan ? NULL : json_dumps(m->config, JSON_COMPACT | JSON_PRESERVE_ORDER);
	AUTO_BUF struct buf laid = BUF_MAX(2 * CONFIG_BYTES_MAX);

	if (m->is_plan)
		return true;
	jsontext_indent(str_of(text), "", "    ", &laid);
	buf_append_char(&laid, '\n');
	return folder_make(m->folder, 0700, e) &&
	       file_replace_synced(path, buf_str(&laid), 0600, e);
}

bool machine_forget(struct machine *m, struct err *e)
{
	return folder_remove(m->folder, e);
}

char *machine_file(const struct machine *m, const char *file)
{
	return xasprintf("%s/%s", m->folder, file);
}

void id_new(char id[ID_TEXT])
{
	unsigned char bytes[ID_TEXT / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static bool read_id(const char *path, char id[ID_TEXT], struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(256);
	struct str word;

	if (!file_read(path, &text, e))
		return false;
	word = str_trim(buf_str(&text));
	if (word.len != ID_TEXT - 1)
		return fail(e, ERR_INVALID, "%s holds no id", path);
	memcpy(id, word.ptr, word.len);
	id[word.len] = '\0';
	return true;
}

/* Two commands that begin a store: the link of the second fails, and it reads the first one's. */
bool store_id(const struct store *s, char id[ID_TEXT], struct err *e)
{
	AUTO_FREE char *path = xasprintf("%s/id", s->root);
	AUTO_FREE char *fresh = xasprintf("%s/id.%d", s->root, (int)getpid());
	bool ok;

	if (read_id(path, id, e))
		return true;
	if (e->kind != ERR_NOT_FOUND)
		return false;
	id_new(id);
	ok = folder_make(s->root, 0700, e) && file_replace_synced(fresh, str_of(id), 0600, e);
	if (ok && link(fresh, path) < 0 && errno != EEXIST)
		ok = fail_sys(e, errno, "create %s", path);
	(void)unlink(fresh);
	return ok && read_id(path, id, e);
}
