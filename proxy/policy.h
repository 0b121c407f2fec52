/* SPDX-License-Identifier: MIT */
/* policy.h - rules to an immutable snapshot, and the verdicts it gives */
#ifndef PEN_POLICY_H
#define PEN_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "base.h"
#include "name.h"

/**
 * struct target - Where a client wants to go, in its one canonical spelling
 * @host:    canonical name, or canonical literal without brackets
 * @literal: @host is an address, held in @addr, too
 * @port:    host order, 1..65535
 *
 * Matched, resolved, connected to, logged: always this.
 */
struct target {
	char host[NAME_MAX_LEN + 1];
	uint8_t host_len;
	bool literal;
	uint16_t port;
	struct addr addr;
};

enum target_status { TARGET_OK, TARGET_BAD_HOST, TARGET_BAD_PORT };

/**
 * target_set() - Make a target of a host as a client wrote it and a port
 * @host: @len bytes; brackets only, and always, around an IPv6 literal
 *        (@bare_v6 false), or never (@bare_v6 true: SOCKS5, logs)
 * @port: host order; 0 gives TARGET_BAD_PORT
 *
 * Source: proxy.md "Rules", RFC 3986 3.2.2.
 */
enum target_status target_set(struct target *t, const char *host, size_t len,
			      uint16_t port, bool bare_v6);
/** target_set_name() - Make a target of a canonical name that stands in its
 *  @host already, and is @len bytes long */
void target_set_name(struct target *t, size_t len, uint16_t port);
/** target_set_addr() - Make a target of an address literal */
void target_set_addr(struct target *t, const struct addr *a, uint16_t port);
/**
 * target_parse() - Parse "host:port"
 * @default_port: used where the text has none; 0 if it must have one
 */
enum target_status target_parse(struct target *t, const char *text, size_t len,
				uint16_t default_port);

#define TARGET_TEXT_MAX (NAME_MAX_LEN + 9) /* "[" host "]:65535" and a NUL */
/** target_format() - "host:port", brackets round IPv6; returns the length */
size_t target_format(const struct target *t, char out[TARGET_TEXT_MAX]);

enum policy_mode { POLICY_ENFORCE, POLICY_MONITOR };
enum policy_sni { SNI_MATCH, SNI_REQUIRE, SNI_OFF };

/**
 * struct policy_own - A listener of the proxy's own: never a destination
 * @addr: family 0 for a wildcard listener: every local address counts
 */
struct policy_own {
	struct addr addr;
	uint16_t port;
};

/**
 * struct policy_options - The [policy] section, less the rules themselves
 * All pointers are owned; a policy keeps a copy of its own.
 *
 * @presets:   folder of the preset files; NULL: the installed one
 * @tls_ports: none: 443 alone
 * @is_local:  whether an address is one of this machine's; used for wildcard
 *             listeners only.  Loopback addresses always are; with NULL no
 *             other is.
 */
struct policy_options {
	enum policy_mode mode;
	enum policy_sni sni;
	bool ech_deny, private_allow, cut_on_reload;
	char *presets;
	uint16_t *tls_ports;
	size_t tls_port_count;
	struct cidr *allow_cidrs, *deny_cidrs;
	size_t allow_cidr_count, deny_cidr_count;
	struct policy_own *own;
	size_t own_count;
	bool (*is_local)(const struct addr *a);
};

/** policy_options_init() - The defaults of proxy.md */
void policy_options_init(struct policy_options *o);
void policy_options_fini(struct policy_options *o);
/**
 * policy_options_set() - Take one key of the [policy] section
 *
 * Keys: mode, presets, sni, tls-ports, private, allow-cidr, deny-cidr, ech,
 * cut-on-reload.  allowlist and allow are the caller's.
 * Return: NULL, or a text that says what is wrong (static, or a thread-local
 * buffer that the next call overwrites).
 */
const char *policy_options_set(struct policy_options *o, const char *key,
			       const char *value);

/**
 * struct rule_usage - What a rule was used for; shared by all generations of
 * the policy whose text of the rule is the same; touched by any worker
 * @last_used: wall clock in ms, 0 never
 * @hour_start: monotonic ms of the first byte of the running hour, 0 none
 */
struct rule_usage {
	_Atomic uint64_t hits, last_used, bytes_up, bytes_down;
	_Atomic uint64_t hour_start, hour_up, hour_down;
};

/**
 * struct rule - One rule; immutable but for @usage; owned by its policy
 * @file, @line: where it stands
 * @text:   as written, attributes included, white space trimmed
 * @why:    the attribute's text or NULL
 * @port_first, @port_last: what it covers; 0 to 65535 for any port
 * @until:  wall clock in ms at which it ends; 0 never
 * @up, @down: bytes a tunnel may carry; 0 without limit
 * @up_hour, @down_hour: the same for all of the rule's tunnels in an hour
 * @sni, @ech_deny: in force for this rule (attribute or default)
 * @sni_own: sni was given as an attribute: "require" then holds on any port
 * @private_ok: the attribute `private`
 */
