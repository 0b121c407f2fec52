/* SPDX-License-Identifier: MIT */
/* reload.c - the policy's files: read, watched, made into snapshots
 *
 * Theory of operation
 *
 * Each allow-list is watched by what stat(2) says of it.  A file that differs
 * from what was loaded is read at the first poll at which it has not changed
 * since the one before, so that a file being written is not read half; one that
 * never rests is read after two seconds in any case.  A file that is gone (or
 * no regular file any more) for two seconds counts as empty: its rules end.  An
 * editor's moment between unlink and rename is shorter than that.  While a file
 * is gone, tests of the policy that fail are logged, yet hold nothing up.
 *
 * The text of every file, presets included, is kept, so that a snapshot is
 * always made of texts that were whole.  A snapshot with a fault is not made:
 * the old one stays, and the faulty text is not tried again before its file has
 * changed.
 */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "listen.h"
#include "log.h"

#ifdef __APPLE__
#define st_mtim st_mtimespec
#define st_ctim st_ctimespec
#endif

#define RELOAD_GONE_MS 2000
#define RELOAD_RESTLESS_MS 2000
#define RELOAD_FILE_MAX (256u << 20)

/* What tells two versions of a file apart; all zero: not there. */
struct reload_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

/**
 * struct reload_file - A watched file: an allow-list or a preset
 * @text:   what was read last; owned, NULL: nothing yet, or it is gone
 * @loaded: the version that @text is
 * @seen:   the version at the last poll
 * @changed_ms: when it was first seen to differ from @loaded, 0: it does not
 * @used:   the snapshot that was made last has its rules
 * @unmade: @text is newer than the snapshot in force
 * @waits:  it was said that a new version of it cannot be read for now
 */
struct reload_file {
	char *path;
	char *text;
	size_t len;
	struct reload_stamp loaded, seen;
	uint64_t changed_ms;
	bool gone, used, unmade, waits;
};

struct reload {
	const struct config *config; /* borrowed: the first reading */
	struct config own;           /* the last good re-reading */
	bool reread;                 /* @own is in use */
	struct policy_own *listeners;
	size_t listener_count;
	struct reload_file *files;
	size_t file_count;
	struct policy *policy; /* in force; one reference */
	uint64_t ok, failed;
};

static bool reload_stamp_same(const struct reload_stamp *a,
			      const struct reload_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec &&
	       a->ctime.tv_sec == b->ctime.tv_sec &&
	       a->ctime.tv_nsec == b->ctime.tv_nsec;
}

static struct reload_stamp reload_stamp_of(const char *path)
{
	struct reload_stamp s = {0};
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return s;
	s.dev = st.st_dev;
	s.ino = st.st_ino;
	s.size = st.st_size;
	s.mtime = st.st_mtim;
	s.ctime = st.st_ctim;
	return s;
}

static bool reload_stamp_gone(const struct reload_stamp *s)
{
	return !s->ino;
}

struct reload *reload_new(const struct config *c)
{
	struct reload *r = calloc(1, sizeof(*r));

	if (r)
		r->config = c;
	return r;
}

static void reload_file_free(struct reload_file *f)
{
	free(f->path);
	free(f->text);
}

void reload_free(struct reload *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->file_count; i++)
		reload_file_free(&r->files[i]);
	free(r->files);
	policy_unref(r->policy);
	if (r->reread)
		config_fini(&r->own);
	free(r->listeners);
	free(r);
}

int reload_own(struct reload *r, struct policy_own *own, size_t count)
{
	free(r->listeners);
	r->listeners = own;
	r->listener_count = count;
	return policy_set_own(r->policy, own, count, listen_is_local);
}

static const struct config *reload_config(const struct reload *r)
{
	return r->reread ? &r->own : r->config;
}

/* An entry of the command line has no line. */
static const char *reload_where(const struct config *c,
				const struct config_entry *e)
{
	return e->line ? c->path : "command line";
}

