/* SPDX-License-Identifier: MIT */
/* loop_timer.c - many timers on one event of libevent's
 *
 * Theory of operation
 *
 * A binary heap by the time at which a timer is to be looked at, which may be
 * earlier than the time at which it is due: who moves a timer on to a later
 * time, as a connection does at every step, only writes that down.  The event
 * is armed for the first of the heap, or for a time before it.
 */
#include <errno.h>
#include <stdlib.h>

#include "base.h"
#include "loop.h"

static void timer_put(struct loop *l, size_t i, struct loop_look e)
{
	l->looks[i] = e;
	e.timer->place = i + 1;
}

static void timer_rise(struct loop *l, size_t i, struct loop_look e)
{
	for (; i > 0 && l->looks[(i - 1) / 2].at_ms > e.at_ms; i = (i - 1) / 2)
		timer_put(l, i, l->looks[(i - 1) / 2]);
	timer_put(l, i, e);
}

static void timer_sink(struct loop *l, size_t i, struct loop_look e)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < l->look_count &&
		    l->looks[child + 1].at_ms < l->looks[child].at_ms)
			child++;
		if (child >= l->look_count || l->looks[child].at_ms >= e.at_ms)
			break;
		timer_put(l, i, l->looks[child]);
		i = child;
	}
	timer_put(l, i, e);
}

static void timer_take_out(struct loop *l, struct timer *t)
{
	size_t i = t->place - 1;
	struct loop_look last = l->looks[--l->look_count];

	t->place = 0;
	if (i == l->look_count)
		return;
	if (i > 0 && l->looks[(i - 1) / 2].at_ms > last.at_ms)
		timer_rise(l, i, last);
	else
		timer_sink(l, i, last);
}

static void timer_arm(struct loop *l)
{
	struct timeval tv;
	uint64_t ms, now;

	if (!l->look_count || (l->alarm_ms && l->alarm_ms <= l->looks[0].at_ms))
		return;
	l->alarm_ms = l->looks[0].at_ms;
	now = base_mono_ms();
	ms = l->alarm_ms > now ? l->alarm_ms - now : 0;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	event_add(&l->alarm, &tv);
}

void loop_alarm_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t now = base_mono_ms();

	(void)fd;
	(void)what;
	l->alarm_ms = 0;
	while (l->look_count && l->looks[0].at_ms <= now) {
		struct timer *t = l->looks[0].timer;

		if (t->at_ms > now) {
			timer_sink(l, 0, (struct loop_look){t->at_ms, t});
			continue;
		}
		timer_take_out(l, t);
		if (t->at_ms) {
			t->at_ms = 0;
			t->cb(t);
		}
	}
	timer_arm(l);
}

int loop_timer_add(struct loop *l, struct timer *t, void (*cb)(struct timer *t))
{
	if (l->timer_count == l->look_cap) {
		size_t cap = l->look_cap ? l->look_cap * 2 : 64;
		struct loop_look *grown =
			realloc(l->looks, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->looks = grown;
		l->look_cap = cap;
	}
	l->timer_count++;
	*t = (struct timer){.cb = cb};
	return 0;
}

void loop_timer_remove(struct loop *l, struct timer *t)
{
	if (t->place)
		timer_take_out(l, t);
	l->timer_count--;
}

void loop_timer_at(struct loop *l, struct timer *t, uint64_t at_ms)
{
	t->at_ms = at_ms;
	if (!at_ms)
		return;
	if (!t->place)
		timer_rise(l, l->look_count++, (struct loop_look){at_ms, t});
	else if (at_ms < l->looks[t->place - 1].at_ms)
		timer_rise(l, t->place - 1, (struct loop_look){at_ms, t});
	else
		return;
	timer_arm(l);
}

void loop_timer_set(struct loop *l, struct timer *t, uint64_t ms)
{
	loop_timer_at(l, t, ms ? base_mono_ms() + ms : 0);
}
