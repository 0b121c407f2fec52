/* SPDX-License-Identifier: MIT */
/* clients.c - how many connections each client has (max-connections-per-client)
 */
#include "clients.h"

#include <pthread.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->hash_failed = true)
#include <uthash.h>

struct client {
	UT_hash_handle hh;
	struct addr addr;
	unsigned int count;
	bool hash_failed;
};

struct clients {
	pthread_mutex_t lock;
	struct client *table;
	unsigned int max;
};

struct clients *clients_new(unsigned int max)
{
	struct clients *t = calloc(1, sizeof(*t));

	if (t && pthread_mutex_init(&t->lock, NULL) != 0) {
		free(t);
		return NULL;
	}
	if (t)
		t->max = max;
	return t;
}

void clients_free(struct clients *t)
{
	struct client *c, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->table, c, next) {
		HASH_DEL(t->table, c);
		free(c);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Out of memory counts as over the limit. */
static struct client *clients_add(struct clients *t, const struct addr *a)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->addr = *a;
	HASH_ADD(hh, t->table, addr, sizeof(c->addr), c);
	if (!c->hash_failed)
		return c;
	free(c);
	return NULL;
}

bool clients_take(struct clients *t, const struct addr *a)
{
	struct client *c;
	bool taken;

	if (!t->max)
		return true;
	pthread_mutex_lock(&t->lock);
	HASH_FIND(hh, t->table, a, sizeof(*a), c);
	if (!c)
		c = clients_add(t, a);
	taken = c && c->count < t->max;
	if (taken)
		c->count++;
	pthread_mutex_unlock(&t->lock);
	return taken;
}

void clients_give(struct clients *t, const struct addr *a)
{
	struct client *c;

	if (!t->max)
		return;
	pthread_mutex_lock(&t->lock);
	HASH_FIND(hh, t->table, a, sizeof(*a), c);
	if (c && --c->count == 0) {
		HASH_DEL(t->table, c);
		free(c);
	}
	pthread_mutex_unlock(&t->lock);
}
