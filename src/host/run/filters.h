/* Filters of system calls that crun has made, kept for the next container.
 *
 * Of the default profile crun makes a filter for each container, which takes a third of what it
 * takes at all. It leaves the filter in its state (seccomp.bpf), and takes one that is made from an
 * annotation (crun(1): run.oci.seccomp_bpf_data). So what it made of a profile is given to it with
 * the next container that has the very same. The profile stays in the configuration, for a crun
 * that does not know the annotation. */
#ifndef SHOAL_HOST_RUN_FILTERS_H
#define SHOAL_HOST_RUN_FILTERS_H

#include <stdbool.h>

#include "base/str.h"

struct filters;

/* There are a few profiles: the default one, with rules for some capabilities. More are not kept. */
#define FILTERS_MAX 16

/* Used by many threads. */
struct filters *filters_new(void);
void filters_free(struct filters *f);

/* The profile of a configuration, as a text of its own; NULL if it has none. The caller frees. */
char *filters_profile(struct str config);
/* Write the configuration with the filter of its profile into *with. False, and nothing is
 * written: no filter is known, or the configuration has annotations of its own. */
bool filters_add(struct filters *f, const char *profile, struct str config, struct buf *with);
/* Keep the filter in this file as the one of this profile. */
void filters_learn(struct filters *f, const char *profile, const char *path);

#endif
