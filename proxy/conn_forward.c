/* SPDX-License-Identifier: MIT */
/* conn_forward.c - plain HTTP: one request after the other, each judged afresh
 *
 * Theory of operation
 *
 * A request's head is written anew for the origin, its body is relayed as it
 * comes (conn_request.c); the response's head is read into memory, written anew
 * for the client, its body relayed (conn_response.c).  Both bodies flow at
 * once.  Framing is followed, so that neither side can hide a message in
 * another's body.
 *
 * The origin's connection is kept for the next request of this client to the
 * same target, and for nothing else.  If it turns out to have been closed
 * meanwhile, an idempotent request without a body is sent once more over a new
 * one.
 *
 * A response that says Upgrade: websocket turns the connection into a tunnel.
 */
#include "conn_forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void forward_drop_origin(struct conn *c)
{
	io_close(c->origin);
	c->origin = NULL;
}

void conn_forward_free(struct conn *c)
{
	if (!c->forward)
		return;
	sbuf_free(&c->forward->request);
	free(c->forward->head);
	free(c->forward);
	c->forward = NULL;
}

/* The fields that go end to end, but for Host, which is written anew. */
void conn_forward_fields(struct sbuf *out, struct http1_span fields,
			 const struct http1_options *options, bool is_request)
{
	struct http1_span name, value;

	while (http1_next_field(&fields, &name, &value)) {
		if (http1_is_hop_by_hop(name, options) ||
		    (is_request && http1_is(name, "host")))
			continue;
		sbuf_add(out, name.at, name.len);
		sbuf_puts(out, ": ");
		sbuf_add(out, value.at, value.len);
		sbuf_puts(out, "\r\n");
	}
	sbuf_puts(out, "Via: 1.1 pen-proxy\r\n");
}

static void forward_reset(struct conn *c, const struct http1_request *rq)
{
	struct conn_forward *f = c->forward;

	relay_fini(&c->up, c->env->pool);
	relay_fini(&c->down, c->env->pool);
	c->up = c->down =
		(struct relay_flow){.left = UINT64_MAX, .want = UINT64_MAX};
	c->counted_up = c->counted_down = 0;
	f->head_len = f->scanned = 0;
	memset(&f->up_chunks, 0, sizeof(f->up_chunks));
	memset(&f->down_chunks, 0, sizeof(f->down_chunks));
	f->content_length = rq->content_length;
	f->body = rq->body;
	f->status = 0;
	f->interims = 0;
	f->minor = rq->minor;
	f->keep_client = rq->keep_alive && !c->env->draining;
	f->keep_origin = false;
	/* With a body the tunnel would begin inside of it. */
	f->upgrade = rq->upgrade_websocket && rq->body == HTTP1_BODY_NONE;
	f->answered = f->until_close = false;
	memset(f->method, 0, sizeof(f->method));
	memcpy(f->method, rq->method.at,
	       rq->method.len < FORWARD_METHOD_MAX ? rq->method.len
						   : FORWARD_METHOD_MAX);
}

static bool forward_same_target(const struct target *a, const struct target *b)
{
	return a->port == b->port && a->host_len == b->host_len &&
	       memcmp(a->host, b->host, a->host_len) == 0;
}

void conn_forward_renew(struct conn *c)
{
	struct conn_forward *f = c->forward;

	if (c->origin)
		f->addr = c->addr;
	memset(&c->addr, 0, sizeof(c->addr));
	memset(&c->target, 0, sizeof(c->target));
	memset(f->method, 0, sizeof(f->method));
	policy_unref(c->policy);
	c->policy = NULL;
	c->rule = NULL;
	c->id = c->env->id_base + c->env->id_next++;
	c->start_us = base_mono_us();
	c->logged = c->would_deny = c->tells_problem = false;
	c->has_body = c->head_request = false;
	c->timed_dns = c->timed_connect = false;
}

void conn_forward_leave(struct conn *c)
{
	if (!c->forward)
		return;
	forward_drop_origin(c);
	relay_fini(&c->up, c->env->pool);
	relay_fini(&c->down, c->env->pool);
	c->up = c->down =
		(struct relay_flow){.left = UINT64_MAX, .want = UINT64_MAX};
	c->counted_up = c->counted_down = 0;
	conn_forward_free(c);
}

/* RFC 9110 9.2.2: what a proxy may send a second time by itself. */
static bool forward_is_idempotent(const struct conn_forward *f)
{
	static const char *const methods[] = {"GET",     "HEAD",  "PUT",
					      "OPTIONS", "TRACE", "DELETE"};

	for (size_t i = 0; i < BASE_LEN(methods); i++)
		if (strcmp(f->method, methods[i]) == 0)
			return true;
	return false;
}

/* What may be sent once more, should a kept connection turn out to be dead. */
static bool forward_can_retry(const struct conn_forward *f)
{
	return f->body == HTTP1_BODY_NONE && forward_is_idempotent(f);
}

/* A kept connection on which anything has come since (the end, or bytes that no
 * request has asked for) is of no use.  The loop tells of both; what it may not
 * have told yet is worth a look where the request could not be sent again. */
