/* Option tables of `service create` and `service update`. */
#ifndef SHOAL_CLI_SERVICE_OPTIONS_H
#define SHOAL_CLI_SERVICE_OPTIONS_H

#include "console/option.h"

extern const struct option service_create_options[], service_update_options[];

#endif
