#include "wire/keyfile.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "test.h"
#include "wire/x509.h"

static const uint8_t kek[KEK_LEN] = { 0x00, 0x01, 0xff, 0x0a, 0x00, 'k' };
static const uint8_t wrong_kek[KEK_LEN] = { 7 };

static void new_key(struct buf *key)
{
	struct err e;

	if (!key_new(key, &e))
		TEST_FAIL("%s", e.text);
}

static struct keyfile full(void)
{
	struct keyfile k = { .kek_version = 12, .raft_dek_needs_rotation = true };

	k.raft_dek.len = 34; /* {data: 32 bytes} */
	k.raft_dek.data[0] = 0x12;
	k.raft_dek.data[1] = 0x20;
	k.raft_dek_pending.len = 91;
	memset(k.raft_dek_pending.data, 0xee, 91);
	return k;
}

TEST(an_unlocked_file_is_the_key_and_its_headers)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), pem = BUF_MAX(KEYFILE_MAX), again = BUF_MAX(4096);
	struct keyfile k = full(), read;
	bool is_locked;
	struct err e;

	new_key(&key);
	CHECK(keyfile_write(&k, buf_str(&key), NULL, &pem, &e));
	CHECK(str_starts_with(buf_str(&pem),
			      "-----BEGIN PRIVATE KEY-----\nkek-version: 12\n"
			      "raft-dek: EiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n"
			      "raft-dek-needs-rotation: true\nraft-dek-pending: 7u7u"));
	CHECK(keyfile_parse(buf_str(&pem), &read, &is_locked, &e) && !is_locked);
	CHECK(memcmp(&k, &read, sizeof(k)) == 0);
	CHECK(keyfile_open(buf_str(&pem), NULL, &again, &e));
	CHECK_STR(again.data, key.data);
}

TEST(a_workers_file_has_no_headers)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), pem = BUF_MAX(KEYFILE_MAX);
	struct keyfile k = { 0 };
	struct err e;

	new_key(&key);
	CHECK(keyfile_write(&k, buf_str(&key), NULL, &pem, &e));
	CHECK_STR(pem.data, key.data);
}

TEST(a_locked_file_opens_with_its_key_alone)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), pem = BUF_MAX(KEYFILE_MAX), again = BUF_MAX(4096);
	struct keyfile k = full(), read;
	bool is_locked;
	struct err e;

	new_key(&key);
	CHECK(keyfile_write(&k, buf_str(&key), kek, &pem, &e));
	CHECK(str_starts_with(buf_str(&pem),
			      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nkek-version: 12\n"));
	CHECK(keyfile_parse(buf_str(&pem), &read, &is_locked, &e) && is_locked);
	CHECK(memcmp(&k, &read, sizeof(k)) == 0);
	CHECK(!keyfile_open(buf_str(&pem), NULL, &again, &e) && e.kind == ERR_DENIED);
	CHECK_STR(e.text, "node is locked, and needs a valid unlock key");
	CHECK(!keyfile_open(buf_str(&pem), wrong_kek, &again, &e) && e.kind == ERR_DENIED);
	CHECK_INT(again.len, 0);
	CHECK(keyfile_open(buf_str(&pem), kek, &again, &e));
	CHECK_STR(again.data, key.data);
	keyfile_clear(&read);
	CHECK(read.raft_dek.len == 0 && read.kek_version == 0);
}

/* The output of a program that reads the file on its standard input. */
static void filter(const char *command, const struct buf *in, struct buf *out)
{
	char path[] = "/tmp/shoal-test-XXXXXX", line[512];
	AUTO_FREE char *full_command = NULL;
	int fd = mkstemp(path);
	FILE *pipe;

	if (fd < 0 || write(fd, in->data, in->len) != (ssize_t)in->len)
		TEST_FAIL("no temporary file");
	close(fd);
	full_command = xasprintf("%s <%s 2>&1", command, path);
	pipe = popen(full_command, "r");
	while (pipe && fgets(line, sizeof(line), pipe))
		buf_append_c(out, line);
	if (pipe)
		pclose(pipe);
	unlink(path);
}

TEST(the_lock_is_what_stock_nodes_use)
{
	AUTO_BUF struct buf key = BUF_MAX(4096), pem = BUF_MAX(KEYFILE_MAX), out = BUF_MAX(100000);
	struct keyfile k = { 0 };
	struct err e;

	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("skipped: the openssl program is not installed\n");
		return;
	}
	new_key(&key);
	CHECK(keyfile_write(&k, buf_str(&key), kek, &pem, &e));
	filter("openssl asn1parse", &pem, &out);
	CHECK(strstr(out.data, "PBES2") && strstr(out.data, "PBKDF2") &&
	      strstr(out.data, "aes-256-cbc"));
	CHECK(strstr(out.data, "INTEGER           :0800") && !strstr(out.data, "hmacWith"));
}

TEST(older_forms_of_the_file_are_read)
{
	AUTO_BUF struct buf root = BUF_MAX(4096), key = BUF_MAX(4096), out = BUF_MAX(4096),
			    plain = BUF_MAX(4096);
	struct keyfile k;
	bool is_locked;
	struct err e;

	CHECK(root_new(1790000000, &root, &key, &e));
	CHECK(keyfile_parse(buf_str(&key), &k, &is_locked, &e) && !is_locked);
	CHECK(keyfile_open(buf_str(&key), NULL, &plain, &e));
	CHECK(str_starts_with(buf_str(&plain), "-----BEGIN PRIVATE KEY-----\n"));
	if (system("openssl version >/dev/null 2>&1") != 0) {
		printf("skipped: the openssl program is not installed\n");
		return;
	}
	filter("openssl ec -aes-256-cbc -passout pass:0123456789abcdef0123456789abcdef 2>/dev/null",
	       &key, &out);
	CHECK(keyfile_parse(buf_str(&out), &k, &is_locked, &e) && is_locked);
	buf_reset(&key);
	CHECK(!keyfile_open(buf_str(&out), wrong_kek, &key, &e) && e.kind == ERR_DENIED);
	CHECK(keyfile_open(buf_str(&out), (const uint8_t *)"0123456789abcdef0123456789abcdef", &key,
			   &e));
	CHECK_STR(key.data, plain.data);
}

TEST(what_is_no_key_file_is_refused)
{
	static const char *const bad[] = {
		"",
		"text",
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN PRIVATE KEY-----\nkek-version: x\n\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nraft-dek: ====\n\nAAAA\n-----END PRIVATE KEY-----\n",
		"-----BEGIN PRIVATE KEY-----\nraft-dek: AAA\n\nAAAA\n-----END PRIVATE KEY-----\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF struct buf key = BUF_MAX(4096);
		struct keyfile k;
		bool is_locked;
		struct err e;

		if (keyfile_parse(str_of(bad[i]), &k, &is_locked, &e) &&
		    keyfile_open(str_of(bad[i]), NULL, &key, &e))
			TEST_FAIL("accepted: %s", bad[i]);
		CHECK_INT(e.kind, ERR_INVALID);
	}
}

TEST_MAIN()
