/* SPDX-License-Identifier: MIT */
/* pfwrap.h - what the parts of pen-pfctl share */
#ifndef PEN_PFWRAP_H
#define PEN_PFWRAP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Which back end this is; a test build tries pf's calls on Linux. */
#if defined(__APPLE__) || defined(PFWRAP_PF)
#define ON_PF true
#else
#define ON_PF false
#endif

enum {
	NAME_LEN_MAX = 52,
	LIST_RULES_MAX = 10000,
	RULES_MAX = 2 * LIST_RULES_MAX + 3, /* tcp and udp; the gateway's */
	LIST_BYTES_MAX = 1024 * 1024,
	SETS_MAX = 1024,
	SETS_PER_USER_MAX = 64, /* bounds what a user makes the kernel hold */
};

enum status {
	STATUS_OK,
	STATUS_REFUSED,
	STATUS_USAGE,
	STATUS_NO_INTERFACE,
	STATUS_NOT_PERMITTED,
	STATUS_NOT_IN_FORCE,
};

enum op { OP_LOAD, OP_FLUSH, OP_VERIFY, OP_SHOW, OP_LIST, OP_CHECK };

/** struct rule - Pass what goes to @addr port @port by one protocol */
struct rule {
	int family;
	unsigned char addr[16];
	uint32_t len; /* of the prefix: 0 to 32, or 128 */
	uint16_t port;
	bool udp;
};

/** struct set - A rule set, as it is recorded while it is loaded */
struct set {
	char name[NAME_LEN_MAX + 1];
	char iface[16];
	uint32_t uid; /* the one in @name */
	struct in_addr gateway;
	struct in_addr mask; /* of @gateway on @iface */
	uint16_t proxy_port;
	uint64_t digest; /* of the kernel's rules; 0 while they are loaded */
};

/** struct request - The command line and the list, all of it checked */
struct request {
	enum op op;
	const char *word; /* for it */
	bool pf;          /* the back end: pf, else nftables */
	bool dns;
	struct set set;
	struct rule *rules; /* the gateway's, then in the list's order */
	size_t rule_count;
};

/* main.c: report to syslog and on stderr, and end. */
void die(enum status status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* args.c: pure parsers.  false: it is not one. */
bool args_parse(char **argv, struct request *r);
bool args_number(const char *in, uint32_t max, uint32_t *number);
bool args_name(const char *name, uint32_t *uid);
bool args_interface(const char *name);
/* Fills r->rules, RULES_MAX of the caller's, from @list, @len bytes and a NUL,
 * which it takes apart, and writes `stdin:LINE: message` for each fault.
 * Return: how many there were.
 */
size_t args_list(char *list, size_t len, struct request *r, FILE *faults);

/* ruleset.c: typed values to text, by forms that end in a NULL. */
extern const char *const ruleset_pf[], *const ruleset_nft[];
void ruleset_write(FILE *out, const char *const *forms,
		   const struct request *r);

/* iface.c: the one bridge with the gateway's address, into @set.
 * Return: NULL, or what is wrong.
 */
const char *iface_find(struct set *set);
bool iface_is_vmnet(const char *bridge, const char *member);

/* state.c: what is loaded.  From state_open() to state_close(), after which the
 * caller is only talked to, nobody else reads or changes it.  What fails ends
 * the process.
 */
extern struct state {
	char token[24]; /* by which pf is held enabled: digits */
	size_t count;
	struct set sets[SETS_MAX];
} loaded;
void state_open(void);
void state_close(void);
void state_save(void);
struct set *state_find(const char *name); /* NULL: there is none */
void state_put(const struct set *set);
void state_remove(const char *name);
FILE *state_scratch(void); /* a file without a name */

/* apply.c: the kernel's side.  What fails ends the process. */
bool apply_trusts(const char *path);
/* Sets the digest.  Return: NULL, or why the old rules stayed; the caller's. */
char *apply_load(struct request *r);
void apply_flush(const struct request *r);
/* Return: NULL if the rules are in force as loaded, or what is wrong. */
const char *apply_verify(const struct request *r);
/* Return: the kernel's rules, with counters or (OP_VERIFY) without, or NULL;
 * the caller's.
 */
char *apply_rules(const struct request *r, enum op op);
/* Whether the host's own firewall may refuse what passes here. */
bool apply_is_shut(void);

#endif
