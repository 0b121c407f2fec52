/* SPDX-License-Identifier: MIT */
/* conn_answer.c - what a client is told instead of what it asked for
 *
 * A refusal has to be unmistakable: the policy refused, not the site and not
 * the network.  One table decides for all protocols.
 */
#include "conn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* A descriptor that is closed with bytes unread sends a reset, which takes the
 * answer away from a client that reads it only when it has sent everything.  So
 * what it still sends is thrown away: as long as some comes, for no longer than
 * a head may take, and not without end. */
#define ANSWER_LINGER_IDLE_MS 2000
#define ANSWER_LINGER_LEAST_MS 1000 /* however short head-timeout is */
#define ANSWER_LINGER_BYTES (256u << 20)
#define ANSWER_LINGER_TURN 1048576 /* before others have their turn */

/**
 * struct answer - How a reason is told
 * @status: HTTP
 * @error:  error type of Proxy-Status (RFC 9209 2.3)
 * @text:   for people; completes "... was not reached: "; without quotes and
 *          backslashes
 */
struct answer {
	int status;
	enum socks5_reply reply;
	const char *error, *text;
};

static const struct answer answers[REASON__COUNT] = {
	[REASON_POLICY] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
			   "no rule of the sandbox's policy allows it"},
	[REASON_GUARD] = {403, SOCKS5_NOT_ALLOWED, "destination_ip_prohibited",
			  "its address is not one that the sandbox's policy "
			  "lets be reached"},
	[REASON_ECH] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
			"the rule forbids Encrypted Client Hello"},
	[REASON_NOT_TLS] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
			    "the policy wants TLS on that port"},
	[REASON_BUDGET] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
			   "the rule's byte budget is spent"},
	[REASON_TUNNEL_BYTES] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
				 "it carries more than max-tunnel-bytes"},
	[REASON_TUNNEL_TIME] = {504, SOCKS5_FAILURE, "http_response_timeout",
				"it took longer than max-tunnel-time"},
	[REASON_EXPIRED] = {403, SOCKS5_NOT_ALLOWED, "http_request_denied",
			    "the rule has ended"},
	[REASON_BAD_REQUEST] = {400, SOCKS5_FAILURE, "http_request_error",
				"the request is malformed or ambiguous"},
	[REASON_BAD_HOST] = {400, SOCKS5_NOT_ALLOWED, "http_request_error",
			     "the target is malformed"},
	[REASON_HEAD_TOO_LARGE] = {431, SOCKS5_FAILURE, "http_request_error",
				   "the request head is too large"},
	[REASON_HEAD_TIMEOUT] = {408, SOCKS5_FAILURE, "http_request_error",
				 "the request head took too long"},
	[REASON_TOO_MANY] = {503, SOCKS5_FAILURE, "connection_limit_reached",
			     "the proxy has too many connections"},
	[REASON_DNS_ERROR] = {502, SOCKS5_HOST_UNREACHABLE, "dns_error",
			      "its name does not resolve"},
	[REASON_DNS_TIMEOUT] = {504, SOCKS5_HOST_UNREACHABLE, "dns_timeout",
				"resolving its name took too long"},
	[REASON_CONN_REFUSED] = {502, SOCKS5_REFUSED, "connection_refused",
				 "it refused the connection"},
	[REASON_CONN_TIMEOUT] = {504, SOCKS5_HOST_UNREACHABLE,
				 "connection_timeout",
				 "connecting to it took too long"},
	[REASON_NET_UNREACHABLE] = {502, SOCKS5_NET_UNREACHABLE,
				    "destination_ip_unroutable",
				    "there is no route to it"},
	[REASON_HOST_UNREACHABLE] = {502, SOCKS5_HOST_UNREACHABLE,
				     "destination_ip_unroutable",
				     "it is not to be reached"},
	[REASON_CONN_FAILED] = {502, SOCKS5_FAILURE, "destination_unavailable",
				"connecting to it failed"},
	[REASON_UPSTREAM] = {502, SOCKS5_FAILURE, "destination_unavailable",
			     "the upstream proxy did not reach it"},
	[REASON_RESPONSE_BAD] = {502, SOCKS5_FAILURE, "http_protocol_error",
				 "its answer is malformed"},
	[REASON_ORIGIN_RESET] = {502, SOCKS5_FAILURE, "connection_terminated",
				 "it broke the connection off"},
	[REASON_RESPONSE_INCOMPLETE] = {502, SOCKS5_FAILURE,
					"http_response_incomplete",
					"it hung up without an answer"},
	[REASON_RESPONSE_TIMEOUT] = {504, SOCKS5_FAILURE,
				     "http_response_timeout",
				     "it did not answer in time"},
	[REASON_INTERNAL] = {500, SOCKS5_FAILURE, "proxy_internal_error",
			     "the proxy ran out of something"},
};

