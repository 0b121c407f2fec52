/* SPDX-License-Identifier: MIT */
/* target.c - where a client wants to go, in one canonical spelling */

#include "policy.h"

#include <string.h>

#include "base.h"

void target_set_addr(struct target *t, const struct addr *a, uint16_t port)
{
	memset(t, 0, sizeof(*t));
	t->host_len = (uint8_t)addr_format(a, t->host);
	t->literal = true;
	t->addr = *a;
	t->port = port;
}

void target_set_name(struct target *t, size_t len, uint16_t port)
{
	t->host_len = (uint8_t)len;
	t->literal = false;
	t->port = port;
	t->addr = (struct addr){0};
}

/* An IPv6 literal without its brackets. */
static bool target_parse_v6(const char *in, size_t len, struct addr *a)
{
	return memchr(in, ':', len) && addr_parse(in, len, a);
}

enum target_status target_set(struct target *t, const char *host, size_t len,
			      uint16_t port, bool bare_v6)
{
	bool bracket = len > 0 && host[0] == '[';
	struct addr a;

	if (bracket || (len > 0 && memchr(host, ':', len))) {
		if (bracket == bare_v6)
			return TARGET_BAD_HOST;
		if (bracket && (len < 2 || host[len - 1] != ']'))
			return TARGET_BAD_HOST;
		if (!target_parse_v6(host + bracket, len - 2 * bracket, &a))
			return TARGET_BAD_HOST;
		target_set_addr(t, &a, port);
		return port ? TARGET_OK : TARGET_BAD_PORT;
	}
	switch (name_canonical(host, len, t->host)) {
	case NAME_OK:
		target_set_name(t, len - (host[len - 1] == '.'), port);
		break;
	case NAME_NUMERIC:
		if (!addr_parse(host, len, &a))
			return TARGET_BAD_HOST;
		target_set_addr(t, &a, port);
		break;
	case NAME_BAD:
	default:
		return TARGET_BAD_HOST;
	}
	return port ? TARGET_OK : TARGET_BAD_PORT;
}

enum target_status target_parse(struct target *t, const char *text, size_t len,
				uint16_t default_port)
{
	size_t host_len, port_off;
	uint16_t port = default_port;

	if (!name_split_port(text, len, &host_len, &port_off))
		return TARGET_BAD_HOST;
	if (port_off &&
	    !name_parse_port(text + port_off, len - port_off, &port))
		port = 0;
	return target_set(t, text, host_len, port, false);
}

size_t target_format(const struct target *t, char out[TARGET_TEXT_MAX])
{
	bool v6 = t->literal && t->addr.family == 6;
	char port[BASE_UINT_LEN];
	size_t port_len = base_format_uint(t->port, port), n = 0;

	if (v6)
		out[n++] = '[';
	memcpy(out + n, t->host, t->host_len);
	n += t->host_len;
	if (v6)
		out[n++] = ']';
	out[n++] = ':';
	memcpy(out + n, port, port_len);
	n += port_len;
	out[n] = '\0';
	return n;
}
