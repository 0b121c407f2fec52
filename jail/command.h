/* SPDX-License-Identifier: MIT */
/* command.h - the subcommands of pen-jail */
#ifndef PEN_JAIL_COMMAND_H
#define PEN_JAIL_COMMAND_H

struct options;

/*
 * Each takes a parsed command line and returns the exit status of pen-jail.
 * All but check say what went wrong on standard error.
 */
int command_run(const struct options *options);
int command_start(const struct options *options);
int command_exec(const struct options *options);
int command_stop(const struct options *options);
int command_check(const struct options *options);

#endif /* PEN_JAIL_COMMAND_H */
