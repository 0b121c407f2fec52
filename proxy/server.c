/* SPDX-License-Identifier: MIT */
/* server.c - the whole proxy: workers, policy, signals, drain
 *
 * Theory of operation
 *
 * The control thread has a loop of its own, on which nothing of a client's ever
 * runs: it watches the policy's files, makes snapshots, hands them to the
 * workers by mail, takes signals and answers the admin endpoints.  Making a
 * snapshot of many rules takes milliseconds, which no tunnel feels.
 *
 * The end: SIGTERM closes the listeners and drains the workers; each says by
 * mail when it is done; after the last the control loop stops.  A second signal
 * stops them at once.
 */
#include "server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin.h"
#include "audit.h"
#include "confine.h"
#include "listen.h"
#include "log.h"
#include "worker.h"

#include "pen_build.h"

#define SERVER_ID_BITS 44 /* a worker's number and its counter, below them */

struct server {
	const struct config *config;
	struct reload *reload;
	struct listener_list listeners;
	struct loop loop;
	struct worker_shared shared;
	struct worker *workers;
	size_t worker_count, workers_left;
	struct admin *admin;
	struct event poll, tick, hup, term, interrupt, usr1;
	bool stopping;
};

static int server_fail(const char *what, const char *why)
{
	fprintf(stderr, "pen-proxy: %s%s%s\n", what, why ? ": " : "",
		why ? why : "");
	return -1;
}

/* Tunnels cost two descriptors each: take what the system grants. */
static void server_raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

static int server_open_logs(const struct config *c)
{
	struct log_options log = {
		.file = c->log_file,
		.facility = c->log_facility,
		.max_size = c->log_max_size,
		.keep = c->log_keep,
		.level = (enum log_level)c->log_level,
		.format = (enum log_format)c->log_format,
	};
	struct audit_options audit = {
		.file = c->audit_file,
		.facility = c->audit_facility,
		.command = c->audit_command,
	};
	char error[512];

	if (log_open(&log, error, sizeof(error)) < 0)
		return server_fail(error, NULL);
	if (audit_open(&audit, error, sizeof(error)) < 0) {
		log_close();
		return server_fail(error, NULL);
	}
	return 0;
}

static int server_open_listeners(struct server *s)
{
	struct policy_own *own;
	char error[512];
	size_t count;

	if (listen_open_all(&s->listeners, s->config, error, sizeof(error)) < 0)
		return server_fail(error, NULL);
	own = listen_own(&s->listeners, &count);
	if (!own)
		return server_fail("out of memory", NULL);
	if (reload_own(s->reload, own, count) < 0)
		return server_fail("out of memory", NULL);
	return 0;
}

/* A snapshot on its way to the workers, @left of which do not have it yet. */
struct server_reload {
	size_t left;
	uint64_t rules, generation;
};

/* Whoever waits for the log to tell of a change may rely on it from then on:
 * it is told when no worker judges by the old rules any more. */
static void server_reload_taken_cb(void *arg)
{
	struct server_reload *r = arg;
	struct log_line l;

	if (--r->left > 0)
		return;
	log_begin(&l, LEVEL_INFO, "reload");
	log_uint(&l, "rules", r->rules);
	log_uint(&l, "generation", r->generation);
	log_end(&l);
	free(r);
}

static void server_put_in_force(struct server *s, struct policy *p)
{
	struct server_reload *r;

	if (!p)
		return;
	r = calloc(1, sizeof(*r));
	for (size_t i = 0; r && i < s->worker_count; i++)
		if (worker_set_policy(&s->workers[i], p, server_reload_taken_cb,
				      r) == 0)
			r->left++;
	if (!r || r->left < s->worker_count)
		log_say(LEVEL_ERROR, "reload", "out of memory");
	if (r && r->left > 0) {
		r->rules = policy_rule_count(p);
		r->generation = reload_generation(s->reload);
	} else {
		free(r);
	}
	policy_unref(p);
}

static void server_poll_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	server_put_in_force(s, reload_poll(s->reload));
}

static void server_tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	loop_recheck(&s->loop);
	log_tick();
	audit_tick(base_mono_ms());
}

static void server_hup_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	log_reopen();
	audit_reopen();
	server_put_in_force(s, reload_now(s->reload));
}

static void server_usr1_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	uint64_t active = 0, up = 0, down = 0, by[VERDICT__COUNT] = {0};
	struct log_line l;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < s->worker_count; i++) {
		struct metrics *m = &s->workers[i].metrics;

		active += atomic_load(&m->active);
		up += atomic_load(&m->bytes_up);
		down += atomic_load(&m->bytes_down);
		for (int p = 0; p < PROTO__COUNT; p++)
			for (int v = 0; v < VERDICT__COUNT; v++)
				by[v] += atomic_load(&m->connections[p][v]);
	}
	log_begin(&l, LEVEL_INFO, "counters");
	log_uint(&l, "active", active);
	for (int v = 0; v < VERDICT__COUNT; v++)
		log_uint(&l, verdict_name((enum verdict)v), by[v]);
	log_uint(&l, "bytes_up", up);
	log_uint(&l, "bytes_down", down);
	log_uint(&l, "rules", policy_rule_count(reload_policy(s->reload)));
	log_uint(&l, "log_dropped", log_dropped());
	log_end(&l);
}

