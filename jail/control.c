/* SPDX-License-Identifier: MIT */
/* control.c - messages between pen-jail, the sandbox's init and clients */
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define CONTROL_PAYLOAD_MAGIC 0x70656e61u /* "pena" */

struct control_payload_head {
	uint32_t magic;
	uint32_t argc;
	uint32_t envc;
};

static size_t control_count_tty(uint32_t flags)
{
	size_t count = 0;
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (flags & CONTROL_TTY(fd))
			count++;
	return count;
}

/* How many descriptors a message carries. */
static size_t control_count_fds(const struct control_message *message)
{
	if (message->type == CONTROL_SPAWN)
		return 5 - control_count_tty(message->flags);
	if (message->type == CONTROL_NETNS)
		return (size_t)message->number[0];
	if (message->type == CONTROL_CONFIG || message->type == CONTROL_PTY)
		return 1;
	return 0;
}

bool control_check(const void *data, size_t len, size_t fd_count,
		   struct control_message *message)
{
	struct control_message m;

	if (len != sizeof(m))
		return false;
	memcpy(&m, data, sizeof(m));
	if (m.magic != CONTROL_MAGIC || m.type < CONTROL_NETNS ||
	    m.type >= CONTROL__COUNT || m.reserved != 0)
		return false;
	if (m.type == CONTROL_SPAWN && (m.flags & ~CONTROL_TTY_ANY))
		return false;
	if (m.type == CONTROL_SIGNAL && (m.value < 1 || m.value > SIGRTMAX))
		return false;
	if (fd_count != control_count_fds(&m))
		return false;
	*message = m;
	return true;
}

int control_send(int socket, struct control_message *message, const int *fds,
		 size_t fd_count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * CONTROL_FD_MAX)];
	} control;
	struct iovec part = {.iov_base = message, .iov_len = sizeof(*message)};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (fd_count > CONTROL_FD_MAX) {
		errno = EINVAL;
		return -1;
	}
	message->magic = CONTROL_MAGIC;
	if (fd_count > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	do
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

/* Collect the descriptors of a received packet, at most CONTROL_FD_MAX. */
static void control_take_fds(struct msghdr *header, int *fds, size_t *fd_count)
{
	struct cmsghdr *c;

	*fd_count = 0;
	for (c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		/* The buffer holds no more than this; see its declaration. */
		if (count > CONTROL_FD_MAX - *fd_count)
			count = CONTROL_FD_MAX - *fd_count;
		memcpy(fds + *fd_count, CMSG_DATA(c), count * sizeof(int));
		*fd_count += count;
	}
}

int control_receive(int socket, struct control_message *message, int *fds,
		    size_t *fd_count)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * CONTROL_FD_MAX)];
	} control;
	/* One byte more than a message, so that a longer packet shows. */
	char data[sizeof(*message) + 1];
	struct iovec part = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	memset(&control, 0, sizeof(control));
	*fd_count = 0;
	do
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	control_take_fds(&header, fds, fd_count);
	if (got == 0 && *fd_count == 0)
		return 0;
	if (!(header.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) &&
	    control_check(data, (size_t)got, *fd_count, message))
		return 1;
	while (*fd_count > 0)
		close(fds[--*fd_count]);
	errno = EBADMSG;
	return -1;
}

static size_t control_measure(char *const *strings, uint32_t *count)
{
	size_t len = 0;

	for (*count = 0; strings[*count]; ++*count)
		len += strlen(strings[*count]) + 1;
	return len;
}

static char *control_copy(char *next, const char *text)
{
	return stpcpy(next, text) + 1;
}

void *control_encode(const char *cwd, char *const *argv, char *const *env,
		     size_t *len)
{
	struct control_payload_head head = {.magic = CONTROL_PAYLOAD_MAGIC};
	size_t total = sizeof(head) + strlen(cwd) + 1;
	char *data, *next;
	uint32_t i;

	total += control_measure(argv, &head.argc);
	total += control_measure(env, &head.envc);
	if (total > CONTROL_PAYLOAD_MAX) {
		errno = E2BIG;
		return NULL;
	}
	data = malloc(total);
	if (!data)
		return NULL;
	memcpy(data, &head, sizeof(head));
	next = control_copy(data + sizeof(head), cwd);
	for (i = 0; i < head.argc; i++)
		next = control_copy(next, argv[i]);
	for (i = 0; i < head.envc; i++)
		next = control_copy(next, env[i]);
	*len = total;
	return data;
}

/* The next string of the payload, or NULL where none ends before @end. */
static char *control_next(char **next, const char *end)
{
	char *start = *next;
	char *nul =
		start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;

	if (!nul)
		return NULL;
	*next = nul + 1;
	return start;
}

static bool control_take_strings(char **strings, size_t count, char **next,
				 const char *end)
{
	size_t i;

	for (i = 0; i < count; i++) {
		strings[i] = control_next(next, end);
		if (!strings[i])
			return false;
	}
	return true;
}

int control_decode(const void *data, size_t len,
		   struct control_payload *payload)
{
	struct control_payload_head head;
	struct control_payload p;
	char *next, *end;

	memset(&p, 0, sizeof(p));
	if (len < sizeof(head) || len > CONTROL_PAYLOAD_MAX)
		goto bad;
	memcpy(&head, data, sizeof(head));
	len -= sizeof(head);
	/* A string takes a byte at least, so this bounds both arrays. */
	if (head.magic != CONTROL_PAYLOAD_MAGIC || head.argc > len ||
	    head.envc > len)
		goto bad;
	p.argc = head.argc;
	p.envc = head.envc;
	p.buffer = malloc(len + 1);
	p.argv = calloc(p.argc + 1, sizeof(*p.argv));
	p.env = calloc(p.envc + 1, sizeof(*p.env));
	if (!p.buffer || !p.argv || !p.env) {
		control_payload_fini(&p);
		errno = ENOMEM;
		return -1;
	}
	memcpy(p.buffer, (const char *)data + sizeof(head), len);
	next = p.buffer;
	end = p.buffer + len;
	p.cwd = control_next(&next, end);
	if (!p.cwd || !control_take_strings(p.argv, p.argc, &next, end) ||
	    !control_take_strings(p.env, p.envc, &next, end) || next != end) {
		control_payload_fini(&p);
		goto bad;
	}
	*payload = p;
	return 0;
bad:
	errno = EBADMSG;
	return -1;
}

int control_read_payload(int fd, struct control_payload *payload)
{
	struct stat status;
	size_t len = 0;
	size_t size;
	char *data;
	int result;
	int error;

	if (fstat(fd, &status))
		return -1;
	/* A pipe or a device could keep the reader waiting. */
	if (!S_ISREG(status.st_mode) || status.st_size <= 0 ||
	    status.st_size > (off_t)CONTROL_PAYLOAD_MAX) {
		errno = EBADMSG;
		return -1;
	}
	size = (size_t)status.st_size;
	data = malloc(size);
	if (!data)
		return -1;
	while (len < size) {
		ssize_t n = pread(fd, data + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	result = control_decode(data, len, payload);
	error = errno;
	free(data);
	errno = error;
	return result;
}

void control_payload_fini(struct control_payload *payload)
{
	free(payload->buffer);
	free(payload->argv);
	free(payload->env);
	memset(payload, 0, sizeof(*payload));
}
