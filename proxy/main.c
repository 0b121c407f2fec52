/* SPDX-License-Identifier: MIT */
/* main.c - pen-proxy: the command line, from argv to exit status */
#include <ares.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "listen.h"
#include "policy.h"
#include "reload.h"
#include "server.h"

#include "pen_build.h"

enum { EXIT_USAGE = 2, EXIT_REFUSED = 3 };

/** struct options - What the command line asks for; strings borrowed from argv
 */
struct options {
	const char *check;
	bool test;
	int ready_fd;
};

static const char usage[] =
	"usage: pen-proxy -c FILE              run with the INI file FILE\n"
	"       pen-proxy -t -c FILE           check FILE and what it names\n"
	"       pen-proxy --check HOST:PORT -c FILE\n"
	"                                      say whether it is allowed\n"
	"       pen-proxy [--listen ADDR]... [--allow RULE]...\n"
	"                 [--allowlist FILE]...\n"
	"       pen-proxy -V | -h\n"
	"\n"
	"  -c, --config FILE     read the configuration, see "
	"pen-proxy.ini(5)\n"
	"  -t, --test            check and print a summary; opens nothing\n"
	"      --check HOST:PORT exit 0 if allowed, 3 if refused\n"
	"      --listen ADDR     HOST:PORT, HOST:FIRST-LAST, unix:/path, fd:N\n"
	"      --allow RULE      a rule, see pen-allowlist(5)\n"
	"      --allowlist FILE  a file of rules\n"
	"      --ready-fd N      write a line per listener to N when ready\n"
	"  -V, --version         print the version\n"
	"  -h, --help            print this help\n";

static int main_usage(const char *what, const char *argument)
{
	fprintf(stderr, "pen-proxy: %s%s%s (see pen-proxy -h)\n", what,
		argument ? ": " : "", argument ? argument : "");
	return EXIT_USAGE;
}

