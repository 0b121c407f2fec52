/* SPDX-License-Identifier: MIT */
/* config_net.c - values that name hosts: listeners, DNS servers, upstream */

#include "config_priv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "name.h"
#include "policy.h"

static const char *const config_no_memory = "out of memory";

/* 8080 or 8000-8010; 0 alone leaves the choice to the system. */
static bool listen_parse_ports(const char *in, size_t len, uint16_t *first,
			       uint16_t *last)
{
	const char *dash = memchr(in, '-', len);
	size_t first_len = dash ? (size_t)(dash - in) : len;

	if (len == 1 && in[0] == '0') {
		*first = *last = 0;
		return true;
	}
	if (!name_parse_port(in, first_len, first))
		return false;
	*last = *first;
	return !dash || (name_parse_port(dash + 1, len - first_len - 1, last) &&
			 *first <= *last);
}

static const char *listen_parse_tcp(const char *text, struct listen_addr *out)
{
	size_t len = strlen(text), host_len, port_off;
	struct target t;

	if (!name_split_port(text, len, &host_len, &port_off))
		return "an address is HOST:PORT, with brackets round IPv6";
	if (!port_off)
		return "the address has no port: HOST:PORT, HOST:FIRST-LAST, "
		       "unix:/path or fd:N";
	if (host_len == 9 && memcmp(text, "localhost", 9) == 0)
		target_set(&t, "127.0.0.1", 9, 1, false);
	else if (target_set(&t, text, host_len, 1, false) != TARGET_OK ||
		 !t.literal)
		return "the host of a listener is an IP address, IPv6 in "
		       "brackets, or localhost";
	if (!listen_parse_ports(text + port_off, len - port_off,
				&out->port_first, &out->port_last))
		return "the port is 0 to 65535, or FIRST-LAST";
	out->kind = LISTEN_TCP;
	out->addr = t.addr;
	return NULL;
}

const char *listen_addr_parse(const char *text, struct listen_addr *out)
{
	static const size_t path_max =
		sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	const char *wrong = NULL;
	uint64_t fd;

	*out = (struct listen_addr){.fd = -1};
	if (strncmp(text, "unix:", 5) == 0) {
		out->kind = LISTEN_UNIX;
		if (text[5] != '/')
			return "the path of a unix socket begins with /";
		if (strlen(text + 5) > path_max)
			return "the path of the unix socket is too long";
	} else if (strncmp(text, "fd:", 3) == 0) {
		out->kind = LISTEN_FD;
		if (!base_parse_uint(text + 3, strlen(text + 3), INT_MAX, &fd))
			return "fd: takes the number of a descriptor";
		out->fd = (int)fd;
	} else {
		wrong = listen_parse_tcp(text, out);
		if (wrong)
			return wrong;
	}
	out->text = strdup(text);
	if (!out->text)
		return config_no_memory;
	if (out->kind == LISTEN_UNIX)
		out->path = out->text + 5;
	return NULL;
}

void listen_addr_fini(struct listen_addr *l)
{
	free(l->text);
	*l = (struct listen_addr){.fd = -1};
}

/* ADDR or ADDR:PORT; a bare IPv6 address needs no brackets. */
static bool config_parse_server(const char *in, size_t len,
				struct config_server *out)
{
	struct target t;

	out->port = 53;
	if (addr_parse(in, len, &out->addr))
		return true;
	if (target_parse(&t, in, len, 53) != TARGET_OK || !t.literal)
		return false;
	out->addr = t.addr;
	out->port = t.port;
	return true;
}

const char *config_set_servers(void *field, const struct config_key *key,
			       const char *value)
{
	struct config *c = field;
	struct config_server *servers = NULL, *more;
	size_t count = 0, len;
	const char *item;

	(void)key;
	if (strcmp(value, "system") == 0)
		goto done;
	while (base_next_item(&value, &item, &len)) {
		more = realloc(servers, (count + 1) * sizeof(*servers));
		if (!more) {
			free(servers);
			return config_no_memory;
		}
		servers = more;
		if (!config_parse_server(item, len, &servers[count++])) {
			free(servers);
			return "servers is system, or a comma-separated list "
			       "of ADDR[:PORT]";
		}
	}
done:
	free(c->dns_servers);
	c->dns_servers = servers;
	c->dns_server_count = count;
	return NULL;
}

static const char *config_add_no_proxy_cidr(struct config_upstream *u,
					    const char *item, size_t len)
{
	struct cidr c, *more;

	if (cidr_parse(item, len, &c))
		return "a range in no-proxy is ADDR/BITS, with no bits set "
		       "behind them";
	more = realloc(u->no_proxy_cidrs,
		       (u->no_proxy_cidr_count + 1) * sizeof(c));
	if (!more)
		return config_no_memory;
	u->no_proxy_cidrs = more;
	more[u->no_proxy_cidr_count++] = c;
	return NULL;
}

