/* SPDX-License-Identifier: MIT */
/* env.c - the environment of a command, built from nothing */
#include "env.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The same number as NETNS_PROXY_PORT; env.c has no use for the rest. */
#define ENV_PROXY "127.0.0.1:3128"

static const char *const env_fixed[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"SHELL=/bin/sh",
	"PEN_SANDBOX=1",
};

/* Both spellings: curl reads the small ones, others the large ones. */
static const char *const env_proxy[] = {
	"http_proxy=http://" ENV_PROXY,   "https_proxy=http://" ENV_PROXY,
	"all_proxy=socks5h://" ENV_PROXY, "no_proxy=localhost,127.0.0.1,::1",
	"HTTP_PROXY=http://" ENV_PROXY,   "HTTPS_PROXY=http://" ENV_PROXY,
	"ALL_PROXY=socks5h://" ENV_PROXY, "NO_PROXY=localhost,127.0.0.1,::1",
};

/* Taken over from the caller: none of them can carry a secret or a path. */
static const char *const env_kept[] = {
	"TERM=", "COLORTERM=", "LANG=", "LANGUAGE=", "LC_", "TZ="};

static size_t env_name_length(const char *entry)
{
	return strcspn(entry, "=") + 1;
}

void env_set(struct env *env, const char *entry)
{
	size_t len = env_name_length(entry);
	char **grown;
	size_t i;

	for (i = 0; i < env->count; i++) {
		if (strncmp(env->strings[i], entry, len) == 0) {
			free(env->strings[i]);
			env->strings[i] = util_format("%s", entry);
			return;
		}
	}
	grown = util_allocate(env->count + 2, sizeof(*grown));
	if (env->count > 0)
		memcpy(grown, env->strings, env->count * sizeof(*grown));
	free(env->strings);
	env->strings = grown;
	env->strings[env->count++] = util_format("%s", entry);
}

static bool env_is_kept(const char *entry)
{
	size_t i;

	for (i = 0; i < sizeof(env_kept) / sizeof(char *); i++)
		if (strncmp(entry, env_kept[i], strlen(env_kept[i])) == 0)
			return strchr(entry, '=') != NULL;
	return false;
}

static void env_set_pair(struct env *env, const char *name, const char *value)
{
	char *entry = util_format("%s=%s", name, value);

	env_set(env, entry);
	free(entry);
}

void env_build(struct env *env, const char *home, const char *user,
	       char *const *host, bool proxied)
{
	size_t i;

	memset(env, 0, sizeof(*env));
	for (i = 0; i < sizeof(env_fixed) / sizeof(char *); i++)
		env_set(env, env_fixed[i]);
	env_set_pair(env, "HOME", home);
	env_set_pair(env, "USER", user);
	env_set_pair(env, "LOGNAME", user);
	for (i = 0; host[i]; i++)
		if (env_is_kept(host[i]))
			env_set(env, host[i]);
	for (i = 0; proxied && i < sizeof(env_proxy) / sizeof(char *); i++)
		env_set(env, env_proxy[i]);
}

void env_fini(struct env *env)
{
	size_t i;

	for (i = 0; i < env->count; i++)
		free(env->strings[i]);
	free(env->strings);
	memset(env, 0, sizeof(*env));
}
