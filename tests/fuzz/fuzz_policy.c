/* SPDX-License-Identifier: MIT */
/* fuzz_policy.c - rules: rules.c, policy.c, policy_index.c, target.c */

/*
 * Holds: no text crashes or leaks; a policy that was accepted gives every
 * target the verdict of a plain reading of its rules, one after the other, and
 * so covers each rule's own host, and none that no rule names; built again, it
 * counts on.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 2026-01-02T03:04:05Z */
#define NOW ((int64_t)1767323045000)

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* The host of a rule, from its text; of a wildcard the name behind "*." */
static void host_of(const struct rule *r, struct target *t)
{
	const char *host = r->text + 2 * r->wildcard;
	size_t len = strcspn(host, host[0] == '[' ? "]" : ":");

	len += host[0] == '[';
	check(target_set(t, host, len, 1, false) == TARGET_OK);
	check(t->literal == r->literal);
}

static bool covers_host(const struct rule *r, const struct target *host,
			const struct target *t)
{
	if (t->literal != host->literal)
		return false;
	if (!r->wildcard)
		return strcmp(t->host, host->host) == 0;
	return t->host_len > host->host_len &&
	       t->host[t->host_len - host->host_len - 1] == '.' &&
	       strcmp(t->host + t->host_len - host->host_len, host->host) == 0;
}

/* Of two rules that cover a target, whether the first, a later one, wins. */
static bool wins(const struct rule *a, const struct target *a_host,
		 const struct rule *b, const struct target *b_host)
{
	int a_width = a->port_last - a->port_first;
	int b_width = b->port_last - b->port_first;

	if (a->wildcard != b->wildcard)
		return !a->wildcard;
	if (a_host->host_len != b_host->host_len)
		return a_host->host_len > b_host->host_len;
	return a_width <= b_width;
}

static void check_verdict(const struct policy *p, const struct target *hosts,
			  const struct target *t, int64_t now)
{
	const struct rule *best = NULL;
	const struct target *best_host = NULL;
	size_t i;
	bool covered = false;

	for (i = 0; i < policy_rule_count(p); i++) {
		const struct rule *r = policy_rule(p, i);

		if (!covers_host(r, &hosts[i], t) ||
		    (r->until && r->until <= now))
			continue;
		covered = true;
		if (t->port < r->port_first || t->port > r->port_last)
			continue;
		if (!best || wins(r, &hosts[i], best, best_host)) {
			best = r;
			best_host = &hosts[i];
		}
	}
	check(policy_judge(p, t, now) == best);
	check(t->literal || policy_covers(p, t->host, now) == covered);
}

/* Targets in and around what a rule names, at times around its end. */
static void check_around(const struct policy *p, const struct target *hosts,
			 const struct rule *r, const struct target *host)
{
	const uint16_t ports[] = {r->port_first, r->port_last,
				  (uint16_t)(r->port_first - 1),
				  (uint16_t)(r->port_last + 1), 443};
	const int64_t times[] = {NOW, r->until - 1, r->until, INT64_MAX - 1};
	size_t port, time, sub;

	for (port = 0; port < BASE_LEN(ports); port++) {
		for (sub = 0; sub < 3; sub++) {
			struct target t = *host;
			char text[NAME_MAX_LEN + 5];

			if (sub == 1) {
				text[0] = 'a';
				text[1] = '.';
				memcpy(text + 2, host->host,
				       host->host_len + 1u);
				if (host->literal ||
				    target_set(&t, text, host->host_len + 2u, 1,
					       false) != TARGET_OK)
					continue;
			}
			if (sub == 2) {
				const char *parent = name_parent(host->host);

				if (host->literal || !parent)
					continue;
				target_set(&t, parent, strlen(parent), 1,
					   false);
			}
			t.port = ports[port];
			for (time = 0; time < BASE_LEN(times); time++)
				check_verdict(p, hosts, &t, times[time]);
		}
	}
}

static struct policy *build(const uint8_t *data, size_t size,
			    const struct policy *prev)
{
	struct policy_options o;
	struct policy_builder *b;
	struct faults faults = {0};
	struct policy *p;

	policy_options_init(&o);
	policy_options_set(&o, "presets", "/nonexistent");
	b = policy_builder_new(&o, prev);
	policy_builder_add(b, "f", 1, (const char *)data, size, &faults);
	p = policy_builder_finish(b, &faults);
	check((p != NULL) == (faults.count == 0));
	faults_free(&faults);
	policy_options_fini(&o);
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy *p = build(data, size, NULL), *again;
	struct target *hosts;
	size_t i, count;

	if (!p)
		return 0;
	count = policy_rule_count(p);
	hosts = calloc(count ? count : 1, sizeof(*hosts));
	check(hosts != NULL);
	for (i = 0; i < count; i++)
		host_of(policy_rule(p, i), &hosts[i]);
	/* The plain reading is quadratic: a few rules of many will do. */
	for (i = 0; i < count && i < 32; i++)
		check_around(p, hosts, policy_rule(p, count - 1 - i),
			     &hosts[count - 1 - i]);
	again = build(data, size, p);
	check(again && policy_rule_count(again) == count);
	for (i = 0; i < count; i++)
		check(policy_rule(again, i)->usage == policy_rule(p, i)->usage);
	policy_unref(p);
	for (i = 0; i < count; i++)
		atomic_fetch_add(&policy_rule(again, i)->usage->hits, 1);
	policy_unref(again);
	free(hosts);
	return 0;
}
