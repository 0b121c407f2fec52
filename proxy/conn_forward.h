/* SPDX-License-Identifier: MIT */
/* conn_forward.h - shared by conn_forward.c, conn_request.c, conn_response.c */
#ifndef PEN_CONN_FORWARD_H
#define PEN_CONN_FORWARD_H

#include "conn.h"

#define FORWARD_METHOD_MAX 31

/**
 * struct conn_forward - The request under way
 * @request:  its head as the origin gets it; owned
 * @parsed:   @request parsed, where that is still known; borrowed, set within
 *            conn_forward_request() alone
 * @head:     bytes of the response's head so far; owned
 * @target, @addr: where c->origin is connected to
 * @reused:   the origin's connection has served before
 */
struct conn_forward {
	struct sbuf request;
	const struct http1_request *parsed;
	char *head;
	size_t head_len, head_cap, scanned;
	struct http1_chunks up_chunks, down_chunks;
	struct target target;
	struct addr addr;
	uint64_t content_length;
	enum http1_body body;
	int status;
	unsigned int interims;
	uint8_t minor;
	bool keep_client, keep_origin, upgrade, answered, reused, until_close;
	char method[FORWARD_METHOD_MAX + 1];
};

/* ---- conn_forward.c ---- */

/** conn_forward_fields() - Write the fields that go end to end, but for a
 *  request's Host, and Via */
void conn_forward_fields(struct sbuf *out, struct http1_span fields,
			 const struct http1_options *options, bool is_request);
/** conn_forward_fail() - End the request for @reason, told to the client as far
 *  as it can be: before it has had a byte of an answer by a status, afterwards
 *  by an end that does not look complete; may close @c */
void conn_forward_fail(struct conn *c, enum reason reason, const char *details);
/** conn_forward_retry() - Send the request once more over a new connection, if
 *  the kept one was closed and nothing is lost by it; whether that was done */
bool conn_forward_retry(struct conn *c);

/* ---- conn_request.c ---- */

/** conn_request_compose() - Write the head that the origin gets, from the
 *  request's own; 0 or -1 */
int conn_request_compose(struct conn *c, struct sbuf *out);
/** conn_request_early_body() - Write what came with the head and belongs to its
 *  body, and set @c->up to what is still to come; 0 or -1 */
int conn_request_early_body(struct conn *c, struct sbuf *out);

/* ---- conn_response.c ---- */

/** conn_response_await() - Read and judge what the origin answers, up to the
 *  end of the head; may close @c */
void conn_response_await(struct conn *c);

#endif
