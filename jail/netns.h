/* SPDX-License-Identifier: MIT */
/* netns.h - the network of a sandbox: loopback, local routes, four sockets */
#ifndef PEN_JAIL_NETNS_H
#define PEN_JAIL_NETNS_H

#include <stdbool.h>
#include <stddef.h>

/* What programs in the sandbox use as their proxy, on 127.0.0.1. */
#define NETNS_PROXY_PORT 3128
/* Where captured connections arrive. */
#define NETNS_CAPTURE_PORT 3129

#define NETNS_SOCKETS 4

/**
 * struct netns - The sockets that pen-proxy serves
 * @fds:     listening sockets with close-on-exec, owned; -1 if unused
 * @names:   LISTEN_FDNAMES of @fds, in the same order, colon-separated
 * @count:   number of @fds in use
 * @capture: whether connections to any address are redirected to the proxy
 * @capture_error: errno of the attempt, if @capture is false
 */
struct netns {
	int fds[NETNS_SOCKETS];
	const char *names;
	size_t count;
	bool capture;
	int capture_error;
};

/**
 * netns_set_up() - Furnish the network namespace that this process is in
 * @netns:      filled; the sockets are owned by the caller
 * @no_network: bring loopback up and do nothing else
 *
 * Needs CAP_NET_ADMIN and CAP_NET_BIND_SERVICE in the namespace.  Says what
 * failed, in one line on standard error.
 *
 * Return: 0, or -1.
 */
int netns_set_up(struct netns *netns, bool no_network);

/* The names of the sockets, in the order of struct netns.fds. */
extern const char netns_names[];

#endif /* PEN_JAIL_NETNS_H */
