/* SPDX-License-Identifier: MIT */
/* args.c - the command line and the network allowlist: strict parsers */
#include "pfwrap.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Decimal digits alone, no sign, no leading zero, at most @max. */
bool args_number(const char *in, uint32_t max, uint32_t *number)
{
	size_t len = strspn(in, "0123456789");

	if (len == 0 || len > 10 || in[len] || (in[0] == '0' && len > 1) ||
	    strtoull(in, NULL, 10) > max)
		return false;
	*number = (uint32_t)strtoull(in, NULL, 10);
	return true;
}

bool args_name(const char *name, uint32_t *uid)
{
	size_t len = strlen(name);
	char digits[11] = "";
	int end = 0;

	(void)sscanf(name, "pen-user-%10[0-9]-project-%n", digits, &end);
	/* (uid_t)-1 is nobody's. */
	return len <= NAME_LEN_MAX && end > 0 && name[end] &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       args_number(digits, UINT32_MAX - 1, uid);
}

/* What can stand in a rule, quoted or not, and in a path of /sys. */
bool args_interface(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < 16 && name[0] != '-' && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz._-"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len;
}

static bool args_port(const char *in, uint16_t *port)
{
	uint32_t n = 0;
	bool good = args_number(in, UINT16_MAX, &n) && n != 0;

	*port = (uint16_t)n;
	return good;
}

/* An address as inet_pton() takes it, of a host: no multicast, not zero. */
static bool args_addr(const char *in, int family, unsigned char *addr)
{
	static const unsigned char zero[12];

	if (in[strspn(in, "0123456789abcdefABCDEF:.")] ||
	    inet_pton(family, in, addr) != 1)
		return false;
	if (family == AF_INET)
		return addr[0] != 0 && addr[0] < 224;
	/* With these twelve zero it is ::, ::1, or an IPv4 address in disguise;
	 * so it is with ten and ff, ff.
	 */
	return addr[0] != 255 && memcmp(addr, zero, 12) != 0 &&
	       (memcmp(addr, zero, 10) != 0 || addr[10] != 255);
}

static void args_add(struct request *r, struct rule rule, bool tcp, bool udp)
{
	if (tcp)
		r->rules[r->rule_count++] = rule;
	rule.udp = true;
	if (udp)
		r->rules[r->rule_count++] = rule;
}

/* ADDR, ADDR/LEN or [V6].  Return: whether it is one. */
static bool args_target(char *in, struct rule *rule)
{
	char *end = in + strcspn(in, "]/");
	bool v6 = in[0] == '[' && strcmp(end, "]") == 0;
	uint32_t addr;

	rule->family = v6 ? AF_INET6 : AF_INET;
	rule->len = v6 ? 128 : 32;
	if (*end == '/' && !args_number(end + 1, 32, &rule->len))
		return false;
	*end = '\0';
	if (rule->len == 0)
		return strcmp(in, "0.0.0.0") == 0;
	if (!args_addr(in + v6, rule->family, rule->addr))
		return false;
	memcpy(&addr, rule->addr, sizeof(addr));
	/* No bit is set behind the prefix. */
	return rule->len >= 32 || ntohl(addr) << rule->len == 0;
}

/* A word of the list.  Return: NULL, or what is wrong. */
static const char *args_rule(char *in, struct request *r)
{
	struct rule rule = {.udp = false};
	char *proto = strrchr(in, '/'), *colon;
	bool tcp = proto && strcmp(proto, "/tcp") == 0;
	bool udp = proto && strcmp(proto, "/udp") == 0;

	if (tcp || udp)
		*proto = '\0';
	colon = strrchr(in, ':');
	if (!colon || !args_port(colon + 1, &rule.port))
		return "no port of 1 to 65535, or more behind it";
	*colon = '\0';
	if (!args_target(in, &rule))
		return "not ADDR:PORT, ADDR/LEN:PORT or [V6]:PORT";
	args_add(r, rule, !udp, !tcp);
	return NULL;
}

