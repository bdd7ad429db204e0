#include "host/keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/journal.h"
#include "host/key_folder.h"
#include "host/loop.h"
#include "host/peer/peer.h"
#include "seam/input.h"
#include "wire/x509.h"

#define RANDOM_MAX 4096

struct keys_hands {
	struct loop *loop;
	struct peer_hands *peers;
	struct journal_disk *disk; /* NULL: there is none to be sealed */
	char *dir;
	struct key_folder now; /* the present identity */
	bool is_lock_known;    /* lock() has said how a manager's keys are written */
	unsigned
		identities; /* installed and wiped so far: what is under way for one ends with it */
	struct buf new_key; /* kept aside by new_csr() */
};

/* An outcome on its way to the inbox. */
struct outcome {
	struct keys_hands *hands;
	uint64_t ticket;
	bool is_good;
	struct err err;
	struct buf a, b, c;
	bool has_identity;
	unsigned identities; /* when the journal was given a key */
};

static void clear_secret(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->capacity);
	buf_clear(b);
}

struct keys_hands *keys_hands_new(struct loop *loop, const char *dir, struct peer_hands *peers,
				  struct journal_disk *disk)
{
	struct keys_hands *k = NEW(struct keys_hands);

	k->loop = loop;
	k->peers = peers;
	k->disk = disk;
	k->dir = xstrdup(dir);
	k->new_key = BUF_MAX(X509_PEM_MAX);
	key_folder_init(&k->now);
	return k;
}

