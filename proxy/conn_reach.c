/* SPDX-License-Identifier: MIT */
/* conn_reach.c - from a target to a connected origin
 *
 * The order is the contract: policy, then DNS, then the address guard, then
 * connect.  A name that is refused is never looked up; the addresses that the
 * guard let pass are the ones that are dialled, and nothing is resolved again
 * in between.
 */
#include "conn.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REACH_UPSTREAM_HEAD 8192
#define REACH_INTERIMS_MAX 64 /* at a time, before the upstream's answer */

void conn_reach_cancel(struct conn *c)
{
	resolve_cancel(c->query);
	dial_cancel(c->dial);
	c->query = NULL;
	c->dial = NULL;
}

static enum reason reach_dial_reason(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REASON_CONN_REFUSED;
	case ETIMEDOUT:
		return REASON_CONN_TIMEOUT;
	case EHOSTUNREACH:
		return REASON_HOST_UNREACHABLE;
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return REASON_NET_UNREACHABLE;
	default:
		return REASON_CONN_FAILED;
	}
}

static void reach_done(struct conn *c)
{
	if (c->proto == PROTO_HTTP)
		conn_forward_start(c);
	else
		conn_tunnel_start(c);
}

static void reach_origin_cb(struct io *io)
{
	struct conn *c = io->arg;

	/* The client's callback does what the state needs, for both sides. */
	c->client->cb(c->client);
}

/* Ask the upstream proxy for a tunnel, by name or by the checked address. */
static void reach_ask_upstream(struct conn *c)
{
	const struct config_upstream *up = &c->env->config->upstream;
	char where[TARGET_TEXT_MAX], request[2 * TARGET_TEXT_MAX + 1200];
	struct target t = c->target;
	int len;

	if (!up->resolve_upstream && !t.literal)
		target_set_addr(&t, &c->addr, t.port);
	target_format(&t, where);
	len = snprintf(request, sizeof(request),
		       "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", where,
		       where, up->authorization ? "Proxy-Authorization: " : "",
		       up->authorization ? up->authorization : "",
		       up->authorization ? "\r\n" : "");
	if (len < 0 || (size_t)len >= sizeof(request) ||
	    io_write(c->origin, request, (size_t)len) != len) {
		conn_refuse(c, REASON_UPSTREAM, "cannot ask the upstream");
		return;
	}
	conn_enter(c, CONN_UPSTREAM, CONN_KEEP);
	conn_upstream_readable(c);
}

static bool reach_may_go(struct conn *c, const struct addr *a);
static bool reach_ask_whole(struct conn *c);
static void reach_upstream(struct conn *c);

/* The upstream did not come to one family's address: it may to the other's.
 * Return: whether that is tried. */
static bool reach_spare(struct conn *c)
{
	bool known = c->spare.family && reach_may_go(c, &c->spare);

	if (!known && !c->partial)
		return false;
	io_close(c->origin);
	c->origin = NULL;
	if (!known)
		return reach_ask_whole(c);
	c->addr = c->spare;
	c->spare.family = 0;
	reach_upstream(c);
	return true;
}

/* The answer's head is looked at in place, so that not a byte behind it is
 * taken out of the socket.  Return: whether it was an interim one: look again.
 */
static bool reach_upstream_answer(struct conn *c)
{
	char head[REACH_UPSTREAM_HEAD];
	struct http1_response rs;
	size_t scanned = 0, head_len;
	ssize_t n;

	if (!c->origin->readable)
		return false;
	n = recv(c->origin->fd, head, sizeof(head), MSG_PEEK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		conn_refuse(c, REASON_UPSTREAM, "the upstream hung up");
		return false;
	}
	switch (http1_find_end(head, (size_t)n, &scanned, &head_len)) {
	case HTTP1_MORE:
		if ((size_t)n < sizeof(head) && !c->origin->hup)
			return false;
		head_len = 0;
		break;
	case HTTP1_BAD:
		head_len = 0;
		break;
	case HTTP1_OK:
		break;
	}
	/* As for HEAD: whatever follows a 2xx is the tunnel. */
	if (!head_len ||
	    http1_parse_response(head, head_len, true, &rs, NULL) != HTTP1_OK) {
		conn_refuse(c, REASON_UPSTREAM, "malformed upstream answer");
		return false;
	}
	if (rs.status / 100 == 5 && reach_spare(c))
		return false;
	if (rs.status / 100 > 2) {
		conn_refuse(c, REASON_UPSTREAM, "the upstream refused");
		return false;
	}
	if (recv(c->origin->fd, head, head_len, 0) != (ssize_t)head_len) {
		conn_refuse(c, REASON_UPSTREAM, "the upstream hung up");
		return false;
	}
	if (rs.status / 100 == 1)
		return true;
	reach_done(c);
	return false;
}

void conn_upstream_readable(struct conn *c)
{
	for (int i = 0; i < REACH_INTERIMS_MAX; i++)
		if (!reach_upstream_answer(c))
			return;
	conn_refuse(c, REASON_UPSTREAM, "the upstream does not come to answer");
}

