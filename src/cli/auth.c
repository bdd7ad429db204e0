#include "cli/auth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/base64.h"
#include "template/field.h"
#include "template/jsontext.h"
#include "cli/files.h"
#include "cli/settings.h"
#include "wire/ref.h"

#define HUB_KEY    "https://index.docker.io/v1/"
#define SECRET_MAX 4096

/* The key of a registry in config.json. */
static const char *registry_key(const char *registry)
{
	if (!*registry || strcmp(registry, "docker.io") == 0 ||
	    strcmp(registry, "index.docker.io") == 0)
		return HUB_KEY;
	return registry;
}

/* {"username","password",...} of a registry, or {}. */
static json_t *login_of(const json_t *config, const char *registry)
{
	const char *key = registry_key(registry);
	const json_t *entry = json_object_get(field_at(config, "auths"), key);
	AUTO_BUF struct buf plain = BUF_MAX(2 * SECRET_MAX);
	json_t *login = json_object();
	struct str name, secret;

	if (!entry)
		return login;
	if (*field_text(entry, "identitytoken"))
		field_put_text(login, "identitytoken", field_text(entry, "identitytoken"));
	if (base64_decode(str_of(field_text(entry, "auth")), &plain) &&
	    str_cut(buf_str(&plain), ':', &name, &secret)) {
		field_put(login, "username", json_stringn(name.ptr, name.len));
		field_put(login, "password", json_stringn(secret.ptr, secret.len));
	}
	field_put_text(login, "serveraddress", key);
	return login;
}

char *auth_header_for_image(struct cli *c, const char *reference)
{
	AUTO_JSON json_t *config = settings_read(c->config_dir), *login = NULL;
	AUTO_BUF struct buf text = BUF_MAX(4 * SECRET_MAX);
	struct buf header = BUF_MAX(8 * SECRET_MAX);
	struct err ignored;
	struct ref ref;

	login = ref_parse(str_of(reference), &ref, &ignored) ? login_of(config, ref.domain)
							     : json_object();
	jsontext_write(login, false, false, &text);
	base64_encode(buf_str(&text), true, &header);
	return buf_steal(&header);
}

/* A line of standard input, without its end; not shown if it is a terminal and `hidden`. */
static bool read_line(struct cli *c, const char *prompt, bool hidden, char *line, size_t size,
		      struct err *e)
{
	struct termios was, silent;
	bool hides = hidden && c->in_is_tty && tcgetattr(0, &was) == 0, ok;

	if (!c->in_is_tty)
		return fail(e, ERR_INVALID,
			    "cannot perform an interactive login from a non TTY device");
	printf("%s", prompt);
	(void)fflush(stdout);
	if (hides) {
		silent = was;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(0, TCSAFLUSH, &silent);
	}
	ok = fgets(line, (int)size, stdin) != NULL;
	if (hides) {
		(void)tcsetattr(0, TCSAFLUSH, &was);
		printf("\n");
	}
	line[strcspn(line, "\r\n")] = '\0';
	return ok || fail(e, ERR_INVALID, "nothing was entered");
}

static bool read_password(struct cli *c, const struct args *a, char *password, size_t size,
			  struct err *e)
{
	if (args_bool(a, "password-stdin")) {
		AUTO_FREE char *text = NULL;

		if (args_has(a, "password"))
			return fail(e, ERR_INVALID,
				    "--password and --password-stdin are mutually exclusive");
		if (!*args_text(a, "username"))
			return fail(e, ERR_INVALID,
				    "Must provide --username with --password-stdin");
		text = file_read_text("-", size - 1, e);
		if (!text)
			return false;
		text[strcspn(text, "\r\n")] = '\0';
		(void)snprintf(password, size, "%s", text);
		return true;
	}
	if (args_has(a, "password")) {
		fprintf(stderr,
			"WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
		(void)snprintf(password, size, "%s", args_text(a, "password"));
		return true;
	}
	return read_line(c, "Password: ", true, password, size, e);
}

/* Keep what the daemon found to be right. */
static bool keep_login(struct cli *c, const char *key, const char *user, const char *password,
		       const char *token, struct err *e)
{
	AUTO_JSON json_t *config = settings_read(c->config_dir);
	AUTO_FREE char *pair = xasprintf("%s:%s", user, *token ? "" : password);
	AUTO_BUF struct buf auth = BUF_MAX(8 * SECRET_MAX);
	json_t *entry = json_object();

	base64_encode(str_of(pair), false, &auth);
	field_put_text(entry, "auth", auth.data);
	if (*token)
		field_put_text(entry, "identitytoken", token);
	json_object_set_new(field_object(config, "auths"), key, entry);
	return settings_write(c->config_dir, config, e);
}

bool auth_login(struct cli *c, const struct args *a, struct err *e)
{
	const char *registry = a->word_count ? a->words[0] : "", *key = registry_key(registry);
	AUTO_JSON json_t *body = json_object(), *answer = NULL;
	char user[SECRET_MAX], password[SECRET_MAX];

	(void)snprintf(user, sizeof(user), "%s", args_text(a, "username"));
	if (!*user && !read_line(c, "Username: ", false, user, sizeof(user), e))
		return false;
	if (!read_password(c, a, password, sizeof(password), e))
		return false;
	field_put_text(body, "username", user);
	field_put_text(body, "password", password);
	field_put_text(body, "serveraddress", key);
	if (!client_post(c->client, "/auth", NULL, body, &answer, e))
		return false;
	if (!keep_login(c, key, user, password, field_text(answer, "IdentityToken"), e))
		return false;
	fprintf(stderr, "WARNING! Your credentials are stored unencrypted in '%s/config.json'.\n",
		c->config_dir);
	printf("%s\n", field_text(answer, "Status"));
	return true;
}

bool auth_logout(struct cli *c, const struct args *a, struct err *e)
{
	const char *registry = a->word_count ? a->words[0] : "", *key = registry_key(registry);
	AUTO_JSON json_t *config = settings_read(c->config_dir);
	const char *shown = strcmp(key, HUB_KEY) == 0 ? "https://index.docker.io/v1/" : registry;

	if (!json_object_get(field_at(config, "auths"), key)) {
		printf("Not logged in to %s\n", shown);
		return true;
	}
	json_object_del(field_at(config, "auths"), key);
	printf("Removing login credentials for %s\n", shown);
	return settings_write(c->config_dir, config, e);
}
