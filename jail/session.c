/* SPDX-License-Identifier: MIT */
/* session.c - one command inside the sandbox, and the process that minds it */
/*
 * Theory of operation
 *
 * Init forks a session for each command; the session forks the command.  It
 * is the command's subreaper, so whatever the command leaves behind becomes
 * the session's child: when the client dies the whole tree can be found and
 * killed.  When the command ends by itself the session tells the client and
 * ends, too; what the command left running is then init's and goes on until
 * the sandbox ends.
 *
 * The session runs with the command's user ID.  It is not dumpable (a copy of
 * init that never calls exec), so the command can neither trace it nor open
 * what it has open.  It can kill it: then the client sees end of file, and
 * what runs on is ended with the sandbox.
 */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "procs.h"
#include "util.h"

/* Init and the session itself are not the command's processes. */
#define SESSION_OWN_PROCESSES 2
/* Between two rounds of killing a tree that still forks. */
#define SESSION_KILL_WAIT_MS 2

struct session {
	int socket;   /* to the client */
	int children; /* signalfd for SIGCHLD */
	int std[3];
	int slave; /* of the pty, -1 without */
	pid_t command;
};

/* What the command's process says before exec, if it fails. */
struct session_failure {
	int error;
	enum control_stage stage;
};

static _Noreturn void session_fail(const struct session *s, int error,
				   enum control_stage stage)
{
	struct control_message message = {
		.type = CONTROL_FAILED,
		.value = error,
		.flags = stage,
	};

	control_send(s->socket, &message, NULL, 0);
	_exit(JAIL_EXIT_FAILED);
}

/* Open a terminal and send its master side to the client. */
static void session_open_pty(struct session *s,
			     const struct control_message *request)
{
	struct winsize size = {
		.ws_row = request->rows,
		.ws_col = request->cols,
	};
	struct control_message message = {.type = CONTROL_PTY};
	int unlocked = 0;
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int fd;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) ||
	    ioctl(master, TIOCSWINSZ, &size))
		session_fail(s, errno, CONTROL_STAGE_SETUP);
	s->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->slave < 0 || control_send(s->socket, &message, &master, 1))
		session_fail(s, errno, CONTROL_STAGE_SETUP);
	close(master);
	for (fd = 0; fd < 3; fd++)
		if (request->flags & CONTROL_TTY(fd))
			s->std[fd] = s->slave;
}

/* A limit that is stricter already stays. */
static int session_limit(__rlimit_resource_t resource, uint64_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		return -1;
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < value)
		value = limit.rlim_max;
	limit.rlim_cur = value;
	limit.rlim_max = value;
	return setrlimit(resource, &limit);
}

static int session_set_limits(const struct session_base *base)
{
	/*
	 * No core file, and, which 0 would not do, no core handler of the
	 * host either (fs/coredump.c: a limit of 1 is special).
	 */
	if (session_limit(RLIMIT_CORE, 1))
		return -1;
	if (base->memory && session_limit(RLIMIT_DATA, base->memory))
		return -1;
	if (base->pids &&
	    session_limit(RLIMIT_NPROC, base->pids + SESSION_OWN_PROCESSES))
		return -1;
	return 0;
}

static void session_reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL); /* refused for a few */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* dup2() in an order that overwrites nothing that is still needed. */
static int session_place_std(const struct session *s)
{
	int moved[3];
	int fd;

	for (fd = 0; fd < 3; fd++) {
		moved[fd] = fcntl(s->std[fd], F_DUPFD_CLOEXEC, 3);
		if (moved[fd] < 0)
			return -1;
	}
	for (fd = 0; fd < 3; fd++)
		if (dup2(moved[fd], fd) < 0)
			return -1;
	return 0;
}

/* In the command's process.  Everything else open has close-on-exec. */
static _Noreturn void session_exec(const struct session *s,
				   const struct session_base *base,
				   const struct control_payload *payload,
				   int failure_fd)
{
	struct session_failure failure = {.stage = CONTROL_STAGE_SETUP};
	const char *cwd = *payload->cwd ? payload->cwd : base->config->cwd;

	session_reset_signals();
	if (setsid() < 0 || (s->slave >= 0 && ioctl(s->slave, TIOCSCTTY, 0)) ||
	    session_place_std(s) || session_set_limits(base))
		goto fail;
	failure.stage = CONTROL_STAGE_WORKDIR;
	if (chdir(cwd))
		goto fail;
	failure.stage = CONTROL_STAGE_EXEC;
	execvp(payload->argv[0], payload->argv);
fail:
	failure.error = errno;
	util_write_all(failure_fd, &failure, sizeof(failure));
	_exit(JAIL_EXIT_FAILED);
}

/* Base environment, then what came with the command. */
static int session_set_env(const struct control_payload *base,
			   const struct control_payload *own)
{
	size_t i;

	if (clearenv())
		return -1;
	for (i = 0; i < base->envc; i++)
		if (putenv(base->env[i]))
			return -1;
	for (i = 0; i < own->envc; i++)
		if (strchr(own->env[i], '=') && putenv(own->env[i]))
			return -1;
	return 0;
}

