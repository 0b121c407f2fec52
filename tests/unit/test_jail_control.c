/* SPDX-License-Identifier: MIT */
/* test_jail_control.c - messages and payloads: round trips and garbage */
#include "jail/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "row.h"

static char *strings_a[] = {(char[]){"sh"}, (char[]){"-c"}, (char[]){""},
			    (char[]){"a\nb \xff"}, NULL};
static char *strings_b[] = {(char[]){"A=1"}, (char[]){"B="}, NULL};
static char *strings_none[] = {NULL};

static void test_payload_round_trip(void **state)
{
	struct control_payload payload;
	size_t len, i;
	void *data = control_encode("/x y", strings_a, strings_b, &len);

	(void)state;
	assert_non_null(data);
	assert_int_equal(control_decode(data, len, &payload), 0);
	assert_string_equal(payload.cwd, "/x y");
	assert_int_equal(payload.argc, 4);
	assert_int_equal(payload.envc, 2);
	for (i = 0; i < 4; i++)
		assert_string_equal(payload.argv[i], strings_a[i]);
	assert_null(payload.argv[4]);
	assert_string_equal(payload.env[1], "B=");
	assert_null(payload.env[2]);
	control_payload_fini(&payload);
	free(data);
}

static void test_payload_empty(void **state)
{
	struct control_payload payload;
	size_t len;
	void *data = control_encode("", strings_none, strings_none, &len);

	(void)state;
	assert_int_equal(control_decode(data, len, &payload), 0);
	assert_int_equal(payload.argc, 0);
	assert_string_equal(payload.cwd, "");
	control_payload_fini(&payload);
	free(data);
}

/* Cut anywhere, or with a byte more, a payload is none. */
static void test_payload_cut(void **state)
{
	struct control_payload payload;
	size_t len, cut;
	char *data = control_encode("/", strings_a, strings_b, &len);
	char *longer = malloc(len + 1);

	(void)state;
	assert_non_null(longer);
	for (cut = 0; cut < len; cut++) {
		memcpy(longer, data, cut);
		assert_int_equal(control_decode(longer, cut, &payload), -1);
		assert_int_equal(errno, EBADMSG);
	}
	memcpy(longer, data, len);
	longer[len] = '\0';
	assert_int_equal(control_decode(longer, len + 1, &payload), -1);
	free(longer);
	free(data);
}

/* Counts that promise more strings than there are bytes. */
static void test_payload_counts(void **state)
{
	struct control_payload payload;
	uint32_t counts[] = {0xffffffff, 0x7fffffff, 1000, 5, 3};
	size_t len, i;
	char *data = control_encode("/", strings_a, strings_none, &len);

	(void)state;
	for (i = 0; i < ROW_COUNT(counts); i++) {
		memcpy(data + 4, &counts[i], sizeof(counts[i]));
		assert_int_equal(control_decode(data, len, &payload), -1);
		memcpy(data + 8, &counts[i], sizeof(counts[i]));
		assert_int_equal(control_decode(data, len, &payload), -1);
		memset(data + 8, 0, sizeof(counts[i]));
	}
	free(data);
}

static void test_payload_too_long(void **state)
{
	char *word = malloc(CONTROL_PAYLOAD_MAX);
	char *argv[] = {word, NULL};
	size_t len;

	(void)state;
	assert_non_null(word);
	memset(word, 'x', CONTROL_PAYLOAD_MAX - 1);
	word[CONTROL_PAYLOAD_MAX - 1] = '\0';
	assert_null(control_encode("", argv, strings_none, &len));
	assert_int_equal(errno, E2BIG);
	free(word);
}

static void test_payload_file_must_be_regular(void **state)
{
	struct control_payload payload;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(control_read_payload(ends[0], &payload), -1);
	close(ends[0]);
	close(ends[1]);
}

struct message_row {
	const char *name;
	uint32_t magic;
	uint32_t type;
	int32_t value;
	uint32_t flags;
	uint64_t number;
	size_t fds;
	bool good;
};

