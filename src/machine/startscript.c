/* What a host is told in files: how its engine is started, by whom, and what root is asked to do. Words
 * of users reach a shell only in single quotes. */
#include <ctype.h>

#include "base/mem.h"
#include "machine/driver.h"
#include "machine/engine.h"
#include "machine/provision.h"
#include "machine/store.h"
#include "template/field.h"

static void quote(struct buf *out, const char *word)
{
	buf_append_char(out, '\'');
	for (; *word; word++)
		if (*word == '\'')
			buf_append_c(out, "'\\''");
		else
			buf_append_char(out, *word);
	buf_append_char(out, '\'');
}

#define COMMAND_MAX ((size_t)64 << 10)

char *as_root(const char *user, const char *script)
{
	AUTO_BUF struct buf line = BUF_MAX(COMMAND_MAX);

	if (strcmp(user, "root") == 0) {
		buf_append_c(&line, "exec sh -c ");
		quote(&line, script);
	} else {
		buf_append_c(&line, "if command -v sudo >/dev/null 2>&1; then exec sudo -n sh -c ");
		quote(&line, script);
		buf_append_c(&line, "; else exec doas -n sh -c ");
		quote(&line, script);
		buf_append_c(&line, "; fi");
	}
	return buf_steal(&line);
}

int machine_engine_port(const struct machine *m)
{
	int64_t port = field_int(m->own, "EnginePort");

	return port > 0 && port <= 65535 ? (int)port : ENGINE_PORT;
}

static bool is_variable(struct str name)
{
	if (!name.len || isdigit((unsigned char)name.ptr[0]))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '_')
			return false;
	return true;
}

static bool put_environment(const struct machine *m, struct buf *out, struct err *e)
{
	const json_t *list = field_at(m->config, "HostOptions.EngineOptions.Env");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *pair = json_string_value(json_array_get(list, i));
		struct str name, value;

		if (!pair || !str_cut(str_of(pair), '=', &name, &value) || !is_variable(name))
			return fail(e, ERR_INVALID, "--engine-env %s is not NAME=VALUE",
				    pair ? pair : "");
		buf_append_c(out, "export ");
		buf_append_str(out, name);
		buf_append_char(out, '=');
		quote(out, value.ptr);
		buf_append_char(out, '\n');
	}
	return true;
}

static void put_option(struct buf *out, const char *option, const char *value)
{
	AUTO_FREE char *word = xasprintf("--%s%s", option, value);

	buf_append_c(out, " \\\n\t");
	quote(out, word);
}

static void put_options(const struct machine *m, struct buf *out, const char *path,
			const char *option)
{
	const json_t *list = field_at(m->config, path);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *value = json_string_value(json_array_get(list, i));

		put_option(out, option, value ? value : "");
	}
}

bool engine_start_script(const struct machine *m, struct buf *out, struct err *e)
{
	const char *storage = field_text(m->config, "HostOptions.EngineOptions.StorageDriver");
	AUTO_FREE char *tcp = xasprintf("tcp://0.0.0.0:%d", machine_engine_port(m));

	buf_append_c(out, "#!/bin/sh\n"
			  "# Written by shoal machine, which writes it again at each provision.\n"
			  "export PATH=/opt/shoal/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			  "/usr/bin:/sbin:/bin\n");
	if (!put_environment(m, out, e))
		return false;
	buf_append_c(out, "exec /opt/shoal/bin/shoald");
	put_option(out, "host=", "unix:///run/shoal.sock");
	put_option(out, "host=", "unix:///run/docker.sock");
	put_option(out, "host=", tcp);
	put_option(out, "tlsverify", "");
	put_option(out, "tlscacert=", "/etc/shoal/tls/ca.pem");
	put_option(out, "tlscert=", "/etc/shoal/tls/server.pem");
	put_option(out, "tlskey=", "/etc/shoal/tls/server-key.pem");
	if (*storage)
		put_option(out, "storage-driver=", storage);
	put_options(m, out, "HostOptions.EngineOptions.Labels", "label=");
	put_option(out, "label=provider=", m->driver->name);
	put_options(m, out, "HostOptions.EngineOptions.InsecureRegistry", "insecure-registry=");
	put_options(m, out, "HostOptions.EngineOptions.RegistryMirror", "registry-mirror=");
	put_options(m, out, "HostOptions.EngineOptions.ArbitraryFlags", "");
	buf_append_c(out, " \\\n\t\"$@\"\n");
	return !out->overflow || fail(e, ERR_EXHAUSTED, "the engine's options are too many");
}
