/* SPDX-License-Identifier: MIT */
/* resolve.c - names to addresses: c-ares on a loop, with a cache
 *
 * Theory of operation
 *
 * A lookup is one name being asked for: two c-ares queries, AAAA and A, and a
 * list of the callers that wait for it.  It ends once (both answered, one
 * answered and 50 ms gone, or its deadline), is taken out of the table of
 * running look-ups, put into the cache, and tells its callers.  Who finds that
 * the addresses of one family will not do asks for the whole.  c-ares cannot
 * cancel one query, so the memory of a lookup stays until c-ares has called
 * back for both, whatever has become of it.
 *
 * c-ares may call back from inside ares_query(); callers are told from
 * deferred work, so never before resolve_start() returns.
 *
 * When the system's servers change, a new channel (resolve_channel.c) takes the
 * place of the old one, which is destroyed when its last query is done.  What
 * the old ones said is forgotten: a VPN may have a name elsewhere.
 */
#include "resolve_priv.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dnsmsg.h"
#include "log.h"
#include "name.h"

#ifdef __APPLE__
#define st_mtim st_mtimespec
#endif

#define RESOLVE_PER_FAMILY (RESOLVE_MAX / 2)
#define RESOLVE_DELAY_MS 50 /* RFC 8305 3: "Resolution Delay" */
#define RESOLVE_CLASS_IN 1
#define RESOLVE_SYSTEM_FILE "/etc/resolv.conf"
#define RESOLVE_HOSTS_FILE "/etc/hosts"

/* One of the two c-ares queries of a lookup. */
struct lookup_half {
	struct lookup *lookup;
	int type;
	bool answered, timed_out, failed;
	struct addr addrs[RESOLVE_PER_FAMILY];
	size_t count;
};

struct resolve_query {
	struct resolve_query *next, **prev;
	void (*cb)(void *arg, const struct resolve_answer *answer);
	void *arg;
};

struct lookup {
	UT_hash_handle hh;
	struct resolver *resolver; /* borrowed */
	struct channel *channel;   /* borrowed: stays while pending */
	struct resolve_query *queries;
	struct event timer;
	struct deferred tell_later;
	uint64_t start_us, deadline_ms, hosts_changes;
	uint32_t ttl;
	unsigned int pending;
	bool whole, ended, told, hash_failed;
	struct lookup_half aaaa, a;
	char name[NAME_MAX_LEN + 1];
};

static uint64_t lookup_ttl_ms(const struct resolver *r, const struct lookup *k,
			      const struct resolve_answer *answer)
{
	uint64_t ttl = (uint64_t)k->ttl * 1000;

	/* The hosts file may know the name by now, or other servers another
	 * address. */
	if (k->hosts_changes != r->hosts_changes || k->channel != r->channel)
		return 0;
	if (answer->status == RESOLVE_NONE)
		return r->config->dns_min_ttl;
	if (answer->status != RESOLVE_OK)
		return 0;
	if (ttl < r->config->dns_min_ttl)
		ttl = r->config->dns_min_ttl;
	return ttl < r->config->dns_max_ttl ? ttl : r->config->dns_max_ttl;
}

static void lookup_free_if_done(struct lookup *k)
{
	if (k->told && !k->pending)
		free(k);
}

static bool lookup_knows(const struct lookup_half *h)
{
	return h->answered && !h->failed && !h->timed_out;
}

/* Gather what both halves have; the order of RFC 8305 4 is dial.c's work. */
static void lookup_answer(struct lookup *k, struct addr *addrs,
			  struct resolve_answer *answer)
{
	size_t n = 0;

	memcpy(addrs, k->aaaa.addrs, k->aaaa.count * sizeof(*addrs));
	n += k->aaaa.count;
	memcpy(addrs + n, k->a.addrs, k->a.count * sizeof(*addrs));
	n += k->a.count;
	*answer = (struct resolve_answer){
		.addrs = addrs,
		.count = n,
		.partial = !lookup_knows(&k->a) || !lookup_knows(&k->aaaa),
	};
	if (n)
		answer->status = RESOLVE_OK;
	else if (k->aaaa.failed || k->a.failed)
		answer->status = RESOLVE_ERROR;
	else if (k->aaaa.timed_out || k->a.timed_out || !k->a.answered ||
		 !k->aaaa.answered)
		answer->status = RESOLVE_TIMEOUT;
	else
		answer->status = RESOLVE_NONE;
}

static void lookup_keep(struct lookup *k)
{
	struct addr addrs[RESOLVE_MAX];
	struct resolve_answer answer;

	lookup_answer(k, addrs, &answer);
	resolve_cache_put(k->resolver, k->name, &answer,
			  lookup_ttl_ms(k->resolver, k, &answer));
}

