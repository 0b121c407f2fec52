/* SPDX-License-Identifier: MIT */
/* policy.c - texts of rules to an immutable snapshot */

#include "policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy_priv.h"

#define POLICY_PRESET_MAX (16 << 20)
#define POLICY_PRESET_NAME_MAX 64
/* How many bytes a policy takes for each of the text of plain rules. */
#define POLICY_PER_BYTE 9

/**
 * struct policy - A snapshot
 * @arena:   owns rules, texts, hosts and sets
 * @nodes:   @count rules in the order written
 * @presets: paths of the preset files read; texts in @arena
 */
struct policy {
	atomic_size_t refs;
	struct policy_options options;
	struct arena arena;
	struct index index;
	struct rule_node **nodes;
	size_t count, cap;
	const char **presets;
	size_t preset_count;
	bool has_usage;
};

/* struct policy_expect - A test that the policy has to pass; in its arena */
struct policy_expect {
	struct policy_expect *next;
	const char *file;
	unsigned int line;
	bool allow;
	struct target target;
};

/**
 * struct policy_builder - A snapshot in the making
 * @prev:    borrowed, may be NULL
 * @expects: in the order written; @expects_end is where the next one goes
 * @preset_cb: reads presets, given @preset_arg
 * @wall_ms: the time that all of the building takes for now
 * @skip_tests: what @expects say does not matter
 * @oom:     memory ran out: there will be no policy
 * @spec:    the rule that is being parsed; too large for a stack
 */
struct policy_builder {
	struct policy *policy;
	const struct policy *prev;
	struct policy_expect *expects, **expects_end;
	policy_preset_cb *preset_cb;
	void *preset_arg;
	int64_t wall_ms;
	bool skip_tests, oom;
	struct rule_spec spec;
};

/* struct policy_source - Where a line comes from; @file lies in the arena */
struct policy_source {
	const char *file;
	unsigned int line;
	bool preset;
	struct faults *faults;
};

/* ------------------------------------------------------------------------ */

static int policy_read_preset(void *arg, const char *path, char **text,
			      size_t *len)
{
	(void)arg;
	return base_read_file(path, POLICY_PRESET_MAX, text, len);
}

struct policy_builder *policy_builder_new(const struct policy_options *o,
					  const struct policy *prev)
{
	struct policy_builder *b = malloc(sizeof(*b));

	if (!b)
		return NULL;
	b->policy = calloc(1, sizeof(*b->policy));
	if (!b->policy || policy_options_copy(&b->policy->options, o) != 0) {
		free(b->policy);
		free(b);
		return NULL;
	}
	atomic_init(&b->policy->refs, 1);
	b->prev = prev;
	b->expects = NULL;
	b->expects_end = &b->expects;
	b->preset_cb = policy_read_preset;
	b->preset_arg = NULL;
	b->wall_ms = base_wall_ms();
	b->skip_tests = b->oom = false;
	return b;
}

void policy_builder_presets(struct policy_builder *b, policy_preset_cb *cb,
			    void *arg)
{
	b->preset_cb = cb;
	b->preset_arg = arg;
}

void policy_builder_skip_tests(struct policy_builder *b)
{
	b->skip_tests = true;
}

static bool policy_add_node(struct policy *p, struct rule_node *node)
{
	if (p->count == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct rule_node **nodes =
			realloc(p->nodes, cap * sizeof(*nodes));

		if (!nodes)
			return false;
		p->nodes = nodes;
		p->cap = cap;
	}
	node->seq = (uint32_t)p->count;
	p->nodes[p->count++] = node;
	return true;
}

static bool policy_add_rule(struct policy_builder *b,
			    const struct policy_source *s, const char *text,
			    size_t len)
{
	struct policy *p = b->policy;
	struct rule_node *node =
		arena_alloc(&p->arena, sizeof(*node) + len + 1);

	if (!node)
		return false;
	*node = (struct rule_node){.rule = b->spec.rule};
	memcpy(node->text, text, len);
	node->text[len] = '\0';
	node->rule.file = s->file;
	node->rule.line = s->line;
	node->rule.text = node->text;
	if (b->spec.why_len > 0) {
		node->rule.why =
			arena_text(&p->arena, b->spec.why, b->spec.why_len);
		if (!node->rule.why)
			return false;
	}
	return policy_add_node(p, node) &&
	       index_add(&p->index, &p->arena, &b->spec.target, node);
}

