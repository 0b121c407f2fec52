/* SPDX-License-Identifier: MIT */
/* audit.h - refusals alone: to a file, to syslog, to a program */
#ifndef PEN_AUDIT_H
#define PEN_AUDIT_H

#include <stdint.h>

#include "log.h"

/**
 * struct audit_options - Where refusals go
 * @file:     path or NULL; appended to, never rotated
 * @facility: syslog facility or -1
 * @command:  absolute path of a program without arguments, or NULL; started
 *            without a shell, with an empty environment, its standard input
 *            one JSON object a line; started anew with back-off when it ends
 */
struct audit_options {
	const char *file;
	int facility;
	const char *command;
};

/**
 * audit_open() - Open the sinks; those of an earlier call are closed
 * @error: on failure a text that says what could not be opened and why
 *
 * SIGPIPE is ignored from here on, in the whole process.
 * Return: 0, or -1 with no sink open.
 */
int audit_open(const struct audit_options *options, char *error,
	       size_t error_cap);
/** audit_line() - Write a line without a rate limit; one that is not yet
 *  finished is completed.  Where a sink cannot take it (disk full, program gone
 *  and 1 MiB waiting) it is counted, and said on stderr once.  Never blocks. */
void audit_line(const struct log_line *l);
/** audit_wants() - Whether any sink is wanted */
bool audit_wants(void);
/** audit_tick() - Call about once a second: reaps and restarts the program,
 *  writes what waits
 * @now_ms: monotonic */
void audit_tick(uint64_t now_ms);
/** audit_reopen() - Open the file anew (SIGHUP); keeps the old one if that
 *  fails */
void audit_reopen(void);
/** audit_lost() - Lines that a sink could not take; one that two could not take
 *  counts twice */
uint64_t audit_lost(void);
/** audit_close() - Writes what is taken at once, closes the program's standard
 *  input and reaps it if it has ended */
void audit_close(void);

#endif
