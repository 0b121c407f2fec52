/* SPDX-License-Identifier: MIT */
/* conn_talk.c - what a client says first, up to the target that it names */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONN_BUF_FIRST 4096
#define CONN_SOCKS_MAX 1024
/* A hello of HELLO_MAX bytes, and its record headers. */
#define CONN_HELLO_MAX (2 * HELLO_MAX)
#define CONN_OVER_LIMIT_MS 1000
#define TALK_NEITHER "neither TLS nor HTTP"

/* Through the worker's scratch buffer, so that who waits for more holds what
 * it has sent, and no more. */
ssize_t conn_fill(struct conn *c, size_t max)
{
	char *scratch = c->env->pool->scratch, *buf;
	size_t cap = CONN_BUF_FIRST, room;
	ssize_t n;

	while (cap <= c->buf_len)
		cap *= 2;
	if (cap > max)
		cap = max;
	if (cap <= c->buf_len)
		return -ENOBUFS;
	room = cap - c->buf_len;
	n = io_read(c->client, scratch,
		    room < RELAY_CHUNK ? room : RELAY_CHUNK);
	if (n <= 0)
		return n;
	if (c->buf_len + (size_t)n > c->buf_cap) {
		if (!c->buf)
			cap = (size_t)n;
		buf = realloc(c->buf, cap);
		if (!buf)
			return -ENOMEM;
		c->buf = buf;
		c->buf_cap = cap;
	}
	memcpy(c->buf + c->buf_len, scratch, (size_t)n);
	c->buf_len += (size_t)n;
	return n;
}

void conn_consume(struct conn *c, size_t n)
{
	c->buf_len -= n;
	c->scanned = 0;
	if (c->buf_len) {
		memmove(c->buf, c->buf + n, c->buf_len);
		return;
	}
	free(c->buf);
	c->buf = NULL;
	c->buf_cap = 0;
}

static bool talk_is_tls(const char *buf, size_t len)
{
	return (uint8_t)buf[0] >= 20 && (uint8_t)buf[0] <= 23 &&
	       (len < 2 || buf[1] == 3);
}

static bool talk_is_http(char first)
{
	return (first >= 'A' && first <= 'Z') || first == '\r';
}

/* Host, filled up with the target's or the scheme's default port, must be the
 * target, which the request has written as @said. */
static bool talk_host_agrees(const struct http1_request *rq,
			     struct http1_span said, const struct target *t,
			     uint16_t default_port)
{
	struct target host;

	/* Most say the same twice. */
	if (!rq->host.at || (rq->host.len == said.len &&
			     memcmp(rq->host.at, said.at, said.len) == 0))
		return true;
	return target_parse(&host, rq->host.at, rq->host.len, default_port) ==
		       TARGET_OK &&
	       host.port == t->port && host.host_len == t->host_len &&
	       memcmp(host.host, t->host, t->host_len) == 0;
}

static void talk_bad_target(struct conn *c, enum target_status s)
{
	conn_refuse(c, REASON_BAD_HOST,
		    s == TARGET_BAD_PORT ? "malformed or missing port"
					 : "malformed host name");
}

static void talk_connect(struct conn *c, const struct http1_request *rq,
			 size_t head_len)
{
	enum target_status s;

	c->proto = PROTO_CONNECT;
	/* It has not waited for the answer: more of it may be on its way. */
	c->has_body = c->buf_len > head_len;
	if (c->transparent) {
		conn_refuse(c, REASON_BAD_REQUEST,
			    "CONNECT on a transparent listener");
		return;
	}
	s = target_parse(&c->target, rq->target.at, rq->target.len, 0);
	if (s != TARGET_OK) {
		talk_bad_target(c, s);
		return;
	}
	if (!talk_host_agrees(rq, rq->target, &c->target, c->target.port)) {
		conn_refuse(c, REASON_BAD_REQUEST,
			    "Host and request target differ");
		return;
	}
	conn_consume(c, head_len);
	conn_forward_leave(c);
	conn_reach(c);
}

/* Absolute form names the target itself; origin form, on a transparent
 * listener, does it by Host and by where the connection was going. */