static bool reach_may_go(struct conn *c, const struct addr *a)
{
	c->guard = policy_guard(c->policy, c->rule, &c->target, a);
	return c->guard == GUARD_OK;
}

/* For @c->guard. */
static void reach_refuse_address(struct conn *c, const struct addr *a)
{
	char text[ADDR_TEXT_MAX], details[ADDR_TEXT_MAX + 64];

	addr_format(a, text);
	if (c->guard == GUARD_NEVER)
		snprintf(details, sizeof(details), "%s is never a destination",
			 text);
	else if (c->guard == GUARD_CIDR)
		snprintf(details, sizeof(details), "%s is in a deny-cidr",
			 text);
	else
		snprintf(details, sizeof(details),
			 "%s is a forbidden address (%s)", text,
			 addr_class_name(addr_classify(a)));
	c->addr = *a;
	conn_refuse(c, REASON_GUARD, details);
}

static void reach_dialed_cb(void *arg, const struct dial_result *r)
{
	struct conn *c = arg;
	uint64_t now = base_mono_us();

	c->dial = NULL;
	if (!r->io) {
		if (c->upstream || !reach_ask_whole(c))
			conn_refuse(c, reach_dial_reason(r->error), NULL);
		return;
	}
	c->origin = r->io;
	c->origin->cb = reach_origin_cb;
	c->origin->arg = c;
	if (!c->upstream) {
		c->addr = r->addr;
		/* A reload may have another mind of it by now. */
		if (!reach_may_go(c, &c->addr)) {
			reach_refuse_address(c, &c->addr);
			return;
		}
	}
	c->connect_us = (uint32_t)(now - c->step_us);
	c->timed_connect = true;
	metrics_time(&c->env->metrics->connect, c->connect_us);
	if (c->upstream && c->proto != PROTO_HTTP)
		reach_ask_upstream(c);
	else
		reach_done(c);
}

static void reach_dial(struct conn *c, const struct addr *addrs, size_t count,
		       uint16_t port)
{
	c->step_us = base_mono_us();
	conn_enter(c, CONN_DIAL, c->env->config->connect_timeout);
	c->dial = dial_start(c->env->loop, addrs, count, port, reach_dialed_cb,
			     c);
	if (!c->dial)
		conn_refuse(c, REASON_INTERNAL, NULL);
}

static enum reason reach_dns_reason(enum resolve_status s)
{
	return s == RESOLVE_TIMEOUT ? REASON_DNS_TIMEOUT : REASON_DNS_ERROR;
}

static const char *reach_dns_details(enum resolve_status s)
{
	return s == RESOLVE_NONE    ? "no address of that name"
	       : s == RESOLVE_ERROR ? "no usable answer from a DNS server"
				    : NULL;
}

static void reach_ask(struct conn *c, const char *name, bool whole,
		      void (*cb)(void *arg,
				 const struct resolve_answer *answer))
{
	c->step_us = base_mono_us();
	/* resolve.c has the time limit. */
	conn_enter(c, CONN_RESOLVE, 0);
	c->query = resolve_start(c->env->resolver, name, whole, cb, c);
	if (!c->query)
		conn_refuse(c, REASON_INTERNAL, NULL);
}

/* Look a name up: from the cache now, or through the loop. */
static void reach_resolve(struct conn *c, const char *name,
			  void (*cb)(void *arg,
				     const struct resolve_answer *answer))
{
	struct resolve_answer answer;

	if (resolve_cached(c->env->resolver, name, &answer))
		cb(c, &answer);
	else
		reach_ask(c, name, false, cb);
}

static void reach_upstream_cb(void *arg, const struct resolve_answer *answer)
{
	struct conn *c = arg;

	c->query = NULL;
	if (answer->status != RESOLVE_OK) {
		conn_refuse(c, reach_dns_reason(answer->status),
			    "the upstream proxy's name");
		return;
	}
	reach_dial(c, answer->addrs, answer->count,
		   c->env->config->upstream.port);
}

/* The user's own proxy may live anywhere: its address is not judged. */
static void reach_upstream(struct conn *c)
{
	const struct config_upstream *up = &c->env->config->upstream;
	struct addr a;

	if (addr_parse(up->host, strlen(up->host), &a))
		reach_dial(c, &a, 1, up->port);
	else
		reach_resolve(c, up->host, reach_upstream_cb);
}

/* An upstream is asked for one address at a time.  Not many are without IPv4,
 * but many without IPv6. */
static void reach_choose(struct conn *c, const struct addr *addrs, size_t count)
{
	struct addr first = addrs[0];

	for (size_t i = 1; i < count && !c->spare.family; i++)
		if (addrs[i].family != first.family)
			c->spare = addrs[i];
	c->addr = first;
	if (c->spare.family == 4) {
		c->addr = c->spare;
		c->spare = first;
	}
}

