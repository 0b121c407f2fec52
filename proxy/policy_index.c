/* SPDX-License-Identifier: MIT */
/* policy_index.c - from a target to its most specific rule */

/*
 * Theory of operation
 *
 * One hash table holds the hosts that rules name, another the names below which
 * wildcards cover, as text.  A look-up is for the target's name and for those
 * of its parents that have as many labels as some wildcard.  What it costs
 * grows with the name, not with the number of rules.
 *
 * The rules of one host are sorted by port.  Rules with the same port stand in
 * the order in which they end, the later line being preferred: an earlier line
 * can only count once all later ones are over, so it is kept only if it ends
 * after them.  A binary search then finds the rule in force.
 *
 * Where one host has many port ranges, the ports are cut at the ends of all of
 * them, and each segment knows the smallest range that covers it.
 */

#include <stdlib.h>
#include <string.h>

#include "policy_hash.h"
#include "policy_priv.h"

_Thread_local bool policy_hash_oom;

/* From this number of ranges on, a binary search beats trying them in turn. */
#define INDEX_RANGES_MANY 16

/* struct index_segment - Ports from @first on; the place of their first rule */
struct index_segment {
	uint32_t first, best;
};

/**
 * struct index_rules - The rules of a host that has several; in the arena
 * @last:     the one that was added last, as @at has only what can count
 * @segments: of its ranges, by port; NULL where there are few of them
 * @at:       first the rules for one port, by port, then the ranges, smallest
 *            first
 */
struct index_rules {
	struct rule_node *last;
	struct index_segment *segments;
	uint32_t segment_count;
	struct rule_node *at[];
};

/**
 * struct index_entry - The rules of one host, or of one wildcard
 * @last:  until index_seal(): the rule added last
 * @only:  from then on, if @count is 1: the rule
 * @many:  from then on, if it is not: the rules
 * @exact: how many rules are for one port
 * @until: the time at which the last of them ends, INT64_MAX for never
 * @hh:    its key is the name, not NUL-terminated; borrowed from the arena
 */
struct index_entry {
	union {
		struct rule_node *last, *only;
		struct index_rules *many;
	};
	uint32_t exact, count;
	int64_t until;
	UT_hash_handle hh;
};

/* A name has at most 127 labels, and so as many parents with itself. */
#define INDEX_LABELS_MAX ((NAME_MAX_LEN + 1) / 2)

/* Multiplying leaves the low bits, which uthash uses, to the low bits alone. */
static uint64_t index_mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* Eight bytes at a time; the last eight may overlap those before them. */
static uint32_t index_hash(const char *name, size_t len)
{
	uint64_t hash = len, word = 0;
	size_t i;

	for (i = 0; i + sizeof(word) < len; i += sizeof(word)) {
		memcpy(&word, name + i, sizeof(word));
		hash = index_mix(hash, word);
	}
	if (len >= sizeof(word)) {
		memcpy(&word, name + len - sizeof(word), sizeof(word));
	} else {
		for (word = 0; i < len; i++)
			word = word << 8 | (unsigned char)name[i];
	}
	return (uint32_t)index_mix(index_mix(hash, word), 0);
}

/*
 * Writes where in a host the names begin under which it may be found, the whole
 * name last, its parents before it in the order of their length.
 */
static size_t index_keys(const struct index *x, const char *host, size_t len,
			 bool literal, uint8_t out[INDEX_LABELS_MAX + 1])
{
	bool wildcards = !literal && (x->depths[0] | x->depths[1]);
	size_t i = len, n = 0;
	unsigned int labels = 1;

	while (wildcards && i-- > 0) {
		if (host[i] != '.')
			continue;
		if (x->depths[labels / 64] >> labels % 64 & 1)
			out[n++] = (uint8_t)(i + 1);
		labels++;
	}
	out[n++] = 0;
	return n;
}

