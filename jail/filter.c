/* SPDX-License-Identifier: MIT */
/* filter.c - the system calls that a sandbox is refused */
/*
 * Theory of operation
 *
 * Filter 1 lists what may be called.  Everything that libseccomp knows by
 * name is allowed, but for filter_refused (EPERM); everything that it does
 * not know, so every system call that is newer than this program, is ENOSYS,
 * and programs fall back as on an older kernel.  So is clone3, whose flags a
 * filter cannot see: libc then uses clone.
 *
 * Filter 2 looks at arguments of what filter 1 allows, and compares them
 * under a 32-bit mask: the kernel ignores the upper half of an int, and a
 * filter that did not could be passed by setting a bit there.
 *
 * Other ABIs of the same processor (i386 and x32 on x86-64, arm on arm64)
 * have system call numbers of their own, which neither filter was written
 * for: a process that uses one is killed.
 *
 * Allowed on purpose: ptrace, process_vm_readv and kcmp.  The sandbox's own
 * processes debug each other (gdb, strace and sanitizers in a build); none
 * but these can be seen, and init, the one that is not the command's, is not
 * dumpable.
 */
#include "filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

/* Above every number that is assigned; there are fewer than 500. */
#define FILTER_NUMBER_MAX 1024
#define FILTER_LOW_32 UINT64_C(0xffffffff)
#define FILTER_FAMILY_MAX 64    /* AF_MAX is 46 in Linux 6 */
#define FILTER_TYPE_MASK 0xf    /* SOCK_TYPE_MASK of linux/net.h */
#define FILTER_TYPE_MAX 10      /* SOCK_PACKET */
#define FILTER_NETLINK_MAX 32   /* MAX_LINKS of linux/netlink.h */
#define FILTER_TIOCLINUX 0x541c /* asm-generic/ioctls.h */

static const char *const filter_refused[] = {
	/* kernel modules, another kernel, the machine as a whole */
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"query_module",
	"get_kernel_syms",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"sethostname",
	"setdomainname",
	"iopl",
	"ioperm",
	"vhangup",
	"nfsservctl",
	"_sysctl",
	"sysfs",
	"uselib",
	"ustat",
	"lookup_dcookie",
	"pciconfig_read",
	"pciconfig_write",
	"pciconfig_iobase",
	/* the clock */
	"settimeofday",
	"stime",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	/* keyrings: not namespaced */
	"add_key",
	"request_key",
	"keyctl",
	/* large and rarely needed parts of the kernel */
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"fanotify_init",
	"fanotify_mark",
	"memfd_secret",
	"vm86",
	"vm86old",
	"modify_ldt",
	/* mounts, and files by handle, past every mount */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"open_tree",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"name_to_handle_at",
	"open_by_handle_at",
	/* other namespaces, descriptors of other processes */
	"setns",
	"pidfd_getfd",
	"process_madvise",
	"process_vm_writev",
	"move_pages",
	"migrate_pages",
	"mbind",
	"set_mempolicy",
	"set_mempolicy_home_node",
};

/* CLONE_NEWTIME shares its bit with the exit signal of clone: unshare only. */
static const uint64_t filter_namespaces[] = {
	CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET,
};

/* personality: what runs a build, emulates uname -m, or debugs. */
static const uint64_t filter_personalities[] = {
	PER_LINUX,
	PER_LINUX32,
	ADDR_NO_RANDOMIZE,
	UNAME26,
	PER_LINUX32 | ADDR_NO_RANDOMIZE,
	PER_LINUX32 | UNAME26,
	FILTER_LOW_32,
};

/*
 * Of IP, a build needs TCP, UDP and ICMP.  The rest is large, and the kernel
 * loads a module for whoever asks.
 */
static const uint64_t filter_protocols[] = {
	33,  /* DCCP */
	115, /* L2TP */
	132, /* SCTP */
	136, /* UDP-Lite */
	256, /* SMC */
};

static bool filter_is_refused(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(filter_refused) / sizeof(char *); i++)
		if (strcmp(name, filter_refused[i]) == 0)
			return true;
	return false;
}

static bool filter_is_elsewhere(const char *name)
{
	return strcmp(name, "clone3") == 0 || strcmp(name, "personality") == 0;
}

/* One system call by number: allowed, refused, or left to the default. */
static int filter_add_number(scmp_filter_ctx ctx, int number)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
	int result = 0;

	if (!name)
		return 0;
	if (filter_is_refused(name))
		result =
			seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 0);
	else if (!filter_is_elsewhere(name))
		result = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0);
	free(name);
	return result;
}

static int filter_fill_names(scmp_filter_ctx ctx)
{
	int result = 0;
	size_t i;
	int number;

	for (number = 0; !result && number < FILTER_NUMBER_MAX; number++)
		result = filter_add_number(ctx, number);
	for (i = 0; !result && i < sizeof(filter_personalities) /
					       sizeof(filter_personalities[0]);
	     i++)
		result = seccomp_rule_add(
			ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
			SCMP_A0(SCMP_CMP_EQ, filter_personalities[i], 0));
	return result;
}

