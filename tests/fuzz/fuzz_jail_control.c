/* SPDX-License-Identifier: MIT */
/* fuzz_jail_control.c - messages, payloads and /proc lines of a sandbox */
#include "jail/control.h"
#include "jail/procs.h"

#include <string.h>

#include "fuzz.h"

static void fuzz_message(const uint8_t *data, size_t size)
{
	struct control_message message;
	size_t fds;

	for (fds = 0; fds <= CONTROL_FD_MAX; fds++) {
		if (!control_check(data, size, fds, &message))
			continue;
		FUZZ_CHECK(size == sizeof(message));
		FUZZ_CHECK(message.type < CONTROL__COUNT);
		FUZZ_CHECK(message.type != CONTROL_SPAWN || fds >= 2);
	}
}

/* What decodes encodes to the same bytes. */
static void fuzz_payload(const uint8_t *data, size_t size)
{
	struct control_payload payload;
	void *again;
	size_t len, i;

	if (control_decode(data, size, &payload))
		return;
	FUZZ_CHECK(payload.argv[payload.argc] == NULL);
	FUZZ_CHECK(payload.env[payload.envc] == NULL);
	for (i = 0; i < payload.argc; i++)
		FUZZ_CHECK(strlen(payload.argv[i]) < size);
	again = control_encode(payload.cwd, payload.argv, payload.env, &len);
	FUZZ_CHECK(again && len == size && memcmp(again, data, len) == 0);
	free(again);
	control_payload_fini(&payload);
}

static void fuzz_stat(const uint8_t *data, size_t size)
{
	struct procs_entry entry = {0};
	char text[512];

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (procs_parse_stat(text, &entry))
		FUZZ_CHECK(entry.parent >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_message(data, size);
	fuzz_payload(data, size);
	fuzz_stat(data, size);
	return 0;
}