/* Return: -1 to go on, else an exit status. */
static int main_options(int argc, char **argv, struct options *o,
			struct config *c, struct faults *faults)
{
	enum { OPT_CHECK = 256, OPT_LISTEN, OPT_ALLOW, OPT_LIST, OPT_READY };
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"test", no_argument, NULL, 't'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{"check", required_argument, NULL, OPT_CHECK},
		{"listen", required_argument, NULL, OPT_LISTEN},
		{"allow", required_argument, NULL, OPT_ALLOW},
		{"allowlist", required_argument, NULL, OPT_LIST},
		{"ready-fd", required_argument, NULL, OPT_READY},
		{NULL, 0, NULL, 0},
	};
	static const char where[] = "command line";
	uint64_t fd;
	int opt;

	while ((opt = getopt_long(argc, argv, "+c:tVh", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (c->path)
				return main_usage("-c given twice", NULL);
			(void)config_load(c, optarg, faults);
			break;
		case 't':
			o->test = true;
			break;
		case 'V':
			printf("pen-proxy %s\n", PEN_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case OPT_CHECK:
			o->check = optarg;
			break;
		case OPT_LISTEN:
			(void)config_set(c, "proxy", "listen", optarg, where, 0,
					 faults);
			break;
		case OPT_ALLOW:
			(void)config_set(c, "policy", "allow", optarg, where, 0,
					 faults);
			break;
		case OPT_LIST:
			(void)config_set(c, "policy", "allowlist", optarg,
					 where, 0, faults);
			break;
		case OPT_READY:
			if (!base_parse_uint(optarg, strlen(optarg), INT32_MAX,
					     &fd))
				return main_usage("--ready-fd needs a number",
						  optarg);
			o->ready_fd = (int)fd;
			break;
		default:
			return main_usage("wrong usage", NULL);
		}
	}
	if (optind < argc)
		return main_usage("unexpected argument", argv[optind]);
	return -1;
}

static int main_faults(struct faults *faults)
{
	if (faults->text.data)
		fputs(faults->text.data, stderr);
	return faults->count ? EXIT_USAGE : -1;
}

static int main_test(const struct config *c, const struct policy *p)
{
	const struct policy_options *o = policy_options_of(p);

	printf("%s: ok\n", c->path ? c->path : "command line");
	printf("rules: %zu%s\n", policy_rule_count(p),
	       policy_rule_count(p) ? "" : " (everything is refused)");
	printf("mode: %s\n", o->mode == POLICY_MONITOR
				     ? "monitor (refuses nothing)"
				     : "enforce");
	for (size_t i = 0; i < policy_rule_count(p); i++) {
		const struct rule *r = policy_rule(p, i);

		printf("  %s:%u: %s\n", r->file, r->line, r->text);
	}
	return EXIT_SUCCESS;
}

/* Why an address is refused, for people. */
static const char *main_guard_text(enum policy_guard g, const struct addr *a)
{
	if (g == GUARD_CIDR)
		return "in a deny-cidr";
	if (g == GUARD_NEVER && addr_classify(a) != ADDR_UNSPECIFIED)
		return "a listener of the proxy's own";
	return addr_class_name(addr_classify(a));
}

static int main_check(const char *text, const struct policy *p)
{
	bool monitor = policy_options_of(p)->mode == POLICY_MONITOR;
	enum policy_guard guard = GUARD_OK;
	char where[TARGET_TEXT_MAX];
	const struct rule *r;
	struct target t;

	switch (target_parse(&t, text, strlen(text), 0)) {
	case TARGET_BAD_HOST:
		return main_usage("malformed host", text);
	case TARGET_BAD_PORT:
		return main_usage("malformed or missing port", text);
	case TARGET_OK:
		break;
	}
	target_format(&t, where);
	r = policy_judge(p, &t, base_wall_ms());
	if (!r && !monitor) {
		printf("%s: refused: no rule allows it\n", where);
		return EXIT_REFUSED;
	}
	if (t.literal)
		guard = policy_guard(p, r, &t, &t.addr);
	if (guard != GUARD_OK) {
		printf("%s: refused: the address is forbidden (%s)", where,
		       main_guard_text(guard, &t.addr));
		if (r)
			printf(", though %s:%u allows it: %s", r->file, r->line,
			       r->text);
		printf("\n");
		return EXIT_REFUSED;
	}
	if (!r) {
		printf("%s: allowed by mode=monitor: no rule allows it\n",
		       where);
		return EXIT_SUCCESS;
	}
	printf("%s: allowed by %s:%u: %s\n", where, r->file, r->line, r->text);
	return EXIT_SUCCESS;
}

/* Return: 0 or -1. */
static int main_set_own(const struct config *c, struct reload *reload)
{
	size_t count;
	struct policy_own *own = listen_own_named(c, &count);

	return own && reload_own(reload, own, count) == 0 ? 0 : -1;
}

/* What the configuration names beside allow-lists. */
static void main_check_files(const struct config *c, struct faults *faults)
{
	struct stat st;
	const char *wrong = NULL;

	if (!c->audit_command)
		return;
	if (stat(c->audit_command, &st) < 0 ||
	    access(c->audit_command, X_OK) < 0)
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "not a regular file";
	if (wrong)
		faults_add(faults, c->path, config_line(c, "audit", "command"),
			   "command %s: %s", c->audit_command, wrong);
}

static int main_run(const struct options *o, const struct config *c,
		    struct faults *faults)
{
	struct reload *reload = reload_new(c);
	struct policy *p;
	int status;

	if (!reload)
		return EXIT_FAILURE;
	main_check_files(c, faults);
	/* Whatever faults there are already: all of them are said in one go. */
	p = reload_first(reload, faults);
	status = main_faults(faults);
	if (status < 0) {
		if (o->check)
			status = main_set_own(c, reload) < 0
					 ? EXIT_FAILURE
					 : main_check(o->check, p);
		else if (o->test)
			status = main_test(c, p);
	}
	/* @reload has it, and frees it when another one is in force. */
	policy_unref(p);
	if (status < 0)
		status = server_run(c, reload, o->ready_fd);
	reload_free(reload);
	return status;
}

/* What could not be written was not said, whatever the answer would have been.
 */
static int main_flush(int status)
{
	if (fflush(stdout) != 0)
		fprintf(stderr,
			"pen-proxy: cannot write to standard output: %s\n",
			strerror(errno));
	else if (ferror(stdout))
		fputs("pen-proxy: cannot write to standard output\n", stderr);
	else
		return status;
	return EXIT_FAILURE;
}

/* Descriptors 0 to 2 have to be something, or a socket could take their place
 * and be written to as standard error. */
static void main_hold_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options o = {.ready_fd = -1};
	struct faults faults = {0};
	struct config c;
	int status;

	main_hold_standard_fds();
	/* The environment has no say in how names are resolved. */
	unsetenv("RES_OPTIONS");
	unsetenv("LOCALDOMAIN");
	unsetenv("HOSTALIASES");
	unsetenv("CARES_HOSTS");
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return EXIT_FAILURE;
	config_init(&c);
	status = main_options(argc, argv, &o, &c, &faults);
	if (status < 0)
		status = main_run(&o, &c, &faults);
	faults_free(&faults);
	config_fini(&c);
	ares_library_cleanup();
	return main_flush(status);
}
