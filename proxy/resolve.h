/* SPDX-License-Identifier: MIT */
/* resolve.h - names to addresses: c-ares on a loop, with a cache */
#ifndef PEN_RESOLVE_H
#define PEN_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "config.h"
#include "loop.h"
#include "metrics.h"

/* Addresses kept of an answer, half of them of each family. */
#define RESOLVE_MAX 64

enum resolve_status {
	RESOLVE_OK,      /* at least one address */
	RESOLVE_NONE,    /* no such name, or no address of it */
	RESOLVE_ERROR,   /* no server gave a usable answer */
	RESOLVE_TIMEOUT, /* no server answered in time */
};

/**
 * struct resolve_answer - What a look-up found
 * @addrs: @count addresses, IPv6 first; borrowed: valid until the callback
 *         returns, or until the next call of resolve_cached()
 * @partial: of one of the families it is not known yet whether there are any
 */
struct resolve_answer {
	enum resolve_status status;
	const struct addr *addrs;
	size_t count;
	bool partial;
};

struct resolver;
struct resolve_query;

/**
 * resolver_new() - Make a resolver with a channel and a cache of its own
 * @c: [dns]; borrowed for the resolver's life
 * @m: counts the time of look-ups; borrowed
 *
 * Asks DNS servers alone: no search domains, no aliases; the hosts file only
 * with dns.hosts-file.
 */
struct resolver *resolver_new(struct loop *l, const struct config *c,
			      struct metrics *m);
/** resolver_free() - All queries must have been cancelled or answered */
void resolver_free(struct resolver *r);
/** resolver_tick() - Call every second or so: takes the system's servers and
 *  hosts file anew where they have changed; answers do not outlive it */
void resolver_tick(struct resolver *r);

/**
 * resolve_cached() - Answer from the cache (or the hosts file), at once
 * @name: canonical
 *
 * Return: false if it has to be asked for.
 */
bool resolve_cached(struct resolver *r, const char *name,
		    struct resolve_answer *answer);

/**
 * resolve_start() - Look a name up
 * @name: canonical, not an address literal; copied
 * @whole: wait for both families, for as long as a server may take
 * @cb:   runs exactly once, in a later turn of the loop or at the end of this
 *        one, never before resolve_start() returns, unless cancelled
 *
 * Asks for AAAA and A at once; answers when both are there, or 50 ms after the
 * first that has addresses (RFC 8305 3).  Several queries for one name share
 * one look-up.
 *
 * Return: NULL if memory ran out: the callback will never run.
 */
struct resolve_query *
resolve_start(struct resolver *r, const char *name, bool whole,
	      void (*cb)(void *arg, const struct resolve_answer *answer),
	      void *arg);
/** resolve_cancel() - The callback will not run; NULL is fine */
void resolve_cancel(struct resolve_query *q);

#endif