static enum target_status talk_http_target(struct conn *c,
					   const struct http1_request *rq,
					   const char **error)
{
	uint16_t port = c->original_port ? c->original_port : 80;
	struct http1_url url;
	enum target_status s;

	*error = NULL;
	if (c->transparent && rq->target.at[0] == '/') {
		if (!rq->host.at) {
			*error = "no Host";
			return TARGET_BAD_HOST;
		}
		s = target_parse(&c->target, rq->host.at, rq->host.len, port);
		if (s == TARGET_OK && c->original_port &&
		    c->target.port != c->original_port)
			*error = "Host and destination port differ";
		return s;
	}
	if (http1_parse_url(rq->target, &url) != HTTP1_OK) {
		*error = "the request target must be http://host[:port]/path";
		return TARGET_BAD_HOST;
	}
	s = target_parse(&c->target, url.authority.at, url.authority.len, 80);
	if (s == TARGET_OK &&
	    !talk_host_agrees(rq, url.authority, &c->target, 80))
		*error = "Host and request target differ";
	return s;
}

static void talk_plain(struct conn *c, const struct http1_request *rq,
		       size_t head_len)
{
	const char *error;
	enum target_status s = talk_http_target(c, rq, &error);

	c->has_body = rq->body != HTTP1_BODY_NONE;
	c->head_request =
		rq->method.len == 4 && memcmp(rq->method.at, "HEAD", 4) == 0;
	if (error)
		conn_refuse(c, REASON_BAD_REQUEST, error);
	else if (s != TARGET_OK)
		talk_bad_target(c, s);
	else
		conn_forward_request(c, rq, head_len);
}

static bool talk_is_connect(const struct http1_request *rq)
{
	return rq->method.len == 7 && memcmp(rq->method.at, "CONNECT", 7) == 0;
}

/* Who speaks another protocol than HTTP awaits an answer to its first line: it
 * is judged once it is there, not when a head would have been.  Up to @from
 * there was none yet. */
static void talk_first_line(struct conn *c, size_t from)
{
	const char *end, *error;

	if (c->line_fits)
		return;
	end = memchr(c->buf + from, '\n', c->buf_len - from);
	if (!end)
		return;
	error = http1_judge_line(c->buf, (size_t)(end - c->buf) + 1);
	c->line_fits = !error;
	if (!error)
		return;
	if (c->transparent && !c->forward) {
		c->proto = PROTO_TCP;
		conn_refuse(c, REASON_POLICY, TALK_NEITHER);
	} else {
		c->has_body = true;
		conn_refuse(c, REASON_BAD_REQUEST, error);
	}
}

/* Return: whether there may be more to do at once. */
static bool talk_head(struct conn *c)
{
	struct http1_request rq;
	const char *error = NULL;
	size_t head_len, from;
	size_t skip = c->scanned ? 0 : http1_skip_crlf(c->buf, c->buf_len);

	if (skip)
		conn_consume(c, skip);
	if (!c->buf_len)
		return false;
	from = c->scanned;
	if (!from)
		c->line_fits = false;
	switch (http1_find_end(c->buf, c->buf_len, &c->scanned, &head_len)) {
	case HTTP1_MORE:
		if (c->buf_len < c->env->config->max_head) {
			talk_first_line(c, from);
			return false;
		}
		c->has_body = true;
		conn_refuse(c, REASON_HEAD_TOO_LARGE, NULL);
		return false;
	case HTTP1_BAD:
		c->has_body = true;
		conn_refuse(c, REASON_BAD_REQUEST,
			    "a bare CR, a bare LF or a NUL in the head");
		return false;
	case HTTP1_OK:
		break;
	}
	if (head_len > c->env->config->max_head) {
		c->has_body = true;
		conn_refuse(c, REASON_HEAD_TOO_LARGE, NULL);
	} else if (http1_parse_request(c->buf, head_len, &rq, &error) !=
		   HTTP1_OK) {
		c->has_body = true;
		conn_refuse(c, REASON_BAD_REQUEST, error);
	} else {
		c->tells_problem = rq.accepts_problem;
		if (talk_is_connect(&rq))
			talk_connect(c, &rq, head_len);
		else
			talk_plain(c, &rq, head_len);
	}
	return false;
}

