/* SPDX-License-Identifier: MIT */
/* options.c - the command line: one table of options, strict readers */
#include "options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define OPTIONS_SANDBOX (OPTIONS_RUN | OPTIONS_START)
#define OPTIONS_DURATION_MAX (UINT64_C(10) * 366 * 24 * 3600 * 1000)
#define OPTIONS_SIZE_MAX (UINT64_C(1) << 60)
#define OPTIONS_PIDS_MAX 4194304 /* the kernel's PID_MAX_LIMIT */

enum options_id {
	ID_CONTROL,
	ID_PROJECT,
	ID_WORKDIR,
	ID_PROXY,
	ID_PROXY_CONFIG,
	ID_PROXY_READY_FILE,
	ID_NO_NETWORK,
	ID_MOUNT,
	ID_ENV,
	ID_READ_ONLY,
	ID_TIMEOUT,
	ID_MEMORY,
	ID_CPUS,
	ID_PIDS,
	ID_STATS,
	ID_READY_FD,
	ID_JSON,
	ID_DIE_WITH_PARENT,
	ID__COUNT
};

/* Which subcommands take an option; its name is in options_long. */
static const int options_takers[ID__COUNT] = {
	[ID_CONTROL] = OPTIONS_START | OPTIONS_EXEC | OPTIONS_STOP,
	[ID_PROJECT] = OPTIONS_SANDBOX,
	[ID_WORKDIR] = OPTIONS_SANDBOX | OPTIONS_EXEC,
	[ID_PROXY] = OPTIONS_SANDBOX | OPTIONS_CHECK,
	[ID_PROXY_CONFIG] = OPTIONS_SANDBOX,
	[ID_PROXY_READY_FILE] = OPTIONS_SANDBOX,
	[ID_NO_NETWORK] = OPTIONS_SANDBOX,
	[ID_MOUNT] = OPTIONS_SANDBOX,
	[ID_ENV] = OPTIONS_SANDBOX | OPTIONS_EXEC,
	[ID_READ_ONLY] = OPTIONS_SANDBOX,
	[ID_TIMEOUT] = OPTIONS_SANDBOX,
	[ID_MEMORY] = OPTIONS_SANDBOX,
	[ID_CPUS] = OPTIONS_SANDBOX,
	[ID_PIDS] = OPTIONS_SANDBOX,
	[ID_STATS] = OPTIONS_RUN,
	[ID_READY_FD] = OPTIONS_START,
	[ID_JSON] = OPTIONS_CHECK,
	[ID_DIE_WITH_PARENT] = OPTIONS_RUN,
};

static const struct option options_long[] = {
	{"control", required_argument, NULL, ID_CONTROL},
	{"project", required_argument, NULL, ID_PROJECT},
	{"workdir", required_argument, NULL, ID_WORKDIR},
	{"proxy", required_argument, NULL, ID_PROXY},
	{"proxy-config", required_argument, NULL, ID_PROXY_CONFIG},
	{"proxy-ready-file", required_argument, NULL, ID_PROXY_READY_FILE},
	{"no-network", no_argument, NULL, ID_NO_NETWORK},
	{"mount", required_argument, NULL, ID_MOUNT},
	{"env", required_argument, NULL, ID_ENV},
	{"read-only", no_argument, NULL, ID_READ_ONLY},
	{"timeout", required_argument, NULL, ID_TIMEOUT},
	{"memory", required_argument, NULL, ID_MEMORY},
	{"cpus", required_argument, NULL, ID_CPUS},
	{"pids", required_argument, NULL, ID_PIDS},
	{"stats", required_argument, NULL, ID_STATS},
	{"ready-fd", required_argument, NULL, ID_READY_FD},
	{"json", no_argument, NULL, ID_JSON},
	{"die-with-parent", no_argument, NULL, ID_DIE_WITH_PARENT},
	{NULL, 0, NULL, 0},
};

