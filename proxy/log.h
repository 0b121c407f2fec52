/* SPDX-License-Identifier: MIT */
/* log.h - one line per event: JSON or text, batched, rotated, rate-limited */
#ifndef PEN_LOG_H
#define PEN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Named apart from the LOG_* of syslog.h. */
enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };
enum log_format { LOG_JSON, LOG_TEXT };

/**
 * struct log_options - Where lines go
 * @file:     path; NULL or "stderr" for standard error
 * @facility: syslog facility number (LOG_LOCAL0, ...), -1 for no syslog
 * @max_size: bytes at which @file is rotated; 0 never
 * @keep:     how many rotated files are kept: FILE.1 (newest) to FILE.keep
 *
 * Strings are copied.
 */
struct log_options {
	const char *file;
	int facility;
	uint64_t max_size;
	unsigned int keep;
	enum log_level level;
	enum log_format format;
};

/**
 * log_open() - Open the process's log; until then lines go to stderr as text
 * @error: on failure a text that says what could not be opened and why
 *
 * The file is opened O_APPEND|O_CREAT|O_CLOEXEC|O_NOFOLLOW, mode 0600.  SIGPIPE
 * is ignored from here on, in the whole process.
 * Return: 0, or -1 with the former log still in use.
 */
int log_open(const struct log_options *options, char *error, size_t error_cap);
/** log_reopen() - Open the file anew (SIGHUP); keeps the old one on failure */
void log_reopen(void);
/** log_flush() - Write what is pending; cheap when nothing is.  It never blocks
 *  for a pipe.  A write that fails is said on stderr once; its lines stay
 *  pending, and lines that find no room behind them are counted as dropped. */
void log_flush(void);
/** log_close() - Flush and close; lines after that go to stderr */
void log_close(void);
/** log_dropped() - Lines lost to failed writes, to a full syslog, and to the
 *  rate limit */
uint64_t log_dropped(void);
/** log_wants() - Whether lines of this level are written */
bool log_wants(enum log_level level);

/**
 * log_tap() - Have every JSON line handed to a function, too
 * @cb:  NULL for none; called from log_end() in the caller's thread, under
 *       the log's lock: must not log; @line is JSON without a newline
 *       whatever the format of the log is
 */
void log_tap(void (*cb)(void *arg, enum log_level level, const char *line,
			size_t len),
	     void *arg);

#define LOG_LINE_MAX 4096

/**
 * struct log_line - A line being put together, on its caller's stack
 * The members are private.
 */
struct log_line {
	char buf[LOG_LINE_MAX];
	size_t len;
	enum log_level level;
	bool finished;
};

/**
 * log_begin() - Start a line: ts, level, event
 *
 * Then any number of log_text(), log_bytes(), log_uint(), then log_end() or
 * log_finish().  Each value is escaped (every byte outside printable ASCII) and
 * cut at 1 KiB of escaped text; a field that does not fit any more is left out;
 * so the line as a whole stays valid whatever is added.  Always JSON: text for
 * people is made of it in log_end().
 */
void log_begin(struct log_line *l, enum log_level level, const char *event);
/** log_add_bytes(), log_add_uint() - What the functions below come to */
void log_add_bytes(struct log_line *l, const char *key, size_t key_len,
		   const void *data, size_t len);
void log_add_uint(struct log_line *l, const char *key, size_t key_len,
		  uint64_t value);
/* Inline, so that the length of a key that is a literal costs nothing. */
static inline void log_bytes(struct log_line *l, const char *key,
			     const void *data, size_t len)
{
	log_add_bytes(l, key, strlen(key), data, len);
}
/** log_text() - Add a NUL-terminated value; NULL adds nothing */
static inline void log_text(struct log_line *l, const char *key,
			    const char *value)
{
	if (value)
		log_bytes(l, key, value, strlen(value));
}
static inline void log_uint(struct log_line *l, const char *key, uint64_t value)
{
	log_add_uint(l, key, strlen(key), value);
}
/** log_finish() - Close a line that is not to be logged, so that audit_line()
 *  can have it; nothing can be added afterwards */
void log_finish(struct log_line *l);
/** log_end() - Close the line, and put it into the batch if its level is
 *  wanted; @l stays as it is, for audit_line() */
void log_end(struct log_line *l);
/** log_say() - A whole line with one "message" field */
void log_say(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define LOG_REFUSALS_PER_SECOND 100
/**
 * log_permit_refusal() - Whether one more refusal may be logged this second
 * @now_ms: monotonic
 *
 * Beyond LOG_REFUSALS_PER_SECOND the refusal is counted instead.
 */
bool log_permit_refusal(uint64_t now_ms);
/** log_tick() - Call about once a second: logs how many refusals were over the
 *  limit and how many lines were lost since the last call ("event":"dropped",
 *  "refusals":N, "lost":N), if any */
void log_tick(void);

#endif
