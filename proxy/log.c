/* SPDX-License-Identifier: MIT */
/* log.c - one line per event: JSON or text, batched, rotated, rate-limited */

/*
 * Theory of operation
 *
 * A line is put together on its caller's stack, always as JSON, without a lock.
 * log_end() queues it under the lock of the one log of the process; the queue
 * is written by log_flush(), or when it is full.  Text for people is made from
 * the JSON line, so that the tap and the audit trail get theirs whatever the
 * format of the log is.
 *
 * A write that fails leaves its lines queued; new lines are counted as lost
 * once the queue is full.  So a disk that is full for a moment costs nothing,
 * and a line is never torn by a write that was cut short.
 */

#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base.h"
#include "sink.h"

#define LOG_QUEUE_MAX 65536
#define LOG_VALUE_MAX 1024
#define LOG_END 2 /* "}\n" */

/*
 * @path:   owned; NULL for standard error
 * @opened: by log_open(); until then nothing is held back
 * @rotates: the log is a regular file: what else has a path (/dev/null, a FIFO)
 *          is not ours to rename
 * @size:   bytes in the file, as far as this process knows
 * @window: the second that @permitted refusals were counted in
 * @limited, @limited_said: refusals over the limit; those already reported
 * @lost_said: lost lines already reported
 */
static struct {
	pthread_mutex_t lock;
	struct sink out;
	struct sink_syslog syslog;
	char *path;
	bool opened, rotates;
	enum log_format format;
	uint64_t size, max_size;
	unsigned int keep;
	void (*tap_cb)(void *arg, enum log_level level, const char *line,
		       size_t len);
	void *tap_arg;
	uint64_t window, limited, limited_said, lost_said;
	unsigned int permitted;
} log_state = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.out = {.fd = STDERR_FILENO, .shared = true, .max = LOG_QUEUE_MAX},
	.syslog = {.fd = -1, .facility = -1},
	.format = LOG_TEXT,
};

static atomic_int log_level_wanted = LEVEL_INFO;
static atomic_bool log_pending;

static const struct {
	const char *name;
	int severity;
} log_levels[] = {
	[LEVEL_DEBUG] = {"debug", LOG_DEBUG},
	[LEVEL_INFO] = {"info", LOG_INFO},
	[LEVEL_WARN] = {"warn", LOG_WARNING},
	[LEVEL_ERROR] = {"error", LOG_ERR},
};

/* ------------------------------------------------------------------------ */
/* Where lines go.  All of this is called with the lock held. */

static bool log_is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* FILE.1, or FILE.new for 0; the caller frees it. */
static char *log_rotated_name(unsigned int number)
{
	struct sbuf name = {0};

	if (number == 0)
		sbuf_printf(&name, "%s.new", log_state.path);
	else
		sbuf_printf(&name, "%s.%u", log_state.path, number);
	if (name.oom)
		sbuf_free(&name);
	return name.data;
}

/*
 * Renames FILE.1 to FILE.2 and so on, then FILE to FILE.1; what is not there
 * needs no renaming.  Returns 0 or a negative errno.
 */
static int log_shift(void)
{
	unsigned int i;
	int result = 0;

	if (log_state.keep == 0 && unlink(log_state.path) != 0)
		result = -errno;
	for (i = log_state.keep; i > 0 && (!result || result == -ENOENT); i--) {
		char *to = log_rotated_name(i);
		char *from = i > 1 ? log_rotated_name(i - 1)
				   : strdup(log_state.path);

		if (!from || !to)
			result = -ENOMEM;
		else
			result = rename(from, to) == 0 ? 0 : -errno;
		free(from);
		free(to);
	}
	return result == -ENOENT ? 0 : result;
}

/*
 * The new file is open before the old one is moved, so that a failure at any
 * step leaves a descriptor to write to.  Whatever happens, counting starts
 * anew: a rotation that fails is tried again only after @max_size bytes.
 */
static void log_rotate(void)
{
	char *new = log_rotated_name(0);
	uint64_t size;
	int fd = new ? sink_open_file(new, &size) : -ENOMEM;
	int result = fd < 0 ? fd : log_shift();

	log_state.size = 0;
	if (result == 0 && rename(new, log_state.path) != 0)
		result = -errno;
	if (result == 0) {
		close(log_state.out.fd);
		log_state.out.fd = fd;
		log_state.size = size;
	} else {
		sink_complain("cannot rotate", log_state.path, -result);
		if (fd >= 0) {
			close(fd);
			unlink(new);
		}
	}
	free(new);
}

/*
 * How many queued bytes may go to the file before it is rotated: whole lines
 * within max_size, but at least one line.
 */
