/* SPDX-License-Identifier: MIT */
/* flow.c - one connection of the load generator
 *
 * Theory of operation: a flow connects, sends the head that opens a tunnel, if
 * any, then asks and swallows the answer, once or again and again.  Its
 * socket is registered once, edge-triggered, for everything.  flow_event()
 * moves it on; whatever ends a connection goes through flow_over().
 */

#include "tests/bench/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

#define HEAD_MAX 8192
#define CHUNK 262144
/* Bytes that are to come where no length was told. */
#define UNTIL_CLOSED UINT64_MAX

enum flow_state {
	FLOW_CONNECTING,
	FLOW_OPENING,
	FLOW_HEAD,
	FLOW_BODY,
	FLOW_HELD,
};

/**
 * struct flow - one connection
 * @out:    text to be sent, @out_len bytes of it
 * @upload: body bytes to be sent behind that
 * @left:   bytes of the answer's body that are to come
 * @turns:  exchanges behind the first that were made
 * @began:  when the request did
 * @eof:    whether the peer has ended its side, or says that it will
 * @len:    bytes in @head
 */
struct flow {
	const struct plan *plan;
	struct tally *tally;
	int epoll;
	int fd;
	enum flow_state state;
	const char *out;
	size_t out_len;
	uint64_t upload;
	uint64_t left;
	uint64_t turns;
	uint64_t began;
	bool eof;
	size_t len;
	char head[HEAD_MAX + 1];
};

static char chunk[CHUNK];
static struct flow *flows;

static bool flow_wants_more(const struct flow *f)
{
	return (!f->plan->count || f->tally->begun < f->plan->count) &&
	       net_now() < f->plan->until;
}

static void flow_connect(struct flow *f)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP |
					      EPOLLET,
				    .data.ptr = f};

	f->state = FLOW_CONNECTING;
	f->out_len = 0;
	f->upload = 0;
	f->turns = 0;
	f->len = 0;
	f->eof = false;
	f->tally->opened++;
	f->tally->begun++;
	f->began = net_now();
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		net_die("socket");
	net_nodelay(f->fd);
	if (connect(f->fd, (const struct sockaddr *)&f->plan->at,
		    sizeof(f->plan->at)) &&
	    errno != EINPROGRESS && errno != ECONNREFUSED)
		net_die("connect");
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->fd, &event))
		net_die("epoll_ctl");
}

/* The connection is over: begin another, or be gone. */
static void flow_over(struct flow *f, bool good)
{
	if (f->state == FLOW_HELD)
		f->tally->held--;
	if (!good)
		f->tally->errors++;
	close(f->fd);
	if (flow_wants_more(f)) {
		flow_connect(f);
		return;
	}
	f->tally->live--;
}

static void flow_ask(struct flow *f, const char *text, size_t len,
		     uint64_t echo)
{
	f->out = text;
	f->out_len = len;
	f->upload = f->plan->upload;
	f->left = echo;
	f->len = 0;
	f->state = echo ? FLOW_BODY : FLOW_HEAD;
}

static void flow_hold(struct flow *f)
{
	f->len = 0;
	f->state = FLOW_HELD;
	f->tally->held++;
}

/* The tunnel, or the plain connection, is there. */
static void flow_opened(struct flow *f)
{
	if (!f->plan->hold || f->plan->use) {
		if (f->plan->keep)
			f->began = net_now();
		flow_ask(f, f->plan->first, f->plan->first_len,
			 f->plan->greeting);
		return;
	}
	f->out = f->plan->first;
	f->out_len = f->plan->first_len;
	flow_hold(f);
}

/* A request is answered.  False if the connection is over. */
static bool flow_answered(struct flow *f)
{
	const uint64_t now = net_now();

	if (f->turns < f->plan->turns) {
		f->turns++;
		flow_ask(f, f->plan->next, f->plan->next_len, f->plan->echo);
		return true;
	}
	hist_put(&f->tally->latency, now - f->began);
	f->tally->done++;
	f->tally->bytes += f->plan->upload;
	if (f->plan->hold) {
		flow_hold(f);
		return true;
	}
	if (!f->plan->keep || f->eof || !flow_wants_more(f)) {
		flow_over(f, true);
		return false;
	}
	f->tally->begun++;
	f->began = now;
	flow_ask(f, f->plan->next, f->plan->next_len, f->plan->echo);
	return true;
}