/* Digits to a number; stops at the first other byte.  No sign, no space. */
static bool options_read_digits(const char **text, uint64_t most,
				uint64_t *number)
{
	const char *next = *text;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*next))
		return false;
	for (; isdigit((unsigned char)*next); next++) {
		unsigned int digit = (unsigned int)(*next - '0');

		if (value > (most - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*text = next;
	*number = value;
	return true;
}

bool options_read_count(const char *text, uint64_t most, uint64_t *count)
{
	uint64_t value;

	if (!options_read_digits(&text, most, &value) || *text || value == 0)
		return false;
	*count = value;
	return true;
}

bool options_read_duration(const char *text, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t factor;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	uint64_t value;
	size_t i;

	if (!options_read_digits(&text, OPTIONS_DURATION_MAX, &value))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i].unit) == 0)
			break;
	if (i == sizeof(units) / sizeof(units[0]) || value == 0 ||
	    value > OPTIONS_DURATION_MAX / units[i].factor)
		return false;
	*ms = value * units[i].factor;
	return true;
}

bool options_read_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kmg";
	unsigned int shift = 0;
	uint64_t value;

	if (!options_read_digits(&text, OPTIONS_SIZE_MAX, &value))
		return false;
	if (*text) {
		const char *unit = strchr(units, *text);

		if (!unit || text[1])
			return false;
		shift = (unsigned int)(unit - units + 1) * 10;
	}
	if (value == 0 || value > OPTIONS_SIZE_MAX >> shift)
		return false;
	*bytes = value << shift;
	return true;
}

bool options_read_cpus(const char *text, uint64_t *milli)
{
	uint64_t whole, total;
	unsigned int scale = 100;

	if (!options_read_digits(&text, 1024, &whole))
		return false;
	total = whole * 1000;
	if (*text == '.') {
		for (text++; isdigit((unsigned char)*text) && scale; text++) {
			total += (uint64_t)(*text - '0') * scale;
			scale /= 10;
		}
		if (scale == 100)
			return false;
	}
	if (*text || total == 0 || total > 1024000)
		return false;
	*milli = total;
	return true;
}

bool options_read_mount(const char *text, struct options_mount *mount)
{
	const char *colon = strchr(text, ':');
	const char *target, *end;
	bool readonly = false;

	if (!colon || colon == text)
		return false;
	target = colon + 1;
	end = strchr(target, ':');
	if (end) {
		if (strcmp(end, ":ro") != 0 && strcmp(end, ":rw") != 0)
			return false;
		readonly = strcmp(end, ":ro") == 0;
	} else {
		end = target + strlen(target);
	}
	if (*target != '/')
		return false;
	mount->source = util_format("%.*s", (int)(colon - text), text);
	mount->target = util_format("%.*s", (int)(end - target), target);
	mount->readonly = readonly;
	return true;
}

bool options_is_env(const char *text)
{
	const char *next = text;

	if (!isalpha((unsigned char)*next) && *next != '_')
		return false;
	while (isalnum((unsigned char)*next) || *next == '_')
		next++;
	return *next == '=';
}

static bool options_add_mount(struct options *options, const char *value)
{
	if (options->mount_count == OPTIONS_MOUNT_MAX)
		return false;
	if (!options_read_mount(value, &options->mounts[options->mount_count]))
		return false;
	options->mount_count++;
	return true;
}

static bool options_add_env(struct options *options, const char *value)
{
	if (options->env_count == OPTIONS_ENV_MAX || !options_is_env(value))
		return false;
	options->env[options->env_count++] = value;
	return true;
}

static bool options_read_fd(const char *value, int *fd)
{
	uint64_t number;

	if (!options_read_count(value, 1 << 20, &number))
		return false;
	*fd = (int)number;
	return true;
}

static bool options_set_text(const char **field, const char *value)
{
	*field = value;
	return *value != '\0';
}

static bool options_set_flag(bool *field)
{
	*field = true;
	return true;
}

