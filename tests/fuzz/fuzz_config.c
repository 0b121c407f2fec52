/* SPDX-License-Identifier: MIT */
/* fuzz_config.c - pen-proxy.ini: config.c, config_keys.c, config_net.c */

/*
 * Holds: no text makes the parser read beyond it, leak, or accept what breaks a
 * bound; each fault is a line; a text without a fault sets the same twice.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_listeners(const struct listen_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		const struct listen_addr *l = &list->at[i];
		struct listen_addr again;

		check(listen_addr_parse(l->text, &again) == NULL);
		check(again.kind == l->kind && again.fd == l->fd);
		check(again.port_first == l->port_first &&
		      again.port_last == l->port_last);
		check(l->port_first <= l->port_last);
		check((l->path != NULL) == (l->kind == LISTEN_UNIX));
		listen_addr_fini(&again);
	}
}

static void check_bounds(const struct config *c)
{
	size_t i;

	check(c->http || c->socks5);
	check(c->tls_port > 0);
	check(c->threads >= 1 && c->threads <= 256);
	check(c->dns_timeout > 0 && c->dns_tries > 0);
	check(c->max_connections > 0);
	check(c->head_timeout > 0 && c->connect_timeout > 0);
	check(c->idle_timeout > 0);
	check(c->max_head >= 1024);
	check(!c->audit_command || c->audit_command[0] == '/');
	check(!c->upstream.host || c->upstream.port > 0);
	for (i = 0; i < c->policy_count; i++)
		check(c->policy[i].value[0] && c->policy[i].line > 0);
	for (i = 0; i < c->dns_server_count; i++)
		check(c->dns_servers[i].port > 0);
	check_listeners(&c->listen);
	check_listeners(&c->transparent);
	check_listeners(&c->dns);
	check_listeners(&c->admin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = {0}, more = {0};
	struct config one, two;
	size_t i, lines = 0;
	int result;

	config_init(&one);
	config_init(&two);
	result = config_parse(&one, "f", (const char *)data, size, &faults);
	check((result == 0) == (faults.count == 0));
	for (i = 0; i < faults.text.len; i++)
		lines += faults.text.data[i] == '\n';
	check(lines == faults.count);
	check_bounds(&one);
	config_parse(&two, "f", (const char *)data, size, &more);
	check(more.count == faults.count);
	check(memcmp(one.set_before, two.set_before, sizeof(one.set_before)) ==
	      0);
	check(one.listen.count == two.listen.count);
	config_fini(&one);
	config_fini(&two);
	faults_free(&faults);
	faults_free(&more);
	return 0;
}
