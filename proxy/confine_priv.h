/* SPDX-License-Identifier: MIT */
/* confine_priv.h - shared by the confine_*.c files alone */
#ifndef PEN_CONFINE_PRIV_H
#define PEN_CONFINE_PRIV_H

#include <stdbool.h>

#include "config.h"
#include "policy.h"

/* Sanitizers call what no proxy does, and read the program's own file. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer) || __has_feature(leak_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif
#ifndef CONFINE_SANITIZED
#define CONFINE_SANITIZED 0
#endif

/**
 * confine_files() - Landlock: the folders that the configuration needs
 *
 * Return: the kernel's Landlock ABI; 0 where it has none; -1 (said on stderr)
 * if a folder that is needed cannot be named to it.
 */
int confine_files(const struct config *c, const struct policy *p);

enum confine_calls_status {
	CONFINE_CALLS_ON,
	CONFINE_CALLS_ABSENT,  /* not in the kernel, or compiled out */
	CONFINE_CALLS_UNKNOWN, /* no filter is written for this processor */
};

/**
 * confine_calls() - seccomp: the system calls that are needed
 * @programs: other programs will run under the filter, too: refuse only what
 *            none of them has any business with
 */
enum confine_calls_status confine_calls(bool programs);

#endif
