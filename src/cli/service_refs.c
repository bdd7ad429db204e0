/* What a service's spec names that has an id: networks, secrets, configs, and the image. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/auth.h"
#include "cli/csv.h"
#include "template/field.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/service_spec.h"
#include "wire/ref.h"

#define NETWORKS  "TaskTemplate.Networks"
#define FIELD_MAX 4096

/* A network's id. */
static char *network_id(struct cli *c, const char *name, struct err *e)
{
	AUTO_FREE char *path = path_of("/networks/%s", name);
	AUTO_JSON json_t *network = NULL;
	AUTO_QUERY struct query q = QUERY;

	query_add(&q, "scope", "swarm");
	network = client_get(c->client, path, &q, e);
	return network ? xstrdup(field_text(network, "Id")) : NULL;
}

/* "NAME" or "name=NAME,alias=A,driver-opt=K=V" as {"Target","Aliases","DriverOpts"}. */
static json_t *network_attachment(struct cli *c, const char *text, struct err *e)
{
	AUTO_JSON json_t *attachment = json_object();
	AUTO_BUF struct buf field = BUF_MAX(FIELD_MAX);
	AUTO_FREE char *name = strchr(text, '=') ? NULL : xstrdup(text), *id = NULL;
	struct str rest = str_of(text), key, value;

	while (!name && csv_next(&rest, &field)) {
		if (!str_cut(buf_str(&field), '=', &key, &value))
			return fail(e, ERR_INVALID, "invalid field %s", buf_str(&field).ptr), NULL;
		if (str_equal_c(key, "name"))
			field_put(attachment, "Target", json_stringn(value.ptr, value.len));
		else if (str_equal_c(key, "alias"))
			json_array_append_new(field_array(attachment, "Aliases"),
					      json_stringn(value.ptr, value.len));
		else if (str_equal_c(key, "driver-opt"))
			pairs_into_object(field_object(attachment, "DriverOpts"), &value.ptr, 1);
		else
			return fail(e, ERR_INVALID, "invalid field key %.*s", STR_FMT(key)), NULL;
	}
	if (!name)
		name = xstrdup(field_text(attachment, "Target"));
	id = network_id(c, name, e);
	if (!id)
		return NULL;
	field_put_text(attachment, "Target", id);
	return json_incref(attachment);
}

static void drop_network(json_t *networks, const char *id)
{
	for (size_t i = json_array_size(networks); i > 0; i--)
		if (strcmp(field_text(json_array_get(networks, i - 1), "Target"), id) == 0)
			json_array_remove(networks, i - 1);
}

static bool put_networks(struct cli *c, const struct args *a, json_t *spec, bool is_update,
			 struct err *e)
{
	struct list_names names = list_names("network", is_update);
	const char *const *list;
	size_t count;

	if (!list_is_given(a, "network", is_update))
		return true;
	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++) {
			AUTO_FREE char *id = network_id(c, list[i], e);

			if (!id)
				return false;
			drop_network(field_array(spec, NETWORKS), id);
		}
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *attachment = network_attachment(c, list[i], e);

		if (!attachment)
			return false;
		drop_network(field_array(spec, NETWORKS), field_text(attachment, "Target"));
		json_array_append_new(field_array(spec, NETWORKS), attachment);
	}
	sort_by(field_array(spec, NETWORKS), "Target");
	return true;
}

/* Secrets and configs differ in their words only. */
struct file_kind {
	const char *stem, *list_path, *spec_path, *id_field, *name_field;
};

static const struct file_kind secrets = {
	"secret", "/secrets", CONTAINER_SPEC ".Secrets", "SecretID", "SecretName",
};
static const struct file_kind configs = {
	"config", "/configs", CONTAINER_SPEC ".Configs", "ConfigID", "ConfigName",
};

static bool put_file_field(json_t *ref, const struct file_kind *kind, struct str key,
			   struct str value, struct err *e)
{
	AUTO_FREE char *text = str_dup(value);
	char *end;
	long mode;

	if (str_equal_c(key, "source") || str_equal_c(key, "src")) {
		field_put_text(ref, kind->name_field, text);
	} else if (str_equal_c(key, "target")) {
		field_put_text(ref, "File.Name", text);
	} else if (str_equal_c(key, "uid")) {
		field_put_text(ref, "File.UID", text);
	} else if (str_equal_c(key, "gid")) {
		field_put_text(ref, "File.GID", text);
	} else if (str_equal_c(key, "mode")) {
		mode = strtol(text, &end, 8);
		if (!*text || *end || mode < 0 || mode > 07777)
			return fail(e, ERR_INVALID, "invalid mode specified: %s", text);
		field_put(ref, "File.Mode", json_integer(mode));
	} else {
		return fail(e, ERR_INVALID, "invalid field in %s request: %.*s", kind->stem,
			    STR_FMT(key));
	}
	return true;
}

/* "NAME" or "source=NAME,target=FILE,uid=0,gid=0,mode=0444", without the id. */
static json_t *file_reference(const struct file_kind *kind, const char *text, struct err *e)
{
	AUTO_JSON json_t *ref = json_object();
	AUTO_BUF struct buf field = BUF_MAX(FIELD_MAX);
	struct str rest = str_of(text), key, value;

	field_put(ref, "File",
		  json_pack("{s:s,s:s,s:s,s:i}", "Name", "", "UID", "0", "GID", "0", "Mode", 0444));
	if (!strchr(text, '=') && !strchr(text, ',')) {
		field_put_text(ref, kind->name_field, text);
		rest = (struct str){ 0 };
	}
	while (csv_next(&rest, &field)) {
		if (!str_cut(buf_str(&field), '=', &key, &value))
			return fail(e, ERR_INVALID, "invalid field '%s' must be a key=value pair",
				    buf_str(&field).ptr),
			       NULL;
		if (!put_file_field(ref, kind, key, value, e))
			return NULL;
	}
	if (!*field_text(ref, kind->name_field))
		return fail(e, ERR_INVALID, "source is required"), NULL;
	if (!*field_text(ref, "File.Name"))
		field_put_text(ref, "File.Name", field_text(ref, kind->name_field));
	return json_incref(ref);
}

