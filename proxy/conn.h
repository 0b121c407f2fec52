/* SPDX-License-Identifier: MIT */
/* conn.h - one client connection, from its first byte to its log line
 *
 * The module's files: conn.c (life and death), conn_talk.c (first bytes to a
 * target), conn_reach.c (target to a connected origin), conn_tunnel.c (bytes
 * both ways), conn_forward.c (plain HTTP), conn_request.c and conn_response.c
 * (its heads), conn_answer.c (what a client is told instead), conn_log.c (what
 * is written down).
 */
#ifndef PEN_CONN_H
#define PEN_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients.h"
#include "config.h"
#include "dial.h"
#include "hello.h"
#include "http1.h"
#include "loop.h"
#include "metrics.h"
#include "names.h"
#include "policy.h"
#include "relay.h"
#include "resolve.h"
#include "socks5.h"

struct conn;
struct conn_forward;

/**
 * struct conn_env - What the connections of one worker share
 * All borrowed from the worker, for its life.
 *
 * @policy:  the snapshot in force, one reference held by the worker
 * @names:   the names behind the addresses that the DNS listener gave out;
 *           NULL without one
 * @conns:   list of the worker's connections
 * @over:    how many of them are over a limit
 * @total:   clients of all workers, against max-connections
 * @id_base, @id_next: make log ids that no other worker or process has
 * @draining: no new requests
 * @closed:  called after a connection has gone (descriptors are free again)
 */
