/* SPDX-License-Identifier: MIT */
/* confine_calls.c - seccomp: which system calls
 *
 * Theory of operation
 *
 * The filter is a list: each entry compares the number of the system call and,
 * for a few, looks at arguments.  The kernel keeps the answer for numbers whose
 * arguments do not matter (Linux 5.11 and later), so the length of the list
 * costs nothing there; older ones walk it, so what is frequent comes first.
 *
 * What is not listed fails with EPERM; what is newer than this file with
 * ENOSYS, so that libc does without it; what no proxy ever does ends the
 * process.  System calls of the processor's other modes (i386 and x32, 32-bit
 * arm), whose numbers mean something else, do that, too.
 *
 * Only the lower half of an argument is compared where the kernel takes an int:
 * it ignores the upper half itself.
 */
#include "confine_priv.h"

#if defined(__linux__) && !CONFINE_SANITIZED && \
	(defined(__x86_64__) || defined(__aarch64__))

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define CALLS_ARCH AUDIT_ARCH_X86_64
#else
#define CALLS_ARCH AUDIT_ARCH_AARCH64
#endif

#define CALLS_X32 0x40000000u     /* __X32_SYSCALL_BIT */
#define CALLS_NEWEST 470          /* as of Linux 6.18 */
#define CALLS_TYPE_MASK 0xf       /* SOCK_TYPE_MASK of the kernel */
#define CALLS_SIOCGIFNAME 0x8910  /* linux/sockios.h: if_indextoname(3) */
#define CALLS_SIOCGIFINDEX 0x8933 /* if_nametoindex(3) */
#define CALLS_MAX 512

#define CALLS_ALLOW SECCOMP_RET_ALLOW
#define CALLS_REFUSE (SECCOMP_RET_ERRNO | 1 /* EPERM */)
#define CALLS_ABSENT (SECCOMP_RET_ERRNO | 38 /* ENOSYS */)
#ifdef SECCOMP_RET_KILL_PROCESS
#define CALLS_KILL SECCOMP_RET_KILL_PROCESS
#else
#define CALLS_KILL SECCOMP_RET_KILL
#endif

static const int calls_allowed[] = {
	/* bytes */
	SYS_read,
	SYS_write,
	SYS_recvfrom,
	SYS_sendto,
	SYS_splice,
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	SYS_close,
	SYS_accept4,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_readv,
	SYS_writev,
	SYS_futex,
	SYS_fcntl,
	SYS_clock_gettime,
	SYS_gettimeofday,
	/* sockets: none that listens */
	SYS_connect,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_getpeername,
	SYS_shutdown,
	SYS_accept,
	SYS_bind, /* getifaddrs(3), to a netlink socket */
	SYS_pipe2,
	/* the loop */
	SYS_epoll_create1,
	SYS_ppoll,
	SYS_pselect6,
	SYS_eventfd2,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	/* files: which ones is Landlock's matter */
	SYS_openat,
	SYS_newfstatat,
	SYS_fstat,
	SYS_lseek,
	SYS_pread64,
	SYS_getdents64,
	SYS_readlinkat,
	SYS_faccessat,
	SYS_unlinkat,
	SYS_renameat,
	SYS_renameat2,
	SYS_fchmod,
	SYS_dup,
	SYS_dup3,
	/* memory */
	SYS_brk,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	/* threads, signals to oneself, time */
	SYS_set_robust_list,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_nanosleep,
	SYS_clock_nanosleep,
	SYS_clock_getres,
	/* what a process may know of itself and of the machine */
	SYS_getpid,
	SYS_gettid,
	SYS_getppid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getcpu,
	SYS_getrusage,
	SYS_uname,
	SYS_sysinfo,
	SYS_getrandom,
#ifdef __x86_64__ /* the older forms, which newer processors do without */
	SYS_epoll_wait,
	SYS_epoll_create,
	SYS_eventfd,
	SYS_poll,
	SYS_select,
	SYS_pipe,
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_getdents,
	SYS_rename,
	SYS_unlink,
	SYS_dup2,
	SYS_time,
	SYS_getrlimit,
#endif
#ifdef SYS_rseq
	SYS_rseq,
#endif
#ifdef SYS_statx
	SYS_statx,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
};

