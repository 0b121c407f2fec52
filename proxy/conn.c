/* SPDX-License-Identifier: MIT */
/* conn.c - one client connection: its life, its states, its end
 *
 * Theory of operation
 *
 *   FIRST -> HEAD -> RESOLVE -> DIAL [-> UPSTREAM] -> TUNNEL
 *         -> SOCKS_GREETING -> SOCKS_REQUEST -> RESOLVE ...
 *         -> TLS -> RESOLVE ...                    -> FORWARD -> HEAD ...
 *
 * Each state has a deadline.  From each a refusal leads to LINGER (the answer
 * is under way, what the client still sends is thrown away) or straight to
 * DEAD. conn_close() is the only way to DEAD: it cancels, closes, logs, counts,
 * and leaves the memory to the end of the loop's turn.
 */
#include "conn.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

/* Clients of a worker over a limit that are told so, before more are only
 * closed. */
#define CONN_OVER_MAX 256

static const char *const state_names[] = {
#define X(name, text) [CONN_##name] = (text),
	CONN_STATES(X)
#undef X
};

const char *conn_state_name(enum conn_state s)
{
	return state_names[s];
}

void conn_arm(struct conn *c, uint64_t ms)
{
	loop_timer_set(c->env->loop, &c->timer, ms);
}

void conn_enter(struct conn *c, enum conn_state state, uint64_t ms)
{
	if (log_wants(LEVEL_DEBUG)) {
		char id[CONN_ID_LEN + 1];
		struct log_line l;

		conn_id(c, id);
		log_begin(&l, LEVEL_DEBUG, "state");
		log_text(&l, "id", id);
		log_text(&l, "from", state_names[c->state]);
		log_text(&l, "to", state_names[state]);
		log_end(&l);
	}
	c->state = state;
	if (ms != CONN_KEEP)
		conn_arm(c, ms);
}

static void conn_free_cb(struct deferred *d)
{
	struct conn *c = (void *)((char *)d - offsetof(struct conn, again));

	free(c);
}

/* Everything that waits or holds, in the reverse order of its coming. */
static void conn_release(struct conn *c)
{
	conn_reach_cancel(c);
	conn_forward_free(c);
	relay_fini(&c->up, c->env->pool);
	relay_fini(&c->down, c->env->pool);
	free(c->hello);
	free(c->sni);
	free(c->buf);
	c->hello = NULL;
	c->sni = c->buf = NULL;
	c->buf_len = 0;
	policy_unref(c->policy);
	c->policy = NULL;
	c->rule = NULL;
}

static void conn_uncount(struct conn *c)
{
	struct conn_env *env = c->env;
	uint64_t active = atomic_load_explicit(&env->metrics->active,
					       memory_order_relaxed);

	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	env->count--;
	atomic_store_explicit(&env->metrics->active, active - 1,
			      memory_order_relaxed);
	if (c->over_limit)
		env->over--;
	else
		atomic_fetch_sub_explicit(env->total, 1, memory_order_relaxed);
	if (c->counted_client)
		clients_give(env->clients, &c->client_addr);
}

static void conn_end(struct conn *c, enum reason reason, bool reset)
{
	struct conn_env *env = c->env;

	if (c->state == CONN_DEAD)
		return;
	if (c->state == CONN_TUNNEL || c->state == CONN_FORWARD)
		conn_account(c);
	if (!c->logged && c->state == CONN_TUNNEL)
		conn_log_end(c, reason, conn_tunnel_status(c));
	if (!c->logged && c->state == CONN_FORWARD)
		conn_forward_log(c, reason);
	c->state = CONN_DEAD;
	loop_timer_remove(env->loop, &c->timer);
	if (reset) {
		io_reset(c->client);
		io_reset(c->origin);
	} else {
		io_close(c->client);
		io_close(c->origin);
	}
	c->client = c->origin = NULL;
	conn_release(c);
	conn_uncount(c);
	c->again.cb = conn_free_cb;
	loop_defer(env->loop, &c->again);
	env->closed(env->closed_arg);
}

void conn_close(struct conn *c, enum reason reason)
{
	conn_end(c, reason, false);
}

