/* The key that the host's user logs in with: made here, ed25519, and only its public half sent; or one
 * of the user's, copied. Its name at AWS is the machine's name and ID, so that two machines of one name
 * never meet. */
#include <libssh/libssh.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "machine/ec2/ec2.h"
#include "file/file.h"
#include "machine/journal.h"
#include "template/field.h"

static bool make_private(const char *path, struct err *e)
{
	ssh_key key = NULL;
	mode_t old = umask(077);
	bool ok = ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK &&
		  ssh_pki_export_privkey_file(key, NULL, NULL, NULL, path) == SSH_OK;

	(void)umask(old);
	ssh_key_free(key);
	return ok || fail(e, ERR_INTERNAL, "no key could be written to %s", path);
}

/* Our own copy; its path is SSHKeyPath. */
static bool have_private(struct ec2 *x, struct err *e)
{
	const char *given = field_text(x->own, "SSHPrivateKeyPath");
	AUTO_FREE char *path = machine_file(x->m, *given ? "id_given" : "id_ed25519");

	field_put_text(x->own, "SSHKeyPath", path);
	if (*given)
		return file_copy(given, path, 0600, e);
	return access(path, F_OK) == 0 || make_private(path, e);
}

/* "ssh-ed25519 AAAA... node-01", in base64 once more. */
static char *public_material(struct ec2 *x, struct err *e)
{
	const char *path = field_text(x->own, "SSHKeyPath");
	AUTO_FREE char *line = NULL;
	ssh_key key = NULL;
	char *words = NULL, *coded;

	if (ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) != SSH_OK ||
	    ssh_pki_export_pubkey_base64(key, &words) != SSH_OK) {
		ssh_key_free(key);
		fail(e, ERR_INVALID, "%s is no private key that can be read (a passphrase?)", path);
		return NULL;
	}
	line = xasprintf("%s %s %s", ssh_key_type_to_char(ssh_key_type(key)), words, x->m->name);
	ssh_key_free(key);
	ssh_string_free_char(words);
	coded = xmalloc(strlen(line) * 4 / 3 + 8);
	(void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)line,
			      (int)strlen(line));
	return coded;
}

static bool import(struct ec2 *x, const char *name, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;
	AUTO_FREE char *material = x->m->is_plan ? xstrdup("...") : public_material(x, e);

	if (!material)
		return false;
	form_put(&f, name, "KeyName");
	form_put(&f, material, "PublicKeyMaterial");
	if (!form_tags(x, &f, 1, "key-pair", e))
		return false;
	said = ec2_call(x, "ImportKeyPair", &f, e);
	/* Nobody else uses this name: an earlier try of ours arrived. */
	return said || aws_refused(&x->aws, "InvalidKeyPair.Duplicate");
}

bool ec2_make_key(struct ec2 *x, struct err *e)
{
	AUTO_FREE char *name = NULL;
	const json_t *entry = journal_newest(x->m, KIND_KEY);

	if (!x->m->is_plan && !have_private(x, e))
		return false;
	if (field_bool(x->own, "ExistingKey"))
		return true;
	name = xasprintf("%s-%s", x->m->name, field_text(x->own, "ID"));
	field_put_text(x->own, "KeyName", name);
	if (entry && *field_text(entry, "Id"))
		return true;
	return journal_will(x->m, KIND_KEY, name, e) && import(x, name, e) &&
	       journal_made(x->m, KIND_KEY, name, name, e);
}

bool ec2_remove_key(struct ec2 *x, const char *name, struct err *e)
{
	AUTO_FORM struct form f = FORM_EMPTY;
	AUTO_JSON json_t *said = NULL;

	form_put(&f, name, "KeyName");
	said = ec2_call(x, "DeleteKeyPair", &f, e);
	return said || aws_refused(&x->aws, "InvalidKeyPair.NotFound");
}
