/* SPDX-License-Identifier: MIT */
/* resolve_channel.c - c-ares on a loop: its sockets, its time-outs, its end */
#include "resolve_priv.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* A socket of c-ares and the event that watches it. */
struct channel_socket {
	struct channel_socket *next;
	struct channel *channel; /* borrowed: owns this */
	struct event ev;
	ares_socket_t fd;
};

void resolve_channel_rearm(struct channel *c)
{
	struct timeval tv;

	if (!c->pending) {
		event_del(&c->timer);
		return;
	}
	if (ares_timeout(c->ares, NULL, &tv))
		event_add(&c->timer, &tv);
}

static void channel_timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;

	(void)fd;
	(void)what;
	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolve_channel_rearm(c);
}

static void channel_socket_cb(evutil_socket_t fd, short what, void *arg)
{
	struct channel_socket *s = arg;
	struct channel *c = s->channel;

	/* May free s. */
	ares_process_fd(c->ares, what & EV_READ ? (int)fd : ARES_SOCKET_BAD,
			what & EV_WRITE ? (int)fd : ARES_SOCKET_BAD);
	resolve_channel_rearm(c);
}

/* c-ares says which of its sockets waits for what; neither: it is closing it.
 */
static void channel_state_cb(void *arg, ares_socket_t fd, int readable,
			     int writable)
{
	struct channel *c = arg;
	struct channel_socket **at = &c->sockets, *s;
	short what = EV_PERSIST;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	s = *at;
	if (s)
		event_del(&s->ev);
	if (!readable && !writable) {
		if (s) {
			*at = s->next;
			free(s);
		}
		return;
	}
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return; /* the query then ends by its time-out */
		s->channel = c;
		s->fd = fd;
		s->next = c->sockets;
		c->sockets = s;
	}
	if (readable)
		what |= EV_READ;
	if (writable)
		what |= EV_WRITE;
	event_assign(&s->ev, c->resolver->loop->base, fd, what,
		     channel_socket_cb, s);
	event_add(&s->ev, NULL);
}

void resolve_channel_free(struct channel *c)
{
	ares_destroy(c->ares); /* closes its sockets through the callback */
	event_del(&c->timer);
	free(c);
}

static void channel_free_later_cb(struct deferred *d)
{
	struct channel *c =
		(void *)((char *)d - offsetof(struct channel, free_later));
	struct channel **at = &c->resolver->retired;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	resolve_channel_free(c);
}

static int channel_set_servers(ares_channel ares, const struct config *config)
{
	struct ares_addr_port_node *nodes;
	size_t n = config->dns_server_count;
	int rc;

	if (!n)
		return ARES_SUCCESS;
	nodes = calloc(n, sizeof(*nodes));
	if (!nodes)
		return ARES_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct config_server *s = &config->dns_servers[i];

		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		nodes[i].udp_port = nodes[i].tcp_port = s->port;
		if (s->addr.family == 4) {
			nodes[i].family = AF_INET;
			memcpy(&nodes[i].addr.addr4, s->addr.bytes, 4);
		} else {
			nodes[i].family = AF_INET6;
			memcpy(&nodes[i].addr.addr6, s->addr.bytes, 16);
		}
	}
	rc = ares_set_servers_ports(ares, nodes);
	free(nodes);
	return rc;
}

struct channel *resolve_channel_new(struct resolver *r)
{
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)r->config->dns_timeout,
		.tries = (int)r->config->dns_tries,
		.sock_state_cb = channel_state_cb,
	};
	struct channel *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return NULL;
	c->resolver = r;
	c->free_later.cb = channel_free_later_cb;
	o.sock_state_cb_data = c;
	event_assign(&c->timer, r->loop->base, -1, 0, channel_timer_cb, c);
	rc = ares_init_options(&c->ares, &o,
			       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
				       ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (rc != ARES_SUCCESS)
		goto out;
	rc = channel_set_servers(c->ares, r->config);
	if (rc == ARES_SUCCESS)
		return c;
	ares_destroy(c->ares);
out:
	log_say(LEVEL_ERROR, "error", "resolver: %s", ares_strerror(rc));
	free(c);
	return NULL;
}

void resolve_channel_done(struct channel *c)
{
	c->pending--;
	if (!c->pending && c != c->resolver->channel)
		loop_defer(c->resolver->loop, &c->free_later);
}
