#include "engine/seccomp.h"

#include "base/json_write.h"
#include "base/mem.h"
#include "engine/capability.h"

#define EPERM_NUMBER  1
#define ENOSYS_NUMBER 38

/* Allowed to all. */
static const char *const everyday[] = {
	"accept",
	"accept4",
	"access",
	"adjtimex",
	"alarm",
	"bind",
	"brk",
	"cachestat",
	"capget",
	"capset",
	"chdir",
	"chmod",
	"chown",
	"chown32",
	"clock_adjtime",
	"clock_adjtime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_ctl_old",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"epoll_wait_old",
	"eventfd",
	"eventfd2",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fanotify_mark",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"fchownat",
	"fcntl",
	"fcntl64",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fork",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_requeue",
	"futex_time64",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"futimesat",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getcwd",
	"getdents",
	"getdents64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getitimer",
	"getpeername",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"getuid32",
	"getxattr",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"io_cancel",
	"io_destroy",
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"io_setup",
	"io_submit",
	"ioctl",
	"ioprio_get",
	"ioprio_set",
	"ipc",
	"kill",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"lchown",
	"lchown32",
	"lgetxattr",
	"link",
	"linkat",
	"listen",
	"listxattr",
	"llistxattr",
	"_llseek",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"lstat64",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"memfd_secret",
	"mincore",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"mq_timedsend",
	"mq_timedsend_time64",
	"mq_unlink",
	"mremap",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"name_to_handle_at",
	"nanosleep",
	"newfstatat",
	"_newselect",
	"open",
	"openat",
	"openat2",
	"pause",
	"pidfd_open",
	"pidfd_send_signal",
	"pipe",
	"pipe2",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"poll",
	"ppoll",
	"ppoll_time64",
	"prctl",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"process_mrelease",
	"pselect6",
	"pselect6_time64",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"remap_file_pages",
	"removexattr",
	"rename",
	"renameat",
	"renameat2",
	"restart_syscall",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"rt_tgsigqueueinfo",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_rr_get_interval_time64",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"seccomp",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"send",
	"sendfile",
	"sendfile64",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"setfsgid",
	"setfsgid32",
	"setfsuid",
	"setfsuid32",
	"setgid",
	"setgid32",
	"setgroups",
	"setgroups32",
	"setitimer",
	"setpgid",
	"setpriority",
	"setregid",
	"setregid32",
	"setresgid",
	"setresgid32",
	"setresuid",
	"setresuid32",
	"setreuid",
	"setreuid32",
	"setrlimit",
	"setsid",
	"setsockopt",
	"setuid",
	"setuid32",
	"setxattr",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigprocmask",
	"sigreturn",
	"socketcall",
	"socketpair",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"sysinfo",
	"tee",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"times",
	"tkill",
	"truncate",
	"truncate64",
	"ugetrlimit",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"vfork",
	"vmsplice",
	"wait4",
	"waitid",
	"waitpid",
	"write",
	"writev",
	/* Safe since Linux 4.8, where ptrace can no longer get round a filter. */
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
#if defined(__x86_64__)
	"arch_prctl",
	"modify_ldt",
#elif defined(__aarch64__)
	"arm_fadvise64_64",
	"arm_sync_file_range",
	"sync_file_range2",
	"breakpoint",
	"cacheflush",
	"set_tls",
#endif
};

static const char *const for_dac_read_search[] = { "open_by_handle_at" };
static const char *const for_sys_admin[] = {
	"bpf",           "clone",         "clone3",      "fanotify_init",   "fsconfig",
	"fsmount",       "fsopen",        "fspick",      "lookup_dcookie",  "mount",
	"mount_setattr", "move_mount",    "open_tree",   "perf_event_open", "quotactl",
	"quotactl_fd",   "setdomainname", "sethostname", "setns",           "syslog",
	"umount",        "umount2",       "unshare",
};
static const char *const for_sys_boot[] = { "reboot" };
static const char *const for_sys_chroot[] = { "chroot" };
static const char *const for_sys_module[] = { "delete_module", "finit_module", "init_module" };
static const char *const for_sys_pacct[] = { "acct" };
static const char *const for_sys_ptrace[] = {
	"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace",
};
static const char *const for_sys_rawio[] = { "iopl", "ioperm" };
static const char *const for_sys_time[] = { "settimeofday", "stime", "clock_settime",
					    "clock_settime64" };
