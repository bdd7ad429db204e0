#include "content/parse.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "content/json.h"

#define CREDENTIALS_MAX (64u << 10)

enum parse_kind {
	PARSE_MANIFEST,
	PARSE_CONFIG,
	PARSE_SAVED,
	PARSE_SAVED_INDEX,
	PARSE_COMPOSE,
	PARSE_CREDENTIALS
};

struct parse_order {
	enum parse_kind kind;
	struct str text;
	const char *said;
	const struct compose *compose;
};

static void decode_base64(struct str text, struct buf *out)
{
	AUTO_FREE char *padded = xcalloc(1, text.len + 5);
	unsigned char *bytes;
	size_t n = 0;
	int count;

	for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++)
		padded[n++] = text.ptr[i] == '-' ? '+' : text.ptr[i] == '_' ? '/' : text.ptr[i];
	for (text.len = n; n % 4; n++)
		padded[n] = '=';
	bytes = xmalloc(n / 4 * 3 + 1);
	count = EVP_DecodeBlock(bytes, (unsigned char *)padded, n);
	count -= count > 0 ? (int)(n - text.len) : 0;
	if (count > 0)
		buf_append(out, bytes, count);
	free(bytes);
}

bool credentials_parse(struct str header, struct arena *a, struct credentials *c, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(CREDENTIALS_MAX);
	AUTO_FREE char *pair = NULL;
	json_t *o;

	*c = (struct credentials){ "", "", "", "" };
	if (header.len == 0)
		return true;
	if (header.len > CREDENTIALS_MAX)
		return fail(e, ERR_INVALID, "X-Registry-Auth has more than %u bytes",
			    CREDENTIALS_MAX);
	decode_base64(header, &text);
	/* Clients send garbage for "nobody": it is read as nobody. */
	if (text.len == 0 ||
	    !(o = json_parse(buf_str(&text), CREDENTIALS_MAX, "X-Registry-Auth", e)))
		return true;
	c->username = json_text(o, "username", a);
	c->password = json_text(o, "password", a);
	c->identity_token = json_text(o, "identitytoken", a);
	c->registry_token = json_text(o, "registrytoken", a);
	if (!*c->username && *json_text(o, "auth", a)) {
		struct str name, word;
		AUTO_BUF struct buf both = BUF_MAX(CREDENTIALS_MAX);

		decode_base64(str_of(json_text(o, "auth", a)), &both);
		if (str_cut(buf_str(&both), ':', &name, &word)) {
			c->username = arena_str(a, name);
			c->password = arena_str(a, word);
		}
	}
	json_decref(o);
	return true;
}

/* -- in the worker -- */

static bool do_parse(const struct parse_order *o, struct arena *a, struct record_writer *w,
		     struct err *e)
{
	AUTO_BUF struct buf out = BUF_MAX(BLOB_TEXT_MAX);
	struct saved_image *images;
	struct image_config config;
	struct manifest manifest;
	struct credentials who;
	size_t count;

	switch (o->kind) {
	case PARSE_MANIFEST:
		if (!manifest_parse(o->text, o->said, a, &manifest, e))
			return false;
		manifest_encode(&manifest, w);
		return true;
	case PARSE_CONFIG:
		if (!image_config_parse(o->text, a, &config, e))
			return false;
		image_config_encode(&config, w);
		return true;
	case PARSE_SAVED:
	case PARSE_SAVED_INDEX:
		if (!(o->kind == PARSE_SAVED ? saved_images_parse
					     : saved_index_parse)(o->text, a, &images, &count, e))
			return false;
		saved_images_encode(images, count, w);
		return true;
	case PARSE_COMPOSE:
		if (!image_config_compose(o->compose, &out, e))
			return false;
		record_add(w, "text", buf_str(&out));
		return true;
	case PARSE_CREDENTIALS:
		if (!credentials_parse(o->text, a, &who, e))
			return false;
		record_add_c(w, "username", who.username);
		record_add_c(w, "password", who.password);
		record_add_c(w, "identity_token", who.identity_token);
		record_add_c(w, "registry_token", who.registry_token);
		return true;
	}
	return fail(e, ERR_INTERNAL, "nothing to parse");
}

static bool run(struct channel *up, void *arg, struct err *e)
{
	AUTO_RECORD struct record_writer w = { 0 };
	AUTO_ARENA struct arena a = { 0 };

	record_begin(&w);
	record_add_c(&w, "event", "done");
	return do_parse(arg, &a, &w, e) && channel_send(up, &w, NULL, 0, e);
}

/* -- in the job -- */

static bool ask(struct job *j, struct parse_order *o, const char *what, struct worker *w,
		struct record *r, struct err *e)
{
	struct sandbox s = { .kind = SANDBOX_PARSE, .uid = j->settings->uid };

	return worker_start(w, &s, run, o, NULL, 0, e) && worker_receive(w, what, r, e);
}

bool parse_manifest(struct job *j, struct str text, const char *said, struct arena *a,
		    struct manifest *m, struct err *e)
{
	struct parse_order o = { .kind = PARSE_MANIFEST, .text = text, .said = said };
	AUTO_WORKER struct worker w = { 0 };
	struct record r;

	return ask(j, &o, "reading a manifest", &w, &r, e) && manifest_decode(&r, a, m, e);
}

bool parse_image_config(struct job *j, struct str text, struct arena *a, struct image_config *c,
			struct err *e)
{
	struct parse_order o = { .kind = PARSE_CONFIG, .text = text };
	AUTO_WORKER struct worker w = { 0 };
	struct record r;

	return ask(j, &o, "reading an image's config", &w, &r, e) &&
	       image_config_decode(&r, a, c, e);
}

bool parse_saved_images(struct job *j, struct str text, bool is_index, struct arena *a,
			struct saved_image **images, size_t *count, struct err *e)
{
	struct parse_order o = { .kind = is_index ? PARSE_SAVED_INDEX : PARSE_SAVED, .text = text };
	AUTO_WORKER struct worker w = { 0 };
	struct record r;

	return ask(j, &o, "reading the archive's manifest", &w, &r, e) &&
	       saved_images_decode(&r, a, images, count, e);
}

bool parse_compose(struct job *j, const struct compose *what, struct buf *out, struct err *e)
{
	struct parse_order o = { .kind = PARSE_COMPOSE, .compose = what };
	AUTO_WORKER struct worker w = { 0 };
	struct record r;

	if (!ask(j, &o, "composing a config", &w, &r, e))
		return false;
	*out = BUF_MAX(BLOB_TEXT_MAX);
	return buf_append_str(out, record_get(&r, "text")) ||
	       fail(e, ERR_EXHAUSTED, "the config is too large");
}

bool parse_credentials(struct job *j, const char *header, struct arena *a, struct credentials *c,
		       struct err *e)
{
	struct parse_order o = { .kind = PARSE_CREDENTIALS, .text = str_of(header) };
	AUTO_WORKER struct worker w = { 0 };
	struct record r;

	*c = (struct credentials){ "", "", "", "" };
	if (!*header)
		return true;
	if (!ask(j, &o, "reading X-Registry-Auth", &w, &r, e))
		return false;
	c->username = arena_str(a, record_get(&r, "username"));
	c->password = arena_str(a, record_get(&r, "password"));
	c->identity_token = arena_str(a, record_get(&r, "identity_token"));
	c->registry_token = arena_str(a, record_get(&r, "registry_token"));
	return true;
}
