/* SPDX-License-Identifier: MIT */
/* policy_guard.c - whether an address may be connected to */

#include <string.h>

#include "policy_priv.h"

static bool policy_is_own(const struct policy_options *o, const struct addr *a,
			  uint16_t port)
{
	size_t i;

	for (i = 0; i < o->own_count; i++) {
		const struct policy_own *own = &o->own[i];

		if (own->port != port)
			continue;
		if (own->addr.family != 0) {
			if (memcmp(&own->addr, a, sizeof(*a)) == 0)
				return true;
		} else if (addr_classify(a) == ADDR_LOOPBACK ||
			   (o->is_local && o->is_local(a))) {
			return true;
		}
	}
	return false;
}

static bool policy_in_cidrs(const struct cidr *cidrs, size_t count,
			    const struct addr *a)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (cidr_contains(&cidrs[i], a))
			return true;
	}
	return false;
}

/*
 * Writes the IPv4 addresses that an IPv6 address may carry: one that a
 * deny-cidr names must not be reached through a translator.  They stand at
 * offset 2 (6to4, RFC 3056), at 4 and 12 (Teredo, RFC 4380) or at 12 (NAT64,
 * compatible, translated, ISATAP; RFC 6052, 4291, 2765, 5214).
 */
static size_t policy_carried(const struct addr *a, struct addr out[2])
{
	static const uint8_t prefixes[][12] = {
		{0},                      /* compatible */
		{[8] = 0xff, 0xff},       /* translated */
		{0x00, 0x64, 0xff, 0x9b}, /* NAT64 */
	};
	const uint8_t *b = a->bytes;
	size_t i, n = 0;

	memset(out, 0, 2 * sizeof(*out));
	out[0].family = out[1].family = 4;
	if (a->family != 6)
		return 0;
	for (i = 0; i < BASE_LEN(prefixes); i++) {
		if (memcmp(b, prefixes[i], 12) == 0) {
			memcpy(out[n++].bytes, b + 12, 4);
			return n;
		}
	}
	if (b[0] == 0x20 && b[1] == 0x02)
		memcpy(out[n++].bytes, b + 2, 4);
	if (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0) {
		memcpy(out[n++].bytes, b + 4, 4);
		for (i = 0; i < 4; i++)
			out[n].bytes[i] = b[12 + i] ^ 0xff;
		return n + 1;
	}
	if ((b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe)
		memcpy(out[n++].bytes, b + 12, 4);
	return n;
}

static bool policy_is_denied(const struct policy_options *o,
			     const struct addr *a)
{
	struct addr carried[2];
	size_t n;

	if (o->deny_cidr_count == 0)
		return false;
	if (policy_in_cidrs(o->deny_cidrs, o->deny_cidr_count, a))
		return true;
	for (n = policy_carried(a, carried); n > 0; n--) {
		if (policy_in_cidrs(o->deny_cidrs, o->deny_cidr_count,
				    &carried[n - 1]))
			return true;
	}
	return false;
}

enum policy_guard policy_guard(const struct policy *p, const struct rule *r,
			       const struct target *t, const struct addr *a)
{
	const struct policy_options *o = policy_options_of(p);
	enum addr_class class = addr_classify(a);

	if (class == ADDR_UNSPECIFIED || policy_is_own(o, a, t->port))
		return GUARD_NEVER;
	if (policy_is_denied(o, a))
		return GUARD_CIDR;
	if (r && r->literal && t->literal &&
	    memcmp(a, &t->addr, sizeof(*a)) == 0)
		return GUARD_OK;
	if (policy_in_cidrs(o->allow_cidrs, o->allow_cidr_count, a))
		return GUARD_OK;
	if (class == ADDR_GLOBAL || o->private_allow || (r && r->private_ok))
		return GUARD_OK;
	return GUARD_SPECIAL;
}

bool policy_is_tls_port(const struct policy *p, uint16_t port)
{
	const struct policy_options *o = policy_options_of(p);
	size_t i;

	if (o->tls_port_count == 0)
		return port == 443;
	for (i = 0; i < o->tls_port_count; i++) {
		if (o->tls_ports[i] == port)
			return true;
	}
	return false;
}
