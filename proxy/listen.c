/* SPDX-License-Identifier: MIT */
/* listen.c - the sockets that clients come to: opened or inherited */
#include "listen.h"

#include <dirent.h>
#include <errno.h>
#include <event2/util.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FD_FIRST 3 /* sd_listen_fds(3) */
#define LISTEN_FD_MAX 64
#define LISTEN_DEFAULT "127.0.0.1:8080"

static const char *const kind_names[LISTENER__COUNT] = {
	[LISTENER_LISTEN] = "listen",
	[LISTENER_TRANSPARENT] = "transparent",
	[LISTENER_DNS] = "dns",
	[LISTENER_ADMIN] = "admin",
};

const char *listener_kind_name(enum listener_kind k)
{
	return kind_names[k];
}

static int listen_fail(char *error, size_t cap, const char *what,
		       const char *why)
{
	snprintf(error, cap, "cannot listen on %s: %s", what, why);
	return -1;
}

/* Where a socket is bound to, as people write it. */
static void listen_describe(struct listener *l)
{
	union {
		struct sockaddr sa;
		struct sockaddr_storage ss;
		struct sockaddr_un un;
	} u;
	socklen_t len = sizeof(u);
	char text[ADDR_TEXT_MAX];

	memset(&u, 0, sizeof(u));
	if (getsockname(l->fd, &u.sa, &len) < 0)
		return;
	if (addr_from_sockaddr(&u.sa, &l->addr, &l->port)) {
		addr_format(&l->addr, text);
		snprintf(l->text, sizeof(l->text),
			 l->addr.family == 6 ? "[%s]:%u" : "%s:%u", text,
			 (unsigned int)l->port);
	} else if (u.sa.sa_family == AF_UNIX) {
		snprintf(l->text, sizeof(l->text), "unix:%s", u.un.sun_path);
	}
}

/* Takes @fd, also on failure. */
static int listen_add(struct listener_list *list, enum listener_kind kind,
		      int fd, const char *path)
{
	struct listener *grown =
		realloc(list->at, (list->count + 1) * sizeof(*grown));
	struct listener *l;

	if (!grown) {
		close(fd);
		return -1;
	}
	list->at = grown;
	l = &grown[list->count];
	memset(l, 0, sizeof(*l));
	l->kind = kind;
	l->fd = fd;
	l->path = path ? strdup(path) : NULL;
	listen_describe(l);
	list->count++;
	return 0;
}

static void listen_options(int fd, int family, int type)
{
	int on = 1, off = 0;

	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
				 sizeof(off));
	if (type != SOCK_STREAM)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets inherit it: what is relayed waits for nothing. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Return: a bound (and listening) socket, or a negative errno. */
static int listen_bind(const struct addr *a, uint16_t port, int type)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(a, port, &ss);
	int fd = socket(ss.ss_family, type, 0);
	int error;

	if (fd < 0)
		return -errno;
	listen_options(fd, ss.ss_family, type);
	if (evutil_make_socket_nonblocking(fd) == 0 &&
	    evutil_make_socket_closeonexec(fd) == 0 &&
	    bind(fd, (struct sockaddr *)&ss, len) == 0 &&
	    (type != SOCK_STREAM || listen(fd, SOMAXCONN) == 0))
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int listen_tcp(struct listener_list *list, enum listener_kind kind,
		      const struct listen_addr *a, char *error, size_t cap)
{
	unsigned int port = a->port_first;
	int fd;

	do
		fd = listen_bind(&a->addr, (uint16_t)port, SOCK_STREAM);
	while (fd == -EADDRINUSE && port++ < a->port_last);
	if (fd == -EADDRINUSE && a->port_first != a->port_last)
		return listen_fail(error, cap, a->text,
				   "every port of the range is taken");
	if (fd < 0)
		return listen_fail(error, cap, a->text, strerror(-fd));
	return listen_add(list, kind, fd, NULL);
}