static int filter_refuse_bit(scmp_filter_ctx ctx, int number, uint64_t bit)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), number, 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
}

static int filter_fill_namespaces(scmp_filter_ctx ctx)
{
	int result = 0;
	size_t i;

	for (i = 0; !result && i < sizeof(filter_namespaces) /
					       sizeof(filter_namespaces[0]);
	     i++) {
		result = filter_refuse_bit(ctx, SCMP_SYS(unshare),
					   filter_namespaces[i]);
		if (!result)
			result = filter_refuse_bit(ctx, SCMP_SYS(clone),
						   filter_namespaces[i]);
	}
	if (!result)
		result = filter_refuse_bit(ctx, SCMP_SYS(unshare),
					   CLONE_NEWTIME);
	return result;
}

/* In one family of IP: only streams and datagrams, and not of each protocol. */
static int filter_fill_protocols(scmp_filter_ctx ctx, uint64_t family)
{
	int result = 0;
	uint64_t type;
	size_t i;

	for (type = SOCK_RAW; !result && type <= FILTER_TYPE_MAX; type++)
		result = seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, family),
			SCMP_A1(SCMP_CMP_MASKED_EQ, FILTER_TYPE_MASK, type));
	for (i = 0; !result &&
		    i < sizeof(filter_protocols) / sizeof(filter_protocols[0]);
	     i++)
		result = seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, family),
			SCMP_A2(SCMP_CMP_MASKED_EQ, FILTER_LOW_32,
				filter_protocols[i]));
	return result;
}

/*
 * Sockets: AF_UNIX, AF_INET, AF_INET6, and NETLINK_ROUTE of AF_NETLINK; pairs:
 * AF_UNIX.
 */
static int filter_fill_sockets(scmp_filter_ctx ctx)
{
	uint64_t i;
	int result = 0;

	for (i = 0; !result && i < FILTER_FAMILY_MAX; i++) {
		if (i == AF_UNSPEC || i == AF_UNIX || i == AF_NETLINK)
			continue;
		if (i == AF_INET || i == AF_INET6)
			result = filter_fill_protocols(ctx, i);
		else
			result = seccomp_rule_add(
				ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, i));
	}
	if (!result)
		result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
					  SCMP_SYS(socketpair), 1,
					  SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	for (i = 1; !result && i < FILTER_NETLINK_MAX; i++)
		result = seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			SCMP_A0(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, AF_NETLINK),
			SCMP_A2(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, i));
	return result;
}

static int filter_refuse_ioctl(scmp_filter_ctx ctx, uint64_t request)
{
	return seccomp_rule_add(
		ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
		SCMP_A1(SCMP_CMP_MASKED_EQ, FILTER_LOW_32, request));
}

static int filter_fill_arguments(scmp_filter_ctx ctx, bool keep_affinity)
{
	int result = filter_fill_namespaces(ctx);

	if (!result)
		result = filter_fill_sockets(ctx);
	if (!result)
		result = filter_refuse_ioctl(ctx, TIOCSTI);
	if (!result)
		result = filter_refuse_ioctl(ctx, FILTER_TIOCLINUX);
	/* Limits of other processes, init's among them. */
	if (!result)
		result = seccomp_rule_add(
			ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prlimit64), 2,
			SCMP_A0(SCMP_CMP_NE, 0, 0), SCMP_A2(SCMP_CMP_NE, 0, 0));
	if (!result && keep_affinity)
		result = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM),
					  SCMP_SYS(sched_setaffinity), 0);
	return result;
}

static scmp_filter_ctx filter_new(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(action);

	if (!ctx)
		return NULL;
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
			     SCMP_ACT_KILL_PROCESS)) {
		seccomp_release(ctx);
		return NULL;
	}
	return ctx;
}

/* Write the program of a filter that was filled, and release the filter. */
static int filter_finish(scmp_filter_ctx ctx, int filled, int fd)
{
	int result = -1;

	if (ctx && filled == 0 && seccomp_export_bpf(ctx, fd) == 0 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		result = 0;
	if (ctx)
		seccomp_release(ctx);
	return result;
}

int filter_open(int fds[FILTER_COUNT])
{
	size_t i;

	for (i = 0; i < FILTER_COUNT; i++)
		fds[i] = memfd_create("seccomp", MFD_CLOEXEC);
	for (i = 0; i < FILTER_COUNT; i++)
		if (fds[i] < 0)
			goto fail;
	return 0;
fail:
	for (i = 0; i < FILTER_COUNT; i++)
		util_close(&fds[i]);
	return -1;
}

int filter_compile(const int fds[FILTER_COUNT], bool keep_affinity)
{
	scmp_filter_ctx names = filter_new(SCMP_ACT_ERRNO(ENOSYS));
	scmp_filter_ctx arguments = filter_new(SCMP_ACT_ALLOW);
	int failed;

	failed = filter_finish(names, names ? filter_fill_names(names) : -1,
			       fds[0]);
	failed |= filter_finish(
		arguments,
		arguments ? filter_fill_arguments(arguments, keep_affinity)
			  : -1,
		fds[1]);
	if (failed)
		util_report("cannot compile the seccomp filter");
	return failed;
}
