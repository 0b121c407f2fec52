/* SPDX-License-Identifier: MIT */
/* conn_tunnel.c - bytes both ways between a client and its origin
 *
 * Client bytes are held back until it is known whether they are a ClientHello,
 * and whether that names the target; the origin's bytes flow from the start, so
 * that a server may speak first.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define TUNNEL_HOUR_MS 3600000
/* `until` is a time of the wall clock, which may be set: look again so often.
 */
#define TUNNEL_UNTIL_MS 60000
/* So often within the idle time it is looked whether a slow reader reads. */
#define TUNNEL_LOOKS 4
/* Bytes held back while a hello is judged: HELLO_MAX and its record headers. */
#define TUNNEL_HELD_MAX (2 * HELLO_MAX)

static uint64_t tunnel_least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t tunnel_left(uint64_t limit, uint64_t used)
{
	return !limit ? UINT64_MAX : used < limit ? limit - used : 0;
}

/* A rule's hour is over: the next begins with its first byte. */
static void tunnel_turn_hour(struct rule_usage *u)
{
	uint64_t start = atomic_load(&u->hour_start);

	if (!start || base_mono_ms() - start < TUNNEL_HOUR_MS)
		return;
	/* One of several workers turns it over. */
	if (atomic_compare_exchange_strong(&u->hour_start, &start, 0)) {
		atomic_store(&u->hour_up, 0);
		atomic_store(&u->hour_down, 0);
	}
}

bool conn_budget_is_spent(const struct rule *r)
{
	tunnel_turn_hour(r->usage);
	return !tunnel_left(r->up_hour, atomic_load(&r->usage->hour_up)) ||
	       !tunnel_left(r->down_hour, atomic_load(&r->usage->hour_down));
}

void conn_budget(struct conn *c)
{
	const struct rule *r = c->rule;
	uint64_t total = c->env->config->max_tunnel_bytes;

	c->limited = total ||
		     (r && (r->up || r->down || r->up_hour || r->down_hour));
	if (!c->limited) {
		c->up.left = c->down.left = UINT64_MAX;
		return;
	}
	total = tunnel_left(total, c->up.bytes + c->down.bytes);
	c->up.left = c->down.left = total;
	if (!r)
		return;
	if (r->up_hour || r->down_hour)
		tunnel_turn_hour(r->usage);
	if (conn_monitors(c))
		return;
	c->up.left = tunnel_least(total, tunnel_left(r->up, c->up.bytes));
	c->down.left = tunnel_least(total, tunnel_left(r->down, c->down.bytes));
	if (!r->up_hour && !r->down_hour)
		return;
	c->up.left = tunnel_least(
		c->up.left,
		tunnel_left(r->up_hour, atomic_load(&r->usage->hour_up)));
	c->down.left = tunnel_least(
		c->down.left,
		tunnel_left(r->down_hour, atomic_load(&r->usage->hour_down)));
}

enum reason conn_limit_reason(const struct conn *c)
{
	uint64_t total = c->env->config->max_tunnel_bytes;

	return total && c->up.bytes + c->down.bytes >= total
		       ? REASON_TUNNEL_BYTES
		       : REASON_BUDGET;
}

static enum policy_sni tunnel_sni(const struct policy *p, const struct rule *r)
{
	return r ? r->sni : policy_options_of(p)->sni;
}

static bool tunnel_requires_tls(const struct conn *c, const struct policy *p,
				const struct rule *r)
{
	if (tunnel_sni(p, r) != SNI_REQUIRE)
		return false;
	return (r && r->sni_own) || policy_is_tls_port(p, c->target.port);
}

bool conn_requires_tls(const struct conn *c)
{
	return tunnel_requires_tls(c, c->policy, c->rule);
}

static bool tunnel_denies_ech(const struct conn *c)
{
	return c->rule && c->rule->ech_deny;
}