static const char *answer_phrase(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 408:
		return "Request Timeout";
	case 431:
		return "Request Header Fields Too Large";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	default:
		return "Internal Server Error";
	}
}

/* The inside of a string of RFC 8941 3.3.3: printable ASCII, backslashed
 * quotes. */
static void answer_sf_string(struct sbuf *out, const char *text)
{
	const char *from = text;

	for (; *text; text++) {
		bool quote = *text == '"' || *text == '\\';

		if (!quote && *text >= ' ' && *text <= '~')
			continue;
		sbuf_add(out, from, (size_t)(text - from));
		sbuf_puts(out, quote ? "\\" : "?");
		from = quote ? text : text + 1;
	}
	sbuf_add(out, from, (size_t)(text - from));
}

/* Whether a rule for the target is what would help: it does not for an address
 * that is never a destination, nor for one in a deny-cidr. */
static bool answer_has_remedy(const struct conn *c, enum reason reason)
{
	return (reason == REASON_POLICY ||
		(reason == REASON_GUARD && c->guard == GUARD_SPECIAL)) &&
	       c->target.host_len;
}

static void answer_remedy(struct sbuf *out, enum reason reason,
			  const char *where)
{
	sbuf_puts(out, reason == REASON_GUARD ? "pen allow '" : "pen allow ");
	sbuf_puts(out, where);
	if (reason == REASON_GUARD)
		sbuf_puts(out, " private'");
}

static void answer_text(const struct conn *c, struct sbuf *out,
			enum reason reason, const char *where,
			const char *details)
{
	const struct answer *a = &answers[reason];
	char id[CONN_ID_LEN + 1];

	conn_id(c, id);
	if (a->status == 403)
		sbuf_puts(out, "pen: refused by the sandbox's policy, not by "
			       "the site: ");
	else
		sbuf_puts(out, "pen: ");
	sbuf_puts(out, where);
	sbuf_puts(out,
		  a->status == 403 ? "\nwhy: " : " was not reached\nwhy: ");
	sbuf_puts(out, a->text);
	if (details) {
		sbuf_puts(out, " (");
		sbuf_puts(out, details);
		sbuf_puts(out, ")");
	}
	sbuf_puts(out, "\nlog id: ");
	sbuf_puts(out, id);
	sbuf_puts(out, " (pen why ");
	sbuf_puts(out, id);
	sbuf_puts(out, ")\n");
	if (!answer_has_remedy(c, reason))
		return;
	sbuf_puts(out, "to allow it, the user runs outside the sandbox: ");
	answer_remedy(out, reason, where);
	sbuf_puts(out, "\n");
}

