/* SPDX-License-Identifier: MIT */
/* names.c - addresses that stand for names, given out by the DNS listener */
#include "names.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elt) ((elt)->hash_failed = true)
#include <uthash.h>

/* RFC 2544 benchmark range: never a real host's, always refused as a
 * destination by the address guard. */
static const struct cidr names_v4 = {
	.base = {.family = 4, .bytes = {198, 18}},
	.bits = 15,
};

static const struct cidr names_v6 = {
	.base = {.family = 6, .bytes = {0xfd, 0x70, 0x65, 0x6e}},
	.bits = 64,
};

struct names_entry {
	UT_hash_handle hh;
	uint64_t used_ms;
	uint32_t place;
	bool hash_failed;
	char name[];
};

struct names {
	pthread_mutex_t lock;
	struct names_entry *by_name; /* in the order of their last use */
	struct names_entry *at[NAMES_MAX];
	uint32_t places; /* taken so far */
};

struct names *names_new(void)
{
	struct names *n = calloc(1, sizeof(*n));

	if (n && pthread_mutex_init(&n->lock, NULL) != 0) {
		free(n);
		return NULL;
	}
	return n;
}

void names_free(struct names *n)
{
	struct names_entry *e, *next;

	if (!n)
		return;
	HASH_ITER (hh, n->by_name, e, next) {
		HASH_DEL(n->by_name, e);
		free(e);
	}
	pthread_mutex_destroy(&n->lock);
	free(n);
}

bool names_owns(const struct addr *a)
{
	return cidr_contains(a->family == 4 ? &names_v4 : &names_v6, a);
}

/* Place 0 is address .0.1: the ends of the range stay free. */
static void names_addr(uint32_t place, int family, struct addr *out)
{
	uint32_t n = place + 1;
	size_t end = family == 4 ? 4 : 16;

	*out = family == 4 ? names_v4.base : names_v6.base;
	for (size_t i = 1; i <= 3; i++) {
		out->bytes[end - i] =
			(uint8_t)(out->bytes[end - i] + (n & 0xff));
		n >>= 8;
	}
}

static bool names_place(const struct addr *a, uint32_t *place)
{
	size_t end = a->family == 4 ? 4 : 16;
	uint32_t n = 0;
	struct addr check;

	if (!names_owns(a))
		return false;
	for (size_t i = 3; i >= 1; i--)
		n = n << 8 | a->bytes[end - i];
	if (a->family == 4)
		n -= (uint32_t)names_v4.base.bytes[1] << 16;
	*place = n - 1;
	if (*place >= NAMES_MAX)
		return false;
	names_addr(*place, a->family, &check);
	return memcmp(&check, a, sizeof(check)) == 0;
}

/* To the end of the order of use.  Return: @e, or NULL if memory for the table
 * ran out, which takes the name with it. */
static struct names_entry *names_touch(struct names *n, struct names_entry *e)
{
	e->used_ms = base_mono_ms();
	HASH_DEL(n->by_name, e);
	HASH_ADD_KEYPTR(hh, n->by_name, e->name, strlen(e->name), e);
	if (!e->hash_failed)
		return e;
	n->at[e->place] = NULL;
	free(e);
	return NULL;
}

static struct names_entry *names_add(struct names *n, const char *name)
{
	size_t len = strlen(name);
	struct names_entry *oldest = n->by_name, *e;
	uint32_t place = n->places;

	if (n->places == NAMES_MAX) {
		if (!oldest ||
		    base_mono_ms() - oldest->used_ms < 2 * NAMES_TTL * 1000)
			return NULL;
		place = oldest->place;
	}
	e = calloc(1, sizeof(*e) + len + 1);
	if (!e)
		return NULL;
	memcpy(e->name, name, len + 1);
	e->place = place;
	e->used_ms = base_mono_ms();
	HASH_ADD_KEYPTR(hh, n->by_name, e->name, len, e);
	if (e->hash_failed) {
		free(e);
		return NULL;
	}
	if (place == n->places) {
		n->places++;
	} else {
		HASH_DEL(n->by_name, oldest);
		free(oldest);
	}
	n->at[place] = e;
	return e;
}

bool names_assign(struct names *n, const char *name, int family,
		  struct addr *out)
{
	struct names_entry *e;

	pthread_mutex_lock(&n->lock);
	HASH_FIND(hh, n->by_name, name, strlen(name), e);
	e = e ? names_touch(n, e) : names_add(n, name);
	if (e)
		names_addr(e->place, family, out);
	pthread_mutex_unlock(&n->lock);
	return e;
}

bool names_find(struct names *n, const struct addr *a,
		char name[NAME_MAX_LEN + 1])
{
	struct names_entry *e = NULL;
	uint32_t place;

	if (!names_place(a, &place))
		return false;
	pthread_mutex_lock(&n->lock);
	e = n->at[place];
	if (e)
		e = names_touch(n, e);
	if (e)
		memcpy(name, e->name, strlen(e->name) + 1);
	pthread_mutex_unlock(&n->lock);
	return e;
}
