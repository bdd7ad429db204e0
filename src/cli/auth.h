/* Logins to registries, as kept in config.json of the client's folder. */
#ifndef SHOAL_CLI_AUTH_H
#define SHOAL_CLI_AUTH_H

#include "cli/cli.h"

/* What X-Registry-Auth carries for the registry of an image reference, "e30=" for nobody; the
 * caller frees it. */
char *auth_header_for_image(struct cli *c, const char *reference);

bool auth_login(struct cli *c, const struct args *a, struct err *e);
bool auth_logout(struct cli *c, const struct args *a, struct err *e);

#endif
