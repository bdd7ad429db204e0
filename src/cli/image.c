/* The commands of images. */
#include "cli/image.h"

#include "base/mem.h"
#include "template/field.h"
#include "cli/inspect.h"
#include "cli/list_options.h"
#include "cli/program.h"
#include "cli/prune.h"
#include "wire/ref.h"

#define OPTION_PLATFORM                                                                            \
	{                                                                                          \
		0, "platform", OPT_TEXT, "platform: linux/arm64"                                   \
	}
#define OPTION_TRUST                                                                               \
	{                                                                                          \
		0, "disable-content-trust", OPT_BOOL, "accepted, and without effect",              \
			.fallback = "true", .flags = OPTION_HIDDEN                                 \
	}

static const struct option list_options[] = {
	{ 'a', "all", OPT_BOOL, "show intermediate images too" },
	{ 0, "digests", OPT_BOOL, "show digests" },
	OPTION_FILTER,
	OPTION_FORMAT,
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	OPTION_ABSENT("tree", OPT_BOOL, "an image is kept for one platform"),
	{ 0 },
};

static const struct option history_options[] = {
	OPTION_FORMAT,
	{ 'H', "human", OPT_BOOL, "sizes and dates at a glance", .fallback = "true" },
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	OPTION_ABSENT("platform", OPT_TEXT, "an image is kept for one platform"),
	{ 0 },
};

static const struct option import_options[] = {
	{ 'c', "change", OPT_LIST, "change the image's settings: 'CMD [\"sh\"]'" },
	{ 'm', "message", OPT_TEXT, "what it is" },
	OPTION_PLATFORM,
	{ 0 },
};

static const struct option inspect_options[] = { OPTION_INSPECT_FORMAT,
						 OPTION_ABSENT("platform", OPT_TEXT,
							       "an image is kept for one platform"),
						 { 0 } };

static const struct option load_options[] = {
	{ 'i', "input", OPT_TEXT, "read this file, not standard input" },
	{ 'q', "quiet", OPT_BOOL, "show no progress" },
	OPTION_ABSENT("platform", OPT_TEXT, "an image is kept for one platform"),
	{ 0 },
};

static const struct option prune_options[] = {
	{ 'a', "all", OPT_BOOL,
	  "remove all that no container uses, not only those without a name" },
	{ 0, "filter", OPT_FILTER, "remove only what fits: until=TIME, label=NAME" },
	{ 'f', "force", OPT_BOOL, "do not ask" },
	{ 0 },
};

static const struct option pull_options[] = {
	{ 'a', "all-tags", OPT_BOOL, "pull all tags" }, OPTION_TRUST, OPTION_PLATFORM,
	{ 'q', "quiet", OPT_BOOL, "show no progress" }, { 0 },
};

static const struct option push_options[] = {
	{ 'a', "all-tags", OPT_BOOL, "push all tags" },
	OPTION_TRUST,
	{ 'q', "quiet", OPT_BOOL, "show no progress" },
	OPTION_ABSENT("platform", OPT_TEXT, "an image is kept for one platform"),
	{ 0 },
};

static const struct option remove_options[] = {
	{ 'f', "force", OPT_BOOL, "remove it even if it is used" },
	{ 0, "no-prune", OPT_BOOL, "keep parents without a name" },
	OPTION_ABSENT("platform", OPT_TEXT, "an image is kept for one platform"),
	{ 0 },
};

static const struct option save_options[] = {
	{ 'o', "output", OPT_TEXT, "write to this file, not to standard output" },
	OPTION_ABSENT("platform", OPT_TEXT, "an image is kept for one platform"),
	{ 0 },
};

static bool fetch(struct cli *c, const struct args *a, const char *word, struct buf *text,
		  struct err *e)
{
	AUTO_FREE char *path = path_of("/images/%s/json", word);

	return client_get_text(c->client, path, NULL, text, e);
}

static bool image_inspect(struct cli *c, const struct args *a, struct err *e)
{
	return inspect_print(c, a, fetch, e);
}

static bool image_prune(struct cli *c, const struct args *a, struct err *e)
{
	return prune_command(c, a, &prune_images, e);
}

