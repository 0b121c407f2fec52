/* SPDX-License-Identifier: MIT */
/* endpoint.h - the control socket of a sandbox that stays, as a file */
#ifndef PEN_JAIL_ENDPOINT_H
#define PEN_JAIL_ENDPOINT_H

#include <stdbool.h>

/**
 * endpoint_open() - A socket for endpoint_bind()
 *
 * Return: descriptor, non-blocking, with close-on-exec; or -1 after a line
 * on standard error.
 */
int endpoint_open(void);

/**
 * endpoint_bind() - Make the file, mode 0600, and listen
 * @fd:   from endpoint_open(); may be shared with another process
 * @path: file; its folder must exist.  May be longer than sun_path.
 *
 * A socket that nobody listens on any more is replaced.  Says what failed.
 *
 * Return: 0, or -1.
 */
int endpoint_bind(int fd, const char *path);

/**
 * endpoint_is_bound() - Was the socket bound, by whichever process?
 * @fd: the socket; getsockname(2)
 */
bool endpoint_is_bound(int fd);

/**
 * endpoint_connect() - Reach a running sandbox
 * @path: file
 *
 * Says what failed.
 *
 * Return: descriptor with close-on-exec, or -1.
 */
int endpoint_connect(const char *path);

/**
 * endpoint_is_own() - Is the process at the other end this user's, or root's?
 * @fd: connected Unix socket
 */
bool endpoint_is_own(int fd);

#endif /* PEN_JAIL_ENDPOINT_H */