/* Never innocent: other processes, mounts, the kernel itself. */
static const int calls_hostile[] = {
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_kcmp,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
	SYS_bpf,
	SYS_perf_event_open,
	SYS_open_by_handle_at,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_acct,
	SYS_settimeofday,
	SYS_clock_settime,
#ifdef __x86_64__
	SYS_iopl,
	SYS_ioperm,
#endif
#ifdef SYS_userfaultfd
	SYS_userfaultfd,
#endif
#ifdef SYS_open_tree
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
#endif
#ifdef SYS_mount_setattr
	SYS_mount_setattr,
#endif
#ifdef SYS_pidfd_getfd
	SYS_pidfd_getfd,
#endif
};

struct calls_filter {
	struct sock_filter at[CALLS_MAX];
	unsigned short len;
	bool full;
};

static void calls_put(struct calls_filter *f, unsigned int code, unsigned int k,
		      unsigned int yes, unsigned int no)
{
	if (f->len == CALLS_MAX) {
		f->full = true;
		return;
	}
	f->at[f->len++] = (struct sock_filter){
		.code = (unsigned short)code,
		.jt = (unsigned char)yes,
		.jf = (unsigned char)no,
		.k = k,
	};
}

static void calls_end(struct calls_filter *f, unsigned int answer)
{
	calls_put(f, BPF_RET | BPF_K, answer, 0, 0);
}

static void calls_load(struct calls_filter *f, size_t offset)
{
	calls_put(f, BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset, 0, 0);
}

static void calls_load_int(struct calls_filter *f, size_t argument)
{
	size_t offset =
		offsetof(struct seccomp_data, args) + argument * sizeof(__u64);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += sizeof(__u32);
#endif
	calls_load(f, offset);
}

/* @test is BPF_JEQ, BPF_JGE or BPF_JSET, of what was loaded last with @k. */
static void calls_if(struct calls_filter *f, unsigned int test, unsigned int k,
		     unsigned int answer)
{
	calls_put(f, BPF_JMP | test | BPF_K, k, 0, 1);
	calls_end(f, answer);
}

/* What follows, up to calls_close(), is for system call @number alone, and
 * ends with an answer in any case. */
static size_t calls_open(struct calls_filter *f, int number)
{
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 0);
	return f->len;
}

static void calls_close(struct calls_filter *f, size_t opened,
			unsigned int answer)
{
	calls_end(f, answer);
	if (!f->full)
		f->at[opened - 1].jf = (unsigned char)(f->len - opened);
}

/* @number is allowed if its int @argument passes @test with @k. */
static void calls_allow_if(struct calls_filter *f, int number, size_t argument,
			   unsigned int test, unsigned int k)
{
	size_t opened = calls_open(f, number);

	calls_load_int(f, argument);
	calls_if(f, test, k, CALLS_ALLOW);
	calls_close(f, opened, CALLS_REFUSE);
}

/* Memory is never both written and run. */
static void calls_allow_not_run(struct calls_filter *f, int number)
{
	size_t opened = calls_open(f, number);

	calls_load_int(f, 2);
	calls_if(f, BPF_JSET, PROT_EXEC, CALLS_REFUSE);
	calls_close(f, opened, CALLS_ALLOW);
}

/* TCP, UDP and Unix sockets; of netlink the table of addresses. */
static void calls_allow_sockets(struct calls_filter *f)
{
	size_t opened = calls_open(f, SYS_socket);

	calls_load_int(f, 0);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 4);
	calls_load_int(f, 2);
	calls_if(f, BPF_JEQ, 0 /* NETLINK_ROUTE */, CALLS_ALLOW);
	calls_end(f, CALLS_REFUSE);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 3, 0);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 2, 0);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0);
	calls_end(f, CALLS_REFUSE);
	calls_load_int(f, 1);
	calls_put(f, BPF_ALU | BPF_AND | BPF_K, CALLS_TYPE_MASK, 0, 0);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, SOCK_STREAM, 2, 0);
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, SOCK_DGRAM, 1, 0);
	calls_end(f, CALLS_REFUSE);
	calls_load_int(f, 2);
	calls_if(f, BPF_JEQ, 0, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, IPPROTO_TCP, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, IPPROTO_UDP, CALLS_ALLOW);
	calls_close(f, opened, CALLS_REFUSE);
}

