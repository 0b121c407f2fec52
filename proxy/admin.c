/* SPDX-License-Identifier: MIT */
/* admin.c - the admin endpoints: metrics, live lists, checks, events
 *
 * One request a connection, answered from the control thread.  What only a
 * worker knows (its live connections) is asked of it by mail; the answer waits
 * until all have spoken.  /check asks the engine itself: the same verdict, the
 * same guard, the same resolver as for a client.
 *
 * Here: clients, their requests, and how they are answered; admin_report.c,
 * admin_check.c and admin_events.c have the answers.
 */
#include "admin_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http1.h"
#include "log.h"

#define ADMIN_CLIENTS 64
#define ADMIN_TIMEOUT_S 30
#define ADMIN_PAUSE_S 1 /* without a descriptor for a new client */

struct admin_listener {
	struct admin_listener *next;
	struct admin *admin;
	struct event ev, resume;
};

void admin_client_free(struct admin_client *c)
{
	sbuf_free(&c->out);
	sbuf_free(&c->list);
	policy_unref(c->policy);
	free(c);
}

void admin_close(struct admin_client *c)
{
	struct admin *a = c->admin;

	event_del(&c->timer);
	io_close(c->io);
	c->io = NULL;
	resolve_cancel(c->query);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	a->client_count--;
	if (c->events) {
		a->event_count--;
		admin_tap(a);
	}
	c->gone = true;
	if (!c->lists_due)
		admin_client_free(c);
}

/* Write what is there; close when it was all and no more comes. */
void admin_flush(struct admin_client *c)
{
	ssize_t n = 0;

	if (c->io->writable && c->sent < c->out.len)
		n = io_write(c->io, c->out.data + c->sent,
			     c->out.len - c->sent);
	if (n < 0 || c->out.oom) {
		admin_close(c);
		return;
	}
	c->sent += (size_t)n;
	if (c->sent < c->out.len)
		return;
	c->sent = c->out.len = 0;
	if (!c->events)
		admin_close(c);
}

void admin_respond(struct admin_client *c, const char *status, const char *type,
		   const struct sbuf *body)
{
	c->waiting = false;
	sbuf_printf(&c->out,
		    "HTTP/1.1 %s\r\nContent-Type: %s\r\n"
		    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
		    "Connection: close\r\n\r\n",
		    status, type, body->len);
	if (!c->head_only)
		sbuf_add(&c->out, body->data, body->len);
	if (body->oom)
		c->out.oom = true;
	admin_flush(c);
}

void admin_say(struct admin_client *c, const char *status, const char *text)
{
	struct sbuf body = {0};

	sbuf_puts(&body, text);
	admin_respond(c, status, "text/plain; charset=us-ascii", &body);
	sbuf_free(&body);
}

bool admin_parameter(const char *query, size_t len, const char *key,
		     struct sbuf *value)
{
	const char *at = query, *end = query + len, *next;
	size_t key_len = strlen(key);

	for (; at < end; at = next + 1) {
		next = memchr(at, '&', (size_t)(end - at));
		if (!next)
			next = end;
		if ((size_t)(next - at) > key_len && at[key_len] == '=' &&
		    memcmp(at, key, key_len) == 0)
			return base_decode_percent(value, at + key_len + 1,
						   (size_t)(next - at) -
							   key_len - 1);
	}
	return false;
}

static bool admin_path_is(struct http1_span path, const char *text)
{
	return path.len == strlen(text) && memcmp(path.at, text, path.len) == 0;
}

static void admin_dispatch(struct admin_client *c,
			   const struct http1_request *rq)
{
	struct http1_span path = rq->target, query = {"", 0};
	const char *mark = memchr(path.at, '?', path.len);

	if (mark) {
		query.at = mark + 1;
		query.len = path.len - (size_t)(mark - path.at) - 1;
		path.len = (size_t)(mark - path.at);
	}
	c->head_only =
		rq->method.len == 4 && memcmp(rq->method.at, "HEAD", 4) == 0;
	if (!c->head_only &&
	    !(rq->method.len == 3 && memcmp(rq->method.at, "GET", 3) == 0))
		admin_say(c, "405 Method Not Allowed", "GET only\n");
	else if (admin_path_is(path, "/metrics"))
		admin_metrics(c);
	else if (admin_path_is(path, "/healthz"))
		admin_say(c, "200 OK", "ok\n");
	else if (admin_path_is(path, "/connections"))
		admin_connections(c);
	else if (admin_path_is(path, "/policy"))
		admin_policy(c);
	else if (admin_path_is(path, "/check"))
		admin_check(c, query.at, query.len);
	else if (admin_path_is(path, "/events") && !c->head_only)
		admin_events(c, query.at, query.len);
	else
		admin_say(c, "404 Not Found",
			  "/metrics /healthz /connections /policy "
			  "/check?target=HOST:PORT /events\n");
}

