/* SPDX-License-Identifier: MIT */
/* state.c - what is loaded: a file in a folder of root's, there while needed */
#include "pfwrap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A test build has its own. */
#ifndef PFWRAP_RUN
#define PFWRAP_RUN "/var/run/pen"
#endif

struct state loaded;
static int state_folder = -1;

static size_t state_size(void)
{
	return offsetof(struct state, sets) + loaded.count * sizeof(struct set);
}

void state_open(void)
{
	struct stat st;
	ssize_t len = 0;
	int fd;

	(void)mkdir(PFWRAP_RUN, 0700);
	state_folder = open(PFWRAP_RUN,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state_folder < 0 || fstat(state_folder, &st) != 0 ||
	    st.st_uid != 0 || (st.st_mode & 077) != 0 ||
	    flock(state_folder, LOCK_EX) != 0)
		die(STATUS_REFUSED, "%s is not a folder of root's alone",
		    PFWRAP_RUN);
	fd = openat(state_folder, "sets", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	len = read(fd, &loaded, sizeof(loaded));
	close(fd);
	if (len < 0 || loaded.count > SETS_MAX || (size_t)len != state_size())
		die(STATUS_REFUSED,
		    "%s/sets is not of this version; remove it once no "
		    "sandbox runs",
		    PFWRAP_RUN);
}

/* The old file or the new one; none when nothing is loaded. */
void state_save(void)
{
	ssize_t len = (ssize_t)state_size();
	int fd;

	if (loaded.count == 0 && !loaded.token[0]) {
		(void)unlinkat(state_folder, "sets", 0);
		return;
	}
	fd = openat(state_folder, "new",
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, &loaded, (size_t)len) != len ||
	    close(fd) != 0 ||
	    renameat(state_folder, "new", state_folder, "sets") != 0) {
		(void)unlinkat(state_folder, "new", 0);
		die(STATUS_REFUSED, "%s cannot be written", PFWRAP_RUN);
	}
}

FILE *state_scratch(void)
{
	int fd = openat(state_folder, "scratch",
			O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!file || unlinkat(state_folder, "scratch", 0) != 0)
		die(STATUS_REFUSED, "%s cannot be written", PFWRAP_RUN);
	return file;
}

void state_close(void)
{
	close(state_folder);
	state_folder = -1;
}

struct set *state_find(const char *name)
{
	for (size_t i = 0; i < loaded.count; i++)
		if (strcmp(loaded.sets[i].name, name) == 0)
			return &loaded.sets[i];
	return NULL;
}

void state_put(const struct set *set)
{
	struct set *at = state_find(set->name);

	if (!at && loaded.count == SETS_MAX)
		die(STATUS_REFUSED, "too many rule sets are loaded");
	*(at ? at : &loaded.sets[loaded.count++]) = *set;
	state_save();
}

void state_remove(const char *name)
{
	struct set *set = state_find(name);

	if (set)
		*set = loaded.sets[--loaded.count];
	state_save();
}
