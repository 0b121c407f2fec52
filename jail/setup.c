/* SPDX-License-Identifier: MIT */
/* setup.c - the child of pen-jail that becomes bubblewrap */
/*
 * It runs as the caller until it makes the outer user namespace, with all
 * capabilities there while it furnishes the network, and hands over to
 * bubblewrap, which has them no more: exec drops them for any user but root,
 * and for root bubblewrap does.  No byte that a sandbox wrote is read here.
 *
 * bubblewrap is PID 1 of a PID namespace around the sandbox's own.  By itself
 * it leaves a child behind that waits for ever if it is killed between its
 * clone() and its go-ahead; so the kernel kills that child with it.
 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bwrap.h"
#include "control.h"
#include "filter.h"
#include "hostetc.h"
#include "sandbox.h"
#include "stage.h"
#include "userns.h"
#include "util.h"

static const char setup_resolv[] = "nameserver 127.0.0.1\n";
static const char setup_hosts[] = "127.0.0.1\tlocalhost pen\n"
				  "::1\tlocalhost ip6-localhost "
				  "ip6-loopback\n";

/* What the child needs to become bubblewrap. */
struct setup_child {
	struct bwrap_plan plan;
	struct hostetc etc;
	char *self;
	int setup[2]; /* to send the sockets: parent's end, child's end */
	int init[2];
	int errors[2];
};

static int setup_send_netns(const struct netns *netns, int socket)
{
	struct control_message message = {
		.type = CONTROL_NETNS,
		.value = netns->capture_error,
		.flags = netns->capture,
		.number = {netns->count},
	};

	return control_send(socket, &message, netns->fds, netns->count);
}

/* bubblewrap and init inherit these and nothing else. */
static int setup_pass_fds(const struct setup_child *child)
{
	const struct bwrap_plan *plan = &child->plan;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	size_t i;

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(child->errors[1], STDERR_FILENO) < 0)
		return -1;
	for (i = 0; i < FILTER_COUNT; i++)
		if (util_set_cloexec(plan->filters[i], false))
			return -1;
	return util_set_cloexec(plan->resolv_fd, false) ||
			       util_set_cloexec(plan->hosts_fd, false) ||
			       util_set_cloexec(plan->init_fd, false)
		       ? -1
		       : 0;
}

/* bubblewrap looks its child up in /proc, by the PID that it has here. */
static int setup_mount_proc(void)
{
	if (unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 &&
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) == 0)
		return 0;
	/* Read by sandbox_show_errors(), like bubblewrap's own words. */
	dprintf(STDERR_FILENO, "cannot mount proc: %s\n", strerror(errno));
	return -1;
}

/* What root alone may read stays on the host. */
static int setup_cover_etc(uid_t uid)
{
	if (uid != 0 || hostetc_cover("/etc") == 0)
		return 0;
	dprintf(STDERR_FILENO, "cannot cover /etc: %s\n", strerror(errno));
	return -1;
}

/* Become bubblewrap, as PID 1: its end is the end of all that it starts. */
static _Noreturn void setup_exec(const struct setup_child *child,
				 const struct bwrap_argv *argv,
				 const int alive[2])
{
	struct pollfd wait = {.fd = alive[0]};
	char *no_env[] = {NULL};

	/*
	 * The parent is in another PID namespace, so getppid() cannot tell
	 * whether it ended before this; the pipe that it holds can.
	 */
	close(alive[1]);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || poll(&wait, 1, 0) != 0)
		_exit(JAIL_EXIT_FAILED);
	if (setup_pass_fds(child) || setup_mount_proc() ||
	    setup_cover_etc(child->plan.uid) || stage_shut_devices() ||
	    stage_fill(argv->sources, argv->source_count))
		_exit(JAIL_EXIT_FAILED);
	execve(child->plan.program, argv->strings, no_env);
	dprintf(STDERR_FILENO, "%s: %s\n", child->plan.program,
		strerror(errno));
	_exit(JAIL_EXIT_FAILED);
}

