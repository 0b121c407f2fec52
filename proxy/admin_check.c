/* SPDX-License-Identifier: MIT */
/* admin_check.c - /check: the verdict of the engine itself */
#include "admin_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum verdict admin_verdict(const struct admin_client *c,
				  enum reason reason)
{
	if (reason == REASON_NONE)
		return VERDICT_ALLOW;
	if (reason == REASON_POLICY && c->monitored)
		return VERDICT_WOULD_DENY;
	return reason_is_refusal(reason) ? VERDICT_DENY : VERDICT_ERROR;
}

static const char *admin_guard_name(enum policy_guard g)
{
	return g == GUARD_OK ? "allow" : "deny";
}

static void admin_check_answer(struct admin_client *c, enum reason reason,
			       const struct addr *addrs, size_t count)
{
	char where[TARGET_TEXT_MAX], rule[POLICY_WHERE_MAX];
	struct sbuf list = {0}, body = {0};
	bool allowed = reason == REASON_NONE && !count;

	for (size_t i = 0; i < count; i++) {
		char text[ADDR_TEXT_MAX];
		enum policy_guard g =
			policy_guard(c->policy, c->rule, &c->target, &addrs[i]);

		addr_format(&addrs[i], text);
		sbuf_printf(&list, "%s{\"addr\":\"%s\",\"verdict\":\"%s\"}",
			    i ? "," : "", text, admin_guard_name(g));
		allowed |= g == GUARD_OK;
	}
	if (!allowed && reason == REASON_NONE)
		reason = REASON_GUARD;
	else if (allowed && c->monitored)
		reason = REASON_POLICY;
	target_format(&c->target, where);
	sbuf_puts(&body, "{");
	admin_text(&body, "target", where);
	sbuf_puts(&body, ",");
	admin_text(&body, "verdict", verdict_name(admin_verdict(c, reason)));
	sbuf_puts(&body, ",");
	admin_text(&body, "reason",
		   reason == REASON_NONE ? NULL : reason_name(reason));
	sbuf_puts(&body, ",");
	if (c->rule)
		policy_where(c->rule, rule);
	admin_text(&body, "rule", c->rule ? rule : NULL);
	sbuf_printf(&body, ",\"addresses\":[%s]}\n", list.len ? list.data : "");
	admin_respond(c, "200 OK", "application/json", &body);
	sbuf_free(&list);
	sbuf_free(&body);
}

static void admin_resolved_cb(void *arg, const struct resolve_answer *answer)
{
	struct admin_client *c = arg;

	c->query = NULL;
	if (answer->status == RESOLVE_OK)
		admin_check_answer(c, REASON_NONE, answer->addrs,
				   answer->count);
	else
		admin_check_answer(c,
				   answer->status == RESOLVE_TIMEOUT
					   ? REASON_DNS_TIMEOUT
					   : REASON_DNS_ERROR,
				   NULL, 0);
}

static void admin_check_resolve(struct admin_client *c)
{
	struct admin *a = c->admin;
	struct resolve_answer answer;

	if (!a->resolver)
		a->resolver = resolver_new(a->source.loop, a->source.config,
					   &a->metrics);
	if (!a->resolver) {
		admin_close(c);
		return;
	}
	resolver_tick(a->resolver);
	if (resolve_cached(a->resolver, c->target.host, &answer)) {
		admin_resolved_cb(c, &answer);
		return;
	}
	c->waiting = true;
	c->query = resolve_start(a->resolver, c->target.host, true,
				 admin_resolved_cb, c);
	if (!c->query)
		admin_close(c);
}

void admin_check(struct admin_client *c, const char *query, size_t len)
{
	struct sbuf where = {0};
	bool good =
		admin_parameter(query, len, "target", &where) &&
		where.len > 0 &&
		target_parse(&c->target, where.data, where.len, 0) == TARGET_OK;

	sbuf_free(&where);
	if (!good) {
		admin_say(c, "400 Bad Request",
			  "use /check?target=HOST:PORT\n");
		return;
	}
	policy_unref(c->policy);
	c->policy = policy_ref(reload_policy(c->admin->source.reload));
	c->rule = policy_judge(c->policy, &c->target, base_wall_ms());
	c->monitored = !c->rule &&
		       policy_options_of(c->policy)->mode == POLICY_MONITOR;
	if (!c->rule && !c->monitored)
		admin_check_answer(c, REASON_POLICY, NULL, 0);
	else if (c->rule && conn_budget_is_spent(c->rule))
		admin_check_answer(c, REASON_BUDGET, NULL, 0);
	else if (c->target.literal)
		admin_check_answer(c, REASON_NONE, &c->target.addr, 1);
	else if (conn_reach_by_name(c->admin->source.config, &c->target))
		admin_check_answer(c, REASON_NONE, NULL, 0);
	else
		admin_check_resolve(c);
}
