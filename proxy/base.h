/* SPDX-License-Identifier: MIT */
/* base.h - small helpers: growing text, clocks, numbers, faults, files */
#ifndef PEN_BASE_H
#define PEN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BASE_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define BASE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/**
 * struct sbuf - Growing text; start with all zero
 * @data: owned; NUL-terminated once anything was added, else NULL
 * @oom:  memory ran out: everything added since is missing
 */
struct sbuf {
	char *data;
	size_t len, cap;
	bool oom;
};

void sbuf_add(struct sbuf *s, const char *data, size_t len);
/* Inline, so that the length of a literal costs nothing. */
static inline void sbuf_puts(struct sbuf *s, const char *text)
{
	sbuf_add(s, text, strlen(text));
}
void sbuf_printf(struct sbuf *s, const char *fmt, ...) BASE_PRINTF(2, 3);
/** sbuf_uint() - Add a number in decimal */
void sbuf_uint(struct sbuf *s, uint64_t value);
/** sbuf_json() - Add a JSON string, quotes included; every byte outside
 *  printable ASCII becomes \u00xx, quote and backslash get a backslash */
void sbuf_json(struct sbuf *s, const char *data, size_t len);
void sbuf_free(struct sbuf *s);

#define FAULT_KIND_FAULT 'f'
#define FAULT_KIND_WARNING 'w'

/**
 * struct faults - What is wrong with the input, collected over all of it
 * @text:  one "FILE:LINE: message\n" each ("FILE: message" where @line is 0);
 *         warnings begin with "warning: "; no control character but newlines
 * @kinds: a FAULT_KIND_ each: what a line is, whatever stands in it
 * @count: faults; warnings do not count
 */
struct faults {
	struct sbuf text, kinds;
	size_t count;
};

void faults_add(struct faults *f, const char *file, unsigned int line,
		const char *fmt, ...) BASE_PRINTF(4, 5);
void faults_warn(struct faults *f, const char *file, unsigned int line,
		 const char *fmt, ...) BASE_PRINTF(4, 5);
void faults_free(struct faults *f);

/** base_mono_us() - Microseconds of a clock that never jumps */
uint64_t base_mono_us(void);
/** base_mono_ms() - The same in milliseconds */
uint64_t base_mono_ms(void);
/** base_wall_ms() - Milliseconds since 1970-01-01T00:00Z */
int64_t base_wall_ms(void);

#define BASE_TIME_LEN 24 /* "2026-01-02T03:04:05.678Z" */
/** base_format_time() - RFC 3339 in UTC with milliseconds; cheap when called
 *  again within the same second (thread-local cache) */
void base_format_time(int64_t wall_ms, char out[BASE_TIME_LEN + 1]);
/** base_parse_time() - RFC 3339, seconds optional, Z or offset; whole text */
bool base_parse_time(const char *in, size_t len, int64_t *wall_ms);

#define BASE_UINT_LEN 20 /* 18446744073709551615 */
/** base_format_uint() - Decimal digits, without a NUL behind them; returns how
 *  many */
size_t base_format_uint(uint64_t value, char out[BASE_UINT_LEN]);
/** base_parse_uint() - Plain decimal digits without a leading zero (which could
 *  be read as octal), at most @max; whole text */
bool base_parse_uint(const char *in, size_t len, uint64_t max, uint64_t *out);
/** base_parse_duration() - A number with ms, s, m or h (0 needs none), to
 *  milliseconds, at most 366 days */
bool base_parse_duration(const char *in, size_t len, uint64_t *ms);
/** base_parse_size() - A number with an optional k, m or g (powers of 1024),
 *  to bytes, at most 2^50 */
bool base_parse_size(const char *in, size_t len, uint64_t *bytes);
/** base_decode_percent() - Add a text with its %XX (RFC 3986 2.1) decoded.
 *  Return: false if two hexadecimal digits do not follow a %. */
bool base_decode_percent(struct sbuf *out, const char *in, size_t len);
/**
 * base_next_item() - Step through a comma-separated list
 * @list: NUL-terminated text that is left; set to what follows the item, to
 *        NULL behind the last one
 * @item, @len: set to the item without white space around it; may be empty
 *
 * Return: false if @list is NULL: there was no further item.
 */
bool base_next_item(const char **list, const char **item, size_t *len);

/**
 * base_read_file() - Read a whole regular file, without ever blocking
 * @max:   longest accepted file in bytes
 * @data:  set to owned bytes with a NUL behind them; free(3) them
 * @len:   set to the length without that NUL
 *
 * Opened O_NONBLOCK and checked before and through the descriptor, so that a
 * FIFO or a device put in the file's place is refused and not waited for.
 *
 * Return: 0, or a negative errno: -EINVAL for what is not a regular file,
 * -EFBIG over @max, else what open(2) or read(2) said.
 */
int base_read_file(const char *path, size_t max, char **data, size_t *len);

/**
 * base_write_file() - Replace a file atomically (temporary file and rename(2))
 * @mode: permissions of the new file
 *
 * For readers that run at the same time, not for a power cut: nothing is
 * synced.
 * Return: 0 or a negative errno; the old file is untouched on failure.
 */
int base_write_file(const char *path, const char *data, size_t len,
		    unsigned int mode);

#endif
