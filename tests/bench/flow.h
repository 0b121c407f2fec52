/* SPDX-License-Identifier: MIT */
/* flow.h - one connection of the load generator */

#ifndef PEN_BENCH_FLOW_H
#define PEN_BENCH_FLOW_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/hist.h"

/**
 * struct plan - what every connection of a run does
 * @at:        where to connect
 * @open:      head that opens a tunnel (CONNECT), NULL for none
 * @open_len:  its length
 * @first:     first request on a connection
 * @first_len: its length
 * @next:      every later one
 * @next_len:  its length
 * @upload:    body bytes behind each request
 * @echo:      if not 0 the answer is that many bytes, else it is HTTP
 * @greeting:  the same of the first answer
 * @turns:     exchanges of @next behind the first one, before it is done
 * @keep:      whether a connection carries request after request
 * @refused:   whether the tunnel must be refused
 * @refusal:   status that a refusal has, such as "403"; NULL if it is an end
 *             of the stream, or a reset
 * @hold:      whether a connection is left alone once it is open
 * @use:       whether one that is held is used for one request before that
 * @until:     when no request is begun any more (net_now())
 * @count:     how many requests are begun at most; 0 for no limit
 */
struct plan {
	struct sockaddr_in at;
	const char *open;
	size_t open_len;
	const char *first;
	size_t first_len;
	const char *next;
	size_t next_len;
	uint64_t upload;
	uint64_t echo;
	uint64_t greeting;
	uint64_t turns;
	bool keep;
	bool refused;
	const char *refusal;
	bool hold;
	bool use;
	uint64_t until;
	uint64_t count;
};

/**
 * struct tally - what came of it
 * @begun:   requests begun
 * @done:    requests answered as they should be
 * @errors:  requests, or held connections, that failed
 * @opened:  connections made
 * @held:    connections that are held now
 * @live:    connections that are not over yet
 * @bytes:   body bytes of the answers, and of what was sent
 * @latency: of the requests
 */
struct tally {
	uint64_t begun;
	uint64_t done;
	uint64_t errors;
	uint64_t opened;
	uint64_t held;
	uint64_t live;
	uint64_t bytes;
	struct hist latency;
};

struct flow;

/**
 * flow_begin() - Begin connections; once in the life of the program
 * @plan:  what they do; borrowed
 * @tally: where they are counted; borrowed
 * @epoll: reports their events, with the flow as data.ptr
 * @count: how many
 *
 * A flow begins anew by itself as long as the plan wants more requests; then
 * @tally->live falls by one.
 */
void flow_begin(const struct plan *plan, struct tally *tally, int epoll,
		size_t count);

/**
 * flow_event() - Go on after an event
 * @f:      the flow
 * @events: what epoll said
 */
void flow_event(struct flow *f, uint32_t events);

#endif /* PEN_BENCH_FLOW_H */
