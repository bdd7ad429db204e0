/* Linux capabilities: the sets that containers get. */
#ifndef SHOAL_ENGINE_CAPABILITY_H
#define SHOAL_ENGINE_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define CAPABILITIES       41
#define CAPABILITY(number) (UINT64_C(1) << (number))

/* Numbers as in the kernel's capability.h, as far as they are named here. */
enum capability {
	CAP_CHOWN = 0,
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH = 2,
	CAP_FOWNER = 3,
	CAP_FSETID = 4,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_NET_BIND_SERVICE = 10,
	CAP_NET_RAW = 13,
	CAP_SYS_MODULE = 16,
	CAP_SYS_RAWIO = 17,
	CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_PACCT = 20,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_BOOT = 22,
	CAP_SYS_NICE = 23,
	CAP_SYS_TIME = 25,
	CAP_SYS_TTY_CONFIG = 26,
	CAP_MKNOD = 27,
	CAP_AUDIT_WRITE = 29,
	CAP_SETFCAP = 31,
	CAP_SYSLOG = 34,
	CAP_PERFMON = 38,
	CAP_BPF = 39,
};

#define CAPABILITIES_ALL ((UINT64_C(1) << CAPABILITIES) - 1)

/* The default set, as docker's. */
uint64_t capabilities_default(void);
/* The default set and what was added, without what was dropped; "ALL" stands for all in both. Names
 * with or without "CAP_", in any case. ERR_INVALID with docker's words. */
bool capabilities_choose(char *const *add, size_t add_count, char *const *drop, size_t drop_count,
			 bool is_privileged, uint64_t *set, struct err *err);
/* "CAP_CHOWN" */
const char *capability_name(int number);

#endif
