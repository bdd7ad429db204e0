#include "host/keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/file.h"
#include "host/loop.h"
#include "host/peer/peer.h"
#include "seam/input.h"
#include "wire/keyfile.h"
#include "wire/x509.h"

#define RANDOM_MAX 4096

struct keys_hands {
	struct loop *loop;
	struct peer_hands *peers;
	char *dir;
	struct buf root, cert, key; /* of the present identity, PEM */
	struct buf new_key;         /* kept aside by new_csr() */
};

/* An outcome on its way to the inbox. */
struct outcome {
	struct keys_hands *hands;
	uint64_t ticket;
	bool is_good;
	struct err err;
	struct buf a, b, c;
	bool has_identity;
};

static void clear_secret(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->capacity);
	buf_clear(b);
}

struct keys_hands *keys_hands_new(struct loop *loop, const char *dir, struct peer_hands *peers)
{
	struct keys_hands *k = NEW(struct keys_hands);

	k->loop = loop;
	k->peers = peers;
	k->dir = xstrdup(dir);
	k->root = k->cert = k->key = k->new_key = BUF_MAX(X509_PEM_MAX);
	return k;
}

void keys_hands_free(struct keys_hands *k)
{
	if (!k)
		return;
	buf_clear(&k->root);
	buf_clear(&k->cert);
	clear_secret(&k->key);
	clear_secret(&k->new_key);
	free(k->dir);
	free(k);
}

static struct outcome *outcome_new(struct keys_hands *k, uint64_t ticket)
{
	struct outcome *o = NEW(struct outcome);

	o->hands = k;
	o->ticket = ticket;
	o->a = o->b = o->c = BUF_MAX(X509_PEM_MAX);
	return o;
}

static struct str keep(struct arena *a, struct str s)
{
	return str_bytes(arena_str(a, s), s.len);
}

static void fill_identity(struct keys_hands *k, struct arena *a, struct keys_event *ev)
{
	AUTO_BUF struct buf subject = BUF_MAX(X509_DER_MAX), public_key = BUF_MAX(X509_DER_MAX);
	struct keys_identity *id = &ev->identity;
	struct cert_info info;
	struct err e;

	id->node_id = id->role = id->org = "";
	id->root = keep(a, buf_str(&k->root));
	if (!k->cert.len || !cert_read(buf_str(&k->cert), &info, &e))
		return;
	id->node_id = arena_strdup(a, info.identity.cn);
	id->role = arena_strdup(a, info.identity.ou_count ? info.identity.ou[0] : "");
	id->org = arena_strdup(a, info.identity.org);
	id->not_before_s = info.not_before_s;
	id->not_after_s = info.not_after_s;
	if (!cert_issuer(buf_str(&k->root), buf_str(&k->cert), &subject, &public_key, &e))
		return;
	id->issuer_subject = keep(a, buf_str(&subject));
	id->issuer_public_key = keep(a, buf_str(&public_key));
}

static void tell(void *self)
{
	struct outcome *o = self;
	struct inbox *box = loop_inbox(o->hands->loop);
	struct input *in = inbox_add(box, INPUT_KEYS, o->ticket);

	in->keys.kind = o->is_good ? KEYS_DONE : KEYS_FAILED;
	in->keys.err_kind = (int)o->err.kind;
	in->keys.text = arena_strdup(&box->memory, o->is_good ? "" : o->err.text);
	in->keys.a = keep(&box->memory, buf_str(&o->a));
	in->keys.b = keep(&box->memory, buf_str(&o->b));
	in->keys.c = keep(&box->memory, buf_str(&o->c));
	if (o->is_good && o->has_identity)
		fill_identity(o->hands, &box->memory, &in->keys);
	clear_secret(&o->a);
	clear_secret(&o->b);
	buf_clear(&o->c);
	loop_wake(o->hands->loop);
	free(o);
}

static void post(struct outcome *o, bool is_good)
{
	o->is_good = is_good;
	loop_post(o->hands->loop, o, tell);
}

static bool append_digest(struct str bytes, struct buf *out, struct err *e)
{
	uint8_t digest[32];
	char hex[65];

	if (!EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL))
		return fail(e, ERR_INTERNAL, "SHA-256 failed");
	hex_encode(digest, sizeof(digest), hex);
	return buf_printf(out, "sha256:%s", hex) || fail(e, ERR_EXHAUSTED, "no room for a digest");
}

static void seam_random(void *self, uint64_t ticket, size_t count)
{
	struct outcome *o = outcome_new(self, ticket);
	void *to = count <= RANDOM_MAX ? buf_extend(&o->a, count) : NULL;
	bool is_good = to && RAND_bytes(to, (int)count) == 1;

	if (!is_good)
		fail(&o->err, ERR_INTERNAL, "no random bytes");
	post(o, is_good);
}

static void seam_new_root(void *self, uint64_t ticket, int64_t wall_ns)
{
	struct outcome *o = outcome_new(self, ticket);

	post(o, root_new(wall_ns / 1000000000, &o->a, &o->b, &o->err) &&
			append_digest(buf_str(&o->a), &o->c, &o->err));
}

static void seam_digest(void *self, uint64_t ticket, struct str root)
{
	struct outcome *o = outcome_new(self, ticket);

	post(o, append_digest(root, &o->c, &o->err));
}

