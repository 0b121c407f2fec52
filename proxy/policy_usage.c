/* SPDX-License-Identifier: MIT */
/* policy_usage.c - counters of rules, carried on from policy to policy */

/*
 * Theory of operation
 *
 * The counters of all rules that are new in a policy lie in one block, which
 * the system gives page by page as they are used.  Every
 * rule of every policy that points into a block holds one reference to it; they
 * are counted a run of rules at a time, as neighbours mostly share a block.
 */

#include <stdlib.h>
#include <string.h>

#include "policy_hash.h"
#include "policy_priv.h"

struct usage_block {
	atomic_size_t refs;
	struct rule_usage at[];
};

/* struct usage_text - A host's rule of the policy before, by its text */
struct usage_text {
	const struct rule_node *node;
	UT_hash_handle hh;
};

/* The first of two with the same text is the last line of them: it counts. */
static struct usage_text *usage_index(const struct rule_node *prev,
				      struct usage_text **table)
{
	const struct rule_node *node;
	struct usage_text *entries, *found;
	size_t i, count = 1;

	for (node = prev->before; node; node = node->before)
		count++;
	*table = NULL;
	entries = calloc(count, sizeof(*entries));
	if (!entries)
		return NULL;
	policy_hash_oom = false;
	for (i = 0; i < count && !policy_hash_oom; i++, prev = prev->before) {
		const char *text = prev->rule.text;
		size_t len = strlen(text);

		HASH_FIND(hh, *table, text, len, found);
		if (found)
			continue;
		entries[i].node = prev;
		HASH_ADD_KEYPTR(hh, *table, text, len, &entries[i]);
	}
	if (policy_hash_oom) {
		HASH_CLEAR(hh, *table);
		free(entries);
		return NULL;
	}
	return entries;
}

static void usage_share(struct rule_node *node, const struct rule_node *prev)
{
	node->rule.usage = prev->rule.usage;
	node->block = prev->block;
}

/*
 * A host whose rules did not change, or were added to at their start, is walked
 * along with the old one; the table of texts is made for the first rule that is
 * not the next of the old ones.
 */
bool usage_carry(struct rule_node *rules, const struct rule_node *prev)
{
	struct usage_text *table = NULL, *entries = NULL, *found;
	const struct rule_node *next = prev;

	for (; rules; rules = rules->before) {
		if (!entries && next &&
		    strcmp(next->rule.text, rules->rule.text) == 0) {
			usage_share(rules, next);
			next = next->before;
			continue;
		}
		if (!entries)
			entries = usage_index(prev, &table);
		if (!entries)
			return false;
		HASH_FIND_STR(table, rules->rule.text, found);
		if (found)
			usage_share(rules, found->node);
	}
	HASH_CLEAR(hh, table);
	free(entries);
	return true;
}

/* Adds to, or takes from, a block's references; frees it with the last one. */
static void usage_count(struct usage_block *block, size_t count, bool add)
{
	if (add)
		atomic_fetch_add_explicit(&block->refs, count,
					  memory_order_relaxed);
	else if (atomic_fetch_sub_explicit(&block->refs, count,
					   memory_order_acq_rel) == count)
		free(block);
}

static void usage_count_all(struct rule_node **nodes, size_t count, bool add)
{
	struct usage_block *block = NULL;
	size_t i, run = 0;

	for (i = 0; i < count; i++) {
		if (nodes[i]->block == block) {
			run++;
			continue;
		}
		if (block)
			usage_count(block, run, add);
		block = nodes[i]->block;
		run = 1;
	}
	if (block)
		usage_count(block, run, add);
}

bool usage_assign(struct rule_node **nodes, size_t count)
{
	struct usage_block *block = NULL;
	size_t i, fresh = 0, next = 0;

	for (i = 0; i < count; i++)
		fresh += !nodes[i]->rule.usage && !nodes[i]->same;
	if (fresh > 0)
		block = calloc(1,
			       sizeof(*block) + fresh * sizeof(block->at[0]));
	if (fresh > 0 && !block)
		return false;
	/* From the last on, as a rule shares the usage of a later one. */
	for (i = count; i-- > 0;) {
		struct rule_node *node = nodes[i];

		if (node->same) {
			node->rule.usage = node->same->rule.usage;
			node->block = node->same->block;
		} else if (!node->rule.usage) {
			node->rule.usage = &block->at[next++];
			node->block = block;
		}
	}
	usage_count_all(nodes, count, true);
	return true;
}

void usage_release(struct rule_node **nodes, size_t count)
{
	usage_count_all(nodes, count, false);
}