static size_t log_fitting(void)
{
	const struct sink *out = &log_state.out;
	uint64_t room = log_state.max_size > log_state.size
				? log_state.max_size - log_state.size
				: 0;
	size_t most;

	if (log_state.max_size == 0 || !log_state.rotates || out->len <= room)
		return out->len;
	most = (size_t)room;
	while (most > 0 && out->queue[most - 1] != '\n')
		most--;
	if (most == 0 && (log_state.size == 0 || out->torn))
		most = (size_t)((char *)memchr(out->queue, '\n', out->len) + 1 -
				out->queue);
	return most;
}

static void log_write(void)
{
	struct sink *out = &log_state.out;

	while (out->len > 0) {
		size_t most = log_fitting(), written;
		bool failed = out->failed;
		int result;

		if (most == 0) {
			log_rotate();
			continue;
		}
		result = sink_write(out, most, &written);
		log_state.size += written;
		if (result != 0 && !failed && log_state.path)
			sink_complain("cannot write", log_state.path, -result);
		if (written < most)
			break;
	}
	atomic_store_explicit(&log_pending, out->len > 0, memory_order_relaxed);
}

static void log_put(const char *line, size_t len)
{
	struct sink *out = &log_state.out;

	if (out->max - out->len < len)
		log_write();
	sink_put(out, line, len);
	atomic_store_explicit(&log_pending, true, memory_order_relaxed);
	if (!log_state.opened)
		log_write();
}

/* ------------------------------------------------------------------------ */

int log_open(const struct log_options *options, char *error, size_t error_cap)
{
	bool to_file = options->file && strcmp(options->file, "stderr") != 0;
	struct sink_syslog syslog = {.fd = -1, .facility = -1};
	uint64_t size = 0;
	char *path = NULL;
	int fd = STDERR_FILENO;

	/* Log lines and audit lines go to pipes whose reader may be gone. */
	signal(SIGPIPE, SIG_IGN);
	if (to_file) {
		path = strdup(options->file);
		fd = path ? sink_open_file(path, &size) : -ENOMEM;
		if (fd < 0) {
			snprintf(error, error_cap, "cannot open the log %s: %s",
				 options->file, strerror(-fd));
			goto failed;
		}
	}
	if (options->facility >= 0) {
		int result = sink_syslog_open(&syslog, options->facility);

		if (result != 0) {
			snprintf(error, error_cap, "cannot reach syslog: %s",
				 strerror(-result));
			goto failed;
		}
	}
	log_close();
	pthread_mutex_lock(&log_state.lock);
	log_state.out.fd = fd;
	log_state.out.shared = !to_file;
	log_state.syslog = syslog;
	log_state.path = path;
	log_state.rotates = to_file && log_is_regular(fd);
	log_state.size = size;
	log_state.max_size = options->max_size;
	log_state.keep = options->keep;
	log_state.format = options->format;
	log_state.opened = true;
	atomic_store(&log_level_wanted, (int)options->level);
	pthread_mutex_unlock(&log_state.lock);
	return 0;
failed:
	if (to_file && fd >= 0)
		close(fd);
	free(path);
	return -1;
}

void log_reopen(void)
{
	struct sink *out = &log_state.out;
	uint64_t size;
	int fd = 0;

	pthread_mutex_lock(&log_state.lock);
	if (log_state.path) {
		log_write();
		fd = sink_open_file(log_state.path, &size);
		if (fd >= 0) {
			sink_drop_torn(out);
			close(out->fd);
			out->fd = fd;
			out->failed = false;
			log_state.rotates = log_is_regular(fd);
			log_state.size = size;
			log_write();
		}
	}
	pthread_mutex_unlock(&log_state.lock);
	if (fd < 0)
		log_say(LEVEL_ERROR, "error", "cannot open the log anew: %s",
			strerror(-fd));
}

void log_flush(void)
{
	if (!atomic_load_explicit(&log_pending, memory_order_relaxed))
		return;
	pthread_mutex_lock(&log_state.lock);
	log_write();
	pthread_mutex_unlock(&log_state.lock);
}

void log_close(void)
{
	pthread_mutex_lock(&log_state.lock);
	log_write();
	sink_fini(&log_state.out);
	sink_syslog_close(&log_state.syslog);
	log_state.syslog.facility = -1;
	free(log_state.path);
	log_state.path = NULL;
	log_state.rotates = false;
	log_state.out.fd = STDERR_FILENO;
	log_state.out.shared = true;
	log_state.format = LOG_TEXT;
	log_state.opened = false;
	atomic_store(&log_level_wanted, LEVEL_INFO);
	atomic_store(&log_pending, false);
	pthread_mutex_unlock(&log_state.lock);
}