static bool talk_socks_greeting(struct conn *c)
{
	static const char none[2] = {5, (char)0xff};
	static const char noauth[2] = {5, 0};
	size_t used;

	switch (socks5_parse_greeting((const uint8_t *)c->buf, c->buf_len,
				      &used)) {
	case SOCKS5_MORE:
		return false;
	case SOCKS5_OK:
		break;
	case SOCKS5_NO_METHOD:
		(void)io_write(c->client, none, sizeof(none));
		conn_finish(c);
		return false;
	case SOCKS5_BAD:
		conn_close(c, REASON_BAD_REQUEST);
		return false;
	}
	conn_consume(c, used);
	if (io_write(c->client, noauth, sizeof(noauth)) != sizeof(noauth)) {
		conn_close(c, REASON_CLIENT_RESET);
		return false;
	}
	conn_enter(c, CONN_SOCKS_REQUEST, CONN_KEEP);
	return c->buf_len > 0;
}

static enum target_status talk_socks_target(struct conn *c,
					    const struct socks5_request *rq)
{
	if (rq->atyp == 3)
		return target_set(&c->target, rq->name, rq->name_len, rq->port,
				  true);
	if (!rq->port)
		return TARGET_BAD_PORT;
	target_set_addr(&c->target, &rq->addr, rq->port);
	return TARGET_OK;
}

static void talk_socks_refuse(struct conn *c, enum socks5_reply reply)
{
	uint8_t out[SOCKS5_REPLY_MAX];

	(void)io_write(c->client, out, socks5_write_reply(reply, NULL, 0, out));
	conn_log_refusal(c, REASON_BAD_REQUEST, 0, "SOCKS5 command or address");
	conn_finish(c);
}

static bool talk_socks_request(struct conn *c)
{
	struct socks5_request rq;
	enum target_status s;
	size_t used;

	switch (socks5_parse_request((const uint8_t *)c->buf, c->buf_len, &rq,
				     &used)) {
	case SOCKS5_MORE:
		return false;
	case SOCKS5_OK:
		break;
	case SOCKS5_NO_METHOD:
	case SOCKS5_BAD:
		conn_close(c, REASON_BAD_REQUEST);
		return false;
	}
	if (rq.command != 1) {
		talk_socks_refuse(c, SOCKS5_BAD_COMMAND);
		return false;
	}
	if (rq.atyp != 1 && rq.atyp != 3 && rq.atyp != 4) {
		talk_socks_refuse(c, SOCKS5_BAD_ATYP);
		return false;
	}
	s = talk_socks_target(c, &rq);
	conn_consume(c, used);
	c->has_body = c->buf_len > 0;
	if (s != TARGET_OK)
		talk_bad_target(c, s);
	else
		conn_reach(c);
	return false;
}

/* A captured TLS connection: its server name is the target. */
static bool talk_tls(struct conn *c)
{
	uint16_t port =
		c->original_port ? c->original_port : c->env->config->tls_port;
	enum hello_status s;

	if (!c->hello) {
		c->hello = calloc(1, sizeof(*c->hello));
		if (!c->hello) {
			conn_close(c, REASON_INTERNAL);
			return false;
		}
	}
	s = hello_feed(c->hello, (const uint8_t *)c->buf + c->hello_fed,
		       c->buf_len - c->hello_fed);
	c->hello_fed = c->buf_len;
	c->ech = c->hello->ech;
	if (s == HELLO_MORE)
		return false;
	if (s == HELLO_NAME)
		c->sni = strdup(c->hello->sni);
	else if (c->original_port) /* for the log: where it was going */
		target_set_addr(&c->target, &c->original_addr,
				c->original_port);
	if (s == HELLO_NO_NAME)
		conn_refuse(c, REASON_SNI_MISSING, NULL);
	else if (s != HELLO_NAME || !c->sni)
		conn_refuse(c, REASON_HELLO_BAD, NULL);
	else if (target_set(&c->target, c->sni, c->hello->sni_len, port,
			    true) != TARGET_OK ||
		 c->target.literal)
		conn_refuse(c, REASON_SNI_MISSING,
			    "the server name is not a host name");
	else
		conn_reach(c);
	return false;
}

/* Whether the policy lets the target be reached, monitor mode included. */
static bool talk_may_pass(const struct conn *c)
{
	const struct policy *p = c->env->policy;

	return policy_judge(p, &c->target, base_wall_ms()) ||
	       policy_options_of(p)->mode == POLICY_MONITOR;
}