static bool forward_origin_rests(struct conn *c)
{
	char byte;

	if (!c->origin || c->origin->hup)
		return false;
	if (!c->origin->readable && c->env->loop->sees_close &&
	    forward_can_retry(c->forward))
		return true;
	if (recv(c->origin->fd, &byte, 1, MSG_PEEK) >= 0 ||
	    (errno != EAGAIN && errno != EWOULDBLOCK))
		return false;
	c->origin->readable = false;
	return true;
}

/* Mostly the head is all that came, and its memory is taken as it is, so that
 * @rq goes on to be good. */
static void forward_keep_head(struct conn *c, const struct http1_request *rq,
			      size_t head_len)
{
	struct conn_forward *f = c->forward;

	if (head_len < c->buf_len) {
		f->request.len = 0;
		sbuf_add(&f->request, c->buf, head_len);
	} else {
		sbuf_free(&f->request);
		f->request = (struct sbuf){
			.data = c->buf,
			.len = head_len,
			.cap = c->buf_cap,
		};
		c->buf = NULL;
		f->parsed = rq;
	}
	conn_consume(c, head_len);
}

/* The head cannot be composed before it is known which way it goes: keep the
 * parsed request's bytes until then. */
void conn_forward_request(struct conn *c, const struct http1_request *rq,
			  size_t head_len)
{
	struct conn_forward *f = c->forward;

	if (!f)
		f = c->forward = calloc(1, sizeof(*f));
	if (!f) {
		conn_close(c, REASON_INTERNAL);
		return;
	}
	forward_reset(c, rq);
	forward_keep_head(c, rq, head_len);
	if (f->request.oom) {
		conn_close(c, REASON_INTERNAL);
		return;
	}
	f->reused = forward_same_target(&f->target, &c->target) &&
		    forward_origin_rests(c);
	if (f->reused)
		c->addr = f->addr;
	else
		forward_drop_origin(c);
	f->target = c->target;
	conn_reach(c);
	if (c->forward)
		c->forward->parsed = NULL;
}

void conn_forward_start(struct conn *c)
{
	struct sbuf out = {0};
	int rc;

	conn_enter(c, CONN_FORWARD, CONN_KEEP);
	c->up.from = c->down.to = c->client;
	c->up.to = c->down.from = c->origin;
	c->last_ms = base_mono_ms();
	c->unsent = 0;
	conn_budget(c);
	conn_tunnel_arm(c);
	rc = conn_request_compose(c, &out);
	if (rc < 0) {
		sbuf_free(&out);
		conn_refuse(c, REASON_INTERNAL, NULL);
		return;
	}
	rc = conn_request_early_body(c, &out);
	if (rc < 0) {
		sbuf_free(&out);
		c->has_body = true;
		conn_refuse(c, REASON_BAD_REQUEST, "malformed chunked body");
		return;
	}
	relay_hold_take(&c->up, out.data, out.len);
	if (c->limited && (c->up.bytes > c->up.left)) {
		conn_refuse(c, conn_limit_reason(c), NULL);
		return;
	}
	c->has_body = c->up.want != 0;
	conn_account(c);
	conn_forward_pump(c);
}

void conn_forward_log(struct conn *c, enum reason reason)
{
	conn_account(c);
	conn_log_end(c, reason, c->forward->status);
}

const char *conn_forward_method(const struct conn *c)
{
	return c->forward->method;
}

bool conn_forward_keeps(const struct conn *c)
{
	return c->forward && c->forward->keep_client && !c->env->draining;
}

/* Neither a head nor a snapshot of the policy is memory to keep for somebody
 * who may never come back. */
void conn_forward_idle(struct conn *c)
{
	sbuf_free(&c->forward->request);
	policy_unref(c->policy);
	c->policy = NULL;
	c->rule = NULL;
	conn_enter(c, CONN_FIRST, c->env->config->idle_timeout);
	loop_defer(c->env->loop, &c->again);
}

/* Both bodies are through: to the next request, or to the end. */
static void forward_finished(struct conn *c)
{
	struct conn_forward *f = c->forward;

	conn_forward_log(c, REASON_NONE);
	if (!f->keep_origin)
		forward_drop_origin(c);
	if (!f->keep_client || !c->up.done || c->env->draining) {
		/* Given up on is not ended: more of it may be on its way. */
		c->has_body = !c->up.ended && (c->up.want || c->up.chunks);
		conn_finish(c);
		return;
	}
	if (c->up.rest_len) {
		/* Read behind a chunked body: the next request's head. */
		c->buf = c->up.rest;
		c->buf_len = c->buf_cap = c->up.rest_len;
		c->up.rest = NULL;
		c->up.rest_len = 0;
	}
	c->scanned = 0;
	conn_forward_idle(c);
}

/* Before the client has had a byte of an answer, it can be told what is wrong;
 * afterwards a response that is cut must not look complete. */
