/* SPDX-License-Identifier: MIT */
/* dnsserve.c - the DNS listener: names that a rule covers, and no others */
#include "dnsserve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dnsmsg.h"
#include "log.h"

#define DNSSERVE_BATCH 64        /* datagrams before others have their turn */
#define DNSSERVE_QUERY 4096      /* longest query that is looked at */
#define DNSSERVE_STREAMS 64      /* connections at once */
#define DNSSERVE_STREAM_S 10     /* seconds that one may take */
#define DNSSERVE_STREAM_MAX 1000 /* queries of one: others want their turn */
#define DNSSERVE_PAUSE_S 1       /* without a descriptor for a new one */
#define DNSSERVE_EDE_BLOCKED 15  /* RFC 8914 4.16 */

struct dnsserve_socket {
	struct dnsserve_socket *next;
	struct dnsserve *server;
	struct event ev, resume;
	int fd; /* borrowed */
};

/* One connection: queries with their length in front, one after the other. */
struct dnsserve_stream {
	struct dnsserve_stream *next, **prev;
	struct dnsserve *server;
	struct io *io;
	struct event timer;
	size_t len;
	unsigned int queries;
	uint8_t buf[2 + DNSSERVE_QUERY];
};

struct dnsserve {
	struct conn_env *env;
	struct dnsserve_socket *sockets;
	struct dnsserve_stream *streams;
	size_t stream_count;
};

struct dnsserve *dnsserve_new(struct conn_env *env)
{
	struct dnsserve *s = calloc(1, sizeof(*s));

	if (s)
		s->env = env;
	return s;
}

static void dnsserve_log(const char *name)
{
	struct log_line l;

	if (!log_permit_refusal(base_mono_ms()))
		return;
	log_begin(&l, LEVEL_WARN, "dns");
	log_text(&l, "host", name);
	log_text(&l, "verdict", "deny");
	log_text(&l, "reason", reason_name(REASON_POLICY));
	log_end(&l);
}

static bool dnsserve_covers(struct dnsserve *s, const struct dnsmsg_query *q)
{
	struct policy *p = s->env->policy;

	if (!q->name_ok || q->class != 1)
		return false;
	return policy_options_of(p)->mode == POLICY_MONITOR ||
	       policy_covers(p, q->name, base_wall_ms());
}

/* Return: length of the answer in @out, 0 for none. */
static size_t dnsserve_answer(struct dnsserve *s, const uint8_t *query,
			      size_t len, uint8_t out[DNSMSG_MAX])
{
	enum dnsmsg_rcode rcode = DNSMSG_NOERROR;
	struct dnsmsg_query q;
	struct addr a;
	int family;

	switch (dnsmsg_parse_query(query, len, &q)) {
	case DNSMSG_DROP:
		return 0;
	case DNSMSG_FORMERR:
		return dnsmsg_write_answer(query, &q, DNSMSG_RCODE_FORMERR,
					   NULL, 0, -1, out);
	case DNSMSG_NOTIMP:
		return dnsmsg_write_answer(query, &q, DNSMSG_RCODE_NOTIMP, NULL,
					   0, -1, out);
	case DNSMSG_OK:
		break;
	}
	if (!dnsserve_covers(s, &q)) {
		/* Of the pair that a resolver asks, one line is enough. */
		if (q.type == DNSMSG_TYPE_A)
			dnsserve_log(q.name);
		return dnsmsg_write_answer(query, &q, DNSMSG_NXDOMAIN, NULL, 0,
					   DNSSERVE_EDE_BLOCKED, out);
	}
	if (q.type != DNSMSG_TYPE_A && q.type != DNSMSG_TYPE_AAAA)
		return dnsmsg_write_answer(query, &q, rcode, NULL, 0, -1, out);
	family = q.type == DNSMSG_TYPE_A ? 4 : 6;
	if (!names_assign(s->env->names, q.name, family, &a))
		return dnsmsg_write_answer(query, &q, DNSMSG_SERVFAIL, NULL, 0,
					   -1, out);
	return dnsmsg_write_answer(query, &q, rcode, &a, NAMES_TTL, -1, out);
}

