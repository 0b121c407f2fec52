/* SPDX-License-Identifier: MIT */
/* metrics.h - counters of one worker, and the Prometheus text of them all */
#ifndef PEN_METRICS_H
#define PEN_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

enum proto {
	PROTO_NONE,
	PROTO_CONNECT,
	PROTO_HTTP,
	PROTO_TLS,
	PROTO_SOCKS5,
	PROTO_TCP,
	PROTO__COUNT
};
enum verdict {
	VERDICT_ALLOW,
	VERDICT_DENY,
	VERDICT_WOULD_DENY,
	VERDICT_ERROR,
	VERDICT__COUNT
};

/* Why something was refused, cut or failed.  The text is what logs, metrics and
 * Proxy-Status say: RFC 9209 2.3 types where one fits. */
#define REASONS(X)                                         \
	X(NONE, "")                                        \
	X(POLICY, "http_request_denied")                   \
	X(GUARD, "destination_ip_prohibited")              \
	X(SNI_MISMATCH, "sni_mismatch")                    \
	X(SNI_MISSING, "sni_missing")                      \
	X(NOT_TLS, "tls_required")                         \
	X(HELLO_BAD, "tls_malformed")                      \
	X(ECH, "ech_denied")                               \
	X(BUDGET, "budget_exhausted")                      \
	X(EXPIRED, "rule_expired")                         \
	X(REVOKED, "revoked")                              \
	X(BAD_REQUEST, "http_request_error")               \
	X(BAD_HOST, "malformed_target")                    \
	X(HEAD_TOO_LARGE, "head_too_large")                \
	X(HEAD_TIMEOUT, "head_timeout")                    \
	X(TOO_MANY, "connection_limit_reached")            \
	X(DNS_ERROR, "dns_error")                          \
	X(DNS_TIMEOUT, "dns_timeout")                      \
	X(CONN_REFUSED, "connection_refused")              \
	X(CONN_TIMEOUT, "connection_timeout")              \
	X(NET_UNREACHABLE, "destination_ip_unroutable")    \
	X(HOST_UNREACHABLE, "destination_ip_unroutable")   \
	X(CONN_FAILED, "destination_unavailable")          \
	X(UPSTREAM, "proxy_internal_response")             \
	X(RESPONSE_BAD, "http_protocol_error")             \
	X(RESPONSE_INCOMPLETE, "http_response_incomplete") \
	X(RESPONSE_TIMEOUT, "http_response_timeout")       \
	X(IDLE, "idle_timeout")                            \
	X(TUNNEL_TIME, "tunnel_time_limit")                \
	X(TUNNEL_BYTES, "tunnel_bytes_limit")              \
	X(DRAIN, "drain_timeout")                          \
	X(CLIENT_CLOSED, "client_closed")                  \
	X(CLIENT_RESET, "client_reset")                    \
	X(ORIGIN_RESET, "origin_reset")                    \
	X(INTERNAL, "proxy_internal_error")

enum reason {
#define X(name, text) REASON_##name,
	REASONS(X)
#undef X
		REASON__COUNT
};

/** reason_name() - The text of a reason; static */
const char *reason_name(enum reason r);
/** reason_is_refusal() - Whether it is the policy's doing (audited) */
int reason_is_refusal(enum reason r);
const char *proto_name(enum proto p);
const char *verdict_name(enum verdict v);

#define METRICS_BUCKETS 12
/** struct histogram - Seconds, in the buckets of metrics.c */
struct histogram {
	_Atomic uint64_t bucket[METRICS_BUCKETS + 1];
	_Atomic uint64_t sum_us;
};

/**
 * struct metrics - Counters of one worker
 *
 * Written by that worker alone (a relaxed load and store each, no locked
 * instruction), read by any thread.
 */
struct metrics {
	_Atomic uint64_t connections[PROTO__COUNT][VERDICT__COUNT];
	_Atomic uint64_t refused[REASON__COUNT];
	_Atomic uint64_t active;
	_Atomic uint64_t bytes_up, bytes_down;
	struct histogram dns, connect, connection;
};

/** metrics_add() - Add to a counter of one's own worker */
static inline void metrics_add(_Atomic uint64_t *counter, uint64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + n, memory_order_relaxed);
}

/** metrics_time() - Put a duration into a histogram; @us microseconds */
void metrics_time(struct histogram *h, uint64_t us);

/**
 * struct metrics_extra - What is not counted per worker
 */
struct metrics_extra {
	uint64_t rules, reloads_ok, reloads_failed, log_dropped, audit_lost;
	double start_time;
};

/**
 * metrics_write() - The Prometheus text (exposition format 0.0.4) of all
 * workers
 * @m: @count pointers, one a worker
 */
void metrics_write(struct sbuf *out, struct metrics *const *m, size_t count,
		   const struct metrics_extra *extra);

#endif
