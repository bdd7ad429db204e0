/* The swarm: what several files of the noun share. */
#ifndef SHOAL_CLI_SWARM_H
#define SHOAL_CLI_SWARM_H

#include "cli/cli.h"

/* Send a swarm's spec back at its version; `rotate` names the query of what to renew, or "". */
MUST_CHECK bool swarm_post_update(struct cli *c, const json_t *swarm, const char *rotate,
				  struct err *e);
/* Put --external-ca into a spec, if given. */
MUST_CHECK bool swarm_set_external_cas(json_t *spec, const struct args *a, struct err *e);
/* The text of a PEM file; the caller frees it. NULL and *e when it is none. */
char *swarm_read_pem(const char *path, struct err *e);

bool swarm_status(struct cli *c, const struct args *a, struct err *e);
extern const struct option swarm_status_options[];
bool swarm_backup(struct cli *c, const struct args *a, struct err *e);
bool swarm_restore(struct cli *c, const struct args *a, struct err *e);
extern const struct option swarm_restore_options[];
bool swarm_ca(struct cli *c, const struct args *a, struct err *e);
extern const struct option swarm_ca_options[];

#endif