static struct index_entry *index_find(struct index_entry *table,
				      const char *name, size_t len,
				      uint32_t hash)
{
	struct index_entry *found = NULL;

	HASH_FIND_BYHASHVALUE(hh, table, name, len, hash, found);
	return found;
}

static struct index_entry *index_add_entry(struct index_entry **table,
					   struct arena *a, const char *name,
					   size_t len, uint32_t hash)
{
	struct index_entry *entry = arena_alloc(a, sizeof(*entry));

	if (!entry)
		return NULL;
	memset(entry, 0, sizeof(*entry));
	policy_hash_oom = false;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, *table, name, len, hash, entry);
	return policy_hash_oom ? NULL : entry;
}

static int64_t rule_end(const struct rule_node *node)
{
	return node->rule.until ? node->rule.until : INT64_MAX;
}

static void index_add_depth(struct index *x, const char *name)
{
	unsigned int labels = 1;

	while ((name = strchr(name, '.'))) {
		name++;
		labels++;
	}
	x->depths[labels / 64] |= (uint64_t)1 << labels % 64;
}

bool index_add(struct index *x, struct arena *a, const struct target *t,
	       struct rule_node *node)
{
	uint32_t hash = index_hash(t->host, t->host_len);
	struct index_entry **table =
		node->rule.wildcard ? &x->below : &x->hosts;
	const char *name = node->rule.text + 2 * node->rule.wildcard;
	struct index_entry *entry =
		index_find(*table, t->host, t->host_len, hash);

	if (!entry) {
		/* The rule's own text will do where it is canonical. */
		if (strncmp(name, t->host, t->host_len) != 0)
			name = arena_text(a, t->host, t->host_len);
		if (name)
			entry = index_add_entry(table, a, name, t->host_len,
						hash);
	}
	if (!entry)
		return false;
	if (node->rule.wildcard)
		index_add_depth(x, t->host);
	node->before = entry->last;
	entry->last = node;
	entry->count++;
	if (entry->until < rule_end(node))
		entry->until = rule_end(node);
	return true;
}

static bool rule_is_range(const struct rule *r)
{
	return r->port_first != r->port_last;
}

/* One port before a range, then by port or width, then the later line. */
static int index_compare(const void *left, const void *right)
{
	const struct rule_node *a = *(struct rule_node *const *)left;
	const struct rule_node *b = *(struct rule_node *const *)right;
	int a_key = a->rule.port_first, b_key = b->rule.port_first;

	if (rule_is_range(&a->rule) != rule_is_range(&b->rule))
		return rule_is_range(&a->rule) ? 1 : -1;
	if (rule_is_range(&a->rule)) {
		a_key = a->rule.port_last - a_key;
		b_key = b->rule.port_last - b_key;
	}
	if (a_key != b_key)
		return a_key < b_key ? -1 : 1;
	return a->seq > b->seq ? -1 : 1;
}

/* Whether @b never counts because @a does: the same ports, no longer time. */
static bool rule_hides(const struct rule_node *a, const struct rule_node *b)
{
	return a->rule.port_first == b->rule.port_first &&
	       a->rule.port_last == b->rule.port_last &&
	       rule_end(a) >= rule_end(b);
}

/* Drops what can never count; returns how many are left. */
static uint32_t index_prune(struct rule_node **at, uint32_t count)
{
	uint32_t i, kept = 0;

	for (i = 0; i < count; i++) {
		struct rule_node *later = kept ? at[kept - 1] : NULL;
		struct rule_node *node = at[i];

		if (later && strcmp(later->rule.text, node->rule.text) == 0)
			node->same = later;
		if (!later || !rule_hides(later, node))
			at[kept++] = node;
	}
	return kept;
}

static int index_compare_ports(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return a < b ? -1 : a > b;
}

