/* Images: inspected, listed, and read from the config that their id is the digest of. */
#include "docker/image_config.h"

#include "docker/tables.h"

#define END                                                                                        \
	{                                                                                          \
		NULL                                                                               \
	}

/* The configs of images have no API version of their own: every key counts. */
#define ANY_VERSION 1000

/* ---- names as people write them ---- */

static const char *familiar(const char *canonical)
{
	struct str name = str_of(canonical);

	if (str_starts_with(name, "docker.io/library/"))
		return canonical + strlen("docker.io/library/");
	if (str_starts_with(name, "docker.io/"))
		return canonical + strlen("docker.io/");
	return canonical;
}

static void write_names(struct json *j, const char *key, char *const *names, size_t count)
{
	json_open_list(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, NULL, familiar(names[i]));
	json_close(j);
}

static void write_tags(struct json *j, const char *key, const void *message, int version)
{
	const Pb__LocalImage *image = message;

	write_names(j, key, image->tags, image->n_tags);
}

static void write_digests(struct json *j, const char *key, const void *message, int version)
{
	const Pb__LocalImage *image = message;

	write_names(j, key, image->digests, image->n_digests);
}

/* Before 1.43 an image without any name had a word in its place. */
static bool is_nameless(const Pb__LocalImage *image, int version)
{
	return version < 43 && image->n_tags == 0 && image->n_digests == 0;
}

static void write_listed_tags(struct json *j, const char *key, const void *message, int version)
{
	static const char *const none[] = { "<none>:<none>" };

	if (is_nameless(message, version))
		json_strings(j, key, none, 1);
	else
		write_tags(j, key, message, version);
}

static void write_listed_digests(struct json *j, const char *key, const void *message, int version)
{
	static const char *const none[] = { "<none>@<none>" };

	if (is_nameless(message, version))
		json_strings(j, key, none, 1);
	else
		write_digests(j, key, message, version);
}

static const struct dialect_own tags = { .write = write_tags };
static const struct dialect_own digests = { .write = write_digests };
static const struct dialect_own listed_tags = { .write = write_listed_tags };
static const struct dialect_own listed_digests = { .write = write_listed_digests };

/* ---- GET /images/NAME/json ---- */

static void write_root(struct json *j, const char *key, const void *message, int version)
{
	const Pb__LocalImage *image = message;

	json_open_object(j, key);
	json_text(j, "Type", "layers");
	json_open_list(j, "Layers");
	for (size_t i = 0; i < image->n_layers; i++)
		json_text(j, NULL, image->layers[i]->diff_id);
	json_close(j);
	json_close(j);
}

static void write_empty(struct json *j, const char *key, const void *message, int version)
{
	json_text(j, key, "");
}

static void write_none(struct json *j, const char *key, const void *message, int version)
{
	json_none(j, key);
}

static void write_graph_driver(struct json *j, const char *key, const void *message, int version)
{
	json_open_object(j, key);
	json_none(j, "Data");
	json_text(j, "Name", "overlay2");
	json_close(j);
}

static const struct dialect_own root = { .write = write_root };
static const struct dialect_own empty = { .write = write_empty };
static const struct dialect_own none = { .write = write_none };
static const struct dialect_own graph_driver = { .write = write_graph_driver };

static const struct dialect_field metadata_fields[] = {
	{ "LastTagTime", "tagged_ns", DIALECT_TIME_NS }, END
};
static const struct dialect metadata = { &pb__local_image__descriptor, metadata_fields };