static bool tunnel_is_named(const struct conn *c)
{
	struct target named;

	return target_set(&named, c->sni, strlen(c->sni), c->target.port,
			  true) == TARGET_OK &&
	       named.host_len == c->target.host_len &&
	       memcmp(named.host, c->target.host, named.host_len) == 0;
}

static enum reason tunnel_check_name(struct conn *c)
{
	free(c->sni);
	c->sni = strdup(c->hello->sni);
	if (!c->sni)
		return REASON_INTERNAL;
	return tunnel_is_named(c) ? REASON_NONE : REASON_SNI_MISMATCH;
}

bool conn_suits(const struct conn *c, const struct policy *p,
		const struct rule *r)
{
	if (c->ech && r->ech_deny)
		return false;
	if ((c->not_tls || c->proto == PROTO_HTTP) &&
	    tunnel_requires_tls(c, p, r))
		return false;
	return !c->sni || tunnel_sni(p, r) == SNI_OFF || tunnel_is_named(c);
}

static enum reason tunnel_judge(struct conn *c, enum hello_status s)
{
	bool any_name = tunnel_sni(c->policy, c->rule) == SNI_OFF;
	enum reason r = REASON_NONE;

	switch (s) {
	case HELLO_MORE:
		return REASON_HELLO_BAD; /* it ended in the middle */
	case HELLO_NOT_TLS:
		c->not_tls = true;
		return conn_requires_tls(c) ? REASON_NOT_TLS : REASON_NONE;
	case HELLO_NAME:
		r = tunnel_check_name(c);
		if (r == REASON_SNI_MISMATCH && any_name)
			r = REASON_NONE;
		break;
	case HELLO_NO_NAME:
		if (!c->target.literal && !any_name)
			r = REASON_SNI_MISSING;
		break;
	case HELLO_BAD:
		return REASON_HELLO_BAD;
	}
	if (r == REASON_NONE && c->ech && tunnel_denies_ech(c))
		r = REASON_ECH;
	return r;
}

enum reason conn_judge_hello(struct conn *c, bool ended)
{
	enum hello_status s;

	if (!c->hello) {
		c->hello = malloc(sizeof(*c->hello));
		if (!c->hello)
			return REASON_INTERNAL;
		*c->hello = (struct hello){0};
	}
	s = hello_feed(c->hello, (const uint8_t *)c->buf + c->hello_fed,
		       c->buf_len - c->hello_fed);
	c->hello_fed = c->buf_len;
	c->ech = c->hello->ech;
	if (s == HELLO_MORE && !ended)
		return REASON_NONE;
	if (s == HELLO_MORE && !c->buf_len)
		s = HELLO_NOT_TLS; /* not a byte was sent */
	c->gate = GATE_NONE;
	return tunnel_judge(c, s);
}

/* Nothing of the client's has gone upstream: say so in TLS, close with FIN. */
static void tunnel_cut_hello(struct conn *c, enum reason reason)
{
	conn_send_alert(c);
	conn_log_refusal(c, reason, 0, NULL);
	conn_finish(c);
}

/* Return: false if @c was closed. */
static bool tunnel_open_gate(struct conn *c)
{
	enum relay_status s;

	free(c->hello);
	c->hello = NULL;
	if (c->buf_len) {
		conn_budget(c);
		s = relay_push(&c->up, c->buf, c->buf_len);
		conn_consume(c, c->buf_len);
		if (s == RELAY_LIMIT || s == RELAY_TO_RESET || s == RELAY_OOM) {
			conn_cut(c, s == RELAY_LIMIT ? conn_limit_reason(c)
						     : REASON_ORIGIN_RESET);
			return false;
		}
		conn_account(c);
	}
	conn_consume(c, 0);
	conn_tunnel_arm(c);
	return true;
}