/* The connection was going to a name's stand-in or to an address that a rule
 * names; the policy refused it before the client had said anything, and now its
 * first byte tells how to say so. */
static bool talk_captured(struct conn *c)
{
	c->proto = PROTO_TCP;
	/* A reload may have let it in meanwhile. */
	if (!talk_may_pass(c))
		c->proto = talk_is_tls(c->buf, c->buf_len) ? PROTO_TLS
			   : talk_is_http(c->buf[0])       ? PROTO_HTTP
							   : PROTO_TCP;
	c->has_body = true;
	conn_reach(c);
	return false;
}

static void talk_over_limit(struct conn *c)
{
	static const char socks[] = "\5\0\5\1\0\1\0\0\0\0\0\0";

	c->has_body = true;
	if (c->buf[0] == 5 && c->env->config->socks5) {
		(void)io_write(c->client, socks, sizeof(socks) - 1);
		conn_log_refusal(c, REASON_TOO_MANY, 0, NULL);
		conn_finish(c);
		return;
	}
	c->proto = PROTO_HTTP;
	conn_refuse(c, REASON_TOO_MANY, NULL);
}

static bool talk_first_transparent(struct conn *c)
{
	if (c->captured && c->original_port != 80)
		return talk_captured(c);
	if (talk_is_tls(c->buf, c->buf_len)) {
		c->proto = PROTO_TLS;
		conn_enter(c, CONN_TLS, CONN_KEEP);
		return true;
	}
	if (talk_is_http(c->buf[0])) {
		c->proto = PROTO_HTTP;
		c->captured = false;
		conn_enter(c, CONN_HEAD, CONN_KEEP);
		return true;
	}
	if (c->captured)
		return talk_captured(c);
	c->proto = PROTO_TCP;
	conn_refuse(c, REASON_POLICY, TALK_NEITHER);
	return false;
}

/* An empty line, as some clients send it behind a body, is not the beginning of
 * the next request (RFC 9112 2.2).  Return: whether that is there. */
static bool talk_begins_again(struct conn *c)
{
	size_t skip = http1_skip_crlf(c->buf, c->buf_len);

	if (skip)
		conn_consume(c, skip);
	return c->buf_len > 0;
}

static bool talk_first(struct conn *c)
{
	const struct config *config = c->env->config;

	if (c->over_limit) {
		talk_over_limit(c);
		return false;
	}
	if (c->forward) {
		if (!talk_begins_again(c))
			return false;
		/* Once HTTP, always HTTP.  The first head has what is left of
		 * the time for the first byte, a later one begins anew. */
		conn_forward_renew(c);
		conn_enter(c, CONN_HEAD, config->head_timeout);
		return true;
	}
	if (c->transparent)
		return talk_first_transparent(c);
	if (c->buf[0] == 5 && config->socks5) {
		c->proto = PROTO_SOCKS5;
		conn_enter(c, CONN_SOCKS_GREETING, CONN_KEEP);
	} else if (config->http && c->buf[0] != 5) {
		c->proto = PROTO_HTTP;
		conn_enter(c, CONN_HEAD, CONN_KEEP);
	} else {
		conn_close(c, REASON_BAD_REQUEST);
		return false;
	}
	return true;
}

/* Return: whether to look again without reading. */
static bool talk_step(struct conn *c)
{
	switch (c->state) {
	case CONN_FIRST:
		return talk_first(c);
	case CONN_HEAD:
		return talk_head(c);
	case CONN_SOCKS_GREETING:
		return talk_socks_greeting(c);
	case CONN_SOCKS_REQUEST:
		return talk_socks_request(c);
	case CONN_TLS:
		return talk_tls(c);
	case CONN_RESOLVE:
	case CONN_DIAL:
	case CONN_UPSTREAM:
	case CONN_TUNNEL:
	case CONN_FORWARD:
	case CONN_LINGER:
	case CONN_DEAD:
	case CONN__COUNT:
		break;
	}
	return false;
}

