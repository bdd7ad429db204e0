#include "content/filter.h"

#include <errno.h>
#include <seccomp.h>

#include "base/mem.h"

/* Nobody does these by accident: the worker was taken over, and dies. */
static const char *const deadly[] = {
	"execve",
	"execveat",
	"ptrace",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"bpf",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"swapon",
	"swapoff",
	"reboot",
	"process_vm_readv",
	"process_vm_writev",
	"open_by_handle_at",
};

/* No worker needs these; they fail with EPERM. Signals are among them: a TREE worker has uid 0. */
static const char *const refused[] = {
	"kill",
	"tkill",
	"tgkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"pidfd_send_signal",
	"pidfd_open",
	"pidfd_getfd",
	"process_madvise",
	"kcmp",
	"perf_event_open",
	"keyctl",
	"add_key",
	"request_key",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"name_to_handle_at",
	"fanotify_init",
	"fanotify_mark",
	"inotify_init1",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"iopl",
	"ioperm",
	"modify_ldt",
	"sethostname",
	"setdomainname",
	"personality",
	"lookup_dcookie",
	"vhangup",
	"shmget",
	"shmat",
	"shmctl",
	"semget",
	"semop",
	"semctl",
	"msgget",
	"msgsnd",
	"msgrcv",
	"msgctl",
	"mq_open",
	"mq_unlink",
	"setpriority",
	"sched_setscheduler",
	"sched_setattr",
	"ioprio_set",
	"move_pages",
	"migrate_pages",
	"mbind",
	"seccomp",
	"landlock_create_ruleset",
};

/* What works on archives and texts needs no network and no child. */
static const char *const refused_without_net[] = {
	"socket",  "socketpair", "connect", "bind", "listen", "accept",
	"accept4", "clone",      "clone3",  "fork", "vfork",
};

static const char *const refused_to_parsers[] = {
	"open",      "openat",  "openat2", "creat",    "mknod",     "mknodat",
	"mkdir",     "mkdirat", "unlink",  "unlinkat", "rename",    "renameat",
	"renameat2", "link",    "linkat",  "symlink",  "symlinkat",
};

static bool add_all(scmp_filter_ctx f, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int nr = seccomp_syscall_resolve_name(names[i]);

		/* A call that this machine or this library does not know cannot be ruled out by name. */
		if (nr == __NR_SCMP_ERROR)
			continue;
		if (seccomp_rule_add(f, action, nr, 0) < 0)
			return false;
	}
	return true;
}

/* Limits of other processes: pid 0 is oneself. */
static bool add_prlimit(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 1,
				SCMP_A0(SCMP_CMP_NE, 0)) == 0;
}

bool filter_install(enum sandbox_kind kind, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
	bool is_set;

	if (!f)
		return fail(e, ERR_INTERNAL, "no memory for a filter of system calls");
	is_set = add_all(f, SCMP_ACT_KILL_PROCESS, deadly, ARRAY_LEN(deadly)) &&
		 add_all(f, refuse, refused, ARRAY_LEN(refused)) && add_prlimit(f);
	if (is_set && kind != SANDBOX_NET)
		is_set = add_all(f, refuse, refused_without_net, ARRAY_LEN(refused_without_net));
	if (is_set && kind == SANDBOX_PARSE)
		is_set = add_all(f, refuse, refused_to_parsers, ARRAY_LEN(refused_to_parsers));
	if (is_set)
		is_set = seccomp_load(f) == 0;
	seccomp_release(f);
	return is_set || fail(e, ERR_INTERNAL, "the filter of system calls could not be installed");
}