uint64_t log_dropped(void)
{
	uint64_t dropped;

	pthread_mutex_lock(&log_state.lock);
	dropped = log_state.out.lost + log_state.limited;
	pthread_mutex_unlock(&log_state.lock);
	return dropped;
}

bool log_wants(enum log_level level)
{
	return (int)level >=
	       atomic_load_explicit(&log_level_wanted, memory_order_relaxed);
}

void log_tap(void (*cb)(void *arg, enum log_level level, const char *line,
			size_t len),
	     void *arg)
{
	pthread_mutex_lock(&log_state.lock);
	log_state.tap_cb = cb;
	log_state.tap_arg = arg;
	pthread_mutex_unlock(&log_state.lock);
}

/* ------------------------------------------------------------------------ */
/* Lines. */

/* What stands for itself inside a JSON string: 1; with a backslash: 2. */
static const uint8_t log_plain[256] = {
	[' '] = 1,    ['!'] = 1,    ['"'] = 2,    ['\\'] = 2,
#define LOG_ROW(c)                                                             \
	[(c)] = 1, [(c) + 1] = 1, [(c) + 2] = 1, [(c) + 3] = 1, [(c) + 4] = 1, \
	[(c) + 5] = 1, [(c) + 6] = 1
	LOG_ROW('#'), LOG_ROW('*'), LOG_ROW('1'), LOG_ROW('8'), LOG_ROW('?'),
	LOG_ROW('F'), LOG_ROW('M'), LOG_ROW('T'), ['['] = 1,    [']'] = 1,
	LOG_ROW('^'), LOG_ROW('e'), LOG_ROW('l'), LOG_ROW('s'), ['z'] = 1,
	['{'] = 1,    ['|'] = 1,    ['}'] = 1,    ['~'] = 1,
#undef LOG_ROW
};

/* Whether each of eight bytes is one for log_plain to say 1. */
static bool log_are_plain(uint64_t eight)
{
	static const uint64_t each = 0x0101010101010101;
	uint64_t odd = eight | (eight - each * ' ');

	odd |= (eight ^ each * '"') - each;
	odd |= (eight ^ each * '\\') - each;
	odd |= (eight ^ each * 0x7f) - each;
	return !(odd & each * 0x80);
}

/* Writes the inside of a JSON string, of as many bytes as fit into @cap. */
static size_t log_escape(char *out, size_t cap, const uint8_t *in, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t eight;
	const size_t fits = len < cap ? len : cap;
	size_t i, n = 0;

	for (; fits - n >= sizeof(eight); n += sizeof(eight)) {
		memcpy(&eight, in + n, sizeof(eight));
		if (!log_are_plain(eight))
			break;
		memcpy(out + n, &eight, sizeof(eight));
	}
	for (i = n; i < len; i++) {
		uint8_t c = in[i];

		if (log_plain[c] == 1) {
			if (cap - n < 1)
				break;
			out[n++] = (char)c;
		} else if (log_plain[c] == 2) {
			if (cap - n < 2)
				break;
			out[n++] = '\\';
			out[n++] = (char)c;
		} else {
			if (cap - n < 6)
				break;
			memcpy(out + n, "\\u00", 4);
			out[n + 4] = hex[c >> 4];
			out[n + 5] = hex[c & 15];
			n += 6;
		}
	}
	return n;
}

static void log_raw(struct log_line *l, const char *text, size_t len)
{
	memcpy(l->buf + l->len, text, len);
	l->len += len;
}

#define LOG_RAW(l, literal) log_raw(l, literal, sizeof(literal) - 1)

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	const char *name = log_levels[level].name;

	l->len = 0;
	l->level = level;
	l->finished = false;
	LOG_RAW(l, "{\"ts\":\"");
	base_format_time(base_wall_ms(), l->buf + l->len);
	l->len += BASE_TIME_LEN;
	LOG_RAW(l, "\",\"level\":\"");
	log_raw(l, name, strlen(name));
	LOG_RAW(l, "\"");
	log_text(l, "event", event);
}

/* Writes the name of a field; where its value goes, or NULL if @more bytes do
 * not fit behind the name. */
static char *log_key(const struct log_line *l, char *at, const char *key,
		     size_t len, size_t more)
{
	if (l->finished ||
	    len + sizeof(",\"\":") - 1 + more + LOG_END > LOG_LINE_MAX - l->len)
		return NULL;
	*at++ = ',';
	*at++ = '"';
	memcpy(at, key, len);
	at += len;
	*at++ = '"';
	*at++ = ':';
	return at;
}