/* Nobody is let in any more, though the descriptors stay until the workers have
 * let go of them.  An inherited socket is left as it is: its owner may give it
 * to the next pen-proxy. */
static void server_shut_listeners(struct server *s)
{
	for (size_t i = 0; i < s->listeners.count; i++)
		if (!s->listeners.at[i].inherited)
			(void)shutdown(s->listeners.at[i].fd, SHUT_RDWR);
}

static void server_end_cb(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (!s->stopping) {
		log_say(LEVEL_INFO, "stop", "draining");
		server_shut_listeners(s);
	}
	for (size_t i = 0; i < s->worker_count; i++) {
		struct worker *w = &s->workers[i];

		if ((s->stopping ? worker_stop(w) : worker_drain(w)) < 0)
			exit(EXIT_FAILURE);
	}
	s->stopping = true;
}

static void server_worker_ended_cb(void *arg)
{
	struct server *s = arg;

	if (--s->workers_left == 0)
		s->loop.stop = true;
}

static int server_make_workers(struct server *s)
{
	uint64_t random = 0;
	size_t n = s->config->threads;
	struct policy *p = reload_policy(s->reload);

	if (getentropy(&random, sizeof(random)) < 0)
		return server_fail("no random numbers", strerror(errno));
	s->shared.config = s->config;
	s->shared.id_base = random << SERVER_ID_BITS;
	s->shared.control = &s->loop;
	s->shared.ended = server_worker_ended_cb;
	s->shared.ended_arg = s;
	s->shared.clients = clients_new(s->config->max_per_client);
	s->workers = calloc(n, sizeof(*s->workers));
	if (!s->workers || !s->shared.clients)
		return server_fail("out of memory", NULL);
	for (size_t i = 0; i < s->listeners.count; i++)
		if (s->listeners.at[i].kind == LISTENER_DNS &&
		    !s->shared.names) {
			s->shared.names = names_new();
			if (!s->shared.names)
				return server_fail("out of memory", NULL);
		}
	for (; s->worker_count < n; s->worker_count++) {
		int rc = worker_init(&s->workers[s->worker_count], &s->shared,
				     (unsigned int)s->worker_count, p);

		if (rc < 0)
			return server_fail("cannot make a worker",
					   strerror(-rc));
	}
	return 0;
}

static int server_give_listener(struct server *s, const struct listener *l)
{
	int rc = 0;

	switch (l->kind) {
	case LISTENER_LISTEN:
	case LISTENER_TRANSPARENT:
		for (size_t i = 0; i < s->worker_count && rc == 0; i++)
			rc = worker_listen(&s->workers[i], l->fd,
					   l->kind == LISTENER_TRANSPARENT);
		return rc;
	case LISTENER_DNS:
		return worker_serve_dns(&s->workers[0], l->fd);
	case LISTENER_ADMIN:
		return admin_listen(s->admin, l->fd);
	case LISTENER__COUNT:
		break;
	}
	return -EINVAL;
}

static int server_wire(struct server *s)
{
	struct admin_source source = {
		.loop = &s->loop,
		.config = s->config,
		.reload = s->reload,
		.workers = s->workers,
		.worker_count = s->worker_count,
		.start_time = (double)base_wall_ms() / 1000,
	};
	int rc = 0;

	s->admin = admin_new(&source);
	if (!s->admin)
		return server_fail("out of memory", NULL);
	for (size_t i = 0; i < s->listeners.count && rc == 0; i++)
		rc = server_give_listener(s, &s->listeners.at[i]);
	return rc < 0 ? server_fail("cannot start", strerror(-rc)) : 0;
}

static void server_watch(struct server *s)
{
	static const struct timeval poll = {.tv_usec = RELOAD_POLL_MS * 1000};
	static const struct timeval second = {.tv_sec = 1};
	struct event_base *base = s->loop.base;

	event_assign(&s->poll, base, -1, EV_PERSIST, server_poll_cb, s);
	event_assign(&s->tick, base, -1, EV_PERSIST, server_tick_cb, s);
	event_add(&s->poll, &poll);
	event_add(&s->tick, &second);
	evsignal_assign(&s->hup, base, SIGHUP, server_hup_cb, s);
	evsignal_assign(&s->usr1, base, SIGUSR1, server_usr1_cb, s);
	evsignal_assign(&s->term, base, SIGTERM, server_end_cb, s);
	evsignal_assign(&s->interrupt, base, SIGINT, server_end_cb, s);
	evsignal_add(&s->hup, NULL);
	evsignal_add(&s->usr1, NULL);
	evsignal_add(&s->term, NULL);
	evsignal_add(&s->interrupt, NULL);
}

/* A signal that comes now has nothing left to do: blocked, it cannot end the
 * process by its default action, either. */