static const char *const for_sys_tty_config[] = { "vhangup" };
static const char *const for_sys_nice[] = {
	"get_mempolicy",
	"mbind",
	"set_mempolicy",
	"set_mempolicy_home_node",
};
static const char *const for_syslog[] = { "syslog" };
static const char *const for_bpf[] = { "bpf" };
static const char *const for_perfmon[] = { "perf_event_open" };

#define GROUP(capability, list)                                                                    \
	{                                                                                          \
		capability, list, ARRAY_LEN(list)                                                  \
	}
static const struct group {
	enum capability needs;
	const char *const *calls;
	size_t count;
} groups[] = {
	GROUP(CAP_DAC_READ_SEARCH, for_dac_read_search),
	GROUP(CAP_SYS_ADMIN, for_sys_admin),
	GROUP(CAP_SYS_BOOT, for_sys_boot),
	GROUP(CAP_SYS_CHROOT, for_sys_chroot),
	GROUP(CAP_SYS_MODULE, for_sys_module),
	GROUP(CAP_SYS_PACCT, for_sys_pacct),
	GROUP(CAP_SYS_PTRACE, for_sys_ptrace),
	GROUP(CAP_SYS_RAWIO, for_sys_rawio),
	GROUP(CAP_SYS_TIME, for_sys_time),
	GROUP(CAP_SYS_TTY_CONFIG, for_sys_tty_config),
	GROUP(CAP_SYS_NICE, for_sys_nice),
	GROUP(CAP_SYSLOG, for_syslog),
	GROUP(CAP_BPF, for_bpf),
	GROUP(CAP_PERFMON, for_perfmon),
};

/* personality(): Linux, 32-bit addresses, "uname26" and their mixture, and the question. */
static const uint64_t personalities[] = { 0x0, 0x0008, 0x20000, 0x20008, 0xffffffff };

#define AF_VSOCK_NUMBER 40
/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
#define CLONE_NAMESPACES 0x7e020000u

static void allow(struct json *j, const char *const *calls, size_t count)
{
	json_open_object(j, NULL);
	json_strings(j, "names", calls, count);
	json_text(j, "action", "SCMP_ACT_ALLOW");
	json_close(j);
}

static void allow_when(struct json *j, const char *call, const char *op, uint64_t value,
		       uint64_t value_two)
{
	json_open_object(j, NULL);
	json_strings(j, "names", &call, 1);
	json_text(j, "action", "SCMP_ACT_ALLOW");
	json_open_list(j, "args");
	json_open_object(j, NULL);
	json_uint(j, "index", 0);
	json_uint(j, "value", value);
	json_uint(j, "valueTwo", value_two);
	json_text(j, "op", op);
	json_close(j);
	json_close(j);
	json_close(j);
}

static void refuse_clone3(struct json *j)
{
	json_open_object(j, NULL);
	json_strings(j, "names", &(const char *){ "clone3" }, 1);
	json_text(j, "action", "SCMP_ACT_ERRNO");
	json_uint(j, "errnoRet", ENOSYS_NUMBER);
	json_close(j);
}

static void write_architectures(struct json *j)
{
#if defined(__x86_64__)
	static const char *const names[] = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" };
#elif defined(__aarch64__)
	static const char *const names[] = { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" };
#else
#error "which architectures may a container's programs be of?"
#endif
	json_strings(j, "architectures", names, ARRAY_LEN(names));
}

void seccomp_write(struct json *j, uint64_t capabilities)
{
	json_open_object(j, "seccomp");
	json_text(j, "defaultAction", "SCMP_ACT_ERRNO");
	json_uint(j, "defaultErrnoRet", EPERM_NUMBER);
	write_architectures(j);

	json_open_list(j, "syscalls");
	allow(j, everyday, ARRAY_LEN(everyday));
	for (size_t i = 0; i < ARRAY_LEN(personalities); i++)
		allow_when(j, "personality", "SCMP_CMP_EQ", personalities[i], 0);
	allow_when(j, "socket", "SCMP_CMP_NE", AF_VSOCK_NUMBER, 0);
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (capabilities & CAPABILITY(groups[i].needs))
			allow(j, groups[i].calls, groups[i].count);
	if (!(capabilities & CAPABILITY(CAP_SYS_ADMIN))) {
		allow_when(j, "clone", "SCMP_CMP_MASKED_EQ", CLONE_NAMESPACES, 0);
		refuse_clone3(j);
	}
	json_close(j);
	json_close(j);
}
