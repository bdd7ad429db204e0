#include "host/key_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "temp.h"
#include "test.h"
#include "wire/x509.h"

#define NOW_S INT64_C(1700000000)

static const uint8_t good[KEK_LEN] = "an unlock key of thirty-two byte";
static const uint8_t bad[KEK_LEN] = "another unlock key of thirty-two";
static const uint8_t journal_key[SEAL_KEY_LEN] = "what the journal is sealed with.";

static struct temp dir;
static struct err e;

/* A manager's keys, not on the disk yet. */
static void make(struct key_folder *f)
{
	AUTO_BUF struct buf ca_key = BUF_MAX(X509_PEM_MAX), csr = BUF_MAX(X509_PEM_MAX);
	struct signer by;

	key_folder_init(f);
	CHECK(root_new(NOW_S, &f->root, &ca_key, &e));
	CHECK(key_new(&f->key, &e) && csr_new(buf_str(&f->key), &csr, &e));
	by = (struct signer){ .cert = buf_str(&f->root), .key = buf_str(&ca_key) };
	CHECK(node_cert_sign(&by, buf_str(&csr), "cluster", "swarm-manager", "node", NOW_S, 86400,
			     &f->cert, &e));
	f->lock.has_journal_key = true;
	memcpy(f->lock.journal_key, journal_key, SEAL_KEY_LEN);
}

static void lock(struct key_folder *f)
{
	f->lock.is_locked = true;
	memcpy(f->lock.unlock_key, good, KEK_LEN);
	f->lock.version = 12;
}

static void read_text(const char *name, struct buf *out)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir.path, name);

	buf_reset(out);
	CHECK(file_read(path, out, &e));
}

TEST(what_is_saved_is_loaded)
{
	struct key_folder f, g;

	dir = temp_make();
	make(&f);
	f.lock.version = 3;
	CHECK(key_folder_save(dir.path, &f, &e));

	key_folder_init(&g);
	CHECK(key_folder_load(dir.path, NULL, &g, &e));
	CHECK(str_equal(buf_str(&f.key), buf_str(&g.key)));
	CHECK(str_equal(buf_str(&f.cert), buf_str(&g.cert)));
	CHECK(memcmp(&f.lock, &g.lock, sizeof(f.lock)) == 0);
	key_folder_clear(&f);
	key_folder_clear(&g);
	temp_remove(&dir);
}

TEST(a_locked_folder_opens_with_the_unlock_key_alone_and_shows_whose_it_is)
{
	AUTO_BUF struct buf text = BUF_MAX(KEYFILE_MAX);
	struct key_folder f, g;

	dir = temp_make();
	make(&f);
	lock(&f);
	CHECK(key_folder_save(dir.path, &f, &e));
	read_text("swarm-node.key", &text);
	CHECK(memmem(text.data, text.len, "ENCRYPTED PRIVATE KEY", 21) != NULL);

	key_folder_init(&g);
	CHECK(!key_folder_load(dir.path, NULL, &g, &e) && e.kind == ERR_DENIED);
	CHECK(str_equal(buf_str(&f.cert), buf_str(&g.cert)) && g.key.len == 0);
	CHECK(!key_folder_load(dir.path, bad, &g, &e) && e.kind == ERR_DENIED);
	CHECK(key_folder_load(dir.path, good, &g, &e));
	CHECK(memcmp(g.lock.journal_key, journal_key, SEAL_KEY_LEN) == 0);
	CHECK_INT(g.lock.version, 12);
	key_folder_clear(&f);
	key_folder_clear(&g);
	temp_remove(&dir);
}

TEST(an_open_key_file_is_overwritten_when_it_is_locked)
{
	AUTO_BUF struct buf left = BUF_MAX(KEYFILE_MAX);
	AUTO_FREE char *path = NULL, *other = NULL;
	struct key_folder f;

	dir = temp_make();
	path = xasprintf("%s/swarm-node.key", dir.path);
	other = xasprintf("%s/another-name", dir.path);
	make(&f);
	CHECK(key_folder_save(dir.path, &f, &e));
	CHECK(link(path, other) == 0); /* as good as looking at the blocks */
	lock(&f);
	CHECK(key_folder_save_key(dir.path, &f, &e));

	read_text("another-name", &left);
	CHECK(left.len > 100);
	for (size_t i = 0; i < left.len; i++)
		CHECK(left.data[i] == 0);
	key_folder_clear(&f);
	temp_remove(&dir);
}

TEST(after_a_crash_the_certificate_that_fits_the_key_counts)
{
	AUTO_FREE char *waiting = NULL;
	struct key_folder f, g, h;

	dir = temp_make();
	waiting = xasprintf("%s/.swarm-node.crt", dir.path);
	make(&f);
	make(&g);
	key_folder_init(&h);

	/* The next certificate was written, and its key was not. */
	CHECK(key_folder_save(dir.path, &f, &e));
	CHECK(file_replace(waiting, buf_str(&g.cert), 0644, &e));
	CHECK(key_folder_load(dir.path, NULL, &h, &e));
	CHECK(str_equal(buf_str(&h.cert), buf_str(&f.cert)) && !file_exists(waiting));

	/* The key was, and the certificate did not get its name. */
	CHECK(file_replace(waiting, buf_str(&g.cert), 0644, &e));
	CHECK(key_folder_save_key(dir.path, &g, &e));
	CHECK(key_folder_load(dir.path, NULL, &h, &e));
	CHECK(str_equal(buf_str(&h.cert), buf_str(&g.cert)) && !file_exists(waiting));
	CHECK(key_folder_load(dir.path, NULL, &h, &e));
	key_folder_clear(&f);
	key_folder_clear(&g);
	key_folder_clear(&h);
	temp_remove(&dir);
}

TEST(a_removed_folder_holds_nothing)
{
	struct key_folder f;

	dir = temp_make();
	make(&f);
	CHECK(key_folder_save(dir.path, &f, &e));
	key_folder_remove(dir.path);

	CHECK(folder_is_empty(dir.path));
	CHECK(!key_folder_load(dir.path, NULL, &f, &e) && e.kind == ERR_NOT_FOUND);
	key_folder_clear(&f);
	temp_remove(&dir);
}

TEST_MAIN()
