/* SPDX-License-Identifier: MIT */
/* names.h - addresses that stand for names, given out by the DNS listener */
#ifndef PEN_NAMES_H
#define PEN_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "name.h"

/* Seconds that a client may keep an answer; a name keeps its address at least
 * twice as long after the last time it was asked for. */
#define NAMES_TTL 60
#define NAMES_MAX 65536

struct names;

/**
 * names_new() - Make an empty pool: 198.18.0.0/15 and fd70:656e::/64
 *
 * A name has the same place in both ranges, one address of each family, for as
 * long as it is asked for now and then.  Used by any thread.
 * Return: NULL if memory ran out.
 */
struct names *names_new(void);
void names_free(struct names *n);
/**
 * names_assign() - The address that stands for a name
 * @name:   canonical; copied
 * @family: 4 or 6
 * @out:    set on success
 *
 * Return: false when NAMES_MAX names are in use, or memory ran out.
 */
bool names_assign(struct names *n, const char *name, int family,
		  struct addr *out);
/**
 * names_find() - The name that an address stands for
 * @name: set on success
 *
 * Return: false if @a is not of the pool or was never given out.
 */
bool names_find(struct names *n, const struct addr *a,
		char name[NAME_MAX_LEN + 1]);
/** names_owns() - Whether an address lies in the pool's ranges */
bool names_owns(const struct addr *a);

#endif
