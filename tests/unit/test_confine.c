/* SPDX-License-Identifier: MIT */
/* test_confine.c - what a confined process may still do, and what not
 *
 * Each row runs in two processes of its own: one as it is, where it must work
 * (or the row proves nothing), and one that is confined.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/confine.h"
#include "tests/unit/row.h"

#ifdef __linux__
#include <linux/netlink.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#endif

enum { STATUS_REFUSED = 256, STATUS_SIGNAL = 512 };

/* What a child says: an errno, or STATUS_REFUSED from confine_self(). */
struct report {
	int rc;
	char in_force[64];
};

static char folder[] = "/tmp/pen-test-confine.XXXXXX";
static char in_force[64];

static int put_file(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	int rc = fd >= 0 && write(fd, "example.org:443\n", 16) == 16 ? 0 : -1;

	if (fd >= 0)
		close(fd);
	return rc == 0 && chmod(path, mode) == 0 ? 0 : -1;
}

static int folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(folder) || chdir(folder) != 0 ||
	    mkdir("policy", 0700) != 0 || mkdir("logs", 0700) != 0 ||
	    mkdir("run", 0700) != 0 || mkdir("outside", 0700) != 0)
		return -1;
	return put_file("policy/rules", 0600) == 0 &&
			       put_file("outside/secret", 0600) == 0 &&
			       put_file("outside/setuid", 04755) == 0
		       ? 0
		       : -1;
}

static int folder_remove(void **state)
{
	static const char *const files[] = {
		"policy/rules", "outside/secret", "outside/setuid",
		"outside/new",  "logs/proxy.log", "logs/log.new",
		"logs/log.1",   "logs/folder",    "run/pid",
	};

	(void)state;
	for (size_t i = 0; i < ROW_COUNT(files); i++)
		(void)remove(files[i]);
	return rmdir("policy") == 0 && rmdir("logs") == 0 &&
			       rmdir("run") == 0 && rmdir("outside") == 0 &&
			       chdir("/") == 0 && rmdir(folder) == 0
		       ? 0
		       : -1;
}

/* ------------------------------------------------------------------------ */
/* Attempts: each returns 0 or an errno. */

static int status(long rc)
{
	return rc < 0 ? errno : 0;
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int rc = status(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	int rc = status(fd);

	if (fd >= 0)
		close(fd);
	return rc;
}

static int read_outside(void)
{
	return try_open("outside/secret", O_RDONLY);
}

static int write_outside(void)
{
	return try_open("outside/secret", O_WRONLY);
}

static int make_outside(void)
{
	int rc = try_open("outside/new", O_WRONLY | O_CREAT | O_EXCL);

	(void)unlink("outside/new");
	return rc;
}

static int remove_outside(void)
{
	int rc = status(unlink("outside/secret"));

	return rc == 0 ? put_file("outside/secret", 0600) : rc;
}

static int write_policy(void)
{
	return try_open("policy/rules", O_WRONLY);
}

static int read_log(void)
{
	return try_open("logs/proxy.log", O_RDONLY | O_CREAT);
}

static int list_folder(const char *path)
{
	DIR *d = opendir(path);
	int rc = d ? 0 : errno;

	if (d)
		closedir(d);
	return rc;
}

static int list_policy(void)
{
	return list_folder("policy");
}

static int bind_tcp(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return status(bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
}

static int listen_tcp(void)
{
	return status(listen(socket(AF_INET, SOCK_STREAM, 0), 1));
}

static int run_program(void)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL}, *envp[] = {NULL};

	return status(execve("/bin/true", argv, envp));
}

static int fork_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return status(pid);
}

static int signal_parent(void)
{
	return status(kill(getppid(), 0));
}

static int run_memory(void)
{
	/* cppcheck 2.10 knows no anonymous memory: no descriptor goes with it.
	 */
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			/* cppcheck-suppress invalidFunctionArg */
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : status(munmap(at, 4096));
}

