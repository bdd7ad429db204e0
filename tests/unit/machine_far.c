/* Hosts that are reached by SSH: what they are, what they are told, which keys they may show. */
#include "machine/hostkey.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "file/file.h"
#include "file/folder.h"
#include "machine/driver.h"
#include "machine/osrelease.h"
#include "machine/provision.h"
#include "template/field.h"
#include "test.h"

static struct err e;

TEST(a_distribution_is_told_by_its_id_else_by_what_it_is_like)
{
	static const struct {
		struct str text;
		enum os_family family;
	} samples[] = {
		{ STR("PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nID=ubuntu\nID_LIKE=debian\n"),
		  OS_DEBIAN },
		{ STR("ID=debian\n"), OS_DEBIAN },
		{ STR("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), OS_DEBIAN },
		{ STR("ID=\"amzn\"\nID_LIKE=\"fedora\"\n"), OS_AMAZON },
		{ STR("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"), OS_REDHAT },
		{ STR("ID='ol'\n"), OS_REDHAT },
		{ STR("ID=\"sles_sap\"\nID_LIKE=\"suse\"\n"), OS_SUSE },
		{ STR("ID=manjaro\nID_LIKE=arch\n"), OS_ARCH },
		{ STR("ID=alpine\r\n"), OS_ALPINE },
		{ STR("ID=nixos\nID_LIKE=\"\"\n"), OS_OTHER },
		{ STR(""), OS_OTHER },
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		CHECK_INT(os_family_of(samples[i].text), samples[i].family);
}

TEST(values_lose_their_quotes_and_are_cut_to_size)
{
	char value[8];

	CHECK(os_value(STR("A=\"x \\\"y\\\"\"\n"), "A", value, sizeof(value)));
	CHECK_STR(value, "x \"y\"");
	CHECK(os_value(STR("A='\\$'\nA=b\n"), "A", value, sizeof(value)));
	CHECK_STR(value, "b");
	CHECK(os_value(STR("A=0123456789"), "A", value, sizeof(value)));
	CHECK_STR(value, "0123456");
	CHECK(!os_value(STR("#A=1\nAA=2\n"), "A", value, sizeof(value)));
	CHECK_STR(value, "");
}

static struct machine *fresh_machine(struct store *s, char *folder)
{
	CHECK(mkdtemp(folder));
	store_init(s, folder);
	return machine_new(s, "far-1", &generic_driver);
}

static void drop(struct store *s, struct machine *m)
{
	machine_free(m);
	CHECK(folder_remove(s->root, &e));
	store_clear(s);
}

/* A shell's own opinion: what the words of the script are once it has read them. */
static char *read_by_shell(struct str script)
{
	AUTO_BUF struct buf out = BUF_MAX(65536);
	char path[] = "/tmp/shoal-unit-script-XXXXXX";
	int fd = mkstemp(path);
	AUTO_FREE char *command = xasprintf(
		"sed 's|^exec /opt/shoal/bin/shoald|printf \"[%%s]\" \"$NAME\"|' %s | /bin/sh",
		path);
	char bytes[4096];
	FILE *shell;
	size_t n;

	CHECK(fd >= 0 && file_write_all(fd, script));
	(void)close(fd);
	shell = popen(command, "r");
	CHECK(shell);
	while ((n = fread(bytes, 1, sizeof(bytes), shell)) > 0)
		buf_append(&out, bytes, n);
	CHECK(pclose(shell) == 0);
	(void)unlink(path);
	return xstrdup(out.data ? out.data : "");
}

TEST(options_of_the_engine_reach_it_as_they_were_given)
{
	char folder[] = "/tmp/shoal-unit-far-XXXXXX";
	AUTO_BUF struct buf script = BUF_MAX(65536);
	AUTO_FREE char *words = NULL;
	struct store s;
	struct machine *m = fresh_machine(&s, folder);

	field_put(m->config, "HostOptions.EngineOptions.Env", json_pack("[s]", "NAME=a 'b' $c\nd"));
	field_put(m->config, "HostOptions.EngineOptions.Labels", json_pack("[s]", "k=it's $(id)"));
	field_put(m->config, "HostOptions.EngineOptions.RegistryMirror",
		  json_pack("[s]", "http://m"));
	field_put(m->config, "HostOptions.EngineOptions.InsecureRegistry", json_pack("[s]", "r:5"));
	field_put(m->config, "HostOptions.EngineOptions.ArbitraryFlags", json_pack("[s]", "debug"));
	field_put_text(m->config, "HostOptions.EngineOptions.StorageDriver", "overlay2");
	field_put(m->own, "EnginePort", json_integer(12376));
	CHECK(engine_start_script(m, &script, &e));
	words = read_by_shell(buf_str(&script));
	CHECK_STR(words,
		  "[a 'b' $c\nd][--host=unix:///run/shoal.sock][--host=unix:///run/docker.sock]"
		  "[--host=tcp://0.0.0.0:12376][--tlsverify][--tlscacert=/etc/shoal/tls/ca.pem]"
		  "[--tlscert=/etc/shoal/tls/server.pem][--tlskey=/etc/shoal/tls/server-key.pem]"
		  "[--storage-driver=overlay2][--label=k=it's $(id)][--label=provider=generic]"
		  "[--insecure-registry=r:5][--registry-mirror=http://m][--debug]");
	drop(&s, m);
}

TEST(an_environment_that_a_shell_would_take_for_a_command_is_refused)
{
	char folder[] = "/tmp/shoal-unit-far-XXXXXX";
	AUTO_BUF struct buf script = BUF_MAX(65536);
	struct store s;
	struct machine *m = fresh_machine(&s, folder);

	field_put(m->config, "HostOptions.EngineOptions.Env", json_pack("[s]", "A;id=1"));
	CHECK(!engine_start_script(m, &script, &e));
	CHECK_INT(e.kind, ERR_INVALID);
	drop(&s, m);
}

TEST(root_is_asked_with_the_script_in_one_word)
{
	AUTO_FREE char *as_self = as_root("root", "echo 'a b'");
	AUTO_FREE char *as_other = as_root("ubuntu", "id");

	CHECK_STR(as_self, "exec sh -c 'echo '\\''a b'\\'''");
	CHECK(strstr(as_other, "exec sudo -n sh -c 'id'; else exec doas -n sh -c 'id'"));
}

static ssh_key fresh_key(enum ssh_keytypes_e kind, int bits)
{
	ssh_key key = NULL;

	CHECK(ssh_pki_generate(kind, bits, &key) == SSH_OK);
	return key;
}

TEST(a_host_may_show_only_keys_that_are_pinned_under_its_machines_name)
{
	char folder[] = "/tmp/shoal-unit-far-XXXXXX";
	struct store s;
	struct machine *m = fresh_machine(&s, folder);
	ssh_key one = fresh_key(SSH_KEYTYPE_ED25519, 0), other = fresh_key(SSH_KEYTYPE_ED25519, 0);
	AUTO_FREE char *path = machine_file(m, "known_hosts");
	enum hostkey_verdict verdict;
	struct stat st;

	CHECK(folder_make(m->folder, 0700, &e));
	CHECK(hostkey_check(m, one, &verdict, &e) && verdict == HOSTKEY_FIRST);
	CHECK(file_replace(path, STR("# words\n|1|bad\nfar-2 ssh-ed25519 AAAA\n"), 0600, &e));
	CHECK(hostkey_check(m, one, &verdict, &e) && verdict == HOSTKEY_FIRST);

	CHECK(hostkey_pin_shown(m, one, &e) && hostkey_pin_shown(m, one, &e));
	CHECK(hostkey_check(m, one, &verdict, &e) && verdict == HOSTKEY_KNOWN);
	CHECK(hostkey_check(m, other, &verdict, &e) && verdict == HOSTKEY_OTHER);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);

	CHECK(hostkey_pin_shown(m, other, &e));
	CHECK(hostkey_check(m, one, &verdict, &e) && verdict == HOSTKEY_KNOWN);
	CHECK(hostkey_check(m, other, &verdict, &e) && verdict == HOSTKEY_KNOWN);
	ssh_key_free(one);
	ssh_key_free(other);
	drop(&s, m);
}

TEST(what_a_console_prints_is_pinned_and_asked_for_first)
{
	char folder[] = "/tmp/shoal-unit-far-XXXXXX";
	struct store s;
	struct machine *m = fresh_machine(&s, folder);
	ssh_key key = fresh_key(SSH_KEYTYPE_ECDSA_P256, 0);
	AUTO_BUF struct buf kinds = BUF_MAX(4096);
	AUTO_FREE char *line = NULL;
	enum hostkey_verdict verdict;
	char *coded = NULL;

	CHECK(folder_make(m->folder, 0700, &e));
	CHECK(hostkey_kinds(m, &kinds, &e) && kinds.len == 0);
	CHECK(ssh_pki_export_pubkey_base64(key, &coded) == SSH_OK);
	line = xasprintf("ecdsa-sha2-nistp256 %s root@ip-10-0-0-1\r\n", coded);
	CHECK(hostkey_pin(m, str_of(line), &e));
	CHECK(hostkey_check(m, key, &verdict, &e) && verdict == HOSTKEY_KNOWN);
	CHECK(hostkey_kinds(m, &kinds, &e));
	CHECK(str_starts_with(buf_str(&kinds), "ecdsa-sha2-nistp256,ssh-ed25519,"));
	CHECK(!hostkey_pin(m, STR("ssh-ed25519 nonsense"), &e));
	CHECK(!hostkey_pin(m, STR(""), &e));
	ssh_string_free_char(coded);
	ssh_key_free(key);
	drop(&s, m);
}

TEST_MAIN()