/* Fill in the ids of references, by one question. */
static bool resolve_files(struct cli *c, const struct file_kind *kind, json_t *refs, struct err *e)
{
	AUTO_QUERY struct query q = QUERY;
	AUTO_JSON json_t *found = NULL;
	size_t count = json_array_size(refs);
	AUTO_FREE const char **filters = xcalloc(count, sizeof(*filters));
	bool ok = true;

	for (size_t i = 0; i < count; i++)
		filters[i] =
			xasprintf("name=%s", field_text(json_array_get(refs, i), kind->name_field));
	query_add_filters(&q, filters, count);
	for (size_t i = 0; i < count; i++)
		free((void *)filters[i]);
	found = client_get(c->client, kind->list_path, &q, e);
	if (!found)
		return false;
	for (size_t i = 0; i < count && ok; i++) {
		json_t *ref = json_array_get(refs, i);

		for (size_t j = 0; j < json_array_size(found); j++)
			if (strcmp(field_text(json_array_get(found, j), "Spec.Name"),
				   field_text(ref, kind->name_field)) == 0)
				field_put_text(ref, kind->id_field,
					       field_text(json_array_get(found, j), "ID"));
		if (!*field_text(ref, kind->id_field))
			ok = fail(e, ERR_NOT_FOUND, "%s not found: %s", kind->stem,
				  field_text(ref, kind->name_field));
	}
	return ok;
}

static void drop_file(json_t *files, const char *path, const char *text)
{
	for (size_t i = json_array_size(files); i > 0; i--)
		if (strcmp(field_text(json_array_get(files, i - 1), path), text) == 0)
			json_array_remove(files, i - 1);
}

static bool put_files(struct cli *c, const struct args *a, const struct file_kind *kind,
		      json_t *spec, bool is_update, struct err *e)
{
	struct list_names names = list_names(kind->stem, is_update);
	AUTO_JSON json_t *refs = json_array();
	const char *const *list;
	size_t count;

	if (!list_is_given(a, kind->stem, is_update))
		return true;
	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++)
			drop_file(field_array(spec, kind->spec_path), kind->name_field, list[i]);
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *ref = file_reference(kind, list[i], e);

		if (!ref)
			return while_doing(e, "invalid argument \"%s\" for \"--%s\" flag", list[i],
					   names.add);
		json_array_append_new(refs, ref);
	}
	if (count && !resolve_files(c, kind, refs, e))
		return false;
	for (size_t i = 0; i < count; i++) {
		json_t *ref = json_array_get(refs, i);

		drop_file(field_array(spec, kind->spec_path), "File.Name",
			  field_text(ref, "File.Name"));
		json_array_append(field_array(spec, kind->spec_path), ref);
	}
	return true;
}

bool service_put_refs(struct cli *c, const struct args *a, json_t *spec, bool is_update,
		      struct err *e)
{
	return put_networks(c, a, spec, is_update, e) &&
	       put_files(c, a, &secrets, spec, is_update, e) &&
	       put_files(c, a, &configs, spec, is_update, e);
}

static void put_platforms(json_t *spec, const json_t *platforms)
{
	json_t *out = json_array();

	for (size_t i = 0; i < json_array_size(platforms); i++) {
		const json_t *p = json_array_get(platforms, i);
		const char *arch = field_text(p, "architecture");

		/* An image for one ARM may run on another: let the node decide. */
		json_array_append_new(out, json_pack("{s:s,s:s}", "Architecture",
						     strcmp(arch, "arm") == 0 ? "" : arch, "OS",
						     field_text(p, "os")));
	}
	if (json_array_size(out))
		field_put(spec, "TaskTemplate.Placement.Platforms", json_incref(out));
	json_decref(out);
}

bool service_pin_image(struct cli *c, const struct args *a, json_t *spec, bool sets_platforms,
		       struct err *e)
{
	const char *given = field_text(spec, CONTAINER_SPEC ".Image");
	char image[REF_TEXT_MAX + 1];
	AUTO_FREE char *path = NULL, *auth = NULL;
	AUTO_JSON json_t *answer = NULL;
	struct request r = { .method = "GET" };
	struct ref ref;

	if (!ref_parse(str_of(given), &ref, e))
		return true; /* the engine has the better sentence */
	ref_default_tag(&ref);
	ref_familiar(&ref, image);
	field_put_text(spec, CONTAINER_SPEC ".Image", image);
	if (args_bool(a, "no-resolve-image"))
		return true;
	r.path = path = path_of("/distribution/%s/json", image);
	if (args_bool(a, "with-registry-auth"))
		r.auth = auth = auth_header_for_image(c, image);
	if (!client_call(c->client, &r, &answer, e)) {
		if (client_status(c->client) == 0)
			return false;
		fprintf(stderr,
			"image %s could not be accessed on a registry to record\n"
			"its digest. Each node will access %s independently,\n"
			"possibly leading to different nodes running different\n"
			"versions of the image.\n\n",
			image, image);
		return true;
	}
	if (!ref.digest[0] && *field_text(answer, "Descriptor.digest")) {
		AUTO_FREE char *pinned =
			xasprintf("%s@%s", image, field_text(answer, "Descriptor.digest"));

		field_put_text(spec, CONTAINER_SPEC ".Image", pinned);
	}
	if (sets_platforms)
		put_platforms(spec, field_at(answer, "Platforms"));
	return true;
}
