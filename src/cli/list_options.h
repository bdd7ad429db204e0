/* Options that many lists share. */
#ifndef SHOAL_CLI_LIST_OPTIONS_H
#define SHOAL_CLI_LIST_OPTIONS_H

#define FORMAT_HELP                                                                                \
	"print as 'table', 'table TEMPLATE', 'json', or through a Go template such as '{{.ID}}'"

#define OPTION_FILTER                                                                              \
	{                                                                                          \
		'f', "filter", OPT_FILTER, "show only what fits: name=value, may be repeated"      \
	}
#define OPTION_FORMAT                                                                              \
	{                                                                                          \
		0, "format", OPT_TEXT, FORMAT_HELP, .choices = NULL                                \
	}
#define OPTION_INSPECT_FORMAT                                                                      \
	{                                                                                          \
		'f', "format", OPT_TEXT,                                                           \
			"print as 'json' or through a Go template such as '{{.ID}}'"               \
	}
#define OPTION_QUIET_IDS                                                                           \
	{                                                                                          \
		'q', "quiet", OPT_BOOL, "print ids only"                                           \
	}
#define OPTION_NO_TRUNC                                                                            \
	{                                                                                          \
		0, "no-trunc", OPT_BOOL, "cut nothing short"                                       \
	}

#endif
