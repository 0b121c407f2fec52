/* SPDX-License-Identifier: MIT */
/* options.h - what the command line asks for */
#ifndef PEN_JAIL_OPTIONS_H
#define PEN_JAIL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any real command line has; a limit keeps the arrays plain. */
#define OPTIONS_MOUNT_MAX 128
#define OPTIONS_ENV_MAX 1024

/* The subcommands that take options, as bits: options name who takes them. */
enum options_command {
	OPTIONS_RUN = 1,
	OPTIONS_START = 2,
	OPTIONS_EXEC = 4,
	OPTIONS_STOP = 8,
	OPTIONS_CHECK = 16,
};

struct options_mount {
	char *source; /* owned; as written */
	char *target; /* owned; absolute */
	bool readonly;
};

/**
 * struct options - One parsed command line
 *
 * Strings are borrowed from argv and live as long as the process, but for
 * those of @mounts.  A number that was not given is 0, a string NULL.
 */
struct options {
	enum options_command command;
	const char *control;
	const char *project;
	const char *workdir;
	const char *proxy;
	const char *proxy_config;
	const char *proxy_ready_file;
	const char *stats;
	bool no_network;
	bool read_only;
	bool json;
	bool die_with_parent;
	struct options_mount mounts[OPTIONS_MOUNT_MAX];
	size_t mount_count;
	const char *env[OPTIONS_ENV_MAX]; /* K=V */
	size_t env_count;
	uint64_t timeout_ms;
	uint64_t memory_bytes;
	uint64_t pids;
	uint64_t cpu_milli; /* thousandths of one processor */
	int ready_fd;       /* -1: none */
	char **argv;        /* the command and its arguments, NULL-terminated */
	size_t argc;
};

/**
 * options_parse() - Read the command line of a subcommand
 * @options: filled; options_fini() it in either case
 * @command: which subcommand; options of the others are refused
 * @argc:    number of arguments, the subcommand's name included as the first
 * @argv:    arguments
 *
 * Says what is wrong, in one line on standard error.
 *
 * Return: 0, or -1.
 */
int options_parse(struct options *options, enum options_command command,
		  int argc, char **argv);

/**
 * options_fini() - Free what options_parse() allocated
 * @options: from options_parse()
 */
void options_fini(struct options *options);

/**
 * options_read_duration() - `500ms`, `5s`, `2m`, `1h`
 * @text: NUL-terminated
 * @ms:   set to 1 .. ten years
 *
 * Return: whether @text is a duration; a number without a unit is none.
 */
bool options_read_duration(const char *text, uint64_t *ms);

/**
 * options_read_size() - Bytes, or with k, m or g as powers of 1024
 * @text:  NUL-terminated
 * @bytes: set to 1 .. 2^60
 */
bool options_read_size(const char *text, uint64_t *bytes);

/**
 * options_read_cpus() - A number of processors, up to three decimals
 * @text:  NUL-terminated, such as `1.5`
 * @milli: set to thousandths, 1 .. 1024000
 */
bool options_read_cpus(const char *text, uint64_t *milli);

/**
 * options_read_count() - A decimal number
 * @text:  NUL-terminated, digits alone
 * @most:  the largest allowed
 * @count: set to 1 .. @most
 */
bool options_read_count(const char *text, uint64_t most, uint64_t *count);

/**
 * options_read_mount() - `SOURCE:TARGET` or `SOURCE:TARGET:ro`
 * @text:  NUL-terminated; neither path may hold a colon
 * @mount: filled with owned strings; @mount is untouched on failure
 */
bool options_read_mount(const char *text, struct options_mount *mount);

/**
 * options_is_env() - Is this `NAME=VALUE` with a name that shells accept?
 * @text: NUL-terminated
 */
bool options_is_env(const char *text);

#endif /* PEN_JAIL_OPTIONS_H */