/* Hold the pipe, and nothing else, until bubblewrap ends. */
static _Noreturn void setup_mind(pid_t pid, int alive)
{
	int status;

	prctl(PR_SET_NAME, "pen-setup");
	if (dup2(alive, STDIN_FILENO) < 0)
		_exit(JAIL_EXIT_FAILED);
	syscall(SYS_close_range, 1, ~0u, 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(JAIL_EXIT_OK);
}

static _Noreturn void setup_become(const struct sandbox *sandbox,
				   struct setup_child *child, pid_t parent)
{
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	int alive[2];
	pid_t pid = -1;
	struct bwrap_argv argv;
	struct netns netns;
	size_t count;
	sigset_t none;

	util_die_with_parent(parent);
	/* Away from the terminal: what the keyboard sends is not for us. */
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (limits_enter(&sandbox->limits)) {
		util_report("cannot set the limits: %s", strerror(errno));
		_exit(JAIL_EXIT_FAILED);
	}
	/* Root's further groups; others cannot drop theirs. */
	if (geteuid() == 0)
		setgroups(0, NULL);
	if (userns_enter(getuid(), getgid()))
		_exit(JAIL_EXIT_FAILED);
	util_die_with_parent(parent);
	if (netns_set_up(&netns, sandbox->options->no_network) ||
	    setup_send_netns(&netns, child->setup[1]))
		_exit(JAIL_EXIT_FAILED);
	bwrap_build(&child->plan, &argv);
	/* End of file, or anything else, is pen-jail's failure. */
	if (control_receive(child->setup[1], &message, fds, &count) != 1 ||
	    message.type != CONTROL_READY)
		_exit(JAIL_EXIT_FAILED);
	if (pipe2(alive, O_CLOEXEC) == 0)
		pid = fork();
	if (pid == 0)
		setup_exec(child, &argv, alive);
	if (pid < 0) {
		util_report("cannot start: %s", strerror(errno));
		_exit(JAIL_EXIT_FAILED);
	}
	setup_mind(pid, alive[1]);
}

static int setup_make_sockets(struct setup_child *child)
{
	int type = SOCK_SEQPACKET | SOCK_CLOEXEC;

	if (socketpair(AF_UNIX, type, 0, child->setup) ||
	    socketpair(AF_UNIX, type, 0, child->init) ||
	    pipe2(child->errors, O_CLOEXEC | O_NONBLOCK)) {
		util_report("cannot start: %s", strerror(errno));
		return -1;
	}
	child->plan.init_fd = child->init[1];
	return 0;
}

static int setup_make_files(struct setup_child *child)
{
	struct bwrap_plan *plan = &child->plan;
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0) {
		util_report("/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	self[len] = '\0';
	child->self = util_format("%s", self);
	plan->self = child->self;
	plan->resolv_fd = util_memory_file("resolv.conf", setup_resolv,
					   strlen(setup_resolv));
	plan->hosts_fd =
		util_memory_file("hosts", setup_hosts, strlen(setup_hosts));
	if (plan->resolv_fd < 0 || plan->hosts_fd < 0 ||
	    filter_open(plan->filters)) {
		util_report("cannot start: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static int setup_plan(const struct sandbox *sandbox, struct setup_child *child)
{
	struct bwrap_plan *plan = &child->plan;

	plan->program = bwrap_find();
	if (!plan->program) {
		util_report("bubblewrap is missing; install bubblewrap: "
			    "apt-get install bubblewrap");
		return -1;
	}
	plan->uid = getuid();
	plan->gid = getgid();
	plan->options = sandbox->options;
	plan->paths = &sandbox->paths;
	plan->etc = &child->etc;
	bwrap_find_systems(plan);
	hostetc_inspect(&child->etc, "/etc");
	if (setup_make_files(child))
		return -1;
	return setup_make_sockets(child);
}

static void setup_child_fini(struct setup_child *child)
{
	int i;

	for (i = 0; i < 2; i++) {
		util_close(&child->setup[i]);
		util_close(&child->init[i]);
		util_close(&child->errors[i]);
	}
	for (i = 0; i < FILTER_COUNT; i++)
		util_close(&child->plan.filters[i]);
	util_close(&child->plan.resolv_fd);
	util_close(&child->plan.hosts_fd);
	bwrap_plan_fini(&child->plan);
	hostetc_fini(&child->etc);
	free(child->self);
}

static void setup_child_init(struct setup_child *child)
{
	int i;

	memset(child, 0, sizeof(*child));
	for (i = 0; i < 2; i++)
		child->setup[i] = child->init[i] = child->errors[i] = -1;
	for (i = 0; i < FILTER_COUNT; i++)
		child->plan.filters[i] = -1;
	child->plan.resolv_fd = child->plan.hosts_fd = -1;
}

/* Wait for the sockets.  End of file: the child said why it failed. */
static int setup_take_netns(struct sandbox *sandbox, int socket)
{
	struct control_message message;
	int fds[CONTROL_FD_MAX];
	size_t count, i;

	if (control_receive(socket, &message, fds, &count) <= 0)
		return -1;
	for (i = 0; i < count && i < NETNS_SOCKETS; i++)
		sandbox->netns.fds[i] = fds[i];
	sandbox->netns.count = i;
	sandbox->netns.names = netns_names;
	sandbox->netns.capture = message.flags != 0;
	sandbox->netns.capture_error = message.value;
	return 0;
}

/* While the child makes namespaces, compile the filters that it waits for. */
static int setup_give_filters(const struct sandbox *sandbox,
			      const struct setup_child *child)
{
	struct control_message message = {.type = CONTROL_READY};
	bool keep_affinity =
		sandbox->options->cpu_milli > 0 && !sandbox->limits.cgroup;

	if (filter_compile(child->plan.filters, keep_affinity))
		return -1;
	/* A child that failed has said why; setup_take_netns() sees its end. */
	control_send(child->setup[0], &message, NULL, 0);
	return 0;
}

int setup_fork(struct sandbox *sandbox)
{
	struct setup_child child;
	pid_t parent = getpid();
	int result = -1;

	setup_child_init(&child);
	if (setup_plan(sandbox, &child))
		goto out;
	sandbox->setup = fork();
	if (sandbox->setup == 0)
		setup_become(sandbox, &child, parent);
	if (sandbox->setup < 0) {
		sandbox->setup = 0;
		util_report("cannot start: %s", strerror(errno));
		goto out;
	}
	sandbox->group = sandbox->setup;
	/* The child's ends: their closing must show. */
	util_close(&child.setup[1]);
	util_close(&child.init[1]);
	sandbox->init = child.init[0];
	sandbox->errors = child.errors[0];
	/* Writing never blocks: what nobody reads is dropped. */
	sandbox->proxy.errors = child.errors[1];
	child.init[0] = child.errors[0] = child.errors[1] = -1;
	if (setup_give_filters(sandbox, &child) == 0)
		result = setup_take_netns(sandbox, child.setup[0]);
out:
	setup_child_fini(&child);
	return result;
}
