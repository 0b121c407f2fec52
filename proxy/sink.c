/* SPDX-License-Identifier: MIT */
/* sink.c - where lines end: a bounded queue on a descriptor, and syslog */

#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#ifdef _PATH_LOG
const char *sink_syslog_path = _PATH_LOG;
#else
const char *sink_syslog_path = "/dev/log";
#endif

int sink_open_file(const char *path, uint64_t *size)
{
	struct stat st;
	int fd = open(path,
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			      O_NONBLOCK | O_NOCTTY,
		      0600);

	if (fd < 0)
		return -errno;
	*size = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		*size = (uint64_t)st.st_size;
	return fd;
}

bool sink_put(struct sink *s, const char *line, size_t len)
{
	if (len > s->max - s->len)
		goto lost;
	if (len > s->cap - s->len) {
		size_t cap = s->cap ? s->cap : 16384;
		char *queue;

		while (cap < s->len + len)
			cap *= 2;
		if (cap > s->max)
			cap = s->max;
		queue = realloc(s->queue, cap);
		if (!queue)
			goto lost;
		s->queue = queue;
		s->cap = cap;
	}
	memcpy(s->queue + s->len, line, len);
	s->len += len;
	return true;
lost:
	s->lost++;
	return false;
}

/* Whether a write of up to PIPE_BUF bytes returns at once. */
static bool sink_takes(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && !(p.revents & POLLNVAL);
}

int sink_write(struct sink *s, size_t most, size_t *written)
{
	size_t done = 0, end = most < s->len ? most : s->len;
	int result = 0;

	while (done < end && result == 0) {
		size_t part = end - done;
		ssize_t n;

		if (s->shared) {
			if (!sink_takes(s->fd))
				break;
			part = part < PIPE_BUF ? part : PIPE_BUF;
		}
		n = write(s->fd, s->queue + done, part);
		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR)
			result = -errno;
	}
	if (done > 0) {
		s->torn = s->queue[done - 1] != '\n';
		s->len -= done;
		memmove(s->queue, s->queue + done, s->len);
	}
	if (done > 0 || result != 0)
		s->failed = result != 0;
	*written = done;
	return result;
}

void sink_drop_torn(struct sink *s)
{
	char *end;

	if (!s->torn)
		return;
	s->torn = false;
	s->lost++;
	end = memchr(s->queue, '\n', s->len);
	if (!end) {
		s->len = 0;
		return;
	}
	s->len -= (size_t)(end + 1 - s->queue);
	memmove(s->queue, end + 1, s->len);
}

void sink_fini(struct sink *s)
{
	if (s->fd >= 0 && !s->shared)
		close(s->fd);
	free(s->queue);
	s->fd = -1;
	s->queue = NULL;
	s->len = s->cap = 0;
	s->shared = s->torn = s->failed = false;
}

void sink_complain(const char *what, const char *name, int error)
{
	char text[PIPE_BUF];
	int len = snprintf(text, sizeof(text), "pen-proxy: %s %s: %s\n", what,
			   name, strerror(error));
	ssize_t n;

	if (len <= 0 || !sink_takes(STDERR_FILENO))
		return;
	if ((size_t)len >= sizeof(text))
		len = (int)sizeof(text) - 1;
	n = write(STDERR_FILENO, text, (size_t)len);
	(void)n; /* there is nowhere left to say it */
}

static int sink_syslog_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(sink_syslog_path) >= sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, sink_syslog_path, strlen(sink_syslog_path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

int sink_syslog_open(struct sink_syslog *s, int facility)
{
	s->facility = facility;
	s->fd = sink_syslog_connect();
	return s->fd < 0 ? s->fd : 0;
}

bool sink_syslog_send(struct sink_syslog *s, int severity, const char *line,
		      size_t len)
{
	char head[64];
	struct iovec parts[2];
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	int tries;

	/* RFC 3164 4.3.3: a message without a time gets the receiver's. */
	parts[0].iov_base = head;
	parts[0].iov_len = (size_t)snprintf(
		head, sizeof(head),
		"<%d>pen-proxy[%ld]: ", s->facility | severity, (long)getpid());
	parts[1].iov_base = (void *)(uintptr_t)line;
	parts[1].iov_len = len;
	for (tries = 0; tries < 2; tries++) {
		if (s->fd < 0)
			s->fd = sink_syslog_connect();
		if (s->fd < 0)
			return false;
		if (sendmsg(s->fd, &msg, 0) >= 0)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
			return false;
		sink_syslog_close(s);
	}
	return false;
}

void sink_syslog_close(struct sink_syslog *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
