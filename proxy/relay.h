/* SPDX-License-Identifier: MIT */
/* relay.h - moves bytes from one socket to another, one direction at a time */
#ifndef PEN_RELAY_H
#define PEN_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http1.h"
#include "loop.h"

struct relay_pipe;

/* One read of copied bytes; also the most that a direction ever holds back. */
#define RELAY_CHUNK 65536

/**
 * struct relay_pool - What the flows of a worker share
 * @scratch: RELAY_CHUNK bytes for what is on its way, empty between calls; on
 *           its own, so that the system gives it page by page as it is used
 * @pipes:   empty pipes for splice(2); owned; @pipe_count of them
 * @no_pipe_ms: until then no new pipe is asked for, as the last could not be
 *           had; 0: it could
 */
struct relay_pool {
	struct relay_pipe *pipes;
	size_t pipe_count;
	uint64_t no_pipe_ms;
	char *scratch;
};

/** relay_pool_init() - Return: 0 or -ENOMEM */
int relay_pool_init(struct relay_pool *p);
void relay_pool_fini(struct relay_pool *p);

enum relay_status {
	RELAY_WAIT,       /* goes on with the next edge of either socket */
	RELAY_AGAIN,      /* has used its share of this turn: call again in the
			     next one */
	RELAY_DONE,       /* everything up to the end was passed on */
	RELAY_LIMIT,      /* more bytes came than @left allows */
	RELAY_FROM_RESET, /* the sender's connection broke */
	RELAY_TO_RESET,   /* the receiver's connection broke */
	RELAY_CUT,        /* the stream ended inside a body */
	RELAY_BAD,        /* a malformed chunked body */
	RELAY_OOM,
};

/**
 * struct relay_flow - One direction
 *
 * All zero is a flow without sockets.  Set by the user:
 * @from, @to: borrowed
 * @left:    bytes that may still be read: a budget; UINT64_MAX for no limit
 * @want:    bytes until the end of the body; UINT64_MAX: until the end of the
 *           stream
 * @chunks:  follows a chunked body (then @want is UINT64_MAX); borrowed or NULL
 * @unchunk: pass on the data of @chunks alone
 * @half_close: pass the end of the stream on (shutdown(2))
 *
 * Kept by relay.c:
 * @bytes:   payload bytes passed on so far (of a chunked body: its data alone)
 * @held, @held_off, @held_len: bytes that were read and not yet written; owned
 * @rest, @rest_len: bytes that were read behind the end of a chunked body;
 *                   owned
 * @pipe, @piped: bytes under way through splice(2); owned
 * @bulk:    how many full reads came in a row
 */
struct relay_flow {
	struct io *from, *to;
	uint64_t left, want, bytes;
	struct http1_chunks *chunks;
	char *held, *rest;
	struct relay_pipe *pipe;
	size_t held_off, held_len, rest_len, piped;
	uint8_t bulk;
	bool unchunk, half_close, ended, done;
};

/**
 * relay_hold() - Put bytes in front of what will be read
 * @data: @len bytes, copied; for a new flow only (nothing held yet).  They are
 *        written as they are: neither counted nor limited nor followed.
 *
 * Return: 0, or -ENOMEM.
 */
int relay_hold(struct relay_flow *f, const char *data, size_t len);
/** relay_hold_take() - The same without a copy
 *  @data: from malloc(); owned by @f from here on; @len is not 0 */
void relay_hold_take(struct relay_flow *f, char *data, size_t len);
/**
 * relay_push() - Pass on payload that was read before the flow began
 * @data: @len bytes; with nothing held yet
 *
 * Counted like what relay_pump() reads; all or, over the budget, nothing.
 *
 * Return: RELAY_AGAIN or RELAY_WAIT (some of it is held), RELAY_LIMIT,
 * RELAY_TO_RESET, RELAY_OOM.
 */
enum relay_status relay_push(struct relay_flow *f, const char *data,
			     size_t len);
/**
 * relay_pump() - Move what can be moved now
 *
 * Reads only what it could write before, so that a receiver that stops costs
 * at most RELAY_CHUNK bytes or one pipe.
 */
enum relay_status relay_pump(struct relay_flow *f, struct relay_pool *p);
/** relay_waiting() - Bytes that were read and not yet written */
size_t relay_waiting(const struct relay_flow *f);
/** relay_fini() - Free what the flow holds; the sockets stay as they are */
void relay_fini(struct relay_flow *f, struct relay_pool *p);

#endif
