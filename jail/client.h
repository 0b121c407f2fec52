/* SPDX-License-Identifier: MIT */
/* client.h - the caller's side of one command: streams, terminal, signals */
#ifndef PEN_JAIL_CLIENT_H
#define PEN_JAIL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "control.h"
#include "relay.h"

struct loop;

/**
 * struct client - A command as its caller sees it
 * @loop:        borrowed
 * @session:     socket to the session; owned, -1 when it is over
 * @program:     name of the command, for messages; borrowed
 * @ended:       the command is over, or never began
 * @exit_code:   what to exit with, set with @ended
 * @wait_status: as from waitpid(), if the command ran
 * @ran:         whether it did
 * @asked_ms, @end_ms: when it was asked for and was over, by util_now_ms():
 *               it ran in between
 * @start_ms:    when its start was heard of, perhaps late; its time limit
 *               counts from then
 * @cpu_ms, @peak_bytes: as the session reported
 * @terminal:    descriptor of the caller's terminal, -1 without
 * @raw:         whether the terminal was changed
 * @saved:       how it was before
 * @master:      the other side of the command's terminal, -1 without
 */
struct client {
	struct loop *loop;
	int session;
	const char *program;
	bool ended;
	int exit_code;
	int wait_status;
	bool ran;
	int64_t asked_ms;
	int64_t start_ms;
	int64_t end_ms;
	uint64_t cpu_ms;
	uint64_t peak_bytes;
	int terminal;
	bool raw;
	struct termios saved;
	int master;
	/* stdin to the sandbox, stdout and stderr from it, and the terminal */
	struct relay streams[3];
	struct relay screen;
};

/**
 * client_start() - Ask for a command
 * @client:  zeroed storage that stays where it is until client_finish()
 * @loop:    calls back
 * @control: socket to init, or to a pen-jail that hands it on
 * @payload: memory file from control_encode(); borrowed
 * @program: the command's name
 * @count:   carry stdout and stderr even where they could be handed over
 *
 * Pipes, sockets and /dev/null are handed over as they are.  A terminal is
 * replaced by one inside the sandbox.  Files are carried: a file that is
 * handed over could be opened again through /proc/self/fd with more rights.
 * A folder is refused.  Says what failed.
 *
 * Return: 0, or -1.
 */
int client_start(struct client *client, struct loop *loop, int control,
		 int payload, const char *program, bool count);

/**
 * client_signal() - A signal came for the caller; pass it on
 * @client: started
 * @number: of the set that client_block_signals() blocks
 */
void client_signal(struct client *client, int number);

/**
 * client_finish() - Write what is left and put the terminal back
 * @client:  started
 * @all_out: every writer is dead: wait for the end of each stream
 */
void client_finish(struct client *client, bool all_out);

/**
 * client_block_signals() - Have signals come through a descriptor
 *
 * Signals that are ignored stay so (nohup).
 *
 * Return: a signalfd with close-on-exec that does not block, or -1 after a
 * line on standard error.
 */
int client_block_signals(void);

/**
 * client_pack() - Build the payload of a command
 * @cwd:  folder, "" for the default
 * @argv: the command
 * @env:  variables, NULL-terminated
 *
 * Return: memory file, or -1 after a line on standard error.
 */
int client_pack(const char *cwd, char *const *argv, char *const *env);

#endif /* PEN_JAIL_CLIENT_H */
