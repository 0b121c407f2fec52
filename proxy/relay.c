/* SPDX-License-Identifier: MIT */
/* relay.c - moves bytes from one socket to another, one direction at a time
 *
 * Theory of operation
 *
 * Bytes are read into the worker's scratch buffer and written at once; only
 * what does not fit is copied into memory of the flow's own, and nothing more
 * is read until that is gone.  So a tunnel that waits holds no buffer.
 *
 * A flow whose reads are full twice in a row is bulk: where there is splice(2)
 * its bytes go through a pipe of the worker's pool without being copied.  The
 * pipe is emptied before it is filled again and goes back to the pool when it
 * is empty, so a tunnel that waits holds no pipe, either, unless its receiver
 * is what it waits for.  Where no pipe of a useful size is to be had, bytes are
 * copied, and a second later a pipe is asked for again.
 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base.h"

#define RELAY_FULL (RELAY_CHUNK / 2) /* a read from which on bulk begins */
#define RELAY_BULK 2                 /* so many full reads in a row */
#define RELAY_SMALL 4096             /* a splice below which bulk has ended */
#define RELAY_TURN 1048576           /* bytes a flow moves before others do */
#define RELAY_STEPS 64               /* nor so often, whatever the bytes are */
/* What a user may have of pipes without privilege is limited (64 MiB by
 * pipe-user-pages-soft), and other programs of the user's need some, too: so
 * many large ones for all workers together.  Over the limit a pipe cannot be
 * made larger, and a new one has two pages: splicing by those takes more calls
 * than copying does. */
#define RELAY_PIPE_LARGE 1048576
#define RELAY_PIPES_LARGE 8
#define RELAY_PIPE_SMALL 262144
#define RELAY_PIPE_LEAST 65536
#define RELAY_PIPES_KEPT 16
#define RELAY_NO_PIPE_MS 1000 /* after a failure none is asked for so long */

static atomic_size_t relay_large; /* large pipes, empty or in use */

struct relay_pipe {
	struct relay_pipe *next;
	int read_fd, write_fd;
	bool large;
};

int relay_pool_init(struct relay_pool *p)
{
	*p = (struct relay_pool){.scratch = malloc(RELAY_CHUNK)};
	return p->scratch ? 0 : -ENOMEM;
}

static void relay_pipe_close(struct relay_pipe *pipe)
{
	if (pipe->large)
		atomic_fetch_sub_explicit(&relay_large, 1,
					  memory_order_relaxed);
	close(pipe->read_fd);
	close(pipe->write_fd);
	free(pipe);
}

void relay_pool_fini(struct relay_pool *p)
{
	while (p->pipes) {
		struct relay_pipe *pipe = p->pipes;

		p->pipes = pipe->next;
		relay_pipe_close(pipe);
	}
	free(p->scratch);
}

static void relay_pipe_put(struct relay_pool *p, struct relay_pipe *pipe)
{
	if (p->pipe_count == RELAY_PIPES_KEPT) {
		relay_pipe_close(pipe);
		return;
	}
	pipe->next = p->pipes;
	p->pipes = pipe;
	p->pipe_count++;
}

int relay_hold(struct relay_flow *f, const char *data, size_t len)
{
	if (!len)
		return 0;
	f->held = malloc(len);
	if (!f->held)
		return -ENOMEM;
	memcpy(f->held, data, len);
	f->held_off = 0;
	f->held_len = len;
	return 0;
}

void relay_hold_take(struct relay_flow *f, char *data, size_t len)
{
	f->held = data;
	f->held_off = 0;
	f->held_len = len;
}

size_t relay_waiting(const struct relay_flow *f)
{
	return f->held_len - f->held_off + f->piped;
}

void relay_fini(struct relay_flow *f, struct relay_pool *p)
{
	free(f->held);
	free(f->rest);
	f->held = f->rest = NULL;
	f->held_len = f->rest_len = 0;
	if (!f->pipe)
		return;
	if (f->piped)
		relay_pipe_close(f->pipe);
	else
		relay_pipe_put(p, f->pipe);
	f->pipe = NULL;
	f->piped = 0;
}

#ifdef __linux__
/* Return: the size that the pipe has got, or a negative number. */
static int relay_pipe_enlarge(struct relay_pipe *pipe)
{
	int size;

	pipe->large = atomic_fetch_add_explicit(&relay_large, 1,
						memory_order_relaxed) <
		      RELAY_PIPES_LARGE;
	if (pipe->large) {
		size = fcntl(pipe->write_fd, F_SETPIPE_SZ, RELAY_PIPE_LARGE);
		if (size >= 0)
			return size;
		pipe->large = false;
	}
	atomic_fetch_sub_explicit(&relay_large, 1, memory_order_relaxed);
	size = fcntl(pipe->write_fd, F_SETPIPE_SZ, RELAY_PIPE_SMALL);
	return size >= 0 ? size : fcntl(pipe->write_fd, F_GETPIPE_SZ);
}

