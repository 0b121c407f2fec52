/* SPDX-License-Identifier: MIT */
/* test_audit.c - refusals to a file, to syslog, to a program that may end */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/audit.h"
#include "proxy/base.h"
#include "proxy/sink.h"
#include "tests/unit/files.h"

static void open_audit(const char *file, const char *command)
{
	struct audit_options o = {file, -1, command};
	char error[300] = "";

	if (audit_open(&o, error, sizeof(error)) != 0)
		fail_msg("%s", error);
}

/* Closes the audit trail and waits for its program, which sees the end. */
static void close_audit(void)
{
	audit_close();
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* The line number @i; all are of one length. */
static void refuse(int i)
{
	struct log_line l;

	log_begin(&l, LEVEL_WARN, "deny");
	log_uint(&l, "n", (uint64_t)i + 1000000);
	audit_line(&l);
}

/*
 * Counts the lines of a file, each of which must be whole, and checks that the
 * numbers in them grow.
 */
static int count_lines(const char *path)
{
	char *data = slurp(path), *line = data;
	long number, last = -1;
	int count = 0;

	while (*line) {
		char *end = strchr(line, '\n'), *n;

		assert_non_null(end);
		assert_memory_equal(line, "{\"ts\":\"", 7);
		assert_int_equal(end[-1], '}');
		*end = '\0';
		n = strstr(line, "\"n\":");
		assert_non_null(n);
		number = strtol(n + 4, NULL, 10);
		assert_true(number > last);
		last = number;
		line = end + 1;
		count++;
	}
	free(data);
	return count;
}

/* A program for the audit trail, as a script in the folder. */
static char *make_program(const char *name, const char *body)
{
	static char path[200];
	struct sbuf text = {0};

	sbuf_printf(&text, "#!/bin/sh\n%s\n", body);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(base_write_file(path, text.data, text.len, 0700), 0);
	sbuf_free(&text);
	return path;
}

/* Calls audit_tick() until a file holds so many bytes; fails after 10 s. */
static void wait_for_size(const char *path, off_t size)
{
	uint64_t end = base_mono_ms() + 10000;
	struct stat st = {0};

	while ((stat(path, &st) != 0 || st.st_size < size) &&
	       base_mono_ms() < end) {
		audit_tick(base_mono_ms());
		poll(NULL, 0, 5);
	}
	if (st.st_size < size)
		fail_msg("%s has %lld bytes", path, (long long)st.st_size);
}

static void file_gets_finished_and_unfinished_lines(void **state)
{
	struct log_line l;
	struct stat st;
	char *data;

	(void)state;
	assert_false(audit_wants());
	open_audit("audit", NULL);
	assert_true(audit_wants());
	refuse(1);
	log_begin(&l, LEVEL_WARN, "deny");
	log_uint(&l, "n", 2000000);
	log_finish(&l);
	audit_line(&l);
	/* Not held back: it is there before any tick. */
	assert_int_equal(count_lines("audit"), 2);
	assert_int_equal(stat("audit", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	close_audit();
	refuse(3);
	open_audit("audit", NULL);
	refuse(1000004);
	close_audit();
	assert_int_equal(count_lines("audit"), 3);
	data = slurp("audit");
	assert_null(strstr(data, "1000003"));
	free(data);
	unlink("audit");
	assert_int_equal(audit_lost(), 0);
}

static void sinks_that_cannot_be_opened_are_said(void **state)
{
	struct audit_options o = {"none/audit", -1, NULL};
	const char *system_path = sink_syslog_path;
	char error[300];

	(void)state;
	assert_int_equal(audit_open(&o, error, sizeof(error)), -1);
	assert_string_equal(error, "cannot open the audit file none/audit: "
				   "No such file or directory");
	o = (struct audit_options){"audit", -1, "/none/program"};
	assert_int_equal(audit_open(&o, error, sizeof(error)), -1);
	assert_string_equal(error, "cannot start the audit command "
				   "/none/program: No such file or directory");
	assert_false(audit_wants());
	sink_syslog_path = "none";
	o = (struct audit_options){"audit", LOG_LOCAL1, NULL};
	assert_int_equal(audit_open(&o, error, sizeof(error)), -1);
	assert_string_equal(error, "cannot reach syslog for audit: "
				   "No such file or directory");
	sink_syslog_path = system_path;
	unlink("audit");
}

static void reopen_follows_a_moved_file(void **state)
{
	(void)state;
	open_audit("audit", NULL);
	refuse(1);
	assert_int_equal(rename("audit", "moved"), 0);
	refuse(2);
	audit_reopen();
	refuse(3);
	/* A folder in its place: the old file goes on. */
	assert_int_equal(rename("audit", "newer"), 0);
	assert_int_equal(mkdir("audit", 0700), 0);
	audit_reopen();
	refuse(4);
	close_audit();
	assert_int_equal(count_lines("moved"), 2);
	assert_int_equal(count_lines("newer"), 2);
	assert_int_equal(rmdir("audit"), 0);
	unlink("moved");
	unlink("newer");
}

static void full_disk_is_outlived(void **state)
{
	struct rlimit before, small;
	uint64_t lost = audit_lost();
	int i, lines;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1000;
	open_audit("audit", NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (i = 0; i < 20000; i++)
		refuse(i);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	lost = audit_lost() - lost;
	assert_true(lost > 0);
	audit_tick(base_mono_ms());
	refuse(20000);
	lines = count_lines("audit");
	assert_int_equal((uint64_t)lines + lost, 20001);
	close_audit();
	unlink("audit");
}

static void program_reads_every_line(void **state)
{
	char *path = make_program("program", "env >env; exec cat >out");
	char *data;
	size_t len;
	int i;

	(void)state;
	open_audit(NULL, path);
	assert_true(audit_wants());
	for (i = 0; i < 100; i++)
		refuse(i);
	wait_for_size("out", 7100);
	close_audit();
	assert_int_equal(count_lines("out"), 100);
	/* The shell itself sets PWD and the like; nothing of ours is there. */
	assert_int_equal(base_read_file("env", 100000, &data, &len), 0);
	assert_null(strstr(data, "HOME="));
	free(data);
	unlink("program");
	unlink("env");
	unlink("out");
}

static void program_finds_a_clean_process(void **state)
{
	char *path = make_program(
		"program",
		"ls -l /proc/self/fd >fds\n"
		"grep -E 'SigIgn|SigBlk' /proc/self/status >signals");
	char *data, *pipe_name;

	(void)state;
	if (access("/proc/self/fd", R_OK) != 0) {
		print_message("skipped: there is no /proc here\n");
		unlink("program");
		skip();
	}
	open_audit("audit", path);
	wait_for_size("signals", 50);
	close_audit();
	/* The audit file is not there, nor the other end of its own input. */
	data = slurp("fds");
	assert_null(strstr(data, "/audit"));
	pipe_name = strstr(data, " 0 -> pipe:[");
	assert_non_null(pipe_name);
	pipe_name += 6;
	pipe_name[strcspn(pipe_name, "]")] = '\0';
	assert_null(strstr(pipe_name + strlen(pipe_name) + 1, pipe_name));
	free(data);
	data = slurp("signals");
	/* Signals 32 and 33 are the C library's own. */
	assert_non_null(strstr(data, "SigBlk:\t0000000000000000\n"));
	assert_int_equal(strtoull(strstr(data, "SigIgn:\t") + 8, NULL, 16) &
				 0x7fffffff,
			 0);
	free(data);
	unlink("program");
	unlink("fds");
	unlink("signals");
	unlink("audit");
}

static void program_that_reads_nothing_blocks_nothing(void **state)
{
	char *path = make_program("program", "echo >up; read go <fifo\n"
					     "exec cat >out");
	uint64_t lost = audit_lost();
	int fifo, i;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fifo = open("fifo", O_RDWR);
	assert_true(fifo >= 0);
	open_audit(NULL, path);
	wait_for_size("up", 1);
	for (i = 0; i < 40000; i++)
		refuse(i);
	/* What the pipe and the queue of 1 MiB do not hold is lost. */
	lost = audit_lost() - lost;
	assert_true(lost > 1000 && lost < 40000 - (1 << 20) / 100);
	assert_int_equal(write(fifo, "go\n", 3), 3);
	wait_for_size("out", (off_t)(40000 - lost) * 71);
	close_audit();
	assert_int_equal((uint64_t)count_lines("out") + lost, 40000);
	close(fifo);
	unlink("program");
	unlink("fifo");
	unlink("up");
	unlink("out");
}

/* The next tick at which a program of the audit trail has ended. */
static void wait_for_end(uint64_t now_ms)
{
	siginfo_t info = {0};

	/* Seen without being reaped. */
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	audit_tick(now_ms);
	/* Reaped: there is no child any more. */
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), -1);
}

static void program_that_ends_is_started_again_ever_later(void **state)
{
	char *path = make_program("program", "echo >>starts");
	uint64_t now = base_mono_ms();
	uint64_t wait = 1000;
	struct stat st;
	int i;

	(void)state;
	open_audit(NULL, path);
	for (i = 1; i <= 9; i++) {
		wait_for_end(now);
		assert_int_equal(stat("starts", &st), 0);
		assert_int_equal(st.st_size, i);
		/* Not a moment before its time. */
		audit_tick(now + wait - 1);
		assert_int_equal(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG), -1);
		now += wait;
		audit_tick(now);
		wait = wait * 2 > 60000 ? 60000 : wait * 2;
	}
	wait_for_end(now + 60000); /* ran for a minute: 1 s again */
	audit_tick(now + 60999);
	assert_int_equal(waitid(P_ALL, 0, NULL, WEXITED | WNOHANG), -1);
	audit_tick(now + 61000);
	wait_for_end(now + 61000);
	close_audit();
	unlink("program");
	unlink("starts");
}

static void lines_wait_for_the_next_program(void **state)
{
	char *path = make_program("program", "read line\n"
					     "printf '%s\\n' \"$line\" >>out");
	uint64_t now = base_mono_ms();
	siginfo_t info;
	int i;

	(void)state;
	open_audit(NULL, path);
	refuse(1);
	wait_for_end(now);
	for (i = 2; i < 20; i++)
		refuse(i);
	audit_tick(now + 1000);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	/* It took all that waited, used one line, and ended. */
	refuse(20);
	wait_for_end(now + 2000);
	audit_tick(now + 4000);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	close_audit();
	assert_int_equal(count_lines("out"), 3);
	unlink("program");
	unlink("out");
}

static void program_that_closed_its_input_is_ended(void **state)
{
	char *path = make_program("program", "exec <&-; echo >up\n"
					     "while :; do read x <fifo; done");
	uint64_t now = base_mono_ms();
	siginfo_t info = {0};

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	open_audit(NULL, path);
	wait_for_size("up", 1);
	refuse(1);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(info.si_status, SIGTERM);
	/* The line was not taken, so the next program has it. */
	make_program("program", "exec cat >out");
	audit_tick(now);
	audit_tick(now + 5000);
	wait_for_size("out", 71);
	close_audit();
	assert_int_equal(count_lines("out"), 1);
	unlink("program");
	unlink("fifo");
	unlink("up");
	unlink("out");
}

static void program_that_vanished_is_tried_again(void **state)
{
	char *path = make_program("program", "exit 0");
	uint64_t now = base_mono_ms();

	(void)state;
	open_audit(NULL, path);
	wait_for_end(now);
	unlink("program");
	audit_tick(now + 1000); /* cannot start: 2 s more */
	refuse(1);
	make_program("program", "exec cat >out");
	audit_tick(now + 2999);
	assert_int_equal(access("out", F_OK), -1);
	audit_tick(now + 3000);
	wait_for_size("out", 71);
	close_audit();
	unlink("program");
	unlink("out");
}

static void syslog_gets_refusals(void **state)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "syslog"};
	struct audit_options o = {NULL, LOG_LOCAL1, NULL};
	const char *system_path = sink_syslog_path;
	uint64_t lost = audit_lost();
	char text[300], error[300];
	ssize_t n;
	int fd;

	(void)state;
	sink_syslog_path = "syslog";
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(audit_open(&o, error, sizeof(error)), 0);
	assert_true(audit_wants());
	refuse(1);
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "<140>pen-proxy[", 15);
	assert_string_equal(text + n - 13, ",\"n\":1000001}");
	close(fd);
	refuse(2);
	assert_int_equal(audit_lost(), lost + 1);
	close_audit();
	sink_syslog_path = system_path;
	unlink("syslog");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_gets_finished_and_unfinished_lines),
		cmocka_unit_test(sinks_that_cannot_be_opened_are_said),
		cmocka_unit_test(reopen_follows_a_moved_file),
		cmocka_unit_test(full_disk_is_outlived),
		cmocka_unit_test(program_reads_every_line),
		cmocka_unit_test(program_finds_a_clean_process),
		cmocka_unit_test(program_that_reads_nothing_blocks_nothing),
		cmocka_unit_test(program_that_ends_is_started_again_ever_later),
		cmocka_unit_test(lines_wait_for_the_next_program),
		cmocka_unit_test(program_that_closed_its_input_is_ended),
		cmocka_unit_test(program_that_vanished_is_tried_again),
		cmocka_unit_test(syslog_gets_refusals),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