static int listen_dns(struct listener_list *list, const struct listen_addr *a,
		      char *error, size_t cap)
{
	unsigned int port = a->port_first;
	int udp, tcp = -EADDRINUSE;

	do {
		udp = listen_bind(&a->addr, (uint16_t)port, SOCK_DGRAM);
		if (udp < 0)
			continue;
		tcp = listen_bind(&a->addr, (uint16_t)port, SOCK_STREAM);
		if (tcp >= 0)
			break;
		close(udp);
		udp = tcp;
	} while (udp == -EADDRINUSE && port++ < a->port_last);
	if (udp < 0)
		return listen_fail(error, cap, a->text, strerror(-udp));
	if (listen_add(list, LISTENER_DNS, udp, NULL) < 0) {
		close(tcp);
		return listen_fail(error, cap, a->text, "out of memory");
	}
	if (listen_add(list, LISTENER_DNS, tcp, NULL) < 0)
		return listen_fail(error, cap, a->text, "out of memory");
	list->at[list->count - 1].twin = true;
	return 0;
}

/* A socket file that nobody listens on any more is in the way. */
static void listen_remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 &&
	    errno == ECONNREFUSED)
		(void)unlink(un->sun_path);
	close(fd);
}

static int listen_unix(struct listener_list *list, enum listener_kind kind,
		       const struct listen_addr *a, char *error, size_t cap)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(a->path) >= sizeof(un.sun_path))
		return listen_fail(error, cap, a->text,
				   "the path is longer than a socket's may be");
	memcpy(un.sun_path, a->path, strlen(a->path) + 1);
	listen_remove_stale(&un);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return listen_fail(error, cap, a->text, strerror(errno));
	if (evutil_make_socket_nonblocking(fd) < 0 ||
	    evutil_make_socket_closeonexec(fd) < 0 ||
	    bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		listen_fail(error, cap, a->text, strerror(errno));
		close(fd);
		return -1;
	}
	return listen_add(list, kind, fd, a->path);
}

/* By LISTEN_FDS and by its number, or by that twice.  Return: whether @fd is
 * taken already; -1 if as a listener of another kind. */
static int listen_has(const struct listener_list *list, enum listener_kind kind,
		      int fd, const char *what, char *error, size_t cap)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct listener *l = &list->at[i];
		char why[64];

		if (l->fd != fd)
			continue;
		if (l->kind == kind)
			return 1;
		snprintf(why, sizeof(why), "it cannot be both %s and %s",
			 kind_names[l->kind], kind_names[kind]);
		return listen_fail(error, cap, what, why);
	}
	return 0;
}

/* An inherited socket must be what it is meant to be.  Takes @fd. */
static int listen_inherit(struct listener_list *list, enum listener_kind kind,
			  int fd, char *error, size_t cap)
{
	char what[32];
	int type = 0, listening = 0, has;
	socklen_t len = sizeof(int);

	snprintf(what, sizeof(what), "fd:%d", fd);
	has = listen_has(list, kind, fd, what, error, cap);
	if (has)
		return has < 0 ? -1 : 0;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return listen_fail(error, cap, what, strerror(errno));
#ifdef SO_ACCEPTCONN
	len = sizeof(int);
	if (type == SOCK_STREAM &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	    !listening)
		return listen_fail(error, cap, what, "it is not listening");
#endif
	if (type != SOCK_STREAM &&
	    !(type == SOCK_DGRAM && kind == LISTENER_DNS))
		return listen_fail(error, cap, what,
				   "wrong type of socket for its name");
	if (evutil_make_socket_nonblocking(fd) < 0 ||
	    evutil_make_socket_closeonexec(fd) < 0)
		return listen_fail(error, cap, what, strerror(errno));
	(void)listening;
	if (listen_add(list, kind, fd, NULL) < 0)
		return listen_fail(error, cap, what, "out of memory");
	list->at[list->count - 1].inherited = true;
	return 0;
}

