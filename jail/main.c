/* SPDX-License-Identifier: MIT */
/* main.c - pen-jail: the table of subcommands */
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command.h"
#include "init.h"
#include "options.h"
#include "pen_build.h"
#include "util.h"

struct main_command {
	const char *name;
	enum options_command id;
	int (*run)(const struct options *options);
	const char *usage;
};

static const struct main_command main_commands[] = {
	{"run", OPTIONS_RUN, command_run, "run [OPTIONS] [--] CMD [ARG]..."},
	{"start", OPTIONS_START, command_start,
	 "start --control SOCK [--ready-fd N] [OPTIONS]"},
	{"exec", OPTIONS_EXEC, command_exec,
	 "exec --control SOCK [-e K=V]... [-w DIR] [--] CMD [ARG]..."},
	{"stop", OPTIONS_STOP, command_stop, "stop --control SOCK"},
	{"check", OPTIONS_CHECK, command_check,
	 "check [--json] [--proxy PATH]"},
};

static const char main_options[] =
	"options of run and start:\n"
	"  --project DIR            read-write at its own path (default: .)\n"
	"  -w, --workdir DIR        where commands start (default: project)\n"
	"  --proxy PATH             the pen-proxy program\n"
	"  --proxy-config FILE      its configuration (default: refuse all)\n"
	"  --proxy-ready-file FILE  written when the proxy is ready\n"
	"  --no-network             no proxy, loopback alone\n"
	"  --mount SOURCE:TARGET[:ro]\n"
	"  -e, --env K=V\n"
	"  --read-only              the project, too\n"
	"  --timeout D              500ms, 5s, 2m, 1h\n"
	"  --memory SIZE            with k, m or g\n"
	"  --cpus N                 such as 1.5\n"
	"  --pids N\n"
	"  --stats FILE             the result as JSON\n"
	"  --die-with-parent        end when the caller of run does\n";

static void main_print_usage(FILE *out)
{
	size_t i;

	for (i = 0; i < sizeof(main_commands) / sizeof(main_commands[0]); i++)
		fprintf(out, "%s pen-jail %s\n", i == 0 ? "usage:" : "      ",
			main_commands[i].usage);
	fprintf(out, "       pen-jail -V | -h\n%s", main_options);
}

static const struct main_command *main_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(main_commands) / sizeof(main_commands[0]); i++)
		if (strcmp(main_commands[i].name, name) == 0)
			return &main_commands[i];
	return NULL;
}

/*
 * A closed 0, 1 or 2 would be taken by the next open(); and what the caller
 * left open above them is for nobody that is started from here.
 */
static int main_tidy_descriptors(void)
{
	int fd;

	/* CLOSE_RANGE_CLOEXEC came with Linux 5.11. */
	if (syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC))
		for (fd = 3; fd < (int)sysconf(_SC_OPEN_MAX); fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < 3 && util_set_cloexec(fd, false) == 0);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	const struct main_command *command;
	static struct options options;
	uint64_t socket;
	int code = JAIL_EXIT_USAGE;

	/* PID 1 of a sandbox; see sandbox.c. */
	if (argc == 3 && strcmp(argv[1], "init") == 0 &&
	    options_read_count(argv[2], 1 << 20, &socket))
		return init_main((int)socket);
	if (main_tidy_descriptors())
		return JAIL_EXIT_FAILED;
	if (argc == 2 && strcmp(argv[1], "-V") == 0) {
		printf("pen-jail %s\n", PEN_VERSION);
		return JAIL_EXIT_OK;
	}
	if (argc == 2 &&
	    (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
		main_print_usage(stdout);
		return JAIL_EXIT_OK;
	}
	command = argc > 1 ? main_find(argv[1]) : NULL;
	if (!command) {
		main_print_usage(stderr);
		return JAIL_EXIT_USAGE;
	}
	if (options_parse(&options, command->id, argc - 1, argv + 1) == 0)
		code = command->run(&options);
	else
		util_report("usage: pen-jail %s", command->usage);
	options_fini(&options);
	return code;
}