static void lookup_tell_cb(struct deferred *d)
{
	struct lookup *k =
		(void *)((char *)d - offsetof(struct lookup, tell_later));
	struct resolver *r = k->resolver;
	struct addr addrs[RESOLVE_MAX];
	struct resolve_answer answer;
	struct resolve_query *q;

	lookup_answer(k, addrs, &answer);
	resolve_cache_put(r, k->name, &answer, lookup_ttl_ms(r, k, &answer));
	metrics_time(&r->metrics->dns, base_mono_us() - k->start_us);
	while ((q = k->queries)) {
		k->queries = q->next;
		if (q->next)
			q->next->prev = &k->queries;
		q->cb(q->arg, &answer);
		free(q);
	}
	k->told = true;
	lookup_free_if_done(k);
}

static void lookup_end(struct lookup *k)
{
	if (k->ended)
		return;
	k->ended = true;
	event_del(&k->timer);
	HASH_DEL(k->resolver->lookups, k);
	loop_defer(k->resolver->loop, &k->tell_later);
}

static void lookup_arm(struct lookup *k, uint64_t ms)
{
	struct timeval tv = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};

	event_add(&k->timer, &tv);
}

static void lookup_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *k = arg;
	uint64_t now = base_mono_ms();

	(void)fd;
	(void)what;
	if (k->whole && now < k->deadline_ms)
		lookup_arm(k, k->deadline_ms - now);
	else
		lookup_end(k);
}

static void lookup_take_a(struct lookup_half *h, const unsigned char *buf,
			  int len, uint32_t *ttl)
{
	struct ares_addrttl found[RESOLVE_PER_FAMILY];
	int n = RESOLVE_PER_FAMILY;
	int rc = ares_parse_a_reply(buf, len, NULL, found, &n);

	h->failed = rc != ARES_SUCCESS && rc != ARES_ENODATA;
	for (int i = 0; rc == ARES_SUCCESS && i < n; i++) {
		struct addr *a = &h->addrs[h->count++];

		*a = (struct addr){.family = 4};
		memcpy(a->bytes, &found[i].ipaddr, 4);
		if ((uint32_t)found[i].ttl < *ttl)
			*ttl = (uint32_t)found[i].ttl;
	}
}

static void lookup_take_aaaa(struct lookup_half *h, const unsigned char *buf,
			     int len, uint32_t *ttl)
{
	struct ares_addr6ttl found[RESOLVE_PER_FAMILY];
	int n = RESOLVE_PER_FAMILY;
	int rc = ares_parse_aaaa_reply(buf, len, NULL, found, &n);

	h->failed = rc != ARES_SUCCESS && rc != ARES_ENODATA;
	for (int i = 0; rc == ARES_SUCCESS && i < n; i++) {
		struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};

		/* Through a socket address: a mapped one becomes IPv4. */
		memcpy(&sin6.sin6_addr, &found[i].ip6addr, 16);
		addr_from_sockaddr((const struct sockaddr *)&sin6,
				   &h->addrs[h->count++], NULL);
		if ((uint32_t)found[i].ttl < *ttl)
			*ttl = (uint32_t)found[i].ttl;
	}
}

/* The resolver is going: whoever asked has cancelled. */
static void lookup_forget(struct lookup *k)
{
	if (!k->ended) {
		k->ended = k->told = true;
		event_del(&k->timer);
		HASH_DEL(k->resolver->lookups, k);
	}
	lookup_free_if_done(k);
}

static void lookup_take(struct lookup_half *h, int status,
			const unsigned char *buf, int len)
{
	struct lookup *k = h->lookup;

	h->answered = true;
	if (status == ARES_SUCCESS && h->type == DNSMSG_TYPE_A)
		lookup_take_a(h, buf, len, &k->ttl);
	else if (status == ARES_SUCCESS)
		lookup_take_aaaa(h, buf, len, &k->ttl);
	else if (status == ARES_ETIMEOUT)
		h->timed_out = true;
	else
		h->failed = status != ARES_ENODATA && status != ARES_ENOTFOUND;
}

static void lookup_half_cb(void *arg, int status, int timeouts,
			   unsigned char *buf, int len)
{
	struct lookup_half *h = arg;
	struct lookup *k = h->lookup;

	(void)timeouts;
	k->pending--;
	if (status == ARES_EDESTRUCTION) {
		lookup_forget(k);
		return;
	}
	resolve_channel_done(k->channel);
	lookup_take(h, status, buf, len);
	if (k->ended) {
		/* Too late for those who asked; not for who asks next. */
		if (k->told && h->count)
			lookup_keep(k);
		lookup_free_if_done(k);
		return;
	}
	if (k->a.answered && k->aaaa.answered)
		lookup_end(k);
	else if (h->count)
		lookup_arm(k, RESOLVE_DELAY_MS);
}

static struct lookup *lookup_new(struct resolver *r, const char *name)
{
	size_t len = strlen(name);
	struct lookup *k;