void conn_forward_fail(struct conn *c, enum reason reason, const char *details)
{
	struct conn_forward *f = c->forward;

	if (!f->answered) {
		c->has_body = !c->up.done;
		f->keep_client = false;
		conn_account(c);
		conn_refuse(c, reason, details);
	} else if (f->until_close) {
		conn_cut(c, reason);
	} else {
		conn_close(c, reason);
	}
}

/* The kept connection had been closed by the origin before the request reached
 * it: once more over a new one, if nothing is lost by that. */
bool conn_forward_retry(struct conn *c)
{
	struct conn_forward *f = c->forward;

	if (!f->reused || f->answered || f->head_len || f->interims ||
	    !forward_can_retry(f))
		return false;
	f->reused = false;
	forward_drop_origin(c);
	relay_fini(&c->up, c->env->pool);
	c->up = (struct relay_flow){.left = UINT64_MAX, .want = UINT64_MAX};
	conn_reach_again(c);
	return true;
}

static void forward_take_status(struct conn *c, enum relay_status s, bool up)
{
	switch (s) {
	case RELAY_WAIT:
	case RELAY_DONE:
		return;
	case RELAY_AGAIN:
		loop_defer(c->env->loop, &c->again);
		return;
	case RELAY_LIMIT:
		conn_forward_fail(c, conn_limit_reason(c), NULL);
		return;
	case RELAY_FROM_RESET:
		if (up)
			conn_cut(c, REASON_CLIENT_RESET);
		else
			conn_forward_fail(c, REASON_ORIGIN_RESET, NULL);
		return;
	case RELAY_TO_RESET: /* of the client: see forward_pump_up() */
		conn_cut(c, REASON_CLIENT_RESET);
		return;
	case RELAY_CUT:
		if (up)
			conn_cut(c, REASON_CLIENT_CLOSED);
		else
			conn_forward_fail(c, REASON_RESPONSE_INCOMPLETE, NULL);
		return;
	case RELAY_BAD:
		if (up)
			conn_forward_fail(c, REASON_BAD_REQUEST,
					  "malformed chunked body");
		else
			conn_forward_fail(c, REASON_RESPONSE_BAD, NULL);
		return;
	case RELAY_OOM:
		conn_cut(c, REASON_INTERNAL);
		return;
	}
}

/* Return: whether the request has still to be followed. */
static bool forward_pump_up(struct conn *c)
{
	uint64_t before = c->up.bytes;
	enum relay_status s;

	if (c->limited)
		conn_budget(c);
	s = relay_pump(&c->up, c->env->pool);
	if (c->up.bytes != before) {
		c->last_ms = base_mono_ms();
		conn_account(c);
	}
	/* An origin may answer and hang up before it has taken the body: what
	 * it said comes first, the reset is found out by reading. */
	if (s == RELAY_TO_RESET) {
		c->up.done = c->origin->readable = true;
		if (c->forward->body != HTTP1_BODY_NONE)
			c->forward->keep_client = false;
		return true;
	}
	forward_take_status(c, s, true);
	return c->state == CONN_FORWARD;
}

static void forward_pump_down(struct conn *c)
{
	uint64_t before = c->down.bytes;
	enum relay_status s;

	if (c->limited)
		conn_budget(c);
	s = relay_pump(&c->down, c->env->pool);
	if (c->down.bytes != before)
		c->last_ms = base_mono_ms();
	conn_account(c);
	if (s == RELAY_DONE) {
		if (c->down.rest_len)
			c->forward->keep_origin = false;
		forward_finished(c);
	} else {
		forward_take_status(c, s, false);
	}
}

/* Behind its request a client is not read: has it left by a reset?  The end of
 * its stream alone does not say that it awaits no answer. */
static bool forward_client_left(struct conn *c)
{
	ssize_t n;
	char byte;

	if (!c->client->readable)
		return false;
	n = recv(c->client->fd, &byte, 1, MSG_PEEK);
	if (n == 0)
		return io_broke(c->client);
	if (n > 0 || errno == EINTR)
		return false;
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return true;
	c->client->readable = false;
	return false;
}

void conn_forward_pump(struct conn *c)
{
	if (!c->up.done && !forward_pump_up(c))
		return;
	if (c->up.done && forward_client_left(c)) {
		conn_cut(c, REASON_CLIENT_RESET);
		return;
	}
	if (!c->forward->answered)
		conn_response_await(c);
	if (c->state == CONN_FORWARD && c->forward->answered)
		forward_pump_down(c);
}

void conn_forward_timeout(struct conn *c)
{
	const struct config *config = c->env->config;
	enum reason r;

	conn_note_progress(c);
	if (conn_expired(c))
		r = REASON_EXPIRED;
	else if (config->idle_timeout &&
		 base_mono_ms() - c->last_ms >= config->idle_timeout)
		r = c->forward->answered ? REASON_IDLE
					 : REASON_RESPONSE_TIMEOUT;
	else if (config->max_tunnel_time &&
		 base_mono_ms() - c->start_us / 1000 >= config->max_tunnel_time)
		r = REASON_TUNNEL_TIME;
	else {
		conn_tunnel_arm(c);
		return;
	}
	conn_forward_fail(c, r, NULL);
}
