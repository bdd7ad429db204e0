/* -p: what people write to publish ports, of containers and of services. */
#ifndef SHOAL_CLI_PUBLISH_H
#define SHOAL_CLI_PUBLISH_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/* "[HOST_IP:][HOST_PORT[-LAST]:]PORT[-LAST][/PROTOCOL]" as rows of
 * {"Ip","Outer","Inner","Protocol"}, one a port; Outer is text, as it may be a range to choose from or
 * "". Appended to `out`. */
MUST_CHECK bool publish_parse_short(const char *text, json_t *out, struct err *e);
/* A service's port, short or "published=8080,target=80,protocol=tcp,mode=host", as PortConfig
 * objects appended to `out`. */
MUST_CHECK bool publish_parse_service(const char *text, json_t *out, struct err *e);

#endif
