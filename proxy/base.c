/* SPDX-License-Identifier: MIT */
/* base.c - small helpers: growing text, clocks, numbers, faults, files */

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The most that malloc(3) of glibc gives from its thread's cache, about. */
#define SBUF_FIRST 1024

/* Makes room for @more bytes and a NUL. */
static bool sbuf_reserve(struct sbuf *s, size_t more)
{
	size_t cap = s->cap ? s->cap : SBUF_FIRST;
	char *data;

	if (s->oom)
		return false;
	if (more < s->cap && s->len < s->cap - more)
		return true;
	if (more >= SIZE_MAX / 4 || s->len >= SIZE_MAX / 4) {
		s->oom = true;
		return false;
	}
	while (cap - s->len <= more)
		cap *= 2;
	data = realloc(s->data, cap);
	if (!data) {
		s->oom = true;
		return false;
	}
	s->data = data;
	s->cap = cap;
	return true;
}

void sbuf_add(struct sbuf *s, const char *data, size_t len)
{
	if (!sbuf_reserve(s, len))
		return;
	if (len > 0)
		memcpy(s->data + s->len, data, len);
	s->len += len;
	s->data[s->len] = '\0';
}

static void sbuf_vprintf(struct sbuf *s, const char *fmt, va_list args)
	BASE_PRINTF(2, 0);

static void sbuf_vprintf(struct sbuf *s, const char *fmt, va_list args)
{
	size_t room;
	va_list again;
	int need;

	va_copy(again, args);
	room = sbuf_reserve(s, 1) ? s->cap - s->len : 0;
	need = room ? vsnprintf(s->data + s->len, room, fmt, args) : -1;
	s->oom |= need < 0;
	if (need >= 0 && (size_t)need < room)
		s->len += (size_t)need;
	else if (need >= 0 && sbuf_reserve(s, (size_t)need))
		s->len += (size_t)vsnprintf(s->data + s->len, (size_t)need + 1,
					    fmt, again);
	else if (room)
		s->data[s->len] = '\0';
	va_end(again);
}

void sbuf_printf(struct sbuf *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sbuf_vprintf(s, fmt, args);
	va_end(args);
}

void sbuf_uint(struct sbuf *s, uint64_t value)
{
	char digits[BASE_UINT_LEN];

	sbuf_add(s, digits, base_format_uint(value, digits));
}

void sbuf_json(struct sbuf *s, const char *data, size_t len)
{
	size_t i, from = 0;

	sbuf_puts(s, "\"");
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\')
			continue;
		sbuf_add(s, data + from, i - from);
		from = i + 1;
		if (c == '"' || c == '\\')
			sbuf_printf(s, "\\%c", c);
		else
			sbuf_printf(s, "\\u%04x", c);
	}
	sbuf_add(s, data + from, len - from);
	sbuf_puts(s, "\"");
}

void sbuf_free(struct sbuf *s)
{
	free(s->data);
	*s = (struct sbuf){0};
}

static void faults_vadd(struct faults *f, char kind, const char *file,
			unsigned int line, const char *fmt, va_list args)
	BASE_PRINTF(5, 0);

static void faults_vadd(struct faults *f, char kind, const char *file,
			unsigned int line, const char *fmt, va_list args)
{
	size_t i, start = f->text.len;

	if (line)
		sbuf_printf(&f->text, "%s:%u: ", file, line);
	else
		sbuf_printf(&f->text, "%s: ", file);
	sbuf_vprintf(&f->text, fmt, args);
	/* What is quoted from the input must not write to a terminal. */
	for (i = start; i < f->text.len; i++) {
		unsigned char c = (unsigned char)f->text.data[i];

		if (c < 0x20 || c == 0x7f)
			f->text.data[i] = '?';
	}
	sbuf_puts(&f->text, "\n");
	sbuf_add(&f->kinds, &kind, 1);
}