static const struct message_row messages[] = {
	{"stop", CONTROL_MAGIC, CONTROL_STOP, 0, 0, 0, 0, true},
	{"stop, fd", CONTROL_MAGIC, CONTROL_STOP, 0, 0, 0, 1, false},
	{"magic", 1, CONTROL_STOP, 0, 0, 0, 0, false},
	{"type 0", CONTROL_MAGIC, 0, 0, 0, 0, 0, false},
	{"type", CONTROL_MAGIC, CONTROL__COUNT, 0, 0, 0, 0, false},
	{"spawn", CONTROL_MAGIC, CONTROL_SPAWN, 0, 0, 0, 5, true},
	{"spawn, few", CONTROL_MAGIC, CONTROL_SPAWN, 0, 0, 0, 4, false},
	{"spawn, tty", CONTROL_MAGIC, CONTROL_SPAWN, 0, 7, 0, 2, true},
	{"spawn, tty 1", CONTROL_MAGIC, CONTROL_SPAWN, 0, 2, 0, 4, true},
	{"spawn, flags", CONTROL_MAGIC, CONTROL_SPAWN, 0, 8, 0, 5, false},
	{"signal", CONTROL_MAGIC, CONTROL_SIGNAL, SIGTERM, 0, 0, 0, true},
	{"signal 0", CONTROL_MAGIC, CONTROL_SIGNAL, 0, 0, 0, 0, false},
	{"signal -9", CONTROL_MAGIC, CONTROL_SIGNAL, -9, 0, 0, 0, false},
	{"signal 99", CONTROL_MAGIC, CONTROL_SIGNAL, 99, 0, 0, 0, false},
	{"netns", CONTROL_MAGIC, CONTROL_NETNS, 0, 0, 4, 4, true},
	{"netns, fds", CONTROL_MAGIC, CONTROL_NETNS, 0, 0, 3, 4, false},
	{"netns, many", CONTROL_MAGIC, CONTROL_NETNS, 0, 0, UINT64_MAX, 5,
	 false},
};

static void test_check(void **state)
{
	struct control_message m, got;
	size_t i;

	(void)state;
	for (i = 0; i < ROW_COUNT(messages); i++) {
		const struct message_row *row = &messages[i];

		memset(&m, 0, sizeof(m));
		m.magic = row->magic;
		m.type = row->type;
		m.value = row->value;
		m.flags = row->flags;
		m.number[0] = row->number;
		row_check(control_check(&m, sizeof(m), row->fds, &got) ==
				  row->good,
			  i, row->name, strlen(row->name), "verdict");
	}
	memset(&m, 0, sizeof(m));
	m.magic = CONTROL_MAGIC;
	m.type = CONTROL_STOP;
	assert_true(control_check(&m, sizeof(m), 0, &got));
	assert_false(control_check(&m, sizeof(m) - 1, 0, &got));
	m.reserved = 1;
	assert_false(control_check(&m, sizeof(m), 0, &got));
}

static void test_send_and_receive(void **state)
{
	struct control_message message = {.type = CONTROL_PTY, .value = 7};
	struct control_message got;
	int fds[CONTROL_FD_MAX];
	int pair[2];
	size_t count;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(control_send(pair[0], &message, &pair[0], 1), 0);
	assert_int_equal(control_receive(pair[1], &got, fds, &count), 1);
	assert_int_equal(got.value, 7);
	assert_int_equal(count, 1);
	close(fds[0]);
	/* One descriptor too many: refused, and closed. */
	assert_int_equal(control_send(pair[0], &message, pair, 2), 0);
	assert_int_equal(control_receive(pair[1], &got, fds, &count), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(count, 0);
	assert_int_equal(send(pair[0], "x", 1, 0), 1);
	assert_int_equal(control_receive(pair[1], &got, fds, &count), -1);
	close(pair[0]);
	assert_int_equal(control_receive(pair[1], &got, fds, &count), 0);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payload_round_trip),
		cmocka_unit_test(test_payload_empty),
		cmocka_unit_test(test_payload_cut),
		cmocka_unit_test(test_payload_counts),
		cmocka_unit_test(test_payload_too_long),
		cmocka_unit_test(test_payload_file_must_be_regular),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_send_and_receive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
