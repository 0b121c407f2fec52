/* SPDX-License-Identifier: MIT */
/* init.c - PID 1 of a sandbox */
/*
 * Theory of operation
 *
 * Init starts sessions, reaps what they leave, and watches memory where no
 * cgroup does.  It runs with the user ID of the commands, so it defends
 * itself: it is not dumpable (no ptrace, no /proc/1/fd, mem or environ, and
 * neither for sessions, which are copies), it has no signal handlers (the
 * kernel then drops every signal from inside, SIGKILL and SIGSTOP included),
 * and what it has open is closed by exec.  It reads nothing that commands
 * write except their lines in /proc.
 *
 * It trusts pen-jail, the only other end of its socket, but checks that
 * bubblewrap did what was asked: no capabilities, no new privileges, a
 * filter.  When the socket closes it exits, and the kernel kills everything
 * in the PID namespace.
 */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "procs.h"
#include "session.h"
#include "util.h"

/* How often memory is added up; a limit can be passed for that long. */
#define INIT_WATCH_MS 20
/* Sessions at once; each is a process. */
#define INIT_SESSION_MAX 256
/*
 * A process may map this much more than the limit of the whole sandbox: the
 * watch kills by what is used, this stops what grows between two looks.
 */
#define INIT_DATA_FACTOR 2
#define INIT_DATA_EXTRA (UINT64_C(64) << 20)
/* A peak is told when it grew by this. */
#define INIT_REPORT_STEP (UINT64_C(1) << 20)

struct init {
	int socket;
	int children; /* signalfd for SIGCHLD */
	struct control_payload config;
	struct session_base base;
	uint64_t memory;   /* to watch, 0: none */
	uint64_t reported; /* the last peak that pen-jail was told */
	pid_t sessions[INIT_SESSION_MAX]; /* 0: free */
};

static const char *const init_tmpfs[] = {"/tmp", "/var/tmp", "/run",
					 "/dev/shm"};

static int init_check_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	int cap;
	size_t i;

	if (syscall(SYS_capget, &header, data))
		return -1;
	for (i = 0; i < 2; i++)
		if (data[i].effective || data[i].permitted ||
		    data[i].inheritable)
			return -1;
	/* EINVAL ends the list of capabilities that the kernel knows. */
	for (cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_READ, cap) == 1)
			return -1;
	return 0;
}

/* Say what is wrong and end; bubblewrap's standard error reaches the user. */
static int init_check(void)
{
	const char *wrong = NULL;

	if (getpid() != 1)
		wrong = "not PID 1: this is for pen-jail's own use";
	else if (init_check_capabilities())
		wrong = "the sandbox has capabilities";
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		wrong = "the sandbox may gain privileges";
	else if (prctl(PR_GET_SECCOMP) != 2)
		wrong = "the sandbox has no seccomp filter";
	if (!wrong)
		return 0;
	util_report("%s", wrong);
	return -1;
}

/* Keep the socket and nothing else; 0, 1 and 2 become /dev/null. */
static int init_shut_descriptors(int *socket)
{
	int moved = fcntl(*socket, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd;

	if (moved < 0 || null < 0)
		return -1;
	for (fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return -1;
	*socket = 3;
	if (moved != 3 && dup3(moved, 3, O_CLOEXEC) < 0)
		return -1;
	/* close_range() came with Linux 5.9. */
	if (syscall(SYS_close_range, 4, ~0u, 0) == 0)
		return 0;
	for (fd = 4; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
		close(fd);
	return 0;
}

static int init_prepare(struct init *init)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &set, NULL))
		return -1;
	init->children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return init->children < 0 ? -1 : 0;
}

static void init_configure(struct init *init,
			   const struct control_message *message, int *fds)
{
	struct control_message ready = {.type = CONTROL_READY};

	if (init->config.buffer || control_read_payload(fds[0], &init->config))
		_exit(JAIL_EXIT_FAILED);
	init->base.config = &init->config;
	init->base.pids = message->number[1];
	if (message->flags & CONTROL_WATCH_MEMORY) {
		init->memory = message->number[0];
		init->base.memory =
			init->memory * INIT_DATA_FACTOR + INIT_DATA_EXTRA;
	}
	if (control_send(init->socket, &ready, NULL, 0))
		_exit(JAIL_EXIT_FAILED);
}