/* Keeps the rule that stands in @b->spec. */
static void policy_keep_rule(struct policy_builder *b,
			     const struct policy_source *s, const char *text,
			     size_t len)
{
	const struct rule_spec *spec = &b->spec;

	if (spec->rule.wildcard && !strchr(spec->target.host, '.'))
		faults_warn(s->faults, s->file, s->line,
			    "*.%s covers a whole top-level domain",
			    spec->target.host);
	if (spec->rule.until && spec->rule.until <= b->wall_ms)
		faults_warn(s->faults, s->file, s->line,
			    "the rule has ended and allows nothing");
	if (!policy_add_rule(b, s, text, len))
		b->oom = true;
}

static void policy_take_rule(struct policy_builder *b,
			     const struct policy_source *s, const char *text,
			     size_t len)
{
	const char *wrong =
		rule_parse(text, len, &b->policy->options, &b->spec);

	if (wrong)
		faults_add(s->faults, s->file, s->line, "%s", wrong);
	else
		policy_keep_rule(b, s, text, len);
}

static void policy_take_expect(struct policy_builder *b,
			       const struct policy_source *s, const char *text,
			       size_t len)
{
	struct policy_expect e = {.file = s->file, .line = s->line};
	struct policy_expect *copy;
	size_t word = 0;

	while (word < len && text[word] != ' ' && text[word] != '\t')
		word++;
	e.allow = word == 5 && memcmp(text, "allow", 5) == 0;
	if (!e.allow && !(word == 4 && memcmp(text, "deny", 4) == 0)) {
		faults_add(s->faults, s->file, s->line,
			   "a test is expect allow HOST:PORT or expect deny "
			   "HOST:PORT");
		return;
	}
	while (word < len && (text[word] == ' ' || text[word] == '\t'))
		word++;
	switch (target_parse(&e.target, text + word, len - word, 0)) {
	case TARGET_OK:
		break;
	case TARGET_BAD_HOST:
		faults_add(s->faults, s->file, s->line,
			   "the test has no well-formed host");
		return;
	case TARGET_BAD_PORT:
	default:
		faults_add(s->faults, s->file, s->line,
			   "the test needs one port, 1 to 65535");
		return;
	}
	copy = arena_alloc(&b->policy->arena, sizeof(*copy));
	if (!copy) {
		b->oom = true;
		return;
	}
	*copy = e;
	*b->expects_end = copy;
	b->expects_end = &copy->next;
}

static bool policy_add_preset(struct policy *p, const char *path)
{
	const char **more;
	size_t i;

	for (i = 0; i < p->preset_count; i++) {
		if (strcmp(p->presets[i], path) == 0)
			return true;
	}
	more = realloc(p->presets, (p->preset_count + 1) * sizeof(*more));
	if (!more)
		return false;
	p->presets = more;
	more[p->preset_count] = arena_text(&p->arena, path, strlen(path));
	return more[p->preset_count++] != NULL;
}

static bool policy_is_preset_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
			return false;
	}
	return len > 0 && len <= POLICY_PRESET_NAME_MAX;
}

static void policy_take_text(struct policy_builder *b, struct policy_source *s,
			     const char *text, size_t len);

