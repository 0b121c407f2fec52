/* SPDX-License-Identifier: MIT */
/* row.h - what every table-driven unit test needs: cmocka, and named rows */
#ifndef PEN_TEST_ROW_H
#define PEN_TEST_ROW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A literal and its length: it may hold NULs. */
#define ROW_TEXT(literal) (literal), sizeof(literal) - 1

#define ROW_COUNT(table) (sizeof(table) / sizeof((table)[0]))

/*
 * Fail unless @good, naming the row: its number from 0, its text with the
 * bytes that do not print as \xNN, and what was wrong.
 */
static inline void row_check(bool good, size_t row, const char *text,
			     size_t len, const char *wrong)
{
	char shown[256];
	size_t n = 0;
	size_t i;

	if (good)
		return;
	for (i = 0; i < len && n < sizeof(shown) - 5; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c < 0x7f)
			shown[n++] = (char)c;
		else
			n += (size_t)snprintf(shown + n, 5, "\\x%02x", c);
	}
	shown[n] = '\0';
	fail_msg("row %zu \"%s\": %s", row, shown, wrong);
}

#endif
