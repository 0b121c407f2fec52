/* SPDX-License-Identifier: MIT */
/* config_keys.c - every key of pen-proxy.ini: its values, bounds and default */

#include "config_priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "policy.h"

#define CONFIG_THREADS_MAX 256

#define SECOND ((uint64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const char *config_wrong(const char *fmt, ...) BASE_PRINTF(1, 2);

static const char *config_wrong(const char *fmt, ...)
{
	static _Thread_local char text[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

static bool config_in_range(const struct config_key *key, uint64_t value)
{
	return value >= key->min && value <= key->max;
}

static const char *config_set_uint(void *field, const struct config_key *key,
				   const char *value)
{
	uint64_t number;

	if (!base_parse_uint(value, strlen(value), UINT64_MAX, &number) ||
	    !config_in_range(key, number))
		return config_wrong("%s is a number from %llu to %llu",
				    key->name, (unsigned long long)key->min,
				    (unsigned long long)key->max);
	*(unsigned int *)field = (unsigned int)number;
	return NULL;
}

static const char *config_set_port(void *field, const struct config_key *key,
				   const char *value)
{
	unsigned int port = 0;
	const char *wrong = config_set_uint(&port, key, value);

	if (!wrong)
		*(uint16_t *)field = (uint16_t)port;
	return wrong;
}

static const char *config_set_threads(void *field, const struct config_key *key,
				      const char *value)
{
	long cores;

	if (strcmp(value, "auto") != 0)
		return config_set_uint(field, key, value)
			       ? "threads is auto, or a number from 1 to 256"
			       : NULL;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	*(unsigned int *)field = cores < 1 ? 1
				 : cores > CONFIG_THREADS_MAX
					 ? CONFIG_THREADS_MAX
					 : (unsigned int)cores;
	return NULL;
}

/* "90s" of 90000; for messages. */
static const char *config_duration_text(uint64_t ms, char out[32])
{
	static const struct {
		uint64_t ms;
		const char *unit;
	} units[] = {{HOUR, "h"}, {MINUTE, "m"}, {SECOND, "s"}, {1, "ms"}};
	size_t i = 0;

	while (i < BASE_LEN(units) - 1 && (!ms || ms % units[i].ms != 0))
		i++;
	snprintf(out, 32, "%llu%s", (unsigned long long)(ms / units[i].ms),
		 units[i].unit);
	return out;
}

static const char *config_set_duration(void *field,
				       const struct config_key *key,
				       const char *value)
{
	char min[32], max[32];
	uint64_t ms;

	if (!base_parse_duration(value, strlen(value), &ms) ||
	    !config_in_range(key, ms))
		return config_wrong("%s is a duration (250ms, 5s, 2m, 1h) "
				    "from %s to %s",
				    key->name,
				    config_duration_text(key->min, min),
				    config_duration_text(key->max, max));
	*(uint64_t *)field = ms;
	return NULL;
}

static const char *config_set_size(void *field, const struct config_key *key,
				   const char *value)
{
	uint64_t bytes;

	if (!base_parse_size(value, strlen(value), &bytes) ||
	    !config_in_range(key, bytes))
		return config_wrong("%s is a size (500, 64k, 10m, 1g) from "
				    "%llu to %llu bytes",
				    key->name, (unsigned long long)key->min,
				    (unsigned long long)key->max);
	*(uint64_t *)field = bytes;
	return NULL;
}

static const char *config_set_bool(void *field, const struct config_key *key,
				   const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return config_wrong("%s is yes or no", key->name);
	*(bool *)field = strcmp(value, "yes") == 0;
	return NULL;
}

static const char *config_set_text(void *field, const struct config_key *key,
				   const char *value)
{
	char *copy = strdup(value);

	(void)key;
	if (!copy)
		return "out of memory";
	free(*(char **)field);
	*(char **)field = copy;
	return NULL;
}

static const char *config_set_command(void *field, const struct config_key *key,
				      const char *value)
{
	if (value[0] != '/')
		return "command is the absolute path of a program, without "
		       "arguments";
	return config_set_text(field, key, value);
}

static const char *config_set_listen(void *field, const struct config_key *key,
				     const char *value)
{
	struct listen_list *list = field;
	struct listen_addr one, *more;
	const char *wrong = listen_addr_parse(value, &one);

	if (wrong)
		return wrong;
	if (strcmp(key->name, "dns") == 0 && one.kind == LISTEN_UNIX)
		wrong = "dns is served over UDP and TCP, not on a unix socket";
	more = wrong ? NULL
		     : realloc(list->at, (list->count + 1) * sizeof(one));
	if (!more) {
		listen_addr_fini(&one);
		return wrong ? wrong : "out of memory";
	}
	list->at = more;
	more[list->count++] = one;
	return NULL;
}

static const char *config_set_protocols(void *field,
					const struct config_key *key,
					const char *value)
{
	struct config *c = field;
	bool http = false, socks5 = false;
	const char *item;
	size_t len;

	(void)key;
	while (base_next_item(&value, &item, &len)) {
		if (len == 4 && memcmp(item, "http", 4) == 0)
			http = true;
		else if (len == 6 && memcmp(item, "socks5", 6) == 0)
			socks5 = true;
		else
			return "protocols is http, socks5 or both, separated "
			       "by a comma";
	}
	c->http = http;
	c->socks5 = socks5;
	return NULL;
}

static const char *config_set_resolve(void *field, const struct config_key *key,
				      const char *value)
{
	(void)key;
	if (strcmp(value, "local") != 0 && strcmp(value, "upstream") != 0)
		return "resolve is local or upstream";
	*(bool *)field = strcmp(value, "upstream") == 0;
	return NULL;
}

/* A word as a number: the first table entry of that name. */
struct config_word {
	const char *name;
	int value;
};

static bool config_find_word(const struct config_word *words, size_t count,
			     const char *value, int *out)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(words[i].name, value) == 0) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

static const char *config_set_level(void *field, const struct config_key *key,
				    const char *value)
{
	static const struct config_word words[] = {
		{"debug", LEVEL_DEBUG},
		{"info", LEVEL_INFO},
		{"warn", LEVEL_WARN},
		{"error", LEVEL_ERROR},
	};

	(void)key;
	return config_find_word(words, BASE_LEN(words), value, field)
		       ? NULL
		       : "level is debug, info, warn or error";
}

static const char *config_set_format(void *field, const struct config_key *key,
				     const char *value)
{
	static const struct config_word words[] = {
		{"json", LOG_JSON},
		{"text", LOG_TEXT},
	};

	(void)key;
	return config_find_word(words, BASE_LEN(words), value, field)
		       ? NULL
		       : "format is json or text";
}

static const char *config_set_syslog(void *field, const struct config_key *key,
				     const char *value)
{
	static const struct config_word words[] = {
		{"no", -1},
		{"user", LOG_USER},
		{"daemon", LOG_DAEMON},
		{"auth", LOG_AUTH},
		{"authpriv", LOG_AUTHPRIV},
		{"local0", LOG_LOCAL0},
		{"local1", LOG_LOCAL1},
		{"local2", LOG_LOCAL2},
		{"local3", LOG_LOCAL3},
		{"local4", LOG_LOCAL4},
		{"local5", LOG_LOCAL5},
		{"local6", LOG_LOCAL6},
		{"local7", LOG_LOCAL7},
	};

	(void)key;
	return config_find_word(words, BASE_LEN(words), value, field)
		       ? NULL
		       : "syslog is no, or a facility: user, daemon, auth, "
			 "authpriv, local0 to local7";
}

/* The value is checked here, and kept as text: policy.c takes it. */
static const char *config_set_policy(void *field, const struct config_key *key,
				     const char *value)
{
	struct policy_options scratch;
	const char *wrong;

	(void)field;
	policy_options_init(&scratch);
	wrong = policy_options_set(&scratch, key->name, value);
	policy_options_fini(&scratch);
	return wrong;
}

static const char *config_set_rule(void *field, const struct config_key *key,
				   const char *value)
{
	(void)field;
	(void)key;
	(void)value;
	return NULL;
}

/* Where a setter writes: one member, or what it will. */
#define AT(member) .offset = offsetof(struct config, member)
#define WHOLE .offset = 0

static const struct config_key config_keys[] = {
	{"proxy", "listen", config_set_listen, AT(listen), .many = true},
	{"proxy", "transparent", config_set_listen, AT(transparent),
	 .many = true},
	{"proxy", "dns", config_set_listen, AT(dns), .many = true},
	{"proxy", "protocols", config_set_protocols, WHOLE},
	{"proxy", "tls-port", config_set_port, AT(tls_port), 1, 65535},
	{"proxy", "threads", config_set_threads, AT(threads), 1,
	 CONFIG_THREADS_MAX},
	{"proxy", "ready-file", config_set_text, AT(ready_file)},
	{"proxy", "pid-file", config_set_text, AT(pid_file)},

	{"policy", "allowlist", config_set_rule, WHOLE, .many = true},
	{"policy", "allow", config_set_rule, WHOLE, .many = true},
	{"policy", "mode", config_set_policy, WHOLE},
	{"policy", "presets", config_set_policy, WHOLE},
	{"policy", "sni", config_set_policy, WHOLE},
	{"policy", "tls-ports", config_set_policy, WHOLE},
	{"policy", "private", config_set_policy, WHOLE},
	{"policy", "allow-cidr", config_set_policy, WHOLE, .many = true},
	{"policy", "deny-cidr", config_set_policy, WHOLE, .many = true},
	{"policy", "ech", config_set_policy, WHOLE},
	{"policy", "cut-on-reload", config_set_policy, WHOLE},

	{"dns", "servers", config_set_servers, WHOLE},
	{"dns", "timeout", config_set_duration, AT(dns_timeout), 10, MINUTE},
	{"dns", "tries", config_set_uint, AT(dns_tries), 1, 10},
	{"dns", "cache-size", config_set_uint, AT(dns_cache_size), 0, 1000000},
	{"dns", "min-ttl", config_set_duration, AT(dns_min_ttl), 0, DAY},
	{"dns", "max-ttl", config_set_duration, AT(dns_max_ttl), 0, DAY},
	{"dns", "hosts-file", config_set_bool, AT(dns_hosts_file)},

	{"limits", "max-connections", config_set_uint, AT(max_connections), 1,
	 1000000},
	{"limits", "max-connections-per-client", config_set_uint,
	 AT(max_per_client), 0, 1000000},
	{"limits", "head-timeout", config_set_duration, AT(head_timeout), 10,
	 HOUR},
	{"limits", "connect-timeout", config_set_duration, AT(connect_timeout),
	 10, HOUR},
	{"limits", "idle-timeout", config_set_duration, AT(idle_timeout), 10,
	 366 * DAY},
	{"limits", "drain-timeout", config_set_duration, AT(drain_timeout), 0,
	 DAY},
	{"limits", "max-head", config_set_size, AT(max_head), 1 << 10, 1 << 20},
	{"limits", "max-tunnel-bytes", config_set_size, AT(max_tunnel_bytes), 0,
	 (uint64_t)1 << 50},
	{"limits", "max-tunnel-time", config_set_duration, AT(max_tunnel_time),
	 0, 366 * DAY},

	{"upstream", "proxy", config_set_upstream, WHOLE},
	{"upstream", "no-proxy", config_set_no_proxy, WHOLE},
	{"upstream", "resolve", config_set_resolve,
	 AT(upstream.resolve_upstream)},

	{"log", "file", config_set_text, AT(log_file)},
	{"log", "level", config_set_level, AT(log_level)},
	{"log", "format", config_set_format, AT(log_format)},
	{"log", "max-size", config_set_size, AT(log_max_size), 0,
	 (uint64_t)1 << 50},
	{"log", "keep", config_set_uint, AT(log_keep), 0, 1000},
	{"log", "syslog", config_set_syslog, AT(log_facility)},

	{"audit", "file", config_set_text, AT(audit_file)},
	{"audit", "syslog", config_set_syslog, AT(audit_facility)},
	{"audit", "command", config_set_command, AT(audit_command)},

	{"admin", "listen", config_set_listen, AT(admin), .many = true},
};

_Static_assert(BASE_LEN(config_keys) <= CONFIG_KEYS_MAX,
	       "config.set_before has a place for each");

void config_init(struct config *c)
{
	*c = (struct config){
		.http = true,
		.socks5 = true,
		.tls_port = 443,
		.threads = 1,
		.dns_timeout = 2 * SECOND,
		.dns_tries = 2,
		.dns_cache_size = 4096,
		.dns_min_ttl = 5 * SECOND,
		.dns_max_ttl = 5 * MINUTE,
		.max_connections = 16384,
		.head_timeout = 10 * SECOND,
		.connect_timeout = 10 * SECOND,
		.idle_timeout = 10 * MINUTE,
		.drain_timeout = 30 * SECOND,
		.max_head = 32 << 10,
		.log_level = LEVEL_INFO,
		.log_format = LOG_JSON,
		.log_max_size = 10 << 20,
		.log_keep = 3,
		.log_facility = -1,
		.audit_facility = -1,
	};
}

static bool config_add_policy(struct config *c, const char *key,
			      const char *value, unsigned int line)
{
	struct config_entry *more =
		realloc(c->policy, (c->policy_count + 1) * sizeof(*more));
	struct config_entry entry = {strdup(key), strdup(value), line};

	if (more)
		c->policy = more;
	if (!more || !entry.key || !entry.value) {
		free(entry.key);
		free(entry.value);
		return false;
	}
	more[c->policy_count++] = entry;
	return true;
}

bool config_is_section(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < BASE_LEN(config_keys); i++) {
		if (strlen(config_keys[i].section) == len &&
		    memcmp(config_keys[i].section, name, len) == 0)
			return true;
	}
	return false;
}

