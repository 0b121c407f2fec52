/* SPDX-License-Identifier: MIT */
/* sandbox.h - start, watch and end one sandbox with its proxy */
#ifndef PEN_JAIL_SANDBOX_H
#define PEN_JAIL_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "janitor.h"
#include "limits.h"
#include "loop.h"
#include "netns.h"
#include "options.h"
#include "paths.h"
#include "proxy.h"

/**
 * struct sandbox - A running sandbox, as pen-jail on the host sees it
 * @options: borrowed
 * @paths:   checked
 * @loop:    what pen-jail waits for
 * @signals: signalfd
 * @setup:   PID of the process that starts bubblewrap; 0 once reaped
 * @group:   the process group of it, bubblewrap and init
 * @init:    socket to init; -1 once it is gone
 * @errors:  what bubblewrap wrote to standard error
 * @netns:   the sockets, kept open so that a new proxy can serve them
 * @restart_ms: when to start the proxy again, by util_now_ms(); 0: not now
 * @over:    init or bubblewrap is gone
 * @oom_killed, @peak_bytes: as init reported
 * @cpu_ms, @largest_bytes:  of everything that was reaped but the proxy
 */
struct sandbox {
	const struct options *options;
	struct paths paths;
	struct loop loop;
	int signals;
	pid_t setup;
	pid_t group;
	int init;
	int errors;
	struct netns netns;
	struct proxy proxy;
	bool proxied;
	int64_t restart_ms;
	struct limits limits;
	struct janitor janitor;
	int listener; /* of options.control, owned; -1 without */
	bool ready;
	int aborted; /* by this signal, before the command ran */
	bool over;
	bool oom_killed;
	uint64_t peak_bytes;
	uint64_t cpu_ms;
	uint64_t largest_bytes;
};

/**
 * sandbox_init() - Prepare storage that stays where it is
 * @sandbox: filled with nothing; sandbox_close() may follow at any time
 */
void sandbox_init(struct sandbox *sandbox);

/**
 * sandbox_open() - Start a sandbox and its proxy, and wait for both
 * @sandbox: from sandbox_init()
 * @options: of `run` or `start`
 *
 * On return commands can be sent to @init, and none ran before the proxy was
 * ready.  Says what failed.
 *
 * Return: 0, or -1 (sandbox_close() it all the same).
 */
int sandbox_open(struct sandbox *sandbox, const struct options *options);

/**
 * sandbox_turn() - Wait once
 * @sandbox:    open
 * @timeout_ms: at most this long, -1 for ever
 *
 * Calls back the sources of @loop; restarts a proxy that died.
 */
void sandbox_turn(struct sandbox *sandbox, int timeout_ms);

/**
 * sandbox_take_signal() - Read one signal
 * @sandbox: open
 *
 * Children that ended are dealt with here.
 *
 * Return: a signal that is for the command, or 0 if there is none.
 */
int sandbox_take_signal(struct sandbox *sandbox);

/**
 * sandbox_kill() - End everything in the sandbox and wait for it
 * @sandbox: open or failed; the proxy goes on
 */
void sandbox_kill(struct sandbox *sandbox);

/**
 * sandbox_close() - End what is left, the proxy included, and free
 * @sandbox: from sandbox_open(), whatever that returned
 *
 * When it returns no process, socket or file of the sandbox is left.
 */
void sandbox_close(struct sandbox *sandbox);

#endif /* PEN_JAIL_SANDBOX_H */
