/* Services: what several files of the noun share. */
#ifndef SHOAL_CLI_SERVICE_H
#define SHOAL_CLI_SERVICE_H

#include "cli/cli.h"

/* GET /services/REF; `defaults` fills in what the spec leaves out. */
json_t *service_fetch(struct cli *c, const char *reference, bool defaults, struct err *e);
/* Print a service for people. */
MUST_CHECK bool service_show(struct cli *c, const json_t *service, struct err *e);
/* Send a spec back at the service's version and print what the engine warns of. */
MUST_CHECK bool service_post_update(struct cli *c, const json_t *service, const struct query *more,
				    const char *auth, struct err *e);

bool service_list(struct cli *c, const struct args *a, struct err *e);
bool service_tasks(struct cli *c, const struct args *a, struct err *e);
bool service_logs(struct cli *c, const struct args *a, struct err *e);
bool service_create(struct cli *c, const struct args *a, struct err *e);
bool service_update(struct cli *c, const struct args *a, struct err *e);
bool service_scale(struct cli *c, const struct args *a, struct err *e);
bool service_rollback(struct cli *c, const struct args *a, struct err *e);

extern const struct option service_logs_options[];

#endif
