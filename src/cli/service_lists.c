/* Lists and maps of a service's spec: what is removed goes first, then what is added replaces
 * what has its key. Update leaves lists sorted, so that the same change twice is the same spec. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "template/field.h"
#include "cli/files.h"
#include "cli/ulimit.h"
#include "cli/mount.h"
#include "console/order.h"
#include "cli/pairs.h"
#include "cli/publish.h"
#include "cli/service_spec.h"

enum shape {
	TEXTS, /* ["a"] */
	PAIRS, /* ["NAME=value"], keyed by NAME */
	MAP,   /* {"name": "value"} */
};

static const struct {
	const char *stem, *path;
	enum shape shape;
} lists[] = {
	{ "constraint", "TaskTemplate.Placement.Constraints", TEXTS },
	{ "group", CONTAINER_SPEC ".Groups", TEXTS },
	{ "dns", CONTAINER_SPEC ".DNSConfig.Nameservers", TEXTS },
	{ "dns-option", CONTAINER_SPEC ".DNSConfig.Options", TEXTS },
	{ "dns-search", CONTAINER_SPEC ".DNSConfig.Search", TEXTS },
	{ "env", CONTAINER_SPEC ".Env", PAIRS },
	{ "label", "Labels", MAP },
	{ "container-label", CONTAINER_SPEC ".Labels", MAP },
	{ "sysctl", CONTAINER_SPEC ".Sysctls", MAP },
};

/* Is `text` the key, or key=something? */
static bool has_key(const char *text, const char *key, enum shape shape)
{
	size_t n = strcspn(key, "=");

	if (shape == TEXTS)
		return strcmp(text, key) == 0;
	return strncmp(text, key, n) == 0 && (text[n] == '=' || text[n] == '\0');
}

static void drop_text(json_t *list, const char *key, enum shape shape)
{
	for (size_t i = json_array_size(list); i > 0; i--)
		if (has_key(field_text(json_array_get(list, i - 1), ""), key, shape))
			json_array_remove(list, i - 1);
}

/* A variable without a value has the one it has here. */
static void add_text(json_t *list, const char *text, enum shape shape)
{
	const char *here = shape == PAIRS && !strchr(text, '=') ? getenv(text) : NULL;
	AUTO_FREE char *pair = here ? xasprintf("%s=%s", text, here) : NULL;

	drop_text(list, text, shape);
	json_array_append_new(list, json_string(pair ? pair : text));
}

static void drop_object(json_t *list, const char *path, const char *key)
{
	for (size_t i = json_array_size(list); i > 0; i--)
		if (strcmp(field_text(json_array_get(list, i - 1), path), key) == 0)
			json_array_remove(list, i - 1);
}

static void put_list(const struct args *a, json_t *spec, size_t row, bool is_update)
{
	struct list_names names = list_names(lists[row].stem, is_update);
	enum shape shape = lists[row].shape;
	const char *const *added, *const *removed = NULL;
	size_t add_count, remove_count = 0;
	json_t *into;

	added = args_list(a, names.add, &add_count);
	if (is_update)
		removed = args_list(a, names.remove, &remove_count);
	if (add_count + remove_count == 0)
		return;
	into = shape == MAP ? field_object(spec, lists[row].path)
			    : field_array(spec, lists[row].path);
	for (size_t i = 0; i < remove_count; i++) {
		if (shape == MAP)
			json_object_del(into, removed[i]);
		else
			drop_text(into, removed[i], shape);
	}
	if (shape == MAP)
		pairs_into_object(into, added, add_count);
	for (size_t i = 0; i < add_count && shape != MAP; i++)
		add_text(into, added[i], shape);
	if (is_update && shape != MAP)
		sort_by(into, "");
}

static void add_variable(void *self, const char *pair)
{
	add_text(self, pair, PAIRS);
}

/* Variables of files come before those of the command line. */
static bool put_env_files(const struct args *a, json_t *spec, struct err *e)
{
	size_t count;
	const char *const *files = args_list(a, "env-file", &count);

	for (size_t i = 0; i < count; i++)
		if (!file_read_pairs(files[i], true, add_variable,
				     field_array(spec, CONTAINER_SPEC ".Env"), e))
			return false;
	return true;
}