/* The address that the query was sent to, which came along with it, goes back
 * as the one that the answer comes from.  Return: length of the control data.
 */
static socklen_t dnsserve_from(struct msghdr *in, void *control, socklen_t cap)
{
	struct msghdr out = {.msg_control = control, .msg_controllen = cap};
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(in); c; c = CMSG_NXTHDR(in, c)) {
		struct cmsghdr *o = CMSG_FIRSTHDR(&out);

#ifdef IP_PKTINFO
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			info.ipi_ifindex = 0;
			info.ipi_spec_dst = info.ipi_addr;
			o->cmsg_level = IPPROTO_IP;
			o->cmsg_type = IP_PKTINFO;
			o->cmsg_len = CMSG_LEN(sizeof(info));
			memcpy(CMSG_DATA(o), &info, sizeof(info));
			return CMSG_SPACE(sizeof(info));
		}
#endif
#ifdef IPV6_PKTINFO
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			/* Link-local addresses need their interface. */
			if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
				info.ipi6_ifindex = 0;
			o->cmsg_level = IPPROTO_IPV6;
			o->cmsg_type = IPV6_PKTINFO;
			o->cmsg_len = CMSG_LEN(sizeof(info));
			memcpy(CMSG_DATA(o), &info, sizeof(info));
			return CMSG_SPACE(sizeof(info));
		}
#endif
		(void)o;
	}
	return 0;
}

static bool dnsserve_datagram(struct dnsserve *s, int fd)
{
	uint8_t query[DNSSERVE_QUERY], out[DNSMSG_MAX];
	union {
		struct cmsghdr align;
		char bytes[256];
	} control, back;
	struct sockaddr_storage peer;
	struct iovec iov = {.iov_base = query, .iov_len = sizeof(query)};
	struct msghdr m = {
		.msg_name = &peer,
		.msg_namelen = sizeof(peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &m, 0);
	size_t len;

	if (n < 0)
		return errno == EINTR;
	len = dnsserve_answer(s, query, (size_t)n, out);
	if (!len)
		return true;
	memset(&back, 0, sizeof(back));
	iov = (struct iovec){.iov_base = out, .iov_len = len};
	m.msg_controllen = dnsserve_from(&m, &back, sizeof(back));
	m.msg_control = m.msg_controllen ? &back : NULL;
	m.msg_flags = 0;
	/* A lost answer is asked for again. */
	(void)sendmsg(fd, &m, 0);
	return true;
}

static void dnsserve_datagram_cb(evutil_socket_t fd, short what, void *arg)
{
	struct dnsserve_socket *k = arg;

	(void)what;
	for (int i = 0; i < DNSSERVE_BATCH; i++)
		if (!dnsserve_datagram(k->server, (int)fd))
			return;
}

static void dnsserve_stream_close(struct dnsserve_stream *t)
{
	event_del(&t->timer);
	io_close(t->io);
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->server->stream_count--;
	free(t);
}

/* Return: false if the stream is done with. */
static bool dnsserve_stream_query(struct dnsserve_stream *t, size_t len)
{
	uint8_t out[2 + DNSMSG_MAX];
	size_t n = dnsserve_answer(t->server, t->buf + 2, len, out + 2);

	t->len -= 2 + len;
	memmove(t->buf, t->buf + 2 + len, t->len);
	if (!n || ++t->queries > DNSSERVE_STREAM_MAX)
		return false;
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	return io_write(t->io, out, n + 2) == (ssize_t)(n + 2);
}

static void dnsserve_stream_cb(struct io *io)
{
	struct dnsserve_stream *t = io->arg;

	while (io->readable) {
		ssize_t n =
			io_read(io, t->buf + t->len, sizeof(t->buf) - t->len);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			dnsserve_stream_close(t);
			return;
		}
		t->len += (size_t)n;
		while (t->len >= 2) {
			size_t len = (size_t)t->buf[0] << 8 | t->buf[1];

			if (len > DNSSERVE_QUERY) {
				dnsserve_stream_close(t);
				return;
			}
			if (t->len < 2 + len)
				break;
			if (!dnsserve_stream_query(t, len)) {
				dnsserve_stream_close(t);
				return;
			}
		}
	}
}

