/* The commands of images. */
#include "cli/image.h"

#include "cli/list_options.h"

static const struct option list_options[] = {
	{ 'a', "all", OPT_BOOL, "show intermediate images too" },
	{ 0, "digests", OPT_BOOL, "show digests" },
	OPTION_FILTER,
	OPTION_FORMAT,
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	{ 0 },
};

static const struct option history_options[] = {
	OPTION_FORMAT,
	{ 'H', "human", OPT_BOOL, "sizes and dates at a glance", .fallback = "true" },
	OPTION_NO_TRUNC,
	OPTION_QUIET_IDS,
	{ 0 },
};

const struct command image_commands[] = {
	{ "image ls", "image list, images", "[REPOSITORY[:TAG]]", "list images",
	  "$ shoal images\n"
	  "$ shoal images alpine\n"
	  "$ shoal images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	  list_options, image_list, 0, 1, COMMAND_COMMON, NAMES_IMAGES },
	{ "image history", "history", "IMAGE", "show the layers of an image",
	  "$ shoal history alpine", history_options, image_history, 1, 1, 0, NAMES_IMAGES },
	{ 0 },
};