typedef json_t *parse_object(const char *text, struct err *e);

/* Objects that replace those with the same text at `key`. */
static bool put_objects(const struct args *a, json_t *spec, const char *stem, const char *path,
			const char *key, parse_object *parse, bool is_update, struct err *e)
{
	struct list_names names = list_names(stem, is_update);
	size_t count;
	const char *const *list;

	if (!list_is_given(a, stem, is_update))
		return true;
	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++)
			drop_object(field_array(spec, path), key, list[i]);
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *object = parse(list[i], e);

		if (!object)
			return false;
		drop_object(field_array(spec, path), key, field_text(object, key));
		json_array_append_new(field_array(spec, path), object);
	}
	return true;
}

/* Does a published port have the container port (and protocol) that -rm names: "80", "53/udp"? */
static bool is_port(const json_t *port, const char *text)
{
	struct str number, protocol;
	uint64_t target;

	if (!str_cut(str_of(text), '/', &number, &protocol))
		protocol = STR("tcp");
	return str_to_u64(number, &target) && (int64_t)target == field_int(port, "TargetPort") &&
	       str_equal_c(protocol, field_text(port, "Protocol"));
}

static bool same_port(const json_t *a, const json_t *b)
{
	return field_int(a, "TargetPort") == field_int(b, "TargetPort") &&
	       field_int(a, "PublishedPort") == field_int(b, "PublishedPort") &&
	       strcmp(field_text(a, "Protocol"), field_text(b, "Protocol")) == 0;
}

static bool put_ports(const struct args *a, json_t *spec, bool is_update, struct err *e)
{
	struct list_names names = list_names("publish", is_update);
	AUTO_JSON json_t *added = json_array();
	size_t count;
	const char *const *list;
	json_t *ports;

	if (!list_is_given(a, "publish", is_update))
		return true;
	ports = field_array(spec, "EndpointSpec.Ports");
	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++)
			for (size_t j = json_array_size(ports); j > 0; j--)
				if (is_port(json_array_get(ports, j - 1), list[i]))
					json_array_remove(ports, j - 1);
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++)
		if (!publish_parse_service(list[i], added, e))
			return while_doing(e, "invalid argument \"%s\" for \"--%s\" flag", list[i],
					   names.add);
	for (size_t i = 0; i < json_array_size(added); i++) {
		json_t *port = json_array_get(added, i);

		for (size_t j = json_array_size(ports); j > 0; j--)
			if (same_port(json_array_get(ports, j - 1), port))
				json_array_remove(ports, j - 1);
		json_array_append(ports, port);
	}
	if (is_update)
		sort_by(ports, "PublishedPort");
	return true;
}

/* "NAME:IP" as the hosts file has it, "IP NAME"; the caller frees it. */
static char *host_line(const char *text, struct err *e)
{
	struct str name, ip;

	if (!str_cut(str_of(text), ':', &name, &ip) || ip.len == 0)
		return fail(e, ERR_INVALID, "bad format for host mapping \"%s\": give NAME:IP",
			    text),
		       NULL;
	return xasprintf("%.*s %.*s", STR_FMT(ip), STR_FMT(name));
}

static bool put_hosts(const struct args *a, json_t *spec, bool is_update, struct err *e)
{
	struct list_names names = list_names("host", is_update);
	const char *const *list;
	size_t count;

	if (!list_is_given(a, "host", is_update))
		return true;
	for (int adds = is_update ? 0 : 1; adds <= 1; adds++) {
		list = args_list(a, adds ? names.add : names.remove, &count);
		for (size_t i = 0; i < count; i++) {
			AUTO_FREE char *line = host_line(list[i], e);

			if (!line)
				return false;
			drop_text(field_array(spec, CONTAINER_SPEC ".Hosts"), line, TEXTS);
			if (adds)
				json_array_append_new(field_array(spec, CONTAINER_SPEC ".Hosts"),
						      json_string(line));
		}
	}
	return true;
}

