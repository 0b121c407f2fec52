/* SPDX-License-Identifier: MIT */
/* sink.h - where lines end: a bounded queue on a descriptor, and syslog */
#ifndef PEN_SINK_H
#define PEN_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct sink - A descriptor and the lines that wait for it
 * @fd:     -1 for none
 * @shared: @fd is somebody else's (standard error): not closed, and since its
 *          mode must not be changed, asked with poll(2) before every write
 * @torn:   the first queued byte is not the first of its line
 * @failed: the last write failed; cleared by one that works
 * @queue:  owned; @len bytes of whole lines (but for @torn) in @cap bytes
 * @max:    longest queue in bytes
 * @lost:   lines that found no room
 *
 * Start with {.fd = -1, .max = ...}.  Nothing here ever blocks.  Not
 * thread-safe.
 */
struct sink {
	int fd;
	bool shared, torn, failed;
	char *queue;
	size_t len, cap, max;
	uint64_t lost;
};

/**
 * sink_open_file() - Open a file for appending
 * @size: set to the size of a regular file, to 0 for anything else
 *
 * Not through a symbolic link, mode 0600, not inherited, never waiting for the
 * reader of a FIFO.
 * Return: a descriptor or a negative errno.
 */
int sink_open_file(const char *path, uint64_t *size);
/** sink_put() - Queue a line (with its newline); false, and counted as lost,
 *  if there is no room for the whole of it */
bool sink_put(struct sink *s, const char *line, size_t len);
/**
 * sink_write() - Write from the head of the queue
 * @most:    at most so many bytes
 * @written: set to the number of bytes written
 *
 * What could not be written stays queued.
 * Return: 0, also if the descriptor takes nothing now; else a negative errno.
 */
int sink_write(struct sink *s, size_t most, size_t *written);
/** sink_drop_torn() - Forget the rest of a line whose start went to a
 *  descriptor that is gone; counts it as lost */
void sink_drop_torn(struct sink *s);
/** sink_fini() - Close the descriptor unless shared, drop the queue */
void sink_fini(struct sink *s);

/** sink_complain() - Say on standard error that @what failed, unless that would
 *  block */
void sink_complain(const char *what, const char *name, int error);

/** struct sink_syslog - A connection to the system's log; @fd is negative while
 *  there is none, @facility where none is wanted */
struct sink_syslog {
	int fd;
	int facility;
};

/** sink_syslog_path - The system log's socket; only tests change it */
extern const char *sink_syslog_path;
/** sink_syslog_open() - Return: 0 or a negative errno */
int sink_syslog_open(struct sink_syslog *s, int facility);
/** sink_syslog_send() - Send one line (no newline); connects again where the
 *  system's log was restarted; false if it was not taken */
bool sink_syslog_send(struct sink_syslog *s, int severity, const char *line,
		      size_t len);
void sink_syslog_close(struct sink_syslog *s);

#endif
