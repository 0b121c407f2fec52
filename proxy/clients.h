/* SPDX-License-Identifier: MIT */
/* clients.h - how many connections each client has (max-connections-per-client)
 */
#ifndef PEN_CLIENTS_H
#define PEN_CLIENTS_H

#include <stdbool.h>

#include "addr.h"

struct clients;

/** clients_new() - A table for all workers; NULL if memory ran out
 *  @max: connections that one address may have; 0: no limit, nothing is kept */
struct clients *clients_new(unsigned int max);
void clients_free(struct clients *t);
/** clients_take() - Count one more; false if @a has its share already (then it
 *  is not counted).  From any thread. */
bool clients_take(struct clients *t, const struct addr *a);
/** clients_give() - Count one less: for each clients_take() that gave true */
void clients_give(struct clients *t, const struct addr *a);

#endif