static void answer_problem(const struct conn *c, struct sbuf *out,
			   enum reason reason, const char *where,
			   const char *details)
{
	const struct answer *a = &answers[reason];
	char id[CONN_ID_LEN + 1];

	conn_id(c, id);
	sbuf_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\"",
		    answer_phrase(a->status));
	sbuf_printf(out, ",\"status\":%d,\"detail\":", a->status);
	sbuf_json(out, a->text, strlen(a->text));
	sbuf_puts(out, ",\"target\":");
	sbuf_json(out, where, strlen(where));
	if (c->target.host_len) {
		sbuf_puts(out, ",\"host\":");
		sbuf_json(out, c->target.host, c->target.host_len);
		sbuf_printf(out, ",\"port\":%u", (unsigned)c->target.port);
	}
	sbuf_printf(out, ",\"reason\":\"%s\",\"id\":\"%s\"",
		    reason_name(reason), id);
	if (details) {
		sbuf_puts(out, ",\"details\":");
		sbuf_json(out, details, strlen(details));
	}
	if (answer_has_remedy(c, reason)) {
		/* Neither a quote nor a backslash is in it. */
		sbuf_puts(out, ",\"allow\":\"");
		answer_remedy(out, reason, where);
		sbuf_puts(out, "\"");
	}
	sbuf_puts(out, "}\n");
}

/* Clients show the header of a refused CONNECT rather than its body: so the
 * remedy stands there, too. */
static void answer_details(const struct conn *c, struct sbuf *out,
			   enum reason reason, const char *where,
			   const char *details)
{
	sbuf_puts(out, "; details=\"");
	if (details)
		answer_sf_string(out, details);
	else
		sbuf_puts(out, answers[reason].text);
	if (answer_has_remedy(c, reason)) {
		sbuf_puts(out, "; to allow it: ");
		answer_remedy(out, reason, where);
	}
	sbuf_puts(out, "\"\r\n");
}

static void answer_head(const struct conn *c, struct sbuf *out,
			enum reason reason, const char *where,
			const char *details)
{
	const struct answer *a = &answers[reason];

	sbuf_puts(out, "HTTP/1.1 ");
	sbuf_uint(out, (uint64_t)a->status);
	sbuf_puts(out, " ");
	sbuf_puts(out, answer_phrase(a->status));
	sbuf_puts(out, "\r\nProxy-Status: pen-proxy; error=");
	sbuf_puts(out, a->error);
	answer_details(c, out, reason, where, details);
	sbuf_puts(out, c->tells_problem
			       ? "Content-Type: application/problem+json\r\n"
			       : "Content-Type: text/plain; "
				 "charset=us-ascii\r\n");
	sbuf_puts(out, "Cache-Control: no-store\r\nContent-Length: ");
}

static void answer_compose(const struct conn *c, struct sbuf *out,
			   enum reason reason, const char *details, bool keep)
{
	char where[TARGET_TEXT_MAX] = "the target";
	struct sbuf body = {0};

	if (c->target.host_len)
		target_format(&c->target, where);
	if (c->tells_problem)
		answer_problem(c, &body, reason, where, details);
	else
		answer_text(c, &body, reason, where, details);
	answer_head(c, out, reason, where, details);
	sbuf_uint(out, body.len);
	sbuf_puts(out, keep ? "\r\nConnection: keep-alive\r\n\r\n"
			    : "\r\nConnection: close\r\n\r\n");
	if (!c->head_request)
		sbuf_add(out, body.data, body.len);
	out->oom |= body.oom;
	sbuf_free(&body);
}

/* Milliseconds for which the client may still send what is thrown away. */
static uint64_t answer_linger_left(const struct conn *c)
{
	uint64_t most = c->env->config->head_timeout;
	uint64_t now = base_mono_ms();
	uint64_t end;

	/* There are few places for those over a limit. */
	if (c->over_limit || most < ANSWER_LINGER_LEAST_MS)
		most = ANSWER_LINGER_LEAST_MS;
	end = c->step_us / 1000 + most;
	if (end > c->last_ms + ANSWER_LINGER_IDLE_MS)
		end = c->last_ms + ANSWER_LINGER_IDLE_MS;
	return end > now ? end - now : 0;
}

/* The answer is out: end at once if the client has nothing more under way, else
 * after what it still sends, lest a reset overtake the answer. */