static void init_spawn(struct init *init, const struct control_message *message,
		       int *fds)
{
	struct control_message failed = {
		.type = CONTROL_FAILED,
		.value = EAGAIN,
		.flags = CONTROL_STAGE_SETUP,
	};
	pid_t pid = -1;
	size_t slot = 0;

	while (slot < INIT_SESSION_MAX && init->sessions[slot])
		slot++;
	if (init->config.buffer && slot < INIT_SESSION_MAX)
		pid = fork();
	if (pid == 0) {
		close(init->socket);
		close(init->children);
		session_main(&init->base, message, fds);
	}
	if (pid < 0)
		control_send(fds[0], &failed, NULL, 0);
	else
		init->sessions[slot] = pid;
}

/*
 * Pen-jail is gone or wants the end.  The kernel would kill the others, too,
 * but not count what they used.
 */
static _Noreturn void init_end(void)
{
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(JAIL_EXIT_OK);
}

static void init_hear(struct init *init)
{
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got = control_receive(init->socket, &message, fds, &count);

	if (got < 0 && (errno == EAGAIN || errno == EBADMSG))
		return;
	if (got <= 0)
		init_end();
	if (message.type == CONTROL_CONFIG)
		init_configure(init, &message, fds);
	else if (message.type == CONTROL_SPAWN)
		init_spawn(init, &message, fds);
	while (count > 0)
		close(fds[--count]);
}

static void init_reap(struct init *init)
{
	struct signalfd_siginfo info;
	size_t slot;
	pid_t pid;

	while (read(init->children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (slot = 0; slot < INIT_SESSION_MAX; slot++)
			if (init->sessions[slot] == pid)
				init->sessions[slot] = 0;
}

static uint64_t init_measure_tmpfs(const char *path)
{
	struct statvfs status;

	if (statvfs(path, &status))
		return 0;
	return (uint64_t)(status.f_blocks - status.f_bfree) * status.f_frsize;
}

static uint64_t init_measure_folders(const struct init *init)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < sizeof(init_tmpfs) / sizeof(char *); i++)
		total += init_measure_tmpfs(init_tmpfs[i]);
	for (i = 0; i < init->config.argc; i++)
		total += init_measure_tmpfs(init->config.argv[i]);
	return total;
}

/* A session is small, and tells how its command ended. */
static bool init_is_spared(const struct init *init, pid_t pid)
{
	size_t slot;

	for (slot = 0; slot < INIT_SESSION_MAX; slot++)
		if (init->sessions[slot] == pid)
			return true;
	return pid == 1;
}

/* Add up; over the limit the largest process goes, as the kernel would. */
static void init_watch_memory(struct init *init)
{
	struct control_message report = {.type = CONTROL_PEAK};
	struct procs procs;
	uint64_t total = 0;
	uint64_t most = 0;
	pid_t largest = 0;
	size_t i;

	if (procs_read(&procs))
		return;
	for (i = 0; i < procs.count; i++) {
		pid_t pid = procs.entries[i].pid;
		uint64_t used = pid == 1 ? 0 : procs_memory(pid);

		total += used;
		if (used > most && !init_is_spared(init, pid)) {
			most = used;
			largest = pid;
		}
	}
	procs_fini(&procs);
	total += init_measure_folders(init);
	if (total > init->reported + INIT_REPORT_STEP) {
		init->reported = total;
		report.number[0] = total;
		control_send(init->socket, &report, NULL, 0);
	}
	if (total <= init->memory || largest == 0)
		return;
	/* First: pen-jail may hear of the command's end at once. */
	report.type = CONTROL_OOM;
	report.number[0] = total;
	control_send(init->socket, &report, NULL, 0);
	kill(largest, SIGKILL);
}

int init_main(int socket)
{
	struct init init = {.socket = socket};

	/* Before anything else: from here on the command cannot look in. */
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NAME, "pen-init") ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL))
		return JAIL_EXIT_FAILED;
	if (init_check() || init_shut_descriptors(&init.socket) ||
	    init_prepare(&init))
		return JAIL_EXIT_FAILED;
	for (;;) {
		struct pollfd wait[2] = {
			{.fd = init.socket, .events = POLLIN},
			{.fd = init.children, .events = POLLIN},
		};
		int got = poll(wait, 2, init.memory ? INIT_WATCH_MS : -1);

		if (got < 0 && errno != EINTR)
			_exit(JAIL_EXIT_FAILED);
		if (init.memory)
			init_watch_memory(&init);
		if (wait[1].revents)
			init_reap(&init);
		if (wait[0].revents)
			init_hear(&init);
	}
}
