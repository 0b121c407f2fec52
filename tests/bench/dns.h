/* SPDX-License-Identifier: MIT */
/* dns.h - the resolver of the bench: it knows one address */

#ifndef PEN_BENCH_DNS_H
#define PEN_BENCH_DNS_H

#include <netinet/in.h>

/**
 * dns_listen() - A non-blocking socket for queries, or the program ends
 */
int dns_listen(const struct sockaddr_in *at);

/**
 * dns_serve() - Answer the queries that have come
 * @fd:      from dns_listen()
 * @names:   names that have an address, lower-case; ended by NULL
 * @address: that address
 *
 * Another name does not exist; another type has no records.
 */
void dns_serve(int fd, char *const *names, struct in_addr address);

#endif /* PEN_BENCH_DNS_H */
