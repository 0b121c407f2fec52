/* SPDX-License-Identifier: MIT */
/* policy_options.c - the [policy] section, less the rules themselves */

#include "policy_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pen_build.h"

static const char *const policy_no_memory = "out of memory";

void policy_options_init(struct policy_options *o)
{
	*o = (struct policy_options){.mode = POLICY_ENFORCE,
				     .sni = SNI_MATCH,
				     .cut_on_reload = true};
}

void policy_options_fini(struct policy_options *o)
{
	free(o->presets);
	free(o->tls_ports);
	free(o->allow_cidrs);
	free(o->deny_cidrs);
	free(o->own);
	policy_options_init(o);
}

/* A copy of an array, which may be empty; NULL without memory alone. */
static void *policy_copy_array(const void *from, size_t count, size_t size)
{
	void *copy = malloc(count ? count * size : 1);

	if (copy && count)
		memcpy(copy, from, count * size);
	return copy;
}

int policy_options_copy(struct policy_options *to,
			const struct policy_options *from)
{
	*to = *from;
	to->presets = from->presets ? strdup(from->presets) : NULL;
	to->tls_ports = policy_copy_array(from->tls_ports, from->tls_port_count,
					  sizeof(*from->tls_ports));
	to->allow_cidrs =
		policy_copy_array(from->allow_cidrs, from->allow_cidr_count,
				  sizeof(*from->allow_cidrs));
	to->deny_cidrs =
		policy_copy_array(from->deny_cidrs, from->deny_cidr_count,
				  sizeof(*from->deny_cidrs));
	to->own = policy_copy_array(from->own, from->own_count,
				    sizeof(*from->own));
	if ((from->presets && !to->presets) || !to->tls_ports ||
	    !to->allow_cidrs || !to->deny_cidrs || !to->own) {
		policy_options_fini(to);
		return -1;
	}
	return 0;
}

const char *policy_options_presets(const struct policy_options *o)
{
	return o->presets ? o->presets : PEN_PRESET_DIR;
}

/* One of two words, as false or true. */
static const char *policy_set_word(bool *out, const char *value, const char *no,
				   const char *yes, const char *wrong)
{
	if (strcmp(value, no) != 0 && strcmp(value, yes) != 0)
		return wrong;
	*out = strcmp(value, yes) == 0;
	return NULL;
}

bool policy_parse_sni(const char *in, size_t len, enum policy_sni *out)
{
	static const char *const names[] = {
		[SNI_MATCH] = "match",
		[SNI_REQUIRE] = "require",
		[SNI_OFF] = "off",
	};
	unsigned int i;

	for (i = 0; i < BASE_LEN(names); i++) {
		if (strlen(names[i]) == len && memcmp(names[i], in, len) == 0) {
			*out = (enum policy_sni)i;
			return true;
		}
	}
	return false;
}

static const char *policy_set_tls_ports(struct policy_options *o,
					const char *value)
{
	uint16_t *ports = NULL, *more;
	size_t count = 0, len;
	const char *item;

	while (base_next_item(&value, &item, &len)) {
		more = realloc(ports, (count + 1) * sizeof(*ports));
		if (!more) {
			free(ports);
			return policy_no_memory;
		}
		ports = more;
		if (!name_parse_port(item, len, &ports[count++])) {
			free(ports);
			return "tls-ports is a comma-separated list of ports, "
			       "1 to 65535";
		}
	}
	free(o->tls_ports);
	o->tls_ports = ports;
	o->tls_port_count = count;
	return NULL;
}

static const char *policy_wrong(const char *fmt, ...) BASE_PRINTF(1, 2);

static const char *policy_wrong(const char *fmt, ...)
{
	static _Thread_local char text[120];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

static const char *policy_add_cidr(struct cidr **cidrs, size_t *count,
				   const char *key, const char *value)
{
	struct cidr c, *more;
	const char *wrong = cidr_parse(value, strlen(value), &c);

	if (wrong)
		return policy_wrong("%s: %s", key, wrong);
	more = realloc(*cidrs, (*count + 1) * sizeof(c));
	if (!more)
		return policy_no_memory;
	*cidrs = more;
	more[(*count)++] = c;
	return NULL;
}

const char *policy_options_set(struct policy_options *o, const char *key,
			       const char *value)
{
	char *copy;
	bool monitor;

	if (strcmp(key, "mode") == 0) {
		const char *wrong =
			policy_set_word(&monitor, value, "enforce", "monitor",
					"mode is enforce or monitor");

		if (!wrong)
			o->mode = monitor ? POLICY_MONITOR : POLICY_ENFORCE;
		return wrong;
	}
	if (strcmp(key, "sni") == 0)
		return policy_parse_sni(value, strlen(value), &o->sni)
			       ? NULL
			       : "sni is match, require or off";
	if (strcmp(key, "private") == 0)
		return policy_set_word(&o->private_allow, value, "deny",
				       "allow", "private is deny or allow");
	if (strcmp(key, "ech") == 0)
		return policy_set_word(&o->ech_deny, value, "allow", "deny",
				       "ech is allow or deny");
	if (strcmp(key, "cut-on-reload") == 0)
		return policy_set_word(&o->cut_on_reload, value, "no", "yes",
				       "cut-on-reload is yes or no");
	if (strcmp(key, "tls-ports") == 0)
		return policy_set_tls_ports(o, value);
	if (strcmp(key, "allow-cidr") == 0)
		return policy_add_cidr(&o->allow_cidrs, &o->allow_cidr_count,
				       key, value);
	if (strcmp(key, "deny-cidr") == 0)
		return policy_add_cidr(&o->deny_cidrs, &o->deny_cidr_count, key,
				       value);
	if (strcmp(key, "presets") == 0) {
		if (!*value)
			return "presets is the path of a folder";
		copy = strdup(value);
		if (!copy)
			return policy_no_memory;
		free(o->presets);
		o->presets = copy;
		return NULL;
	}
	return policy_wrong("unknown key '%s'", key);
}
