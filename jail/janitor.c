/* SPDX-License-Identifier: MIT */
/* janitor.c - remove what a killed pen-jail would leave behind */
#include "janitor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "endpoint.h"
#include "limits.h"
#include "util.h"

/* The path may be another sandbox's by now. */
static void janitor_remove_socket(const char *path, const struct stat *made)
{
	struct stat status;

	if (lstat(path, &status) == 0 && status.st_dev == made->st_dev &&
	    status.st_ino == made->st_ino)
		unlink(path);
}

static void janitor_sweep(const struct janitor *janitor)
{
	const struct janitor_work *work = &janitor->work;

	if (work->socket)
		janitor_remove_socket(work->socket, &janitor->made);
	if (work->file)
		unlink(work->file);
	if (work->cgroup)
		limits_cgroup_remove(work->cgroup);
}

static _Noreturn void janitor_main(struct janitor *janitor, int link)
{
	const struct janitor_work *work = &janitor->work;
	sigset_t all;
	char byte = 0;
	ssize_t got;

	setsid();
	prctl(PR_SET_NAME, "pen-janitor");
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (work->socket && (endpoint_bind(work->listener, work->socket) ||
			     lstat(work->socket, &janitor->made)))
		_exit(JAIL_EXIT_FAILED);
	/* Whatever else is open here would stay open for the others. */
	if (dup2(link, 0) < 0)
		_exit(JAIL_EXIT_FAILED);
	syscall(SYS_close_range, 1, ~0u, 0);
	got = send(0, &janitor->made, sizeof(janitor->made), MSG_NOSIGNAL);
	while (got > 0 || (got < 0 && errno == EINTR))
		got = read(0, &byte, 1);
	janitor_sweep(janitor);
	_exit(JAIL_EXIT_OK);
}

int janitor_start(struct janitor *janitor, const struct janitor_work *work)
{
	int ends[2];

	janitor->pid = 0;
	janitor->link = -1;
	janitor->work = *work;
	if (!work->socket && !work->file && !work->cgroup)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
		util_report("cannot start the cleaner: %s", strerror(errno));
		return -1;
	}
	janitor->pid = fork();
	if (janitor->pid == 0) {
		close(ends[1]);
		janitor_main(janitor, ends[0]);
	}
	close(ends[0]);
	janitor->link = ends[1];
	if (janitor->pid > 0 &&
	    read(janitor->link, &janitor->made, sizeof(janitor->made)) ==
		    (ssize_t)sizeof(janitor->made))
		return 0;
	/* It said itself why it cannot bind; or was killed when it had. */
	if (work->socket && endpoint_is_bound(work->listener))
		unlink(work->socket);
	if (janitor->pid < 0)
		util_report("cannot start the cleaner: %s", strerror(errno));
	memset(&janitor->work, 0, sizeof(janitor->work));
	return -1;
}

void janitor_stop(struct janitor *janitor)
{
	/* Here, too: it may have been killed. */
	janitor_sweep(janitor);
	util_close(&janitor->link);
	while (janitor->pid > 0 && waitpid(janitor->pid, NULL, 0) < 0 &&
	       errno == EINTR)
		;
	janitor->pid = 0;
}
