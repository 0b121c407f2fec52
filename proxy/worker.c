/* SPDX-License-Identifier: MIT */
/* worker.c - one event loop with its resolver and its connections
 *
 * What another thread wants of a worker comes as mail and is done between two
 * events of its loop: a new policy, the end, a list of what lives.
 */
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "resolve.h"

#define WORKER_ACCEPTS 64 /* at a time, before others have their turn */
#define WORKER_PAUSE_MS 1000

struct worker_mail {
	struct mail mail; /* first */
	struct policy *policy;
	void (*taken_cb)(void *arg);
	void (*list_cb)(void *arg, struct sbuf *json);
	void *cb_arg;
};

static void worker_listeners_set(struct worker *w, bool on)
{
	for (size_t i = 0; i < w->listener_count; i++) {
		struct worker_listener *l = &w->listeners[i];

		if (l->on == on)
			continue;
		l->on = on;
		if (on)
			event_add(&l->ev, NULL);
		else
			event_del(&l->ev);
	}
}

/* Out of descriptors: what lives goes on, what comes waits in the backlog. */
static void worker_pause(struct worker *w, int error)
{
	static const struct timeval pause = {.tv_sec = WORKER_PAUSE_MS / 1000};

	if (!w->paused)
		log_say(LEVEL_WARN, "error", "accepting pauses: %s",
			strerror(error));
	w->paused = true;
	worker_listeners_set(w, false);
	event_add(&w->resume, &pause);
}

static void worker_resume(struct worker *w)
{
	if (!w->paused || w->draining)
		return;
	w->paused = false;
	event_del(&w->resume);
	worker_listeners_set(w, true);
}

static void worker_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	worker_resume(arg);
}

static void worker_closed_cb(void *arg)
{
	worker_resume(arg);
}

static int worker_accept(int fd, struct sockaddr_storage *peer)
{
	socklen_t len = sizeof(*peer);

	peer->ss_family = AF_UNSPEC;
#ifdef SOCK_NONBLOCK
	return accept4(fd, (struct sockaddr *)peer, &len,
		       SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
	fd = accept(fd, (struct sockaddr *)peer, &len);
	if (fd >= 0 && (evutil_make_socket_nonblocking(fd) < 0 ||
			evutil_make_socket_closeonexec(fd) < 0)) {
		close(fd);
		errno = ECONNABORTED;
		return -1;
	}
	return fd;
#endif
}

/* Mostly one client comes at a time, and asking for a second costs a call.  Who
 * is asked again in the very next turn has more of them waiting. */
static int worker_burst(struct worker_listener *l)
{
	uint64_t turn = l->worker->loop.turns;

	if (turn != l->turn + 1)
		l->burst = 1;
	else if (l->burst < WORKER_ACCEPTS)
		l->burst *= 2;
	l->turn = turn;
	return l->burst;
}

/* The control thread has shut it, and the mail that says so is on its way. */
static void worker_listener_shut(struct worker_listener *l)
{
	l->on = false;
	event_del(&l->ev);
}

static void worker_accept_cb(evutil_socket_t listener, short what, void *arg)
{
	struct worker_listener *l = arg;
	struct worker *w = l->worker;
	unsigned int max = w->env.config->max_connections;
	int burst = worker_burst(l);

	(void)what;
	for (int i = 0; i < burst; i++) {
		struct sockaddr_storage peer;
		int fd = worker_accept((int)listener, &peer);
		unsigned int total;

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM)
				worker_pause(w, errno);
			else if (errno == EINVAL)
				worker_listener_shut(l);
			else if (errno == EINTR || errno == ECONNABORTED)
				continue;
			l->burst = 1;
			return;
		}
		total = atomic_load_explicit(&w->shared->total,
					     memory_order_relaxed);

		conn_new(&w->env, fd, (struct sockaddr *)&peer, l->transparent,
			 total >= max);
	}
}

static void worker_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	resolver_tick(w->env.resolver);
	loop_recheck(&w->loop);
	if (!w->draining)
		return;
	if (!w->env.count)
		w->loop.stop = true;
	else if (base_mono_ms() >= w->drain_deadline_ms) {
		while (w->env.conns)
			conn_cut(w->env.conns, REASON_DRAIN);
		w->loop.stop = true;
	}
}

