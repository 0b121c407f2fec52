/* SPDX-License-Identifier: MIT */
/* proxy.h - the pen-proxy of a sandbox, a child of pen-jail */
#ifndef PEN_JAIL_PROXY_H
#define PEN_JAIL_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct netns;

#define PROXY_READY_MAX 4096

/**
 * struct proxy - One pen-proxy, started again when it dies
 * @program:  absolute path, owned
 * @config:   file for -c, borrowed; NULL: it refuses everything
 * @errors:   its standard error where @config is NULL, borrowed; a config
 *            says itself where the log goes, and may say standard error
 * @netns:    the sockets it serves, borrowed
 * @pid:      0 while it is not running
 * @ready_fd: where it says that it is ready; -1 otherwise
 * @ready:    the lines that it said, NUL-terminated
 * @backoff_ms: wait before the next start
 * @start_ms: when it was started last, by util_now_ms()
 */
struct proxy {
	char *program;
	const char *config;
	int errors;
	const struct netns *netns;
	pid_t pid;
	int ready_fd;
	char ready[PROXY_READY_MAX];
	size_t ready_len;
	int64_t backoff_ms;
	int64_t start_ms;
};

/**
 * proxy_find() - Where is pen-proxy?
 * @wanted: of the command line, or NULL: PEN_PROXY of the environment, else
 *          the one beside pen-jail
 *
 * Return: absolute path, owned by the caller; NULL after a line on standard
 * error.
 */
char *proxy_find(const char *wanted);

/**
 * proxy_start() - Start it with the sandbox's sockets, in the host's network
 * @proxy: @program, @config and @netns are set
 *
 * Return: 0, or -1 after a line on standard error.
 */
int proxy_start(struct proxy *proxy);

/**
 * proxy_hear() - Read what it says on its ready descriptor
 * @proxy: started, with @ready_fd readable
 *
 * Return: 0 if more is to come; 1 if it is ready; -1 if it closed the
 * descriptor without a word: it has ended or will.  @ready_fd is closed
 * unless 0 is returned.
 */
int proxy_hear(struct proxy *proxy);

/**
 * proxy_explain_end() - Say how it ended
 * @status: wait status
 * @next:   what happens now, the end of the line
 */
void proxy_explain_end(int status, const char *next);

void proxy_fini(struct proxy *proxy);

#endif /* PEN_JAIL_PROXY_H */
