#include "engine/capability.h"

#include <strings.h>

#include "base/err.h"
#include "base/mem.h"

static const char *const names[CAPABILITIES] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

uint64_t capabilities_default(void)
{
	return CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FSETID) |
	       CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_NET_RAW) |
	       CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETFCAP) |
	       CAPABILITY(CAP_SETPCAP) | CAPABILITY(CAP_NET_BIND_SERVICE) |
	       CAPABILITY(CAP_SYS_CHROOT) | CAPABILITY(CAP_KILL) | CAPABILITY(CAP_AUDIT_WRITE);
}

const char *capability_name(int number)
{
	return names[number];
}

static bool parse(const char *name, uint64_t *set)
{
	if (strcasecmp(name, "ALL") == 0 || strcasecmp(name, "CAP_ALL") == 0) {
		*set = CAPABILITIES_ALL;
		return true;
	}
	for (int i = 0; i < CAPABILITIES; i++) {
		if (strcasecmp(name, names[i]) == 0 || strcasecmp(name, names[i] + 4) == 0) {
			*set = CAPABILITY(i);
			return true;
		}
	}
	return false;
}

static bool collect(const char *key, char *const *list, size_t count, uint64_t *all,
		    struct err *err)
{
	uint64_t one;

	*all = 0;
	for (size_t i = 0; i < count; i++) {
		if (!parse(list[i], &one))
			return fail(err, ERR_INVALID, "invalid %s: unknown capability: \"%s\"", key,
				    list[i]);
		*all |= one;
	}
	return true;
}

/* A capability that is named beats "ALL" of the other list. */
bool capabilities_choose(char *const *add, size_t add_count, char *const *drop, size_t drop_count,
			 bool is_privileged, uint64_t *set, struct err *err)
{
	uint64_t added, dropped;

	if (!collect("CapAdd", add, add_count, &added, err) ||
	    !collect("CapDrop", drop, drop_count, &dropped, err))
		return false;
	if (is_privileged)
		*set = CAPABILITIES_ALL;
	else if (dropped == CAPABILITIES_ALL)
		*set = added;
	else if (added == CAPABILITIES_ALL)
		*set = CAPABILITIES_ALL & ~dropped;
	else
		*set = (capabilities_default() & ~dropped) | added;
	return true;
}