static void policy_take_preset(struct policy_builder *b,
			       const struct policy_source *s, const char *name,
			       size_t len)
{
	struct policy_source in = {.line = 1, .preset = true};
	struct sbuf path = {0};
	char *text = NULL;
	size_t text_len;
	int result;

	in.faults = s->faults;
	if (!policy_is_preset_name(name, len)) {
		faults_add(s->faults, s->file, s->line,
			   "a preset is @NAME, of a to z, 0 to 9 and -, and "
			   "takes no attributes");
		return;
	}
	if (s->preset) {
		faults_add(s->faults, s->file, s->line,
			   "a preset cannot include another one");
		return;
	}
	sbuf_printf(&path, "%s/%.*s.txt",
		    policy_options_presets(&b->policy->options), (int)len,
		    name);
	if (path.oom || !policy_add_preset(b->policy, path.data)) {
		b->oom = true;
		goto out;
	}
	result = b->preset_cb(b->preset_arg, path.data, &text, &text_len);
	if (result != 0) {
		faults_add(s->faults, s->file, s->line,
			   "cannot read the preset %s: %s", path.data,
			   result == -EINVAL ? "not a regular file"
					     : strerror(-result));
		goto out;
	}
	in.file = arena_text(&b->policy->arena, path.data, path.len);
	if (in.file)
		policy_take_text(b, &in, text, text_len);
	else
		b->oom = true;
out:
	free(text);
	sbuf_free(&path);
}

/*
 * Cuts a line at its comment: "#" outside double quotes begins one.  Within
 * them a backslash keeps the quote behind it from closing.
 */
static const char *policy_strip(const char *line, size_t *len)
{
	bool quoted = false, comment = false;
	size_t i, all = *len;

	if (all > POLICY_LINE_MAX)
		return "the line is longer than 4096 bytes";
	for (i = 0; i < all; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return "the line holds a control character";
		if (comment)
			continue;
		if (c == '"')
			quoted = !quoted;
		if (c == '#' && !quoted) {
			comment = true;
			*len = i;
		}
		if (c == '\\' && quoted && i + 1 < all &&
		    (line[i + 1] == '"' || line[i + 1] == '\\'))
			i++;
	}
	return quoted ? "a double quote is not closed" : NULL;
}

static void policy_take_line(struct policy_builder *b,
			     const struct policy_source *s, const char *line,
			     size_t len)
{
	const char *wrong = policy_strip(line, &len);

	if (wrong) {
		faults_add(s->faults, s->file, s->line, "%s", wrong);
		return;
	}
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
		line++;
		len--;
	}
	if (len == 0)
		return;
	if (line[0] == '@') {
		policy_take_preset(b, s, line + 1, len - 1);
	} else if (len > 6 && memcmp(line, "expect", 6) == 0 &&
		   (line[6] == ' ' || line[6] == '\t')) {
		for (line += 6, len -= 6; *line == ' ' || *line == '\t'; line++)
			len--;
		policy_take_expect(b, s, line, len);
	} else {
		policy_take_rule(b, s, line, len);
	}
}

/* Takes a line that is a plain rule and no more, and goes on to the next one.
 * Return: false if it is of another kind. */
static bool policy_take_plain(struct policy_builder *b,
			      const struct policy_source *s, const char **text,
			      const char *end)
{
	const char *line = *text;
	size_t len = rule_parse_plain(line, (size_t)(end - line),
				      &b->policy->options, &b->spec);

	if (len == 0 || (line + len < end && line[len] != '\n'))
		return false;
	policy_keep_rule(b, s, line, len);
	*text = line + len < end ? line + len + 1 : end;
	return true;
}

/* The same for a line of any kind. */
static void policy_take_any(struct policy_builder *b,
			    const struct policy_source *s, const char **text,
			    const char *end)
{
	const char *line = *text;
	const char *newline = memchr(line, '\n', (size_t)(end - line));
	const char *stop = newline ? newline : end;

	*text = newline ? newline + 1 : end;
	if (stop > line && stop[-1] == '\r')
		stop--;
	policy_take_line(b, s, line, (size_t)(stop - line));
}

