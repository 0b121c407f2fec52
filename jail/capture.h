/* SPDX-License-Identifier: MIT */
/* capture.h - send every outgoing TCP connection to the proxy */
#ifndef PEN_JAIL_CAPTURE_H
#define PEN_JAIL_CAPTURE_H

#include <stdint.h>

/**
 * capture_install() - Load the redirect rules into this network namespace
 * @port: the port on every address of the namespace that captured
 *        connections go to, host order
 *
 * As nft shows them:
 *
 *   table inet pen {
 *     chain output {
 *       type nat hook output priority dstnat;
 *       ip daddr != 127.0.0.0/8 tcp dport != 53 redirect to :PORT
 *       ip6 daddr != ::1 tcp dport != 53 redirect to :PORT
 *     }
 *   }
 *
 * Loopback stays loopback, and DNS over TCP reaches the resolver's own
 * socket, which owns port 53 of every address (netns.c).
 *
 * Return: 0, or an errno (positive): the kernel lacks nf_tables, its nat
 * chains or redirect.
 */
int capture_install(uint16_t port);

#endif /* PEN_JAIL_CAPTURE_H */
