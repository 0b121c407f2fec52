/* SPDX-License-Identifier: MIT */
/* fuzz_pfargs.c - command lines of pen-pfctl, an argument a line */
#include "pfwrap/pfwrap.h"

#include <string.h>

#include "fuzz.h"

enum { ARGS = 16, BYTES = 4096 };

static void fuzz_check(const struct request *r)
{
	uint32_t uid;

	const struct set *set = &r->set;

	FUZZ_CHECK((r->op == OP_LIST) == !set->name[0]);
	FUZZ_CHECK(r->op == OP_LIST ||
		   (args_name(set->name, &uid) && uid == set->uid &&
		    uid != UINT32_MAX && strlen(set->name) <= NAME_LEN_MAX &&
		    !strpbrk(set->name, "/._ \t\n\"';{}*")));
	FUZZ_CHECK((r->op == OP_CHECK) == args_interface(set->iface));
	if (r->op != OP_LOAD && r->op != OP_CHECK)
		return;
	FUZZ_CHECK(set->gateway.s_addr != 0 && set->proxy_port != 0);
	FUZZ_CHECK(r->op == OP_CHECK || r->pf == ON_PF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char program[] = "pen-pfctl";
	char *argv[ARGS + 1] = {program}, bytes[BYTES + 1];
	struct request r;
	int argc = 1;
	char *rest;

	if (size > BYTES)
		return 0;
	memcpy(bytes, data, size);
	bytes[size] = '\0';
	for (rest = bytes; rest && argc < ARGS; argc++) {
		argv[argc] = rest;
		rest = strchr(rest, '\n');
		if (rest)
			*rest++ = '\0';
	}
	argv[argc] = NULL;
	if (args_parse(argv + 1, &r))
		fuzz_check(&r);
	return 0;
}