static void policy_take_text(struct policy_builder *b, struct policy_source *s,
			     const char *text, size_t len)
{
	const char *end = text + len;

	b->policy->arena.expected += len * POLICY_PER_BYTE;
	/* Editors of some systems begin a file with a byte order mark. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end && !b->oom) {
		if (!policy_take_plain(b, s, &text, end))
			policy_take_any(b, s, &text, end);
		s->line++;
	}
}

void policy_builder_add(struct policy_builder *b, const char *file,
			unsigned int line, const char *text, size_t len,
			struct faults *faults)
{
	struct policy_source s = {.line = line, .faults = faults};

	s.file = arena_text(&b->policy->arena, file, strlen(file));
	if (s.file)
		policy_take_text(b, &s, text, len);
	else
		b->oom = true;
}

static void policy_run_expects(const struct policy_builder *b,
			       struct faults *faults)
{
	const struct policy_expect *e;
	char text[TARGET_TEXT_MAX];

	for (e = b->expects; e; e = e->next) {
		const struct rule *rule =
			policy_judge(b->policy, &e->target, b->wall_ms);

		if ((rule != NULL) == e->allow)
			continue;
		target_format(&e->target, text);
		if (rule)
			faults_add(faults, e->file, e->line,
				   "the policy fails its test: %s is allowed, "
				   "by %s:%u",
				   text, rule->file, rule->line);
		else
			faults_add(faults, e->file, e->line,
				   "the policy fails its test: %s is refused",
				   text);
	}
}

struct policy *policy_builder_finish(struct policy_builder *b,
				     struct faults *faults)
{
	const struct policy *prev = b->prev;
	struct policy *p = b->policy;

	if (!b->oom)
		b->oom = !index_seal(&p->index, &p->arena);
	if (!b->oom && !b->skip_tests)
		policy_run_expects(b, faults);
	if (!b->oom && faults->count == 0) {
		p->has_usage =
			(!prev || index_carry(&p->index, &prev->index)) &&
			usage_assign(p->nodes, p->count);
		b->oom = !p->has_usage;
	}
	if (b->oom)
		faults_add(faults, "policy", 0, "out of memory");
	free(b);
	if (faults->count > 0) {
		policy_unref(p);
		return NULL;
	}
	return p;
}

struct policy *policy_ref(struct policy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void policy_unref(struct policy *p)
{
	if (!p ||
	    atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (p->has_usage)
		usage_release(p->nodes, p->count);
	index_free(&p->index);
	arena_free(&p->arena);
	free(p->nodes);
	free(p->presets);
	policy_options_fini(&p->options);
	free(p);
}

int policy_set_own(struct policy *p, const struct policy_own *own, size_t count,
		   bool (*is_local)(const struct addr *a))
{
	struct policy_options *o = &p->options;
	struct policy_own *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (count)
		memcpy(copy, own, count * sizeof(*own));
	free(o->own);
	o->own = copy;
	o->own_count = count;
	o->is_local = is_local;
	return 0;
}

const struct policy_options *policy_options_of(const struct policy *p)
{
	return &p->options;
}

size_t policy_rule_count(const struct policy *p)
{
	return p->count;
}

const struct rule *policy_rule(const struct policy *p, size_t i)
{
	return &p->nodes[i]->rule;
}

/* Bytes that a byte becomes in JSON, see sbuf_json(). */
static size_t policy_escaped(char c)
{
	if (c == '"' || c == '\\')
		return 2;
	return c >= ' ' && c <= '~' ? 1 : sizeof("\\u00xx") - 1;
}

void policy_where(const struct rule *r, char out[POLICY_WHERE_MAX])
{
	size_t room = POLICY_WHERE_MAX - sizeof("...:") - BASE_UINT_LEN;
	size_t from = strlen(r->file), n = 0, cost;

	for (; from; from--, room -= cost) {
		cost = policy_escaped(r->file[from - 1]);
		if (cost > room)
			break;
	}
	if (from)
		for (; n < 3; n++)
			out[n] = '.';
	cost = strlen(r->file + from);
	memcpy(out + n, r->file + from, cost);
	n += cost;
	out[n++] = ':';
	n += base_format_uint(r->line, out + n);
	out[n] = '\0';
}

size_t policy_preset_count(const struct policy *p)
{
	return p->preset_count;
}

const char *policy_preset(const struct policy *p, size_t i)
{
	return p->presets[i];
}

const struct rule *policy_judge(const struct policy *p, const struct target *t,
				int64_t wall_ms)
{
	return index_judge(&p->index, t, wall_ms);
}

bool policy_covers(const struct policy *p, const char *name, int64_t wall_ms)
{
	return index_covers(&p->index, name, wall_ms);
}