/* The place of the last segment that begins at @port or below it. */
static uint32_t index_find_segment(const struct index_segment *segments,
				   uint32_t count, uint32_t port)
{
	uint32_t low = 0, high = count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (segments[middle].first <= port)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Where the ranges begin and where they have ended, each port once, and 0. */
static uint32_t index_cut(const struct index_rules *rules, uint32_t exact,
			  uint32_t count, uint32_t *cuts)
{
	uint32_t i, n = 0, unique = 1;

	cuts[n++] = 0;
	for (i = exact; i < count; i++) {
		cuts[n++] = rules->at[i]->rule.port_first;
		cuts[n++] = rules->at[i]->rule.port_last + 1u;
	}
	qsort(cuts, n, sizeof(*cuts), index_compare_ports);
	for (i = 1; i < n; i++) {
		if (cuts[i] != cuts[unique - 1])
			cuts[unique++] = cuts[i];
	}
	return unique;
}

/*
 * Gives each segment the first range in the order of @at that covers it.  @skip
 * leads from a segment to the next one that has none yet, shortened on the way,
 * so that each is visited a few times only.
 */
static void index_paint(struct index_rules *rules, uint32_t exact,
			uint32_t count, uint32_t *skip)
{
	struct index_segment *segments = rules->segments;
	uint32_t i, n = rules->segment_count, place;

	for (i = 0; i <= n; i++)
		skip[i] = i;
	for (place = exact; place < count; place++) {
		const struct rule *r = &rules->at[place]->rule;

		i = index_find_segment(segments, n, r->port_first);
		while (i < n && segments[i].first <= r->port_last) {
			if (skip[i] == i) {
				segments[i].best = place;
				skip[i] = i + 1;
			}
			while (skip[i] != i) {
				skip[i] = skip[skip[i]];
				i = skip[i];
			}
		}
	}
}

static bool index_make_segments(struct index_rules *rules, struct arena *a,
				uint32_t exact, uint32_t count)
{
	uint32_t i, *cuts;

	rules->segments = NULL;
	rules->segment_count = 0;
	if (count - exact < INDEX_RANGES_MANY)
		return true;
	cuts = malloc((2 * (count - exact) + 2) * sizeof(*cuts));
	if (!cuts)
		return false;
	rules->segment_count = index_cut(rules, exact, count, cuts);
	rules->segments =
		arena_alloc(a, rules->segment_count * sizeof(*rules->segments));
	if (rules->segments) {
		for (i = 0; i < rules->segment_count; i++)
			rules->segments[i] =
				(struct index_segment){cuts[i], count};
		index_paint(rules, exact, count, cuts);
	}
	free(cuts);
	return rules->segments != NULL;
}

static bool index_seal_entry(struct index_entry *entry, struct arena *a)
{
	uint32_t i, count = entry->count;
	struct rule_node *node = entry->last;
	struct index_rules *rules;

	if (count == 1) {
		entry->exact = !rule_is_range(&node->rule);
		return true;
	}
	rules = arena_alloc(a, sizeof(*rules) + count * sizeof(rules->at[0]));
	if (!rules)
		return false;
	rules->last = node;
	for (i = 0; i < count; i++, node = node->before)
		rules->at[i] = node;
	qsort(rules->at, count, sizeof(rules->at[0]), index_compare);
	count = index_prune(rules->at, count);
	for (i = 0; i < count; i++)
		entry->exact += !rule_is_range(&rules->at[i]->rule);
	entry->count = count;
	if (count == 1) {
		entry->only = rules->at[0];
		return true;
	}
	entry->many = rules;
	return index_make_segments(rules, a, entry->exact, count);
}

bool index_seal(struct index *x, struct arena *a)
{
	struct index_entry *entry;

	for (entry = x->hosts; entry; entry = entry->hh.next) {
		if (!index_seal_entry(entry, a))
			return false;
	}
	for (entry = x->below; entry; entry = entry->hh.next) {
		if (!index_seal_entry(entry, a))
			return false;
	}
	return true;
}

static struct rule_node *index_last(const struct index_entry *entry)
{
	/* One that is alone hides all others. */
	return entry->count == 1 ? entry->only : entry->many->last;
}

static bool index_same_name(const struct index_entry *a,
			    const struct index_entry *b)
{
	return a->hh.hashv == b->hh.hashv && a->hh.keylen == b->hh.keylen &&
	       memcmp(a->hh.key, b->hh.key, a->hh.keylen) == 0;
}

static bool index_carry_table(struct index_entry *table,
			      struct index_entry *prev)
{
	struct index_entry *entry, *old, *next = prev;

	for (entry = table; entry; entry = entry->hh.next) {
		/* Most hosts stand behind the same one as before. */
		old = next && index_same_name(entry, next)
			      ? next
			      : index_find(prev, entry->hh.key,
					   entry->hh.keylen, entry->hh.hashv);
		if (!old)
			continue;
		if (!usage_carry(index_last(entry), index_last(old)))
			return false;
		next = old->hh.next;
	}
	return true;
}

bool index_carry(const struct index *x, const struct index *prev)
{
	return index_carry_table(x->hosts, prev->hosts) &&
	       index_carry_table(x->below, prev->below);
}

void index_free(struct index *x)
{
	HASH_CLEAR(hh, x->hosts);
	HASH_CLEAR(hh, x->below);
}

/* Among @exact rules the one for a port that ends after @wall_ms, or NULL. */
static const struct rule *index_judge_port(struct rule_node *const *at,
					   uint32_t exact, uint16_t port,
					   int64_t wall_ms)
{
	uint32_t low = 0, high = exact;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct rule_node *node = at[middle];

		if (node->rule.port_first < port ||
		    (node->rule.port_first == port &&
		     rule_end(node) <= wall_ms))
			low = middle + 1;
		else
			high = middle;
	}
	return low < exact && at[low]->rule.port_first == port ? &at[low]->rule
							       : NULL;
}

