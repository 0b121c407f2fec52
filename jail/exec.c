/* SPDX-License-Identifier: MIT */
/* exec.c - pen-jail exec and stop: clients of a sandbox that stays */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "control.h"
#include "endpoint.h"
#include "env.h"
#include "loop.h"
#include "options.h"
#include "util.h"

struct exec {
	struct loop loop;
	struct client client;
	int signals;
	int control;
};

/* pen-jail closes the connection when it has handed the command on. */
static void exec_hear_control_cb(void *arg, short revents)
{
	struct exec *exec = arg;
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count;
	int got;

	(void)revents;
	got = control_receive(exec->control, &message, fds, &count);
	while (got > 0 && count > 0)
		close(fds[--count]);
	loop_forget(&exec->loop, exec->control);
	if (got > 0 && message.type == CONTROL_REFUSED) {
		util_report("the sandbox takes no command: %s",
			    strerror(message.value));
		exec->client.ended = true;
		exec->client.exit_code = JAIL_EXIT_FAILED;
	}
}

static void exec_signals_cb(void *arg, short revents)
{
	struct exec *exec = arg;
	struct signalfd_siginfo info;

	(void)revents;
	while (read(exec->signals, &info, sizeof(info)) ==
	       (ssize_t)sizeof(info))
		client_signal(&exec->client, (int)info.ssi_signo);
}

static int exec_pack(const struct options *options)
{
	const char *term = getenv("TERM");
	struct env env = {.count = 0};
	char *no_env[] = {NULL};
	char *entry;
	size_t i;
	int fd;

	if (term) {
		entry = util_format("TERM=%s", term);
		env_set(&env, entry);
		free(entry);
	}
	for (i = 0; i < options->env_count; i++)
		env_set(&env, options->env[i]);
	fd = client_pack(options->workdir ? options->workdir : "",
			 options->argv, env.count ? env.strings : no_env);
	env_fini(&env);
	return fd;
}

static int exec_start(struct exec *exec, const struct options *options)
{
	int payload;
	int result;

	exec->signals = client_block_signals();
	if (exec->signals < 0)
		return -1;
	exec->control = endpoint_connect(options->control);
	if (exec->control < 0)
		return -1;
	payload = exec_pack(options);
	if (payload < 0)
		return -1;
	result = client_start(&exec->client, &exec->loop, exec->control,
			      payload, options->argv[0], false);
	close(payload);
	if (result == 0)
		result = loop_watch(&exec->loop, exec->control, POLLIN,
				    exec_hear_control_cb, exec);
	if (result == 0)
		result = loop_watch(&exec->loop, exec->signals, POLLIN,
				    exec_signals_cb, exec);
	return result;
}

int command_exec(const struct options *options)
{
	struct exec *exec = util_allocate(1, sizeof(*exec));
	int code = JAIL_EXIT_FAILED;

	exec->signals = exec->control = -1;
	if (exec_start(exec, options) == 0) {
		while (!exec->client.ended)
			loop_turn(&exec->loop, -1);
		code = exec->client.exit_code;
	}
	client_finish(&exec->client, false);
	util_close(&exec->control);
	util_close(&exec->signals);
	free(exec);
	return code;
}

int command_stop(const struct options *options)
{
	struct control_message message = {.type = CONTROL_STOP};
	int fds[CONTROL_FD_MAX];
	size_t count;
	int fd = endpoint_connect(options->control);
	int got;

	if (fd < 0)
		return JAIL_EXIT_FAILED;
	got = control_send(fd, &message, NULL, 0);
	if (got == 0)
		got = control_receive(fd, &message, fds, &count);
	if (got != 0)
		util_report("%s: %s", options->control,
			    got < 0 ? strerror(errno) : "unexpected answer");
	close(fd);
	return got == 0 ? JAIL_EXIT_OK : JAIL_EXIT_FAILED;
}
