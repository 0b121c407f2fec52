/* SPDX-License-Identifier: MIT */
/* conn_log.c - what is written down of a connection: one line, maybe audited */
#include "conn.h"

#include <string.h>

#include "audit.h"
#include "log.h"

void conn_id(const struct conn *c, char out[CONN_ID_LEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t id = c->id;

	for (size_t i = CONN_ID_LEN; i-- > 0; id >>= 4)
		out[i] = digits[id & 15];
	out[CONN_ID_LEN] = '\0';
}

void conn_client(const struct conn *c, char out[CONN_CLIENT_MAX])
{
	bool six = c->client_addr.family == 6;
	size_t n = six;

	if (!c->client_addr.family) {
		memcpy(out, "unix", sizeof("unix"));
		return;
	}
	out[0] = '[';
	n += addr_format(&c->client_addr, out + n);
	if (six)
		out[n++] = ']';
	out[n++] = ':';
	n += base_format_uint(c->client_port, out + n);
	out[n] = '\0';
}

static void conn_log_where(const struct conn *c, struct log_line *l)
{
	char id[CONN_ID_LEN + 1], text[CONN_CLIENT_MAX];

	conn_id(c, id);
	log_text(l, "id", id);
	conn_client(c, text);
	log_text(l, "client", text);
	if (c->proto != PROTO_NONE && c->proto != PROTO_TCP)
		log_text(l, "proto", proto_name(c->proto));
	log_text(l, "method",
		 c->proto == PROTO_CONNECT ? "CONNECT"
		 : c->forward              ? conn_forward_method(c)
					   : NULL);
	if (c->target.host_len) {
		log_bytes(l, "host", c->target.host, c->target.host_len);
		log_uint(l, "port", c->target.port);
	}
	log_text(l, "sni", c->sni);
	if (c->ech)
		log_text(l, "ech", "outer");
	if (c->addr.family) {
		addr_format(&c->addr, text);
		log_text(l, "addr", text);
	}
}

static void conn_log_verdict(const struct conn *c, struct log_line *l,
			     enum verdict verdict, enum reason reason,
			     int status)
{
	log_text(l, "verdict", verdict_name(verdict));
	if (reason != REASON_NONE)
		log_text(l, "reason", reason_name(reason));
	if (c->rule) {
		char where[POLICY_WHERE_MAX];

		policy_where(c->rule, where);
		log_text(l, "rule", where);
		log_text(l, "why", c->rule->why);
	}
	if (status)
		log_uint(l, "status", (uint64_t)status);
}

static void conn_log_times(const struct conn *c, struct log_line *l,
			   uint64_t now_us)
{
	if (c->timed_dns)
		log_uint(l, "ms_dns", c->dns_us / 1000);
	if (c->timed_connect)
		log_uint(l, "ms_connect", c->connect_us / 1000);
	log_uint(l, "ms_total", (now_us - c->start_us) / 1000);
}

static void conn_count(struct conn *c, enum verdict verdict, enum reason reason)
{
	struct metrics *m = c->env->metrics;

	metrics_add(&m->connections[c->proto][verdict], 1);
	if (verdict != VERDICT_ALLOW && reason_is_refusal(reason))
		metrics_add(&m->refused[reason], 1);
}

void conn_log_refusal(struct conn *c, enum reason reason, int status,
		      const char *details)
{
	bool refusal = reason_is_refusal(reason);
	enum verdict verdict = refusal ? VERDICT_DENY : VERDICT_ERROR;
	uint64_t now_us = base_mono_us();
	bool permitted = log_permit_refusal(now_us / 1000);
	struct log_line l;

	c->logged = true;
	conn_count(c, verdict, reason);
	if (!permitted && !(refusal && audit_wants()))
		return;
	log_begin(&l, LEVEL_WARN, refusal ? "deny" : "error");
	conn_log_where(c, &l);
	conn_log_verdict(c, &l, verdict, reason, status);
	log_text(&l, "details", details);
	conn_log_times(c, &l, now_us);
	if (permitted)
		log_end(&l);
	else
		log_finish(&l);
	if (refusal)
		audit_line(&l);
}

void conn_log_would_deny(struct conn *c, enum reason reason,
			 const char *details)
{
	struct log_line l;

	c->would_deny = true;
	log_begin(&l, LEVEL_WARN, "deny");
	conn_log_where(c, &l);
	conn_log_verdict(c, &l, VERDICT_WOULD_DENY, reason, 0);
	log_text(&l, "details", details);
	if (log_permit_refusal(base_mono_ms()))
		log_end(&l);
	else
		log_finish(&l);
	audit_line(&l);
}

void conn_log_end(struct conn *c, enum reason reason, int status)
{
	bool refusal = reason_is_refusal(reason);
	enum verdict verdict = refusal         ? VERDICT_DENY
			       : c->would_deny ? VERDICT_WOULD_DENY
					       : VERDICT_ALLOW;
	uint64_t now_us = base_mono_us();
	struct log_line l;

	c->logged = true;
	conn_count(c, verdict, reason);
	metrics_time(&c->env->metrics->connection, now_us - c->start_us);
	if (!log_wants(LEVEL_INFO) && !refusal)
		return;
	log_begin(&l, refusal ? LEVEL_WARN : LEVEL_INFO,
		  c->state == CONN_FORWARD ? "request" : "close");
	conn_log_where(c, &l);
	conn_log_verdict(c, &l, verdict, reason, status);
	log_uint(&l, "bytes_up", c->up.bytes);
	log_uint(&l, "bytes_down", c->down.bytes);
	conn_log_times(c, &l, now_us);
	log_end(&l);
	if (refusal)
		audit_line(&l);
}