static void worker_ended_cb(struct mail *mail, void *arg)
{
	struct worker *w =
		(void *)((char *)mail - offsetof(struct worker, ended));

	(void)arg;
	w->shared->ended(w->shared->ended_arg);
}

int worker_init(struct worker *w, struct worker_shared *shared,
		unsigned int number, struct policy *policy)
{
	int rc;

	memset(w, 0, sizeof(*w));
	rc = loop_init(&w->loop, w);
	if (rc < 0)
		return rc;
	rc = relay_pool_init(&w->pool);
	if (rc < 0) {
		loop_fini(&w->loop);
		return rc;
	}
	w->shared = shared;
	w->ended.cb = worker_ended_cb;
	w->env = (struct conn_env){
		.loop = &w->loop,
		.config = shared->config,
		.pool = &w->pool,
		.metrics = &w->metrics,
		.names = shared->names,
		.clients = shared->clients,
		.total = &shared->total,
		.id_base = shared->id_base | (uint64_t)number << 36,
		.closed = worker_closed_cb,
		.closed_arg = w,
	};
	w->env.resolver = resolver_new(&w->loop, shared->config, &w->metrics);
	if (!w->env.resolver) {
		relay_pool_fini(&w->pool);
		loop_fini(&w->loop);
		return -ENOMEM;
	}
	w->env.policy = policy_ref(policy);
	event_assign(&w->tick, w->loop.base, -1, EV_PERSIST, worker_tick_cb, w);
	event_assign(&w->resume, w->loop.base, -1, 0, worker_resume_cb, w);
	return 0;
}

int worker_listen(struct worker *w, int fd, bool transparent)
{
	struct worker_listener *grown =
		calloc(w->listener_count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i <= w->listener_count; i++) {
		grown[i].worker = w;
		grown[i].burst = 1;
		grown[i].fd = i < w->listener_count ? w->listeners[i].fd : fd;
		grown[i].transparent = i < w->listener_count
					       ? w->listeners[i].transparent
					       : transparent;
		event_assign(&grown[i].ev, w->loop.base, grown[i].fd,
			     EV_READ | EV_PERSIST, worker_accept_cb, &grown[i]);
	}
	free(w->listeners);
	w->listeners = grown;
	w->listener_count++;
	return 0;
}

int worker_serve_dns(struct worker *w, int fd)
{
	if (!w->dns)
		w->dns = dnsserve_new(&w->env);
	return w->dns ? dnsserve_add(w->dns, fd) : -ENOMEM;
}

static void worker_after_turn(void *arg)
{
	(void)arg;
	log_flush();
}

static void *worker_main(void *arg)
{
	static const struct timeval second = {.tv_sec = 1};
	struct worker *w = arg;

	event_add(&w->tick, &second);
	worker_listeners_set(w, true);
	loop_run(&w->loop, worker_after_turn, w);
	while (w->env.conns)
		conn_cut(w->env.conns, REASON_DRAIN);
	log_flush();
	loop_post(w->shared->control, &w->ended);
	return NULL;
}