/* Sends what is due.  False if the connection failed. */
static bool flow_send(struct flow *f)
{
	ssize_t n;

	while (f->out_len) {
		n = send(f->fd, f->out, f->out_len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		f->out += n;
		f->out_len -= (size_t)n;
	}
	while (f->upload) {
		n = send(f->fd, chunk, f->upload < CHUNK ? f->upload : CHUNK,
			 MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN;
		f->upload -= (uint64_t)n;
	}
	return true;
}

/* Takes @n body bytes.  False if the connection is over. */
static bool flow_body(struct flow *f, uint64_t n)
{
	if (n > f->left) {
		flow_over(f, false);
		return false;
	}
	f->left -= n;
	f->tally->bytes += n;
	return f->left || flow_answered(f);
}

static bool flow_status_is(const struct flow *f, const char *status)
{
	return !strncmp(f->head, "HTTP/1.", 7) && f->head[8] == ' ' &&
	       !strncmp(f->head + 9, status, 3);
}

/* The head of the answer to CONNECT is complete.  False if the connection is
 * over.  Without a length the end of the stream ends the answer. */
static bool flow_judge(struct flow *f, size_t used, uint64_t body)
{
	const bool good = flow_status_is(f, "200");

	if (f->plan->refused) {
		if (!f->plan->refusal || !flow_status_is(f, f->plan->refusal)) {
			flow_over(f, false);
			return false;
		}
		f->state = FLOW_BODY;
		f->left = body;
		return flow_body(f, f->len - used);
	}
	if (!good || f->len > used) {
		flow_over(f, false);
		return false;
	}
	flow_opened(f);
	return true;
}

/* New bytes in the head.  False if the connection is over. */
static bool flow_head(struct flow *f)
{
	const char *length;
	char *end;
	uint64_t body;
	size_t used;

	f->head[f->len] = '\0';
	end = strstr(f->head, "\r\n\r\n");
	if (!end) {
		if (f->len == HEAD_MAX)
			flow_over(f, false);
		return f->len < HEAD_MAX;
	}
	end[2] = '\0';
	used = (size_t)(end - f->head) + 4;
	length = strcasestr(f->head, "\r\nContent-Length:");
	body = length ? strtoull(length + 17, NULL, 10) : UNTIL_CLOSED;
	if (f->state == FLOW_OPENING)
		return flow_judge(f, used, body);
	if (f->plan->refused || !flow_status_is(f, "200") || !length) {
		flow_over(f, false);
		return false;
	}
	f->eof |= strcasestr(f->head, "\r\nConnection: close") != NULL;
	f->state = FLOW_BODY;
	f->left = body;
	return flow_body(f, f->len - used);
}

/* Whether an end of the stream is the refusal that was wanted.  A proxy that
 * sees no HTTP refuses by closing; with a status, it may end the answer so. */
static bool flow_end_refuses(const struct flow *f, bool broke)
{
	if (!f->plan->refused)
		return false;
	if (!f->plan->refusal)
		return !broke || errno == ECONNRESET;
	/* flow_judge() has seen the status; body bytes count down from it. */
	return f->state == FLOW_BODY && f->left > UNTIL_CLOSED / 2;
}

/* The stream ended, or broke. */
static void flow_ended(struct flow *f, bool broke)
{
	if (flow_end_refuses(f, broke)) {
		hist_put(&f->tally->latency, net_now() - f->began);
		f->tally->done++;
		flow_over(f, true);
		return;
	}
	flow_over(f, false);
}

/* Takes the next bytes.  1: there may be more, 0: there are none, -1: the
 * connection is over. */
static int flow_take(struct flow *f)
{
	const bool body = f->state == FLOW_BODY;
	char *to = body ? chunk : f->head + f->len;
	size_t want = body ? CHUNK : HEAD_MAX - f->len;
	ssize_t n;

	if (body && f->left < want)
		want = (size_t)f->left;
	n = recv(f->fd, to, want, body ? MSG_TRUNC : 0);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		flow_ended(f, n < 0);
		return -1;
	}
	if (body) {
		if (!flow_body(f, (uint64_t)n))
			return -1;
	} else if (f->state != FLOW_HELD) {
		f->len += (size_t)n;
		if (!flow_head(f))
			return -1;
	}
	/* Nothing comes before the next request has gone out. */
	return f->eof || ((size_t)n == want && !f->out_len);
}

void flow_event(struct flow *f, uint32_t events)
{
	int more = events & ~(uint32_t)EPOLLOUT ? 1 : 0;

	f->eof = events & EPOLLRDHUP;
	if (f->state == FLOW_CONNECTING) {
		if (f->plan->open) {
			f->state = FLOW_OPENING;
			f->out = f->plan->open;
			f->out_len = f->plan->open_len;
		} else {
			flow_opened(f);
		}
	}
	do {
		if ((f->out_len || f->upload) && !flow_send(f)) {
			flow_ended(f, true);
			return;
		}
		if (more)
			more = flow_take(f);
	} while (more > 0 || (more == 0 && f->out_len));
}

void flow_begin(const struct plan *plan, struct tally *tally, int epoll,
		size_t count)
{
	size_t i;

	flows = calloc(count, sizeof(*flows));
	if (!flows)
		net_die("no memory");
	tally->live = count;
	for (i = 0; i < count; i++) {
		flows[i].plan = plan;
		flows[i].tally = tally;
		flows[i].epoll = epoll;
		flow_connect(&flows[i]);
	}
}