static int listen_one(struct listener_list *list, enum listener_kind kind,
		      const struct listen_addr *a, char *error, size_t cap)
{
	switch (a->kind) {
	case LISTEN_FD:
		return listen_inherit(list, kind, a->fd, error, cap);
	case LISTEN_UNIX:
		if (kind == LISTENER_DNS)
			return listen_fail(error, cap, a->text,
					   "DNS needs HOST:PORT");
		return listen_unix(list, kind, a, error, cap);
	case LISTEN_TCP:
		break;
	}
	return kind == LISTENER_DNS ? listen_dns(list, a, error, cap)
				    : listen_tcp(list, kind, a, error, cap);
}

static int listen_list_open(struct listener_list *list, enum listener_kind kind,
			    const struct listen_list *from, char *error,
			    size_t cap)
{
	for (size_t i = 0; i < from->count; i++)
		if (listen_one(list, kind, &from->at[i], error, cap) < 0)
			return -1;
	return 0;
}

/* The kind that LISTEN_FDNAMES gives descriptor @n; by its type without one. */
static enum listener_kind listen_named(const char *names, size_t n, int fd)
{
	int type = SOCK_STREAM;
	socklen_t len = sizeof(type);

	for (; names && n; n--) {
		names = strchr(names, ':');
		names = names ? names + 1 : NULL;
	}
	for (int k = 0; names && k < LISTENER__COUNT; k++) {
		size_t l = strlen(kind_names[k]);

		if (strncmp(names, kind_names[k], l) == 0 &&
		    (names[l] == ':' || names[l] == '\0'))
			return (enum listener_kind)k;
	}
	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
	return type == SOCK_DGRAM ? LISTENER_DNS : LISTENER_LISTEN;
}

static int listen_take_inherited(struct listener_list *list, char *error,
				 size_t cap)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t count, for_pid;
	int rc = 0;

	if (!fds || !pid)
		return 0;
	if (!base_parse_uint(pid, strlen(pid), INT32_MAX, &for_pid) ||
	    for_pid != (uint64_t)getpid())
		return 0; /* meant for another process */
	if (!base_parse_uint(fds, strlen(fds), LISTEN_FD_MAX, &count)) {
		snprintf(error, cap, "LISTEN_FDS is not a number up to %d",
			 LISTEN_FD_MAX);
		return -1;
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		int fd = LISTEN_FD_FIRST + (int)i;

		rc = listen_inherit(list, listen_named(names, i, fd), fd, error,
				    cap);
	}
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDNAMES");
	return rc;
}

static bool listen_names_fd(const struct listen_list *l, int fd)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->at[i].kind == LISTEN_FD && l->at[i].fd == fd)
			return true;
	return false;
}

/* How many descriptors from LISTEN_FD_FIRST on are meant for this process. */
static int listen_inherited_count(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t count, for_pid;

	if (!fds || !pid ||
	    !base_parse_uint(pid, strlen(pid), INT32_MAX, &for_pid) ||
	    for_pid != (uint64_t)getpid() ||
	    !base_parse_uint(fds, strlen(fds), LISTEN_FD_MAX, &count))
		return 0;
	return (int)count;
}

void listen_close_strangers(const struct config *c, int keep)
{
	int first = LISTEN_FD_FIRST + listen_inherited_count();
	DIR *d = opendir("/dev/fd");
	struct dirent *e;

	if (!d)
		return; /* no /proc: then they stay, of no use to anyone */
	while ((e = readdir(d))) {
		uint64_t fd;

		if (!base_parse_uint(e->d_name, strlen(e->d_name), INT32_MAX,
				     &fd) ||
		    (int)fd < LISTEN_FD_FIRST || (int)fd == dirfd(d))
			continue;
		if ((int)fd < first || (int)fd == keep ||
		    listen_names_fd(&c->listen, (int)fd) ||
		    listen_names_fd(&c->transparent, (int)fd) ||
		    listen_names_fd(&c->dns, (int)fd) ||
		    listen_names_fd(&c->admin, (int)fd))
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
		else
			close((int)fd);
	}
	closedir(d);
}

static int listen_default(struct listener_list *list, char *error, size_t cap)
{
	struct listen_addr a;
	int rc;

	if (listen_addr_parse(LISTEN_DEFAULT, &a))
		return listen_fail(error, cap, LISTEN_DEFAULT, "out of memory");
	rc = listen_one(list, LISTENER_LISTEN, &a, error, cap);
	listen_addr_fini(&a);
	return rc;
}

