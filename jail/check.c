/* SPDX-License-Identifier: MIT */
/* check.c - pen-jail check: what a sandbox needs, and what to do about it */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bwrap.h"
#include "command.h"
#include "filter.h"
#include "limits.h"
#include "netns.h"
#include "options.h"
#include "proxy.h"
#include "userns.h"
#include "util.h"

/* One line of the report; all strings are free of quotes and backslashes. */
struct check_item {
	const char *name;
	bool ok;
	bool needed;
	char *detail; /* owned */
};

/* Statuses of the child that tries the namespaces. */
enum check_result {
	CHECK_CAPTURED,
	CHECK_UNCAPTURED,
	CHECK_FAILED,
};

/* The last line that comes out of a pipe, without the program's name. */
static char *check_read_line(int fd)
{
	char text[2048];
	const char *line;
	size_t len = 0;
	ssize_t got;

	while (len < sizeof(text) - 1 &&
	       (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
	if (strncmp(line, "pen-jail: ", 10) == 0)
		line += 10;
	return *line ? util_format("%s", line) : NULL;
}

/*
 * Try in a child: namespaces cannot be left again.
 * Return: its status, or -1; *reason is what it said, owned, or NULL.
 */
static int check_in_child(int (*try)(void), char **reason)
{
	int status = 0;
	int ends[2];
	pid_t pid;

	*reason = NULL;
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		_exit(try());
	}
	close(ends[1]);
	*reason = check_read_line(ends[0]);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int check_try_netns(void)
{
	struct netns netns;

	if (userns_enter(getuid(), getgid()) || netns_set_up(&netns, false))
		return CHECK_FAILED;
	return netns.capture ? CHECK_CAPTURED : CHECK_UNCAPTURED;
}

/* All of it at once: one fault or another shows in no part alone. */
static int check_try_sandbox(void)
{
	static char folder[] = "/tmp/pen-check.XXXXXX";
	static char program[] = "true";
	static char *argv[] = {program, NULL};
	static struct options options = {
		.command = OPTIONS_RUN,
		.ready_fd = -1,
		.no_network = true,
		.argv = argv,
		.argc = 1,
	};
	int null, code;

	if (!mkdtemp(folder)) {
		util_report("%s: %s", folder, strerror(errno));
		return CHECK_FAILED;
	}
	options.project = folder;
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	code = command_run(&options);
	rmdir(folder);
	return code;
}

static void check_sandbox(struct check_item *item)
{
	char *reason;

	item->ok = check_in_child(check_try_sandbox, &reason) == 0;
	item->detail = reason     ? reason
		       : item->ok ? util_format("starts and ends")
				  : util_format("does not start");
}

static void check_namespaces(struct check_item *userns,
			     struct check_item *capture)
{
	char *reason;
	int result = check_in_child(check_try_netns, &reason);

	userns->ok = result == CHECK_CAPTURED || result == CHECK_UNCAPTURED;
	userns->detail = reason ? reason : util_format("available");
	capture->ok = result == CHECK_CAPTURED;
	capture->detail = util_format(
		"%s", capture->ok
			      ? "connections to any address reach the proxy"
			      : "the kernel has no nf_tables redirect; only "
				"programs that use the proxy variables "
				"reach the proxy, all others are refused");
}

static void check_seccomp(struct check_item *item)
{
	int fds[FILTER_COUNT];
	size_t i;

	item->ok = filter_open(fds) == 0 && filter_compile(fds, false) == 0;
	item->detail = util_format("%s", item->ok ? "available"
						  : "libseccomp cannot compile "
						    "the filter");
	for (i = 0; i < FILTER_COUNT; i++)
		util_close(&fds[i]);
}

static void check_cgroup(struct check_item *item)
{
	/* Limits that no sandbox would mind, to see who keeps them. */
	struct limits_ask ask = {
		.memory_bytes = UINT64_C(1) << 40,
		.cpu_milli = 1000,
		.pids = 1000,
	};
	struct limits limits;

	item->ok = limits_open(&limits, &ask, false) == 0 && limits.cgroup;
	item->detail = util_format(
		"%s", item->ok ? "delegated"
			       : "no delegated cgroup v2; limits are kept by "
				 "rlimits and by watching (delegate one: "
				 "systemd-run --user --scope -p Delegate=yes)");
	limits_close(&limits);
}

static void check_print_text(const struct check_item *items, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		printf("%-8s %-10s %s\n",
		       items[i].ok ? "ok"
				   : (items[i].needed ? "MISSING" : "no"),
		       items[i].name, items[i].detail);
}

static void check_print_json(const struct check_item *items, size_t count)
{
	size_t i;

	printf("[");
	for (i = 0; i < count; i++) {
		const char *c;

		printf("%s{\"name\":\"%s\",\"ok\":%s,\"needed\":%s,"
		       "\"detail\":\"",
		       i ? "," : "", items[i].name,
		       items[i].ok ? "true" : "false",
		       items[i].needed ? "true" : "false");
		for (c = items[i].detail; *c; c++) {
			if (*c == '"' || *c == '\\')
				putchar('\\');
			if ((unsigned char)*c >= ' ')
				putchar(*c);
		}
		printf("\"}");
	}
	printf("]\n");
}

int command_check(const struct options *options)
{
	struct check_item items[] = {
		{"userns", false, true, NULL},  {"bwrap", false, true, NULL},
		{"seccomp", false, true, NULL}, {"proxy", false, true, NULL},
		{"sandbox", false, true, NULL}, {"capture", false, false, NULL},
		{"cgroup", false, false, NULL},
	};
	size_t count = sizeof(items) / sizeof(items[0]);
	const char *bwrap = bwrap_find();
	int code = JAIL_EXIT_OK;
	size_t i;

	check_namespaces(&items[0], &items[5]);
	items[1].ok = bwrap != NULL;
	items[1].detail = util_format("%s", bwrap ? bwrap
						  : "install bubblewrap: "
						    "apt-get install "
						    "bubblewrap");
	check_seccomp(&items[2]);
	items[3].detail = proxy_find(options->proxy);
	items[3].ok = items[3].detail != NULL;
	if (!items[3].detail)
		items[3].detail = util_format("not found; name it with "
					      "--proxy");
	check_sandbox(&items[4]);
	check_cgroup(&items[6]);
	if (options->json)
		check_print_json(items, count);
	else
		check_print_text(items, count);
	for (i = 0; i < count; i++) {
		if (items[i].needed && !items[i].ok)
			code = JAIL_EXIT_FAILED;
		free(items[i].detail);
	}
	return code;
}
