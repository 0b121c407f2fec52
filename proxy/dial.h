/* SPDX-License-Identifier: MIT */
/* dial.h - connect to one of several checked addresses (Happy Eyeballs) */
#ifndef PEN_DIAL_H
#define PEN_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "loop.h"

#define DIAL_MAX 64 /* addresses that are tried at the most */

/**
 * struct dial_result - How it ended
 * @io:    the connected socket, owned by the receiver, who sets its cb and arg;
 *         NULL if no address could be connected to
 * @addr:  the address it is connected to
 * @error: errno value of the most telling failure where @io is NULL
 */
struct dial_result {
	struct io *io;
	struct addr addr;
	int error;
};

struct dial;

/**
 * dial_start() - Connect to the first address that answers
 * @addrs: @count addresses, 1..DIAL_MAX, each one checked; copied
 * @port:  host order
 * @cb:    runs exactly once, never before dial_start() returns, unless
 *         cancelled
 *
 * Families take turns, IPv6 first; the next address is tried after 250 ms or
 * as soon as one has failed (RFC 8305 4 and 5).  There is no time limit here:
 * the caller has a deadline of its own and cancels.
 *
 * Return: NULL if memory ran out: the callback will never run.
 */
struct dial *dial_start(struct loop *l, const struct addr *addrs, size_t count,
			uint16_t port,
			void (*cb)(void *arg, const struct dial_result *r),
			void *arg);
/** dial_cancel() - Drop all attempts; the callback will not run; NULL is fine
 */
void dial_cancel(struct dial *d);

#endif