static struct relay_pipe *relay_pipe_new(void)
{
	struct relay_pipe *pipe = malloc(sizeof(*pipe));
	int fds[2];

	if (!pipe)
		return NULL;
	if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) < 0) {
		free(pipe);
		return NULL;
	}
	*pipe = (struct relay_pipe){.read_fd = fds[0], .write_fd = fds[1]};
	if (relay_pipe_enlarge(pipe) >= RELAY_PIPE_LEAST)
		return pipe;
	relay_pipe_close(pipe);
	return NULL;
}

/* An empty pipe, or NULL: there is none to be had now. */
static struct relay_pipe *relay_pipe_get(struct relay_pool *p)
{
	struct relay_pipe *pipe = p->pipes;

	if (pipe) {
		p->pipes = pipe->next;
		p->pipe_count--;
		return pipe;
	}
	if (p->no_pipe_ms && base_mono_ms() < p->no_pipe_ms)
		return NULL;
	pipe = relay_pipe_new();
	p->no_pipe_ms = pipe ? 0 : base_mono_ms() + RELAY_NO_PIPE_MS;
	return pipe;
}

static enum relay_status relay_splice_out(struct relay_flow *f,
					  struct relay_pool *p)
{
	struct relay_pipe *pipe = f->pipe;

	while (f->piped) {
		ssize_t n = splice(pipe->read_fd, NULL, f->to->fd, NULL,
				   f->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n <= 0) {
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0 && errno != EAGAIN)
				return RELAY_TO_RESET;
			io_wait_for_room(f->to);
			return RELAY_WAIT;
		}
		f->piped -= (size_t)n;
	}
	f->pipe = NULL;
	relay_pipe_put(p, pipe);
	return RELAY_AGAIN;
}

/* One pipe full.  Return: bytes read, 0 at the end of the stream, -EAGAIN, or
 * another negative errno; -ENOBUFS where there is no pipe now, -EOPNOTSUPP
 * where splicing is not to be had at all. */
static ssize_t relay_splice_in(struct relay_flow *f, struct relay_pool *p,
			       size_t cap)
{
	struct relay_pipe *pipe = relay_pipe_get(p);
	ssize_t n;

	if (!pipe)
		return -ENOBUFS;
	do
		n = splice(f->from->fd, NULL, pipe->write_fd, NULL, cap,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		f->pipe = pipe;
		f->piped = (size_t)n;
		return n;
	}
	if (n < 0)
		n = errno == EINVAL ? -EOPNOTSUPP : -errno;
	if (n == -EAGAIN)
		f->from->readable = false;
	relay_pipe_put(p, pipe);
	return n;
}
#else
static enum relay_status relay_splice_out(struct relay_flow *f,
					  struct relay_pool *p)
{
	(void)f;
	(void)p;
	return RELAY_AGAIN;
}

static ssize_t relay_splice_in(struct relay_flow *f, struct relay_pool *p,
			       size_t cap)
{
	(void)f;
	(void)p;
	(void)cap;
	return -EOPNOTSUPP;
}
#endif

/* RELAY_AGAIN: nothing is held any more. */
static enum relay_status relay_write_held(struct relay_flow *f)
{
	ssize_t n;

	if (!f->to->writable)
		return RELAY_WAIT;
	n = io_write(f->to, f->held + f->held_off, f->held_len - f->held_off);
	if (n < 0)
		return RELAY_TO_RESET;
	f->held_off += (size_t)n;
	if (f->held_off < f->held_len)
		return RELAY_WAIT;
	free(f->held);
	f->held = NULL;
	f->held_len = f->held_off = 0;
	return RELAY_AGAIN;
}

static enum relay_status relay_write(struct relay_flow *f, const char *data,
				     size_t len)
{
	ssize_t n = f->to->writable ? io_write(f->to, data, len) : 0;

	if (n < 0)
		return RELAY_TO_RESET;
	if ((size_t)n == len)
		return RELAY_AGAIN;
	if (relay_hold(f, data + n, len - (size_t)n) < 0)
		return RELAY_OOM;
	return RELAY_WAIT;
}

/* At the end of the body or of the stream, with nothing held. */
static enum relay_status relay_finish(struct relay_flow *f)
{
	if (f->half_close && !f->done)
		(void)shutdown(f->to->fd, SHUT_WR);
	f->done = true;
	return RELAY_DONE;
}

static enum relay_status relay_end(struct relay_flow *f)
{
	if (f->want != UINT64_MAX || f->chunks)
		return RELAY_CUT;
	f->ended = true;
	return relay_finish(f);
}

