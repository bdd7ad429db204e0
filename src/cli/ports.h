/* Published ports as people write and read them. */
#ifndef SHOAL_CLI_PORTS_H
#define SHOAL_CLI_PORTS_H

#include <jansson.h>

#include "base/str.h"

/* A container's ports: "0.0.0.0:8080->80/tcp, 443/tcp"; runs of ports become ranges. */
void ports_write(const json_t *ports, struct buf *out);

#endif
