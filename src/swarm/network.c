#include "swarm/network.h"

#include <string.h>

#include "base/mem.h"
#include "pb/map.h"

const char *network_driver(const Pb__NetworkSpec *spec)
{
	return spec->driver_config && spec->driver_config->name[0] ? spec->driver_config->name
								   : "overlay";
}

bool network_is_predefined(const Pb__NetworkSpec *spec)
{
	const char *value = PB_MAP_GET(spec->annotations, labels, NETWORK_PREDEFINED_LABEL);

	return value && strcmp(value, "true") == 0;
}

bool network_is_node_local(const Pb__NetworkSpec *spec)
{
	static const char *const drivers[] = { "bridge", "host", "ipvlan", "macvlan", "null" };

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(network_driver(spec), drivers[i]) == 0)
			return true;
	return false;
}

bool network_is_ingress(const Pb__NetworkSpec *spec)
{
	/* Clusters made before the field existed say it with a label. */
	return spec->ingress ||
	       (strcmp(spec->annotations->name, "ingress") == 0 &&
		PB_MAP_GET(spec->annotations, labels, "com.docker.swarm.internal"));
}