struct conn_env {
	struct loop *loop;
	const struct config *config;
	struct resolver *resolver;
	struct relay_pool *pool;
	struct metrics *metrics;
	struct policy *policy;
	struct names *names;
	struct clients *clients;
	struct conn *conns;
	size_t count, over;
	_Atomic unsigned int *total;
	uint64_t id_base, id_next;
	bool draining;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* X-macro: state, name, deadline (a member of struct config, or none). */
#define CONN_STATES(X)                      \
	X(FIRST, "first-byte")              \
	X(HEAD, "head")                     \
	X(SOCKS_GREETING, "socks-greeting") \
	X(SOCKS_REQUEST, "socks-request")   \
	X(TLS, "client-hello")              \
	X(RESOLVE, "resolving")             \
	X(DIAL, "connecting")               \
	X(UPSTREAM, "upstream")             \
	X(TUNNEL, "tunnel")                 \
	X(FORWARD, "forward")               \
	X(LINGER, "closing")                \
	X(DEAD, "dead")

enum conn_state {
#define X(name, text) CONN_##name,
	CONN_STATES(X)
#undef X
		CONN__COUNT
};

/* How far a ClientHello has been looked at. */
enum conn_gate {
	GATE_NONE, /* nothing to judge, or judged */
	GATE_TLS,  /* client bytes are held until judged */
};

/**
 * struct conn - One client connection
 *
 * @client, @origin: owned
 * @policy:  one reference held, NULL before the first verdict
 * @rule:    borrowed from @policy; NULL without one (monitor mode)
 * @buf:     bytes of the client not yet used; owned, NULL when empty
 * @hello:   parser of the ClientHello; owned, NULL when not needed
 * @sni:     name that the client sent in it; owned or NULL
 * @query, @dial: running, owned
 * @forward: plain HTTP; owned or NULL
 * @guard:   what the guard says of the address judged last
 * @addr:    the origin's address, family 0 before there is one
 * @spare:   what the upstream proxy is asked for if it does not come to @addr;
 *           family 0: nothing
 * @unsent:  bytes that neither side had taken yet when it was last looked
 * @counted_up, @counted_down: payload bytes already put into rule and metrics
 * @original_addr, @original_port: where a captured connection was going
 * @captured: @target was set from that, before the client's first byte
 * @would_deny: let through by monitor mode alone
 * @tells_problem: answers are application/problem+json
 * @has_body: more than a head may come: linger behind a refusal
 * @line_fits: the head in @buf begins with a request line
 * @partial: the addresses of one family alone are known as yet
 * @not_tls: the tunnel's first bytes were looked at, and are something else
 */
struct conn {
	struct conn *next, **prev;
	struct conn_env *env;
	struct io *client, *origin;
	struct policy *policy;
	const struct rule *rule;
	char *buf;
	size_t buf_len, buf_cap, scanned, hello_fed;
	struct hello *hello;
	char *sni;
	struct resolve_query *query;
	struct dial *dial;
	struct conn_forward *forward;
	struct relay_flow up, down;
	struct timer timer;
	struct deferred again;
	uint64_t id, start_us, step_us, last_ms;
	uint64_t counted_up, counted_down;
	size_t unsent;
	uint32_t dns_us, connect_us;
	enum conn_state state;
	enum proto proto;
	enum conn_gate gate;
	enum policy_guard guard;
	struct addr addr, spare, client_addr, original_addr;
	uint16_t client_port, original_port;
	bool transparent, over_limit, would_deny, timed_dns, timed_connect;
	bool logged, ech, limited, tells_problem, has_body, captured;
	bool counted_client, upstream, head_request, line_fits;
	bool not_tls, partial;
	struct target target;
};

/* ---- conn.c ---- */

/**
 * conn_new() - Take a client that was accepted
 * @fd:          non-blocking; owned from here on, whatever becomes of it
 * @transparent: it came through a transparent listener
 * @over_limit:  it is one too many: tell it so, and no more
 */
void conn_new(struct conn_env *env, int fd, const struct sockaddr *peer,
	      bool transparent, bool over_limit);
/**
 * conn_close() - End a connection; the only place that does
 * @reason: for the log line, if none was written yet (REASON_NONE: it ended
 *          well)
 *
 * Idempotent.  The memory goes at the end of the loop's turn, so a caller may
 * still look at @c->state.
 */
void conn_close(struct conn *c, enum reason reason);
/** conn_cut() - The same, with a reset towards both sides: what is cut short
 *  must not pass for complete */
void conn_cut(struct conn *c, enum reason reason);
#define CONN_KEEP UINT64_MAX
/** conn_enter() - Change the state and its deadline; the only writer of both
 *  @ms: time until the state's time-out; 0: none; CONN_KEEP: the deadline of
 *  the state before holds for this one, too */
void conn_enter(struct conn *c, enum conn_state state, uint64_t ms);
/** conn_arm() - Set the deadline anew without a change of state */
void conn_arm(struct conn *c, uint64_t ms);
const char *conn_state_name(enum conn_state s);
/** conn_rejudge() - Judge by a new policy; may close @c */
void conn_rejudge(struct conn *c, struct policy *policy);
/** conn_drain() - No new requests: closes @c unless something is under way */
void conn_drain(struct conn *c);
/** conn_monitors() - Whether @c, that was judged, is let through whatever the
 *  policy says */
bool conn_monitors(const struct conn *c);
/** conn_account() - Put the bytes that were moved into rule and metrics */
void conn_account(struct conn *c);

/* ---- conn_talk.c ---- */

/** conn_talk() - Go on with what the client says first; may close @c */
void conn_talk(struct conn *c);
/** conn_fill() - Read into @c->buf, which may grow to @max.  Return: > 0, 0 at
 *  the end of the stream, -EAGAIN, -ENOBUFS when full, another negative errno.
 */
ssize_t conn_fill(struct conn *c, size_t max);
/** conn_consume() - Drop the first @n bytes of @c->buf; frees it when empty */
void conn_consume(struct conn *c, size_t n);
/** conn_start_first() - Begin with a fresh client; may close @c */
void conn_start_first(struct conn *c);
/** conn_silent() - The client has not said a byte in time; closes @c */
void conn_silent(struct conn *c);

/* ---- conn_reach.c ---- */

/**
 * conn_reach() - Judge @c->target, resolve it, connect to it
 *
 * Ends in conn_reached(), or in conn_refuse().  May close @c.
 */
void conn_reach(struct conn *c);
/** conn_reach_again() - The same for a target that was judged: the connection
 *  to it turned out to be dead.  May close @c. */
void conn_reach_again(struct conn *c);
/** conn_reach_by_name() - Whether the upstream proxy is given the name, and
 *  nobody here looks it up */
bool conn_reach_by_name(const struct config *config, const struct target *t);
/** conn_reach_cancel() - Stop what conn_reach() has under way */
void conn_reach_cancel(struct conn *c);
/** conn_upstream_readable() - The upstream proxy has answered; may close @c */
void conn_upstream_readable(struct conn *c);

/* ---- conn_tunnel.c ---- */

/** conn_tunnel_start() - The origin is connected: tell the client, move bytes;
 *  may close @c */
void conn_tunnel_start(struct conn *c);
/** conn_tunnel_status() - HTTP status that the tunnel began with; 0 for none */
int conn_tunnel_status(const struct conn *c);
/** conn_requires_tls() - Whether nothing but TLS may go to the target
 *  (sni=require) */
bool conn_requires_tls(const struct conn *c);
/** conn_suits() - Whether what has been seen of @c's first bytes is as @r, a
 *  rule of @p, wants it */
bool conn_suits(const struct conn *c, const struct policy *p,
		const struct rule *r);
/** conn_tunnel_pump() - Move what can be moved; may close @c */
void conn_tunnel_pump(struct conn *c);
/** conn_tunnel_timeout() - A deadline of the tunnel has come; may close @c */
void conn_tunnel_timeout(struct conn *c);
/** conn_tunnel_arm() - Set the timer to the next of the tunnel's deadlines */
void conn_tunnel_arm(struct conn *c);
/** conn_note_progress() - Bytes that were passed on may be long on their way to
 *  a slow reader: as long as they get fewer, @c is not idle */
void conn_note_progress(struct conn *c);
/** conn_expired() - Whether the rule has ended, and its tunnels with it */
bool conn_expired(struct conn *c);
/** conn_budget() - Set what both flows may still carry */
void conn_budget(struct conn *c);
/** conn_budget_is_spent() - Whether nothing is left of a rule's hour */
bool conn_budget_is_spent(const struct rule *r);
/** conn_over_limit() - Which limit a flow has run into */
enum reason conn_limit_reason(const struct conn *c);
/**
 * conn_judge_hello() - Feed what is new in @c->buf to the ClientHello parser
 * and judge its outcome against the target
 * @ended: the client will send no more
 *
 * Return: REASON_NONE with @c->gate GATE_NONE: pass; with GATE_TLS: wait;
 * else the reason to cut.
 */
enum reason conn_judge_hello(struct conn *c, bool ended);

/* ---- conn_forward.c ---- */

/** conn_forward_request() - A whole request head is in @c->buf; may close @c */
void conn_forward_request(struct conn *c, const struct http1_request *rq,
			  size_t head_len);
/** conn_forward_renew() - Another request begins on a connection that has
 *  carried some: it gets an id, a clock and a target of its own */
void conn_forward_renew(struct conn *c);
/** conn_forward_leave() - The connection becomes a tunnel by CONNECT: drop what
 *  plain requests have left behind, a kept origin above all */
void conn_forward_leave(struct conn *c);
/** conn_forward_start() - The origin is connected; may close @c */
void conn_forward_start(struct conn *c);
/** conn_forward_pump() - Move what can be moved; may close @c */
void conn_forward_pump(struct conn *c);
/** conn_forward_timeout() - Nothing moved for the idle time-out; may close */
void conn_forward_timeout(struct conn *c);
/** conn_forward_keeps() - Whether the client's connection may go on after the
 *  request under way */
bool conn_forward_keeps(const struct conn *c);
/** conn_forward_idle() - A request is done with: await the next one */
void conn_forward_idle(struct conn *c);
/** conn_forward_log() - The line of a request that has ended, @reason saying
 *  how */
void conn_forward_log(struct conn *c, enum reason reason);
/** conn_forward_method() - Method of the request under way; NUL-terminated */
const char *conn_forward_method(const struct conn *c);
/** conn_forward_free() - Free what plain HTTP holds */
void conn_forward_free(struct conn *c);

/* ---- conn_answer.c ---- */

/**
 * conn_refuse() - Tell the client that it will not be, log why, and end
 * @reason:  decides status, reply code or alert
 * @details: static text for people, or NULL
 *
 * May close @c.
 */
void conn_refuse(struct conn *c, enum reason reason, const char *details);
/** conn_send_alert() - A fatal unrecognized_name alert, as far as it fits */
void conn_send_alert(struct conn *c);
/** conn_finish() - What the client had to be told is out: end with FIN, after
 *  throwing away what it still sends; may close @c */
void conn_finish(struct conn *c);
/** conn_linger() - Throw away what has come meanwhile; may close @c */
void conn_linger(struct conn *c);
/** conn_linger_timeout() - Close @c if the client has had its time for that */
void conn_linger_timeout(struct conn *c);

/* ---- conn_log.c ---- */

#define CONN_ID_LEN 16
/** conn_id() - The log id as text */
void conn_id(const struct conn *c, char out[CONN_ID_LEN + 1]);
#define CONN_CLIENT_MAX (ADDR_TEXT_MAX + 10)
/** conn_client() - The client as text: "ADDR:PORT", or "unix" */
void conn_client(const struct conn *c, char out[CONN_CLIENT_MAX]);
/** conn_log_refusal() - The line for a refusal or failure, and the audit's */
void conn_log_refusal(struct conn *c, enum reason reason, int status,
		      const char *details);
/** conn_log_would_deny() - The line for what monitor mode lets through */
void conn_log_would_deny(struct conn *c, enum reason reason,
			 const char *details);
/** conn_log_end() - The line of a tunnel or request that took place
 *  @status: HTTP status that the client got, 0 for none */
void conn_log_end(struct conn *c, enum reason reason, int status);

#endif
