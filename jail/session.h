/* SPDX-License-Identifier: MIT */
/* session.h - one command inside the sandbox, and the process that minds it */
#ifndef PEN_JAIL_SESSION_H
#define PEN_JAIL_SESSION_H

#include <stdint.h>

#include "control.h"

/**
 * struct session_base - What all commands of a sandbox share; borrowed
 * @config: base environment and default folder
 * @memory: bytes of data that a process may map, 0 for no limit
 * @pids:   processes in the whole sandbox, 0 for no limit
 */
struct session_base {
	const struct control_payload *config;
	uint64_t memory;
	uint64_t pids;
};

/**
 * session_main() - Be the session of one command
 * @base:    shared settings
 * @request: a SPAWN message
 * @fds:     its descriptors, owned: session socket, payload, then those of
 *           stdin, stdout and stderr that are not the pty
 *
 * Runs in a process of its own, a child of init.  Does not return.
 */
_Noreturn void session_main(const struct session_base *base,
			    const struct control_message *request, int *fds);

#endif /* PEN_JAIL_SESSION_H */
