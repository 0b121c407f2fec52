/* SPDX-License-Identifier: MIT */
/* test_loop_io.c - what is written to a socket, and when small writes part */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/loop.h"

static struct loop loop;
static struct io *io;
static int peer = -1;

static void ignore(struct io *unused)
{
	(void)unused;
}

static int begin(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&a, len) == 0 &&
	    listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&a, &len) == 0 &&
	    connect(fd, (struct sockaddr *)&a, len) == 0)
		peer = accept(listener, NULL, NULL);
	close(listener);
	if (peer < 0 || loop_init(&loop, NULL) < 0)
		return -1;
	io = io_take(&loop, fd, ignore, NULL);
	io->joins = true;
	return 0;
}

static int end(void **state)
{
	(void)state;
	io_close(io);
	close(peer);
	peer = -1;
	loop_fini(&loop);
	return 0;
}

static bool parts_small_writes(void)
{
	int on = 0;
	socklen_t len = sizeof(on);

	assert_int_equal(
		getsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
	return on != 0;
}

static void the_second_write_waits_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(io_write(io, "one", 3), 3);
	assert_false(parts_small_writes());
	assert_int_equal(io_write(io, "two", 3), 3);
	assert_true(parts_small_writes());
}

/* Or its last segment would wait for an answer to the others. */
static void nor_does_the_end_of_a_long_first_one(void **state)
{
	char hello[2000];

	(void)state;
	memset(hello, 0, sizeof(hello));
	assert_int_equal(io_write(io, hello, sizeof(hello)), sizeof(hello));
	assert_true(parts_small_writes());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_second_write_waits_for_nothing, begin, end),
		cmocka_unit_test_setup_teardown(
			nor_does_the_end_of_a_long_first_one, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
