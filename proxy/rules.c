/* SPDX-License-Identifier: MIT */
/* rules.c - the grammar of one rule: HOST:PORT and its attributes */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "policy_priv.h"

static const char *rule_wrong(const char *fmt, ...) BASE_PRINTF(1, 2);

static const char *rule_wrong(const char *fmt, ...)
{
	static _Thread_local char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

/* For "%.*s": enough of a text to find it again. */
static int rule_shown(size_t len)
{
	return len < 100 ? (int)len : 100;
}

static bool rule_is_ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] > 0x7e)
			return false;
	}
	return true;
}

const char *rule_host_fault(const char *host, size_t len)
{
	char name[NAME_MAX_LEN + 1];

	if (len == 0)
		return "the host is empty";
	if (!rule_is_ascii(host, len))
		return "the host is not ASCII: write it in punycode (xn--...)";
	if (memchr(host, '*', len))
		return "a wildcard is *. in front of a name, and nothing else";
	if (host[0] == '[')
		return rule_wrong("'%.*s' is not an IPv6 address",
				  rule_shown(len), host);
	if (name_canonical(host, len, name) == NAME_NUMERIC)
		return rule_wrong("'%.*s' ends in a number, and is not a "
				  "plain IPv4 address",
				  rule_shown(len), host);
	return rule_wrong("'%.*s' is not a host name", rule_shown(len), host);
}

static const char *rule_parse_host(const char *host, size_t len,
				   struct rule_spec *out)
{
	char name[NAME_MAX_LEN + 1];

	if (len == 1 && host[0] == '*')
		return "a bare * would allow every host: name the hosts, or "
		       "set mode=monitor to see which are used";
	out->rule.wildcard = len > 2 && host[0] == '*' && host[1] == '.';
	if (out->rule.wildcard) {
		host += 2;
		len -= 2;
		if (name_canonical(host, len, name) != NAME_OK)
			return rule_host_fault(host, len);
	}
	if (target_set(&out->target, host, len, 1, false) != TARGET_OK)
		return rule_host_fault(host, len);
	out->rule.literal = out->target.literal;
	return NULL;
}

/* N, FIRST-LAST, or *, which is 0 to 65535: wider than any range. */
static const char *rule_parse_ports(const char *in, size_t len,
				    struct rule *rule)
{
	const char *dash;
	size_t first_len;

	if (len == 1 && in[0] == '*') {
		rule->port_first = 0;
		rule->port_last = UINT16_MAX;
		return NULL;
	}
	dash = memchr(in, '-', len);
	first_len = dash ? (size_t)(dash - in) : len;
	if (!name_parse_port(in, first_len, &rule->port_first))
		goto wrong;
	rule->port_last = rule->port_first;
	if (!dash)
		return NULL;
	if (!name_parse_port(dash + 1, len - first_len - 1, &rule->port_last))
		goto wrong;
	if (rule->port_last < rule->port_first)
		return "the port range ends before it begins";
	return NULL;
wrong:
	return rule_wrong("'%.*s' is not a port: 1 to 65535, FIRST-LAST or *",
			  rule_shown(len), in);
}

/* As name_split_port() does it, but a stray bracket is no matter here: what is
 * wrong with the host or the port says more. */
static bool rule_split_port(const char *text, size_t len, size_t *host_len,
			    size_t *port_off)
{
	const char *colon = memchr(text, ':', len);

	if (text[0] == '[' || !colon)
		return name_split_port(text, len, host_len, port_off);
	*host_len = (size_t)(colon - text);
	*port_off = *host_len + 1;
	return !memchr(colon + 1, ':', len - *port_off);
}

static const char *rule_parse_where(const char *text, size_t len,
				    struct rule_spec *out)
{
	const char *slash = memchr(text, '/', len), *wrong;
	size_t host_len, port_off;

	if (slash)
		return slash > text && slash[-1] == ':'
			       ? "a rule is HOST:PORT, without a scheme or path"
			       : "a rule names one host: a range of addresses "
				 "cannot be one, nor can a path follow it";
	if (!rule_split_port(text, len, &host_len, &port_off))
		return text[0] != '[' && memchr(text, ':', len)
			       ? "an IPv6 address needs brackets: [::1]:443"
			       : "the brackets do not fit";
	wrong = rule_parse_host(text, host_len, out);
	if (wrong)
		return wrong;
	if (!port_off)
		return rule_wrong("the rule has no port: write %.*s:443",
				  rule_shown(len), text);
	return rule_parse_ports(text + port_off, len - port_off, &out->rule);
}

/* ------------------------------------------------------------------------ */
/* Attributes.  Each takes its value, which may be empty. */

enum rule_attribute_bit {
	RULE_PRIVATE = 1 << 0,
	RULE_SNI = 1 << 1,
	RULE_ECH = 1 << 2,
	RULE_UP = 1 << 3,
	RULE_UP_HOUR = 1 << 4,
	RULE_DOWN = 1 << 5,
	RULE_DOWN_HOUR = 1 << 6,
	RULE_UNTIL = 1 << 7,
	RULE_WHY = 1 << 8,
};

static const char *rule_take_once(unsigned int *seen, unsigned int bit,
				  const char *name)
{
	if (*seen & bit)
		return rule_wrong("%s is given twice", name);
	*seen |= bit;
	return NULL;
}

static bool rule_is(const char *in, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(in, word, len) == 0;
}

static const char *rule_set_ech(const char *in, size_t len, struct rule *rule)
{
	rule->ech_deny = rule_is(in, len, "deny");
	if (rule->ech_deny || rule_is(in, len, "allow"))
		return NULL;
	return "ech is allow or deny";
}