static const char *config_add_no_proxy_host(struct config_upstream *u,
					    const char *item, size_t len)
{
	size_t wild = len > 2 && memcmp(item, "*.", 2) == 0 ? 2 : 0;
	char name[2 + NAME_MAX_LEN + 1] = "*.", **more;

	if (name_canonical(item + wild, len - wild, name + 2) != NAME_OK)
		return "no-proxy is a comma-separated list of hosts, *.hosts "
		       "and CIDRs";
	more = realloc(u->no_proxy_hosts,
		       (u->no_proxy_host_count + 1) * sizeof(*more));
	if (!more)
		return config_no_memory;
	u->no_proxy_hosts = more;
	more[u->no_proxy_host_count] = strdup(wild ? name : name + 2);
	if (!more[u->no_proxy_host_count])
		return config_no_memory;
	u->no_proxy_host_count++;
	return NULL;
}

const char *config_set_no_proxy(void *field, const struct config_key *key,
				const char *value)
{
	struct config *c = field;
	const char *wrong = NULL, *item;
	struct addr a;
	size_t len;

	(void)key;
	while (!wrong && base_next_item(&value, &item, &len)) {
		if (memchr(item, '/', len) || addr_parse(item, len, &a))
			wrong = config_add_no_proxy_cidr(&c->upstream, item,
							 len);
		else
			wrong = config_add_no_proxy_host(&c->upstream, item,
							 len);
	}
	return wrong;
}

/* A control character can never be meant. */
static bool config_decode(struct sbuf *out, const char *in, size_t len)
{
	size_t i = out->len;

	if (!base_decode_percent(out, in, len))
		return false;
	for (; i < out->len; i++) {
		unsigned char c = (unsigned char)out->data[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static void config_add_base64(struct sbuf *out, const char *in, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i;

	for (i = 0; i < len; i += 3) {
		uint32_t group = (uint32_t)(uint8_t)in[i] << 16;
		char text[4] = {0, 0, '=', '='};

		if (i + 1 < len)
			group |= (uint32_t)(uint8_t)in[i + 1] << 8;
		if (i + 2 < len)
			group |= (uint8_t)in[i + 2];
		text[0] = digits[group >> 18];
		text[1] = digits[group >> 12 & 63];
		if (i + 1 < len)
			text[2] = digits[group >> 6 & 63];
		if (i + 2 < len)
			text[3] = digits[group & 63];
		sbuf_add(out, text, sizeof(text));
	}
}

/* "user:password" to "Basic ...", RFC 7617; NULL if it is malformed. */
static char *config_make_basic(const char *userinfo, size_t len)
{
	const char *colon = memchr(userinfo, ':', len);
	struct sbuf plain = {0}, out = {0};
	size_t user_len = colon ? (size_t)(colon - userinfo) : len;
	bool good;

	/* A colon in the user's name would be taken for the separator. */
	good = colon && config_decode(&plain, userinfo, user_len) &&
	       !(plain.len && memchr(plain.data, ':', plain.len));
	if (good) {
		sbuf_puts(&plain, ":");
		good = config_decode(&plain, colon + 1, len - user_len - 1);
	}
	if (good && !plain.oom) {
		sbuf_puts(&out, "Basic ");
		config_add_base64(&out, plain.data, plain.len);
	}
	sbuf_free(&plain);
	if (out.oom)
		sbuf_free(&out);
	return out.data;
}

const char *config_set_upstream(void *field, const struct config_key *key,
				const char *value)
{
	struct config *c = field;
	static const char *const shape =
		"proxy is http://[user:password@]host:port";
	struct config_upstream *u = &c->upstream;
	const char *at, *authority = value + 7;
	size_t len;
	char *basic = NULL, *host;
	struct target t;

	(void)key;
	if (strncmp(value, "http://", 7) != 0)
		return shape;
	len = strlen(authority);
	if (len > 0 && authority[len - 1] == '/')
		len--;
	at = memchr(authority, '@', len);
	if (at) {
		basic = config_make_basic(authority, (size_t)(at - authority));
		if (!basic)
			return "the user or password of the upstream proxy is "
			       "malformed: write user:password, with %40 for @ "
			       "and %3A for :";
		len -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	if (target_parse(&t, authority, len, 0) != TARGET_OK) {
		free(basic);
		return shape;
	}
	host = strdup(t.host);
	if (!host) {
		free(basic);
		return config_no_memory;
	}
	free(u->host);
	free(u->authorization);
	u->host = host;
	u->port = t.port;
	u->authorization = basic;
	return NULL;
}