static void server_unwatch(struct server *s)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	event_del(&s->poll);
	event_del(&s->tick);
	event_del(&s->hup);
	event_del(&s->usr1);
	event_del(&s->term);
	event_del(&s->interrupt);
}

static int server_start_workers(struct server *s)
{
	for (size_t i = 0; i < s->worker_count; i++) {
		int rc = worker_start(&s->workers[i]);

		if (rc < 0)
			return server_fail("cannot start a worker",
					   strerror(-rc));
		s->workers_left++;
	}
	return 0;
}

/* The whole text of the ready lines, for descriptor and file alike. */
static void server_ready_text(const struct server *s, struct sbuf *out)
{
	for (size_t i = 0; i < s->listeners.count; i++) {
		const struct listener *l = &s->listeners.at[i];

		if (!l->twin)
			sbuf_printf(out, "%s %s\n", listener_kind_name(l->kind),
				    l->text);
	}
}

static int server_write_file(const char *path, const char *data, size_t len)
{
	int rc = path ? base_write_file(path, data, len, 0644) : 0;

	if (rc == 0)
		return 0;
	fprintf(stderr, "pen-proxy: cannot write %s: %s\n", path,
		strerror(-rc));
	return -1;
}

static int server_say_ready(struct server *s, int fd)
{
	struct sbuf lines = {0};
	char pid[32];
	int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	int rc;

	server_ready_text(s, &lines);
	rc = lines.oom ? -1
		       : server_write_file(s->config->pid_file, pid, (size_t)n);
	if (rc == 0)
		rc = server_write_file(s->config->ready_file, lines.data,
				       lines.len);
	if (rc == 0 && fd >= 0 &&
	    write(fd, lines.data, lines.len) != (ssize_t)lines.len)
		rc = server_fail("cannot write to the ready descriptor",
				 strerror(errno));
	sbuf_free(&lines);
	return rc;
}

/* Its reader sees the end.  A standard descriptor goes on as standard error:
 * its number must not become a client's, who would be sent what is said there.
 */
static void server_close_ready(int fd)
{
	if (fd > STDERR_FILENO)
		close(fd);
	else if (fd >= 0)
		(void)dup2(STDERR_FILENO, fd);
}

static void server_log_start(const struct server *s)
{
	struct log_line l;

	log_begin(&l, LEVEL_INFO, "start");
	log_text(&l, "version", PEN_VERSION);
	log_uint(&l, "pid", (uint64_t)getpid());
	log_uint(&l, "rules", policy_rule_count(reload_policy(s->reload)));
	log_uint(&l, "workers", s->worker_count);
	log_text(&l, "confined", confine_text());
	log_end(&l);
}

static void server_after_turn(void *arg)
{
	(void)arg;
	log_flush();
}

/* In an order that leaves nobody with a borrowed pointer. */
static void server_fini(struct server *s)
{
	for (size_t i = 0; i < s->worker_count; i++) {
		if (s->workers[i].started)
			(void)worker_stop(&s->workers[i]);
		worker_join(&s->workers[i]);
	}
	admin_free(s->admin);
	for (size_t i = 0; i < s->worker_count; i++)
		worker_fini(&s->workers[i]);
	free(s->workers);
	names_free(s->shared.names);
	clients_free(s->shared.clients);
	loop_fini(&s->loop);
	if (s->config->pid_file)
		(void)unlink(s->config->pid_file);
	if (s->config->ready_file)
		(void)unlink(s->config->ready_file);
}

static int server_serve(struct server *s, int ready_fd)
{
	if (server_make_workers(s) < 0 || server_wire(s) < 0)
		return -1;
	server_watch(s);
	if (confine_self(s->config, reload_policy(s->reload)) < 0 ||
	    server_start_workers(s) < 0) {
		server_unwatch(s);
		return -1;
	}
	/* Who is told that all is ready finds it in the log, too. */
	server_log_start(s);
	log_flush();
	if (server_say_ready(s, ready_fd) < 0) {
		server_unwatch(s);
		return -1;
	}
	server_close_ready(ready_fd);
	loop_run(&s->loop, server_after_turn, s);
	log_tick(); /* what was dropped since the last second */
	log_say(LEVEL_INFO, "stop", "stopped");
	server_unwatch(s);
	return 0;
}

int server_run(const struct config *c, struct reload *reload, int ready_fd)
{
	struct server s = {.config = c, .reload = reload};
	int rc;

	listen_close_strangers(c, ready_fd);
	server_raise_files();
	(void)signal(SIGPIPE, SIG_IGN);
	if (server_open_logs(c) < 0)
		return EXIT_FAILURE;
	rc = server_open_listeners(&s);
	if (rc == 0) {
		rc = loop_init(&s.loop, &s);
		if (rc < 0)
			server_fail("cannot start", strerror(-rc));
	}
	if (rc == 0) {
		rc = server_serve(&s, ready_fd);
		server_fini(&s);
	}
	listen_close(&s.listeners, LISTENER__COUNT);
	audit_close();
	log_close();
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
