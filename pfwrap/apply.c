/* SPDX-License-Identifier: MIT */
/* apply.c - the kernel's side: pfctl or nft, by absolute path */
#include "pfwrap.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test build has its own. */
#ifndef PFWRAP_NFT
#define PFWRAP_NFT "/usr/sbin/nft"
#endif
#ifndef PFWRAP_PFCTL
#define PFWRAP_PFCTL "/sbin/pfctl"
#endif
#define NFT "." PFWRAP_NFT
#define PFCTL "." PFWRAP_PFCTL
#define PFWRAP_IPTABLES "/usr/sbin/iptables-legacy"

enum { CHILD_SECONDS = 20, WORDS_MAX = 12 };

/* Of a set: [ON_PF] of each operation.  To load reads from the input; a table
 * is made before it is deleted, so that it need not have been there. */
static const char *const apply_commands[][2] = {
	[OP_LOAD] = {NFT " -f -", PFCTL " -o none -a com.apple/$N -f -"},
	[OP_FLUSH] = {NFT " add table inet $T ; delete table inet $T",
		      PFCTL " -a com.apple/$N -F rules"},
	[OP_VERIFY] = {NFT " -ns list table inet $T",
		       PFCTL " -a com.apple/$N -s rules"},
	[OP_SHOW] = {NFT " list table inet $T",
		     PFCTL " -a com.apple/$N -vvs rules"},
};
static const char *const nothing[] = {NULL};

bool apply_trusts(const char *path)
{
	char real[PATH_MAX], *end = realpath(path, real);
	bool good = end != NULL;
	struct stat st;

	while (good && end) {
		good = stat(real[0] ? real : "/", &st) == 0 && st.st_uid == 0 &&
		       (st.st_mode & 022) == 0;
		end = strrchr(real, '/');
		if (end)
			*end = '\0';
	}
	return good;
}

/*
 * Run a command with nothing in its environment.  What it reads is all there
 * before it starts, so that it never acts upon a part.
 * Return: what it printed on both outputs, the caller's; whether it succeeded
 * in @good, or, if that is NULL, a failure ends this process.
 */
static char *apply_run(const char *command, const char *const *input,
		       const struct request *r, bool *good)
{
	char text[256] = "", *rest = text, *words[WORDS_MAX] = {NULL}, *printed;
	FILE *in = state_scratch(), *out = state_scratch();
	FILE *line = fmemopen(text, sizeof(text), "w");
	int end = -1, i;
	pid_t child;
	off_t len;

	if (line)
		ruleset_write(line, (const char *[]){command, NULL}, r);
	ruleset_write(in, input, r);
	if (!line || fclose(line) != 0 || ferror(in) || fflush(in) != 0)
		die(STATUS_REFUSED, "no room for what is to be loaded");
	rewind(in);
	for (i = 0; i < WORDS_MAX - 1 && rest; i++)
		words[i] = strsep(&rest, " ");
	if (!apply_trusts(words[0]))
		die(STATUS_REFUSED, "%s cannot be trusted", words[0]);
	child = fork();
	if (child == 0) {
		alarm(CHILD_SECONDS);
		if (dup2(fileno(in), 0) == 0 && dup2(fileno(out), 1) == 1 &&
		    dup2(1, 2) == 2)
			execve(words[0], words, (char *[]){NULL});
		_exit(127);
	}
	if (child > 0)
		(void)waitpid(child, &end, 0);
	len = lseek(fileno(out), 0, SEEK_END);
	printed = len < 0 ? NULL : calloc(1, (size_t)len + 1);
	if (!printed || pread(fileno(out), printed, (size_t)len, 0) != len)
		die(STATUS_REFUSED, "no memory");
	fclose(in);
	fclose(out);
	if (good)
		*good = end == 0;
	else if (end != 0)
		die(STATUS_REFUSED, "%s: %.400s", words[0], printed);
	return printed;
}

/* Whether a part of what is printed, up to @stop each, matches a pattern. */
static bool apply_shows(const char *command, const char *stop,
			const char *const *patterns)
{
	static const struct request any;
	bool good, found = false;
	char *printed = apply_run(command, nothing, &any, &good);
	char *part = printed, *next;

	for (; good && part; part = next) {
		next = strstr(part, stop);
		if (next) {
			*next = '\0';
			next += strlen(stop);
		}
		for (const char *const *p = patterns; *p; p++)
			found = found || fnmatch(*p, part, 0) == 0;
	}
	free(printed);
	return found;
}

static bool pf_shows(const char *command, const char *pattern)
{
	return apply_shows(command, "\n", (const char *[]){pattern, NULL});
}