void keys_hands_free(struct keys_hands *k)
{
	if (!k)
		return;
	key_folder_clear(&k->now);
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
	id->root = keep(a, buf_str(&k->now.root));
	if (!k->now.cert.len || !cert_read(buf_str(&k->now.cert), &info, &e))
		return;
	id->node_id = arena_strdup(a, info.identity.cn);
	id->role = arena_strdup(a, info.identity.ou_count ? info.identity.ou[0] : "");
	id->org = arena_strdup(a, info.identity.org);
	id->not_before_s = info.not_before_s;
	id->not_after_s = info.not_after_s;
	if (!cert_issuer(buf_str(&k->now.root), buf_str(&k->now.cert), &subject, &public_key, &e))
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
	if (o->has_identity)
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

static bool has_same_key(struct str a, struct str b, bool *has, struct err *e)
{
	AUTO_BUF struct buf subject = BUF_MAX(2 * X509_DER_MAX), of_a = BUF_MAX(X509_DER_MAX),
			    of_b = BUF_MAX(X509_DER_MAX);

	if (!cert_subject(a, &subject, &of_a, e) || !cert_subject(b, &subject, &of_b, e))
		return false;
	*has = str_equal(buf_str(&of_a), buf_str(&of_b));
	return true;
}

/* As it is stored and hashed: without blanks around, with a line end. */
static bool take_given_root(const struct keys_rotation *what, struct outcome *o)
{
	bool is_same;

	if (what->new_key.len && what->new_cert.len == 0)
		return fail(&o->err, ERR_INVALID,
			    "if a signing CA key is provided, the signing CA cert must also be "
			    "provided");
	buf_append_str(&o->a, str_trim(what->new_cert));
	buf_append_c(&o->a, "\n");
	buf_append_str(&o->b, what->new_key);
	if (!root_check_desired(buf_str(&o->a), what->wall_ns / 1000000000, &o->err) ||
	    (what->new_key.len && !key_matches_cert(what->new_key, buf_str(&o->a), &o->err)) ||
	    !has_same_key(what->old_cert, buf_str(&o->a), &is_same, &o->err)) {
		o->err.kind = ERR_INVALID;
		return false;
	}
	return !is_same ||
	       fail(&o->err, ERR_INVALID, "Cannot update to a cert with an identical key");
}

static bool make_rotation(const struct keys_rotation *what, struct outcome *o)
{
	bool is_given = what->new_cert.len || what->new_key.len;

	if (!(is_given ? take_given_root(what, o)
		       : root_new(what->wall_ns / 1000000000, &o->a, &o->b, &o->err)))
		return false;
	if (root_cross_sign(what->old_cert, what->old_key, buf_str(&o->a), &o->c, &o->err))
		return true;
	o->err.kind = ERR_INTERNAL;
	return while_doing(&o->err,
			   "unable to generate a cross-signed certificate for root rotation");
}

static void seam_new_rotation(void *self, uint64_t ticket, const struct keys_rotation *what)
{
	struct outcome *o = outcome_new(self, ticket);

	post(o, make_rotation(what, o));
}

static void seam_digest(void *self, uint64_t ticket, struct str root)
{
	struct outcome *o = outcome_new(self, ticket);
	struct err why;

	if (!cert_subject(root, &o->a, &o->b, &why)) {
		buf_reset(&o->a);
		buf_reset(&o->b);
	}
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
	struct signer by = { .cert = what->ca_cert,
			     .key = what->ca_key,
			     .cross_signed = what->cross_signed };

	post(o, node_cert_sign(&by, what->csr, what->org, what->ou, what->cn,
			       what->wall_ns / 1000000000, what->lifetime_s, &o->a, &o->err));
}

static void set(struct buf *to, struct str from)
{
	clear_secret(to);
	buf_append_str(to, from);
}

static bool is_manager(const struct key_folder *f)
{
	struct cert_info info;
	struct err e;

	return f->cert.len && cert_read(buf_str(&f->cert), &info, &e) &&
	       identity_has_ou(&info.identity, "swarm-manager");
}

static bool use(struct keys_hands *k, const struct key_folder *f, struct err *e)
{
	return peer_hands_identify(k->peers, buf_str(&f->root), buf_str(&f->cert), buf_str(&f->key),
				   e);
}

/* ---- the journal's key ---- */

/* A key that nobody has seen: what the journal is sealed with next. */
static bool draw_journal_key(struct key_lock *l, struct err *e)
{
	if (RAND_priv_bytes(l->next, sizeof(l->next)) != 1)
		return fail(e, ERR_INTERNAL, "no random bytes for a key");
	l->has_next = true;
	return true;
}

static void journal_took_key(void *self, bool is_good, const struct err *why);

/* The next key if there is one; what the present one has sealed is sealed anew. The outcome is
 * posted when that is done. */
static void give_journal_key(struct keys_hands *k, struct outcome *o)
{
	const struct key_lock *l = &k->now.lock;
	const uint8_t *key = l->has_next ? l->next : l->journal_key;

	o->identities = k->identities;
	if (!k->disk) {
		journal_took_key(o, true, NULL);
		return;
	}
	journal_disk_take_key(k->disk, key,
			      l->has_next && l->has_journal_key ? l->journal_key : NULL, o,
			      journal_took_key);
}

/* The next key is the present one. */
static bool settle_journal_key(struct keys_hands *k, struct err *e)
{
	struct key_lock *l = &k->now.lock;

	if (!l->has_next)
		return true;
	memcpy(l->journal_key, l->next, sizeof(l->journal_key));
	OPENSSL_cleanse(l->next, sizeof(l->next));
	l->has_journal_key = true;
	l->has_next = false;
	if (l->needs_another && !draw_journal_key(l, e))
		return false;
	l->needs_another = false;
	return key_folder_save_key(k->dir, &k->now, e);
}

static void journal_took_key(void *self, bool is_good, const struct err *why)
{
	struct outcome *o = self;
	struct keys_hands *k = o->hands;

	if (o->identities != k->identities) {
		fail(&o->err, ERR_CONFLICT, "the node is another by now");
		post(o, false);
		return;
	}
	if (!is_good) {
		/* Not ERR_DENIED: no unlock key would help. */
		fail(&o->err, why->kind == ERR_DENIED ? ERR_INVALID : why->kind, "%s", why->text);
		post(o, false);
		return;
	}
	if (!settle_journal_key(k, &o->err))
		post(o, false);
	else if (k->now.lock.has_next)
		give_journal_key(k, o);
	else
		post(o, true);
}

/* ---- identities ---- */

static bool install(struct keys_hands *k, struct key_folder *f, struct err *e)
{
	bool is_first = is_manager(f) && !k->is_lock_known;

	if (is_manager(f))
		f->lock = k->now.lock;
	if (!key_matches_cert(buf_str(&f->key), buf_str(&f->cert), e) ||
	    !chain_verify(buf_str(&f->root), buf_str(&f->cert), CHAIN_VALID_NOW,
			  loop_now(k->loop).wall_ns / 1000000000, e))
		return false;
	return (is_first || key_folder_save(k->dir, f, e)) && use(k, f, e);
}

static void seam_install(void *self, uint64_t ticket, struct str root, struct str cert)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	struct key_folder fresh;
	bool ok;

	key_folder_init(&fresh);
	set(&fresh.root, root);
	set(&fresh.cert, cert);
	set(&fresh.key, buf_str(&k->new_key));
	ok = install(k, &fresh, &o->err);
	if (!ok) {
		key_folder_clear(&fresh);
		post(o, false);
		return;
	}
	key_folder_clear(&k->now);
	k->now = fresh;
	clear_secret(&k->new_key);
	if (!is_manager(&k->now)) {
		k->is_lock_known = false;
		k->identities++;
	}
	o->has_identity = true;
	post(o, true);
}

static void set_lock(struct key_lock *l, struct str unlock_key, uint64_t version)
{
	l->is_locked = unlock_key.len == KEK_LEN;
	OPENSSL_cleanse(l->unlock_key, sizeof(l->unlock_key));
	if (l->is_locked)
		memcpy(l->unlock_key, unlock_key.ptr, KEK_LEN);
	l->version = version;
}

static bool is_locked_so(const struct key_lock *l, struct str unlock_key)
{
	if (!l->is_locked)
		return unlock_key.len == 0;
	return unlock_key.len == KEK_LEN &&
	       CRYPTO_memcmp(l->unlock_key, unlock_key.ptr, KEK_LEN) == 0;
}