/* Return: false once the request has been dealt with; @c may be gone. */
static bool admin_parse(struct admin_client *c)
{
	struct http1_request rq;
	const char *error = "malformed request";
	size_t head_len;

	switch (http1_find_end(c->head, c->head_len, &c->scanned, &head_len)) {
	case HTTP1_MORE:
		if (c->head_len < sizeof(c->head))
			return true;
		admin_say(c, "431 Request Header Fields Too Large",
			  "the head is too large\n");
		return false;
	case HTTP1_BAD:
		admin_say(c, "400 Bad Request", "malformed request\n");
		return false;
	case HTTP1_OK:
		break;
	}
	if (http1_parse_request(c->head, head_len, &rq, &error) != HTTP1_OK ||
	    rq.target.at[0] != '/')
		admin_say(c, "400 Bad Request", "malformed request\n");
	else
		admin_dispatch(c, &rq);
	return false;
}

/*
 * While an answer is under way, all that a client can still do is to leave: by
 * a reset, or by the end of its stream where it reads events.  Who waits for an
 * answer may well end its own side behind the request.
 */
static void admin_discard(struct admin_client *c)
{
	char bytes[512];

	while (c->io->readable) {
		ssize_t n = io_read(c->io, bytes, sizeof(bytes));

		if (n > 0)
			continue;
		if (n != -EAGAIN && (n < 0 || c->events)) {
			admin_close(c);
			return;
		}
		c->io->readable = false;
	}
	if (!c->waiting)
		admin_flush(c);
}

static void admin_io_cb(struct io *io)
{
	struct admin_client *c = io->arg;

	if (c->waiting || c->events || c->out.len) {
		admin_discard(c);
		return;
	}
	while (io->readable) {
		ssize_t n = io_read(io, c->head + c->head_len,
				    sizeof(c->head) - c->head_len);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			admin_close(c);
			return;
		}
		c->head_len += (size_t)n;
		if (!admin_parse(c))
			return;
	}
}

static void admin_timeout_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	admin_close(arg);
}

static void admin_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct admin_listener *l = arg;

	(void)fd;
	(void)what;
	event_add(&l->ev, NULL);
}

static void admin_accept_cb(evutil_socket_t listener, short what, void *arg)
{
	static const struct timeval pause = {.tv_sec = ADMIN_PAUSE_S};
	static const struct timeval limit = {.tv_sec = ADMIN_TIMEOUT_S};
	struct admin_listener *l = arg;
	struct admin *a = l->admin;
	int fd = accept((int)listener, NULL, NULL);
	struct admin_client *c;

	(void)what;
	if (fd < 0 && errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED) {
		/* Out of descriptors: who comes waits in the backlog. */
		event_del(&l->ev);
		event_add(&l->resume, &pause);
	}
	if (fd < 0)
		return;
	if (a->client_count >= ADMIN_CLIENTS ||
	    evutil_make_socket_nonblocking(fd) < 0 ||
	    evutil_make_socket_closeonexec(fd) < 0) {
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->io = io_new(a->source.loop, fd, admin_io_cb, c);
	if (!c->io) {
		free(c);
		return;
	}
	c->admin = a;
	c->next = a->clients;
	c->prev = &a->clients;
	if (c->next)
		c->next->prev = &c->next;
	a->clients = c;
	a->client_count++;
	event_assign(&c->timer, a->source.loop->base, -1, 0, admin_timeout_cb,
		     c);
	event_add(&c->timer, &limit);
}

struct admin *admin_new(const struct admin_source *source)
{
	struct admin *a = calloc(1, sizeof(*a));

	if (a)
		a->source = *source;
	return a;
}

int admin_listen(struct admin *a, int fd)
{
	struct admin_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->admin = a;
	l->next = a->listeners;
	a->listeners = l;
	event_assign(&l->ev, a->source.loop->base, fd, EV_READ | EV_PERSIST,
		     admin_accept_cb, l);
	event_assign(&l->resume, a->source.loop->base, -1, 0, admin_resume_cb,
		     l);
	event_add(&l->ev, NULL);
	return 0;
}

void admin_shut(struct admin *a)
{
	for (struct admin_listener *l = a->listeners; l; l = l->next) {
		event_del(&l->ev);
		event_del(&l->resume);
	}
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	while (a->clients)
		admin_close(a->clients);
	log_tap(NULL, NULL);
	loop_settle(a->source.loop);
	admin_shut(a);
	while (a->listeners) {
		struct admin_listener *l = a->listeners;

		a->listeners = l->next;
		free(l);
	}
	resolver_free(a->resolver);
	free(a);
}
