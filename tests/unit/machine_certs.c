#include "machine/certs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "template/field.h"
#include "machine/driver.h"
#include "test.h"

static struct err e;
static struct store s;

static void read_text(const char *path, struct buf *into)
{
	buf_reset(into);
	CHECK(file_read(path, into, &e));
}

TEST(a_store_makes_its_certificates_once)
{
	static char folder[] = "/tmp/shoal-unit-certs-XXXXXX";
	bool ca, client;
	struct stat st;
	int days = 0;

	CHECK(mkdtemp(folder));
	store_init(&s, folder);
	CHECK(certs_prepare(&s, &ca, &client, &e) && ca && client);
	CHECK(certs_prepare(&s, &ca, &client, &e) && !ca && !client);
	CHECK(stat(s.ca_key, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(stat(s.key, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(cert_days_left(s.ca, &days, &e) && days >= 1079 && days <= 1080);
}

TEST(a_client_certificate_of_another_ca_is_made_anew)
{
	bool ca, client;

	CHECK(unlink(s.ca_key) == 0);
	CHECK(certs_prepare(&s, &ca, &client, &e) && ca && client);
}

TEST(a_damaged_certificate_is_told_and_not_overwritten)
{
	AUTO_BUF struct buf good = BUF_MAX(65536), after = BUF_MAX(65536);
	bool ca, client;

	read_text(s.ca, &good);
	CHECK(file_replace_synced(s.ca, STR("no certificate"), 0644, &e));
	CHECK(!certs_prepare(&s, &ca, &client, &e));
	CHECK(strstr(e.text, "is no certificate"));
	read_text(s.ca, &after);
	CHECK_STR(after.data, "no certificate");
	CHECK(file_replace_synced(s.ca, buf_str(&good), 0644, &e));
}

TEST(a_machine_gets_a_new_server_certificate_each_time)
{
	struct machine *m = machine_new(&s, "m1", &local_driver);
	AUTO_FREE char *server = machine_file(m, "server.pem"),
		       *key = machine_file(m, "server-key.pem"), *ca = machine_file(m, "ca.pem");
	AUTO_BUF struct buf first = BUF_MAX(65536), second = BUF_MAX(65536);
	struct stat st;

	field_put_text(m->own, "IPAddress", "192.168.213.2");
	CHECK(certs_issue(m, &e));
	read_text(server, &first);
	CHECK(certs_issue(m, &e));
	read_text(server, &second);
	CHECK(strcmp(first.data, second.data) != 0);
	CHECK(stat(key, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(access(ca, R_OK) == 0);
	machine_free(m);
	CHECK(folder_remove(s.root, &e));
	store_clear(&s);
}

TEST_MAIN()