static void dnsserve_stream_timeout_cb(evutil_socket_t fd, short what,
				       void *arg)
{
	(void)fd;
	(void)what;
	dnsserve_stream_close(arg);
}

static void dnsserve_resume_cb(evutil_socket_t fd, short what, void *arg)
{
	struct dnsserve_socket *k = arg;

	(void)fd;
	(void)what;
	event_add(&k->ev, NULL);
}

static void dnsserve_accept_cb(evutil_socket_t listener, short what, void *arg)
{
	static const struct timeval pause = {.tv_sec = DNSSERVE_PAUSE_S};
	static const struct timeval limit = {.tv_sec = DNSSERVE_STREAM_S};
	struct dnsserve_socket *k = arg;
	struct dnsserve *s = k->server;
	int fd = accept((int)listener, NULL, NULL);
	struct dnsserve_stream *t;

	(void)what;
	if (fd < 0 && errno != EAGAIN && errno != EINTR &&
	    errno != ECONNABORTED) {
		/* Out of descriptors: what comes waits in the backlog. */
		event_del(&k->ev);
		event_add(&k->resume, &pause);
	}
	if (fd < 0)
		return;
	if (s->stream_count >= DNSSERVE_STREAMS ||
	    evutil_make_socket_nonblocking(fd) < 0 ||
	    evutil_make_socket_closeonexec(fd) < 0) {
		close(fd);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		close(fd);
		return;
	}
	t->io = io_new(s->env->loop, fd, dnsserve_stream_cb, t);
	if (!t->io) {
		free(t);
		return;
	}
	t->server = s;
	t->next = s->streams;
	t->prev = &s->streams;
	if (t->next)
		t->next->prev = &t->next;
	s->streams = t;
	s->stream_count++;
	event_assign(&t->timer, s->env->loop->base, -1, 0,
		     dnsserve_stream_timeout_cb, t);
	event_add(&t->timer, &limit);
}

/* Ask for the address that each query was sent to. */
static void dnsserve_want_address(int fd)
{
	int on = 1;

	/* Where one of them is not to be had, the kernel chooses. */
#ifdef IP_PKTINFO
	(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
#endif
#ifdef IPV6_RECVPKTINFO
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
#endif
	/* With a local route to everything, as in the jail, the address asked
	 * may be on no interface. */
#ifdef IPV6_FREEBIND
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
#endif
	(void)on;
}

int dnsserve_add(struct dnsserve *s, int fd)
{
	struct dnsserve_socket *k = calloc(1, sizeof(*k));
	socklen_t len = sizeof(int);
	int type;

	if (!k)
		return -ENOMEM;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0) {
		free(k);
		return -errno;
	}
	if (type == SOCK_DGRAM)
		dnsserve_want_address(fd);
	k->server = s;
	k->fd = fd;
	k->next = s->sockets;
	s->sockets = k;
	event_assign(&k->ev, s->env->loop->base, fd, EV_READ | EV_PERSIST,
		     type == SOCK_DGRAM ? dnsserve_datagram_cb
					: dnsserve_accept_cb,
		     k);
	event_assign(&k->resume, s->env->loop->base, -1, 0, dnsserve_resume_cb,
		     k);
	event_add(&k->ev, NULL);
	return 0;
}

void dnsserve_shut(struct dnsserve *s)
{
	for (struct dnsserve_socket *k = s->sockets; k; k = k->next) {
		event_del(&k->ev);
		event_del(&k->resume);
	}
}

void dnsserve_free(struct dnsserve *s)
{
	if (!s)
		return;
	while (s->streams)
		dnsserve_stream_close(s->streams);
	dnsserve_shut(s);
	while (s->sockets) {
		struct dnsserve_socket *k = s->sockets;

		s->sockets = k->next;
		free(k);
	}
	free(s);
}
