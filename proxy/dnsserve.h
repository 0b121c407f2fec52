/* SPDX-License-Identifier: MIT */
/* dnsserve.h - the DNS listener: names that a rule covers, and no others */
#ifndef PEN_DNSSERVE_H
#define PEN_DNSSERVE_H

#include "conn.h"

struct dnsserve;

/**
 * dnsserve_new() - Make a server
 * @env: loop, policy and pool of names; borrowed
 *
 * A and AAAA of a name that some rule covers are answered with the address that
 * stands for it (names.h), other types of it are empty, and every other name
 * does not exist: no query ever leaves the host.
 *
 * Return: NULL if memory ran out.
 */
struct dnsserve *dnsserve_new(struct conn_env *env);
/**
 * dnsserve_add() - Answer on a socket
 * @fd: non-blocking; a datagram socket, or a listening stream socket; borrowed
 *
 * A datagram is answered from the address to which it was sent.
 * Return: 0 or a negative errno.
 */
int dnsserve_add(struct dnsserve *s, int fd);
/** dnsserve_shut() - Look at its sockets no more */
void dnsserve_shut(struct dnsserve *s);
/** dnsserve_free() - NULL is fine */
void dnsserve_free(struct dnsserve *s);

#endif