static void seam_new_csr(void *self, uint64_t ticket)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);

	clear_secret(&k->new_key);
	post(o, key_new(&k->new_key, &o->err) && csr_new(buf_str(&k->new_key), &o->a, &o->err));
}

static void seam_sign(void *self, uint64_t ticket, const struct keys_signing *what)
{
	struct outcome *o = outcome_new(self, ticket);
	struct signer by = { .cert = what->ca_cert, .key = what->ca_key };

	post(o, node_cert_sign(&by, what->csr, what->org, what->ou, what->cn,
			       what->wall_ns / 1000000000, what->lifetime_s, &o->a, &o->err));
}

static char *path_of(const struct keys_hands *k, const char *name)
{
	return xasprintf("%s/%s", k->dir, name);
}

static bool write_file(const struct keys_hands *k, const char *name, struct str bytes, mode_t mode,
		       struct err *e)
{
	AUTO_FREE char *path = path_of(k, name);

	return file_replace(path, bytes, mode, e);
}

static void set(struct buf *to, struct str from)
{
	clear_secret(to);
	buf_append_str(to, from);
}

static bool write_identity(struct keys_hands *k, struct str root, struct str cert, struct err *e)
{
	struct keyfile headers = { 0 };
	AUTO_BUF struct buf file = BUF_MAX(KEYFILE_MAX);
	bool ok;

	if (!key_matches_cert(buf_str(&k->new_key), cert, e))
		return false;
	if (!chain_verify(root, cert, CHAIN_VALID_NOW, loop_now(k->loop).wall_ns / 1000000000, e))
		return false;
	ok = folder_make(k->dir, 0700, e) &&
	     keyfile_write(&headers, buf_str(&k->new_key), NULL, &file, e) &&
	     write_file(k, "swarm-root-ca.crt", root, 0644, e) &&
	     write_file(k, "swarm-node.key", buf_str(&file), 0600, e) &&
	     write_file(k, "swarm-node.crt", cert, 0644, e);
	if (file.data)
		OPENSSL_cleanse(file.data, file.capacity);
	return ok;
}

static void seam_install(void *self, uint64_t ticket, struct str root, struct str cert)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	bool ok = write_identity(k, root, cert, &o->err) &&
		  peer_hands_identify(k->peers, root, cert, buf_str(&k->new_key), &o->err);

	if (ok) {
		set(&k->root, root);
		set(&k->cert, cert);
		set(&k->key, buf_str(&k->new_key));
		clear_secret(&k->new_key);
		o->has_identity = true;
	}
	post(o, ok);
}

static void seam_trust(void *self, uint64_t ticket, struct str root)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	int64_t now_s = loop_now(k->loop).wall_ns / 1000000000;
	bool ok = root_check(root, now_s, &o->err) &&
		  (k->cert.len == 0 ||
		   (chain_verify(root, buf_str(&k->cert), CHAIN_MAY_BE_EXPIRED, now_s, &o->err) &&
		    write_file(k, "swarm-root-ca.crt", root, 0644, &o->err))) &&
		  peer_hands_identify(k->peers, root, buf_str(&k->cert), buf_str(&k->key), &o->err);

	if (ok) {
		set(&k->root, root);
		o->has_identity = true;
	}
	post(o, ok);
}

static bool read_file(const struct keys_hands *k, const char *name, struct buf *into, struct err *e)
{
	AUTO_FREE char *path = path_of(k, name);

	buf_reset(into);
	return file_read(path, into, e);
}

static bool load(struct keys_hands *k, struct err *e)
{
	AUTO_BUF struct buf file = BUF_MAX(KEYFILE_MAX);

	return read_file(k, "swarm-root-ca.crt", &k->root, e) &&
	       read_file(k, "swarm-node.crt", &k->cert, e) &&
	       read_file(k, "swarm-node.key", &file, e) &&
	       keyfile_open(buf_str(&file), NULL, &k->key, e) &&
	       key_matches_cert(buf_str(&k->key), buf_str(&k->cert), e) &&
	       chain_verify(buf_str(&k->root), buf_str(&k->cert), CHAIN_MAY_BE_EXPIRED,
			    loop_now(k->loop).wall_ns / 1000000000, e) &&
	       peer_hands_identify(k->peers, buf_str(&k->root), buf_str(&k->cert), buf_str(&k->key),
				   e);
}

static void seam_load(void *self, uint64_t ticket)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);

	clear_secret(&k->key);
	o->has_identity = true;
	post(o, load(k, &o->err));
}

static void seam_wipe(void *self, uint64_t ticket)
{
	static const char *const names[] = { "swarm-root-ca.crt", "swarm-node.crt",
					     "swarm-node.key" };
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_FREE char *path = path_of(k, names[i]);

		(void)unlink(path);
	}
	set(&k->root, STR(""));
	set(&k->cert, STR(""));
	clear_secret(&k->key);
	clear_secret(&k->new_key);
	post(o, peer_hands_identify(k->peers, STR(""), STR(""), STR(""), &o->err));
}

void keys_hands_seam(struct keys_hands *k, struct keys *seam)
{
	*seam = (struct keys){ k,         seam_random,  seam_new_root, seam_digest, seam_new_csr,
			       seam_sign, seam_install, seam_trust,    seam_load,   seam_wipe };
}
