/* SPDX-License-Identifier: MIT */
/* util.h - messages, descriptors and files: the helpers of every module */
#ifndef PEN_JAIL_UTIL_H
#define PEN_JAIL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What pen-jail exits with where it is not the command's own status. */
enum jail_exit {
	JAIL_EXIT_OK = 0,
	JAIL_EXIT_USAGE = 2,
	JAIL_EXIT_TIMED_OUT = 124,
	JAIL_EXIT_FAILED = 125,
	JAIL_EXIT_NOT_EXECUTABLE = 126,
	JAIL_EXIT_NOT_FOUND = 127,
	JAIL_EXIT_SIGNAL = 128, /* plus the number of the signal */
};

/**
 * util_report() - Write one line, `pen-jail: ...`, to standard error
 * @format: printf format, without a newline
 */
void util_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * util_format() - Print into new memory
 * @format: printf format
 *
 * Ends the program (125) when there is no memory: everything that is built
 * this way belongs to the start, where nothing could go on without it.
 *
 * Return: the text, owned by the caller.
 */
char *util_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/**
 * util_allocate() - Zeroed memory, or the end of the program (125)
 * @count: number of elements
 * @size:  bytes of one element
 */
void *util_allocate(size_t count, size_t size);

/**
 * util_now_ms() - Monotonic clock
 *
 * Return: milliseconds since an arbitrary start.
 */
int64_t util_now_ms(void);

/**
 * util_close() - Close a descriptor and mark it closed
 * @fd: descriptor or -1; set to -1
 */
void util_close(int *fd);

/**
 * util_set_cloexec() - Set or clear close-on-exec
 * @fd:      an open descriptor
 * @cloexec: true to have it closed by the next exec
 *
 * Return: 0, or -1 with errno.
 */
int util_set_cloexec(int fd, bool cloexec);

/**
 * util_write_all() - Write every byte, through interruptions
 * @fd:   a blocking descriptor
 * @data: bytes
 * @len:  number of bytes
 *
 * Return: 0, or -1 with errno.
 */
int util_write_all(int fd, const void *data, size_t len);

/**
 * util_read_file() - Read a small file
 * @path: file
 * @text: filled with at most @cap - 1 bytes and a NUL
 * @cap:  size of @text, at least 1
 *
 * Return: number of bytes, or -1 with errno (@text is then empty).
 */
ptrdiff_t util_read_file(const char *path, char *text, size_t cap);

/**
 * util_write_file() - Write into an existing file in one write
 * @path: file, a kernel control file as a rule
 * @text: NUL-terminated
 *
 * Return: 0, or -1 with errno.
 */
int util_write_file(const char *path, const char *text);

/**
 * util_replace_file() - Put a file in place as a whole
 * @path: file; a temporary neighbour is written and renamed onto it
 * @text: NUL-terminated content
 *
 * Return: 0, or -1 with errno; nothing is left behind.
 */
int util_replace_file(const char *path, const char *text);

/**
 * util_memory_file() - An anonymous file with a content, at its start
 * @name: label for /proc
 * @data: content
 * @len:  its length
 *
 * Return: descriptor with close-on-exec, or -1 with errno.
 */
int util_memory_file(const char *name, const void *data, size_t len);

/**
 * util_die_with_parent() - Have this process killed when its parent ends
 * @parent: the parent's PID as known before the fork
 *
 * Ends this process at once if the parent is gone already.
 */
void util_die_with_parent(int parent);

/**
 * util_path_holds() - Does a folder hold a path, or is it the same?
 * @folder: absolute, normalised
 * @path:   absolute, normalised
 */
bool util_path_holds(const char *folder, const char *path);

#endif /* PEN_JAIL_UTIL_H */
