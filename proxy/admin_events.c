/* SPDX-License-Identifier: MIT */
/* admin_events.c - /events: the log as a stream */
#include "admin_priv.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define ADMIN_EVENTS_MAX 1048576 /* bytes a slow reader of events may owe */

struct admin_event {
	struct mail mail; /* first */
	struct admin *admin;
	size_t len;
	char line[];
};

static void admin_event_send(struct admin_client *c, const char *line,
			     size_t len)
{
	if (c->denials_only && !strstr(line, "\"verdict\":\"deny\""))
		return;
	/* A reader that never quite catches up must not cost more and more. */
	if (c->sent > ADMIN_EVENTS_MAX / 4) {
		c->out.len -= c->sent;
		memmove(c->out.data, c->out.data + c->sent, c->out.len);
		c->sent = 0;
	}
	sbuf_printf(&c->out, "%zx\r\n", len + 1);
	sbuf_add(&c->out, line, len);
	sbuf_puts(&c->out, "\n\r\n");
	if (c->out.len - c->sent > ADMIN_EVENTS_MAX)
		admin_close(c);
	else
		admin_flush(c);
}

static void admin_event_cb(struct mail *mail, void *arg)
{
	struct admin_event *e = (struct admin_event *)mail;
	struct admin_client *c, *next;

	(void)arg;
	for (c = e->admin->clients; c; c = next) {
		next = c->next;
		if (c->events)
			admin_event_send(c, e->line, e->len);
	}
	free(e);
}

/* In whichever thread logs. */
static void admin_tap_cb(void *arg, enum log_level level, const char *line,
			 size_t len)
{
	struct admin_event *e;

	if (level == LEVEL_DEBUG)
		return;
	e = malloc(sizeof(*e) + len + 1);
	if (!e)
		return;
	e->mail.cb = admin_event_cb;
	e->admin = arg;
	e->len = len;
	memcpy(e->line, line, len);
	e->line[len] = '\0';
	loop_post(e->admin->source.loop, &e->mail);
}

void admin_tap(struct admin *a)
{
	log_tap(a->event_count ? admin_tap_cb : NULL, a);
}

void admin_events(struct admin_client *c, const char *query, size_t len)
{
	struct sbuf verdict = {0};

	if (admin_parameter(query, len, "verdict", &verdict))
		c->denials_only = verdict.len == 4 &&
				  memcmp(verdict.data, "deny", 4) == 0;
	sbuf_free(&verdict);
	if (len && !c->denials_only) {
		admin_say(c, "400 Bad Request",
			  "use /events or /events?verdict=deny\n");
		return;
	}
	c->events = true;
	event_del(&c->timer);
	sbuf_puts(&c->out, "HTTP/1.1 200 OK\r\nContent-Type: "
			   "application/x-ndjson\r\nTransfer-Encoding: "
			   "chunked\r\nCache-Control: no-store\r\n\r\n");
	c->admin->event_count++;
	admin_tap(c->admin);
	admin_flush(c);
}
