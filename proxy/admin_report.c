/* SPDX-License-Identifier: MIT */
/* admin_report.c - /metrics, /policy and /connections */
#include "admin_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "log.h"

void admin_metrics(struct admin_client *c)
{
	const struct admin_source *s = &c->admin->source;
	struct metrics **all = calloc(s->worker_count, sizeof(*all));
	struct metrics_extra extra = {
		.rules = policy_rule_count(reload_policy(s->reload)),
		.log_dropped = log_dropped(),
		.audit_lost = audit_lost(),
		.start_time = s->start_time,
	};
	struct sbuf body = {0};

	if (!all) {
		admin_close(c);
		return;
	}
	reload_results(s->reload, &extra.reloads_ok, &extra.reloads_failed);
	for (size_t i = 0; i < s->worker_count; i++)
		all[i] = &s->workers[i].metrics;
	metrics_write(&body, all, s->worker_count, &extra);
	free(all);
	admin_respond(c, "200 OK", "text/plain; version=0.0.4", &body);
	sbuf_free(&body);
}

void admin_text(struct sbuf *out, const char *key, const char *value)
{
	sbuf_printf(out, "\"%s\":", key);
	if (value)
		sbuf_json(out, value, strlen(value));
	else
		sbuf_puts(out, "null");
}

static void admin_time(struct sbuf *out, const char *key, int64_t wall_ms)
{
	char text[BASE_TIME_LEN + 1];

	if (wall_ms)
		base_format_time(wall_ms, text);
	admin_text(out, key, wall_ms ? text : NULL);
}

static void admin_rule(struct sbuf *out, const struct rule *r)
{
	char where[POLICY_WHERE_MAX];

	policy_where(r, where);
	sbuf_puts(out, "{");
	admin_text(out, "rule", where);
	sbuf_puts(out, ",");
	admin_text(out, "text", r->text);
	sbuf_printf(out, ",\"hits\":%" PRIu64 ",",
		    atomic_load(&r->usage->hits));
	admin_time(out, "last_used",
		   (int64_t)atomic_load(&r->usage->last_used));
	sbuf_printf(out,
		    ",\"bytes_up\":%" PRIu64 ",\"bytes_down\":%" PRIu64 ",",
		    atomic_load(&r->usage->bytes_up),
		    atomic_load(&r->usage->bytes_down));
	admin_time(out, "until", r->until);
	sbuf_puts(out, ",");
	admin_text(out, "why", r->why);
	sbuf_puts(out, "}");
}

void admin_policy(struct admin_client *c)
{
	const struct reload *reload = c->admin->source.reload;
	const struct policy *p = reload_policy(reload);
	struct sbuf body = {0};

	sbuf_printf(&body, "{\"generation\":%" PRIu64 ",\"rules\":[",
		    reload_generation(reload));
	for (size_t i = 0; i < policy_rule_count(p); i++) {
		if (i)
			sbuf_puts(&body, ",");
		admin_rule(&body, policy_rule(p, i));
	}
	sbuf_puts(&body, "]}\n");
	admin_respond(c, "200 OK", "application/json", &body);
	sbuf_free(&body);
}

/* ---- /connections: every worker's part, in the order of their coming ---- */

struct admin_part {
	struct mail mail;  /* first */
	struct loop *loop; /* the admin's; outlives the admin itself */
	struct admin_client *client;
	struct sbuf json;
};

static void admin_part_cb(struct mail *mail, void *arg)
{
	struct admin_part *part = (struct admin_part *)mail;
	struct admin_client *c = part->client;
	struct sbuf body = {0};

	(void)arg;
	sbuf_add(&c->list, part->json.data, part->json.len);
	if (part->json.oom)
		c->list.oom = true;
	sbuf_free(&part->json);
	free(part);
	if (--c->lists_due)
		return;
	if (c->gone) {
		admin_client_free(c);
		return;
	}
	sbuf_puts(&body, "[");
	if (c->list.len) /* less the first comma */
		sbuf_add(&body, c->list.data + 1, c->list.len - 1);
	sbuf_puts(&body, "]\n");
	body.oom |= c->list.oom;
	admin_respond(c, "200 OK", "application/json", &body);
	sbuf_free(&body);
}

/* In the worker's thread: send its part home. */
static void admin_list_cb(void *arg, struct sbuf *json)
{
	struct admin_part *part = arg;

	part->json = *json;
	loop_post(part->loop, &part->mail);
}

void admin_connections(struct admin_client *c)
{
	const struct admin_source *s = &c->admin->source;

	c->waiting = true;
	for (size_t i = 0; i < s->worker_count; i++) {
		struct admin_part *part = calloc(1, sizeof(*part));

		if (part) {
			part->mail.cb = admin_part_cb;
			part->loop = s->loop;
			part->client = c;
			c->lists_due++;
		}
		if (part &&
		    worker_list(&s->workers[i], admin_list_cb, part) < 0) {
			c->lists_due--;
			free(part);
		}
	}
	if (!c->lists_due)
		admin_say(c, "500 Internal Server Error", "out of memory\n");
}