int listen_open_all(struct listener_list *list, const struct config *c,
		    char *error, size_t cap)
{
	if (listen_take_inherited(list, error, cap) == 0 &&
	    listen_list_open(list, LISTENER_LISTEN, &c->listen, error, cap) ==
		    0 &&
	    listen_list_open(list, LISTENER_TRANSPARENT, &c->transparent, error,
			     cap) == 0 &&
	    listen_list_open(list, LISTENER_DNS, &c->dns, error, cap) == 0 &&
	    listen_list_open(list, LISTENER_ADMIN, &c->admin, error, cap) ==
		    0) {
		bool serves = false;

		for (size_t i = 0; i < list->count; i++)
			serves |= list->at[i].kind != LISTENER_ADMIN;
		if (serves || listen_default(list, error, cap) == 0)
			return 0;
	}
	listen_close(list, LISTENER__COUNT);
	return -1;
}

void listen_close(struct listener_list *list, enum listener_kind kind)
{
	for (size_t i = 0; i < list->count; i++) {
		struct listener *l = &list->at[i];

		if (l->fd < 0 || (kind != LISTENER__COUNT && l->kind != kind))
			continue;
		close(l->fd);
		l->fd = -1;
		if (l->path)
			(void)unlink(l->path);
		free(l->path);
		l->path = NULL;
	}
	if (kind != LISTENER__COUNT)
		return;
	free(list->at);
	list->at = NULL;
	list->count = 0;
}

static bool listen_is_wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

struct policy_own *listen_own(const struct listener_list *list, size_t *count)
{
	struct policy_own *own = calloc(list->count + 1, sizeof(*own));

	*count = 0;
	for (size_t i = 0; own && i < list->count; i++) {
		const struct listener *l = &list->at[i];

		if (!l->addr.family)
			continue;
		own[*count].port = l->port;
		if (!listen_is_wildcard(&l->addr))
			own[*count].addr = l->addr;
		(*count)++;
	}
	return own;
}

static size_t listen_own_of(const struct listen_addr *at, size_t count,
			    struct policy_own *own)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct listen_addr *a = &at[i];

		if (a->kind != LISTEN_TCP || a->port_first != a->port_last ||
		    !a->port_first)
			continue;
		own[n] = (struct policy_own){.port = a->port_first};
		if (!listen_is_wildcard(&a->addr))
			own[n].addr = a->addr;
		n++;
	}
	return n;
}

struct policy_own *listen_own_named(const struct config *c, size_t *count)
{
	const struct listen_list *lists[] = {&c->listen, &c->transparent,
					     &c->dns, &c->admin};
	bool serves = c->listen.count || c->transparent.count || c->dns.count;
	struct policy_own *own;
	struct listen_addr a;
	size_t most = 1;

	for (size_t i = 0; i < BASE_LEN(lists); i++)
		most += lists[i]->count;
	own = calloc(most, sizeof(*own));
	*count = 0;
	if (!own)
		return NULL;
	for (size_t i = 0; i < BASE_LEN(lists); i++)
		*count += listen_own_of(lists[i]->at, lists[i]->count,
					own + *count);
	if (!serves && !listen_addr_parse(LISTEN_DEFAULT, &a)) {
		*count += listen_own_of(&a, 1, own + *count);
		listen_addr_fini(&a);
	}
	return own;
}

bool listen_is_local(const struct addr *a)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (addr_classify(a) == ADDR_LOOPBACK)
		return true;
	/* Not knowing, it is: what is refused then is only a port of ours. */
	if (getifaddrs(&all) < 0)
		return true;
	for (i = all; i && !found; i = i->ifa_next) {
		struct addr here;

		found = i->ifa_addr &&
			addr_from_sockaddr(i->ifa_addr, &here, NULL) &&
			memcmp(&here, a, sizeof(here)) == 0;
	}
	freeifaddrs(all);
	return found;
}
