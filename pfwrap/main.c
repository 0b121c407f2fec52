/* SPDX-License-Identifier: MIT */
/* main.c - pen-pfctl: who calls, from what surroundings, and for what */
#include "pfwrap.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#ifdef __APPLE__
#include <mach-o/dyld.h>
#endif

#include "pen_build.h"

enum { INPUT_SECONDS = 10, TOTAL_SECONDS = 60, LOAD_TRIES = 3 };

extern char **environ;
static uint32_t caller = UINT32_MAX; /* not known yet */
static struct request asked = {.word = "?"};

void die(enum status status, const char *format, ...)
{
	char message[600];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	/* A caller that does not read must keep nobody waiting. */
	state_close();
	if (geteuid() == 0)
		syslog(LOG_WARNING, "uid %u: %s %s: %s", caller, asked.word,
		       asked.set.name, message);
	fprintf(stderr, "pen-pfctl: %s\n", message);
	exit((int)status);
}

static void main_alarm(int number)
{
	static const char text[] = "pen-pfctl: took too long\n";

	(void)number;
	/* Whoever does not read this sees it killed. */
	alarm(1);
	(void)!write(2, text, sizeof(text) - 1);
	_exit(STATUS_REFUSED);
}

/* What the caller may have put in the way: limits, signals, descriptors. */
static void main_harden(void)
{
	static const unsigned char limits[] = {RLIMIT_CPU, RLIMIT_FSIZE,
					       RLIMIT_DATA, RLIMIT_AS};
	static const struct sigaction late = {
		.sa_handler = main_alarm,
		.sa_flags = (int)SA_RESETHAND | SA_NODEFER,
	};
	struct dirent *entry;
	DIR *open_fds;
	uint32_t fd;
	int i;

	for (i = 0; i < (int)sizeof(limits); i++)
		(void)setrlimit(limits[i],
				&(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	/* Of faults and of SIGKILL the kernel takes care. */
	for (i = 1; i < 32; i++)
		signal(i, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGALRM, &late, NULL);
	sigprocmask(SIG_SETMASK, &late.sa_mask, NULL); /* an empty one */
	alarm(TOTAL_SECONDS);

	/* Room for the folder itself first. */
	(void)close(3);
	open_fds = opendir("/dev/fd");
	while (open_fds && (entry = readdir(open_fds)))
		if (args_number(entry->d_name, INT_MAX, &fd) && fd > 2 &&
		    (int)fd != dirfd(open_fds))
			close((int)fd);
	if (!open_fds || closedir(open_fds) != 0)
		die(STATUS_REFUSED, "the open files cannot be listed");
	do {
		i = open("/dev/null", O_RDWR);
	} while (i >= 0 && i < 3);
	if (close(i) != 0 || chdir("/") != 0)
		die(STATUS_REFUSED, "no /dev/null, or no root folder");
	*environ = NULL;
	umask(077);
	openlog("pen-pfctl", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

/* sudo says who called; whoever is root without sudo is root. */
static void main_identify(const struct request *r)
{
#ifdef __APPLE__
	char self[PATH_MAX];
	uint32_t size = sizeof(self);

	if (_NSGetExecutablePath(self, &size) != 0)
		self[0] = '\0';
#else
	static const char self[] = "/proc/self/exe";
#endif
	if (getuid() != 0 || geteuid() != 0)
		die(STATUS_NOT_PERMITTED, "not root; call it through sudo");
	if (caller == UINT32_MAX)
		die(STATUS_NOT_PERMITTED, "SUDO_UID is not a user's number");
	if (caller != 0 && r->op != OP_LIST && r->set.uid != caller)
		die(STATUS_NOT_PERMITTED, "%s is not a name of uid %u",
		    r->set.name, caller);
	if (setgroups(0, NULL) != 0 || setgid(0) != 0 || setuid(0) != 0)
		die(STATUS_NOT_PERMITTED, "not allowed to be root");
	if (!apply_trusts(self))
		die(STATUS_NOT_PERMITTED,
		    "this program, or a folder above it, is not root's alone");
}

static void main_read_list(struct request *r)
{
	static struct rule rules[RULES_MAX];
	static char list[LIST_BYTES_MAX + 2];
	size_t len;

	alarm(INPUT_SECONDS);
	len = fread(list, 1, LIST_BYTES_MAX + 1, stdin);
	alarm(TOTAL_SECONDS - INPUT_SECONDS);
	r->rules = rules;
	if (ferror(stdin))
		die(STATUS_REFUSED, "the list cannot be read");
	if (len > LIST_BYTES_MAX)
		die(STATUS_USAGE, "the list is longer than 1 MiB");
	if (args_list(list, len, r, stderr) > 0)
		die(STATUS_USAGE, "the list has faults; nothing was loaded");
}

/* A bridge is one user's, and a user's sets are few. */
static void main_claim(const struct set *set)
{
	const struct set *other;
	size_t own = 0;

	for (other = loaded.sets; other < &loaded.sets[loaded.count]; other++) {
		own += other->uid == set->uid &&
		       strcmp(other->name, set->name) != 0;
		if (other->uid != set->uid &&
		    strcmp(other->iface, set->iface) == 0)
			die(STATUS_NOT_PERMITTED,
			    "%s is shut by a rule set of uid %u", set->iface,
			    other->uid);
	}
	if (own >= SETS_PER_USER_MAX)
		die(STATUS_NOT_PERMITTED, "too many rule sets");
}

/* What the same user left on the bridge: pf would ask only the first of two. */
static void main_supersede(const struct set *set)
{
	struct request old = {.op = OP_FLUSH};
	size_t i;

	for (i = loaded.count; i-- > 0;) {
		old.set = loaded.sets[i];
		if (strcmp(old.set.name, set->name) != 0 &&
		    strcmp(old.set.iface, set->iface) == 0)
			apply_flush(&old);
	}
}

static void op_load(struct request *r)
{
	char *wrong;
	const char *lost;
	struct set now;
	bool is_new;
	int tries;

	for (tries = 0; tries < LOAD_TRIES; tries++) {
		lost = iface_find(&r->set);
		if (lost)
			die(STATUS_NO_INTERFACE, "%s", lost);
		main_claim(&r->set);
		/* No rules without a record of them. */
		r->set.digest = 0;
		is_new = !state_find(r->set.name);
		if (is_new)
			state_put(&r->set);
		wrong = apply_load(r);
		/* One that was killed may have loaded them all the same. */
		if (wrong && is_new)
			apply_flush(r);
		if (wrong)
			die(STATUS_REFUSED, "not loaded: %.400s", wrong);
		state_put(&r->set);
		main_supersede(&r->set);
		/* The address may have gone to another bridge meanwhile. */
		now = r->set;
		if (!iface_find(&now) && strcmp(now.iface, r->set.iface) == 0)
			return;
		apply_flush(r);
	}
	die(STATUS_NO_INTERFACE, "the bridge changed during the load");
}

static void main_operate(struct request *r)
{
	const struct set *set = state_find(r->set.name);
	const char *wrong = "nothing was loaded";
	char *rules = NULL;
	bool is_shut;

	if (set && r->op != OP_LOAD)
		r->set = *set;
	if (r->op == OP_LOAD)
		op_load(r);
	if (r->op == OP_FLUSH)
		apply_flush(r);
	if (r->op == OP_VERIFY && (!set || (wrong = apply_verify(r))))
		die(STATUS_NOT_IN_FORCE, "%s: %s", r->set.name, wrong);
	if (r->op == OP_SHOW && !(rules = apply_rules(r, OP_SHOW)))
		die(STATUS_REFUSED, "there are no rules of that name");
	is_shut = (r->op == OP_LOAD || r->op == OP_VERIFY) && apply_is_shut();
	/* From here on a caller that does not read keeps nobody waiting. */
	state_close();
	syslog(LOG_INFO, "uid %u: %s %s: %s, %zu rules", caller, r->word,
	       r->set.name, r->set.iface, r->rule_count);
	if (is_shut)
		fprintf(stderr,
			"pen-pfctl: warning: this host's own firewall drops "
			"what it does not know; it has to let in tcp from %s "
			"to %s port %u\n",
			r->set.iface, inet_ntoa(r->set.gateway),
			r->set.proxy_port);
	for (size_t i = 0; r->op == OP_LIST && i < loaded.count; i++)
		if (caller == 0 || loaded.sets[i].uid == caller)
			printf("%s %s\n", loaded.sets[i].name,
			       loaded.sets[i].iface);
	fputs(rules ? rules : "", stdout);
	free(rules);
}

int main(int argc, char **argv)
{
	const char *uid = getenv("SUDO_UID");

	main_harden();
	if (argc == 2 && strcmp(argv[1], "-V") == 0) {
		printf("pen-pfctl %s\n", PEN_VERSION);
		return fflush(stdout) == 0 ? STATUS_OK : STATUS_REFUSED;
	}
	(void)args_number(uid ? uid : "0", UINT32_MAX - 1, &caller);
	if (argc < 2 || !args_parse(argv + 1, &asked))
		die(STATUS_USAGE,
		    "wrong usage: load NAME --gateway ADDR --proxy-port PORT "
		    "[--dns], flush NAME, verify NAME, show NAME, list, or "
		    "check; see pen-pfctl(8)");
	if (asked.op != OP_CHECK)
		main_identify(&asked);
	if (asked.op == OP_CHECK || asked.op == OP_LOAD)
		main_read_list(&asked);
	if (asked.op == OP_CHECK) {
		ruleset_write(stdout, asked.pf ? ruleset_pf : ruleset_nft,
			      &asked);
	} else {
		state_open();
		main_operate(&asked);
	}
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_REFUSED;
}