static const char *rule_set_budget(const char *in, size_t len, bool up,
				   unsigned int *seen, struct rule *rule)
{
	bool hour = len > 2 && memcmp(in + len - 2, "/h", 2) == 0;
	const char *name = up ? "up" : "down";
	unsigned int bit = up ? RULE_UP : RULE_DOWN;
	uint64_t bytes;

	if (!base_parse_size(in, len - 2 * hour, &bytes) || bytes == 0)
		return rule_wrong("%s is a size above 0 (256k, 1g), or one an "
				  "hour (2m/h)",
				  name);
	if (up)
		*(hour ? &rule->up_hour : &rule->up) = bytes;
	else
		*(hour ? &rule->down_hour : &rule->down) = bytes;
	if (hour)
		return rule_take_once(seen, bit << 1,
				      up ? "up an hour" : "down an hour");
	return rule_take_once(seen, bit, name);
}

static const char *rule_set_until(const char *in, size_t len, struct rule *rule)
{
	if (!base_parse_time(in, len, &rule->until))
		return "until is a time like 2026-12-01T18:00Z or "
		       "2026-12-01T18:00:00+01:00";
	/* 0 stands for never, and what is before 1970 is over. */
	if (rule->until <= 0)
		rule->until = 1;
	return NULL;
}

static const char *rule_set_attribute(const char *name, size_t name_len,
				      const char *value, size_t len,
				      unsigned int *seen, struct rule *rule)
{
	if (!value && rule_is(name, name_len, "private")) {
		rule->private_ok = true;
		return rule_take_once(seen, RULE_PRIVATE, "private");
	}
	if (value && rule_is(name, name_len, "sni")) {
		rule->sni_own = true;
		if (!policy_parse_sni(value, len, &rule->sni))
			return "sni is match, require or off";
		return rule_take_once(seen, RULE_SNI, "sni");
	}
	if (value && rule_is(name, name_len, "ech")) {
		const char *wrong = rule_set_ech(value, len, rule);

		return wrong ? wrong : rule_take_once(seen, RULE_ECH, "ech");
	}
	if (value && rule_is(name, name_len, "up"))
		return rule_set_budget(value, len, true, seen, rule);
	if (value && rule_is(name, name_len, "down"))
		return rule_set_budget(value, len, false, seen, rule);
	if (value && rule_is(name, name_len, "until")) {
		const char *wrong = rule_set_until(value, len, rule);

		return wrong ? wrong
			     : rule_take_once(seen, RULE_UNTIL, "until");
	}
	return rule_wrong("unknown attribute '%.*s': private, sni=, ech=, up=, "
			  "down=, until= or why=\"...\"",
			  rule_shown(name_len), name);
}

/* Takes the quoted text behind why=; moves @in behind the closing quote. */
static const char *rule_take_why(const char **in, const char *end,
				 struct rule_spec *out)
{
	const char *p = *in;

	if (p == end || *p != '"')
		return "why is a text in double quotes: why=\"text\"";
	out->why_len = 0;
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
			p++;
		out->why[out->why_len++] = *p;
	}
	if (p == end)
		return "a double quote is not closed";
	*in = p + 1;
	return NULL;
}

static bool rule_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *rule_parse_attribute(const char **in, const char *end,
					unsigned int *seen,
					struct rule_spec *out)
{
	const char *name = *in, *p = name, *value = NULL, *wrong;
	size_t name_len;

	while (p < end && !rule_is_blank(*p) && *p != '=')
		p++;
	name_len = (size_t)(p - name);
	if (p < end && *p == '=')
		value = ++p;
	if (value && rule_is(name, name_len, "why")) {
		wrong = rule_take_why(&p, end, out);
		if (!wrong && p < end && !rule_is_blank(*p))
			wrong = "white space is missing behind why=\"...\"";
		*in = p;
		return wrong ? wrong : rule_take_once(seen, RULE_WHY, "why");
	}
	while (p < end && !rule_is_blank(*p))
		p++;
	*in = p;
	return rule_set_attribute(name, name_len, value,
				  value ? (size_t)(p - value) : 0, seen,
				  &out->rule);
}

static void rule_begin(struct rule_spec *out,
		       const struct policy_options *options)
{
	out->rule = (struct rule){.sni = options->sni,
				  .ech_deny = options->ech_deny};
	out->why_len = 0;
}

size_t rule_parse_plain(const char *text, size_t len,
			const struct policy_options *options,
			struct rule_spec *out)
{
	size_t at = len > 2 && text[0] == '*' && text[1] == '.' ? 2 : 0;
	bool wildcard = at > 0;
	size_t taken, digits;
	uint16_t port;

	if (name_take(text + at, len - at, out->target.host, &taken) != NAME_OK)
		return 0;
	at += taken;
	if (at == len || text[at] != ':')
		return 0;
	target_set_name(&out->target, taken - (text[at - 1] == '.'), 1);
	at++;
	digits = name_take_port(text + at, len - at, &port);
	if (digits == 0)
		return 0;
	rule_begin(out, options);
	out->rule.wildcard = wildcard;
	out->rule.port_first = out->rule.port_last = port;
	return at + digits;
}

const char *rule_parse(const char *text, size_t len,
		       const struct policy_options *options,
		       struct rule_spec *out)
{
	const char *p = text, *end = text + len, *wrong;
	unsigned int seen = 0;

	rule_begin(out, options);
	while (p < end && !rule_is_blank(*p))
		p++;
	wrong = rule_parse_where(text, (size_t)(p - text), out);
	while (!wrong) {
		while (p < end && rule_is_blank(*p))
			p++;
		if (p == end)
			return NULL;
		wrong = rule_parse_attribute(&p, end, &seen, out);
	}
	return wrong;
}