/* What lay open is worth nothing any more: the journal is to have another key. */
static bool draw_key_for_lock(struct key_lock *l, const struct key_lock *before, struct err *e)
{
	if (before->is_locked || !l->is_locked)
		return true;
	if (!l->has_next)
		return draw_journal_key(l, e);
	l->needs_another = true;
	return true;
}

static void lock_anew(struct keys_hands *k, struct outcome *o, struct str unlock_key,
		      uint64_t version)
{
	struct key_lock before = k->now.lock;
	struct key_lock *l = &k->now.lock;
	bool was_busy = before.has_next, ok;

	set_lock(l, unlock_key, version);
	ok = draw_key_for_lock(l, &before, &o->err) &&
	     key_folder_save_key(k->dir, &k->now, &o->err);
	if (!ok)
		*l = before;
	key_lock_clear(&before);
	if (ok && l->has_next && !was_busy)
		give_journal_key(k, o);
	else
		post(o, ok); /* whoever is busy goes on with another key */
}

static void lock_first(struct keys_hands *k, struct outcome *o, struct str unlock_key,
		       uint64_t version)
{
	key_lock_clear(&k->now.lock);
	set_lock(&k->now.lock, unlock_key, version);
	k->is_lock_known = draw_journal_key(&k->now.lock, &o->err) &&
			   key_folder_save(k->dir, &k->now, &o->err);
	if (k->is_lock_known)
		give_journal_key(k, o);
	else
		post(o, false);
}

static void seam_lock(void *self, uint64_t ticket, struct str unlock_key, uint64_t version)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	const struct key_lock *l = &k->now.lock;

	if (!is_manager(&k->now) || (unlock_key.len && unlock_key.len != KEK_LEN))
		post(o, fail(&o->err, ERR_INVALID, "only a manager's keys are locked, by %d bytes",
			     KEK_LEN));
	else if (!k->is_lock_known)
		lock_first(k, o, unlock_key, version);
	else if (version <= l->version || is_locked_so(l, unlock_key))
		post(o, true);
	else
		lock_anew(k, o, unlock_key, version);
}

static void seam_trust(void *self, uint64_t ticket, struct str root)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	int64_t now_s = loop_now(k->loop).wall_ns / 1000000000;
	bool ok = root_check(root, now_s, &o->err) &&
		  (k->now.cert.len == 0 || (chain_verify(root, buf_str(&k->now.cert),
							 CHAIN_MAY_BE_EXPIRED, now_s, &o->err) &&
					    key_folder_save_root(k->dir, root, &o->err)));

	if (ok) {
		set(&k->now.root, root);
		o->has_identity = true;
		ok = use(k, &k->now, &o->err);
	}
	post(o, ok);
}

/* A manager's journal has a key of its own: one that a former build left has none yet. */
static bool settle_loaded(struct keys_hands *k, struct err *e)
{
	struct key_lock *l = &k->now.lock;

	if (!is_manager(&k->now))
		return true;
	k->is_lock_known = true;
	return l->has_journal_key || l->has_next ||
	       (draw_journal_key(l, e) && key_folder_save_key(k->dir, &k->now, e));
}

static void seam_load(void *self, uint64_t ticket, struct str unlock_key)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);
	const uint8_t *key = unlock_key.len == KEK_LEN ? (const uint8_t *)unlock_key.ptr : NULL;
	bool ok;

	key_folder_clear(&k->now);
	key_folder_init(&k->now);
	k->is_lock_known = false;
	k->identities++;
	o->has_identity = true;
	ok = key_folder_load(k->dir, key, &k->now, &o->err) &&
	     chain_verify(buf_str(&k->now.root), buf_str(&k->now.cert), CHAIN_MAY_BE_EXPIRED,
			  loop_now(k->loop).wall_ns / 1000000000, &o->err) &&
	     settle_loaded(k, &o->err) && use(k, &k->now, &o->err);
	if (ok && is_manager(&k->now))
		give_journal_key(k, o);
	else
		post(o, ok);
}

static void seam_wipe(void *self, uint64_t ticket)
{
	struct keys_hands *k = self;
	struct outcome *o = outcome_new(k, ticket);

	key_folder_remove(k->dir);
	key_folder_clear(&k->now);
	key_folder_init(&k->now);
	k->is_lock_known = false;
	k->identities++;
	clear_secret(&k->new_key);
	post(o, peer_hands_identify(k->peers, STR(""), STR(""), STR(""), &o->err));
}

void keys_hands_seam(struct keys_hands *k, struct keys *seam)
{
	*seam = (struct keys){
		.self = k,
		.random = seam_random,
		.new_root = seam_new_root,
		.new_rotation = seam_new_rotation,
		.digest = seam_digest,
		.new_csr = seam_new_csr,
		.sign = seam_sign,
		.install = seam_install,
		.trust = seam_trust,
		.lock = seam_lock,
		.load = seam_load,
		.wipe = seam_wipe,
	};
}