static void reach_addresses(struct conn *c, const struct addr *addrs,
			    size_t count)
{
	struct addr kept[DIAL_MAX];
	size_t n = 0;

	if (count > DIAL_MAX)
		count = DIAL_MAX;
	if (!count) {
		conn_refuse(c, REASON_DNS_ERROR, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (reach_may_go(c, &addrs[i]))
			kept[n++] = addrs[i];
	}
	if (!n) {
		if (!reach_ask_whole(c))
			reach_refuse_address(c, &addrs[count - 1]);
		return;
	}
	if (c->upstream) {
		reach_choose(c, kept, n);
		reach_upstream(c);
		return;
	}
	reach_dial(c, kept, n, c->target.port);
}

static void reach_resolved(struct conn *c, const struct resolve_answer *answer)
{
	if (c->query) {
		c->query = NULL;
		c->dns_us = (uint32_t)(base_mono_us() - c->step_us);
	}
	c->timed_dns = true;
	if (answer->status != RESOLVE_OK)
		conn_refuse(c, reach_dns_reason(answer->status),
			    reach_dns_details(answer->status));
	else
		reach_addresses(c, answer->addrs, answer->count);
}

static void reach_resolved_cb(void *arg, const struct resolve_answer *answer)
{
	struct conn *c = arg;

	c->partial = answer->partial;
	reach_resolved(c, answer);
}

static void reach_whole_cb(void *arg, const struct resolve_answer *answer)
{
	reach_resolved(arg, answer);
}

/* None of the addresses will do, and only one family's were known: there may be
 * others by now.  Return: whether it is asked. */
static bool reach_ask_whole(struct conn *c)
{
	if (!c->partial)
		return false;
	c->partial = false;
	reach_ask(c, c->target.host, true, reach_whole_cb);
	return true;
}

static bool reach_suffix(const char *pattern, const struct target *t)
{
	size_t len = strlen(pattern);

	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, t->host) == 0;
	len--; /* from the dot on */
	return t->host_len > len &&
	       strcmp(t->host + t->host_len - len, pattern + 1) == 0;
}

static bool reach_goes_direct(const struct config_upstream *up,
			      const struct target *t)
{
	if (!up->host)
		return true;
	for (size_t i = 0; i < up->no_proxy_host_count; i++)
		if (reach_suffix(up->no_proxy_hosts[i], t))
			return true;
	for (size_t i = 0; t->literal && i < up->no_proxy_cidr_count; i++)
		if (cidr_contains(&up->no_proxy_cidrs[i], &t->addr))
			return true;
	return false;
}

bool conn_reach_by_name(const struct config *config, const struct target *t)
{
	const struct config_upstream *up = &config->upstream;

	return up->resolve_upstream && !t->literal && !reach_goes_direct(up, t);
}

/* What a rule wants beyond host and port. */
static enum reason reach_conditions(const struct conn *c)
{
	if (c->proto == PROTO_HTTP && conn_requires_tls(c))
		return REASON_NOT_TLS;
	return c->ech && c->rule->ech_deny ? REASON_ECH : REASON_NONE;
}

/* Return: false if it was refused. */
static bool reach_judge(struct conn *c)
{
	struct conn_env *env = c->env;
	int64_t now = base_wall_ms();
	const struct rule *rule;
	enum reason r;

	policy_unref(c->policy);
	c->policy = policy_ref(env->policy);
	c->rule = rule = policy_judge(c->policy, &c->target, now);
	c->would_deny = false;
	r = rule ? reach_conditions(c) : REASON_POLICY;
	if (r != REASON_NONE) {
		if (!conn_monitors(c)) {
			conn_refuse(c, r, NULL);
			return false;
		}
		conn_log_would_deny(c, r, NULL);
	}
	if (!rule)
		return true;
	atomic_fetch_add_explicit(&rule->usage->hits, 1, memory_order_relaxed);
	atomic_store_explicit(&rule->usage->last_used, (uint64_t)now,
			      memory_order_relaxed);
	conn_budget(c);
	if (!c->up.left || !c->down.left) {
		conn_refuse(c, REASON_BUDGET, "the rule's hourly budget");
		return false;
	}
	return true;
}

/* The origin is connected already, from the request before: by now the policy
 * may have another mind of its name or its address. */
static void reach_kept(struct conn *c)
{
	if (!reach_judge(c))
		return;
	if (c->addr.family && !reach_may_go(c, &c->addr))
		reach_refuse_address(c, &c->addr);
	else
		conn_forward_start(c);
}

static void reach_anew(struct conn *c)
{
	const struct config_upstream *up = &c->env->config->upstream;

	c->upstream = !reach_goes_direct(up, &c->target);
	if (c->target.literal)
		reach_addresses(c, &c->target.addr, 1);
	else if (conn_reach_by_name(c->env->config, &c->target))
		reach_upstream(c);
	else
		reach_resolve(c, c->target.host, reach_resolved_cb);
}

static void reach_begin(struct conn *c)
{
	c->timed_dns = c->timed_connect = false;
	c->dns_us = c->connect_us = 0;
	c->spare.family = 0;
	c->partial = false;
}

void conn_reach(struct conn *c)
{
	reach_begin(c);
	if (c->origin) {
		reach_kept(c);
		return;
	}
	memset(&c->addr, 0, sizeof(c->addr));
	if (reach_judge(c))
		reach_anew(c);
}

void conn_reach_again(struct conn *c)
{
	reach_begin(c);
	memset(&c->addr, 0, sizeof(c->addr));
	reach_anew(c);
}