void conn_cut(struct conn *c, enum reason reason)
{
	conn_end(c, reason, true);
}

static void conn_go_on(struct conn *c)
{
	switch (c->state) {
	case CONN_FIRST:
	case CONN_HEAD:
	case CONN_SOCKS_GREETING:
	case CONN_SOCKS_REQUEST:
	case CONN_TLS:
		/* A kept origin that has hung up is of no use any more. */
		if (c->origin && c->origin->hup) {
			io_close(c->origin);
			c->origin = NULL;
		}
		conn_talk(c);
		break;
	case CONN_RESOLVE:
	case CONN_DIAL:
		break; /* what the client says meanwhile can wait */
	case CONN_UPSTREAM:
		conn_upstream_readable(c);
		break;
	case CONN_TUNNEL:
		conn_tunnel_pump(c);
		break;
	case CONN_FORWARD:
		conn_forward_pump(c);
		break;
	case CONN_LINGER:
		conn_linger(c);
		break;
	case CONN_DEAD:
	case CONN__COUNT:
		break;
	}
}

static void conn_io_cb(struct io *io)
{
	conn_go_on(io->arg);
}

static void conn_again_cb(struct deferred *d)
{
	conn_go_on((void *)((char *)d - offsetof(struct conn, again)));
}

static void conn_timeout_cb(struct timer *t)
{
	struct conn *c = (void *)((char *)t - offsetof(struct conn, timer));

	switch (c->state) {
	case CONN_FIRST:
		conn_silent(c);
		break;
	case CONN_HEAD:
	case CONN_SOCKS_GREETING:
	case CONN_SOCKS_REQUEST:
	case CONN_TLS:
		conn_refuse(c, REASON_HEAD_TIMEOUT, NULL);
		break;
	case CONN_RESOLVE:
		conn_refuse(c, REASON_DNS_TIMEOUT, NULL);
		break;
	case CONN_DIAL:
	case CONN_UPSTREAM:
		conn_refuse(c, REASON_CONN_TIMEOUT, NULL);
		break;
	case CONN_TUNNEL:
		conn_tunnel_timeout(c);
		break;
	case CONN_FORWARD:
		conn_forward_timeout(c);
		break;
	case CONN_LINGER:
		conn_linger_timeout(c);
		break;
	case CONN_DEAD:
	case CONN__COUNT:
		break;
	}
}

static void conn_link(struct conn *c)
{
	struct conn_env *env = c->env;

	c->next = env->conns;
	c->prev = &env->conns;
	if (c->next)
		c->next->prev = &c->next;
	env->conns = c;
	env->count++;
	metrics_add(&env->metrics->active, 1);
	if (c->over_limit)
		env->over++;
	else
		atomic_fetch_add_explicit(env->total, 1, memory_order_relaxed);
}

void conn_new(struct conn_env *env, int fd, const struct sockaddr *peer,
	      bool transparent, bool over_limit)
{
	/* Not calloc(): that of glibc passes its thread's cache by. */
	struct conn *c = malloc(sizeof(*c));
	struct io *io;

	if (!c) {
		close(fd);
		return;
	}
	*c = (struct conn){.env = env, .transparent = transparent};
	io = io_take(env->loop, fd, conn_io_cb, c);
	if (!io || loop_timer_add(env->loop, &c->timer, conn_timeout_cb) < 0) {
		io_close(io);
		free(c);
		return;
	}
	c->client = io;
	c->id = env->id_base + env->id_next++;
	c->start_us = base_mono_us();
	c->last_ms = c->start_us / 1000;
	c->again.cb = conn_again_cb;
	c->up.left = c->up.want = c->down.left = c->down.want = UINT64_MAX;
	if (addr_from_sockaddr(peer, &c->client_addr, &c->client_port)) {
		c->counted_client = clients_take(env->clients, &c->client_addr);
		if (!c->counted_client)
			over_limit = true;
	}
	c->over_limit = over_limit;
	if (over_limit && env->over >= CONN_OVER_MAX) {
		if (c->counted_client)
			clients_give(env->clients, &c->client_addr);
		loop_timer_remove(env->loop, &c->timer);
		io_close(io);
		free(c);
		return;
	}
	conn_link(c);
	conn_start_first(c);
	/* Most clients have spoken by now; many are done with by it. */
	conn_talk(c);
	if (c->state != CONN_DEAD && io_watch(io) < 0)
		conn_close(c, REASON_INTERNAL);
}