	if (!r->channel || len > NAME_MAX_LEN)
		return NULL;
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->resolver = r;
	k->channel = r->channel;
	k->hosts_changes = r->hosts_changes;
	k->start_us = base_mono_us();
	k->ttl = UINT32_MAX / 1000;
	k->tell_later.cb = lookup_tell_cb;
	k->a = (struct lookup_half){.lookup = k, .type = DNSMSG_TYPE_A};
	k->aaaa = (struct lookup_half){.lookup = k, .type = DNSMSG_TYPE_AAAA};
	memcpy(k->name, name, len + 1);
	HASH_ADD(hh, r->lookups, name, len, k);
	if (k->hash_failed) {
		free(k);
		return NULL;
	}
	event_assign(&k->timer, r->loop->base, -1, 0, lookup_timer_cb, k);
	return k;
}

/* c-ares lengthens the time-out of each further try; the sum that the user
 * wrote down holds all the same. */
static void lookup_ask(struct lookup *k)
{
	struct resolver *r = k->resolver;
	size_t servers = r->config->dns_server_count;

	uint64_t most = r->config->dns_timeout * r->config->dns_tries *
			(servers ? servers : 1);

	k->deadline_ms = base_mono_ms() + most;
	lookup_arm(k, most);
	k->pending = 2;
	k->channel->pending += 2;
	ares_query(k->channel->ares, k->name, RESOLVE_CLASS_IN,
		   DNSMSG_TYPE_AAAA, lookup_half_cb, &k->aaaa);
	ares_query(k->channel->ares, k->name, RESOLVE_CLASS_IN, DNSMSG_TYPE_A,
		   lookup_half_cb, &k->a);
	resolve_channel_rearm(k->channel);
}

struct resolve_query *
resolve_start(struct resolver *r, const char *name, bool whole,
	      void (*cb)(void *arg, const struct resolve_answer *answer),
	      void *arg)
{
	struct resolve_query *q = malloc(sizeof(*q));
	struct lookup *k;
	bool running;

	if (!q)
		return NULL;
	HASH_FIND(hh, r->lookups, name, strlen(name), k);
	running = k;
	if (!k)
		k = lookup_new(r, name);
	if (!k) {
		free(q);
		return NULL;
	}
	k->whole = k->whole || whole;
	*q = (struct resolve_query){.cb = cb, .arg = arg};
	q->next = k->queries;
	q->prev = &k->queries;
	if (k->queries)
		k->queries->prev = &q->next;
	k->queries = q;
	if (!running)
		lookup_ask(k);
	return q;
}

void resolve_cancel(struct resolve_query *q)
{
	if (!q)
		return;
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	free(q);
}

/* Return: false, and zeros, if there is no such file. */
static bool resolver_look(const char *path, struct stat *st)
{
	if (stat(path, st) == 0)
		return true;
	memset(st, 0, sizeof(*st));
	return false;
}

static bool resolver_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

struct resolver *resolver_new(struct loop *l, const struct config *c,
			      struct metrics *m)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->loop = l;
	r->config = c;
	r->metrics = m;
	resolver_look(RESOLVE_SYSTEM_FILE, &r->system_file);
	resolver_look(RESOLVE_HOSTS_FILE, &r->hosts_file);
	r->channel = resolve_channel_new(r);
	if (!r->channel) {
		free(r);
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver *r)
{
	struct channel *c;

	if (!r)
		return;
	c = r->channel;
	r->channel = NULL;
	resolve_channel_free(c);
	while ((c = r->retired)) {
		r->retired = c->next;
		resolve_channel_free(c);
	}
	resolve_cache_clear(r);
	free(r);
}

static void resolver_take_servers(struct resolver *r)
{
	struct stat st;
	struct channel *c;

	if (!resolver_look(RESOLVE_SYSTEM_FILE, &st) ||
	    resolver_is_same(&st, &r->system_file))
		return;
	r->system_file = st;
	c = resolve_channel_new(r);
	if (!c)
		return;
	r->channel->next = r->retired;
	r->retired = r->channel;
	r->channel = c;
	resolve_cache_clear(r);
	if (!r->retired->pending)
		loop_defer(r->loop, &r->retired->free_later);
	log_say(LEVEL_INFO, "resolver", "the system's DNS servers changed");
}

static void resolver_take_hosts(struct resolver *r)
{
	struct stat st;

	(void)resolver_look(RESOLVE_HOSTS_FILE, &st);
	if (resolver_is_same(&st, &r->hosts_file))
		return;
	r->hosts_file = st;
	r->hosts_changes++;
	resolve_cache_clear(r);
}

void resolver_tick(struct resolver *r)
{
	if (!r->config->dns_server_count)
		resolver_take_servers(r);
	if (r->config->dns_hosts_file)
		resolver_take_hosts(r);
}
