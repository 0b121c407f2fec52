/* SPDX-License-Identifier: MIT */
/* server.h - the whole proxy: workers, policy, signals, drain */
#ifndef PEN_SERVER_H
#define PEN_SERVER_H

#include "config.h"
#include "reload.h"

/**
 * server_run() - Serve until told to stop
 * @c:        checked; borrowed
 * @reload:   with its first snapshot made; borrowed
 * @ready_fd: descriptor that gets one line a listener once all accept, then is
 *            closed; -1 for none
 *
 * The calling thread becomes the control thread: signals, policy, admin.
 * Return: exit status: 0 after a clean end, 1 (said on stderr) if it could not
 * run.
 */
int server_run(const struct config *c, struct reload *reload, int ready_fd);

#endif