/* Return: whether the gate is open now; may have closed @c. */
static bool tunnel_pass_gate(struct conn *c)
{
	while (c->gate == GATE_TLS) {
		bool ended = false, first = !c->hello_fed;
		enum reason r;

		if (c->client->readable) {
			ssize_t n = conn_fill(c, TUNNEL_HELD_MAX);

			if (n < 0 && n != -EAGAIN && n != -ENOBUFS) {
				conn_cut(c, REASON_CLIENT_RESET);
				return false;
			}
			ended = n == 0 || n == -ENOBUFS;
		}
		if (c->hello_fed == c->buf_len && !ended)
			return false;
		r = conn_judge_hello(c, ended);
		if (first && c->gate == GATE_TLS) {
			c->step_us = base_mono_us();
			conn_tunnel_arm(c);
		}
		if (r != REASON_NONE && r != REASON_INTERNAL &&
		    conn_monitors(c)) {
			conn_log_would_deny(c, r, NULL);
			r = REASON_NONE;
		}
		if (r != REASON_NONE) {
			tunnel_cut_hello(c, r);
			return false;
		}
	}
	return tunnel_open_gate(c);
}

/* Return: whether @c still lives. */
static bool tunnel_take_status(struct conn *c, enum relay_status s, bool up)
{
	switch (s) {
	case RELAY_WAIT:
	case RELAY_DONE:
		return true;
	case RELAY_AGAIN:
		loop_defer(c->env->loop, &c->again);
		return true;
	case RELAY_LIMIT:
		conn_cut(c, conn_limit_reason(c));
		return false;
	case RELAY_FROM_RESET:
		conn_cut(c, up ? REASON_CLIENT_RESET : REASON_ORIGIN_RESET);
		return false;
	case RELAY_TO_RESET:
		conn_cut(c, up ? REASON_ORIGIN_RESET : REASON_CLIENT_RESET);
		return false;
	case RELAY_CUT:
	case RELAY_BAD:
	case RELAY_OOM:
		break;
	}
	conn_cut(c, REASON_INTERNAL);
	return false;
}

static bool tunnel_pump_flow(struct conn *c, struct relay_flow *f, bool up)
{
	uint64_t before = f->bytes;
	enum relay_status s;

	if (c->limited)
		conn_budget(c);
	s = relay_pump(f, c->env->pool);
	if (f->bytes != before) {
		c->last_ms = base_mono_ms();
		conn_account(c);
	}
	return tunnel_take_status(c, s, up);
}

/* A side that has ended its stream is not read any more: has a reset come
 * behind it? */
static bool tunnel_broke(struct relay_flow *f)
{
	if (!f->done || !f->from->readable)
		return false;
	f->from->readable = false;
	return io_broke(f->from);
}

void conn_tunnel_pump(struct conn *c)
{
	/* The second end is passed on by closing. */
	c->down.half_close = !c->up.done;
	if (!tunnel_pump_flow(c, &c->down, false))
		return;
	if (c->gate == GATE_TLS && !tunnel_pass_gate(c))
		return;
	c->up.half_close = !c->down.done;
	if (!tunnel_pump_flow(c, &c->up, true))
		return;
	if (c->up.done && c->down.done)
		conn_close(c, REASON_NONE);
	else if (tunnel_broke(&c->up))
		conn_cut(c, REASON_CLIENT_RESET);
	else if (tunnel_broke(&c->down))
		conn_cut(c, REASON_ORIGIN_RESET);
}

void conn_tunnel_arm(struct conn *c)
{
	const struct config *config = c->env->config;
	uint64_t at = UINT64_MAX;

	if (config->idle_timeout)
		at = tunnel_least(base_mono_ms() +
					  config->idle_timeout / TUNNEL_LOOKS +
					  1,
				  c->last_ms + config->idle_timeout);
	if (config->max_tunnel_time)
		at = tunnel_least(at,
				  c->start_us / 1000 + config->max_tunnel_time);
	if (c->rule && c->rule->until) {
		int64_t left = c->rule->until - base_wall_ms();
		uint64_t ms = left > 0 ? (uint64_t)left : 0;

		at = tunnel_least(
			at, base_mono_ms() + tunnel_least(ms, TUNNEL_UNTIL_MS));
	}
	/* A hello that was begun, or that has to come, has its own time. */
	if (c->gate == GATE_TLS && (c->buf_len || conn_requires_tls(c)))
		at = tunnel_least(at, c->step_us / 1000 + config->head_timeout);
	loop_timer_at(c->env->loop, &c->timer, at == UINT64_MAX ? 0 : at);
}

