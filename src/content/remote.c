#include "content/remote.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "content/parse.h"
#include "file/file.h"

#define PEM_MAX  (4u << 20)
#define PAUSE_MS 500
#define STALL_S  60

static const char *const system_cas[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

/* -- hosts -- */

/* The host of "host", "host:port", "[v6]" or "[v6]:port". */
static void host_of(const char *domain, char out[REF_NAME_MAX + 1])
{
	size_t length = domain[0] == '[' ? strcspn(++domain, "]") : strcspn(domain, ":");

	snprintf(out, REF_NAME_MAX + 1, "%.*s", (int)length, domain);
}

bool is_loopback_host(const char *domain)
{
	char host[REF_NAME_MAX + 1];
	struct in_addr v4;

	host_of(domain, host);
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static bool has_prefix(const uint8_t *a, const uint8_t *b, size_t bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

static bool is_in_range(const char *host, struct str range)
{
	struct str base, bits_text;
	uint8_t address[16], network[16];
	uint64_t bits;

	if (!str_cut(range, '/', &base, &bits_text) || !str_to_u64(bits_text, &bits))
		return false;
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;
		AUTO_FREE char *text = str_dup(base);

		if (inet_pton(family, host, address) == 1 && inet_pton(family, text, network) == 1)
			return bits <= (i ? 128 : 32) && has_prefix(address, network, bits);
	}
	return false;
}

bool is_insecure_host(const char *domain, const struct record *request)
{
	char host[REF_NAME_MAX + 1];
	struct str value;
	size_t at = 0;

	host_of(domain, host);
	while (record_each(request, "insecure", &at, &value))
		if (str_equal_c(value, domain) || str_equal_c(value, host) ||
		    is_in_range(host, value))
			return true;
	return false;
}

/* -- trust -- */

static void add_pem(const char *path, struct buf *pem)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && file_read_rest(fd, pem))
		buf_append_char(pem, '\n');
}

static struct str keep(struct remote *r, struct buf *pem)
{
	struct str s =
		str_bytes(arena_copy(&r->texts, pem->data ? pem->data : "", pem->len), pem->len);

	buf_clear(pem);
	return s;
}

static void read_host_certs(struct remote *r, const char *dir, struct buf *ca)
{
	DIR *list = opendir(dir);
	struct dirent *entry;

	if (!list)
		return;
	while ((entry = readdir(list))) {
		struct str name = str_of(entry->d_name);
		AUTO_FREE char *path = xasprintf("%s/%s", dir, entry->d_name);
		AUTO_BUF struct buf pem = BUF_MAX(PEM_MAX);

		if (str_ends_with(name, ".crt")) {
			add_pem(path, ca);
		} else if (str_ends_with(name, ".cert") && r->setup.client_cert.len == 0) {
			AUTO_FREE char *key = xasprintf("%.*s.key", (int)strlen(path) - 5, path);

			add_pem(path, &pem);
			r->setup.client_cert = keep(r, &pem);
			pem = BUF_MAX(PEM_MAX);
			add_pem(key, &pem);
			r->setup.client_key = keep(r, &pem);
		}
	}
	closedir(list);
}

static void read_trust(struct remote *r, const struct job *j)
{
	AUTO_FREE char *dir = xasprintf("%s/%s", j->settings->certs_dir, r->ref.domain);
	AUTO_BUF struct buf ca = BUF_MAX(PEM_MAX);

	for (size_t i = 0; i < ARRAY_LEN(system_cas) && ca.len == 0; i++)
		add_pem(system_cas[i], &ca);
	read_host_certs(r, dir, &ca);
	r->setup.ca = keep(r, &ca);
}

/* -- endpoints -- */

static bool add_endpoint(struct remote *r, struct endpoint at, struct err *e)
{
	if (r->setup.endpoint_count == ENDPOINTS_MAX)
		return fail(e, ERR_EXHAUSTED, "more than %d registry mirrors", ENDPOINTS_MAX - 2);
	r->setup.endpoints[r->setup.endpoint_count++] = at;
	return true;
}

static bool add_mirrors(struct remote *r, const struct record *request, struct err *e)
{
	struct str value;
	size_t at = 0;

	while (record_each(request, "mirror", &at, &value)) {
		struct endpoint m = { 0 };

		while (value.len > 0 && value.ptr[value.len - 1] == '/')
			value.len--;
		m.base = arena_str(&r->texts, value);
		if (!str_starts_with(value, "https://") && !str_starts_with(value, "http://"))
			return fail(e, ERR_INVALID, "the registry mirror \"%s\" is no http(s) URL",
				    m.base);
		if (!add_endpoint(r, m, e))
			return false;
	}
	return true;
}

static bool add_registry(struct remote *r, const struct record *request, struct err *e)
{
	bool is_hub = strcmp(r->ref.domain, "docker.io") == 0;
	const char *host = is_hub ? "registry-1.docker.io" : r->ref.domain;
	bool is_insecure = is_loopback_host(host) || is_insecure_host(host, request);
	struct endpoint secure = { .base = arena_printf(&r->texts, "https://%s", host),
				   .takes_credentials = true,
				   .is_unverified = is_insecure };
	struct endpoint plain = { .base = arena_printf(&r->texts, "http://%s", host),
				  .takes_credentials = true,
				  .is_plain_sibling = true };

	return add_endpoint(r, secure, e) && (!is_insecure || add_endpoint(r, plain, e));
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

bool remote_open(struct remote *r, struct job *j, const char *actions, struct err *e)
{
	struct credentials who;

	*r = (struct remote){ 0 };
	if (!ref_parse(record_get(j->request, "reference"), &r->ref, e))
		return false;
	ref_default_tag(&r->ref);
	ref_familiar(&r->ref, r->familiar);
	if (strcmp(r->ref.domain, "docker.io") == 0 && strcmp(actions, "pull") == 0 &&
	    !add_mirrors(r, j->request, e))
		return false;
	if (!add_registry(r, j->request, e))
		return false;
	if (!parse_credentials(j, job_text(j, "auth", &r->texts), &r->texts, &who, e))
		return false;
	r->setup.repository = r->ref.path;
	r->setup.actions = actions;
	r->setup.username = or_null(who.username);
	r->setup.password = who.password;
	r->setup.identity_token = or_null(who.identity_token);
	r->setup.registry_token = or_null(who.registry_token);
	r->setup.pause_ms = record_get_i64(j->request, "pause_ms", PAUSE_MS);
	r->setup.stall_s = record_get_i64(j->request, "stall_s", STALL_S);
	read_trust(r, j);
	return true;
}

void remote_clear(struct remote *r)
{
	arena_clear(&r->texts);
}

const char *remote_target(const struct remote *r)
{
	return *r->ref.digest ? r->ref.digest : r->ref.tag;
}
