/* SPDX-License-Identifier: MIT */
/* test_log.c - lines, escaping, rotation, failing writes, the rate limit */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/base.h"
#include "proxy/log.h"
#include "proxy/sink.h"
#include "tests/unit/files.h"

/* What stands in front of every line: {"ts":"2026-01-02T03:04:05.678Z", */
#define HEAD (sizeof("{\"ts\":\"\",") - 1 + BASE_TIME_LEN)

static struct log_options options_for(const char *file)
{
	return (struct log_options){.file = file,
				    .facility = -1,
				    .level = LEVEL_INFO,
				    .format = LOG_JSON};
}

static void open_log(const struct log_options *o)
{
	char error[200] = "";

	if (log_open(o, error, sizeof(error)) != 0)
		fail_msg("%s", error);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* The log file's text from behind the time of its first line. */
static void assert_logged(const char *path, const char *expected)
{
	char *data = slurp(path);

	assert_true(strlen(data) > HEAD);
	assert_string_equal(data + HEAD, expected);
	free(data);
}

/* Descriptor 2 is a pipe while a test looks at what is said on it. */
static int saved_stderr = -1;

static int stderr_take(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	return ends[0];
}

static size_t stderr_read(int fd, char *buf, size_t cap)
{
	ssize_t n = read(fd, buf, cap - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void stderr_give_back(int fd)
{
	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	close(saved_stderr);
	close(fd);
}

static void line_holds_fields_in_order(void **state)
{
	struct log_options o = options_for("log");
	struct log_line l;
	struct stat st;

	(void)state;
	open_log(&o);
	log_begin(&l, LEVEL_WARN, "deny");
	log_text(&l, "host", "example.org");
	log_text(&l, "absent", NULL);
	log_uint(&l, "port", 443);
	log_uint(&l, "zero", 0);
	log_uint(&l, "big", UINT64_MAX);
	log_bytes(&l, "sni", "a\0b", 3);
	log_end(&l);
	assert_int_equal(size_of("log"), 0);
	log_flush();
	log_flush();
	assert_logged("log", "\"level\":\"warn\",\"event\":\"deny\","
			     "\"host\":\"example.org\",\"port\":443,"
			     "\"zero\":0,\"big\":18446744073709551615,"
			     "\"sni\":\"a\\u0000b\"}\n");
	assert_int_equal(stat("log", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	log_close();
	unlink("log");
}

static void every_byte_is_escaped(void **state)
{
	struct log_options o = options_for("log");
	struct log_line l;
	char all[256], *data;
	struct sbuf expected = {0};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	open_log(&o);
	log_begin(&l, LEVEL_INFO, "request");
	log_bytes(&l, "v", all, 128);
	log_bytes(&l, "w", all + 128, 128);
	log_end(&l);
	log_close();
	sbuf_puts(&expected, ",\"v\":");
	sbuf_json(&expected, all, 128);
	sbuf_puts(&expected, ",\"w\":");
	sbuf_json(&expected, all + 128, 128);
	data = slurp("log");
	assert_non_null(strstr(data, expected.data));
	free(data);
	sbuf_free(&expected);
	unlink("log");
}

/* Plain text is copied by the word: a byte that is not plain is escaped at each
 * place of one, and so is what follows it. */
static void a_byte_is_escaped_wherever_it_stands(void **state)
{
	char text[20];

	(void)state;
	for (unsigned int n = 0; n < 256 * sizeof(text); n++) {
		struct sbuf expected = {0};
		struct log_line l;

		memset(text, 'a', sizeof(text));
		text[n / 256] = (char)n;
		sbuf_json(&expected, text, sizeof(text));
		log_begin(&l, LEVEL_INFO, "test");
		log_bytes(&l, "v", text, sizeof(text));
		assert_memory_equal(l.buf + l.len - expected.len, expected.data,
				    expected.len);
		sbuf_free(&expected);
	}
}

static void line_stays_valid_whatever_is_added(void **state)
{
	struct log_options o = options_for("log");
	struct log_line l;
	char wild[5000], *data;
	int i;

	(void)state;
	memset(wild, 0x01, sizeof(wild));
	open_log(&o);
	log_begin(&l, LEVEL_INFO, "request");
	for (i = 0; i < 8; i++)
		log_bytes(&l, "wild", wild, sizeof(wild));
	for (i = 0; i < 100; i++)
		log_uint(&l, "n", 7);
	assert_true(l.len < LOG_LINE_MAX);
	log_end(&l);
	log_uint(&l, "late", 1);
	log_end(&l);
	log_close();
	data = slurp("log");
	assert_null(strstr(data, "late"));
	/* Two equal lines; escapes are never cut in the middle. */
	assert_memory_equal(data, data + l.len, l.len);
	assert_int_equal(data[2 * l.len], '\0');
	assert_string_equal(data + 2 * l.len - 2, "}\n");
	assert_non_null(strstr(data, "\\u0001\",\"wild\":\"\\u0001"));
	free(data);
	unlink("log");
}

static void values_are_cut_at_a_kibibyte(void **state)
{
	struct log_line l;
	char a[3000], *end;

	(void)state;
	memset(a, 'a', sizeof(a));
	log_begin(&l, LEVEL_INFO, "request");
	log_bytes(&l, "v", a, sizeof(a));
	log_text(&l, "rule", "still here");
	log_finish(&l);
	l.buf[l.len] = '\0';
	end = strstr(l.buf, "\",\"rule\":\"still here\"}\n");
	assert_non_null(end);
	assert_int_equal(strspn(strstr(l.buf, "aaa"), "a"), 1024);
}

static void text_is_for_people(void **state)
{
	struct log_options o = options_for("log");
	struct log_line l;
	char *data;

	(void)state;
	o.format = LOG_TEXT;
	open_log(&o);
	log_begin(&l, LEVEL_WARN, "deny");
	log_text(&l, "host", "example.org");
	log_uint(&l, "port", 443);
	log_text(&l, "reason", "no rule \"a\" \\");
	log_text(&l, "empty", "");
	log_text(&l, "url", "a=b");
	log_end(&l);
	log_close();
	data = slurp("log");
	assert_int_equal(data[BASE_TIME_LEN], ' ');
	assert_string_equal(data + BASE_TIME_LEN + 1,
			    "warn deny host=example.org port=443 "
			    "reason=\"no rule \\\"a\\\" \\\\\" empty=\"\" "
			    "url=\"a=b\"\n");
	free(data);
	unlink("log");
}

static void levels_below_the_wanted_are_left_out(void **state)
{
	struct log_options o = options_for("log");
	struct log_line l;

	(void)state;
	o.level = LEVEL_WARN;
	open_log(&o);
	assert_false(log_wants(LEVEL_INFO));
	assert_true(log_wants(LEVEL_WARN));
	log_begin(&l, LEVEL_INFO, "request");
	log_end(&l);
	log_say(LEVEL_DEBUG, "debug", "%d", 1);
	log_say(LEVEL_ERROR, "error", "no %s", "luck");
	log_close();
	assert_logged("log", "\"level\":\"error\",\"event\":\"error\","
			     "\"message\":\"no luck\"}\n");
	unlink("log");
}

static void full_batch_is_written_at_once(void **state)
{
	struct log_options o = options_for("log");
	int i;

	(void)state;
	open_log(&o);
	for (i = 0; i < 1000; i++)
		log_say(LEVEL_INFO, "start", "line %d of some length", i);
	assert_true(size_of("log") > 60000);
	log_close();
	assert_int_equal(log_dropped(), 0);
	unlink("log");
}

static void log_is_appended_to(void **state)
{
	struct log_options o = options_for("log");
	char *data;

	(void)state;
	open_log(&o);
	log_say(LEVEL_INFO, "start", "one");
	open_log(&o);
	log_say(LEVEL_INFO, "start", "two");
	log_close();
	data = slurp("log");
	assert_non_null(strstr(strstr(data, "one"), "two"));
	free(data);
	unlink("log");
}

static void log_that_cannot_be_opened_is_said(void **state)
{
	struct log_options o = options_for("none/log");
	struct log_options good = options_for("log");
	char error[200] = "";

	(void)state;
	open_log(&good);
	assert_int_equal(log_open(&o, error, sizeof(error)), -1);
	assert_string_equal(error, "cannot open the log none/log: "
				   "No such file or directory");
	o.file = "link";
	assert_int_equal(symlink("elsewhere", "link"), 0);
	assert_int_equal(log_open(&o, error, sizeof(error)), -1);
	assert_int_equal(access("elsewhere", F_OK), -1);
	/* A FIFO without a reader is not waited for. */
	o.file = "fifo";
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(log_open(&o, error, sizeof(error)), -1);
	/* The former log is still in use. */
	log_say(LEVEL_INFO, "start", "still");
	log_close();
	assert_true(size_of("log") > 0);
	unlink("log");
	unlink("link");
	unlink("fifo");
}

static void reopen_follows_a_moved_file(void **state)
{
	struct log_options o = options_for("log");
	char error[200];
	int err;

	(void)state;
	open_log(&o);
	log_say(LEVEL_INFO, "start", "before");
	assert_int_equal(rename("log", "moved"), 0);
	log_reopen();
	log_say(LEVEL_INFO, "start", "after");
	log_flush();
	assert_true(size_of("moved") > 0);
	assert_int_equal(size_of("log"), size_of("moved") - 1);
	/* Where it cannot be opened anew, the old one goes on. */
	assert_int_equal(unlink("log"), 0);
	assert_int_equal(mkdir("log", 0700), 0);
	log_reopen();
	log_say(LEVEL_INFO, "start", "more");
	err = stderr_take();
	log_close();
	assert_int_equal(stderr_read(err, error, sizeof(error)), 0);
	stderr_give_back(err);
	assert_int_equal(rmdir("log"), 0);
	unlink("moved");
}

/* Every line is 74 bytes, so that three of them fit into 250 bytes. */
static void say_lines(int from, int to)
{
	int i;

	for (i = from; i <= to; i++)
		log_say(LEVEL_INFO, "start", "%06d", i);
}

static unsigned long first_number_in(const char *path)
{
	char *data = slurp(path);
	char *message = strstr(data, "\"message\":\"");
	unsigned long number;

	assert_non_null(message);
	number = strtoul(message + strlen("\"message\":\""), NULL, 10);
	free(data);
	return number;
}

static void file_is_rotated_at_its_size(void **state)
{
	struct log_options o = options_for("log");

	(void)state;
	o.max_size = 300;
	o.keep = 2;
	open_log(&o);
	say_lines(1, 15);
	log_close();
	assert_true(size_of("log") <= 300);
	assert_true(size_of("log.1") <= 300 && size_of("log.1") > 200);
	assert_int_equal(size_of("log.3"), -1);
	assert_int_equal(size_of("log.new"), -1);
	assert_true(first_number_in("log") > first_number_in("log.1"));
	assert_true(first_number_in("log.1") > first_number_in("log.2"));
	/* What is there at the start counts, too. */
	open_log(&o);
	say_lines(16, 30);
	log_close();
	assert_true(size_of("log") <= 300 && size_of("log.1") <= 300);
	unlink("log");
	unlink("log.1");
	unlink("log.2");
}

static void no_old_file_is_kept_where_none_is_wanted(void **state)
{
	struct log_options o = options_for("log");

	(void)state;
	o.max_size = 300;
	open_log(&o);
	say_lines(1, 15);
	log_close();
	assert_true(size_of("log") > 0 && size_of("log") <= 300);
	assert_int_equal(size_of("log.1"), -1);
	unlink("log");
}

static void a_line_over_the_size_gets_a_file_of_its_own(void **state)
{
	struct log_options o = options_for("log");

	(void)state;
	o.max_size = 10;
	o.keep = 5;
	open_log(&o);
	say_lines(1, 3);
	log_close();
	assert_int_equal(first_number_in("log"), 3);
	assert_int_equal(first_number_in("log.1"), 2);
	assert_int_equal(first_number_in("log.2"), 1);
	assert_int_equal(size_of("log.3"), -1);
	unlink("log");
	unlink("log.1");
	unlink("log.2");
}

static void what_is_no_regular_file_is_not_rotated(void **state)
{
	struct log_options o = options_for("log");
	struct stat st;
	char text[4096];
	int fd;

	(void)state;
	o.max_size = 300;
	o.keep = 1;
	assert_int_equal(mkfifo("log", 0600), 0);
	fd = open("log", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	open_log(&o);
	say_lines(1, 15);
	log_close();
	assert_true(read(fd, text, sizeof(text)) > 1000);
	close(fd);
	assert_int_equal(lstat("log", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(size_of("log.1"), -1);
	unlink("log");
}

static void failed_rotation_keeps_writing(void **state)
{
	struct log_options o = options_for("log");
	char text[4096];
	int err;

	(void)state;
	o.max_size = 300;
	o.keep = 1;
	/* A folder that is not empty cannot be renamed over. */
	assert_int_equal(mkdir("log.1", 0700), 0);
	open_log(&o);
	err = stderr_take();
	say_lines(1, 15);
	log_flush();
	stderr_read(err, text, sizeof(text));
	assert_memory_equal(text, "pen-proxy: cannot rotate log: ", 30);
	/* Nor can a file be opened where a folder is. */
	assert_int_equal(mkdir("log.new", 0700), 0);
	say_lines(16, 30);
	log_close();
	stderr_give_back(err);
	assert_int_equal(log_dropped(), 0);
	assert_true(size_of("log") > 2000);
	assert_int_equal(rmdir("log.new"), 0);
	assert_int_equal(rmdir("log.1"), 0);
	unlink("log");
}

static void full_disk_is_said_once_and_outlived(void **state)
{
	struct log_options o = options_for("log");
	struct rlimit before, small;
	uint64_t dropped = log_dropped();
	char text[4096], *data, *end;
	int err;

	(void)state;
	/* A limit of the file size stands for the full disk. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 1000;
	open_log(&o);
	err = stderr_take();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	say_lines(1, 3000);
	log_flush();
	log_flush();
	log_tick();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	stderr_read(err, text, sizeof(text));
	stderr_give_back(err);
	assert_string_equal(text,
			    "pen-proxy: cannot write log: File too large\n");
	assert_int_equal(size_of("log"), 1000);
	assert_true(log_dropped() > dropped);
	log_flush();
	log_tick();
	log_close();
	data = slurp("log");
	/* No line was torn, and how many are missing is said. */
	end = strstr(data, "\"level\":\"warn\"") - HEAD;
	assert_int_equal((size_t)(end - data) % (strcspn(data, "\n") + 1), 0);
	assert_non_null(strstr(data, ",\"lost\":"));
	free(data);
	unlink("log");
}

static void stderr_that_nobody_reads_blocks_nothing(void **state)
{
	struct log_options o = options_for("stderr");
	uint64_t dropped = log_dropped();
	char *text = malloc(1 << 20);
	int err, i;
	size_t n, sum = 0;

	(void)state;
	assert_non_null(text);
	err = stderr_take();
	open_log(&o);
	for (i = 0; i < 5000; i++)
		log_say(LEVEL_INFO, "start", "line %06d", i);
	log_flush();
	assert_true(log_dropped() > dropped);
	/* What found room arrives whole once somebody reads. */
	while ((n = stderr_read(err, text + sum, (1 << 20) - sum)) > 0) {
		sum += n;
		log_flush();
	}
	log_close();
	stderr_give_back(err);
	assert_true(sum > 65536 + 60000);
	assert_int_equal(text[sum - 1], '\n');
	text[sum] = '\0';
	assert_int_equal(sum % (strcspn(text, "\n") + 1), 0);
	free(text);
}

static void closed_log_speaks_to_stderr_at_once(void **state)
{
	char text[300];
	int err = stderr_take();

	(void)state;
	log_say(LEVEL_INFO, "start", "early");
	log_say(LEVEL_DEBUG, "debug", "never");
	stderr_read(err, text, sizeof(text));
	stderr_give_back(err);
	assert_string_equal(text + BASE_TIME_LEN,
			    " info start message=early\n");
}

static void keep_line(void *arg, enum log_level level, const char *line,
		      size_t len)
{
	struct sbuf *kept = arg;

	assert_int_equal(level, LEVEL_INFO);
	sbuf_add(kept, line, len);
	sbuf_puts(kept, "|");
}

static void tap_gets_json_whatever_the_format(void **state)
{
	struct log_options o = options_for("log");
	struct sbuf kept = {0};

	(void)state;
	o.format = LOG_TEXT;
	open_log(&o);
	log_tap(keep_line, &kept);
	log_say(LEVEL_INFO, "start", "one");
	log_say(LEVEL_DEBUG, "start", "not wanted");
	log_tap(NULL, NULL);
	log_say(LEVEL_INFO, "start", "two");
	log_close();
	assert_string_equal(kept.data + HEAD,
			    "\"level\":\"info\",\"event\":\"start\","
			    "\"message\":\"one\"}|");
	sbuf_free(&kept);
	unlink("log");
}

static void syslog_gets_every_line(void **state)
{
	struct log_options o = options_for("log");
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "syslog"};
	const char *system_path = sink_syslog_path;
	char text[500], error[200];
	uint64_t dropped;
	int fd, again;
	ssize_t n;

	(void)state;
	o.facility = LOG_LOCAL0;
	sink_syslog_path = "syslog";
	assert_int_equal(log_open(&o, error, sizeof(error)), -1);
	assert_string_equal(error, "cannot reach syslog: "
				   "No such file or directory");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	open_log(&o);
	log_say(LEVEL_WARN, "deny", "one");
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n > 0);
	text[n] = '\0';
	assert_memory_equal(text, "<132>pen-proxy[", 15);
	assert_non_null(strstr(text, "]: {\"ts\":\""));
	assert_string_equal(text + n - 16, "\"message\":\"one\"}");
	/* The system's log is restarted. */
	close(fd);
	unlink("syslog");
	dropped = log_dropped();
	log_say(LEVEL_WARN, "deny", "lost");
	assert_int_equal(log_dropped(), dropped + 1);
	again = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(again, (struct sockaddr *)&un, sizeof(un)), 0);
	log_say(LEVEL_WARN, "deny", "two");
	assert_true(read(again, text, sizeof(text)) > 0);
	/* One that reads nothing blocks nothing. */
	for (n = 0; n < 5000; n++)
		log_say(LEVEL_WARN, "deny", "many");
	assert_true(log_dropped() > dropped + 1);
	log_close();
	close(again);
	sink_syslog_path = system_path;
	unlink("syslog");
	unlink("log");
}

static void refusals_over_the_limit_are_counted(void **state)
{
	struct log_options o = options_for("log");
	uint64_t dropped = log_dropped();
	char *data;
	int i, permitted = 0;

	(void)state;
	open_log(&o);
	log_tick(); /* what the tests before this one have lost */
	unlink("log");
	log_reopen();
	for (i = 0; i < 1000; i++)
		permitted += log_permit_refusal(5000 + (uint64_t)i % 900);
	assert_int_equal(permitted, LOG_REFUSALS_PER_SECOND);
	assert_int_equal(log_dropped() - dropped, 900);
	log_tick();
	log_tick();
	assert_true(log_permit_refusal(6000));
	log_close();
	data = slurp("log");
	assert_string_equal(data + HEAD, "\"level\":\"warn\",\"event\":"
					 "\"dropped\",\"refusals\":900}\n");
	free(data);
	unlink("log");
}

static void *say_many(void *arg)
{
	int i;

	for (i = 0; i < 2000; i++) {
		log_say(LEVEL_INFO, "start", "%s %06d", (const char *)arg, i);
		log_flush();
	}
	return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
	struct log_options o = options_for("log");
	pthread_t threads[2];
	char *data, *line;
	size_t count = 0, len;

	(void)state;
	o.max_size = 100000;
	o.keep = 9;
	open_log(&o);
	assert_int_equal(pthread_create(&threads[0], NULL, say_many, "a"), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, say_many, "b"), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	log_close();
	for (int i = 0; i <= 9; i++) {
		char name[16];

		snprintf(name, sizeof(name), i ? "log.%d" : "log", i);
		if (size_of(name) < 0)
			continue;
		data = slurp(name);
		len = strcspn(data, "\n") + 1;
		for (line = data; *line; line += len, count++)
			assert_int_equal(strcspn(line, "\n") + 1, len);
		free(data);
		unlink(name);
	}
	assert_int_equal(count, 4000);
}

static void torn_line_is_dropped_with_its_descriptor(void **state)
{
	struct sink s = {.fd = -1, .max = 100};
	size_t written;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[1];
	assert_true(sink_put(&s, "first\n", 6));
	assert_true(sink_put(&s, "second\n", 7));
	assert_int_equal(sink_write(&s, 3, &written), 0);
	assert_int_equal(written, 3);
	assert_true(s.torn);
	sink_drop_torn(&s);
	sink_drop_torn(&s);
	assert_int_equal(s.len, 7);
	assert_memory_equal(s.queue, "second\n", 7);
	assert_int_equal(s.lost, 1);
	assert_int_equal(sink_write(&s, 2, &written), 0);
	s.queue[s.len - 1] = '.'; /* a line that lost its end */
	sink_drop_torn(&s);
	assert_int_equal(s.len, 0);
	sink_fini(&s);
	close(ends[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_log_speaks_to_stderr_at_once),
		cmocka_unit_test(line_holds_fields_in_order),
		cmocka_unit_test(every_byte_is_escaped),
		cmocka_unit_test(a_byte_is_escaped_wherever_it_stands),
		cmocka_unit_test(line_stays_valid_whatever_is_added),
		cmocka_unit_test(values_are_cut_at_a_kibibyte),
		cmocka_unit_test(text_is_for_people),
		cmocka_unit_test(levels_below_the_wanted_are_left_out),
		cmocka_unit_test(full_batch_is_written_at_once),
		cmocka_unit_test(log_is_appended_to),
		cmocka_unit_test(log_that_cannot_be_opened_is_said),
		cmocka_unit_test(reopen_follows_a_moved_file),
		cmocka_unit_test(file_is_rotated_at_its_size),
		cmocka_unit_test(no_old_file_is_kept_where_none_is_wanted),
		cmocka_unit_test(a_line_over_the_size_gets_a_file_of_its_own),
		cmocka_unit_test(what_is_no_regular_file_is_not_rotated),
		cmocka_unit_test(failed_rotation_keeps_writing),
		cmocka_unit_test(full_disk_is_said_once_and_outlived),
		cmocka_unit_test(stderr_that_nobody_reads_blocks_nothing),
		cmocka_unit_test(tap_gets_json_whatever_the_format),
		cmocka_unit_test(syslog_gets_every_line),
		cmocka_unit_test(refusals_over_the_limit_are_counted),
		cmocka_unit_test(threads_do_not_mix_their_lines),
		cmocka_unit_test(torn_line_is_dropped_with_its_descriptor),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