static const struct dialect_field image_fields[] = {
	{ "Id", "id", DIALECT_TEXT },
	{ "RepoTags", NULL, DIALECT_OWN, .own = &tags },
	{ "RepoDigests", NULL, DIALECT_OWN, .own = &digests },
	{ "Parent", "parent", DIALECT_TEXT },
	{ "Comment", "comment", DIALECT_TEXT },
	{ "Created", "created_ns", DIALECT_TIME_NS },
	{ "Container", NULL, DIALECT_OWN, .own = &empty, .until = 45 },
	{ "ContainerConfig", NULL, DIALECT_OWN, .own = &none, .until = 45 },
	{ "DockerVersion", "docker_version", DIALECT_TEXT },
	{ "Author", "author", DIALECT_TEXT },
	{ "Config", "config", DIALECT_OBJECT, 0, &dialect_container_config },
	{ "Architecture", "architecture", DIALECT_TEXT },
	{ "Variant", "variant", DIALECT_TEXT, OMIT_EMPTY },
	{ "Os", "os", DIALECT_TEXT },
	{ "OsVersion", "os_version", DIALECT_TEXT, OMIT_EMPTY },
	{ "Size", "size_bytes", DIALECT_INT },
	{ "VirtualSize", "size_bytes", DIALECT_INT, .until = 44 },
	{ "GraphDriver", NULL, DIALECT_OWN, .own = &graph_driver },
	{ "RootFS", NULL, DIALECT_OWN, .own = &root },
	{ "Metadata", "config", DIALECT_GROUP, WRITE_ONLY, &metadata },
	END,
};
const struct dialect dialect_image = { &pb__local_image__descriptor, image_fields };

/* Containers and SharedSize are for whoever writes to add. */
static const struct dialect_field listed_fields[] = {
	{ "Id", "id", DIALECT_TEXT },
	{ "ParentId", "parent", DIALECT_TEXT },
	{ "RepoTags", NULL, DIALECT_OWN, .own = &listed_tags },
	{ "RepoDigests", NULL, DIALECT_OWN, .own = &listed_digests },
	{ "Created", "created_ns", DIALECT_TIME_S },
	{ "Size", "size_bytes", DIALECT_INT },
	{ "VirtualSize", "size_bytes", DIALECT_INT, .until = 44 },
	{ "Labels", "config.labels", DIALECT_MAP },
	END,
};
const struct dialect dialect_image_listed = { &pb__local_image__descriptor, listed_fields };

/* One step; Id and Tags are for whoever writes to add. */
static const struct dialect_field step_fields[] = {
	{ "Comment", "comment", DIALECT_TEXT },
	{ "Created", "created_ns", DIALECT_TIME_S },
	{ "CreatedBy", "created_by", DIALECT_TEXT },
	{ "Size", "size_bytes", DIALECT_INT },
	END,
};
const struct dialect dialect_image_step = { &pb__image_history__descriptor, step_fields };

/* ---- the config itself (the OCI image specification, and docker's before it) ---- */

static const struct dialect_field history_fields[] = {
	{ "created", "created_ns", DIALECT_TIME_NS },
	{ "created_by", "created_by", DIALECT_TEXT },
	{ "author", "author", DIALECT_TEXT },
	{ "comment", "comment", DIALECT_TEXT },
	{ "empty_layer", "empty_layer", DIALECT_BOOL },
	END,
};
static const struct dialect history = { &pb__image_history__descriptor, history_fields };
static const struct dialect_field config_fields[] = {
	{ "created", "created_ns", DIALECT_TIME_NS },
	{ "author", "author", DIALECT_TEXT },
	{ "comment", "comment", DIALECT_TEXT },
	{ "docker_version", "docker_version", DIALECT_TEXT },
	{ "parent", "parent", DIALECT_TEXT },
	{ "architecture", "architecture", DIALECT_TEXT },
	{ "variant", "variant", DIALECT_TEXT },
	{ "os", "os", DIALECT_TEXT },
	{ "os.version", "os_version", DIALECT_TEXT },
	{ "config", "config", DIALECT_OBJECT, 0, &dialect_container_config },
	{ "history", "history", DIALECT_OBJECTS, 0, &history },
	END,
};
static const struct dialect image_config = { &pb__local_image__descriptor, config_fields };

bool image_config_read(struct arena *a, struct str json, Pb__LocalImage *image, struct err *e)
{
	return dialect_read(a, &image_config, json, ANY_VERSION, image, e);
}

static const struct dialect_field auth_fields[] = {
	{ "username", "username", DIALECT_TEXT },
	{ "password", "password", DIALECT_TEXT },
	{ "serveraddress", "server_address", DIALECT_TEXT },
	{ "identitytoken", "identity_token", DIALECT_TEXT },
	END,
};
const struct dialect dialect_auth = { &pb__auth_request__descriptor, auth_fields };