static size_t talk_max(const struct conn *c)
{
	if (c->state == CONN_SOCKS_GREETING || c->state == CONN_SOCKS_REQUEST)
		return CONN_SOCKS_MAX;
	if (c->state == CONN_TLS)
		return CONN_HELLO_MAX;
	/* One byte more than is accepted, so that too much can be seen. */
	return (size_t)c->env->config->max_head + 1;
}

static void talk_stopped(struct conn *c, ssize_t error)
{
	if (error == -ENOBUFS && c->state == CONN_TLS)
		conn_refuse(c, REASON_HELLO_BAD, "too many records");
	else if (error == -ENOBUFS)
		conn_refuse(c, REASON_HEAD_TOO_LARGE, NULL);
	else if (error == 0 && c->captured && c->state == CONN_FIRST)
		conn_silent(c); /* refused: for the log */
	else
		conn_close(c,
			   error ? REASON_CLIENT_RESET : REASON_CLIENT_CLOSED);
}

void conn_talk(struct conn *c)
{
	while (c->state <= CONN_TLS) {
		ssize_t n;

		while (c->buf_len && talk_step(c))
			;
		/* Behind a request that is done with, others have their turn:
		 * a client may have no end of them. */
		if (c->state > CONN_TLS || !c->client->readable ||
		    c->again.queued)
			return;
		n = conn_fill(c, talk_max(c));
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			talk_stopped(c, n);
			return;
		}
	}
}

#ifdef __linux__
#define TALK_SO_ORIGINAL_DST \
	80 /* linux/netfilter_ipv4.h, ..._ipv6/ip6_tables.h */

/* Where a redirected connection was going; nothing where it came here by
 * itself. */
static void talk_original(struct conn *c)
{
	struct sockaddr_storage dst, local;
	socklen_t len = sizeof(local);
	struct addr here, there;
	uint16_t here_port, there_port;
	int level;

	if (getsockname(c->client->fd, (struct sockaddr *)&local, &len) < 0 ||
	    !addr_from_sockaddr((struct sockaddr *)&local, &here, &here_port))
		return;
	level = here.family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
	len = sizeof(dst);
	if (getsockopt(c->client->fd, level, TALK_SO_ORIGINAL_DST, &dst, &len) <
		    0 ||
	    !addr_from_sockaddr((struct sockaddr *)&dst, &there, &there_port))
		return;
	if (memcmp(&here, &there, sizeof(here)) == 0 && here_port == there_port)
		return;
	c->original_addr = there;
	c->original_port = there_port;
}
#else
static void talk_original(struct conn *c)
{
	(void)c;
}
#endif

/* A stand-in is its name, whatever is spoken there; an address that a rule
 * names is that address.  Both are known before the client's first byte, so
 * that a server may speak first. */
static void talk_start_captured(struct conn *c)
{
	struct conn_env *env = c->env;
	char name[NAME_MAX_LEN + 1];
	bool known;

	talk_original(c);
	if (!c->original_port)
		return;
	if (env->names && names_find(env->names, &c->original_addr, name)) {
		known = target_set(&c->target, name, strlen(name),
				   c->original_port, true) == TARGET_OK;
	} else {
		target_set_addr(&c->target, &c->original_addr,
				c->original_port);
		known = policy_judge(env->policy, &c->target, base_wall_ms());
	}
	c->captured = known;
	if (!known)
		memset(&c->target, 0, sizeof(c->target));
	if (!known || c->original_port == 80 || !talk_may_pass(c))
		return;
	c->proto = PROTO_TCP;
	conn_reach(c);
}

void conn_start_first(struct conn *c)
{
	conn_enter(c, CONN_FIRST,
		   c->over_limit ? CONN_OVER_LIMIT_MS
				 : c->env->config->head_timeout);
	if (!c->transparent)
		return;
	if (c->over_limit) {
		conn_log_refusal(c, REASON_TOO_MANY, 0, NULL);
		conn_close(c, REASON_TOO_MANY);
		return;
	}
	talk_start_captured(c);
	if (c->state == CONN_FIRST && c->captured && c->original_port != 80)
		conn_arm(c, CONN_OVER_LIMIT_MS);
}

void conn_silent(struct conn *c)
{
	if (c->captured) {
		c->proto = PROTO_TCP;
		conn_reach(c);
	}
	if (c->state == CONN_FIRST)
		conn_close(c, REASON_HEAD_TIMEOUT);
}