void log_add_bytes(struct log_line *l, const char *key, size_t key_len,
		   const void *data, size_t len)
{
	char *at = log_key(l, l->buf + l->len, key, key_len, 2);
	size_t room;

	if (!at)
		return;
	*at++ = '"';
	room = LOG_LINE_MAX - (size_t)(at - l->buf) - 1 - LOG_END;
	at += log_escape(at, room < LOG_VALUE_MAX ? room : LOG_VALUE_MAX, data,
			 len);
	*at++ = '"';
	l->len = (size_t)(at - l->buf);
}

void log_add_uint(struct log_line *l, const char *key, size_t key_len,
		  uint64_t value)
{
	char *at = log_key(l, l->buf + l->len, key, key_len, BASE_UINT_LEN);

	if (at)
		l->len = (size_t)(at + base_format_uint(value, at) - l->buf);
}

void log_finish(struct log_line *l)
{
	if (!l->finished)
		LOG_RAW(l, "}\n");
	l->finished = true;
}

/* Whether a JSON string needs no quotes to be read in a line of text. */
static bool log_is_word(const char *in, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (in[i] == ' ' || in[i] == '"' || in[i] == '\\' ||
		    in[i] == '=')
			return false;
	}
	return len > 0;
}

/*
 * Makes `TIME LEVEL EVENT key=value key="a value"` of a finished JSON line,
 * which is one object of strings and numbers that log_begin() and its like
 * wrote.  The text is never longer.
 */
static size_t log_format_text(char *out, const struct log_line *l)
{
	const char *p = l->buf + 1; /* behind '{' */
	unsigned int field;
	size_t n = 0;

	for (field = 0; *p == '"'; field++) {
		const char *key = p + 1;
		size_t key_len = (size_t)(strchr(key, '"') - key);
		const char *value = key + key_len + 2;
		const char *end;
		bool word = true;

		if (*value == '"') {
			for (end = ++value; *end != '"'; end++)
				end += *end == '\\';
			word = log_is_word(value, (size_t)(end - value));
			p = end + 1;
		} else {
			end = value + strcspn(value, ",}");
			p = end;
		}
		p += *p == ',';
		if (field > 0)
			out[n++] = ' ';
		if (field > 2) {
			memcpy(out + n, key, key_len);
			n += key_len;
			out[n++] = '=';
		}
		if (!word)
			out[n++] = '"';
		memcpy(out + n, value, (size_t)(end - value));
		n += (size_t)(end - value);
		if (!word)
			out[n++] = '"';
	}
	out[n++] = '\n';
	return n;
}

void log_end(struct log_line *l)
{
	char text[LOG_LINE_MAX];

	log_finish(l);
	if (!log_wants(l->level))
		return;
	pthread_mutex_lock(&log_state.lock);
	if (log_state.format == LOG_JSON)
		log_put(l->buf, l->len);
	else
		log_put(text, log_format_text(text, l));
	if (log_state.syslog.facility >= 0 &&
	    !sink_syslog_send(&log_state.syslog, log_levels[l->level].severity,
			      l->buf, l->len - 1))
		log_state.out.lost++;
	if (log_state.tap_cb)
		log_state.tap_cb(log_state.tap_arg, l->level, l->buf,
				 l->len - 1);
	pthread_mutex_unlock(&log_state.lock);
}

void log_say(enum log_level level, const char *event, const char *fmt, ...)
{
	char text[LOG_VALUE_MAX];
	struct log_line l;
	va_list args;

	if (!log_wants(level))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_begin(&l, level, event);
	log_text(&l, "message", text);
	log_end(&l);
}

bool log_permit_refusal(uint64_t now_ms)
{
	bool permitted;

	pthread_mutex_lock(&log_state.lock);
	if (log_state.window != now_ms / 1000) {
		log_state.window = now_ms / 1000;
		log_state.permitted = 0;
	}
	permitted = log_state.permitted < LOG_REFUSALS_PER_SECOND;
	if (permitted)
		log_state.permitted++;
	else
		log_state.limited++;
	pthread_mutex_unlock(&log_state.lock);
	return permitted;
}

void log_tick(void)
{
	struct log_line l;
	uint64_t limited, lost;

	pthread_mutex_lock(&log_state.lock);
	limited = log_state.limited - log_state.limited_said;
	lost = log_state.out.lost - log_state.lost_said;
	if (log_state.out.failed)
		limited = lost = 0; /* said when there is a log again */
	log_state.limited_said += limited;
	log_state.lost_said += lost;
	pthread_mutex_unlock(&log_state.lock);
	if (limited == 0 && lost == 0)
		return;
	log_begin(&l, LEVEL_WARN, "dropped");
	if (limited > 0)
		log_uint(&l, "refusals", limited);
	if (lost > 0)
		log_uint(&l, "lost", lost);
	log_end(&l);
}