static const struct config_key *config_find(const char *section,
					    const char *name)
{
	size_t i;

	for (i = 0; i < BASE_LEN(config_keys); i++) {
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

unsigned int config_line(const struct config *c, const char *section,
			 const char *key)
{
	unsigned int set_before =
		c->set_before[config_find(section, key) - config_keys];

	return set_before ? set_before - 1 : 0;
}

/* What looks like a comment behind a value, and would become a part of it. */
static bool config_has_comment(const char *value)
{
	const char *p;

	for (p = value; *p; p++) {
		if ((*p == ';' || *p == '#') &&
		    (p == value || p[-1] == ' ' || p[-1] == '\t'))
			return true;
	}
	return false;
}

static const char *config_set_key(struct config *c,
				  const struct config_key *key,
				  const char *value, unsigned int line)
{
	unsigned int *set_before = &c->set_before[key - config_keys];
	bool is_policy = strcmp(key->section, "policy") == 0;
	const char *wrong;

	if (!key->many && *set_before)
		return config_wrong("%s is given twice", key->name);
	*set_before = line + 1;
	if (!*value)
		return config_wrong("%s has no value", key->name);
	if (!(is_policy && strcmp(key->name, "allow") == 0) &&
	    config_has_comment(value))
		return "a comment needs a line of its own";
	wrong = key->set((char *)c + key->offset, key, value);
	if (!wrong && is_policy &&
	    !config_add_policy(c, key->name, value, line))
		wrong = "out of memory";
	return wrong;
}

int config_set(struct config *c, const char *section, const char *key,
	       const char *value, const char *where, unsigned int line,
	       struct faults *faults)
{
	const struct config_key *k = config_find(section, key);
	const char *wrong;

	if (!k) {
		if (*section)
			faults_add(faults, where, line,
				   "unknown key '%s' in [%s]", key, section);
		else
			faults_add(faults, where, line,
				   "'%s' stands before any [section]", key);
		return -1;
	}
	wrong = config_set_key(c, k, value, line);
	if (wrong)
		faults_add(faults, where, line, "%s", wrong);
	return wrong ? -1 : 0;
}
