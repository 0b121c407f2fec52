/* SPDX-License-Identifier: MIT */
/* conn_request.c - the head of a plain request, as the origin gets it */
#include "conn_forward.h"

#include <string.h>

/* Absolute form for an upstream proxy.  By name even where tunnels go by
 * checked address: the upstream makes the origin's Host of it (RFC 9112 3.2.2,
 * ADR 10). */
static void request_target(struct conn *c, struct sbuf *out,
			   struct http1_span path)
{
	char where[TARGET_TEXT_MAX];

	if (c->upstream) {
		target_format(&c->target, where);
		sbuf_puts(out, "http://");
		sbuf_puts(out, where);
	}
	/* RFC 9112 3.2.4: OPTIONS without a path asks about the server. */
	if (!path.len && !c->upstream &&
	    strcmp(c->forward->method, "OPTIONS") == 0)
		sbuf_puts(out, "*");
	else if (!path.len || path.at[0] != '/')
		sbuf_puts(out, "/");
	sbuf_add(out, path.at, path.len);
}

static void request_host(const struct conn *c, struct sbuf *out)
{
	char where[TARGET_TEXT_MAX];
	size_t len = target_format(&c->target, where);

	if (c->target.port == 80)
		len -= 3; /* ":80" */
	sbuf_puts(out, "Host: ");
	sbuf_add(out, where, len);
	sbuf_puts(out, "\r\n");
}

/* Everything of the head but its first words, which depend on where it goes. */
static void request_rest(struct conn *c, struct sbuf *out,
			 const struct http1_request *rq)
{
	const struct config_upstream *up = &c->env->config->upstream;

	request_host(c, out);
	conn_forward_fields(out, rq->fields, &rq->options, true);
	if (rq->body == HTTP1_BODY_CHUNKED)
		sbuf_puts(out, "Transfer-Encoding: chunked\r\n");
	if (c->forward->upgrade)
		sbuf_puts(out, "Connection: upgrade\r\nUpgrade: websocket\r\n");
	if (c->upstream && up->authorization)
		sbuf_printf(out, "Proxy-Authorization: %s\r\n",
			    up->authorization);
	sbuf_puts(out, "\r\n");
}

static int request_write(struct conn *c, struct sbuf *out,
			 const struct http1_request *rq)
{
	struct http1_url url = {.path = {"", 0}};

	if (rq->target.at[0] == '/')
		url.path = rq->target;
	else if (http1_parse_url(rq->target, &url) != HTTP1_OK)
		return -1;
	sbuf_add(out, rq->method.at, rq->method.len);
	sbuf_puts(out, " ");
	request_target(c, out, url.path);
	sbuf_puts(out, " HTTP/1.1\r\n");
	request_rest(c, out, rq);
	return out->oom ? -1 : 0;
}

/* The origin was reached: compose the head that it gets. */
int conn_request_compose(struct conn *c, struct sbuf *out)
{
	struct conn_forward *f = c->forward;
	struct http1_request rq;

	if (f->parsed)
		return request_write(c, out, f->parsed);
	/* Parsed before, from these very bytes. */
	if (http1_parse_request(f->request.data, f->request.len, &rq, NULL) !=
	    HTTP1_OK)
		return -1;
	return request_write(c, out, &rq);
}

/* What came with the head and belongs to its body goes along with it. */
int conn_request_early_body(struct conn *c, struct sbuf *out)
{
	struct conn_forward *f = c->forward;
	const char *early = c->buf ? c->buf : "";
	size_t n = 0;

	if (f->body == HTTP1_BODY_LENGTH) {
		c->up.want = f->content_length;
		n = c->buf_len < c->up.want ? c->buf_len : (size_t)c->up.want;
		c->up.want -= n;
		c->up.bytes += n;
	} else if (f->body == HTTP1_BODY_CHUNKED) {
		enum http1_status s =
			http1_chunks_feed(&f->up_chunks, early, c->buf_len, &n);

		if (s == HTTP1_BAD)
			return -1;
		c->up.bytes += f->up_chunks.payload;
		c->up.chunks = &f->up_chunks;
		if (s == HTTP1_OK) {
			c->up.chunks = NULL;
			c->up.want = 0;
		}
	} else {
		c->up.want = 0;
	}
	sbuf_add(out, early, n);
	if (n)
		conn_consume(c, n);
	return out->oom ? -1 : 0;
}