bool conn_monitors(const struct conn *c)
{
	return policy_options_of(c->policy)->mode == POLICY_MONITOR;
}

/* What an hourly budget is counted against; the hour begins with its first
 * byte.  Here as below: an addition locks memory that all workers write to, and
 * most events bring bytes one way only. */
static void conn_account_hour(struct rule_usage *u, uint64_t up, uint64_t down)
{
	uint64_t none = 0;

	if (!atomic_load(&u->hour_start))
		(void)atomic_compare_exchange_strong(&u->hour_start, &none,
						     base_mono_ms());
	if (up)
		atomic_fetch_add(&u->hour_up, up);
	if (down)
		atomic_fetch_add(&u->hour_down, down);
}

static bool conn_is_over(uint64_t budget, uint64_t bytes)
{
	return budget && bytes > budget;
}

/* What would be cut at its budget is let through by monitor mode alone. */
static void conn_monitor_budget(struct conn *c)
{
	const struct rule *r = c->rule;

	if (c->would_deny || !conn_monitors(c))
		return;
	if (conn_is_over(r->up, c->up.bytes) ||
	    conn_is_over(r->down, c->down.bytes) ||
	    conn_is_over(r->up_hour, atomic_load(&r->usage->hour_up)) ||
	    conn_is_over(r->down_hour, atomic_load(&r->usage->hour_down)))
		conn_log_would_deny(c, REASON_BUDGET, NULL);
}

void conn_account(struct conn *c)
{
	uint64_t up = c->up.bytes - c->counted_up;
	uint64_t down = c->down.bytes - c->counted_down;

	c->counted_up = c->up.bytes;
	c->counted_down = c->down.bytes;
	if (up)
		metrics_add(&c->env->metrics->bytes_up, up);
	if (down)
		metrics_add(&c->env->metrics->bytes_down, down);
	if (!c->rule || !(up | down))
		return;
	if (up)
		atomic_fetch_add_explicit(&c->rule->usage->bytes_up, up,
					  memory_order_relaxed);
	if (down)
		atomic_fetch_add_explicit(&c->rule->usage->bytes_down, down,
					  memory_order_relaxed);
	if (c->rule->up_hour || c->rule->down_hour)
		conn_account_hour(c->rule->usage, up, down);
	conn_monitor_budget(c);
}

/* Only what has a target and is on its way, or there, is judged again; what is
 * still talking will meet the new policy anyhow. */
static bool conn_has_verdict(const struct conn *c)
{
	return c->policy && c->state >= CONN_RESOLVE &&
	       c->state <= CONN_FORWARD;
}

void conn_rejudge(struct conn *c, struct policy *policy)
{
	const struct policy_options *options = policy_options_of(policy);
	const struct rule *rule;
	enum reason reason;
	bool refused, barred;

	if (!conn_has_verdict(c))
		return;
	rule = policy_judge(policy, &c->target, base_wall_ms());
	refused = !rule || !conn_suits(c, policy, rule);
	barred = c->addr.family &&
		 policy_guard(policy, rule, &c->target, &c->addr) != GUARD_OK;
	if ((refused || barred) && !options->cut_on_reload)
		return;
	reason = c->state < CONN_TUNNEL ? REASON_POLICY : REASON_REVOKED;
	if (barred || (refused && options->mode != POLICY_MONITOR)) {
		if (c->state < CONN_TUNNEL)
			conn_refuse(c, reason, NULL);
		else
			conn_cut(c, reason);
		return;
	}
	if (refused && !c->would_deny)
		conn_log_would_deny(c, reason, NULL);
	conn_account(c);
	policy_unref(c->policy);
	c->policy = policy_ref(policy);
	c->rule = rule;
	if (c->state < CONN_TUNNEL)
		return;
	conn_budget(c);
	conn_tunnel_arm(c);
}

void conn_drain(struct conn *c)
{
	if (c->state <= CONN_TLS)
		conn_close(c, REASON_NONE);
}
