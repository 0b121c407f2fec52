/* SPDX-License-Identifier: MIT */
/* control.h - messages between pen-jail, the sandbox's init and clients */
/*
 * All of it runs over SOCK_SEQPACKET Unix sockets: one fixed-size message is
 * one packet, descriptors ride on it.
 *
 *   set-up   -> pen-jail NETNS           (the child that becomes bwrap)
 *   pen-jail -> set-up   READY           (the filters are compiled)
 *   pen-jail -> init     CONFIG, SPAWN
 *   init     -> pen-jail READY, OOM, PEAK
 *   client   -> pen-jail SPAWN, STOP     (start --control; pen-jail hands
 *                                         SPAWN on to init)
 *   pen-jail -> client   REFUSED
 *   client   -> session  SIGNAL          (the socket that came with SPAWN)
 *   session  -> client   PTY, STARTED, EXITED, FAILED
 *
 * End of file on the session socket is the client's death: the session kills
 * its command.  End of file on the socket of init is pen-jail's: init ends,
 * and the kernel ends everything with it.
 */
#ifndef PEN_JAIL_CONTROL_H
#define PEN_JAIL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* argv, environment and folder together; Linux itself allows 2 MiB or so. */
#define CONTROL_PAYLOAD_MAX (2u << 20)
/* SPAWN carries the most: session, payload, stdin, stdout, stderr. */
#define CONTROL_FD_MAX 5

#define CONTROL_MAGIC 0x70656e31u /* "pen1" */

enum control_type {
	CONTROL_NETNS = 1, /* fds: number[0] sockets; value: capture error */
	CONTROL_CONFIG,    /* fds: payload, its argv: folders in memory that
			      init does not know; number: memory, pids */
	CONTROL_SPAWN,     /* fds: session, payload, those not in flags */
	CONTROL_STOP,
	CONTROL_SIGNAL,  /* value: signal */
	CONTROL_READY,   /* init waits for SPAWN */
	CONTROL_OOM,     /* the memory watch killed; number: bytes */
	CONTROL_PEAK,    /* number: bytes in use, more than ever */
	CONTROL_PTY,     /* fds: master side */
	CONTROL_STARTED, /* value: PID inside the sandbox */
	CONTROL_EXITED,  /* value: wait status; number: CPU ms, peak bytes */
	CONTROL_FAILED,  /* value: errno; flags: enum control_stage */
	CONTROL_REFUSED, /* value: errno */
	CONTROL__COUNT
};

/* flags of SPAWN: which of stdin, stdout, stderr are the session's pty. */
#define CONTROL_TTY(fd) (1u << (fd))
#define CONTROL_TTY_ANY 7u
/* The limits of this sandbox are not the kernel's: init watches. */
#define CONTROL_WATCH_MEMORY 8u

/* What a session was doing when it failed. */
enum control_stage {
	CONTROL_STAGE_SETUP,
	CONTROL_STAGE_WORKDIR,
	CONTROL_STAGE_EXEC,
};

struct control_message {
	uint32_t magic;
	uint32_t type; /* enum control_type */
	int32_t value;
	uint32_t flags;
	uint16_t rows;
	uint16_t cols;
	uint32_t reserved;
	uint64_t number[2];
};

/**
 * struct control_payload - What a command is started with
 * @buffer: owned; everything else points into it
 * @cwd:    folder, empty for the default
 * @argv:   @argc strings and NULL; owned array
 * @env:    @envc strings and NULL; owned array
 */
struct control_payload {
	char *buffer;
	char *cwd;
	char **argv;
	size_t argc;
	char **env;
	size_t envc;
};

/**
 * control_check() - Is this packet a message?
 * @data:     the packet
 * @len:      its length
 * @fd_count: how many descriptors came with it
 * @message:  filled on success
 *
 * The only way from bytes to a message: magic, length, type, the number of
 * descriptors that the type calls for, the range of values.
 */
bool control_check(const void *data, size_t len, size_t fd_count,
		   struct control_message *message);

/**
 * control_send() - Send one message
 * @socket:   SOCK_SEQPACKET
 * @message:  its magic is set here
 * @fds:      descriptors to pass, borrowed; may be NULL if @fd_count is 0
 * @fd_count: at most CONTROL_FD_MAX
 *
 * Return: 0, or -1 with errno.
 */
int control_send(int socket, struct control_message *message, const int *fds,
		 size_t fd_count);

/**
 * control_receive() - Receive one message
 * @socket:   SOCK_SEQPACKET; blocks only if the socket does
 * @message:  filled
 * @fds:      filled with descriptors that have close-on-exec, owned by the
 *            caller; CONTROL_FD_MAX of them
 * @fd_count: set to their number, 0 unless 1 is returned
 *
 * Return: 1; 0 at end of file; -1 with errno, EBADMSG for a packet that is
 * no message (its descriptors are closed).
 */
int control_receive(int socket, struct control_message *message, int *fds,
		    size_t *fd_count);

/**
 * control_encode() - Put a command into bytes
 * @cwd:  folder, "" for the default
 * @argv: NULL-terminated
 * @env:  NULL-terminated
 * @len:  set to the length
 *
 * Return: bytes owned by the caller, or NULL with errno: E2BIG if it would
 * be over CONTROL_PAYLOAD_MAX, ENOMEM.
 */
void *control_encode(const char *cwd, char *const *argv, char *const *env,
		     size_t *len);

/**
 * control_decode() - The reverse
 * @data:    bytes from anywhere
 * @len:     their number
 * @payload: filled on success; control_payload_fini() it
 *
 * Return: 0, or -1 with errno: EBADMSG, ENOMEM.
 */
int control_decode(const void *data, size_t len,
		   struct control_payload *payload);

/**
 * control_read_payload() - Decode the content of a memory file
 * @fd:      borrowed; a regular file, read from its start
 * @payload: filled on success; control_payload_fini() it
 *
 * Return: 0, or -1 with errno.
 */
int control_read_payload(int fd, struct control_payload *payload);

void control_payload_fini(struct control_payload *payload);

#endif /* PEN_JAIL_CONTROL_H */
