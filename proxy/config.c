/* SPDX-License-Identifier: MIT */
/* config.c - pen-proxy.ini: read, checked, held read-only */

/*
 * Theory of operation
 *
 * inih splits sections from keys, tracks the section, and skips comments.  It
 * also cuts lines at 200 bytes and values at " ;", takes indented lines for
 * more of the value above, and reports one bad line of many; which of that it
 * does was chosen when the library was built.  So it never sees a value: the
 * reader below hands it the line up to the '=' and keeps the rest for the
 * handler, and refuses whatever inih would take in another sense than the one
 * who wrote it.
 */

#include "config.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "config_priv.h"

#define CONFIG_FILE_MAX (1 << 20)
#define CONFIG_LINE_MAX 4096

static void config_fini_listeners(struct listen_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		listen_addr_fini(&list->at[i]);
	free(list->at);
}

void config_fini(struct config *c)
{
	size_t i;

	free(c->path);
	config_fini_listeners(&c->listen);
	config_fini_listeners(&c->transparent);
	config_fini_listeners(&c->dns);
	config_fini_listeners(&c->admin);
	free(c->ready_file);
	free(c->pid_file);
	for (i = 0; i < c->policy_count; i++) {
		free(c->policy[i].key);
		free(c->policy[i].value);
	}
	free(c->policy);
	free(c->dns_servers);
	free(c->upstream.host);
	free(c->upstream.authorization);
	for (i = 0; i < c->upstream.no_proxy_host_count; i++)
		free(c->upstream.no_proxy_hosts[i]);
	free(c->upstream.no_proxy_hosts);
	free(c->upstream.no_proxy_cidrs);
	free(c->log_file);
	free(c->audit_file);
	free(c->audit_command);
	config_init(c);
}

/**
 * struct config_reader - A file on its way through inih
 * @next, @end: what is left of the file
 * @line:    number of the line last taken
 * @value:   of the key that inih is looking at; @pending until it was set
 * @skip:    in an unknown section, whose keys are not worth a fault each
 */
struct config_reader {
	struct config *c;
	struct faults *faults;
	const char *next, *end;
	unsigned int line;
	char value[CONFIG_LINE_MAX + 1];
	bool pending, skip;
};

static void config_fault(struct config_reader *r, const char *text)
{
	faults_add(r->faults, r->c->path, r->line, "%s", text);
}

static bool config_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next line without its end and the blanks before that. */
static bool config_take_line(struct config_reader *r, const char **line,
			     size_t *len)
{
	const char *newline, *end;

	if (r->next == r->end)
		return false;
	newline = memchr(r->next, '\n', (size_t)(r->end - r->next));
	end = newline ? newline : r->end;
	*line = r->next;
	r->next = newline ? newline + 1 : end;
	r->line++;
	if (end > *line && end[-1] == '\r')
		end--;
	while (end > *line && config_is_blank(end[-1]))
		end--;
	*len = (size_t)(end - *line);
	return true;
}

/* "[name]"; NULL if it is good. */
static const char *config_check_section(const char *line, size_t len)
{
	if (line[len - 1] != ']' || memchr(line, ']', len) != line + len - 1)
		return "a section is [name], with nothing behind it";
	if (!config_is_section(line + 1, len - 2))
		return "unknown section";
	return NULL;
}

/*
 * What inih is to see of a line: nothing, a section, or a key with its '='.
 * Sets @len to 0 for nothing.
 */
