/* The default seccomp profile: an allow-list of system calls; all others fail with EPERM.
 *
 * Which calls a container needs follows docker's published default: what ordinary programs use is
 * allowed, what needs a capability is allowed with it, what reaches out of a container (mount, bpf,
 * kexec, keyrings, other time and kernel state) is not. clone() may not make namespaces without
 * CAP_SYS_ADMIN, and clone3(), whose flags a filter cannot see, says ENOSYS so that libcs fall
 * back. */
#ifndef SHOAL_ENGINE_SECCOMP_H
#define SHOAL_ENGINE_SECCOMP_H

#include <stdint.h>

struct json;

/* Write it as the member "seccomp" of the open object. */
void seccomp_write(struct json *j, uint64_t capabilities);

#endif
