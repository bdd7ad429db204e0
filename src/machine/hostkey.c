#include "machine/hostkey.h"

#include "base/mem.h"
#include "file/file.h"

#define LINE_MAX_BYTES 16384

static bool read_pins(const struct machine *m, struct buf *text, struct err *e)
{
	AUTO_FREE char *path = machine_file(m, "known_hosts");

	return file_read(path, text, e) || e->kind == ERR_NOT_FOUND;
}

/* The key of a line that speaks of the machine; NULL when it does not. The caller frees it. */
static struct ssh_knownhosts_entry *pin_of(const struct machine *m, struct str line)
{
	struct ssh_knownhosts_entry *entry = NULL;
	AUTO_FREE char *text = NULL;

	line = str_trim(line);
	if (line.len == 0 || line.len > LINE_MAX_BYTES || line.ptr[0] == '#')
		return NULL;
	text = str_dup(line);
	return ssh_known_hosts_parse_line(m->name, text, &entry) == SSH_OK ? entry : NULL;
}

bool hostkey_check(const struct machine *m, ssh_key shown, enum hostkey_verdict *verdict,
		   struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(KNOWN_HOSTS_MAX);
	struct str rest, line;

	*verdict = HOSTKEY_FIRST;
	if (!read_pins(m, &text, e))
		return false;
	rest = buf_str(&text);
	while (*verdict != HOSTKEY_KNOWN && rest.len) {
		struct ssh_knownhosts_entry *pin;

		str_cut(rest, '\n', &line, &rest);
		pin = pin_of(m, line);
		if (!pin)
			continue;
		*verdict = ssh_key_cmp(pin->publickey, shown, SSH_KEY_CMP_PUBLIC) == 0
				   ? HOSTKEY_KNOWN
				   : HOSTKEY_OTHER;
		ssh_knownhosts_entry_free(pin);
	}
	return true;
}

/* What SSH calls signatures by a key. */
static const char *signatures(ssh_key key)
{
	switch (ssh_key_type(key)) {
	case SSH_KEYTYPE_RSA:
		return "rsa-sha2-512,rsa-sha2-256";
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
		return ssh_pki_key_ecdsa_name(key);
	default:
		return ssh_key_type_to_char(ssh_key_type(key));
	}
}

bool hostkey_kinds(const struct machine *m, struct buf *kinds, struct err *e)
{
	AUTO_BUF struct buf text = BUF_MAX(KNOWN_HOSTS_MAX);
	struct str rest, line;

	if (!read_pins(m, &text, e))
		return false;
	rest = buf_str(&text);
	while (rest.len) {
		struct ssh_knownhosts_entry *pin;

		str_cut(rest, '\n', &line, &rest);
		pin = pin_of(m, line);
		if (pin)
			buf_printf(kinds, "%s,", signatures(pin->publickey));
		ssh_knownhosts_entry_free(pin);
	}
	/* A host whose key is of another kind now is to be refused for that, not for want of a
	 * common word. */
	if (kinds->len)
		buf_append_c(kinds, "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
				    "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256");
	return true;
}

static bool append(const struct machine *m, const char *kind, const char *coded, struct err *e)
{
	AUTO_FREE char *path = machine_file(m, "known_hosts");
	AUTO_BUF struct buf text = BUF_MAX(KNOWN_HOSTS_MAX);

	if (!read_pins(m, &text, e))
		return false;
	if (text.len && text.data[text.len - 1] != '\n')
		buf_append_char(&text, '\n');
	buf_printf(&text, "%s %s %s\n", m->name, kind, coded);
	if (text.overflow)
		return fail(e, ERR_EXHAUSTED, "%s has too many keys", path);
	return file_replace_synced(path, buf_str(&text), 0600, e);
}

bool hostkey_pin_shown(const struct machine *m, ssh_key key, struct err *e)
{
	const char *kind = ssh_key_type(key) == SSH_KEYTYPE_RSA ? "ssh-rsa" : signatures(key);
	enum hostkey_verdict verdict;
	char *coded = NULL;
	bool ok;

	if (!hostkey_check(m, key, &verdict, e))
		return false;
	if (verdict == HOSTKEY_KNOWN)
		return true;
	if (ssh_pki_export_pubkey_base64(key, &coded) != SSH_OK)
		return fail(e, ERR_INTERNAL, "the host's key cannot be written down");
	ok = append(m, kind, coded, e);
	ssh_string_free_char(coded);
	return ok;
}

bool hostkey_pin(const struct machine *m, struct str line, struct err *e)
{
	struct str kind, rest, coded;
	AUTO_FREE char *kind_text = NULL, *coded_text = NULL;
	ssh_key key = NULL;
	bool ok;

	str_cut(str_trim(line), ' ', &kind, &rest);
	str_cut(str_trim(rest), ' ', &coded, &rest);
	if (line.len > LINE_MAX_BYTES)
		return fail(e, ERR_INVALID, "a host's key is longer than %d bytes", LINE_MAX_BYTES);
	kind_text = str_dup(kind);
	coded_text = str_dup(coded);
	if (ssh_pki_import_pubkey_base64(coded_text, ssh_key_type_from_name(kind_text), &key) !=
	    SSH_OK)
		return fail(e, ERR_INVALID, "\"%.*s\" is no key of a host",
			    STR_FMT(str_trim(line)));
	ok = hostkey_pin_shown(m, key, e);
	ssh_key_free(key);
	return ok;
}