void conn_finish(struct conn *c)
{
	/* Before it is closed: the end goes out with what io_write_last() has
	 * left, whatever else may have come in meanwhile. */
	(void)shutdown(c->client->fd, SHUT_WR);
	if (!c->has_body && !c->client->readable) {
		conn_close(c, REASON_NONE);
		return;
	}
	conn_reach_cancel(c);
	io_close(c->origin);
	c->origin = NULL;
	c->scanned = 0;
	c->step_us = base_mono_us();
	c->last_ms = c->step_us / 1000;
	conn_enter(c, CONN_LINGER, answer_linger_left(c));
	loop_defer(c->env->loop, &c->again);
}

void conn_linger(struct conn *c)
{
	size_t before = c->scanned;

	while (c->client->readable) {
		ssize_t n =
			io_read(c->client, c->env->pool->scratch, RELAY_CHUNK);

		if (n == -EAGAIN)
			break;
		if (n > 0)
			c->scanned += (size_t)n;
		if (n <= 0 || c->scanned > ANSWER_LINGER_BYTES) {
			conn_close(c, REASON_NONE);
			return;
		}
		if (c->scanned - before >= ANSWER_LINGER_TURN) {
			loop_defer(c->env->loop, &c->again);
			break;
		}
	}
	if (c->scanned != before)
		c->last_ms = base_mono_ms();
}

void conn_linger_timeout(struct conn *c)
{
	uint64_t left = answer_linger_left(c);

	if (left)
		conn_arm(c, left);
	else
		conn_close(c, REASON_NONE);
}

void conn_send_alert(struct conn *c)
{
	(void)io_write_last(c->client, hello_alert_unrecognized_name,
			    sizeof(hello_alert_unrecognized_name));
}

static void answer_http(struct conn *c, enum reason reason, const char *details)
{
	bool keep = answers[reason].status == 403 && c->proto == PROTO_HTTP &&
		    !c->has_body && conn_forward_keeps(c);
	struct sbuf out = {0};
	ssize_t n = -1;

	answer_compose(c, &out, reason, details, keep);
	if (!out.oom)
		n = keep ? io_write(c->client, out.data, out.len)
			 : io_write_last(c->client, out.data, out.len);
	/* A client that does not take some hundred bytes gets no more. */
	if (n < 0 || (size_t)n < out.len)
		conn_close(c, REASON_CLIENT_RESET);
	else if (keep)
		conn_forward_idle(c);
	else
		conn_finish(c);
	sbuf_free(&out);
}

/* Before there is a method, a reply would pass for the choice of one; 0xff is
 * none of those that were offered (RFC 1928 3). */
static size_t answer_socks(const struct conn *c, enum reason reason,
			   uint8_t out[SOCKS5_REPLY_MAX])
{
	if (c->state != CONN_SOCKS_GREETING)
		return socks5_write_reply(answers[reason].reply, NULL, 0, out);
	out[0] = 5;
	out[1] = 0xff;
	return 2;
}

void conn_refuse(struct conn *c, enum reason reason, const char *details)
{
	/* What only ever ends tunnels has no line in the table. */
	enum reason told = answers[reason].status ? reason : REASON_INTERNAL;
	uint8_t reply[SOCKS5_REPLY_MAX];

	conn_reach_cancel(c);
	conn_log_refusal(c, reason, answers[reason].status, details);
	switch (c->proto) {
	case PROTO_CONNECT:
	case PROTO_HTTP:
		answer_http(c, told, details);
		return;
	case PROTO_SOCKS5:
		(void)io_write_last(c->client, reply,
				    answer_socks(c, told, reply));
		break;
	case PROTO_TLS:
		conn_send_alert(c);
		break;
	case PROTO_NONE:
	case PROTO_TCP:
	case PROTO__COUNT:
		conn_close(c, reason);
		return;
	}
	conn_finish(c);
}
