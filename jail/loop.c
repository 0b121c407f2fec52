/* SPDX-License-Identifier: MIT */
/* loop.c - wait for descriptors, call back */
#include "loop.h"

static struct loop_source *loop_find(struct loop *loop, int fd)
{
	size_t i;

	for (i = 0; i < loop->count; i++)
		if (loop->sources[i].fd == fd)
			return &loop->sources[i];
	return NULL;
}

int loop_watch(struct loop *loop, int fd, short events,
	       void (*cb)(void *arg, short revents), void *arg)
{
	struct loop_source *source = loop_find(loop, fd);

	if (!source) {
		if (loop->count == LOOP_MAX)
			return -1;
		source = &loop->sources[loop->count++];
	}
	source->fd = fd;
	source->events = events;
	source->cb = cb;
	source->arg = arg;
	return 0;
}

void loop_forget(struct loop *loop, int fd)
{
	struct loop_source *source = loop_find(loop, fd);

	if (source)
		*source = loop->sources[--loop->count];
}

void loop_turn(struct loop *loop, int timeout_ms)
{
	struct pollfd wait[LOOP_MAX];
	size_t count = loop->count;
	size_t i;

	for (i = 0; i < count; i++) {
		wait[i].fd = loop->sources[i].fd;
		wait[i].events = loop->sources[i].events;
		wait[i].revents = 0;
	}
	if (poll(wait, count, timeout_ms) <= 0)
		return;
	for (i = 0; i < count; i++) {
		struct loop_source *source;

		if (!wait[i].revents)
			continue;
		/*
		 * An earlier callback may have removed it.  One that reuses
		 * the number in the same turn gets an event too many; every
		 * callback reads without blocking.
		 */
		source = loop_find(loop, wait[i].fd);
		if (source)
			source->cb(source->arg, wait[i].revents);
	}
}
