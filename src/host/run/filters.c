#include "host/run/filters.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "file/file.h"

#define FILTER_MAX (32 << 10) /* the kernel takes 4,096 instructions of 8 bytes */

struct filter {
	char *profile;
	char *base64;
};

struct filters {
	pthread_mutex_t lock;
	struct filter list[FILTERS_MAX];
	size_t count;
};

struct filters *filters_new(void)
{
	struct filters *f = NEW(struct filters);

	if (pthread_mutex_init(&f->lock, NULL) != 0)
		abort();
	return f;
}

void filters_free(struct filters *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->list[i].profile);
		free(f->list[i].base64);
	}
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

char *filters_profile(struct str config)
{
	json_t *j = json_loadb(config.ptr, config.len, 0, NULL);
	const json_t *profile = json_object_get(json_object_get(j, "linux"), "seccomp");
	char *text = NULL;

	if (profile && !json_object_get(j, "annotations"))
		text = json_dumps(profile, JSON_COMPACT);
	json_decref(j);
	return text;
}

/* Under the lock. What is found stays until the end. */
static const char *find(const struct filters *f, const char *profile)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->list[i].profile, profile) == 0)
			return f->list[i].base64;
	return NULL;
}

bool filters_add(struct filters *f, const char *profile, struct str config, struct buf *with)
{
	const char *filter;

	pthread_mutex_lock(&f->lock);
	filter = find(f, profile);
	pthread_mutex_unlock(&f->lock);
	if (!filter || config.len < 2 || config.ptr[0] != '{')
		return false;
	buf_printf(with, "{\"annotations\":{\"run.oci.seccomp_bpf_data\":\"%s\"},", filter);
	buf_append(with, config.ptr + 1, config.len - 1);
	return !with->overflow;
}

void filters_learn(struct filters *f, const char *profile, const char *path)
{
	AUTO_BUF struct buf bytes = BUF_MAX(FILTER_MAX);
	char *base64;
	struct err e;

	if (!file_read(path, &bytes, &e) || bytes.overflow || bytes.len == 0 || bytes.len % 8)
		return; /* another runtime, or another way of crun's: it makes its filters itself */
	base64 = xcalloc(1, bytes.len * 4 / 3 + 8);
	(void)EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)bytes.data,
			      (int)bytes.len);
	pthread_mutex_lock(&f->lock);
	if (f->count < FILTERS_MAX && !find(f, profile))
		f->list[f->count++] = (struct filter){ xstrdup(profile), base64 };
	else
		free(base64);
	pthread_mutex_unlock(&f->lock);
}
