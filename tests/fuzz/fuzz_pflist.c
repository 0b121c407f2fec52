/* SPDX-License-Identifier: MIT */
/* fuzz_pflist.c - network allowlists, and the rules that come of them */
#include "pfwrap/pfwrap.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Every line is a pass rule to an address and a port, or one that blocks. */
static void fuzz_pf(char *text, size_t rules)
{
	size_t passes = 0;
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char family[8], proto[8], addr[64], port[8], tail[64];
		int end = 0;

		FUZZ_CHECK(!strpbrk(line, "\\\"'<>{}$,;#!*"));
		FUZZ_CHECK(strstr(line, " in quick on bridge100 "));
		if (strncmp(line, "block ", 6) == 0 ||
		    strstr(line, " ipv6-icmp "))
			continue;
		FUZZ_CHECK(sscanf(line,
				  "pass in quick on bridge100 %7s proto %7s to "
				  "%63[0-9a-f.:/] port %7[0-9] %63[a-z ()-]%n",
				  family, proto, addr, port, tail, &end) == 5);
		FUZZ_CHECK(line[end] == '\0' &&
			   strtoul(port, NULL, 10) - 1 < 65535);
		FUZZ_CHECK(strcmp(tail, "keep state (if-bound)") == 0);
		passes++;
	}
	FUZZ_CHECK(passes == rules);
}

static size_t fuzz_braces(const char *text)
{
	size_t depth = 0;

	for (; *text; text++) {
		depth += *text == '{';
		FUZZ_CHECK(*text != '}' || depth > 0);
		depth -= *text == '}';
		FUZZ_CHECK(*text == '\n' || *text == '\t' ||
			   (*text >= ' ' && *text < 0x7f));
	}
	return depth;
}

/* The text that @write makes, of printable ASCII. */
static char *fuzz_text(const char *const *forms, const struct request *r)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	FUZZ_CHECK(out);
	ruleset_write(out, forms, r);
	FUZZ_CHECK(fclose(out) == 0 && strlen(text) == len);
	FUZZ_CHECK(fuzz_braces(text) == 0);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rule rules[RULES_MAX];
	struct request r = {.op = OP_CHECK,
			    .set = {.name = "pen-user-1-project-x",
				    .proxy_port = 3128,
				    .iface = "bridge100"},
			    .rules = rules};
	char *list = calloc(1, size + 1), *said = NULL, *text;
	size_t faults, lines = 0, len;
	FILE *out = open_memstream(&said, &len);

	FUZZ_CHECK(list && out);
	memcpy(list, data, size);
	r.set.gateway.s_addr = htonl(0x0a4d0101);
	faults = args_list(list, size, &r, out);
	FUZZ_CHECK(fclose(out) == 0);
	for (len = 0; said[len]; len++)
		lines += said[len] == '\n';
	FUZZ_CHECK(faults == lines && fuzz_braces(said) == 0);
	FUZZ_CHECK(r.rule_count >= 1 && r.rule_count <= RULES_MAX);
	text = fuzz_text(ruleset_nft, &r);
	free(text);
	text = fuzz_text(ruleset_pf, &r);
	fuzz_pf(text, r.rule_count);
	free(text);
	free(said);
	free(list);
	return 0;
}
