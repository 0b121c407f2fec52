/* SPDX-License-Identifier: MIT */
/* admin_priv.h - shared by the admin*.c files alone */
#ifndef PEN_ADMIN_PRIV_H
#define PEN_ADMIN_PRIV_H

#include "admin.h"
#include "resolve.h"

#define ADMIN_HEAD_MAX 8192

struct admin_listener;

/**
 * struct admin_client - One request and its answer
 * @waiting: something else (a worker, the resolver) has to speak first
 * @monitored: no rule allows @target, and mode=monitor lets it pass
 * @gone:    closed while waiting: freed when that has spoken
 */
struct admin_client {
	struct admin_client *next, **prev;
	struct admin *admin;
	struct io *io;
	struct event timer;
	struct sbuf out;
	size_t sent, head_len, scanned;
	size_t lists_due;
	struct sbuf list;
	struct target target;
	const struct rule *rule;
	struct policy *policy;
	struct resolve_query *query;
	bool waiting, gone, monitored, events, denials_only, head_only;
	char head[ADMIN_HEAD_MAX];
};

struct admin {
	struct admin_source source;
	struct resolver *resolver;
	struct metrics metrics; /* of its own resolver */
	struct admin_listener *listeners;
	struct admin_client *clients;
	size_t client_count, event_count;
};

/* ---- admin.c ---- */

/** admin_close() - End a client; freed at once unless a worker has to speak */
void admin_close(struct admin_client *c);
/** admin_client_free() - Free a closed client that nobody will speak to */
void admin_client_free(struct admin_client *c);
/** admin_flush() - Write what is there; may close @c */
void admin_flush(struct admin_client *c);
/** admin_respond() - Answer; may close @c */
void admin_respond(struct admin_client *c, const char *status, const char *type,
		   const struct sbuf *body);
/** admin_say() - Answer with a line of text; may close @c */
void admin_say(struct admin_client *c, const char *status, const char *text);

/**
 * admin_parameter() - Find a parameter in the query of a request
 * @value: gets its value, decoded; empty at first, to be freed in any case
 *
 * Return: whether it is there, and well-formed.
 */
bool admin_parameter(const char *query, size_t len, const char *key,
		     struct sbuf *value);

/* ---- admin_report.c ---- */

/** admin_text() - Add "key":"value", or "key":null */
void admin_text(struct sbuf *out, const char *key, const char *value);
/** admin_metrics(), admin_policy(), admin_connections() - Answer; may close @c
 */
void admin_metrics(struct admin_client *c);
void admin_policy(struct admin_client *c);
void admin_connections(struct admin_client *c);

/* ---- admin_check.c ---- */

/** admin_check() - Answer /check?@query; may close @c */
void admin_check(struct admin_client *c, const char *query, size_t len);

/* ---- admin_events.c ---- */

/** admin_events() - Begin a stream of what is logged; may close @c */
void admin_events(struct admin_client *c, const char *query, size_t len);
/** admin_tap() - Have the log handed over while anybody reads it */
void admin_tap(struct admin *a);

#endif
