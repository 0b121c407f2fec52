/* SPDX-License-Identifier: MIT */
/* resolve_cache.c - answers that are known already */
#include "resolve_priv.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

void resolve_cache_drop(struct resolver *r, struct cached *e)
{
	HASH_DEL(r->cache, e);
	free(e->addrs);
	free(e);
}

void resolve_cache_put(struct resolver *r, const char *name,
		       const struct resolve_answer *answer, uint64_t ttl_ms)
{
	size_t len = strlen(name);
	struct cached *e;

	HASH_FIND(hh, r->cache, name, len, e);
	if (e)
		resolve_cache_drop(r, e);
	if (!r->config->dns_cache_size || !ttl_ms)
		return;
	/* Elements are kept in the order in which they came. */
	if (HASH_COUNT(r->cache) >= r->config->dns_cache_size)
		resolve_cache_drop(r, r->cache);
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e)
		return;
	memcpy(e->name, name, len + 1);
	e->status = answer->status;
	e->partial = answer->partial;
	e->expires_ms = base_mono_ms() + ttl_ms;
	if (answer->count) {
		e->addrs = malloc(answer->count * sizeof(*e->addrs));
		if (!e->addrs) {
			free(e);
			return;
		}
		memcpy(e->addrs, answer->addrs,
		       answer->count * sizeof(*e->addrs));
		e->count = answer->count;
	}
	HASH_ADD_KEYPTR(hh, r->cache, e->name, len, e);
	if (e->hash_failed) {
		free(e->addrs);
		free(e);
	}
}

void resolve_cache_clear(struct resolver *r)
{
	struct cached *e, *next;

	HASH_ITER (hh, r->cache, e, next)
		resolve_cache_drop(r, e);
}

/* Reads a small local file, at each name that is not in the cache. */
static bool resolve_hosts_file(struct resolver *r, const char *name,
			       struct resolve_answer *answer)
{
	static const int families[] = {AF_INET6, AF_INET};
	size_t n = 0;

	for (size_t f = 0; f < 2; f++) {
		struct hostent *h;
		size_t len = families[f] == AF_INET ? 4 : 16;

		if (ares_gethostbyname_file(r->channel->ares, name, families[f],
					    &h) != ARES_SUCCESS)
			continue;
		for (char **a = h->h_addr_list; *a && n < RESOLVE_MAX; a++) {
			r->hosts[n] = (struct addr){.family = len == 4 ? 4 : 6};
			memcpy(r->hosts[n++].bytes, *a, len);
		}
		ares_free_hostent(h);
	}
	*answer = (struct resolve_answer){.addrs = r->hosts, .count = n};
	return n > 0;
}

/* What is in the cache is newer than the last change of the hosts file that
 * resolver_tick() has seen. */
bool resolve_cached(struct resolver *r, const char *name,
		    struct resolve_answer *answer)
{
	struct cached *e;

	HASH_FIND(hh, r->cache, name, strlen(name), e);
	if (e && base_mono_ms() >= e->expires_ms) {
		resolve_cache_drop(r, e);
		e = NULL;
	}
	if (e) {
		*answer = (struct resolve_answer){
			.status = e->status,
			.addrs = e->addrs,
			.count = e->count,
			.partial = e->partial,
		};
		return true;
	}
	if (!r->config->dns_hosts_file || !r->channel ||
	    !resolve_hosts_file(r, name, answer))
		return false;
	resolve_cache_put(r, name, answer, r->config->dns_max_ttl);
	return true;
}