static const struct rule *index_judge_entry(const struct index_entry *entry,
					    uint16_t port, int64_t wall_ms)
{
	struct rule_node *const *at =
		entry->count == 1 ? &entry->only : entry->many->at;
	const struct rule *rule =
		index_judge_port(at, entry->exact, port, wall_ms);
	uint32_t i = entry->exact;

	if (rule)
		return rule;
	if (entry->count > 1 && entry->many->segments) {
		const struct index_rules *many = entry->many;

		i = many
			    ->segments[index_find_segment(
				    many->segments, many->segment_count, port)]
			    .best;
	}
	/* What was found may have ended: then a wider one counts. */
	for (; i < entry->count; i++) {
		rule = &at[i]->rule;
		if (rule->port_first <= port && port <= rule->port_last &&
		    rule_end(at[i]) > wall_ms)
			return rule;
	}
	return NULL;
}

/* The rules for a host under what its name is from @at on. */
static const struct index_entry *
index_look_up(const struct index *x, const char *host, size_t len, size_t at)
{
	return index_find(at ? x->below : x->hosts, host + at, len - at,
			  index_hash(host + at, len - at));
}

const struct rule *index_judge(const struct index *x, const struct target *t,
			       int64_t wall_ms)
{
	uint8_t keys[INDEX_LABELS_MAX + 1];
	size_t n = index_keys(x, t->host, t->host_len, t->literal, keys);
	const struct rule *rule = NULL;

	while (n-- > 0 && !rule) {
		const struct index_entry *entry =
			index_look_up(x, t->host, t->host_len, keys[n]);

		if (entry)
			rule = index_judge_entry(entry, t->port, wall_ms);
	}
	return rule;
}

bool index_covers(const struct index *x, const char *name, int64_t wall_ms)
{
	uint8_t keys[INDEX_LABELS_MAX + 1];
	size_t len = strlen(name), n;
	bool covered = false;

	if (len > NAME_MAX_LEN)
		return false;
	n = index_keys(x, name, len, false, keys);
	while (n-- > 0 && !covered) {
		const struct index_entry *entry =
			index_look_up(x, name, len, keys[n]);

		covered = entry && entry->until > wall_ms;
	}
	return covered;
}
