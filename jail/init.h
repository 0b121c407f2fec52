/* SPDX-License-Identifier: MIT */
/* init.h - PID 1 of a sandbox */
#ifndef PEN_JAIL_INIT_H
#define PEN_JAIL_INIT_H

/**
 * init_main() - Be PID 1 until pen-jail closes its end of the socket
 * @socket: to pen-jail, inherited through bubblewrap
 *
 * Return: exit status; only if the sandbox is not as it has to be.
 */
int init_main(int socket);

#endif /* PEN_JAIL_INIT_H */