struct rule {
	const char *file, *text, *why;
	struct rule_usage *usage;
	int64_t until;
	uint64_t up, down, up_hour, down_hour;
	unsigned int line;
	uint16_t port_first, port_last;
	enum policy_sni sni;
	bool sni_own, ech_deny, private_ok, wildcard, literal;
};

struct policy;
struct policy_builder;

/**
 * policy_builder_new() - Start a new snapshot
 * @o:    copied
 * @prev: policy whose usage counters go on where a rule's text is unchanged;
 *        may be NULL; borrowed until policy_builder_finish()
 *
 * Return: NULL without memory.
 */
struct policy_builder *policy_builder_new(const struct policy_options *o,
					  const struct policy *prev);
/**
 * typedef policy_preset_cb - Read a preset
 * @text: set to its text, @len bytes, which the builder frees
 *
 * Return: 0 or a negative errno; -EINVAL: it is no regular file.
 */
typedef int policy_preset_cb(void *arg, const char *path, char **text,
			     size_t *len);
/** policy_builder_presets() - Who reads presets; without it the builder does */
void policy_builder_presets(struct policy_builder *b, policy_preset_cb *cb,
			    void *arg);
/** policy_builder_skip_tests() - The policy need not pass its own tests */
void policy_builder_skip_tests(struct policy_builder *b);
/**
 * policy_builder_add() - Add the rules of a text, one a line
 * @file: name for faults and `rule` fields; copied
 * @line: number of the first line (1 for a file)
 * @text: @len bytes; a control character in it, or a line over 4 KiB, is a
 *        fault; CRLF line ends and a UTF-8 byte order mark are accepted
 *
 * A preset (@NAME) is the file NAME.txt in the presets folder.
 */
void policy_builder_add(struct policy_builder *b, const char *file,
			unsigned int line, const char *text, size_t len,
			struct faults *faults);
/**
 * policy_builder_finish() - Run the policy's own tests, and make it final
 * @b: freed in any case
 *
 * Return: a policy with one reference, or NULL if @faults has any fault
 * (warnings do not count).
 */
struct policy *policy_builder_finish(struct policy_builder *b,
				     struct faults *faults);

/**
 * policy_set_own() - Say which listeners are the proxy's own, which is known
 * only once they are open; before the policy is shared
 * @own:      @count of them, copied
 * @is_local: see struct policy_options
 *
 * Return: 0, or -ENOMEM: the policy must not be used then.
 */
int policy_set_own(struct policy *p, const struct policy_own *own, size_t count,
		   bool (*is_local)(const struct addr *a));

struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p);

/** policy_options_of() - The options that the snapshot was made with */
const struct policy_options *policy_options_of(const struct policy *p);
size_t policy_rule_count(const struct policy *p);
/** policy_rule() - Rule @i of policy_rule_count(), in the order written */
const struct rule *policy_rule(const struct policy *p, size_t i);
#define POLICY_WHERE_MAX 512
/** policy_where() - "FILE:LINE" of a rule, written to @out; of a path that is
 *  too long for a value of the log only the end, behind "..." */
void policy_where(const struct rule *r, char out[POLICY_WHERE_MAX]);
/** policy_preset_count(), policy_preset() - Paths of the preset files read */
size_t policy_preset_count(const struct policy *p);
const char *policy_preset(const struct policy *p, size_t i);

/**
 * policy_judge() - Which rule allows a target
 * @wall_ms: now, for `until`
 *
 * The most specific rule counts: exact host before the longest wildcard;
 * exact port before the smallest range before any port; of two equals the later
 * one.  Rules that have ended do not count.  Time does not grow with the rules.
 *
 * Return: borrowed from @p, or NULL: refused.
 */
const struct rule *policy_judge(const struct policy *p, const struct target *t,
				int64_t wall_ms);
/** policy_covers() - Whether a rule that has not ended names this canonical
 *  name, on whatever port */
bool policy_covers(const struct policy *p, const char *name, int64_t wall_ms);

enum policy_guard {
	GUARD_OK,
	GUARD_NEVER,   /* unspecified, or a listener of our own */
	GUARD_CIDR,    /* inside a deny-cidr */
	GUARD_SPECIAL, /* not globally reachable: see addr_classify() */
};

/**
 * policy_guard() - Whether an address may be connected to
 * @r: the rule that allowed @t; NULL under mode=monitor
 * @a: an address that @t resolved to, or its literal
 *
 * Order: never-destinations, deny-cidr, literal rule, allow-cidr, private.
 */
enum policy_guard policy_guard(const struct policy *p, const struct rule *r,
			       const struct target *t, const struct addr *a);
/** policy_is_tls_port() - Whether sni=require expects TLS there */
bool policy_is_tls_port(const struct policy *p, uint16_t port);

#endif