static void calls_allow_ioctls(struct calls_filter *f)
{
	size_t opened = calls_open(f, SYS_ioctl);

	calls_load_int(f, 1);
	calls_if(f, BPF_JEQ, FIONREAD, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, TIOCOUTQ, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, FIONBIO, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, TCGETS, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, CALLS_SIOCGIFNAME, CALLS_ALLOW);
	calls_if(f, BPF_JEQ, CALLS_SIOCGIFINDEX, CALLS_ALLOW);
	calls_close(f, opened, CALLS_REFUSE);
}

static void calls_begin(struct calls_filter *f)
{
	calls_load(f, offsetof(struct seccomp_data, arch));
	calls_put(f, BPF_JMP | BPF_JEQ | BPF_K, CALLS_ARCH, 1, 0);
	calls_end(f, CALLS_KILL);
	calls_load(f, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
	calls_if(f, BPF_JGE, CALLS_X32, CALLS_KILL);
#endif
}

static void calls_answer_hostile(struct calls_filter *f, unsigned int answer)
{
	static const size_t count =
		sizeof(calls_hostile) / sizeof(calls_hostile[0]);

	for (size_t i = 0; i < count; i++)
		calls_if(f, BPF_JEQ, (unsigned int)calls_hostile[i], answer);
}

static void calls_narrow(struct calls_filter *f)
{
	static const size_t count =
		sizeof(calls_allowed) / sizeof(calls_allowed[0]);

	for (size_t i = 0; i < count; i++)
		calls_if(f, BPF_JEQ, (unsigned int)calls_allowed[i],
			 CALLS_ALLOW);
	calls_allow_sockets(f);
	calls_allow_ioctls(f);
	calls_allow_not_run(f, SYS_mmap);
	calls_allow_not_run(f, SYS_mprotect);
	calls_allow_if(f, SYS_clone, 0, BPF_JSET, CLONE_THREAD);
	calls_allow_if(f, SYS_tgkill, 0, BPF_JEQ, (unsigned int)getpid());
	calls_allow_if(f, SYS_prlimit64, 0, BPF_JEQ, 0);
#ifdef SYS_clone3 /* its flags are out of sight: libc then uses clone */
	calls_if(f, BPF_JEQ, SYS_clone3, CALLS_ABSENT);
#endif
	calls_answer_hostile(f, CALLS_KILL);
	calls_if(f, BPF_JGE, CALLS_NEWEST, CALLS_ABSENT);
	calls_end(f, CALLS_REFUSE);
}

static void calls_wide(struct calls_filter *f)
{
	size_t opened;

	calls_answer_hostile(f, CALLS_REFUSE);
	opened = calls_open(f, SYS_socket);
	calls_load_int(f, 0);
	calls_if(f, BPF_JEQ, AF_PACKET, CALLS_REFUSE);
	calls_if(f, BPF_JEQ, AF_NETLINK, CALLS_ALLOW); /* SOCK_RAW, by habit */
	calls_load_int(f, 1);
	calls_put(f, BPF_ALU | BPF_AND | BPF_K, CALLS_TYPE_MASK, 0, 0);
	calls_if(f, BPF_JEQ, SOCK_RAW, CALLS_REFUSE);
	calls_close(f, opened, CALLS_ALLOW);
	calls_end(f, CALLS_ALLOW);
}

enum confine_calls_status confine_calls(bool programs)
{
	struct calls_filter f = {.len = 0};
	struct sock_fprog program;

	calls_begin(&f);
	if (programs)
		calls_wide(&f);
	else
		calls_narrow(&f);
	program = (struct sock_fprog){.len = f.len, .filter = f.at};
	if (f.full)
		return CONFINE_CALLS_ABSENT;
		/* The proxy runs nobody else's code: a slower processor (the
	 * default of a filter before Linux 5.16) would guard nothing. */
#ifdef SECCOMP_FILTER_FLAG_SPEC_ALLOW
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) == 0)
		return CONFINE_CALLS_ON;
#endif
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_TSYNC, &program) == 0)
		return CONFINE_CALLS_ON;
	return CONFINE_CALLS_ABSENT;
}

#else

enum confine_calls_status confine_calls(bool programs)
{
	(void)programs;
#if defined(__linux__) && !CONFINE_SANITIZED
	return CONFINE_CALLS_UNKNOWN;
#else
	return CONFINE_CALLS_ABSENT;
#endif
}

#endif
