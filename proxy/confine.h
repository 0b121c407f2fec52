/* SPDX-License-Identifier: MIT */
/* confine.h - the proxy gives up what it does not need */
#ifndef PEN_CONFINE_H
#define PEN_CONFINE_H

#include "config.h"
#include "policy.h"

/**
 * confine_self() - Keep only the rights that are needed after start-up
 *
 * No core dumps, and on Linux no_new_privs, Landlock and seccomp, as far as
 * the kernel has them.  Call after every listener and log was opened, and
 * before any thread is made: threads inherit it, and nothing undoes it.
 *
 * Return: 0, or -1 (said on stderr): the configuration asks for something that
 * the confinement would forbid.
 */
int confine_self(const struct config *c, const struct policy *p);
/**
 * confine_text() - What is in force, for the log
 *
 * "no_new_privs landlock:7 seccomp" with the kernel's Landlock ABI; only what
 * is in force is named, or "none".  "seccomp:wide" is the filter that other
 * programs can live with, "seccomp:unknown-processor" none at all.
 */
const char *confine_text(void);

#endif
