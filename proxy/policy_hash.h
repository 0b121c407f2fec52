/* SPDX-License-Identifier: MIT */
/* policy_hash.h - uthash, told not to end the process; for policy_*.c alone */
#ifndef PEN_POLICY_HASH_H
#define PEN_POLICY_HASH_H

#include <stdbool.h>

/*
 * By default uthash calls exit(3) when memory runs out; with this setting it
 * leaves the element out instead, and the hook is all that tells.
 */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(elem) (policy_hash_oom = true)

/** policy_hash_oom - Set, in this thread, where an element was left out; to be
 *  cleared before and looked at after each addition */
extern _Thread_local bool policy_hash_oom;

#include <uthash.h>

#endif
