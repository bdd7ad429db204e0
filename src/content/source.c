#include "content/source.h"

#include <stdio.h>

#include "base/mem.h"
#include "content/parse.h"

#define WHAT "talking to the registry"

/* A manifest by tag or digest; its digest is that of the bytes that came, and must be what was asked for. */
static bool fetch(struct source *s, struct job *j, struct fetcher *f, const char *reference,
		  struct buf *text, char type[256], char digest[DIGEST_SHA256_LEN + 1],
		  struct manifest *m, struct err *e)
{
	char said[256];

	if (!fetcher_manifest(f, reference, text, type, said, e))
		return false;
	digest_sha256(text->data ? text->data : "", text->len, digest);
	if (strncmp(reference, "sha256:", 7) == 0 && strcmp(reference, digest) != 0)
		return fail(e, ERR_INVALID,
			    "manifest verification failed for digest %s: the bytes have %s",
			    reference, digest);
	if (strncmp(said, "sha256:", 7) == 0 && strcmp(said, digest) != 0)
		return fail(e, ERR_INVALID,
			    "the registry says the manifest has digest %.80s, and it has %s", said,
			    digest);
	return parse_manifest(j, buf_str(text), type, &s->texts, m, e);
}

/* The sentences stock docker says when there is no such image, or not for us. */
static bool explain(const struct remote *r, struct err *e)
{
	struct err why = *e;
	char name[REF_TEXT_MAX + 1];

	ref_familiar_name(&r->ref, name);
	if (why.kind == ERR_NOT_FOUND)
		return fail(e, ERR_NOT_FOUND, "manifest for %s not found: %s", r->familiar,
			    why.text);
	if (why.kind == ERR_UNAUTHENTICATED || why.kind == ERR_DENIED)
		return fail(
			e, ERR_NOT_FOUND,
			"pull access denied for %s, repository does not exist or may require 'docker login': %s",
			name, why.text);
	return false;
}

bool source_name(struct source *s, struct job *j, struct fetcher *f, const struct remote *r,
		 struct err *e)
{
	char type[256];

	if (*r->ref.digest && !is_sha256(r->ref.digest))
		return fail(e, ERR_UNSUPPORTED, "%s: only sha256 digests can be verified",
			    r->ref.digest);
	if (!fetch(s, j, f, remote_target(r), &s->manifest_text, type, s->digest, &s->named, e))
		return explain(r, e);
	snprintf(s->media_type, sizeof(s->media_type), "%s", s->named.media_type);
	s->size_bytes = s->manifest_text.len;
	memcpy(s->manifest_digest, s->digest, sizeof(s->digest));
	return true;
}

static const char *text_of(const struct platform *p, struct arena *a)
{
	return *p->variant ? arena_printf(a, "%s/%s/%s", p->os, p->architecture, p->variant)
			   : arena_printf(a, "%s/%s", p->os, p->architecture);
}

bool source_pick(struct source *s, struct job *j, struct fetcher *f, const struct remote *r,
		 const struct platform *want, struct err *e)
{
	const struct descriptor *picked;
	char type[256];

	if (!s->named.is_index) {
		s->manifest = s->named;
		return true;
	}
	picked = manifest_pick(&s->named, want);
	if (!picked)
		return fail(e, ERR_NOT_FOUND,
			    "no matching manifest for %s in the manifest list entries of %s",
			    text_of(want, &s->texts), r->familiar);
	if (!fetch(s, j, f, picked->digest, &s->manifest_text, type, s->manifest_digest,
		   &s->manifest, e))
		return explain(r, e);
	if (s->manifest.is_index)
		return fail(e, ERR_INVALID, "the manifest list of %s names another list",
			    r->familiar);
	return true;
}

/* A small blob into a buffer, hashed before anybody looks at it. */
static bool fetch_text(struct fetcher *f, const struct descriptor *d, struct buf *text,
		       struct err *e)
{
	char digest[DIGEST_SHA256_LEN + 1];
	struct record r;

	if (d->size_bytes > BLOB_TEXT_MAX)
		return fail(e, ERR_EXHAUSTED, "the image's config has %lld bytes, more than %u",
			    (long long)d->size_bytes, BLOB_TEXT_MAX);
	if (!fetcher_order_blob(f, d->digest, d->size_bytes, e))
		return false;
	*text = BUF_MAX(d->size_bytes);
	for (;;) {
		if (!worker_receive(&f->worker, WHAT, &r, e))
			return false;
		if (!str_equal_c(record_get(&r, "event"), "data"))
			break;
		if (!buf_append_str(text, record_get(&r, "bytes")))
			return fail(e, ERR_INVALID,
				    "the registry sends more than the %lld bytes of %s",
				    (long long)d->size_bytes, d->digest);
	}
	digest_sha256(text->data ? text->data : "", text->len, digest);
	return strcmp(digest, d->digest) == 0 ||
	       fail(e, ERR_INVALID,
		    "image config verification failed for digest %s: the bytes have %s", d->digest,
		    digest);
}

bool source_config(struct source *s, struct job *j, struct fetcher *f, struct err *e)
{
	if (!fetch_text(f, &s->manifest.config, &s->config_text, e) ||
	    !parse_image_config(j, buf_str(&s->config_text), &s->texts, &s->config, e))
		return false;
	if (*s->config.platform.os && strcmp(s->config.platform.os, "linux") != 0)
		return fail(e, ERR_UNSUPPORTED,
			    "image operating system \"%.50s\" cannot be used on this platform",
			    s->config.platform.os);
	if (s->config.layer_count != s->manifest.item_count)
		return fail(e, ERR_INVALID,
			    "the manifest has %zu layers and the image's config %zu",
			    s->manifest.item_count, s->config.layer_count);
	return true;
}

void source_clear(struct source *s)
{
	buf_clear(&s->manifest_text);
	buf_clear(&s->config_text);
	arena_clear(&s->texts);
}
