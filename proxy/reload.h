/* SPDX-License-Identifier: MIT */
/* reload.h - the policy's files: read, watched, made into snapshots */
#ifndef PEN_RELOAD_H
#define PEN_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "policy.h"

/* How often the files are looked at. */
#define RELOAD_POLL_MS 250

struct reload;

/**
 * reload_new() - Keep the policy of a configuration
 * @c: borrowed; its path is read again at reload_now(), for [policy] alone
 */
struct reload *reload_new(const struct config *c);
void reload_free(struct reload *r);
/**
 * reload_first() - Make the first snapshot
 *
 * Return: a policy with one reference of the caller's, NULL with @faults.
 */
struct policy *reload_first(struct reload *r, struct faults *faults);
/** reload_own() - The proxy's own listeners, never a destination: for the first
 *  snapshot, before it is shared, and for every later one.  @own is taken.
 *  Return: 0 or -ENOMEM. */
int reload_own(struct reload *r, struct policy_own *own, size_t count);
/**
 * reload_poll() - See whether a file has changed and come to rest
 *
 * Return: a new policy with one reference of the caller's, or NULL: nothing
 * changed, or the change has a fault (logged; the old one stays in force).
 */
struct policy *reload_poll(struct reload *r);
/** reload_now() - The same, at once, the configuration's [policy] included */
struct policy *reload_now(struct reload *r);
/** reload_policy() - The newest snapshot without a fault, borrowed */
struct policy *reload_policy(const struct reload *r);
/** reload_results() - How many reloads there were, by how they ended */
void reload_results(const struct reload *r, uint64_t *ok, uint64_t *failed);
/** reload_generation() - Number of that snapshot, from 1 */
uint64_t reload_generation(const struct reload *r);

#endif
