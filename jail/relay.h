/* SPDX-License-Identifier: MIT */
/* relay.h - carry bytes between a caller's descriptors and a sandbox's */
#ifndef PEN_JAIL_RELAY_H
#define PEN_JAIL_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

#define RELAY_BUFFER 65536

/**
 * struct relay - One direction of bytes
 * @loop:    borrowed
 * @from:    read here; -1 once at its end.  Owned if @own_from.
 * @to:      written here; -1 once closed.  Owned if @own_to.
 * @chunk:   most bytes of one write that do not block when poll() says ready
 * @count:   bytes that were read
 * @data:    bytes that are still to be written, from @start, @len of them
 */
struct relay {
	struct loop *loop;
	int from;
	int to;
	bool own_from;
	bool own_to;
	size_t chunk;
	uint64_t count;
	size_t start;
	size_t len;
	char data[RELAY_BUFFER];
};

/**
 * relay_start() - Begin to carry
 * @relay:    its storage stays where it is until relay_stop()
 * @loop:     calls back
 * @from:     read end
 * @own_from: close @from at its end or when nobody reads @to any more
 * @to:       write end
 * @own_to:   close @to when everything was written: the reader sees the end
 *
 * Descriptors that are not owned stay blocking and unchanged: other
 * processes share them.
 *
 * Return: 0, or -1 if the loop is full.
 */
int relay_start(struct relay *relay, struct loop *loop, int from, bool own_from,
		int to, bool own_to);

/**
 * relay_drain() - Carry what is there already, waiting for the reader only
 * @relay:  started, or zeroed and then ignored
 * @to_end: wait for the end of @from, too; else stop when it is empty
 */
void relay_drain(struct relay *relay, bool to_end);

/**
 * relay_stop() - Let go; what was not written is dropped
 * @relay: started, or zeroed and then ignored
 */
void relay_stop(struct relay *relay);

#endif /* PEN_JAIL_RELAY_H */