static void session_start(struct session *s, const struct session_base *base,
			  const struct control_payload *payload)
{
	struct control_message message = {.type = CONTROL_STARTED};
	struct session_failure failure;
	int failure_pipe[2];
	ssize_t got;
	int fd;

	if (pipe2(failure_pipe, O_CLOEXEC))
		session_fail(s, errno, CONTROL_STAGE_SETUP);
	s->command = fork();
	if (s->command < 0)
		session_fail(s, errno, CONTROL_STAGE_SETUP);
	if (s->command == 0)
		session_exec(s, base, payload, failure_pipe[1]);
	close(failure_pipe[1]);
	/* Only the command keeps its pipes open: their ends must show. */
	for (fd = 0; fd < 3; fd++)
		if (s->std[fd] != s->slave)
			close(s->std[fd]);
	util_close(&s->slave);
	do
		got = read(failure_pipe[0], &failure, sizeof(failure));
	while (got < 0 && errno == EINTR);
	if (got == (ssize_t)sizeof(failure))
		session_fail(s, failure.error, failure.stage);
	close(failure_pipe[0]);
	message.value = s->command;
	if (control_send(s->socket, &message, NULL, 0))
		util_close(&s->socket); /* the client is gone: kill below */
}

/* Until no child is left.  The subreaper's children are the whole tree. */
static _Noreturn void session_kill_tree(const struct session *s)
{
	struct pollfd wait = {.fd = s->children, .events = POLLIN};
	struct procs procs;
	pid_t pid;
	size_t i;

	for (;;) {
		if (procs_read(&procs) == 0) {
			procs_mark_descendants(&procs, getpid());
			for (i = 0; i < procs.count; i++)
				if (procs.entries[i].marked)
					kill(procs.entries[i].pid, SIGKILL);
			procs_fini(&procs);
		}
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (pid < 0 && errno == ECHILD)
			_exit(JAIL_EXIT_OK);
		poll(&wait, 1, SESSION_KILL_WAIT_MS);
	}
}

static void session_report_end(const struct session *s, int status)
{
	struct control_message message = {
		.type = CONTROL_EXITED,
		.value = status,
	};
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
		message.number[0] = (uint64_t)(usage.ru_utime.tv_sec +
					       usage.ru_stime.tv_sec) *
					    1000 +
				    (uint64_t)(usage.ru_utime.tv_usec +
					       usage.ru_stime.tv_usec) /
					    1000;
		message.number[1] = (uint64_t)usage.ru_maxrss * 1024;
	}
	control_send(s->socket, &message, NULL, 0);
}

/* Reap; the end of the command is the end of the session. */
static void session_reap(const struct session *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->children, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != s->command)
			continue;
		session_report_end(s, status);
		_exit(JAIL_EXIT_OK);
	}
}

/*
 * What the keyboard sends goes to the foreground, so to the command's group;
 * the rest is for the command itself, which decides about its children.  A
 * group without a terminal's shell in its session ignores SIGTSTP.
 */
static void session_pass_signal(const struct session *s, int number)
{
	if (number == SIGTSTP)
		kill(-s->command, SIGSTOP);
	else if (number == SIGINT || number == SIGQUIT || number == SIGCONT)
		kill(-s->command, number);
	else
		kill(s->command, number);
}

static void session_hear_client(const struct session *s)
{
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got = control_receive(s->socket, &message, fds, &count);

	if (got < 0 && (errno == EAGAIN || errno == EBADMSG))
		return;
	if (got <= 0)
		session_kill_tree(s);
	while (count > 0)
		close(fds[--count]);
	if (message.type == CONTROL_SIGNAL)
		session_pass_signal(s, message.value);
}

/*
 * The host's /dev/null becomes the sandbox's, which is read-only: by its
 * descriptor root's user ID could change the mode of the host's file.
 */
static int session_own_null(int fd)
{
	struct stat status;
	int own;
	int result;

	if (fstat(fd, &status) || !S_ISCHR(status.st_mode))
		return 0;
	own = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (own < 0)
		return -1;
	result = dup3(own, fd, O_CLOEXEC);
	close(own);
	return result < 0 ? -1 : 0;
}

static void session_watch_children(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	s->children = -1;
	if (sigprocmask(SIG_SETMASK, &set, NULL) == 0)
		s->children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->children < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1))
		session_fail(s, errno, CONTROL_STAGE_SETUP);
}

_Noreturn void session_main(const struct session_base *base,
			    const struct control_message *request, int *fds)
{
	struct session s = {.socket = fds[0], .slave = -1};
	struct control_payload payload;
	int next = 2;
	int fd;

	for (fd = 0; fd < 3; fd++)
		s.std[fd] = request->flags & CONTROL_TTY(fd) ? -1 : fds[next++];
	session_watch_children(&s);
	prctl(PR_SET_NAME, "pen-session");
	if (control_read_payload(fds[1], &payload))
		session_fail(&s, errno, CONTROL_STAGE_SETUP);
	close(fds[1]);
	while (next > 2)
		if (session_own_null(fds[--next]))
			session_fail(&s, errno, CONTROL_STAGE_SETUP);
	if (payload.argc == 0)
		session_fail(&s, EINVAL, CONTROL_STAGE_SETUP);
	if (session_set_env(base->config, &payload))
		session_fail(&s, ENOMEM, CONTROL_STAGE_SETUP);
	if (request->flags & CONTROL_TTY_ANY)
		session_open_pty(&s, request);
	session_start(&s, base, &payload);
	for (;;) {
		struct pollfd wait[2] = {
			{.fd = s.socket, .events = POLLIN},
			{.fd = s.children, .events = POLLIN},
		};

		if (s.socket < 0)
			session_kill_tree(&s);
		if (poll(wait, 2, -1) < 0 && errno != EINTR)
			session_fail(&s, errno, CONTROL_STAGE_SETUP);
		if (wait[1].revents)
			session_reap(&s);
		if (wait[0].revents)
			session_hear_client(&s);
	}
}
