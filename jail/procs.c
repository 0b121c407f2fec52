/* SPDX-License-Identifier: MIT */
/* procs.c - the processes of a sandbox, as /proc shows them inside */
#include "procs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

bool procs_parse_stat(const char *text, struct procs_entry *entry)
{
	/* Only the last bracket is the kernel's. */
	const char *end = strrchr(text, ')');
	char *after;
	long parent;

	if (!end || end[1] != ' ' || !isalpha((unsigned char)end[2]) ||
	    end[3] != ' ' || !isdigit((unsigned char)end[4]))
		return false;
	errno = 0;
	parent = strtol(end + 4, &after, 10);
	if (errno || *after != ' ' || parent > INT_MAX)
		return false;
	entry->parent = (pid_t)parent;
	entry->zombie = end[2] == 'Z' || end[2] == 'X';
	return true;
}

static bool procs_read_entry(const char *name, struct procs_entry *entry)
{
	char path[64];
	char text[512];
	uint64_t pid = 0;
	const char *next;

	for (next = name; isdigit((unsigned char)*next); next++) {
		pid = pid * 10 + (uint64_t)(*next - '0');
		if (pid > INT_MAX)
			return false;
	}
	if (next == name || *next)
		return false;
	memset(entry, 0, sizeof(*entry));
	entry->pid = (pid_t)pid;
	snprintf(path, sizeof(path), "/proc/%d/stat", entry->pid);
	return util_read_file(path, text, sizeof(text)) > 0 &&
	       procs_parse_stat(text, entry);
}

int procs_read(struct procs *procs)
{
	DIR *dir = opendir("/proc");
	struct dirent *item;
	size_t cap = 0;

	memset(procs, 0, sizeof(*procs));
	if (!dir)
		return -1;
	while ((item = readdir(dir))) {
		if (!isdigit((unsigned char)item->d_name[0]))
			continue;
		if (procs->count == cap) {
			struct procs_entry *grown;

			cap = cap ? cap * 2 : 64;
			grown = realloc(procs->entries, cap * sizeof(*grown));
			if (!grown) {
				closedir(dir);
				procs_fini(procs);
				errno = ENOMEM;
				return -1;
			}
			procs->entries = grown;
		}
		if (procs_read_entry(item->d_name,
				     &procs->entries[procs->count]))
			procs->count++;
	}
	closedir(dir);
	return 0;
}

void procs_fini(struct procs *procs)
{
	free(procs->entries);
	memset(procs, 0, sizeof(*procs));
}

static bool procs_is_marked(const struct procs *procs, pid_t pid)
{
	size_t i;

	for (i = 0; i < procs->count; i++)
		if (procs->entries[i].pid == pid)
			return procs->entries[i].marked;
	return false;
}

size_t procs_mark_descendants(struct procs *procs, pid_t root)
{
	size_t living = 0;
	bool changed;
	size_t i;

	do {
		changed = false;
		for (i = 0; i < procs->count; i++) {
			struct procs_entry *e = &procs->entries[i];

			if (e->marked || (e->parent != root &&
					  !procs_is_marked(procs, e->parent)))
				continue;
			e->marked = true;
			changed = true;
			if (!e->zombie)
				living++;
		}
	} while (changed);
	return living;
}

uint64_t procs_memory(pid_t pid)
{
	unsigned long long resident, shared;
	char path[64];
	char text[128];
	char *end;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	if (util_read_file(path, text, sizeof(text)) <= 0)
		return 0;
	/* The first number is the size of the address space. */
	(void)strtoull(text, &end, 10);
	resident = strtoull(end, &end, 10);
	shared = strtoull(end, NULL, 10);
	if (resident < shared)
		return 0;
	return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}