static bool remove_one(struct cli *c, const struct args *a, const char *word, struct err *e)
{
	AUTO_FREE char *path = path_of("/images/%s", word);
	AUTO_QUERY struct query q = QUERY;
	AUTO_JSON json_t *gone = NULL;

	query_add_flag(&q, "force", args_bool(a, "force"));
	query_add_flag(&q, "noprune", args_bool(a, "no-prune"));
	if (!client_delete(c->client, path, &q, &gone, e)) {
		if (!args_bool(a, "force") || e->kind != ERR_NOT_FOUND)
			return false;
		fprintf(stderr, "%s\n", e->text);
		return true;
	}
	for (size_t i = 0; i < json_array_size(gone); i++) {
		const json_t *o = json_array_get(gone, i);

		if (*field_text(o, "Deleted"))
			printf("Deleted: %s\n", field_text(o, "Deleted"));
		else
			printf("Untagged: %s\n", field_text(o, "Untagged"));
	}
	return true;
}

static bool image_remove(struct cli *c, const struct args *a, struct err *e)
{
	cli_each(c, a, false, remove_one);
	return true;
}

static bool image_tag(struct cli *c, const struct args *a, struct err *e)
{
	AUTO_FREE char *path = path_of("/images/%s/tag", a->words[0]);
	AUTO_QUERY struct query q = QUERY;
	AUTO_FREE char *name = NULL;
	struct ref ref;

	if (!ref_parse(str_of(a->words[1]), &ref, e))
		return while_doing(e, "\"%s\" is not a valid repository/tag", a->words[1]);
	if (ref.digest[0])
		return fail(e, ERR_INVALID, "refusing to create a tag with a digest reference");
	ref_default_tag(&ref);
	name = xasprintf("%s/%s", ref.domain, ref.path);
	query_add(&q, "repo", name);
	query_add(&q, "tag", ref.tag);
	return client_post(c->client, path, &q, NULL, NULL, e);
}

const struct command image_commands[] = {
	{ "image history", "history", "IMAGE", "show the layers of an image",
	  "$ shoal history alpine", history_options, image_history, 1, 1, 0, NAMES_IMAGES },
	{ "image import", "import", "file|URL|- [REPOSITORY[:TAG]]",
	  "make an image of a tar of files", "$ shoal import rootfs.tar me/base:1", import_options,
	  image_import, 1, 2, 0, NAMES_FILES },
	{ "image inspect", NULL, "IMAGE [IMAGE...]", "show all that is known of images",
	  "$ shoal image inspect -f '{{json .Config.Cmd}}' alpine", inspect_options, image_inspect,
	  1, -1, 0, NAMES_IMAGES },
	{ "image load", "load", NULL, "read images that were saved",
	  "$ shoal load -i images.tar\n$ shoal save web | ssh node2 shoal load", load_options,
	  image_load, 0, 0 },
	{ "image ls", "image list, images", "[REPOSITORY[:TAG]]", "list images",
	  "$ shoal images\n"
	  "$ shoal images alpine\n"
	  "$ shoal images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	  list_options, image_list, 0, 1, COMMAND_COMMON, NAMES_IMAGES },
	{ "image prune", NULL, NULL, "remove images that nothing uses",
	  "$ shoal image prune -a --filter until=240h", prune_options, image_prune, 0, 0 },
	{ "image pull", "pull", "NAME[:TAG|@DIGEST]", "fetch an image from a registry",
	  "$ shoal pull alpine:3.20\n$ shoal pull registry.example.com:5000/team/web", pull_options,
	  image_pull, 1, 1, COMMAND_COMMON, NAMES_IMAGES },
	{ "image push", "push", "NAME[:TAG]", "send an image to a registry",
	  "$ shoal push registry.example.com:5000/team/web:2", push_options, image_push, 1, 1,
	  COMMAND_COMMON, NAMES_IMAGES },
	{ "image rm", "image remove, rmi", "IMAGE [IMAGE...]", "remove images",
	  "$ shoal rmi alpine:3.18", remove_options, image_remove, 1, -1, 0, NAMES_IMAGES },
	{ "image save", "save", "IMAGE [IMAGE...]", "write images as tar",
	  "$ shoal save -o images.tar web db", save_options, image_save, 1, -1, 0, NAMES_IMAGES },
	{ "image tag", "tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "give an image another name",
	  "$ shoal tag web registry.example.com:5000/team/web:2", NULL, image_tag, 2, 2, 0,
	  NAMES_IMAGES },
	{ 0 },
};