/* "spread=node.labels.zone" */
static json_t *preference(const char *text, struct err *e)
{
	if (strncmp(text, "spread=", 7) != 0)
		return fail(e, ERR_INVALID,
			    "invalid argument \"%s\" for \"--placement-pref\" flag: unsupported placement "
			    "preference (only spread is supported)",
			    text),
		       NULL;
	return json_pack("{s:{s:s}}", "Spread", "SpreadDescriptor", text + 7);
}

static bool put_preferences(const struct args *a, json_t *spec, bool is_update, struct err *e)
{
	static const char path[] = "TaskTemplate.Placement.Preferences";
	struct list_names names = list_names("placement-pref", is_update);
	const char *const *list;
	size_t count;

	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++)
			drop_object(field_at(spec, path), "Spread.SpreadDescriptor",
				    strncmp(list[i], "spread=", 7) == 0 ? list[i] + 7 : list[i]);
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++) {
		json_t *wanted = preference(list[i], e);

		if (!wanted)
			return false;
		json_array_append_new(field_array(spec, path), wanted);
	}
	return true;
}

/* "gpu=2" */
static bool put_generic(const struct args *a, json_t *spec, bool is_update, struct err *e)
{
	static const char path[] = "TaskTemplate.Resources.Reservations.GenericResources";
	struct list_names names = list_names("generic-resource", is_update);
	const char *const *list;
	size_t count;

	if (is_update) {
		list = args_list(a, names.remove, &count);
		for (size_t i = 0; i < count; i++) {
			drop_object(field_at(spec, path), "DiscreteResourceSpec.Kind", list[i]);
			drop_object(field_at(spec, path), "NamedResourceSpec.Kind", list[i]);
		}
	}
	list = args_list(a, names.add, &count);
	for (size_t i = 0; i < count; i++) {
		struct str kind, value;
		AUTO_FREE char *name = NULL;
		uint64_t amount;

		if (!str_cut(str_of(list[i]), '=', &kind, &value))
			return fail(e, ERR_INVALID, "incorrect term %s, missing '='", list[i]);
		if (!str_to_u64(value, &amount))
			return fail(
				e, ERR_UNSUPPORTED,
				"invalid generic-resource request `%s`, Named Generic Resources is not "
				"supported for service create or update",
				list[i]);
		name = str_dup(kind);
		json_array_append_new(field_array(spec, path),
				      json_pack("{s:{s:s,s:I}}", "DiscreteResourceSpec", "Kind",
						name, "Value", (json_int_t)amount));
	}
	return true;
}

/* Move a capability from one list to the other; RESET empties the list it would go to. */
static void move_capability(json_t *spec, const char *from, const char *to, const char *name)
{
	if (strcmp(name, "RESET") == 0) {
		field_drop(spec, to);
		return;
	}
	drop_text(field_at(spec, from), name, TEXTS);
	add_text(field_array(spec, to), name, TEXTS);
}

/* What is both added and dropped is added. */
static void put_capabilities(const struct args *a, json_t *spec)
{
	static const char add[] = CONTAINER_SPEC ".CapabilityAdd",
			  drop[] = CONTAINER_SPEC ".CapabilityDrop";
	const char *const *list;
	size_t count;

	list = args_list(a, "cap-drop", &count);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *name = capability_name(list[i]);

		move_capability(spec, add, drop, name);
	}
	list = args_list(a, "cap-add", &count);
	for (size_t i = 0; i < count; i++) {
		AUTO_FREE char *name = capability_name(list[i]);

		move_capability(spec, drop, add, name);
	}
}

bool service_put_lists(const struct args *a, json_t *spec, bool is_update, struct err *e)
{
	if (!is_update && !put_env_files(a, spec, e))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		put_list(a, spec, i, is_update);
	put_capabilities(a, spec);
	return put_objects(a, spec, "mount", CONTAINER_SPEC ".Mounts", "Target", mount_parse,
			   is_update, e) &&
	       put_objects(a, spec, "ulimit", CONTAINER_SPEC ".Ulimits", "Name", ulimit_parse,
			   is_update, e) &&
	       put_ports(a, spec, is_update, e) && put_hosts(a, spec, is_update, e) &&
	       put_preferences(a, spec, is_update, e) && put_generic(a, spec, is_update, e);
}