/* pf stays enabled as long as somebody holds a token that counts. */
static void pf_enable(const struct request *r)
{
	char pattern[sizeof(loaded.token) + 2], *printed, *found;

	snprintf(pattern, sizeof(pattern), "*%s*", loaded.token);
	if (loaded.token[0] && pf_shows(PFCTL " -s References", pattern) &&
	    pf_shows(PFCTL " -s info", "Status: Enabled*"))
		return;
	printed = apply_run(PFCTL " -E", nothing, r, NULL);
	found = strstr(printed, "Token : ");
	if (!found || sscanf(found, "Token : %23[0-9]", loaded.token) != 1)
		die(STATUS_REFUSED, "pfctl -E gave no token");
	state_save();
	free(printed);
}

/* States outlive rules.  Those of the bridge, and both ways of its net's. */
static void pf_kill_states(const struct request *r)
{
	free(apply_run(PFCTL " -i $I -F states", nothing, r, NULL));
	free(apply_run(PFCTL " -k $B/$C", nothing, r, NULL));
	free(apply_run(PFCTL " -k 0.0.0.0/0 -k $B/$C", nothing, r, NULL));
}

char *apply_rules(const struct request *r, enum op op)
{
	bool good;
	char *printed = apply_run(apply_commands[op][ON_PF], nothing, r, &good);

	/* pfctl has something to say without rules, too; all sets pass some. */
	if (good && strstr(printed, "pass"))
		return printed;
	free(printed);
	return NULL;
}

/* FNV-1a: it tells accidents, not attacks; the kernel's rules are root's.
 * 0 is for no rules.
 */
static uint64_t apply_digest(const struct request *r)
{
	char *printed = apply_rules(r, OP_VERIFY), *at = printed;
	uint64_t digest = printed ? 0xcbf29ce484222325 : 0;

	for (; at && *at; at++)
		digest = (digest ^ (unsigned char)*at) * 0x100000001b3;
	free(printed);
	return digest;
}

char *apply_load(struct request *r)
{
	bool good;
	char *printed;

	if (ON_PF)
		pf_enable(r);
	printed = apply_run(apply_commands[OP_LOAD][ON_PF],
			    ON_PF ? ruleset_pf : ruleset_nft, r, &good);
	if (!good)
		return printed;
	free(printed);
	if (ON_PF)
		pf_kill_states(r);
	r->set.digest = apply_digest(r);
	if (!r->set.digest)
		die(STATUS_REFUSED, "the rules are not there after the load");
	return NULL;
}

void apply_flush(const struct request *r)
{
	char release[64];

	free(apply_run(apply_commands[OP_FLUSH][ON_PF], nothing, r, NULL));
	if (ON_PF && r->set.iface[0])
		pf_kill_states(r);
	state_remove(r->set.name);
	if (loaded.count > 0 || !loaded.token[0])
		return;
	snprintf(release, sizeof(release), PFCTL " -X %s", loaded.token);
	loaded.token[0] = '\0';
	state_save();
	free(apply_run(release, nothing, r, NULL));
}

const char *apply_verify(const struct request *r)
{
	struct set now = r->set;
	const char *wrong = iface_find(&now);

	if (!wrong && strcmp(now.iface, r->set.iface) != 0)
		wrong = "the gateway's address is on another interface now";
	if (ON_PF && !pf_shows(PFCTL " -s info", "Status: Enabled*"))
		wrong = "pf is disabled";
	if (ON_PF && !pf_shows(PFCTL " -s rules", "anchor \"com.apple/\\*\"*"))
		wrong = "the main ruleset no longer evaluates com.apple/*";
	now.digest = apply_digest(r);
	if (now.digest != r->set.digest)
		wrong = "the rules are not the ones that were loaded";
	if (!now.digest)
		wrong = "the kernel has no such rules";
	return wrong;
}

/* Chains on the input hook that drop by policy, or refuse what is left. */
bool apply_is_shut(void)
{
	static const char *const shut[] = {
		"*hook input *; policy drop;*",
		"*hook input *\n\t\t[dr][re][oj][pe]*",
		"*hook input *\n\t\tcounter [dr][re][oj][pe]*",
		"-P INPUT DROP",
		"-A INPUT -j [DR][RE][OJ][PE]*",
		NULL,
	};
	FILE *legacy = fopen("/proc/net/ip_tables_names", "re");
	bool found = legacy && fgetc(legacy) != EOF;

	if (legacy)
		fclose(legacy);
	/* To ask for a table that is not there would make it. */
	return !ON_PF &&
	       (apply_shows(NFT " -st list ruleset", "\n\t}", shut) ||
		(found && apply_trusts(PFWRAP_IPTABLES) &&
		 apply_shows("." PFWRAP_IPTABLES " -S INPUT", "\n", shut)));
}
