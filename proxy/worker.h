/* SPDX-License-Identifier: MIT */
/* worker.h - one event loop with its resolver and its connections */
#ifndef PEN_WORKER_H
#define PEN_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "conn.h"
#include "dnsserve.h"
#include "loop.h"
#include "metrics.h"
#include "names.h"
#include "policy.h"
#include "relay.h"

/**
 * struct worker_shared - What all workers have in common; borrowed
 * @names:   NULL without a DNS listener
 * @total:   clients of all workers
 * @control: loop of the control thread, on which policies that are no longer
 *           in force are freed, and @ended is called when a worker's thread is
 *           about to end
 */
struct worker_shared {
	const struct config *config;
	struct names *names;
	struct clients *clients;
	_Atomic unsigned int total;
	uint64_t id_base;
	struct loop *control;
	void (*ended)(void *arg);
	void *ended_arg;
};

struct worker;

/**
 * struct worker_listener - A socket that every worker accepts from
 * @fd:    borrowed
 * @turn:  of the loop, when it was last ready
 * @burst: how many clients were then taken at most
 */
struct worker_listener {
	struct worker *worker;
	struct event ev;
	uint64_t turn;
	int fd, burst;
	bool transparent, on;
};

/**
 * struct worker - A thread and everything in it; its own thread's alone but for
 * @metrics (read by anybody) and @loop's mailbox
 */
struct worker {
	struct loop loop;
	struct conn_env env;
	struct relay_pool pool;
	struct metrics metrics;
	struct worker_shared *shared;
	struct worker_listener *listeners;
	size_t listener_count;
	struct dnsserve *dns;
	struct event tick, resume;
	pthread_t thread;
	struct mail ended;
	bool started, draining, paused;
	uint64_t drain_deadline_ms;
};

/**
 * worker_init() - Make a worker, not yet running
 * @number: 0.. of @shared's workers; worker 0 alone serves DNS
 * @policy: a reference of its own is taken
 *
 * Return: 0 or a negative errno, with nothing to free.
 */
int worker_init(struct worker *w, struct worker_shared *shared,
		unsigned int number, struct policy *policy);
/** worker_listen() - Accept from a listening socket; before worker_start().
 *  @fd: non-blocking, borrowed */
int worker_listen(struct worker *w, int fd, bool transparent);
/** worker_serve_dns() - Answer on a DNS socket; before worker_start().
 *  @fd: non-blocking, borrowed; a datagram or a listening stream socket */
int worker_serve_dns(struct worker *w, int fd);
/** worker_start() - Run its loop in a thread; 0 or a negative errno */
int worker_start(struct worker *w);
/** worker_join() - Wait for its thread to end */
void worker_join(struct worker *w);
/** worker_fini() - Free it; its thread has ended or was never started */
void worker_fini(struct worker *w);

/**
 * worker_set_policy() - Put a snapshot in force, from any thread
 * @policy: a reference is taken
 * @cb:     called in the control thread when it is in force in this worker
 *
 * Return: 0, or -ENOMEM: then @cb is not called.
 */
int worker_set_policy(struct worker *w, struct policy *policy,
		      void (*cb)(void *arg), void *arg);
/** worker_drain() - Accept no more, end what is idle, cut the rest after
 *  drain-timeout, then end the thread; from any thread */
int worker_drain(struct worker *w);
/** worker_stop() - End the thread now, cutting everything; from any thread */
int worker_stop(struct worker *w);

/**
 * worker_list() - Have the live connections written as JSON objects
 * @cb:  called in the worker's thread with ",{...},{...}" (a comma before each,
 *       "" for none), owned by the callback
 *
 * Return: 0, or -ENOMEM: then @cb is not called.
 */
int worker_list(struct worker *w, void (*cb)(void *arg, struct sbuf *json),
		void *arg);

#endif
