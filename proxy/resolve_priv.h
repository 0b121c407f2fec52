/* SPDX-License-Identifier: MIT */
/* resolve_priv.h - shared by the resolve*.c files alone */
#ifndef PEN_RESOLVE_PRIV_H
#define PEN_RESOLVE_PRIV_H

#include <ares.h>
#include <sys/stat.h>

#include "resolve.h"

/* A cache that cannot grow must not lose an element without a word. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->hash_failed = true)
#include <uthash.h>

/** struct channel - c-ares and the events that drive it */
struct channel {
	struct resolver *resolver; /* borrowed: outlives it */
	struct channel *next;      /* in resolver->retired */
	struct channel_socket *sockets;
	struct event timer;
	ares_channel ares;
	size_t pending; /* c-ares queries that have not called back */
	struct deferred free_later;
};

/** struct cached - An answer, under its name */
struct cached {
	UT_hash_handle hh;
	struct addr *addrs; /* owned */
	size_t count;
	uint64_t expires_ms;
	enum resolve_status status;
	bool partial, hash_failed;
	char name[];
};

struct resolver {
	struct loop *loop;           /* borrowed */
	const struct config *config; /* borrowed */
	struct metrics *metrics;     /* borrowed */
	struct channel *channel;     /* owned: for new look-ups */
	struct channel *retired;     /* owned: their queries still run */
	struct lookup *lookups;      /* running ones by name */
	struct cached *cache;
	struct stat system_file, hosts_file;
	uint64_t hosts_changes;         /* of the hosts file, seen so far */
	struct addr hosts[RESOLVE_MAX]; /* last answer of the hosts file */
};

/* ---- resolve_channel.c ---- */

/** resolve_channel_new() - Make a channel for the configured servers, or the
 *  system's; NULL (said in the log) on failure */
struct channel *resolve_channel_new(struct resolver *r);
/** resolve_channel_free() - End it; its queries call back with
 *  ARES_EDESTRUCTION */
void resolve_channel_free(struct channel *c);
/** resolve_channel_rearm() - Take the time-out of its queries anew */
void resolve_channel_rearm(struct channel *c);
/** resolve_channel_done() - A query has called back; it may have been the last
 *  thing that a retired channel waited for */
void resolve_channel_done(struct channel *c);

/* ---- resolve_cache.c ---- */

/** resolve_cache_put() - Keep an answer for @ttl_ms in place of an older one */
void resolve_cache_put(struct resolver *r, const char *name,
		       const struct resolve_answer *answer, uint64_t ttl_ms);
/** resolve_cache_drop() - Forget an answer */
void resolve_cache_drop(struct resolver *r, struct cached *e);
/** resolve_cache_clear() - Forget all answers */
void resolve_cache_clear(struct resolver *r);

#endif
