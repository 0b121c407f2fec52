/* SPDX-License-Identifier: MIT */
/* test_policy_memory.c - a policy is never short of a rule without a fault */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "proxy/base.h"

/*
 * The sources under test stand in this file, so that their allocations, and
 * those of uthash, are the test's: number @fail_at of them fails.
 */
static unsigned long allocations, fail_at;

static bool memory_is_out(void)
{
	return ++allocations == fail_at;
}

static void *test_malloc_or_not(size_t size)
{
	return memory_is_out() ? NULL : malloc(size);
}

static void *test_calloc_or_not(size_t count, size_t size)
{
	return memory_is_out() ? NULL : calloc(count, size);
}

static void *test_realloc_or_not(void *old, size_t size)
{
	return memory_is_out() ? NULL : realloc(old, size);
}

static char *test_strdup_or_not(const char *text)
{
	return memory_is_out() ? NULL : strdup(text);
}

#define malloc(size) test_malloc_or_not(size)
#define calloc(count, size) test_calloc_or_not(count, size)
#define realloc(old, size) test_realloc_or_not(old, size)
#define strdup(text) test_strdup_or_not(text)

#include "proxy/arena.c"
#include "proxy/policy.c"
#include "proxy/policy_index.c"
#include "proxy/policy_options.c"
#include "proxy/policy_usage.c"

#undef malloc
#undef calloc
#undef realloc
#undef strdup

#define HOSTS 2000

/* Many hosts, so that tables grow; one with many ranges; attributes. */
static void write_rules(struct sbuf *text)
{
	unsigned int i;

	for (i = 0; i < HOSTS; i++)
		sbuf_printf(text,
			    "Host-%u.example:443 why=\"%u\"\n"
			    "*.wild-%u.example:443\n",
			    i, i, i);
	for (i = 1; i < 40; i++)
		sbuf_printf(text, "ranges.example:%u-%u\n", i, i + 100);
	sbuf_puts(text, "expect allow host-1.example:443\n");
}

static bool allows(const struct policy *p, const char *target)
{
	struct target t;

	assert_int_equal(target_parse(&t, target, strlen(target), 0),
			 TARGET_OK);
	return policy_judge(p, &t, 0) != NULL;
}

static void assert_complete(const struct policy *p)
{
	char target[60];
	unsigned int i;

	assert_int_equal(policy_rule_count(p), 2 * HOSTS + 39);
	for (i = 0; i < HOSTS; i++) {
		snprintf(target, sizeof(target), "host-%u.example:443", i);
		assert_true(allows(p, target));
		snprintf(target, sizeof(target), "x.wild-%u.example:443", i);
		assert_true(allows(p, target));
		assert_non_null(policy_rule(p, i)->usage);
	}
	for (i = 1; i < 140; i++) {
		snprintf(target, sizeof(target), "ranges.example:%u", i);
		assert_true(allows(p, target));
	}
}

/* Builds once, with one allocation failing; returns whether any did. */
static bool build_short_of_memory(const struct policy_options *o,
				  const struct sbuf *text,
				  const struct policy *prev, unsigned long fail)
{
	struct faults faults = {0};
	struct policy_builder *b;
	struct policy *p = NULL;
	bool failed;

	allocations = 0;
	fail_at = fail;
	b = policy_builder_new(o, prev);
	if (b) {
		policy_builder_add(b, "rules.txt", 1, text->data, text->len,
				   &faults);
		p = policy_builder_finish(b, &faults);
	}
	failed = allocations >= fail;
	fail_at = 0;
	if (p)
		assert_complete(p);
	else if (b)
		assert_string_equal(faults.text.data,
				    "policy: out of memory\n");
	assert_true(p || failed);
	faults_free(&faults);
	policy_unref(p);
	return failed;
}

static void no_rule_is_missing_when_memory_runs_out(void **state)
{
	struct policy_options o;
	struct sbuf text = {0}, other = {0};
	struct faults faults = {0};
	struct policy_builder *b;
	struct policy *prev;
	unsigned long fail;

	(void)state;
	policy_options_init(&o);
	assert_null(policy_options_set(&o, "presets", "/presets"));
	assert_null(policy_options_set(&o, "tls-ports", "1,2"));
	assert_null(policy_options_set(&o, "deny-cidr", "::/0"));
	write_rules(&text);
	/* The policy before has the same rules in another order, those of one
	 * host as well. */
	sbuf_puts(&other, "other.example:1\n");
	sbuf_add(&other, text.data, text.len);
	sbuf_puts(&other, "ranges.example:1-101\n");
	b = policy_builder_new(&o, NULL);
	policy_builder_add(b, "rules.txt", 1, other.data, other.len, &faults);
	prev = policy_builder_finish(b, &faults);
	assert_non_null(prev);
	for (fail = 1; build_short_of_memory(&o, &text, prev, fail); fail++)
		;
	/* Enough of them were there to fail: tables, arena, options. */
	assert_true(fail > 30);
	policy_unref(prev);
	policy_options_fini(&o);
	sbuf_free(&text);
	sbuf_free(&other);
}

static void options_are_kept_when_memory_runs_out(void **state)
{
	static const char *const keys[][2] = {
		{"presets", "/presets"},
		{"tls-ports", "443"},
		{"allow-cidr", "::/0"},
		{"deny-cidr", "::/0"},
	};
	struct policy_options o;
	size_t i;

	(void)state;
	policy_options_init(&o);
	for (i = 0; i < BASE_LEN(keys); i++) {
		allocations = 0;
		fail_at = 1;
		assert_string_equal(
			policy_options_set(&o, keys[i][0], keys[i][1]),
			"out of memory");
		fail_at = 0;
		assert_null(policy_options_set(&o, keys[i][0], keys[i][1]));
	}
	policy_options_fini(&o);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_rule_is_missing_when_memory_runs_out),
		cmocka_unit_test(options_are_kept_when_memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
