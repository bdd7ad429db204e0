/* Instructions of a Dockerfile that change an image's configuration: `commit --change`, `import
 * --change`.
 *
 * CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR,
 * with what their syntax has: several in one text, on lines of their own; lines that go on after a
 * backslash; comments; JSON and shell forms; quotes, escapes and variables ($A, ${A}, ${A:-b},
 * ${A:+b}) of the environment that the configuration has by then. */
#ifndef SHOAL_DOCKER_INSTRUCTION_H
#define SHOAL_DOCKER_INSTRUCTION_H

#include "pb/pb.h"

/* Bytes of all the texts together, and of what variables make of one word; and of all words. */
#define INSTRUCTIONS_MAX      (64 << 10)
#define INSTRUCTIONS_MADE_MAX (1 << 20)
/* Variables, labels, volumes and triggers that they may set. */
#define INSTRUCTIONS_VALUES_MAX 1024

/* In their order. New values lie in the arena; the old ones are left as they were. ERR_INVALID, in the
 * reference's words, if one is none of the above or badly made; the configuration is then half
 * changed. Whether a signal exists is for the caller to say. */
bool instructions_apply(struct arena *a, const char *const *texts, size_t count,
			Pb__ContainerConfig *config, struct err *e) MUST_CHECK;

#endif