int worker_start(struct worker *w)
{
	sigset_t all, old;
	int rc;

	/* Signals are the control thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->started = rc == 0;
	return -rc;
}

void worker_join(struct worker *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

void worker_fini(struct worker *w)
{
	worker_listeners_set(w, false);
	event_del(&w->tick);
	event_del(&w->resume);
	dnsserve_free(w->dns);
	loop_settle(&w->loop);
	resolver_free(w->env.resolver);
	loop_fini(&w->loop);
	policy_unref(w->env.policy);
	relay_pool_fini(&w->pool);
	free(w->listeners);
}

static struct worker_mail *worker_mail_new(void (*cb)(struct mail *m,
						      void *arg))
{
	struct worker_mail *m = calloc(1, sizeof(*m));

	if (m)
		m->mail.cb = cb;
	return m;
}

/* In the control thread, which no client waits for: it takes a while to free
 * the rules of a large policy. */
static void worker_old_policy_cb(struct mail *mail, void *arg)
{
	struct worker_mail *m = (struct worker_mail *)mail;

	(void)arg;
	m->taken_cb(m->cb_arg);
	policy_unref(m->policy);
	free(m);
}

static void worker_policy_cb(struct mail *mail, void *arg)
{
	struct worker_mail *m = (struct worker_mail *)mail;
	struct worker *w = arg;
	struct policy *old = w->env.policy;
	struct conn *c, *next;

	w->env.policy = m->policy;
	for (c = w->env.conns; c; c = next) {
		next = c->next;
		conn_rejudge(c, w->env.policy);
	}
	m->policy = old;
	m->mail.cb = worker_old_policy_cb;
	loop_post(w->shared->control, &m->mail);
}

int worker_set_policy(struct worker *w, struct policy *policy,
		      void (*cb)(void *arg), void *arg)
{
	struct worker_mail *m = worker_mail_new(worker_policy_cb);

	if (!m)
		return -ENOMEM;
	m->policy = policy_ref(policy);
	m->taken_cb = cb;
	m->cb_arg = arg;
	loop_post(&w->loop, &m->mail);
	return 0;
}

static void worker_drain_cb(struct mail *mail, void *arg)
{
	static const struct timeval often = {.tv_usec = 50000};
	struct worker *w = arg;
	struct conn *c, *next;

	free(mail);
	w->draining = w->env.draining = true;
	w->drain_deadline_ms = base_mono_ms() + w->env.config->drain_timeout;
	worker_listeners_set(w, false);
	if (w->dns)
		dnsserve_shut(w->dns);
	for (c = w->env.conns; c; c = next) {
		next = c->next;
		conn_drain(c);
	}
	event_del(&w->tick);
	event_add(&w->tick, &often);
	worker_tick_cb(-1, 0, w);
}

int worker_drain(struct worker *w)
{
	struct worker_mail *m = worker_mail_new(worker_drain_cb);

	if (!m)
		return -ENOMEM;
	loop_post(&w->loop, &m->mail);
	return 0;
}

static void worker_stop_cb(struct mail *mail, void *arg)
{
	struct worker *w = arg;

	free(mail);
	w->loop.stop = true;
}

int worker_stop(struct worker *w)
{
	struct worker_mail *m = worker_mail_new(worker_stop_cb);

	if (!m)
		return -ENOMEM;
	loop_post(&w->loop, &m->mail);
	return 0;
}

static void worker_list_text(struct sbuf *out, const char *key,
			     const char *text)
{
	sbuf_printf(out, ",\"%s\":", key);
	if (text)
		sbuf_json(out, text, strlen(text));
	else
		sbuf_puts(out, "null");
}

static void worker_list_conn(struct sbuf *out, const struct conn *c)
{
	char id[CONN_ID_LEN + 1], client[CONN_CLIENT_MAX], addr[ADDR_TEXT_MAX],
		rule[POLICY_WHERE_MAX];
	uint64_t now = base_mono_ms();

	conn_id(c, id);
	conn_client(c, client);
	if (c->addr.family)
		addr_format(&c->addr, addr);
	sbuf_printf(out, ",{\"id\":\"%s\"", id);
	worker_list_text(out, "client", client);
	worker_list_text(out, "proto", proto_name(c->proto));
	worker_list_text(out, "host",
			 c->target.host_len ? c->target.host : NULL);
	sbuf_printf(out, ",\"port\":%u", (unsigned int)c->target.port);
	worker_list_text(out, "addr", c->addr.family ? addr : NULL);
	if (c->rule)
		policy_where(c->rule, rule);
	worker_list_text(out, "rule", c->rule ? rule : NULL);
	sbuf_printf(out,
		    ",\"bytes_up\":%" PRIu64 ",\"bytes_down\":%" PRIu64
		    ",\"age_ms\":%" PRIu64 ",\"idle_ms\":%" PRIu64
		    ",\"state\":\"%s\"}",
		    c->up.bytes, c->down.bytes, now - c->start_us / 1000,
		    now - c->last_ms, conn_state_name(c->state));
}

static void worker_list_cb(struct mail *mail, void *arg)
{
	struct worker_mail *m = (struct worker_mail *)mail;
	struct worker *w = arg;
	struct sbuf json = {0};

	for (const struct conn *c = w->env.conns; c; c = c->next)
		worker_list_conn(&json, c);
	m->list_cb(m->cb_arg, &json);
	free(m);
}

int worker_list(struct worker *w, void (*cb)(void *arg, struct sbuf *json),
		void *arg)
{
	struct worker_mail *m = worker_mail_new(worker_list_cb);

	if (!m)
		return -ENOMEM;
	m->list_cb = cb;
	m->cb_arg = arg;
	loop_post(&w->loop, &m->mail);
	return 0;
}