static struct reload_file *reload_find(struct reload *r, const char *path)
{
	for (size_t i = 0; i < r->file_count; i++)
		if (strcmp(r->files[i].path, path) == 0)
			return &r->files[i];
	return NULL;
}

static struct reload_file *reload_watch(struct reload *r, const char *path)
{
	struct reload_file *f = reload_find(r, path), *grown;

	if (f)
		return f;
	grown = realloc(r->files, (r->file_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	r->files = grown;
	f = &grown[r->file_count];
	memset(f, 0, sizeof(*f));
	f->path = strdup(path);
	if (!f->path)
		return NULL;
	r->file_count++;
	return f;
}

/* Return: 0 or a negative errno; then the text is as before. */
static int reload_read(struct reload_file *f)
{
	struct reload_stamp before = reload_stamp_of(f->path);
	char *text;
	size_t len;
	int rc = base_read_file(f->path, RELOAD_FILE_MAX, &text, &len);

	if (rc < 0)
		return rc;
	free(f->text);
	f->text = text;
	f->len = len;
	f->unmade = f->unmade || !reload_stamp_same(&f->loaded, &before);
	f->loaded = f->seen = before;
	f->changed_ms = 0;
	f->gone = f->waits = false;
	return 0;
}

/* A policy_preset_cb: a preset is watched from the moment that a rule names it;
 * one that is gone has no rules. */
static int reload_read_preset(void *arg, const char *path, char **text,
			      size_t *len)
{
	struct reload_file *f = reload_watch(arg, path);
	int rc = 0;

	if (!f)
		return -ENOMEM;
	if (!f->text && !f->gone)
		rc = reload_read(f);
	if (rc < 0)
		return rc;
	f->used = true;
	*len = f->len;
	*text = malloc(f->len + 1);
	if (!*text)
		return -ENOMEM;
	if (f->text)
		memcpy(*text, f->text, f->len);
	return 0;
}

/* A preset that the list names may move the files in memory, not the texts. */
static void reload_add_list(struct reload *r, struct policy_builder *b,
			    const char *path, struct faults *faults)
{
	struct reload_file *f = reload_find(r, path);

	if (!f)
		return;
	f->used = true;
	if (f->text)
		policy_builder_add(b, f->path, 1, f->text, f->len, faults);
}

/* The [policy] section: options first, then every rule in its order.
 * @tests: a policy that fails a test of its own is none */
static struct policy *reload_build(struct reload *r, bool tests,
				   struct faults *faults)
{
	const struct config *c = reload_config(r);
	struct policy_options o;
	struct policy_builder *b;
	struct policy *p;

	for (size_t i = 0; i < r->file_count; i++)
		r->files[i].used = false;
	policy_options_init(&o);
	for (size_t i = 0; i < c->policy_count; i++) {
		const struct config_entry *e = &c->policy[i];
		const char *error;

		if (strcmp(e->key, "allowlist") == 0 ||
		    strcmp(e->key, "allow") == 0)
			continue;
		error = policy_options_set(&o, e->key, e->value);
		if (error)
			faults_add(faults, reload_where(c, e), e->line, "%s",
				   error);
	}
	b = policy_builder_new(&o, r->policy);
	policy_options_fini(&o);
	if (!b) {
		faults_add(faults, c->path, 0, "out of memory");
		return NULL;
	}
	policy_builder_presets(b, reload_read_preset, r);
	if (!tests)
		policy_builder_skip_tests(b);
	for (size_t i = 0; i < c->policy_count; i++) {
		const struct config_entry *e = &c->policy[i];

		if (strcmp(e->key, "allow") == 0)
			policy_builder_add(b, reload_where(c, e), e->line,
					   e->value, strlen(e->value), faults);
		else if (strcmp(e->key, "allowlist") == 0)
			reload_add_list(r, b, e->value, faults);
	}
	p = policy_builder_finish(b, faults);
	if (p && policy_set_own(p, r->listeners, r->listener_count,
				listen_is_local) < 0) {
		faults_add(faults, c->path, 0, "out of memory");
		policy_unref(p);
		p = NULL;
	}
	return p;
}

/* Files that nothing names any more are not watched any more. */
static void reload_forget(struct reload *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->file_count; i++) {
		if (r->files[i].used)
			r->files[kept++] = r->files[i];
		else
			reload_file_free(&r->files[i]);
	}
	r->file_count = kept;
}

static void reload_adopt(struct reload *r, struct policy *p)
{
	policy_unref(r->policy);
	r->policy = policy_ref(p);
	reload_forget(r);
	for (size_t i = 0; i < r->file_count; i++)
		r->files[i].unmade = false;
}

struct policy *reload_first(struct reload *r, struct faults *faults)
{
	const struct config *c = r->config;
	struct policy *p;

