/* SPDX-License-Identifier: MIT */
/* client.c - the caller's side of one command: streams, terminal, signals */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop.h"
#include "util.h"

enum client_stream { STREAM_PASS, STREAM_CARRY, STREAM_TTY, STREAM_REFUSE };

static const int client_signals[] = {SIGINT,   SIGTERM, SIGHUP,  SIGQUIT,
				     SIGUSR1,  SIGUSR2, SIGTSTP, SIGCONT,
				     SIGWINCH, SIGCHLD};

int client_block_signals(void)
{
	struct sigaction action;
	sigset_t set;
	size_t i;
	int fd = -1;

	sigemptyset(&set);
	for (i = 0; i < sizeof(client_signals) / sizeof(int); i++)
		if (sigaction(client_signals[i], NULL, &action) == 0 &&
		    (action.sa_handler != SIG_IGN ||
		     client_signals[i] == SIGCHLD))
			sigaddset(&set, client_signals[i]);
	/* An ignored SIGCHLD would throw exit statuses away. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_SETMASK, &set, NULL) == 0)
		fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		util_report("cannot wait for signals: %s", strerror(errno));
	return fd;
}

int client_pack(const char *cwd, char *const *argv, char *const *env)
{
	size_t len = 0;
	void *data = control_encode(cwd, argv, env, &len);
	int fd = -1;

	if (data)
		fd = util_memory_file("command", data, len);
	if (!data && errno == E2BIG)
		util_report("the command line and environment are longer than "
			    "%u bytes",
			    CONTROL_PAYLOAD_MAX);
	else if (fd < 0)
		util_report("cannot pack the command: %s", strerror(errno));
	free(data);
	return fd;
}

/*
 * A socket is carried, never handed over: it belongs to the network where it
 * was made, and whoever has one can connect it anew, to any address of that.
 */
static enum client_stream client_classify(int fd, bool count)
{
	bool carry = count && fd != STDIN_FILENO;
	struct stat status;

	if (fstat(fd, &status))
		return STREAM_REFUSE;
	if (isatty(fd))
		return STREAM_TTY;
	if (S_ISFIFO(status.st_mode))
		return carry ? STREAM_CARRY : STREAM_PASS;
	if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
		return carry ? STREAM_CARRY : STREAM_PASS;
	if (S_ISDIR(status.st_mode))
		return STREAM_REFUSE;
	return STREAM_CARRY;
}

static void client_set_raw(struct client *client)
{
	struct termios raw;

	/* In the background the terminal is somebody else's. */
	if (client->raw || client->terminal != STDIN_FILENO ||
	    tcgetpgrp(client->terminal) != getpgrp() ||
	    tcgetattr(client->terminal, &client->saved))
		return;
	raw = client->saved;
	cfmakeraw(&raw);
	client->raw = tcsetattr(client->terminal, TCSADRAIN, &raw) == 0;
}

static void client_unset_raw(struct client *client)
{
	if (client->raw)
		tcsetattr(client->terminal, TCSADRAIN, &client->saved);
	client->raw = false;
}

static void client_copy_size(const struct client *client)
{
	struct winsize size;

	if (client->master >= 0 && client->terminal >= 0 &&
	    ioctl(client->terminal, TIOCGWINSZ, &size) == 0)
		ioctl(client->master, TIOCSWINSZ, &size);
}

static void client_end(struct client *client, int exit_code)
{
	client->ended = true;
	client->exit_code = exit_code;
	client->end_ms = util_now_ms();
	loop_forget(client->loop, client->session);
	util_close(&client->session);
}

static void client_take_pty(struct client *client, int master)
{
	int keyboard, screen;

	if (client->master >= 0 || client->terminal < 0 ||
	    fcntl(master, F_SETFL, O_NONBLOCK)) {
		close(master);
		return;
	}
	client->master = master;
	client_copy_size(client);
	client_set_raw(client);
	/* Numbers of their own: the loop knows a source by its descriptor. */
	screen = fcntl(isatty(STDOUT_FILENO) ? STDOUT_FILENO : client->terminal,
		       F_DUPFD_CLOEXEC, 3);
	if (screen >= 0)
		relay_start(&client->screen, client->loop, master, false,
			    screen, true);
	if (!isatty(STDIN_FILENO))
		return;
	keyboard = fcntl(master, F_DUPFD_CLOEXEC, 3);
	if (keyboard >= 0)
		relay_start(&client->streams[0], client->loop, STDIN_FILENO,
			    false, keyboard, true);
}

static void client_take_failure(struct client *client,
				const struct control_message *message)
{
	int code = JAIL_EXIT_FAILED;
	const char *reason = strerror(message->value);

	if (message->flags == CONTROL_STAGE_EXEC)
		code = message->value == ENOENT ? JAIL_EXIT_NOT_FOUND
						: JAIL_EXIT_NOT_EXECUTABLE;
	if (message->flags == CONTROL_STAGE_WORKDIR)
		util_report("working folder in the sandbox: %s", reason);
	else if (message->flags == CONTROL_STAGE_EXEC &&
		 message->value == ENOENT)
		util_report("%s: not found in the sandbox", client->program);
	else
		util_report("%s: cannot be started: %s", client->program,
			    reason);
	client_end(client, code);
}

static void client_take_end(struct client *client,
			    const struct control_message *message)
{
	int status = message->value;
	int code = WIFSIGNALED(status) ? JAIL_EXIT_SIGNAL + WTERMSIG(status)
				       : WEXITSTATUS(status);

	client->ran = true;
	client->wait_status = status;
	client->cpu_ms = message->number[0];
	client->peak_bytes = message->number[1];
	client_end(client, code);
}

static void client_hear_cb(void *arg, short revents)
{
	struct client *client = arg;
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got;

	(void)revents;
	got = control_receive(client->session, &message, fds, &count);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		util_report("%s: the sandbox ended under it", client->program);
		client_end(client, JAIL_EXIT_FAILED);
		return;
	}
	if (message.type == CONTROL_PTY && count == 1)
		client_take_pty(client, fds[--count]);
	else if (message.type == CONTROL_STARTED)
		client->start_ms = util_now_ms();
	else if (message.type == CONTROL_FAILED)
		client_take_failure(client, &message);
	else if (message.type == CONTROL_EXITED)
		client_take_end(client, &message);
	while (count > 0)
		close(fds[--count]);
}

