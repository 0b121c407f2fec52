/* SPDX-License-Identifier: MIT */
/* admin.h - the admin endpoints: metrics, live lists, checks, events */
#ifndef PEN_ADMIN_H
#define PEN_ADMIN_H

#include "loop.h"
#include "reload.h"
#include "worker.h"

struct admin;

/**
 * struct admin_source - What there is to tell about; borrowed
 * @loop: the control thread's, on which everything here runs
 */
struct admin_source {
	struct loop *loop;
	const struct config *config;
	const struct reload *reload;
	struct worker *workers;
	size_t worker_count;
	double start_time; /* seconds since the epoch */
};

/** admin_new() - Make the endpoints; NULL if memory ran out */
struct admin *admin_new(const struct admin_source *source);
/** admin_listen() - Serve a listening socket; @fd borrowed; 0 or -errno */
int admin_listen(struct admin *a, int fd);
/** admin_shut() - Accept no more; who is there is still answered */
void admin_shut(struct admin *a);
/** admin_free() - NULL is fine; no worker runs any more */
void admin_free(struct admin *a);

#endif