	for (size_t i = 0; i < c->policy_count; i++) {
		const struct config_entry *e = &c->policy[i];
		struct reload_file *f;
		int rc;

		if (strcmp(e->key, "allowlist") != 0)
			continue;
		f = reload_watch(r, e->value);
		rc = f ? reload_read(f) : -ENOMEM;
		if (rc < 0)
			faults_add(faults, reload_where(c, e), e->line,
				   "cannot read the allow-list %s: %s",
				   e->value,
				   rc == -EINVAL ? "not a regular file"
						 : strerror(-rc));
	}
	p = reload_build(r, true, faults);
	if (p)
		reload_adopt(r, p);
	return p;
}

static bool reload_misses_file(const struct reload *r)
{
	for (size_t i = 0; i < r->file_count; i++)
		if (r->files[i].used && r->files[i].gone)
			return true;
	return false;
}

static void reload_log_faults(const struct faults *faults)
{
	const char *at = faults->text.data;

	for (size_t i = 0; at && *at; i++) {
		const char *end = strchr(at, '\n');
		size_t len = end ? (size_t)(end - at) : strlen(at);
		bool warns = i < faults->kinds.len &&
			     faults->kinds.data[i] == FAULT_KIND_WARNING;

		log_say(warns ? LEVEL_WARN : LEVEL_ERROR, "reload", "%.*s",
			(int)len, at);
		at += len + (end ? 1 : 0);
	}
}

static void reload_take(struct reload *r, struct policy *p)
{
	r->ok++;
	reload_adopt(r, p);
}

static struct policy *reload_make(struct reload *r)
{
	struct faults faults = {0};
	struct policy *p = reload_build(r, true, &faults);

	reload_log_faults(&faults);
	faults_free(&faults);
	/* A test that misses the rules of a file that is gone must not keep
	 * them in force. */
	if (!p && reload_misses_file(r)) {
		p = reload_build(r, false, &faults);
		faults_free(&faults);
	}
	if (!p) {
		r->failed++;
		log_say(LEVEL_ERROR, "reload",
			"the policy has a fault: the old one stays in force");
		return NULL;
	}
	reload_take(r, p);
	return p;
}

/* Gone for good: its rules end. */
static void reload_empty(struct reload_file *f)
{
	log_say(LEVEL_ERROR, "reload", "%s is gone: its rules end", f->path);
	free(f->text);
	f->text = NULL;
	f->len = 0;
	f->gone = true;
	memset(&f->loaded, 0, sizeof(f->loaded));
	f->changed_ms = 0;
}

/* A file that is there, and could not be read for @error, a negative errno: it
 * is as good as gone, unless the fault is this process's own. */
static bool reload_is_lost(struct reload_file *f, int error)
{
	if (error != -EMFILE && error != -ENFILE && error != -ENOMEM)
		return true;
	if (!f->waits)
		log_say(LEVEL_ERROR, "reload",
			"%s cannot be read: %s: its rules stay", f->path,
			strerror(-error));
	f->waits = true;
	return false;
}

/* Return: whether the file's text is a new one. */
static bool reload_look(struct reload_file *f, uint64_t now)
{
	struct reload_stamp seen = reload_stamp_of(f->path);
	bool rests = reload_stamp_same(&seen, &f->seen);
	int rc = -ENOENT;

	f->seen = seen;
	if (reload_stamp_same(&seen, &f->loaded)) {
		f->changed_ms = 0;
		return false;
	}
	if (!f->changed_ms)
		f->changed_ms = now;
	if (!reload_stamp_gone(&seen)) {
		if (!rests && now - f->changed_ms < RELOAD_RESTLESS_MS)
			return false;
		rc = reload_read(f);
		if (rc == 0)
			return true;
	}
	if (!f->text || now - f->changed_ms < RELOAD_GONE_MS ||
	    !reload_is_lost(f, rc))
		return false;
	reload_empty(f);
	return true;
}

struct policy *reload_poll(struct reload *r)
{
	uint64_t now = base_mono_ms();
	bool changed = false;

