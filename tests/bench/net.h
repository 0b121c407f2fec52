/* SPDX-License-Identifier: MIT */
/* net.h - what the programs of the bench share: addresses, sockets, a clock */

#ifndef PEN_BENCH_NET_H
#define PEN_BENCH_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * net_die() - Say why the program cannot go on, and end it with status 1
 * @what: what failed, without a newline; errno is added if it is not 0
 */
_Noreturn void net_die(const char *what);

/**
 * net_now() - Nanoseconds of the monotonic clock
 */
uint64_t net_now(void);

/**
 * net_address() - Read "ADDR:PORT" of IPv4, or end the program
 */
struct sockaddr_in net_address(const char *text);

/**
 * net_number() - Read a decimal number, or end the program
 */
uint64_t net_number(const char *text);

/**
 * net_listen() - A non-blocking listening socket, or the program ends
 */
int net_listen(const struct sockaddr_in *at);

/**
 * net_nodelay() - Send small writes at once
 */
void net_nodelay(int fd);

/**
 * net_raise_files() - Allow as many descriptors as the system lets us have
 */
void net_raise_files(void);

/* Sizes of a ClientHello: that curl pads to, with OpenSSL (RFC 7685); and that
 * of a browser, with a post-quantum key. */
#define NET_HELLO_CURL 517
#define NET_HELLO_BROWSER 1800
/* What a server answers it with: its own hello, and its certificates. */
#define NET_FLIGHT 4096

/**
 * net_hello() - Write a TLS ClientHello, as one record, that names a server
 * @buf:  where to
 * @size: room there; the program ends if it is too small
 * @name: the server name, at most 255 bytes
 * @want: how many bytes the record shall have, header and all; where the name
 *        leaves no room for that, it has more
 *
 * Return: the number of bytes written.
 */
size_t net_hello(uint8_t *buf, size_t size, const char *name, size_t want);

#endif /* PEN_BENCH_NET_H */