static void faults_add_kind(struct faults *f, char kind, const char *file,
			    unsigned int line, const char *fmt, ...)
	BASE_PRINTF(5, 6);

static void faults_add_kind(struct faults *f, char kind, const char *file,
			    unsigned int line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	faults_vadd(f, kind, file, line, fmt, args);
	va_end(args);
}

void faults_add(struct faults *f, const char *file, unsigned int line,
		const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	faults_vadd(f, FAULT_KIND_FAULT, file, line, fmt, args);
	va_end(args);
	f->count++;
}

void faults_warn(struct faults *f, const char *file, unsigned int line,
		 const char *fmt, ...)
{
	struct sbuf text = {0};
	va_list args;

	va_start(args, fmt);
	sbuf_vprintf(&text, fmt, args);
	va_end(args);
	if (!text.oom)
		faults_add_kind(f, FAULT_KIND_WARNING, file, line,
				"warning: %s", text.data ? text.data : "");
	sbuf_free(&text);
}

void faults_free(struct faults *f)
{
	sbuf_free(&f->text);
	sbuf_free(&f->kinds);
	f->count = 0;
}

uint64_t base_mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t base_mono_ms(void)
{
	return base_mono_us() / 1000;
}

int64_t base_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void base_put_digits(char *out, unsigned int value, unsigned int digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void base_format_time(int64_t wall_ms, char out[BASE_TIME_LEN + 1])
{
	static _Thread_local int64_t cached = INT64_MIN;
	static _Thread_local char text[BASE_TIME_LEN + 1];
	int64_t second = wall_ms / 1000, ms = wall_ms % 1000;

	if (ms < 0) {
		ms += 1000;
		second--;
	}
	if (second != cached) {
		/* The years that have four digits: what RFC 3339 can say. */
		time_t t = second < -62167219200   ? -62167219200
			   : second > 253402300799 ? 253402300799
						   : (time_t)second;
		struct tm tm;

		gmtime_r(&t, &tm);
		memcpy(text, "0000-00-00T00:00:00.000Z", sizeof(text));
		base_put_digits(text, (unsigned int)tm.tm_year + 1900, 4);
		base_put_digits(text + 5, (unsigned int)tm.tm_mon + 1, 2);
		base_put_digits(text + 8, (unsigned int)tm.tm_mday, 2);
		base_put_digits(text + 11, (unsigned int)tm.tm_hour, 2);
		base_put_digits(text + 14, (unsigned int)tm.tm_min, 2);
		base_put_digits(text + 17, (unsigned int)tm.tm_sec, 2);
		cached = second;
	}
	memcpy(out, text, sizeof(text));
	base_put_digits(out + 20, (unsigned int)ms, 3);
}

/*
 * Takes the text apart by a picture of it: '0' stands for a digit, which is
 * added to the current number; anything else stands for itself, and ends the
 * number.
 */
static bool base_scan(const char **in, const char *end, const char *picture,
		      unsigned int *numbers)
{
	const char *p = *in;
	bool inside = false;

	for (; *picture; picture++, p++) {
		if (p == end)
			return false;
		if (*picture == '0') {
			if (*p < '0' || *p > '9')
				return false;
			*numbers = (inside ? *numbers * 10 : 0) +
				   (unsigned int)(*p - '0');
			inside = true;
		} else {
			/* RFC 3339 5.6: "T" may be in lower case. */
			if (*p != *picture && !(*picture == 'T' && *p == 't'))
				return false;
			numbers += inside;
			inside = false;
		}
	}
	*in = p;
	return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t base_days(unsigned int year, unsigned int month,
			 unsigned int day)
{
	/* Counted in years that begin in March, so that 29 February is last. */
	int64_t y = (int64_t)year - (month <= 2);
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day -
	       1 - 719468;
}

static bool base_is_day(unsigned int year, unsigned int month, unsigned int day)
{
	static const unsigned char days[] = {31, 29, 31, 30, 31, 30,
					     31, 31, 30, 31, 30, 31};

	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 ||
	       (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* "Z", "+02:00", "-02:00": the whole of what is left; in minutes. */
static bool base_scan_offset(const char *p, const char *end, int *minutes)
{
	unsigned int hm[2] = {0};
	char sign;

	if (p == end)
		return false;
	sign = *p++;
	if (sign == 'Z' || sign == 'z') {
		*minutes = 0;
		return p == end;
	}
	if ((sign != '+' && sign != '-') || !base_scan(&p, end, "00:00", hm) ||
	    p != end || hm[0] > 23 || hm[1] > 59)
		return false;
	*minutes = (int)(hm[0] * 60 + hm[1]);
	if (sign == '-')
		*minutes = -*minutes;
	return true;
}

/* ".678" and the like, or nothing; what is below a millisecond is dropped. */
static bool base_scan_fraction(const char **in, const char *end,
			       unsigned int *ms)
{
	unsigned int unit = 100;
	const char *p = *in;

	if (p == end || *p != '.')
		return true;
	for (p++; p != end && *p >= '0' && *p <= '9'; p++) {
		*ms += unit * (unsigned int)(*p - '0');
		unit /= 10;
	}
	if (p == *in + 1)
		return false;
	*in = p;
	return true;
}

bool base_parse_time(const char *in, size_t len, int64_t *wall_ms)
{
	const char *p = in, *end = in + len;
	unsigned int ymdhm[5] = {0}, second = 0, ms = 0;
	int offset;
	int64_t minutes;

	if (!base_scan(&p, end, "0000-00-00T00:00", ymdhm) ||
	    !base_is_day(ymdhm[0], ymdhm[1], ymdhm[2]) || ymdhm[3] > 23 ||
	    ymdhm[4] > 59)
		return false;
	/* RFC 3339 has leap seconds: 60 is the first second of the next. */
	if (base_scan(&p, end, ":00", &second) &&
	    (second > 60 || !base_scan_fraction(&p, end, &ms)))
		return false;
	if (!base_scan_offset(p, end, &offset))
		return false;
	minutes =
		(base_days(ymdhm[0], ymdhm[1], ymdhm[2]) * 24 + ymdhm[3]) * 60 +
		ymdhm[4] - offset;
	*wall_ms = (minutes * 60 + second) * 1000 + ms;
	return true;
}

size_t base_format_uint(uint64_t value, char out[BASE_UINT_LEN])
{
	char digits[BASE_UINT_LEN];
	size_t i = sizeof(digits);

	if (value < 10) {
		out[0] = (char)('0' + value);
		return 1;
	}
	do {
		digits[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	memcpy(out, digits + i, sizeof(digits) - i);
	return sizeof(digits) - i;
}

bool base_parse_uint(const char *in, size_t len, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	if (len == 0 || (len > 1 && in[0] == '0'))
		return false;
	for (i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(in[i] - '0');

		if (in[i] < '0' || in[i] > '9' ||
		    value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

/* A number, times the unit that stands behind it, at most @max. */
static bool base_parse_scaled(const char *in, size_t len, uint64_t max,
			      uint64_t unit, uint64_t *out)
{
	uint64_t value;

	if (!base_parse_uint(in, len, max / unit, &value))
		return false;
	*out = value * unit;
	return true;
}

bool base_parse_duration(const char *in, size_t len, uint64_t *ms)
{
	static const uint64_t max = (uint64_t)366 * 24 * 60 * 60 * 1000;

	if (len == 1 && in[0] == '0') {
		*ms = 0;
		return true;
	}
	if (len > 2 && in[len - 2] == 'm' && in[len - 1] == 's')
		return base_parse_scaled(in, len - 2, max, 1, ms);
	if (len < 2)
		return false;
	switch (in[len - 1]) {
	case 's':
		return base_parse_scaled(in, len - 1, max, 1000, ms);
	case 'm':
		return base_parse_scaled(in, len - 1, max, 60 * 1000, ms);
	case 'h':
		return base_parse_scaled(in, len - 1, max, 3600 * 1000, ms);
	default:
		return false;
	}
}

bool base_parse_size(const char *in, size_t len, uint64_t *bytes)
{
	static const uint64_t max = (uint64_t)1 << 50;
	uint64_t unit = 1;

	if (len > 1) {
		switch (in[len - 1]) {
		case 'k':
			unit = (uint64_t)1 << 10;
			break;
		case 'm':
			unit = (uint64_t)1 << 20;
			break;
		case 'g':
			unit = (uint64_t)1 << 30;
			break;
		default:
			break;
		}
	}
	return base_parse_scaled(in, len - (unit > 1), max, unit, bytes);
}

bool base_decode_percent(struct sbuf *out, const char *in, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		const char *high, *low;
		char byte = in[i];

		if (byte == '%') {
			if (len - i < 3)
				return false;
			high = memchr(hex, in[i + 1] | 0x20, 16);
			low = memchr(hex, in[i + 2] | 0x20, 16);
			if (!high || !low)
				return false;
			byte = (char)((high - hex) << 4 | (low - hex));
			i += 2;
		}
		sbuf_add(out, &byte, 1);
	}
	return true;
}

bool base_next_item(const char **list, const char **item, size_t *len)
{
	const char *end;

	if (!*list)
		return false;
	*item = *list + strspn(*list, " \t");
	end = *item + strcspn(*item, ",");
	*list = *end ? end + 1 : NULL;
	while (end > *item && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*len = (size_t)(end - *item);
	return true;
}

/* Reads to the end of file; @cap bytes are at *@data, of which one is kept. */
static int base_read_all(int fd, size_t max, char **data, size_t cap,
			 size_t *len)
{
	*len = 0;
	for (;;) {
		ssize_t n;

		if (cap - *len <= 1) {
			char *more = realloc(*data, cap * 2);

			if (!more)
				return -ENOMEM;
			*data = more;
			cap *= 2;
		}
		n = read(fd, *data + *len, cap - *len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*len += (size_t)n;
		if (*len > max)
			return -EFBIG;
	}
}

int base_read_file(const char *path, size_t max, char **data, size_t *len)
{
	char *buf = NULL;
	struct stat st;
	int fd, result;

	*data = NULL;
	*len = 0;
	/* To open a device or a FIFO can do something: look first. */
	if (stat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0) {
		result = -errno;
		goto out;
	}
	result = -EINVAL;
	if (!S_ISREG(st.st_mode))
		goto out;
	result = -EFBIG;
	if (st.st_size < 0 || (uintmax_t)st.st_size > max)
		goto out;
	/* One byte for a NUL, one to see the end of file without growing. */
	result = -ENOMEM;
	buf = malloc((size_t)st.st_size + 2);
	if (!buf)
		goto out;
	result = base_read_all(fd, max, &buf, (size_t)st.st_size + 2, len);
out:
	close(fd);
	if (result != 0 || !buf) {
		free(buf);
		*len = 0;
		return result;
	}
	buf[*len] = '\0';
	*data = buf;
	return 0;
}

static int base_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int base_write_file(const char *path, const char *data, size_t len,
		    unsigned int mode)
{
	struct sbuf temp = {0};
	int fd, result;

	sbuf_printf(&temp, "%s.XXXXXX", path);
	if (temp.oom)
		return -ENOMEM;
	fd = mkostemp(temp.data, O_CLOEXEC);
	if (fd < 0) {
		result = -errno;
		goto out;
	}
	result = base_write_all(fd, data, len);
	if (result == 0 && fchmod(fd, (mode_t)mode) != 0)
		result = -errno;
	if (close(fd) != 0 && result == 0)
		result = -errno;
	if (result == 0 && rename(temp.data, path) != 0)
		result = -errno;
	if (result != 0)
		unlink(temp.data);
out:
	sbuf_free(&temp);
	return result;
}
