#include "cli/context_store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"
#include "cli/files.h"
#include "cli/settings.h"
#include "template/field.h"
#include "template/jsontext.h"

#define META_MAX (1 << 20)

static const char *const tls_files[] = { "ca.pem", "cert.pem", "key.pem" };

bool context_name_check(const char *name, struct err *e)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");

	if (strcmp(name, CONTEXT_DEFAULT) == 0)
		return fail(e, ERR_INVALID, "\"" CONTEXT_DEFAULT "\" is a reserved context name");
	if (len >= 2 && !name[len] && isalnum((unsigned char)name[0]))
		return true;
	return fail(e, ERR_INVALID,
		    "context name \"%s\" is invalid, names are validated against regexp "
		    "\"^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$\"",
		    name);
}

static char *folder_of(const char *dir, const char *kind, const char *name)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	SHA256((const unsigned char *)name, strlen(name), digest);
	hex_encode(digest, sizeof(digest), hex);
	return xasprintf("%s/contexts/%s/%s", dir, kind, hex);
}

char *context_meta_folder(const char *dir, const char *name)
{
	return folder_of(dir, "meta", name);
}

char *context_tls_folder(const char *dir, const char *name)
{
	return folder_of(dir, "tls", name);
}

static json_t *read_meta(const char *path)
{
	struct err ignored;
	AUTO_FREE char *text = file_read_text(path, META_MAX, &ignored);
	json_t *meta = text ? json_loads(text, 0, NULL) : NULL;

	if (json_is_object(meta) && *field_text(meta, "Name"))
		return meta;
	json_decref(meta);
	return NULL;
}

json_t *context_load(const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *folder = context_meta_folder(dir, name);
	AUTO_FREE char *path = xasprintf("%s/meta.json", folder);
	json_t *meta = read_meta(path);

	if (!meta)
		(void)fail(e, ERR_NOT_FOUND,
			   "context \"%s\": context not found: open %s: no such file or directory",
			   name, path);
	return meta;
}

bool context_save(const char *dir, const char *name, const json_t *meta, struct err *e)
{
	AUTO_FREE char *folder = context_meta_folder(dir, name);
	AUTO_FREE char *path = xasprintf("%s/meta.json", folder);
	AUTO_BUF struct buf text = BUF_MAX(META_MAX);

	jsontext_write(meta, false, false, &text);
	return settings_replace(path, buf_str(&text), e);
}

bool context_delete(const char *dir, const char *name, struct err *e)
{
	AUTO_FREE char *meta = context_meta_folder(dir, name), *tls = context_tls_folder(dir, name);
	AUTO_FREE char *file = xasprintf("%s/meta.json", meta), *keys = xasprintf("%s/docker", tls);

	if (access(file, F_OK) != 0)
		return fail(e, ERR_NOT_FOUND, "context \"%s\" does not exist", name);
	for (size_t i = 0; i < ARRAY_LEN(tls_files); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", keys, tls_files[i]);

		(void)unlink(path);
	}
	(void)rmdir(keys);
	(void)rmdir(tls);
	if (unlink(file) != 0)
		return fail_sys(e, errno, "remove %s", file);
	(void)rmdir(meta);
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *context_names(const char *dir)
{
	AUTO_FREE char *folder = xasprintf("%s/contexts/meta", dir);
	AUTO_JSON json_t *found = json_array();
	AUTO_FREE const char **sorted = NULL;
	json_t *names = json_array();
	DIR *list = opendir(folder);
	struct dirent *entry;
	size_t count;

	while (list && (entry = readdir(list))) {
		AUTO_FREE char *path = xasprintf("%s/%s/meta.json", folder, entry->d_name);
		AUTO_JSON json_t *meta = entry->d_name[0] == '.' ? NULL : read_meta(path);

		if (meta)
			json_array_append(found, field_at(meta, "Name"));
	}
	if (list)
		closedir(list);
	count = json_array_size(found);
	sorted = xcalloc(count + 1, sizeof(*sorted));
	for (size_t i = 0; i < count; i++)
		sorted[i] = json_string_value(json_array_get(found, i));
	qsort(sorted, count, sizeof(*sorted), by_text);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(names, json_string(sorted[i]));
	return names;
}

char *context_in_use(const char *dir)
{
	AUTO_JSON json_t *settings = settings_read(dir);
	const char *name = getenv("DOCKER_CONTEXT");

	if (!name || !*name)
		name = field_text(settings, "currentContext");
	return xstrdup(*name ? name : CONTEXT_DEFAULT);
}
