#include <string.h>

#include "swarm/control/inside.h"

#define DATA_MAX 512000 /* bytes; one less is allowed */

static bool spec_is_valid(const Pb__SecretSpec *spec, struct err *e)
{
	if (!payload_name_is_valid(spec->annotations, e))
		return false;
	if (spec->driver)
		return spec->driver->name[0] ||
		       fail(e, ERR_INVALID, "secret driver must have a name");
	if (spec->data.len == 0 || spec->data.len >= DATA_MAX)
		return fail(e, ERR_INVALID,
			    "secret data must be larger than 0 and less than %d bytes", DATA_MAX);
	return true;
}

static bool id_is_given(const char *id, struct err *e)
{
	return id[0] || fail(e, ERR_INVALID, "secret ID must be provided");
}

/* As clients may see it: all but the data. */
static const Pb__Secret *redacted(const Pb__Secret *secret, struct arena *a)
{
	Pb__Secret *shown = arena_copy(a, secret, sizeof(*secret));

	shown->spec = arena_copy(a, secret->spec, sizeof(*secret->spec));
	shown->spec->data = (ProtobufCBinaryData){ 0 };
	return shown;
}

const void *control_create_secret(struct control *c, const void *message, struct err *e)
{
	const Pb__CreateSecretRequest *request = message;
	struct arena *a = txn_arena(c->txn);
	Pb__CreateSecretResponse *response = PB_NEW(c->arena, create_secret_response);
	Pb__Secret *secret;

	if (!request->spec)
		return refuse_argument(e);
	if (!spec_is_valid(request->spec, e))
		return NULL;
	if (view_by_name(c->view, OBJECT_SECRET, request->spec->annotations->name)) {
		fail(e, ERR_CONFLICT, "secret %s already exists", request->spec->annotations->name);
		return NULL;
	}
	secret = PB_NEW(a, secret);
	secret->id = fresh_id(c, OBJECT_SECRET);
	secret->spec = pb_dup(a, request->spec);
	if (!txn_create(c->txn, secret, e))
		return NULL;
	response->secret = pb_dup(c->arena, redacted(secret, c->arena));
	return response;
}

const void *control_get_secret(struct control *c, const void *message, struct err *e)
{
	const Pb__GetSecretRequest *request = message;
	const Pb__Secret *secret = view_get(c->view, OBJECT_SECRET, request->secret_id);
	Pb__GetSecretResponse *response = PB_NEW(c->arena, get_secret_response);

	if (!id_is_given(request->secret_id, e))
		return NULL;
	if (!secret)
		return refuse_missing(e, OBJECT_SECRET, request->secret_id);
	response->secret = (Pb__Secret *)redacted(secret, c->arena);
	return response;
}

const void *control_list_secrets(struct control *c, const void *message, struct err *e)
{
	const Pb__ListSecretsRequest *request = message;
	struct list_filter filter = LIST_FILTER(request->filters);
	struct objects all = view_all(c->view, OBJECT_SECRET, c->arena);
	Pb__ListSecretsResponse *response = PB_NEW(c->arena, list_secrets_response);
	const Pb__Secret *secret;

	response->secrets = arena_alloc(c->arena, (all.count + 1) * sizeof(*response->secrets));
	objects_each (all, Pb__Secret, secret) {
		const Pb__Annotations *about = secret->spec->annotations;

		if (!secret->internal &&
		    list_keeps(&filter, secret->id, about->name, about->labels, about->n_labels))
			response->secrets[response->n_secrets++] =
				(Pb__Secret *)redacted(secret, c->arena);
	}
	return response;
}

/* Nothing but labels may change: tasks have what they were given. */
static bool only_labels_differ(const Pb__SecretSpec *now, const Pb__SecretSpec *wanted)
{
	return strcmp(now->annotations->name, wanted->annotations->name) == 0 &&
	       (wanted->data.len == 0 ||
		(wanted->data.len == now->data.len &&
		 memcmp(wanted->data.data, now->data.data, now->data.len) == 0)) &&
	       (!wanted->templating || pb_equal(now->templating, wanted->templating)) &&
	       (!wanted->driver || pb_equal(now->driver, wanted->driver));
}

const void *control_update_secret(struct control *c, const void *message, struct err *e)
{
	const Pb__UpdateSecretRequest *request = message;
	Pb__UpdateSecretResponse *response = PB_NEW(c->arena, update_secret_response);
	Pb__Secret *secret;

	if (!request->secret_id[0] || !request->secret_version || !request->spec)
		return refuse_argument(e);
	secret = txn_edit(c->txn, OBJECT_SECRET, request->secret_id);
	if (!secret)
		return refuse_missing(e, OBJECT_SECRET, request->secret_id);
	if (!only_labels_differ(secret->spec, request->spec)) {
		fail(e, ERR_INVALID, "only updates to Labels are allowed");
		return NULL;
	}
	if (!version_is_current(request->secret_version, secret, e))
		return NULL;
	secret->spec->annotations = pb_dup(txn_arena(c->txn), request->spec->annotations);
	if (!txn_update(c->txn, secret, e))
		return NULL;
	response->secret = pb_dup(c->arena, redacted(secret, c->arena));
	return response;
}

const void *control_remove_secret(struct control *c, const void *message, struct err *e)
{
	const Pb__RemoveSecretRequest *request = message;
	const Pb__Secret *secret = view_get(c->view, OBJECT_SECRET, request->secret_id);
	const char *users;
	size_t count;

	if (!id_is_given(request->secret_id, e))
		return NULL;
	if (!secret) {
		fail(e, ERR_NOT_FOUND, "could not find secret %s", request->secret_id);
		return NULL;
	}
	users = users_of_secret(c, secret->id, &count);
	if (count > 0) {
		fail(e, ERR_INVALID, "secret '%s' is in use by the following service%s: %s",
		     secret->spec->annotations->name, count > 1 ? "s" : "", users);
		return NULL;
	}
	txn_remove(c->txn, OBJECT_SECRET, secret->id);
	return PB_NEW(c->arena, remove_secret_response);
}