/* Return: false if @value is not what the option takes. */
static bool options_set(struct options *options, enum options_id id,
			const char *value)
{
	switch (id) {
	case ID_CONTROL:
		return options_set_text(&options->control, value);
	case ID_PROJECT:
		return options_set_text(&options->project, value);
	case ID_WORKDIR:
		return options_set_text(&options->workdir, value) &&
		       *value == '/';
	case ID_PROXY:
		return options_set_text(&options->proxy, value);
	case ID_PROXY_CONFIG:
		return options_set_text(&options->proxy_config, value);
	case ID_PROXY_READY_FILE:
		return options_set_text(&options->proxy_ready_file, value);
	case ID_STATS:
		return options_set_text(&options->stats, value);
	case ID_NO_NETWORK:
		return options_set_flag(&options->no_network);
	case ID_READ_ONLY:
		return options_set_flag(&options->read_only);
	case ID_JSON:
		return options_set_flag(&options->json);
	case ID_DIE_WITH_PARENT:
		return options_set_flag(&options->die_with_parent);
	case ID_MOUNT:
		return options_add_mount(options, value);
	case ID_ENV:
		return options_add_env(options, value);
	case ID_TIMEOUT:
		return options_read_duration(value, &options->timeout_ms);
	case ID_MEMORY:
		return options_read_size(value, &options->memory_bytes);
	case ID_CPUS:
		return options_read_cpus(value, &options->cpu_milli);
	case ID_PIDS:
		return options_read_count(value, OPTIONS_PIDS_MAX,
					  &options->pids);
	case ID_READY_FD:
		return options_read_fd(value, &options->ready_fd);
	case ID__COUNT:
		break;
	}
	return false;
}

static const char *options_name(enum options_id id)
{
	const struct option *entry;

	for (entry = options_long; entry->name; entry++)
		if (entry->val == (int)id)
			return entry->name;
	return "?";
}

/* What a whole command line must have, beyond each option by itself. */
static int options_check(const struct options *options)
{
	if ((options_takers[ID_CONTROL] & (int)options->command) &&
	    !options->control) {
		util_report("--control SOCK is missing");
		return -1;
	}
	if ((options->command & (OPTIONS_RUN | OPTIONS_EXEC)) &&
	    options->argc == 0) {
		util_report("no command was given");
		return -1;
	}
	if (!(options->command & (OPTIONS_RUN | OPTIONS_EXEC)) &&
	    options->argc > 0) {
		util_report("unexpected argument: %s", options->argv[0]);
		return -1;
	}
	if (options->no_network && options->proxy_config) {
		util_report("--no-network and --proxy-config exclude each "
			    "other");
		return -1;
	}
	return 0;
}

int options_parse(struct options *options, enum options_command command,
		  int argc, char **argv)
{
	memset(options, 0, sizeof(*options));
	options->command = command;
	options->ready_fd = -1;
	optind = 0; /* glibc: start anew */
	opterr = 0;
	for (;;) {
		/* `+`: the command's own options are not ours. */
		int id = getopt_long(argc, argv, "+:e:w:", options_long, NULL);

		if (id == -1)
			break;
		if (id == 'e')
			id = ID_ENV;
		if (id == 'w')
			id = ID_WORKDIR;
		if (id == ':') {
			util_report("%s needs a value", argv[optind - 1]);
			return -1;
		}
		if (id >= ID__COUNT || id < 0) {
			util_report("unknown option: %s", argv[optind - 1]);
			return -1;
		}
		if (!(options_takers[id] & (int)command)) {
			util_report("%s does not take --%s", argv[0],
				    options_name((enum options_id)id));
			return -1;
		}
		if (!options_set(options, (enum options_id)id, optarg)) {
			util_report("--%s: not a valid value: '%s'",
				    options_name((enum options_id)id),
				    optarg ? optarg : "");
			return -1;
		}
	}
	options->argv = argv + optind;
	options->argc = (size_t)(argc - optind);
	return options_check(options);
}

void options_fini(struct options *options)
{
	size_t i;

	for (i = 0; i < options->mount_count; i++) {
		free(options->mounts[i].source);
		free(options->mounts[i].target);
	}
	options->mount_count = 0;
}
