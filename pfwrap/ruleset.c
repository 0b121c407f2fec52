/* SPDX-License-Identifier: MIT */
/* ruleset.c - typed values to the text that pfctl and nft read */
#include "pfwrap.h"

#include <arpa/inet.h>

/*
 * A text is a list of forms, written in this order.  The first character says
 * how often: once (.), for every rule (*), for the first rule of each length of
 * prefix (/), or once if there is a rule for IPv6 (6).  The codes behind $ are
 * those of ruleset_expand(): nothing of the caller's is copied, addresses and
 * numbers are written from integers, names were checked byte by byte.
 *
 * pf: neighbour discovery, which IPv6 cannot do without, passes to addresses
 * that nobody forwards.  Only what has a source of the bridge's own net is
 * answered: the answer to a forged one would leave the host (ADR 11).
 */
#define PF_DISCOVERY(to, type)                              \
	"6pass in quick on $I inet6 proto ipv6-icmp to " to \
	" icmp6-type " type " no state\n"
const char *const ruleset_pf[] = {
	"*pass in quick on $I inet$6 proto $L to $A$S port $Q "
	"keep state (if-bound)\n",
	PF_DISCOVERY("fe80::/10", "135"),
	PF_DISCOVERY("fe80::/10", "136"),
	PF_DISCOVERY("ff02::/16", "135"),
	PF_DISCOVERY("ff02::/16", "136"),
	".block return in quick on $I inet from ($I:network) to any\n"
	"block return in quick on $I inet6 from ($I:network) to any\n"
	"block drop in quick on $I all\n",
	NULL,
};

/*
 * nftables: hooks ahead of those of Docker, ufw and firewalld (0 and up).  What
 * is refused here is final; what passes here can still be refused there.
 *
 * to_LEN        What passes, a set for each length of prefix in the list
 *     (ADR 11).
 * pass, answer  Both ways of a flow are judged packet by packet, and no rule
 *     passes what is established: a set that was tightened binds flows that are
 *     open.  Related to a flow are ICMP errors, and resets made here.
 * forged        A source that is the host's own, or that is not routed over the
 *     bridge, gets no answer: that would leave the host, to an address and a
 *     port of the sandbox's choice.  For the same reason `ct direction reply`
 *     can be trusted in the chain input: such a flow goes from this host to the
 *     sandbox's own net, and not to anything that the sandbox pretends to be.
 * input         The proxy's port is for this bridge alone.
 * output        A flow of udp that only the host still sends on ends, too.
 */
const char *const ruleset_nft[] = {
	/* Made, in case it was not there. */
	".table inet $T\n"
	"delete table inet $T\n"
	"table inet $T {\n",
	"/\tset to_$W {\n"
	"\t\ttype inet_proto . ipv$V_addr . inet_service\n"
	"\t\tcounter\n"
	"\t}\n",
	".\tchain pass {\n",
	"/\t\tmeta l4proto . ip$6 daddr$M . th dport @to_$W accept\n",
	".\t}\n"
	"\tchain answer {\n"
	"\t\tct state related accept\n",
	"/\t\tmeta l4proto . ip$6 saddr$M . th sport @to_$W accept\n",
	".\t\tcounter drop\n"
	"\t}\n"
	"\tchain forged {\n"
	"\t\tfib saddr type local counter drop\n"
	"\t\tfib saddr . iif oif missing counter drop\n"
	"\t}\n"
	"\tchain shut {\n"
	"\t\tmeta l4proto tcp counter reject with tcp reset\n"
	"\t\tcounter reject with icmpx type admin-prohibited\n"
	"\t}\n"
	"\tchain input {\n"
	"\t\ttype filter hook input priority -10; policy accept;\n"
	"\t\tiifname != \"$I\" ip daddr $G tcp dport $P "
	"counter reject with tcp reset\n"
	"\t\tiifname != \"$I\" accept\n"
	"\t\tjump forged\n",
	"6\t\tip6 hoplimit 255 icmpv6 type { nd-neighbor-solicit, "
	"nd-neighbor-advert } counter accept\n",
	".\t\tct direction reply counter accept\n"
	"\t\tjump pass\n"
	"\t\tgoto shut\n"
	"\t}\n"
	"\tchain forward {\n"
	"\t\ttype filter hook forward priority -10; policy accept;\n"
	"\t\tiifname \"$I\" jump forged\n"
	"\t\tiifname \"$I\" jump pass\n"
	"\t\tiifname \"$I\" goto shut\n"
	"\t\toifname \"$I\" ct direction reply jump answer\n"
	"\t}\n"
	"\tchain output {\n"
	"\t\ttype filter hook output priority -10; policy accept;\n"
	"\t\toifname \"$I\" ct direction reply jump answer\n"
	"\t}\n"
	"}\n",
	"*add element inet $T to_$W { $L . $A . $Q }\n",
	NULL,
};

static void ruleset_expand(FILE *out, const char *form, const struct set *set,
			   const struct rule *rule)
{
	const uint32_t net = set->gateway.s_addr & set->mask.s_addr;
	const unsigned int shift = rule->len < 32 ? rule->len : 32;
	const uint32_t bits = htonl((uint32_t)(0xffffffff00000000 >> shift));
	const char *v = rule->family == AF_INET6 ? "6" : "4";
	char table[sizeof(set->name)], gateway[INET_ADDRSTRLEN];
	char bridge[INET_ADDRSTRLEN], addr[INET6_ADDRSTRLEN];
	char mask[INET_ADDRSTRLEN + 3] = " & ", number[4][8];
	const char *const texts[] = {
		['N'] = set->name,
		['T'] = table,
		['I'] = set->iface,
		['G'] = inet_ntop(AF_INET, &set->gateway, gateway, 16),
		['P'] = number[0], /* the proxy's port */
		['B'] = inet_ntop(AF_INET, &net, bridge, 16),
		['C'] = number[1], /* the length of its prefix */
		['6'] = v + (*v == '4'),
		['V'] = v,
		['L'] = rule->udp ? "udp" : "tcp",
		['A'] = inet_ntop(rule->family, rule->addr, addr, 46),
		['W'] = number[2] + 1,
		['S'] = rule->len < 32 ? number[2] : "",
		['M'] = rule->len < 32 ? mask : "",
		['Q'] = number[3],
	};
	size_t i;

	for (i = 0; i < sizeof(table); i++)
		table[i] = set->name[i] == '-' ? '_' : set->name[i];
	inet_ntop(AF_INET, &bits, mask + 3, INET_ADDRSTRLEN);
	snprintf(number[0], 8, "%u", set->proxy_port);
	snprintf(number[1], 8, "%d", __builtin_popcount(set->mask.s_addr));
	snprintf(number[2], 8, "/%u", rule->len);
	snprintf(number[3], 8, "%u", rule->port);
	for (; *form; form++) {
		if (*form == '$')
			fputs(texts[(unsigned char)*++form], out);
		else
			fputc(*form, out);
	}
}

void ruleset_write(FILE *out, const char *const *forms, const struct request *r)
{
	static const struct rule none = {.family = AF_INET};
	size_t i;

	for (; *forms; forms++) {
		bool has_len[129] = {false};

		if (**forms == '.')
			ruleset_expand(out, *forms + 1, &r->set, &none);
		for (i = 0; i < r->rule_count; i++) {
			const struct rule *rule = &r->rules[i];
			const bool is_first = !has_len[rule->len];

			has_len[rule->len] = true;
			if (**forms == '*' || (**forms == '/' && is_first) ||
			    (**forms == '6' && is_first && rule->len == 128))
				ruleset_expand(out, *forms + 1, &r->set, rule);
		}
	}
}
