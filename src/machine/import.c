/* import: machines of another store, Docker Machine's (version 3) among them.
 *
 * The machine's folder is copied, and paths into the old store become paths into ours. Cloud secrets
 * stay behind: drivers take them from the environment, a profile or a role. The machine's certificates
 * are those of the old store until it is provisioned again; if our store has no CA yet, the old one's
 * becomes ours. Nothing in the old store changes. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/option.h"
#include "file/file.h"
#include "file/folder.h"
#include "machine/cli.h"
#include "machine/driver.h"
#include "template/field.h"

#define FILES_MAX 64

static const char *const secrets[] = { "AccessKey", "SecretKey", "SessionToken" };

/* Paths below the old folder, wherever they are in the record. */
static void move_paths(json_t *value, const char *from, const char *to)
{
	const char *text = json_string_value(value), *key;
	size_t length = strlen(from), i;
	json_t *member;

	if (text && strncmp(text, from, length) == 0 && (text[length] == '/' || !text[length])) {
		AUTO_FREE char *moved = xasprintf("%s%s", to, text + length);

		json_string_set(value, moved);
	}
	json_object_foreach(value, key, member) move_paths(member, from, to);
	json_array_foreach(value, i, member) move_paths(member, from, to);
}

static void drop_secrets(struct cli *c, struct machine *m)
{
	bool had = false;

	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		had = json_object_del(m->own, secrets[i]) == 0 || had;
	if (had)
		say(c, NULL,
		    "The keys in %s's record were left behind: give them by the environment, a "
		    "profile or a role.",
		    m->name);
}

static bool copy_files(const struct machine *m, const char *from, struct err *e)
{
	DIR *dir = opendir(from);
	struct dirent *entry;
	int files = 0;
	bool ok = true;

	if (!dir)
		return fail_sys(e, errno, "list %s", from);
	while (ok && (entry = readdir(dir))) {
		AUTO_FREE char *old = xasprintf("%s/%s", from, entry->d_name);
		AUTO_FREE char *fresh = machine_file(m, entry->d_name);
		struct stat st;

		if (strcmp(entry->d_name, "config.json") == 0 || lstat(old, &st) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		ok = ++files <= FILES_MAX
			     ? file_copy(old, fresh, st.st_mode & 0700, e)
			     : fail(e, ERR_EXHAUSTED, "%s has more than %d files", from, FILES_MAX);
	}
	closedir(dir);
	return ok;
}

static bool take_over(struct cli *c, struct machine *m, const struct machine *old, struct err *e)
{
	if (!machine_lock(m, e) || !copy_files(m, old->folder, e))
		return false;
	json_decref(m->config);
	m->config = json_deep_copy(old->config);
	m->own = field_at(m->config, "Driver");
	move_paths(m->config, old->store->root, c->store.root);
	drop_secrets(c, m);
	return machine_save(m, e);
}

static bool import_one(struct cli *c, const struct store *from, const char *name, struct err *e)
{
	struct machine *old = NULL, *m;
	bool ok;

	if (store_has(&c->store, name))
		return fail(e, ERR_CONFLICT, "Docker machine \"%s\" already exists", name);
	old = machine_load(from, name, e);
	if (!old)
		return false;
	m = machine_new(&c->store, name, old->driver);
	ok = take_over(c, m, old, e);
	if (!ok) {
		struct err ignored;

		if (!machine_forget(m, &ignored))
			say(c, NULL, "%s", ignored.text);
	}
	machine_free(m);
	machine_free(old);
	if (ok)
		say(c, NULL, "Machine \"%s\" was imported.", name);
	return ok;
}

/* All four files or none. */
static bool import_certs(struct cli *c, const struct store *from, struct err *e)
{
	AUTO_FREE char *folder = xasprintf("%s/certs", c->store.root);

	if (access(c->store.ca, F_OK) == 0 || access(from->ca_key, F_OK) < 0)
		return true;
	say(c, NULL, "Taking over the CA of %s", from->root);
	return folder_make(folder, 0700, e) && file_copy(from->ca_key, c->store.ca_key, 0600, e) &&
	       file_copy(from->key, c->store.key, 0600, e) &&
	       file_copy(from->cert, c->store.cert, 0644, e) &&
	       file_copy(from->ca, c->store.ca, 0644, e);
}

static void import_all(struct cli *c, const struct store *from, const char *const *names,
		       size_t count)
{
	struct err why;

	for (size_t i = 0; i < count; i++)
		if (!import_one(c, from, names[i], &why))
			complain(c, &why);
}

bool machine_import(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *root = realpath(a->words[0], NULL);
	struct store from;
	size_t count;
	char **all;
	bool ok;

	if (!root)
		return fail_sys(e, errno, "%s", a->words[0]);
	store_init(&from, root);
	all = store_names(&from, &count);
	ok = import_certs(c, &from, e);
	if (ok && a->word_count > 1)
		import_all(c, &from, a->words + 1, a->word_count - 1);
	else if (ok)
		import_all(c, &from, (const char *const *)all, count);
	names_free(all, count);
	store_clear(&from);
	return ok;
}
