/* SPDX-License-Identifier: MIT */
/* netns.c - the network of a sandbox: loopback, local routes, four sockets */
/*
 * Theory of operation
 *
 * The namespace has a loopback device and nothing else, so no packet can
 * leave it.  A default route of type local makes every address of the world
 * an address of this host: a datagram to 192.0.2.1:53 arrives at the socket
 * that is bound to [::]:53, a connection to 192.0.2.1:443 is redirected
 * (capture.c) to the one on [::]:3129.  The sockets are made here and served
 * by pen-proxy from outside; that is the sandbox's only way out.
 */
#include "netns.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture.h"
#include "netlink.h"
#include "util.h"

#define NETNS_BACKLOG 1024
#define NETNS_LOOPBACK_INDEX 1 /* the first device of every namespace */
#define NETNS_DNS_PORT 53

const char netns_names[] = "listen:transparent:dns:dns";

static int netns_raise_loopback(void)
{
	struct ifreq request;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result = -1;

	if (fd < 0)
		return -1;
	memset(&request, 0, sizeof(request));
	strcpy(request.ifr_name, "lo");
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
		result = ioctl(fd, SIOCSIFFLAGS, &request);
	}
	close(fd);
	return result;
}

/* `ip route add local default dev lo` in one family. */
static int netns_add_route(unsigned char family)
{
	struct rtmsg head = {
		.rtm_family = family,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};
	struct netlink n;

	memset(&n, 0, sizeof(n));
	netlink_begin(&n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &head,
		      sizeof(head));
	netlink_put_u32(&n, RTA_OIF, NETNS_LOOPBACK_INDEX);
	return netlink_send(&n, NETLINK_ROUTE);
}

/*
 * A socket on a port of every address of both families, of IPv4 alone where
 * the kernel has no IPv6.
 */
static int netns_open_any(int type, uint16_t port)
{
	struct sockaddr_in6 any6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	struct sockaddr_in any4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	struct sockaddr *address = (struct sockaddr *)&any6;
	socklen_t len = sizeof(any6);
	int off = 0;
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		address = (struct sockaddr *)&any4;
		len = sizeof(any4);
		fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	} else if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
			      sizeof(off))) {
		util_close(&fd);
	}
	if (fd >= 0 && (bind(fd, address, len) ||
			(type == SOCK_STREAM && listen(fd, NETNS_BACKLOG))))
		util_close(&fd);
	return fd;
}

static int netns_open_proxy(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(NETNS_PROXY_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 &&
	    (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	     listen(fd, NETNS_BACKLOG)))
		util_close(&fd);
	return fd;
}

/* In the order of netns_names. */
static int netns_open_sockets(struct netns *netns)
{
	size_t i;

	netns->fds[0] = netns_open_proxy();
	netns->fds[1] = netns_open_any(SOCK_STREAM, NETNS_CAPTURE_PORT);
	netns->fds[2] = netns_open_any(SOCK_DGRAM, NETNS_DNS_PORT);
	netns->fds[3] = netns_open_any(SOCK_STREAM, NETNS_DNS_PORT);
	netns->count = NETNS_SOCKETS;
	for (i = 0; i < NETNS_SOCKETS; i++)
		if (netns->fds[i] < 0)
			return -1;
	return 0;
}

int netns_set_up(struct netns *netns, bool no_network)
{
	size_t i;
	int error;

	memset(netns, 0, sizeof(*netns));
	netns->names = netns_names;
	for (i = 0; i < NETNS_SOCKETS; i++)
		netns->fds[i] = -1;
	if (netns_raise_loopback()) {
		util_report("cannot bring the sandbox's loopback up: %s",
			    strerror(errno));
		return -1;
	}
	if (no_network)
		return 0;
	error = netns_add_route(AF_INET);
	if (error) {
		util_report("cannot add the sandbox's local route: %s",
			    strerror(error));
		return -1;
	}
	/* No IPv6 in this kernel: nothing to route. */
	error = netns_add_route(AF_INET6);
	if (error && error != EAFNOSUPPORT && error != EOPNOTSUPP) {
		util_report("cannot add the sandbox's local IPv6 route: %s",
			    strerror(error));
		return -1;
	}
	if (netns_open_sockets(netns)) {
		util_report("cannot open the sandbox's sockets: %s",
			    strerror(errno));
		return -1;
	}
	netns->capture_error = capture_install(NETNS_CAPTURE_PORT);
	netns->capture = netns->capture_error == 0;
	return 0;
}