/* A pipe of which one end goes inside; carry between @fd and the other. */
static int client_carry(struct client *client, int fd)
{
	int ends[2];
	int inner = fd == STDIN_FILENO ? 0 : 1;
	int own;
	bool failed;

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	own = ends[1 - inner];
	failed = fcntl(own, F_SETFL, O_NONBLOCK) != 0;
	if (!failed && fd == STDIN_FILENO)
		failed = relay_start(&client->streams[0], client->loop, fd,
				     false, own, true) != 0;
	else if (!failed)
		failed = relay_start(&client->streams[fd], client->loop, own,
				     true, fd, false) != 0;
	if (failed) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	return ends[inner];
}

/* What SPAWN carries for stdin, stdout and stderr. */
struct client_streams {
	int fds[3];
	bool owned[3];
	size_t count;
};

static int client_add_stream(struct client *client, int fd, bool count,
			     struct client_streams *streams,
			     struct control_message *message)
{
	size_t i = streams->count;

	switch (client_classify(fd, count)) {
	case STREAM_TTY:
		message->flags |= CONTROL_TTY(fd);
		if (client->terminal < 0)
			client->terminal = fd;
		return 0;
	case STREAM_PASS:
		streams->fds[i] = fd;
		streams->owned[i] = false;
		break;
	case STREAM_CARRY:
		streams->fds[i] = client_carry(client, fd);
		streams->owned[i] = true;
		if (streams->fds[i] < 0) {
			util_report("cannot open a pipe: %s", strerror(errno));
			return -1;
		}
		break;
	case STREAM_REFUSE:
		util_report("descriptor %d is a folder, which cannot be given "
			    "to the command",
			    fd);
		return -1;
	}
	streams->count++;
	return 0;
}

static int client_send(struct client *client, int control, int payload,
		       const struct client_streams *streams,
		       struct control_message *message)
{
	int fds[CONTROL_FD_MAX];
	int pair[2];
	int result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	fds[0] = pair[1];
	fds[1] = payload;
	memcpy(fds + 2, streams->fds, streams->count * sizeof(int));
	result = control_send(control, message, fds, 2 + streams->count);
	close(pair[1]);
	client->session = pair[0];
	if (result == 0)
		result = loop_watch(client->loop, client->session, POLLIN,
				    client_hear_cb, client);
	return result;
}

int client_start(struct client *client, struct loop *loop, int control,
		 int payload, const char *program, bool count)
{
	struct control_message message = {.type = CONTROL_SPAWN};
	struct client_streams streams = {.count = 0};
	struct winsize size;
	int result = 0;
	int fd;

	client->loop = loop;
	client->program = program;
	client->session = -1;
	client->terminal = -1;
	client->master = -1;
	client->asked_ms = util_now_ms();
	client->start_ms = client->asked_ms;
	for (fd = 0; fd < 3 && result == 0; fd++)
		result = client_add_stream(client, fd, count, &streams,
					   &message);
	if (result == 0 && client->terminal >= 0 &&
	    ioctl(client->terminal, TIOCGWINSZ, &size) == 0) {
		message.rows = size.ws_row;
		message.cols = size.ws_col;
	}
	if (result == 0) {
		result = client_send(client, control, payload, &streams,
				     &message);
		if (result)
			util_report("cannot reach the sandbox: %s",
				    strerror(errno));
	}
	while (streams.count > 0)
		if (streams.owned[--streams.count])
			close(streams.fds[streams.count]);
	return result;
}

static void client_send_signal(struct client *client, int number)
{
	struct control_message message = {
		.type = CONTROL_SIGNAL,
		.value = number,
	};

	if (client->session >= 0)
		control_send(client->session, &message, NULL, 0);
}

void client_signal(struct client *client, int number)
{
	if (number == SIGCHLD)
		return;
	if (number == SIGWINCH) {
		client_copy_size(client);
		return;
	}
	client_send_signal(client, number);
	if (number == SIGTSTP) {
		client_unset_raw(client);
		raise(SIGSTOP);
		/* Awake again; SIGCONT is in the signalfd, too. */
	}
	if (number == SIGCONT && client->master >= 0) {
		client_set_raw(client);
		client_copy_size(client);
	}
}

void client_finish(struct client *client, bool all_out)
{
	int fd;

	if (!client->loop)
		return;
	/* Input that nobody took any more. */
	relay_stop(&client->streams[0]);
	for (fd = 1; fd < 3; fd++)
		relay_drain(&client->streams[fd], all_out);
	relay_drain(&client->screen, false);
	for (fd = 1; fd < 3; fd++)
		relay_stop(&client->streams[fd]);
	relay_stop(&client->screen);
	client_unset_raw(client);
	util_close(&client->master);
	if (client->session >= 0)
		loop_forget(client->loop, client->session);
	util_close(&client->session);
}
