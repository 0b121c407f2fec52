/* SPDX-License-Identifier: MIT */
/* stage.h - the host's folders, held still while bubblewrap binds them */
#ifndef PEN_JAIL_STAGE_H
#define PEN_JAIL_STAGE_H

#include <stddef.h>

/*
 * Covered in the mount namespace of the set-up alone.  It exists on every
 * Linux, and nothing of it may be given to a sandbox.
 */
#define STAGE_FOLDER "/sys"

/**
 * stage_open() - Open what a checked path names, and nothing else
 * @path: absolute, without links when it was checked
 *
 * Return: O_PATH descriptor owned by the caller; -1 with errno, ELOOP if by
 * now the path leads elsewhere.
 */
int stage_open(const char *path);

/**
 * stage_fill() - Bind what a sandbox is given below STAGE_FOLDER
 * @sources: checked paths; number i is bound to STAGE_FOLDER/i
 * @count:   how many
 *
 * bubblewrap takes paths, and another sandbox with the same project could put
 * a link there between the check and the bind.  What is bound here stays what
 * was checked.  It is private, too: what the host mounts into it later would
 * show in the sandbox, and be writable in folders that are not.
 *
 * Call it in a mount namespace of one's own, with CAP_SYS_ADMIN over it and
 * with /proc mounted.
 *
 * Return: 0, or -1 after a line on standard error, which is the set-up's: the
 * parent puts the program's name before it.
 */
int stage_fill(const char *const *sources, size_t count);

/**
 * stage_shut_devices() - Make the host's device files read-only here
 *
 * bubblewrap binds a few of them into the sandbox, where root's user ID could
 * change their mode, which is the host's.  Reading and writing go on.  Call it
 * as stage_fill().
 *
 * Return: 0, or -1 after a line on standard error, likewise.
 */
int stage_shut_devices(void);

#endif /* PEN_JAIL_STAGE_H */
