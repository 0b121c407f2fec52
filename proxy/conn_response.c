/* SPDX-License-Identifier: MIT */
/* conn_response.c - what the origin answers to a plain request */
#include "conn_forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_HEAD_MAX 65536
/* Interim responses to one request: more is an origin that never answers. */
#define RESPONSE_INTERIMS_MAX 256

static void response_head(struct conn *c, struct sbuf *out,
			  const struct http1_response *rs)
{
	struct conn_forward *f = c->forward;

	sbuf_puts(out, "HTTP/1.1 ");
	sbuf_uint(out, rs->status);
	sbuf_puts(out, " ");
	sbuf_add(out, rs->reason.at, rs->reason.len);
	sbuf_puts(out, "\r\n");
	conn_forward_fields(out, rs->fields, &rs->options, false);
	if (rs->body == HTTP1_BODY_CHUNKED && !c->down.unchunk)
		sbuf_puts(out, "Transfer-Encoding: chunked\r\n");
	if (rs->upgraded)
		sbuf_puts(out, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	else if (rs->status >= 200 && !f->keep_client)
		sbuf_puts(out, "Connection: close\r\n");
	else if (rs->status >= 200 && f->minor == 0)
		sbuf_puts(out, "Connection: keep-alive\r\n");
	sbuf_puts(out, "\r\n");
}

/* The body's first bytes came with the head: they go out with it.
 * @out: how many of them the client gets
 * Return: how many of the @len are the body's, or -1. */
static ssize_t response_first_body(struct conn *c,
				   const struct http1_response *rs, char *data,
				   size_t len, size_t *out)
{
	struct conn_forward *f = c->forward;
	enum http1_status s;
	size_t n = 0;

	switch (rs->body) {
	case HTTP1_BODY_NONE:
		c->down.want = 0;
		break;
	case HTTP1_BODY_LENGTH:
		n = len < rs->content_length ? len : (size_t)rs->content_length;
		c->down.want = rs->content_length - n;
		c->down.bytes += n;
		break;
	case HTTP1_BODY_CLOSE:
		n = len;
		c->down.want = UINT64_MAX;
		c->down.bytes += n;
		break;
	case HTTP1_BODY_CHUNKED:
		c->down.want = UINT64_MAX;
		c->down.chunks = &f->down_chunks;
		s = c->down.unchunk
			    ? http1_chunks_decode(&f->down_chunks, data, len,
						  &n, out)
			    : http1_chunks_feed(&f->down_chunks, data, len, &n);
		if (s == HTTP1_BAD)
			return -1;
		if (s == HTTP1_OK) {
			c->down.chunks = NULL;
			c->down.want = 0;
		}
		c->down.bytes += f->down_chunks.payload;
		break;
	}
	if (!c->down.unchunk)
		*out = n;
	return (ssize_t)n;
}

static void response_free_head(struct conn_forward *f)
{
	free(f->head);
	f->head = NULL;
	f->head_len = f->head_cap = 0;
}

/* What came along with a head, before the client has had any of it.  Return:
 * whether the budget, as it was before it came, lets it pass. */
static bool response_is_within(struct conn *c)
{
	enum reason reason;

	if (!c->limited)
		return true;
	if (c->down.bytes <= c->down.left) {
		conn_account(c);
		return true;
	}
	reason = conn_limit_reason(c);
	c->down.bytes = 0;
	conn_forward_fail(c, reason, NULL);
	return false;
}

/* A final response: from here on nothing else can be told. */
static void response_final(struct conn *c, const struct http1_response *rs,
			   size_t head_len)
{
	struct conn_forward *f = c->forward;
	char *body = f->head + head_len;
	size_t len = f->head_len - head_len, passed = 0;
	struct sbuf out = {0};
	ssize_t n;

	f->status = rs->status;
	/* HTTP/1.0 knows no chunks: it gets the data, up to the end. */
	c->down.unchunk = rs->body == HTTP1_BODY_CHUNKED && f->minor == 0;
	f->until_close = rs->body == HTTP1_BODY_CLOSE || c->down.unchunk;
	if (f->until_close)
		f->keep_client = false;
	response_head(c, &out, rs);
	if (c->limited) /* others may have spent of it since the request */
		conn_budget(c);
	n = response_first_body(c, rs, body, len, &passed);
	if (n < 0) {
		sbuf_free(&out);
		conn_forward_fail(c, REASON_RESPONSE_BAD, NULL);
		return;
	}
	if (!response_is_within(c)) {
		sbuf_free(&out);
		return;
	}
	/* Bytes behind a response that nobody asked for end the connection. */
	f->keep_origin = rs->keep_alive && !f->until_close && (size_t)n == len;
	sbuf_add(&out, body, passed);
	f->answered = true;
	if (out.oom) {
		sbuf_free(&out);
		conn_cut(c, REASON_INTERNAL);
		return;
	}
	relay_hold_take(&c->down, out.data, out.len);
	response_free_head(f);
}

/* 101: the rest is a tunnel, in which nothing is held back or judged. */
static void response_upgrade(struct conn *c, const struct http1_response *rs,
			     size_t head_len)
{
	struct conn_forward *f = c->forward;
	struct sbuf out = {0};
	size_t early = f->head_len - head_len;

	if (!f->upgrade || !rs->upgraded) {
		conn_forward_fail(c, REASON_RESPONSE_BAD,
				  "an upgrade unasked for");
		return;
	}
	if (c->limited)
		conn_budget(c);
	c->down.bytes += early;
	if (!response_is_within(c))
		return;
	f->status = 101;
	f->answered = true;
	response_head(c, &out, rs);
	sbuf_add(&out, f->head + head_len, early);
	if (out.oom) {
		sbuf_free(&out);
		conn_cut(c, REASON_INTERNAL);
		return;
	}
	relay_hold_take(&c->down, out.data, out.len);
	response_free_head(f);
	sbuf_free(&f->request);
	c->up.chunks = NULL;
	c->up.want = c->down.want = UINT64_MAX;
	c->up.done = c->up.ended = false;
	conn_enter(c, CONN_TUNNEL, CONN_KEEP);
	if (c->buf_len) {
		enum relay_status s = RELAY_OOM;

		if (!c->up.held_len)
			s = relay_push(&c->up, c->buf, c->buf_len);
		conn_consume(c, c->buf_len);
		if (s != RELAY_AGAIN && s != RELAY_WAIT) {
			conn_cut(c, s == RELAY_LIMIT ? conn_limit_reason(c)
						     : REASON_INTERNAL);
			return;
		}
	}
	conn_tunnel_pump(c);
}

/* An interim response goes to those who know of it.  Return: whether @c goes
 * on. */
static bool response_interim(struct conn *c, const struct http1_response *rs,
			     size_t head_len)
{
	struct conn_forward *f = c->forward;
	struct sbuf out = {0};
	ssize_t n = 0;

	if (++f->interims > RESPONSE_INTERIMS_MAX) {
		conn_forward_fail(c, REASON_RESPONSE_BAD,
				  "too many interim responses");
		return false;
	}
	if (f->minor == 1) {
		response_head(c, &out, rs);
		n = out.oom ? -1 : io_write(c->client, out.data, out.len);
		if (n >= 0 && (size_t)n < out.len)
			n = -1;
	}
	sbuf_free(&out);
	f->head_len -= head_len;
	f->scanned = 0;
	memmove(f->head, f->head + head_len, f->head_len);
	if (n >= 0)
		return true;
	conn_cut(c, REASON_CLIENT_RESET);
	return false;
}

/* Return: whether to look again at what has been read. */
static bool response_parse(struct conn *c)
{
	struct conn_forward *f = c->forward;
	struct http1_response rs;
	const char *error = NULL;
	size_t head_len;

	switch (http1_find_end(f->head, f->head_len, &f->scanned, &head_len)) {
	case HTTP1_MORE:
		if (f->head_len >= RESPONSE_HEAD_MAX)
			conn_forward_fail(c, REASON_RESPONSE_BAD,
					  "the head is too large");
		return false;
	case HTTP1_BAD:
		conn_forward_fail(c, REASON_RESPONSE_BAD, NULL);
		return false;
	case HTTP1_OK:
		break;
	}
	if (http1_parse_response(f->head, head_len, c->head_request, &rs,
				 &error) != HTTP1_OK)
		conn_forward_fail(c, REASON_RESPONSE_BAD, error);
	else if (rs.status == 407 && c->upstream)
		conn_forward_fail(c, REASON_UPSTREAM,
				  "it wants other credentials");
	else if (rs.status == 101)
		response_upgrade(c, &rs, head_len);
	else if (rs.status < 200)
		return response_interim(c, &rs, head_len) && f->head_len;
	else
		response_final(c, &rs, head_len);
	return false;
}

/* Return: bytes read, 0 at the end, or a negative errno. */
static ssize_t response_read(struct conn *c)
{
	struct conn_forward *f = c->forward;
	ssize_t n = io_read(c->origin, c->env->pool->scratch, RELAY_CHUNK);
	size_t cap = f->head_len + (size_t)(n > 0 ? n : 0);

	if (n <= 0)
		return n;
	if (cap > f->head_cap) {
		char *head = realloc(f->head, cap);

		if (!head)
			return -ENOMEM;
		f->head = head;
		f->head_cap = cap;
	}
	memcpy(f->head + f->head_len, c->env->pool->scratch, (size_t)n);
	f->head_len = cap;
	return n;
}

void conn_response_await(struct conn *c)
{
	while (c->state == CONN_FORWARD && !c->forward->answered && c->origin &&
	       c->origin->readable) {
		ssize_t n = response_read(c);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			if (!conn_forward_retry(c))
				conn_forward_fail(c, REASON_RESPONSE_INCOMPLETE,
						  NULL);
			return;
		}
		c->last_ms = base_mono_ms();
		while (response_parse(c))
			;
	}
}
