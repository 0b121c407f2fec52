/* SPDX-License-Identifier: MIT */
/* env.h - the environment of a command, built from nothing */
#ifndef PEN_JAIL_ENV_H
#define PEN_JAIL_ENV_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct env - A list of K=V
 * @strings: owned array of owned strings, NULL-terminated
 * @count:   how many
 */
struct env {
	char **strings;
	size_t count;
};

/**
 * env_set() - Set a variable, replacing one of the same name
 * @env:   zeroed before the first use
 * @entry: K=V, copied
 */
void env_set(struct env *env, const char *entry);

/**
 * env_build() - The base environment of a sandbox
 * @env:     filled
 * @home:    HOME
 * @user:    USER and LOGNAME
 * @host:    environment of the caller; the terminal, the language and the
 *           time zone are taken over
 * @proxied: whether to name the proxy
 */
void env_build(struct env *env, const char *home, const char *user,
	       char *const *host, bool proxied);

void env_fini(struct env *env);

#endif /* PEN_JAIL_ENV_H */