static const char *config_check_line(struct config_reader *r, const char *line,
				     size_t *len)
{
	size_t i, all = *len, key_len = 0;

	*len = 0;
	for (i = 0; i < all; i++) {
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') ||
		    line[i] == 0x7f)
			return "the line holds a control character";
	}
	for (i = 0; i < all && config_is_blank(line[i]); i++)
		;
	if (i == all || line[i] == ';' || line[i] == '#')
		return NULL;
	if (all > CONFIG_LINE_MAX)
		return "the line is longer than 4096 bytes";
	if (i > 0)
		return "the line begins with white space; values cannot be "
		       "continued, each key starts at the margin";
	if (line[0] == '[') {
		const char *wrong = config_check_section(line, all);

		r->skip = wrong != NULL;
		*len = wrong ? 0 : all;
		return wrong;
	}
	while (key_len < all && line[key_len] != '=' && line[key_len] != ':')
		key_len++;
	if (key_len == 0 || key_len == all)
		return "the line is neither KEY = VALUE nor [section]";
	if (r->skip)
		return NULL;
	*len = ++key_len;
	while (key_len < all && config_is_blank(line[key_len]))
		key_len++;
	memcpy(r->value, line + key_len, all - key_len);
	r->value[all - key_len] = '\0';
	r->pending = true;
	return NULL;
}

/* An ini_reader: like fgets(3). */
static char *config_read_cb(char *out, int cap, void *stream)
{
	struct config_reader *r = stream;
	const char *line, *wrong;
	size_t len;

	if (r->pending)
		config_fault(r, "the key is malformed");
	r->pending = false;
	if (!config_take_line(r, &line, &len))
		return NULL;
	wrong = config_check_line(r, line, &len);
	if (!wrong && len + 2 > (size_t)cap)
		wrong = "the key is unknown: no key is that long";
	if (wrong) {
		config_fault(r, wrong);
		r->pending = false;
		len = 0;
	}
	memcpy(out, line, len);
	memcpy(out + len, "\n", 2);
	return out;
}

/* An ini_handler; @empty stands for the value, which inih did not see. */
static int config_key_cb(void *arg, const char *section, const char *name,
			 const char *empty)
{
	struct config_reader *r = arg;

	(void)empty;
	r->pending = false;
	config_set(r->c, section, name, r->value, r->c->path, r->line,
		   r->faults);
	return 1;
}

static const char *config_file_error(int error)
{
	if (error == -EINVAL)
		return "it is not a regular file";
	if (error == -EFBIG)
		return "it is larger than 1 MiB";
	return strerror(-error);
}

/* A bound that is set moves the other one's default out of its way. */
static void config_check_ttl(struct config *c, struct faults *faults)
{
	unsigned int min = config_line(c, "dns", "min-ttl");
	unsigned int max = config_line(c, "dns", "max-ttl");

	if (c->dns_min_ttl <= c->dns_max_ttl)
		return;
	if (!min)
		c->dns_min_ttl = c->dns_max_ttl;
	else if (!max)
		c->dns_max_ttl = c->dns_min_ttl;
	else
		faults_add(faults, c->path, min > max ? min : max,
			   "min-ttl in [dns] is longer than max-ttl");
}

int config_parse(struct config *c, const char *path, const char *text,
		 size_t len, struct faults *faults)
{
	struct config_reader r = {.c = c, .faults = faults};
	size_t count = faults->count;
	int result;

	free(c->path);
	c->path = strdup(path);
	if (!c->path) {
		faults_add(faults, path, 0, "out of memory");
		return -1;
	}
	r.next = text;
	r.end = text + len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.next += 3;
	result = ini_parse_stream(config_read_cb, &r, config_key_cb, &r);
	if (result != 0 && faults->count == count)
		faults_add(faults, path, result > 0 ? (unsigned int)result : 0,
			   "the config is malformed");
	config_check_ttl(c, faults);
	return faults->count > count ? -1 : 0;
}

int config_load(struct config *c, const char *path, struct faults *faults)
{
	size_t len;
	char *text;
	int result = base_read_file(path, CONFIG_FILE_MAX, &text, &len);

	if (result != 0) {
		faults_add(faults, path, 0, "cannot read the config: %s",
			   config_file_error(result));
		return -1;
	}
	result = config_parse(c, path, text, len, faults);
	free(text);
	return result;
}
