/* Limits of processes and capabilities, of containers and of services. */
#ifndef SHOAL_CLI_ULIMIT_H
#define SHOAL_CLI_ULIMIT_H

#include <jansson.h>

#include "base/err.h"

/* "nofile=1024:2048" as {"Name","Soft","Hard"}; NULL and *e. */
json_t *ulimit_parse(const char *text, struct err *e);
/* "net_admin" as "CAP_NET_ADMIN"; ALL and RESET stay. The caller frees it. */
char *capability_name(const char *text);

#endif
