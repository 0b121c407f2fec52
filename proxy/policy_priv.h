/* SPDX-License-Identifier: MIT */
/* policy_priv.h - shared by policy*.c and rules.c alone */
#ifndef PEN_POLICY_PRIV_H
#define PEN_POLICY_PRIV_H

#include "arena.h"
#include "policy.h"

#define POLICY_LINE_MAX 4096

/**
 * struct rule_spec - A rule as its text has it
 * @target: host and, for a literal, address; of a wildcard the name below
 *          which it covers
 * @rule:   ports and attributes; @why, @text and @file are not set
 * @why_len: bytes at @why, 0 for none
 */
struct rule_spec {
	struct target target;
	struct rule rule;
	size_t why_len;
	char why[POLICY_LINE_MAX];
};

/**
 * rule_parse() - Parse HOST:PORT and its attributes
 * @text:    one line without comment and white space around it
 * @options: defaults
 * @out:     set on success
 *
 * Return: NULL, or a static text, or one that is valid until the next call in
 * this thread, that says what is wrong.
 */
const char *rule_parse(const char *text, size_t len,
		       const struct policy_options *options,
		       struct rule_spec *out);
/**
 * rule_parse_plain() - Parse what nearly every rule is: a name and one port,
 * without attributes
 * @text: begins with the rule, may go on behind it
 * @out:  set on success
 *
 * Return: the length of the rule; 0 for anything else, right or wrong, which is
 * rule_parse()'s.  Nothing is said of what follows the rule.
 */
size_t rule_parse_plain(const char *text, size_t len,
			const struct policy_options *options,
			struct rule_spec *out);
/** rule_host_fault() - What is wrong with a host that target_set() refused */
const char *rule_host_fault(const char *host, size_t len);

struct usage_block;

/**
 * struct rule_node - A rule and its places
 * @block:  what @rule.usage is a part of
 * @before: the rule of the same set that was added before it
 * @same:   a later rule of the same text, whose usage it shares
 * @seq:    its number in the order written
 * @text:   what @rule.text is
 */
struct rule_node {
	struct rule rule;
	struct usage_block *block;
	struct rule_node *before, *same;
	uint32_t seq;
	char text[];
};

struct index_entry;

/**
 * struct index - Finds the rules of a host
 * @hosts:  hash table of the hosts that rules name
 * @below:  the same of the names below which wildcards cover
 * @depths: bit N: some wildcard covers below a name of N labels
 */
struct index {
	struct index_entry *hosts, *below;
	uint64_t depths[2];
};

/** index_add() - Add a rule under its host; false without memory */
bool index_add(struct index *x, struct arena *a, const struct target *host,
	       struct rule_node *node);
/** index_seal() - Sort what was added, once; false without memory */
bool index_seal(struct index *x, struct arena *a);
/** index_free() - Free what is not in the arena */
void index_free(struct index *x);
const struct rule *index_judge(const struct index *x, const struct target *t,
			       int64_t wall_ms);
bool index_covers(const struct index *x, const char *name, int64_t wall_ms);
/** index_carry() - usage_carry() for every host that an older policy had, too;
 *  false without memory */
bool index_carry(const struct index *x, const struct index *prev);

/**
 * usage_carry() - Let rules count on where they had the same text before
 * @rules: the last rule of a host; the others lie before it
 * @prev:  the same of the same host in the policy before
 *
 * Return: false without memory.
 */
bool usage_carry(struct rule_node *rules, const struct rule_node *prev);
/**
 * usage_assign() - Give every rule its counters, where it has none yet
 * @nodes: @count rules in the order written
 *
 * Return: false without memory; then no rule has any.
 */
bool usage_assign(struct rule_node **nodes, size_t count);
/** usage_release() - Give up what usage_assign() gave */
void usage_release(struct rule_node **nodes, size_t count);

/** policy_options_copy() - Return: 0, or -1 without memory and @to empty */
int policy_options_copy(struct policy_options *to,
			const struct policy_options *from);
/** policy_options_presets() - The folder of the preset files */
const char *policy_options_presets(const struct policy_options *o);
/** policy_parse_sni() - "match", "require" or "off" */
bool policy_parse_sni(const char *in, size_t len, enum policy_sni *out);

#endif
