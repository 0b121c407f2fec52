/* SPDX-License-Identifier: MIT */
/* config.h - pen-proxy.ini: read, checked, held read-only */
#ifndef PEN_CONFIG_H
#define PEN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "base.h"

#define CONFIG_KEYS_MAX 64

enum listen_kind { LISTEN_TCP, LISTEN_UNIX, LISTEN_FD };

/**
 * struct listen_addr - Where to listen
 * @text:  as written; owned
 * @path:  LISTEN_UNIX: the socket's path (points into @text)
 * @fd:    LISTEN_FD: the inherited descriptor
 * @addr, @port_first, @port_last: LISTEN_TCP (dns: UDP as well); 0.0.0.0 and ::
 *         are wildcards; port 0 asks the system for a free port
 */
struct listen_addr {
	enum listen_kind kind;
	char *text;
	const char *path;
	int fd;
	struct addr addr;
	uint16_t port_first, port_last;
};

/**
 * listen_addr_parse() - Parse HOST:PORT, HOST:FIRST-LAST, unix:/path or fd:N
 *
 * HOST is an address literal (IPv6 in brackets) or localhost (127.0.0.1).
 * Return: NULL, or a static text that says what is wrong.
 */
const char *listen_addr_parse(const char *text, struct listen_addr *out);
/** listen_addr_fini() - Free what listen_addr_parse() made */
void listen_addr_fini(struct listen_addr *l);

/** struct listen_list - Listeners of one kind; owned */
struct listen_list {
	struct listen_addr *at;
	size_t count;
};

/** struct config_entry - A key of [policy] as written; owned */
struct config_entry {
	char *key, *value;
	unsigned int line;
};

/** struct config_server - A DNS server; an empty list means the system's, as
 *  "servers = system" does */
struct config_server {
	struct addr addr;
	uint16_t port;
};

/**
 * struct config_upstream - The corporate proxy; host NULL for none
 * @authorization: "Basic ..." or NULL; owned
 */
struct config_upstream {
	char *host;
	uint16_t port;
	char *authorization;
	char **no_proxy_hosts; /* canonical, or "*.suffix" */
	size_t no_proxy_host_count;
	struct cidr *no_proxy_cidrs;
	size_t no_proxy_cidr_count;
	bool resolve_upstream;
};

/**
 * struct config - pen-proxy.ini after checking.  Durations in ms, sizes in
 * bytes, 0 for "none" where proxy.md says so.  Strings owned, NULL for none.
 */
struct config {
	char *path;

	struct listen_list listen, transparent, dns;
	bool http, socks5;
	uint16_t tls_port;
	unsigned int threads; /* "auto" is resolved to the number of cores */
	char *ready_file, *pid_file;

	struct config_entry *policy; /* [policy] in order, allow and allowlist
					included */
	size_t policy_count;

	struct config_server *dns_servers;
	size_t dns_server_count;
	uint64_t dns_timeout, dns_min_ttl, dns_max_ttl;
	unsigned int dns_tries, dns_cache_size;
	bool dns_hosts_file;

	unsigned int max_connections, max_per_client;
	uint64_t head_timeout, connect_timeout, idle_timeout, drain_timeout;
	uint64_t max_head, max_tunnel_bytes, max_tunnel_time;

	struct config_upstream upstream;

	char *log_file;
	int log_level, log_format; /* enum log_level, enum log_format */
	uint64_t log_max_size;
	unsigned int log_keep;
	int log_facility; /* -1 none */

	char *audit_file, *audit_command;
	int audit_facility;

	struct listen_list admin;

	/* Private: the line after the one that set a key last, by the key's
	 * place in the table; 0: it was not set. */
	unsigned int set_before[CONFIG_KEYS_MAX];
};

/** config_init() - The defaults of proxy.md; no listener */
void config_init(struct config *c);
void config_fini(struct config *c);

/**
 * config_load() - Read and check an INI file
 * @c:      initialised; keys found are set on top of what it has
 * @faults: gets every fault: unknown section or key, value out of range, a
 *          key twice that is not repeatable, a line over 4 KiB, a
 *          continuation line, an unclosed section, a control character
 *
 * Nothing that is written is cut silently: a comment needs a line of its own
 * (white space and then ';' or '#' inside a value is a fault, but for `allow`,
 * whose rules have comments of their own).  CRLF line ends and a UTF-8 byte
 * order mark are accepted.
 *
 * Touches nothing but the file itself: files that it names are not opened.
 * Return: 0, or -1 if any fault was added.
 */
int config_load(struct config *c, const char *path, struct faults *faults);

/** config_parse() - The same for @len bytes of text that stand for the file
 *  @path; reads no file at all */
int config_parse(struct config *c, const char *path, const char *text,
		 size_t len, struct faults *faults);

/** config_line() - The line that a key was set in last; 0: none, or none of a
 *  file */
unsigned int config_line(const struct config *c, const char *section,
			 const char *key);

/**
 * config_set() - Set one key, as from the command line
 * @section, @key: as in the file
 * @where, @line: for faults ("command line", 0)
 */
int config_set(struct config *c, const char *section, const char *key,
	       const char *value, const char *where, unsigned int line,
	       struct faults *faults);

#endif
