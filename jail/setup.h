/* SPDX-License-Identifier: MIT */
/* setup.h - the child of pen-jail that becomes bubblewrap */
#ifndef PEN_JAIL_SETUP_H
#define PEN_JAIL_SETUP_H

struct sandbox;

/**
 * setup_fork() - Start the child and wait for the sockets that it opens
 * @sandbox: @options, @paths and @limits are set; @setup, @init, @errors,
 *           @netns and proxy.errors are filled
 *
 * On return the child is on its way to become bubblewrap.  It, or this, says
 * what failed.
 *
 * Return: 0, or -1.
 */
int setup_fork(struct sandbox *sandbox);

#endif /* PEN_JAIL_SETUP_H */
