/* SPDX-License-Identifier: MIT */
/* files.h - a folder of a test's own, and the files in it */
#ifndef PEN_TEST_FILES_H
#define PEN_TEST_FILES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "proxy/base.h"

static char folder[] = "/tmp/pen-test.XXXXXX";

/* A group setup: makes the folder and goes there. */
static int folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

/* A group teardown: fails if a test has left anything in it. */
static int folder_remove(void **state)
{
	(void)state;
	return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

/*
 * The whole of a file; the caller frees it.  Inlined, gcc 12 takes the result
 * for a pointer to the local variable.
 */
static char *slurp(const char *path) __attribute__((noinline, unused));

static char *slurp(const char *path)
{
	char *data;
	size_t len;

	if (base_read_file(path, 64 << 20, &data, &len) != 0)
		fail_msg("cannot read %s", path);
	return data;
}

#endif
