/* `changes=` of a request that makes an image: instructions for its configuration. */
#ifndef SHOAL_API_CHANGES_H
#define SHOAL_API_CHANGES_H

#include "pb/pb.h"

struct call;

/* Carry them out. NULL: there is nothing to change, and that is fine. Refuses the call, and returns
 * false, if one is no good. */
bool changes_apply(struct call *c, Pb__ContainerConfig *config);

#endif