	for (size_t i = 0; i < r->file_count; i++)
		if (reload_look(&r->files[i], now))
			changed = true;
	return changed ? reload_make(r) : NULL;
}

/* Files that the new configuration names for the first time must be there. */
static bool reload_read_all(struct reload *r, const struct config *c,
			    struct faults *faults)
{
	for (size_t i = 0; i < r->file_count; i++)
		(void)reload_read(&r->files[i]);
	for (size_t i = 0; i < c->policy_count; i++) {
		const struct config_entry *e = &c->policy[i];
		struct reload_file *f;
		int rc = 0;

		if (strcmp(e->key, "allowlist") != 0)
			continue;
		f = reload_watch(r, e->value);
		if (!f)
			rc = -ENOMEM;
		else if (!f->text && !f->gone)
			rc = reload_read(f);
		if (rc < 0)
			faults_add(faults, reload_where(c, e), e->line,
				   "cannot read the allow-list %s: %s",
				   e->value,
				   rc == -EINVAL ? "not a regular file"
						 : strerror(-rc));
	}
	return faults->count == 0;
}

/* Entries of the command line stay; those of the file are read anew. */
static int reload_reread(struct reload *r, struct config *fresh,
			 struct faults *faults)
{
	const struct config *c = r->config;

	config_init(fresh);
	if (c->path && config_load(fresh, c->path, faults) < 0)
		return -1;
	for (size_t i = 0; i < c->policy_count; i++) {
		const struct config_entry *e = &c->policy[i];

		if (e->line == 0 &&
		    config_set(fresh, "policy", e->key, e->value,
			       reload_where(c, e), 0, faults) < 0)
			return -1;
	}
	return 0;
}

/* A change of a file that was read for a reload that failed counts all the
 * same: watching will not find it again.  What is wrong has been said. */
static struct policy *reload_make_unmade(struct reload *r)
{
	struct faults faults = {0};
	struct policy *p = NULL;
	bool unmade = false;

	for (size_t i = 0; i < r->file_count; i++)
		unmade = unmade || r->files[i].unmade;
	if (unmade)
		p = reload_build(r, true, &faults);
	faults_free(&faults);
	if (p)
		reload_take(r, p);
	return p;
}

struct policy *reload_now(struct reload *r)
{
	struct faults faults = {0};
	struct config fresh, old;
	struct policy *p;
	bool had;

	if (reload_reread(r, &fresh, &faults) < 0 ||
	    !reload_read_all(r, &fresh, &faults)) {
		reload_log_faults(&faults);
		faults_free(&faults);
		config_fini(&fresh);
		r->failed++;
		return reload_make_unmade(r);
	}
	faults_free(&faults);
	old = r->own;
	had = r->reread;
	r->own = fresh;
	r->reread = true;
	p = reload_make(r);
	if (!p) {
		r->own = old;
		r->reread = had;
		config_fini(&fresh);
		p = reload_make_unmade(r);
	} else if (had) {
		config_fini(&old);
	}
	return p;
}

struct policy *reload_policy(const struct reload *r)
{
	return r->policy;
}

void reload_results(const struct reload *r, uint64_t *ok, uint64_t *failed)
{
	*ok = r->ok;
	*failed = r->failed;
}

uint64_t reload_generation(const struct reload *r)
{
	return r->ok + 1;
}
