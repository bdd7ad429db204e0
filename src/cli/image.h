/* Images: what several files of the noun share. */
#ifndef SHOAL_CLI_IMAGE_H
#define SHOAL_CLI_IMAGE_H

#include "cli/cli.h"

/* A name of an image of /images/json as a row of a list; empty views are "<none>", and a
 * digest with a NULL view is left empty. */
json_t *image_row(const json_t *image, struct str repository, struct str tag, struct str digest,
		  bool whole, int64_t now_ns);

/* Pull a reference; progress goes to standard error if `quiet_out` (as `run` does), else to
 * standard output. */
MUST_CHECK bool image_fetch(struct cli *c, const char *reference, const char *platform, bool quiet,
			    bool to_stderr, struct err *e);

bool image_list(struct cli *c, const struct args *a, struct err *e);
bool image_history(struct cli *c, const struct args *a, struct err *e);
bool image_pull(struct cli *c, const struct args *a, struct err *e);
bool image_push(struct cli *c, const struct args *a, struct err *e);
bool image_load(struct cli *c, const struct args *a, struct err *e);
bool image_save(struct cli *c, const struct args *a, struct err *e);
bool image_import(struct cli *c, const struct args *a, struct err *e);

#endif
