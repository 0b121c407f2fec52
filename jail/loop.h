/* SPDX-License-Identifier: MIT */
/* loop.h - wait for descriptors, call back */
#ifndef PEN_JAIL_LOOP_H
#define PEN_JAIL_LOOP_H

#include <poll.h>
#include <stddef.h>

/* Signals, init, proxy, pty, three pipes and their other ends, clients. */
#define LOOP_MAX 64

struct loop_source {
	int fd; /* borrowed */
	short events;
	void (*cb)(void *arg, short revents); /* revents as from poll() */
	void *arg;
};

/**
 * struct loop - What is waited for
 * @sources: in no order; a callback may add and remove any
 * @count:   how many
 */
struct loop {
	struct loop_source sources[LOOP_MAX];
	size_t count;
};

/**
 * loop_watch() - Start to wait for a descriptor, or change what for
 * @loop:   zeroed before the first use
 * @fd:     open descriptor
 * @events: POLLIN, POLLOUT or 0 (errors only)
 * @cb:     called from loop_turn()
 * @arg:    its argument
 *
 * Return: 0, or -1 if LOOP_MAX are being waited for.
 */
int loop_watch(struct loop *loop, int fd, short events,
	       void (*cb)(void *arg, short revents), void *arg);

/**
 * loop_forget() - Stop waiting for a descriptor, before it is closed
 * @loop: loop
 * @fd:   need not be known
 */
void loop_forget(struct loop *loop, int fd);

/**
 * loop_turn() - Wait once and call back whatever is ready
 * @loop:       loop
 * @timeout_ms: at most this long; -1: for ever
 */
void loop_turn(struct loop *loop, int timeout_ms);

#endif /* PEN_JAIL_LOOP_H */
