/* SPDX-License-Identifier: MIT */
/* test_loop_timer.c - timers that are set, put off, stopped and removed */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/base.h"
#include "proxy/loop.h"

#define TIMERS 300
#define LONGEST_MS 60
#define CHANGES 5000

/* struct clock - A timer and what is expected of it; 0 for @due_ms: nothing */
struct clock {
	struct timer timer;
	uint64_t due_ms;
	unsigned int rung;
	bool early;
};

static struct loop loop;
static struct clock clocks[TIMERS];

static void ring(struct timer *t)
{
	struct clock *c = (struct clock *)t;

	c->rung++;
	c->early |= !c->due_ms || base_mono_ms() < c->due_ms;
	c->due_ms = 0;
}

static void finish(struct timer *t)
{
	(void)t;
	loop.stop = true;
}

static void after_turn(void *arg)
{
	(void)arg;
}

static void run_for(uint64_t ms)
{
	struct timer end;

	assert_int_equal(loop_timer_add(&loop, &end, finish), 0);
	loop_timer_set(&loop, &end, ms);
	loop.stop = false;
	loop_run(&loop, after_turn, NULL);
	loop_timer_remove(&loop, &end);
}

static int begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < TIMERS; i++)
		clocks[i] = (struct clock){.rung = 0};
	return loop_init(&loop, NULL);
}

static int end(void **state)
{
	(void)state;
	loop_fini(&loop);
	return 0;
}

static void each_rings_once_and_never_early(void **state)
{
	(void)state;
	srandom(1);
	for (size_t i = 0; i < TIMERS; i++)
		assert_int_equal(loop_timer_add(&loop, &clocks[i].timer, ring),
				 0);
	for (size_t n = 0; n < CHANGES; n++) {
		struct clock *c = &clocks[random() % TIMERS];
		uint64_t ms = (uint64_t)random() % LONGEST_MS;

		c->due_ms = ms ? base_mono_ms() + ms : 0;
		loop_timer_set(&loop, &c->timer, ms);
		if (n % 7 == 0) { /* gone, and back unset */
			loop_timer_remove(&loop, &c->timer);
			assert_int_equal(loop_timer_add(&loop, &c->timer, ring),
					 0);
			c->due_ms = 0;
		}
	}
	run_for(2 * LONGEST_MS);
	for (size_t i = 0; i < TIMERS; i++) {
		assert_false(clocks[i].early);
		assert_int_equal(clocks[i].due_ms, 0);
		assert_true(clocks[i].rung <= 1);
		loop_timer_remove(&loop, &clocks[i].timer);
	}
}

static void one_that_is_put_off_rings_at_its_last_time(void **state)
{
	struct clock *c = &clocks[0];

	(void)state;
	assert_int_equal(loop_timer_add(&loop, &c->timer, ring), 0);
	loop_timer_set(&loop, &c->timer, 5);
	c->due_ms = base_mono_ms() + 50;
	loop_timer_set(&loop, &c->timer, 50);
	run_for(30);
	assert_int_equal(c->rung, 0);
	run_for(40);
	assert_int_equal(c->rung, 1);
	assert_false(c->early);
	loop_timer_remove(&loop, &c->timer);
}

static void one_that_is_brought_forward_rings_then(void **state)
{
	struct clock *c = &clocks[0];

	(void)state;
	assert_int_equal(loop_timer_add(&loop, &c->timer, ring), 0);
	loop_timer_set(&loop, &c->timer, 60000);
	c->due_ms = base_mono_ms() + 5;
	loop_timer_set(&loop, &c->timer, 5);
	run_for(30);
	assert_int_equal(c->rung, 1);
	assert_false(c->early);
	loop_timer_set(&loop, &c->timer, 5);
	loop_timer_set(&loop, &c->timer, 0);
	run_for(20);
	assert_int_equal(c->rung, 1);
	loop_timer_remove(&loop, &c->timer);
}

static void one_whose_time_has_gone_by_rings_at_once(void **state)
{
	struct clock *c = &clocks[0];

	(void)state;
	assert_int_equal(loop_timer_add(&loop, &c->timer, ring), 0);
	c->due_ms = 1;
	loop_timer_at(&loop, &c->timer, 1);
	run_for(1);
	assert_int_equal(c->rung, 1);
	loop_timer_remove(&loop, &c->timer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_rings_once_and_never_early,
						begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_is_put_off_rings_at_its_last_time, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_is_brought_forward_rings_then, begin, end),
		cmocka_unit_test_setup_teardown(
			one_whose_time_has_gone_by_rings_at_once, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