static int make_run(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			/* cppcheck-suppress invalidFunctionArg */
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return status(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int change_mode(void)
{
	return status(chmod("logs", 0700));
}

static int make_folder(void)
{
	int rc = status(mkdir("logs/folder", 0700));

	(void)rmdir("logs/folder");
	return rc;
}

static int raw_socket(void)
{
	return try_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

#ifdef __linux__
static int packet_socket(void)
{
	return try_socket(AF_PACKET, SOCK_DGRAM, 0);
}

static int ping_socket(void)
{
	return try_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
}

static int uevent_socket(void)
{
	return try_socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
}

/* The listener belongs to the process of the test, outside. */
static int abstract_connect(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(un.sun_path + 1, folder, sizeof(folder));
	return status(connect(fd, (struct sockaddr *)&un, sizeof(un)));
}

static int trace(void)
{
	return status(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_process(void)
{
	char from[8] = "", to[8];
	struct iovec a = {to, sizeof(to)}, b = {from, sizeof(from)};

	return status(process_vm_readv(getpid(), &a, 1, &b, 1, 0));
}

static int mount_nothing(void)
{
	int rc = status(mount(NULL, "/nonexistent", NULL, MS_REMOUNT, NULL));

	return rc == ENOENT || rc == EPERM || rc == EACCES ? 0 : rc;
}

static int leave_namespace(void)
{
	return status(unshare(CLONE_FS));
}

static int memory_file(void)
{
	return status(memfd_create("x", 0));
}

static int newer_call(void)
{
	int rc = status(syscall(480));

	return rc == ENOSYS ? 0 : rc;
}
#endif

#ifdef __x86_64__
/* getpid() of the x32 mode: absent or not, it ends nothing. */
static int call_x32(void)
{
	(void)syscall(0x40000000 | SYS_getpid);
	return 0;
}

/* getpid() of the i386 mode; SIGSEGV where the kernel has none. */
static int call_i386(void)
{
	long rc;

	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
	return rc > 0 ? 0 : ENOSYS;
}
#endif

static int read_policy(void)
{
	return try_open("policy/rules", O_RDONLY);
}

static int rotate_log(void)
{
	int rc = try_open("logs/proxy.log", O_WRONLY | O_CREAT | O_APPEND);

	if (rc == 0)
		rc = try_open("logs/log.new", O_WRONLY | O_CREAT | O_APPEND);
	if (rc == 0)
		rc = status(rename("logs/proxy.log", "logs/log.1"));
	if (rc == 0)
		rc = status(rename("logs/log.new", "logs/proxy.log"));
	return rc == 0 ? status(unlink("logs/log.1")) : rc;
}

static int write_pid_file(void)
{
	int rc = base_write_file("run/pid", "1\n", 2, 0644);

	return -rc;
}

static int read_system(void)
{
	return try_open("/etc/passwd", O_RDONLY);
}

static int list_descriptors(void)
{
	return list_folder("/dev/fd");
}

static void *thread(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, thread, NULL);

	return rc == 0 ? pthread_join(t, NULL) : rc;
}

static int network_sockets(void)
{
	static const struct {
		int family, type, protocol;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, 0},
		{AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP},
		{AF_INET, SOCK_DGRAM, IPPROTO_UDP},
		{AF_UNIX, SOCK_DGRAM, 0},
		{AF_UNIX, SOCK_STREAM, 0},
	};
	int rc = 0;

	for (size_t i = 0; i < ROW_COUNT(kinds) && rc == 0; i++)
		rc = try_socket(kinds[i].family, kinds[i].type,
				kinds[i].protocol);
	return rc;
}

static int list_addresses(void)
{
	struct ifaddrs *all;
	int rc = status(getifaddrs(&all));

	if (rc == 0)
		freeifaddrs(all);
	return rc;
}

static int signal_self(void)
{
	return raise(SIGWINCH) == 0 ? 0 : errno;
}

/* ------------------------------------------------------------------------ */

static int confine(const char *command)
{
	struct policy_options o;
	struct faults faults = {0};
	struct config c;
	struct policy *p;
	int rc;

	config_init(&c);
	policy_options_init(&o);
	if (config_set(&c, "policy", "allowlist", "policy/rules", "test", 0,
		       &faults) < 0 ||
	    config_set(&c, "log", "file", "logs/proxy.log", "test", 0,
		       &faults) < 0 ||
	    config_set(&c, "proxy", "pid-file", "run/pid", "test", 0, &faults) <
		    0)
		return -2;
	if (command &&
	    config_set(&c, "audit", "command", command, "test", 0, &faults) < 0)
		return -2;
	p = policy_builder_finish(policy_builder_new(&o, NULL), &faults);
	rc = p ? confine_self(&c, p) : -2;
	policy_unref(p);
	policy_options_fini(&o);
	config_fini(&c);
	return rc;
}

static _Noreturn void child(int (*attempt)(void), bool confined,
			    const char *command, int out)
{
	struct report r = {0};

	/* cmocka would go on to the next test, in the child. */
	(void)signal(SIGSEGV, SIG_DFL);
	if (confined && confine(command) != 0)
		r.rc = STATUS_REFUSED;
	else if (attempt)
		r.rc = attempt();
	snprintf(r.in_force, sizeof(r.in_force), "%s", confine_text());
	_exit(write(out, &r, sizeof(r)) == sizeof(r) ? 0 : 1);
}

/* What @attempt (NULL: none) returned in a process of its own, or
 * STATUS_REFUSED, or STATUS_SIGNAL and the signal that ended it. */
static int run(int (*attempt)(void), bool confined, const char *command)
{
	struct report r = {0};
	int ends[2], how;
	pid_t pid;

	assert_int_equal(0, pipe2(ends, O_CLOEXEC));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(attempt, confined, command, ends[1]);
	close(ends[1]);
	/* Nothing at all comes from one that became another program. */
	assert_true(read(ends[0], &r, sizeof(r)) >= 0);
	close(ends[0]);
	assert_int_equal(pid, waitpid(pid, &how, 0));
	if (WIFSIGNALED(how))
		return STATUS_SIGNAL + WTERMSIG(how);
	assert_int_equal(0, WEXITSTATUS(how));
	if (!attempt)
		memcpy(in_force, r.in_force, sizeof(in_force));
	return r.rc;
}

static bool has(const char *what)
{
	return strstr(in_force, what);
}

static int landlock(void)
{
	const char *at = strstr(in_force, "landlock:");

	return at ? (int)strtol(at + strlen("landlock:"), NULL, 10) : 0;
}

/* @abi: the Landlock that refuses it; 0: seccomp does */
struct attempt {
	const char *name;
	int (*run)(void);
	int expected, abi;
};

static void check_attempts(const struct attempt *table, size_t count,
			   const char *command)
{
	for (size_t i = 0; i < count; i++) {
		const struct attempt *a = &table[i];
		char wrong[80];
		int rc;

		if (a->expected &&
		    (a->abi ? landlock() < a->abi : !has(" seccomp"))) {
			print_message("# skipped: %s: only \"%s\" here\n",
				      a->name, in_force);
			continue;
		}
		rc = run(a->run, false, NULL);
		if (rc == EPERM || rc == EACCES || rc == ENOSYS ||
		    rc == EPROTONOSUPPORT || rc == EAFNOSUPPORT ||
		    rc == STATUS_SIGNAL + SIGSEGV) {
			print_message("# skipped: %s: refused without "
				      "confinement, too (%d)\n",
				      a->name, rc);
			continue;
		}
		snprintf(wrong, sizeof(wrong), "%d before it is confined", rc);
		row_check(rc == 0, i, a->name, strlen(a->name), wrong);
		rc = run(a->run, true, command);
		snprintf(wrong, sizeof(wrong), "%d, expected %d", rc,
			 a->expected);
		row_check(rc == a->expected, i, a->name, strlen(a->name),
			  wrong);
	}
}

static void test_text(void **state)
{
	(void)state;
	assert_string_equal(confine_text(), "none");
	assert_int_equal(0, run(NULL, true, NULL));
	print_message("# in force: %s\n", in_force);
#ifdef __linux__
	assert_true(has("no_new_privs"));
	assert_false(has(":wide"));
#endif
}

static void test_files(void **state)
{
	static const struct attempt table[] = {
		{"read outside", read_outside, EACCES, 1},
		{"write outside", write_outside, EACCES, 1},
		{"make outside", make_outside, EACCES, 1},
		{"remove outside", remove_outside, EACCES, 1},
		{"write a policy file", write_policy, EACCES, 1},
		{"list the folder of a policy file", list_policy, EACCES, 1},
		{"read the log", read_log, EACCES, 1},
		{"read the policy", read_policy, 0, 0},
		{"rotate the log", rotate_log, 0, 0},
		{"write the pid-file", write_pid_file, 0, 0},
		{"read /etc", read_system, 0, 0},
		{"list its own descriptors", list_descriptors, 0, 0},
	};

	(void)state;
	check_attempts(table, ROW_COUNT(table), NULL);
}

static void test_refused(void **state)
{
	static const struct attempt table[] = {
		{"run a program", run_program, EPERM, 0},
		{"fork", fork_process, EPERM, 0},
		{"a raw socket", raw_socket, EPERM, 0},
		{"listen", listen_tcp, EPERM, 0},
		{"bind TCP", bind_tcp, EACCES, 4},
		{"signal the parent", signal_parent, EPERM, 0},
		{"map memory to run", run_memory, EPERM, 0},
		{"make memory run", make_run, EPERM, 0},
		{"change a mode", change_mode, EPERM, 0},
		{"make a folder", make_folder, EPERM, 0},
#ifdef __linux__
		{"a packet socket", packet_socket, EPERM, 0},
		{"a ping socket", ping_socket, EPERM, 0},
		{"another netlink", uevent_socket, EPERM, 0},
		{"an abstract socket outside", abstract_connect, EPERM, 6},
		{"unshare", leave_namespace, EPERM, 0},
		{"a file in memory", memory_file, EPERM, 0},
		{"trace", trace, STATUS_SIGNAL + SIGSYS, 0},
		{"read a process", read_process, STATUS_SIGNAL + SIGSYS, 0},
		{"mount", mount_nothing, STATUS_SIGNAL + SIGSYS, 0},
#endif
#ifdef __x86_64__
		{"an x32 call", call_x32, STATUS_SIGNAL + SIGSYS, 0},
		{"an i386 call", call_i386, STATUS_SIGNAL + SIGSYS, 0},
#endif
	};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
#ifdef __linux__
	memcpy(un.sun_path + 1, folder, sizeof(folder));
	assert_int_equal(0, bind(fd, (struct sockaddr *)&un, sizeof(un)));
	assert_int_equal(0, listen(fd, 8));
#endif
	check_attempts(table, ROW_COUNT(table), NULL);
	close(fd);
}

static void test_needed(void **state)
{
	static const struct attempt table[] = {
		{"a thread", make_thread, 0, 0},
		{"sockets of the network", network_sockets, 0, 0},
		{"its own addresses", list_addresses, 0, 0},
		{"a signal to itself", signal_self, 0, 0},
#ifdef __linux__
		{"a call of the future", newer_call, 0, 0},
#endif
	};

	(void)state;
	check_attempts(table, ROW_COUNT(table), NULL);
}

/* audit.command runs under the proxy's filter, and needs what it needs. */
static void test_wide(void **state)
{
	static const struct attempt table[] = {
		{"run a program", run_program, 0, 0},
		{"fork", fork_process, 0, 0},
		{"read outside", read_outside, 0, 0},
		{"listen", listen_tcp, 0, 0},
		{"bind TCP", bind_tcp, 0, 0},
		{"map memory to run", run_memory, 0, 0},
		{"a raw socket", raw_socket, EPERM, 0},
#ifdef __linux__
		{"another netlink", uevent_socket, 0, 0},
		{"a packet socket", packet_socket, EPERM, 0},
		{"trace", trace, EPERM, 0},
		{"read a process", read_process, EPERM, 0},
#endif
#ifdef __x86_64__
		{"an i386 call", call_i386, STATUS_SIGNAL + SIGSYS, 0},
#endif
	};

	(void)state;
	assert_int_equal(0, run(NULL, true, "/bin/cat"));
	assert_false(has("landlock"));
	assert_int_equal(has(" seccomp"), has(" seccomp:wide"));
	check_attempts(table, ROW_COUNT(table), "/bin/cat");
}

static void test_forbidden_configuration(void **state)
{
	char path[64];
	int expected;

	(void)state;
#ifdef __linux__
	snprintf(path, sizeof(path), "%s/outside/setuid", folder);
	assert_int_equal(STATUS_REFUSED, run(NULL, true, path));
	assert_int_equal(0, chmod(path, 0755));
	assert_int_equal(0, run(NULL, true, path));
	assert_int_equal(STATUS_REFUSED, run(NULL, true, "/nonexistent"));
	assert_int_equal(0, run(NULL, true, NULL));
	expected = landlock() ? STATUS_REFUSED : 0;
	assert_int_equal(0, rename("policy", "moved"));
	assert_int_equal(expected, run(NULL, true, NULL));
	assert_int_equal(0, rename("moved", "policy"));
#else
	(void)path;
	(void)expected;
#endif
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_forbidden_configuration),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