static enum relay_status relay_copy_chunked(struct relay_flow *f, char *data,
					    size_t len)
{
	uint64_t before = f->chunks->payload, payload;
	size_t used = 0, out = 0;
	enum relay_status status;
	enum http1_status s;

	if (f->unchunk)
		s = http1_chunks_decode(f->chunks, data, len, &used, &out);
	else
		s = http1_chunks_feed(f->chunks, data, len, &used);
	if (!f->unchunk)
		out = used;
	if (s == HTTP1_BAD)
		return RELAY_BAD;
	payload = f->chunks->payload - before;
	if (payload > f->left)
		return RELAY_LIMIT;
	f->bytes += payload;
	if (f->left != UINT64_MAX)
		f->left -= payload;
	status = relay_write(f, data, out);
	if (s != HTTP1_OK)
		return status;
	f->ended = true;
	if (used < len) {
		f->rest = malloc(len - used);
		if (!f->rest)
			return RELAY_OOM;
		memcpy(f->rest, data + used, len - used);
		f->rest_len = len - used;
	}
	return status == RELAY_AGAIN ? relay_finish(f) : status;
}

/* Bytes that were moved count against budget and body. */
static void relay_count(struct relay_flow *f, size_t n)
{
	f->bytes += n;
	if (f->left != UINT64_MAX)
		f->left -= n;
	if (f->want != UINT64_MAX) {
		f->want -= n;
		f->ended = f->want == 0;
	}
}

/* The budget is spent: is there one byte more, or was it just enough? */
static enum relay_status relay_over_budget(struct relay_flow *f)
{
	char byte;
	ssize_t n = recv(f->from->fd, &byte, 1, MSG_PEEK);

	if (n > 0)
		return RELAY_LIMIT;
	if (n == 0)
		return relay_end(f);
	if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		return RELAY_FROM_RESET;
	f->from->readable = false;
	return RELAY_WAIT;
}

static enum relay_status relay_step_copy(struct relay_flow *f,
					 struct relay_pool *p, size_t cap)
{
	ssize_t n = io_read(f->from, p->scratch, cap);

	if (n == -EAGAIN)
		return RELAY_WAIT;
	if (n < 0)
		return RELAY_FROM_RESET;
	if (n == 0)
		return relay_end(f);
	if (f->chunks)
		return relay_copy_chunked(f, p->scratch, (size_t)n);
	if (n < RELAY_FULL)
		f->bulk = f->bulk == UINT8_MAX ? UINT8_MAX : 0;
	else if (f->bulk < RELAY_BULK)
		f->bulk++;
	relay_count(f, (size_t)n);
	return relay_write(f, p->scratch, (size_t)n);
}

static enum relay_status relay_step_splice(struct relay_flow *f,
					   struct relay_pool *p, size_t cap)
{
	ssize_t n = relay_splice_in(f, p, cap);

	if (n == -EOPNOTSUPP)
		f->bulk = UINT8_MAX;
	if (n == -EOPNOTSUPP || n == -ENOBUFS)
		return relay_step_copy(f, p,
				       cap < RELAY_CHUNK ? cap : RELAY_CHUNK);
	if (n == -EAGAIN)
		return RELAY_WAIT;
	if (n < 0)
		return RELAY_FROM_RESET;
	if (n == 0)
		return relay_end(f);
	if (n < RELAY_SMALL)
		f->bulk = 0;
	relay_count(f, (size_t)n);
	return relay_splice_out(f, p);
}

/* One read and one write.  RELAY_AGAIN: there may be more at once. */
static enum relay_status relay_step(struct relay_flow *f, struct relay_pool *p)
{
	bool splicing = f->bulk == RELAY_BULK && !f->chunks;
	uint64_t cap = splicing ? RELAY_PIPE_LARGE : RELAY_CHUNK;

	if (f->held_len)
		return relay_write_held(f);
	if (f->piped)
		return f->to->writable ? relay_splice_out(f, p) : RELAY_WAIT;
	if (f->ended || !f->want)
		return relay_finish(f);
	if (!f->from->readable)
		return RELAY_WAIT;
	/* Behind the last of the payload of chunks there is more to come. */
	if (!f->left && !f->chunks)
		return relay_over_budget(f);
	if (cap > f->left && f->left)
		cap = f->left;
	if (cap > f->want)
		cap = f->want;
	return splicing ? relay_step_splice(f, p, (size_t)cap)
			: relay_step_copy(f, p, (size_t)cap);
}

enum relay_status relay_push(struct relay_flow *f, const char *data, size_t len)
{
	if (len > f->left)
		return RELAY_LIMIT;
	relay_count(f, len);
	return relay_write(f, data, len);
}

enum relay_status relay_pump(struct relay_flow *f, struct relay_pool *p)
{
	uint64_t start = f->bytes;
	enum relay_status s;
	int steps = 0;

	if (f->done)
		return RELAY_DONE;
	do
		s = relay_step(f, p);
	while (s == RELAY_AGAIN && f->bytes - start < RELAY_TURN &&
	       ++steps < RELAY_STEPS);
	return s;
}