size_t args_list(char *list, size_t len, struct request *r, FILE *faults)
{
	struct rule own = {.family = AF_INET, .len = 32};
	size_t lines = 0, number, count = 0;
	char *line, *word, *rest;

	r->rule_count = 0;
	memcpy(own.addr, &r->set.gateway, sizeof(r->set.gateway));
	own.port = r->set.proxy_port;
	args_add(r, own, true, false);
	own.port = 53;
	args_add(r, own, r->dns, r->dns);
	/* A NUL has no place in a rule, and would end the list. */
	for (number = 0; number < len; number++)
		list[number] = list[number] ? list[number] : '\1';
	for (number = 1; (line = strsep(&list, "\n")); number++) {
		const char *wrong;

		line[strcspn(line, "#")] = '\0';
		word = strtok_r(line, " \t\r", &rest);
		if (!word)
			continue;
		if (++lines > LIST_RULES_MAX)
			wrong = "more than 10000 rules";
		else if (strtok_r(NULL, " \t\r", &rest))
			wrong = "more than one word";
		else
			wrong = args_rule(word, r);
		if (wrong)
			fprintf(faults, "stdin:%zu: %s\n", number, wrong);
		count += wrong != NULL;
		if (lines > LIST_RULES_MAX)
			break;
	}
	return count;
}

/* What has a value; the first two are options of `check` alone. */
enum { ARG_BACKEND, ARG_INTERFACE, ARG_GATEWAY, ARG_PORT, ARG_NAME, ARG_COUNT };

/* Options and the name in any order, each at most once. */
static bool args_split(char **argv, struct request *r, const char **arg)
{
	static const char *const options[] = {"--backend", "--interface",
					      "--gateway", "--proxy-port"};
	bool check = r->op == OP_CHECK, load = check || r->op == OP_LOAD;
	int i;

	for (; *argv; argv++) {
		if (load && !r->dns && strcmp(*argv, "--dns") == 0) {
			r->dns = true;
			continue;
		}
		i = check ? 0 : load ? ARG_GATEWAY : ARG_NAME;
		while (i < ARG_NAME && strcmp(*argv, options[i]) != 0)
			i++;
		if (arg[i] || (i == ARG_NAME && **argv == '-') ||
		    (i < ARG_NAME && !*++argv))
			return false;
		arg[i] = *argv;
	}
	return true;
}

bool args_parse(char **argv, struct request *r)
{
	static const char *const ops[] = {
		[OP_LOAD] = "load",     [OP_FLUSH] = "flush",
		[OP_VERIFY] = "verify", [OP_SHOW] = "show",
		[OP_LIST] = "list",     [OP_CHECK] = "check",
	};
	const char *arg[ARG_COUNT] = {NULL}, *backend = ON_PF ? "pf" : "nft";
	const char *iface = "bridge100";

	*r = (struct request){.word = "?"};
	while (strcmp(*argv, ops[r->op]) != 0)
		if (r->op++ == OP_CHECK)
			return false;
	r->word = ops[r->op];
	if (!args_split(argv + 1, r, arg))
		return false;
	if (r->op == OP_LIST)
		return !arg[ARG_NAME];
	if (!arg[ARG_NAME] || !args_name(arg[ARG_NAME], &r->set.uid))
		return false;
	snprintf(r->set.name, sizeof(r->set.name), "%s", arg[ARG_NAME]);
	if (r->op != OP_LOAD && r->op != OP_CHECK)
		return true;
	if (arg[ARG_BACKEND])
		backend = arg[ARG_BACKEND];
	if (arg[ARG_INTERFACE])
		iface = arg[ARG_INTERFACE];
	if (r->op == OP_CHECK)
		snprintf(r->set.iface, sizeof(r->set.iface), "%s", iface);
	r->pf = strcmp(backend, "pf") == 0;
	return (r->pf || strcmp(backend, "nft") == 0) &&
	       args_interface(iface) && arg[ARG_GATEWAY] && arg[ARG_PORT] &&
	       args_addr(arg[ARG_GATEWAY], AF_INET,
			 (unsigned char *)&r->set.gateway) &&
	       args_port(arg[ARG_PORT], &r->set.proxy_port);
}