void conn_note_progress(struct conn *c)
{
	size_t unsent = relay_waiting(&c->up) + relay_waiting(&c->down) +
			io_unsent(c->client) + io_unsent(c->origin);

	if (unsent < c->unsent)
		c->last_ms = base_mono_ms();
	c->unsent = unsent;
}

bool conn_expired(struct conn *c)
{
	if (!c->rule || !c->rule->until || c->rule->until > base_wall_ms())
		return false;
	if (!conn_monitors(c))
		return true;
	conn_log_would_deny(c, REASON_EXPIRED, NULL);
	/* From here on it is one that no rule covers. */
	conn_account(c);
	c->rule = NULL;
	return false;
}

void conn_tunnel_timeout(struct conn *c)
{
	const struct config *config = c->env->config;
	uint64_t now;

	conn_note_progress(c);
	/* Not before that: progress must not lie in the future. */
	now = base_mono_ms();
	if (conn_expired(c))
		conn_cut(c, REASON_EXPIRED);
	else if (config->max_tunnel_time &&
		 now - c->start_us / 1000 >= config->max_tunnel_time)
		conn_cut(c, REASON_TUNNEL_TIME);
	else if (config->idle_timeout &&
		 now - c->last_ms >= config->idle_timeout)
		conn_cut(c, REASON_IDLE);
	else if (c->gate == GATE_TLS && (c->buf_len || conn_requires_tls(c)) &&
		 now >= c->step_us / 1000 + config->head_timeout)
		tunnel_cut_hello(c, c->hello_fed ? REASON_HELLO_BAD
						 : REASON_NOT_TLS);
	else
		conn_tunnel_arm(c);
}

int conn_tunnel_status(const struct conn *c)
{
	return c->proto == PROTO_CONNECT ? 200
	       : c->proto == PROTO_HTTP  ? 101
					 : 0;
}

/* Tell the client that it is connected.  Return: false if @c was closed. */
static bool tunnel_greet(struct conn *c)
{
	static const char ok[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	uint8_t reply[SOCKS5_REPLY_MAX];
	const char *text = ok;
	size_t len = sizeof(ok) - 1;
	ssize_t n;

	if (c->proto == PROTO_SOCKS5) {
		len = socks5_write_reply(SOCKS5_SUCCEEDED, NULL, 0, reply);
		text = (const char *)reply;
	} else if (c->proto != PROTO_CONNECT) {
		return true;
	}
	n = io_write(c->client, text, len);
	if (n >= 0 && relay_hold(&c->down, text + n, len - (size_t)n) == 0)
		return true;
	conn_cut(c, REASON_CLIENT_RESET);
	return false;
}

void conn_tunnel_start(struct conn *c)
{
	c->up.from = c->down.to = c->client;
	c->up.to = c->down.from = c->origin;
	c->unsent = 0;
	c->step_us = base_mono_us();
	c->last_ms = c->step_us / 1000;
	conn_enter(c, CONN_TUNNEL, CONN_KEEP);
	/* A captured hello has chosen the target: it agrees by itself. */
	if (c->proto != PROTO_TLS &&
	    (tunnel_sni(c->policy, c->rule) != SNI_OFF || tunnel_denies_ech(c)))
		c->gate = GATE_TLS;
	c->hello_fed = 0;
	conn_tunnel_arm(c);
	if (!tunnel_greet(c))
		return;
	if (c->gate == GATE_NONE && !tunnel_open_gate(c))
		return;
	conn_tunnel_pump(c);
}
