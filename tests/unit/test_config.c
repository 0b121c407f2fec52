/* SPDX-License-Identifier: MIT */
/* test_config.c - pen-proxy.ini: values, defaults, faults by line */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/config.h"
#include "proxy/log.h"

static struct config config;
static struct faults faults;

static int config_setup(void **state)
{
	(void)state;
	config_init(&config);
	return 0;
}

static int config_teardown(void **state)
{
	(void)state;
	config_fini(&config);
	faults_free(&faults);
	return 0;
}

static void parse(const char *text)
{
	config_fini(&config);
	faults_free(&faults);
	config_parse(&config, "f.ini", text, strlen(text), &faults);
}

static void parse_good(const char *text)
{
	parse(text);
	if (faults.count)
		fail_msg("%s", faults.text.data);
}

static void assert_faults(const char *text, const char *expected)
{
	parse(text);
	assert_non_null(faults.text.data);
	assert_string_equal(faults.text.data, expected);
}

static void defaults_are_those_of_the_manual(void **state)
{
	(void)state;
	parse_good("");
	assert_string_equal(config.path, "f.ini");
	assert_int_equal(config.listen.count, 0);
	assert_true(config.http && config.socks5);
	assert_int_equal(config.tls_port, 443);
	assert_int_equal(config.threads, 1);
	assert_null(config.ready_file);
	assert_int_equal(config.policy_count, 0);
	assert_int_equal(config.dns_server_count, 0);
	assert_int_equal(config.dns_timeout, 2000);
	assert_int_equal(config.dns_tries, 2);
	assert_int_equal(config.dns_cache_size, 4096);
	assert_int_equal(config.dns_min_ttl, 5000);
	assert_int_equal(config.dns_max_ttl, 300000);
	assert_false(config.dns_hosts_file);
	assert_int_equal(config.max_connections, 16384);
	assert_int_equal(config.max_per_client, 0);
	assert_int_equal(config.head_timeout, 10000);
	assert_int_equal(config.connect_timeout, 10000);
	assert_int_equal(config.idle_timeout, 600000);
	assert_int_equal(config.drain_timeout, 30000);
	assert_int_equal(config.max_head, 32768);
	assert_int_equal(config.max_tunnel_bytes, 0);
	assert_int_equal(config.max_tunnel_time, 0);
	assert_null(config.upstream.host);
	assert_false(config.upstream.resolve_upstream);
	assert_null(config.log_file);
	assert_int_equal(config.log_level, LEVEL_INFO);
	assert_int_equal(config.log_format, LOG_JSON);
	assert_int_equal(config.log_max_size, 10 << 20);
	assert_int_equal(config.log_keep, 3);
	assert_int_equal(config.log_facility, -1);
	assert_int_equal(config.audit_facility, -1);
	assert_int_equal(config.admin.count, 0);
}

static void every_key_is_taken(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf# all of it\r\n"
		"[proxy]\r\n"
		"listen = 127.0.0.1:3128\n"
		"listen=[::1]:8000-8010\n"
		"listen = unix:/run/pen/proxy.sock\n"
		"  ; an indented comment, and a line of blanks\n"
		"   \n"
		"listen = fd:3\n"
		"listen: localhost:0\n"
		"transparent = 0.0.0.0:3129\n"
		"dns = [::]:53\n"
		"protocols = socks5\n"
		"tls-port = 8443\n"
		"threads = 4\n"
		"ready-file = /run/pen/ready\n"
		"pid-file = /run/pen/pid\n"
		"[policy]\n"
		"allowlist = /etc/pen/a b.txt\n"
		"allow = example.org:443 why=\"a ; b\" # c\n"
		"mode = monitor\n"
		"presets = /usr/share/pen\n"
		"sni = require\n"
		"tls-ports = 443, 8443\n"
		"private = allow\n"
		"allow-cidr = 10.0.0.0/8\n"
		"allow-cidr = fd00::/8\n"
		"deny-cidr = 10.1.0.0/16\n"
		"ech = deny\n"
		"cut-on-reload = no\n"
		"[dns]\n"
		"servers = 127.0.0.1:5353, [::1]:53,::2 , 9.9.9.9\n"
		"timeout = 500ms\n"
		"tries = 3\n"
		"cache-size = 0\n"
		"min-ttl = 0\n"
		"max-ttl = 1h\n"
		"hosts-file = yes\n"
		"[limits]\n"
		"max-connections = 10\n"
		"max-connections-per-client = 5\n"
		"head-timeout = 1s\n"
		"connect-timeout = 2s\n"
		"idle-timeout = 3m\n"
		"drain-timeout = 0\n"
		"max-head = 64k\n"
		"max-tunnel-bytes = 1g\n"
		"max-tunnel-time = 24h\n"
		"[upstream]\n"
		"proxy = http://us%40er:pass%3Aword@Proxy.Example:3128/\n"
		"no-proxy = Intern.example., *.corp.example, 10.0.0.0/8,"
		" 192.0.2.1, ::1\n"
		"resolve = upstream\n"
		"[log]\n"
		"file = /var/log/pen/proxy.log\n"
		"level = debug\n"
		"format = text\n"
		"max-size = 0\n"
		"keep = 0\n"
		"syslog = local7\n"
		"[audit]\n"
		"file = audit.log\n"
		"syslog = daemon\n"
		"command = /usr/bin/audit it\n"
		"[admin]\n"
		"listen = unix:/run/pen/admin.sock";

	(void)state;
	parse_good(text);
	assert_int_equal(config.listen.count, 5);
	assert_int_equal(config.listen.at[0].kind, LISTEN_TCP);
	assert_string_equal(config.listen.at[0].text, "127.0.0.1:3128");
	assert_int_equal(config.listen.at[0].addr.family, 4);
	assert_int_equal(config.listen.at[0].addr.bytes[0], 127);
	assert_int_equal(config.listen.at[0].port_first, 3128);
	assert_int_equal(config.listen.at[0].port_last, 3128);
	assert_int_equal(config.listen.at[1].addr.family, 6);
	assert_int_equal(config.listen.at[1].port_first, 8000);
	assert_int_equal(config.listen.at[1].port_last, 8010);
	assert_int_equal(config.listen.at[2].kind, LISTEN_UNIX);
	assert_string_equal(config.listen.at[2].path, "/run/pen/proxy.sock");
	assert_int_equal(config.listen.at[3].kind, LISTEN_FD);
	assert_int_equal(config.listen.at[3].fd, 3);
	assert_int_equal(config.listen.at[4].addr.bytes[3], 1);
	assert_int_equal(config.listen.at[4].port_first, 0);
	assert_int_equal(config.transparent.count, 1);
	assert_int_equal(config.dns.count, 1);
	assert_false(config.http);
	assert_true(config.socks5);
	assert_int_equal(config.tls_port, 8443);
	assert_int_equal(config.threads, 4);
	assert_string_equal(config.ready_file, "/run/pen/ready");
	assert_string_equal(config.pid_file, "/run/pen/pid");

	assert_int_equal(config.policy_count, 12);
	assert_string_equal(config.policy[0].key, "allowlist");
	assert_string_equal(config.policy[0].value, "/etc/pen/a b.txt");
	assert_int_equal(config.policy[0].line, 18);
	assert_string_equal(config.policy[1].key, "allow");
	assert_string_equal(config.policy[1].value,
			    "example.org:443 why=\"a ; b\" # c");
	assert_string_equal(config.policy[11].key, "cut-on-reload");

	assert_int_equal(config.dns_server_count, 4);
	assert_int_equal(config.dns_servers[0].port, 5353);
	assert_int_equal(config.dns_servers[1].addr.family, 6);
	assert_int_equal(config.dns_servers[2].addr.bytes[15], 2);
	assert_int_equal(config.dns_servers[2].port, 53);
	assert_int_equal(config.dns_servers[3].addr.bytes[0], 9);
	assert_int_equal(config.dns_timeout, 500);
	assert_int_equal(config.dns_tries, 3);
	assert_int_equal(config.dns_cache_size, 0);
	assert_int_equal(config.dns_min_ttl, 0);
	assert_int_equal(config.dns_max_ttl, 3600000);
	assert_true(config.dns_hosts_file);

	assert_int_equal(config.max_connections, 10);
	assert_int_equal(config.max_per_client, 5);
	assert_int_equal(config.head_timeout, 1000);
	assert_int_equal(config.connect_timeout, 2000);
	assert_int_equal(config.idle_timeout, 180000);
	assert_int_equal(config.drain_timeout, 0);
	assert_int_equal(config.max_head, 65536);
	assert_int_equal(config.max_tunnel_bytes, 1 << 30);
	assert_int_equal(config.max_tunnel_time, 86400000);

	assert_string_equal(config.upstream.host, "proxy.example");
	assert_int_equal(config.upstream.port, 3128);
	/* RFC 7617: base64 of "us@er:pass:word" */
	assert_string_equal(config.upstream.authorization,
			    "Basic dXNAZXI6cGFzczp3b3Jk");
	assert_int_equal(config.upstream.no_proxy_host_count, 2);
	assert_string_equal(config.upstream.no_proxy_hosts[0],
			    "intern.example");
	assert_string_equal(config.upstream.no_proxy_hosts[1],
			    "*.corp.example");
	assert_int_equal(config.upstream.no_proxy_cidr_count, 3);
	assert_int_equal(config.upstream.no_proxy_cidrs[0].bits, 8);
	assert_int_equal(config.upstream.no_proxy_cidrs[1].bits, 32);
	assert_int_equal(config.upstream.no_proxy_cidrs[2].bits, 128);
	assert_true(config.upstream.resolve_upstream);

	assert_string_equal(config.log_file, "/var/log/pen/proxy.log");
	assert_int_equal(config.log_level, LEVEL_DEBUG);
	assert_int_equal(config.log_format, LOG_TEXT);
	assert_int_equal(config.log_max_size, 0);
	assert_int_equal(config.log_keep, 0);
	assert_int_equal(config.log_facility, LOG_LOCAL7);
	assert_string_equal(config.audit_file, "audit.log");
	assert_int_equal(config.audit_facility, LOG_DAEMON);
	assert_string_equal(config.audit_command, "/usr/bin/audit it");
	assert_int_equal(config.admin.count, 1);
}

static void other_good_values(void **state)
{
	(void)state;
	parse_good("[proxy]\nthreads = auto\nprotocols = http , socks5\n"
		   "[dns]\nservers = system\n"
		   "[upstream]\nproxy = http://[2001:db8::1]:80\n"
		   "[log]\nsyslog = no\n");
	assert_true(config.threads >= 1 && config.threads <= 256);
	assert_true(config.http && config.socks5);
	assert_int_equal(config.dns_server_count, 0);
	assert_string_equal(config.upstream.host, "2001:db8::1");
	assert_null(config.upstream.authorization);
	assert_int_equal(config.log_facility, -1);
	parse_good("[upstream]\nproxy = http://u:@h:1\n");
	assert_string_equal(config.upstream.authorization, "Basic dTo=");
	parse_good("[upstream]\nproxy = http://u:pw@h:1\n");
	assert_string_equal(config.upstream.authorization, "Basic dTpwdw==");
}

/* Each value is refused, with the line that it stands on. */
static void bad_values_are_faults(void **state)
{
	static const struct {
		const char *section, *key, *values[20];
	} cases[] = {
		{"proxy",
		 "listen",
		 {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
		  "127.0.0.1:-1", "127.0.0.1:080", "127.0.0.1:90-80",
		  "127.0.0.1:0-80", "127.0.0.1:80-", "::1:80", "[::1:80",
		  "example.org:80", "LOCALHOST:80", "127.1:80", "unix:run",
		  "unix:", "fd:", "fd:-1"}},
		{"proxy",
		 "listen",
		 {"fd:3x", "fd:2147483648", "*:80", "[127.0.0.1]:80"}},
		{"proxy", "dns", {"unix:/run/dns"}},
		{"proxy", "transparent", {"443"}},
		{"proxy", "protocols", {"", "https", "http,", "http socks5"}},
		{"proxy", "tls-port", {"0", "65536", "x", "01", "-1"}},
		{"proxy", "threads", {"0", "257", "AUTO", "1.5"}},
		{"proxy", "ready-file", {""}},
		{"policy", "allowlist", {""}},
		{"policy", "allow", {""}},
		{"policy", "mode", {"", "off", "Enforce"}},
		{"policy", "sni", {"on", "matching"}},
		{"policy", "private", {"yes"}},
		{"policy", "ech", {"yes"}},
		{"policy", "cut-on-reload", {"1", "maybe"}},
		{"policy", "tls-ports", {"", "443,", "0", "443 8443", "x"}},
		{"policy",
		 "allow-cidr",
		 {"10.0.0.1/8", "10.0.0.0/33", "example.org", "::1/129"}},
		{"policy", "deny-cidr", {"10.0.0.0/08", "0.0.0.1/0"}},
		{"dns",
		 "servers",
		 {"example.org", "127.0.0.1:0", "127.0.0.1,", "::1:53:", "[::1",
		  "127.0.0.1 ::1"}},
		{"dns", "timeout", {"2", "9ms", "61s", "0"}},
		{"dns", "tries", {"0", "11"}},
		{"dns", "cache-size", {"1000001", "4k"}},
		{"dns", "min-ttl", {"25h", "x"}},
		{"dns", "hosts-file", {"true", "YES"}},
		{"limits", "max-connections", {"0", "1000001"}},
		{"limits", "head-timeout", {"0", "10", "2h"}},
		{"limits", "max-head", {"1023", "2m", "32kb"}},
		{"limits", "max-tunnel-bytes", {"-1", "9999999999g"}},
		{"limits", "max-tunnel-time", {"8785h"}},
		{"upstream",
		 "proxy",
		 {"proxy:3128", "https://proxy:3128", "http://", "http://proxy",
		  "http://proxy:0", "http://user@proxy:1",
		  "http://us%zzer:p@proxy:1", "http://user:p%4@proxy:1",
		  "http://us%3Aer:p@proxy:1", "http://user:p%0a@proxy:1",
		  "http://proxy:1/path", "http://a:b@c@d:1"}},
		{"upstream",
		 "no-proxy",
		 {"a,,b", "*", "*.", "10.0.0.1/8", "a b", "[::1]", "exa%mple"}},
		{"upstream", "resolve", {"remote"}},
		{"log", "level", {"warning", "0"}},
		{"log", "format", {"JSON"}},
		{"log", "max-size", {"-1", "1t"}},
		{"log", "keep", {"1001", "-1"}},
		{"log", "syslog", {"yes", "local8"}},
		{"audit", "command", {"logger", "./logger"}},
		{"audit", "syslog", {"local"}},
		{"admin", "listen", {"9090"}},
	};
	size_t i, j;

	(void)state;
	for (i = 0; i < BASE_LEN(cases); i++) {
		for (j = 0; cases[i].values[j]; j++) {
			char text[400];

			snprintf(text, sizeof(text), "\n[%s]\n%s = %s\n",
				 cases[i].section, cases[i].key,
				 cases[i].values[j]);
			parse(text);
			if (faults.count != 1 ||
			    strncmp(faults.text.data, "f.ini:3: ", 9) != 0)
				fail_msg("%s: %s", text, faults.text.data);
		}
	}
}

static void paths_of_sockets_have_a_limit(void **state)
{
	struct listen_addr l;
	/* With its NUL a path has to fit: 108 bytes on Linux, 104 elsewhere. */
	int room = (int)sizeof(((struct sockaddr_un *)NULL)->sun_path);
	char text[200];

	(void)state;
	snprintf(text, sizeof(text), "unix:/%0*d", room - 2, 0);
	assert_null(listen_addr_parse(text, &l));
	assert_int_equal(strlen(l.path), room - 1);
	listen_addr_fini(&l);
	snprintf(text, sizeof(text), "unix:/%0*d", room - 1, 0);
	assert_string_equal(listen_addr_parse(text, &l),
			    "the path of the unix socket is too long");
}

static void messages_help(void **state)
{
	(void)state;
	assert_faults("[proxy]\ntls-port = x\n",
		      "f.ini:2: tls-port is a number from 1 to 65535\n");
	assert_faults("[limits]\nhead-timeout = 1\n",
		      "f.ini:2: head-timeout is a duration (250ms, 5s, 2m, 1h) "
		      "from 10ms to 1h\n");
	assert_faults("[limits]\nmax-head = 1\n",
		      "f.ini:2: max-head is a size (500, 64k, 10m, 1g) from "
		      "1024 to 1048576 bytes\n");
	assert_faults("[log]\nmax-size = 1x\n",
		      "f.ini:2: max-size is a size (500, 64k, 10m, 1g) from "
		      "0 to 1125899906842624 bytes\n");
	assert_faults("[policy]\nallow-cidr = 10.0.0.1/8\n",
		      "f.ini:2: allow-cidr: host bits are set\n");
	assert_faults("[dns]\nmin-ttl = 1h\nmax-ttl = 1s\n",
		      "f.ini:3: min-ttl in [dns] is longer than max-ttl\n");
	assert_faults("[dns]\nmax-ttl = 1s\n[log]\n[dns]\nmin-ttl = 1h\n",
		      "f.ini:5: min-ttl in [dns] is longer than max-ttl\n");
	assert_faults("[dns]\nservers = x\ntimeout = 90000s\n",
		      "f.ini:2: servers is system, or a comma-separated list "
		      "of ADDR[:PORT]\n"
		      "f.ini:3: timeout is a duration (250ms, 5s, 2m, 1h) "
		      "from 10ms to 1m\n");
}

static void a_bound_of_ttls_moves_the_default_of_the_other(void **state)
{
	(void)state;
	parse_good("[dns]\nmax-ttl = 1s\n");
	assert_int_equal(config.dns_min_ttl, 1000);
	parse_good("[dns]\nmin-ttl = 1h\n");
	assert_int_equal(config.dns_max_ttl, 3600000);
}

static void unknown_sections_and_keys_are_faults(void **state)
{
	(void)state;
	assert_faults("[proxy]\nlissten = 1\n[Policy]\nfoo = 1\n[dns]\n"
		      "file = x\n",
		      "f.ini:2: unknown key 'lissten' in [proxy]\n"
		      "f.ini:3: unknown section\n"
		      "f.ini:6: unknown key 'file' in [dns]\n");
	assert_faults("listen = 127.0.0.1:1\n",
		      "f.ini:1: 'listen' stands before any [section]\n");
	assert_faults("[]\n", "f.ini:1: unknown section\n");
}

static void keys_given_twice_are_faults(void **state)
{
	(void)state;
	assert_faults("[proxy]\nthreads = 1\n[policy]\nsni = off\n"
		      "[proxy]\nthreads = 1\n[policy]\nsni = off\n",
		      "f.ini:6: threads is given twice\n"
		      "f.ini:8: sni is given twice\n");
	parse_good("[proxy]\nlisten = fd:3\nlisten = fd:3\n"
		   "transparent = fd:4\ntransparent = fd:5\n"
		   "dns = fd:6\ndns = fd:7\n"
		   "[policy]\nallow = a\nallow = a\nallowlist = a\n"
		   "allowlist = a\nallow-cidr = ::/0\nallow-cidr = ::/0\n"
		   "deny-cidr = ::/0\ndeny-cidr = ::/0\n");
}

static void nothing_is_cut_silently(void **state)
{
	char longest[5000];
	size_t i;

	(void)state;
	/* inih by itself makes "/var/log/x" of this. */
	assert_faults("[log]\nfile = /var/log/x ; my log\n",
		      "f.ini:2: a comment needs a line of its own\n");
	assert_faults("[log]\nfile = /var/log/x\t# my log\n",
		      "f.ini:2: a comment needs a line of its own\n");
	assert_faults("[log]\nfile = ;\n",
		      "f.ini:2: a comment needs a line of its own\n");
	parse_good("[log]\nfile = /var/log/a;b#c = d: e\n");
	assert_string_equal(config.log_file, "/var/log/a;b#c = d: e");
	assert_faults("[log]\nfile = a\n  b\n\tkeep = 3\n",
		      "f.ini:3: the line begins with white space; values "
		      "cannot be continued, each key starts at the margin\n"
		      "f.ini:4: the line begins with white space; values "
		      "cannot be continued, each key starts at the margin\n");
	assert_faults("[log\n", "f.ini:1: a section is [name], with nothing "
				"behind it\n");
	assert_faults("[log] file = x\n",
		      "f.ini:1: a section is [name], with nothing behind it\n");
	assert_faults("[log]]\n",
		      "f.ini:1: a section is [name], with nothing behind it\n");
	assert_faults("[log]\nfile\n= x\n",
		      "f.ini:2: the line is neither KEY = VALUE nor [section]\n"
		      "f.ini:3: the line is neither KEY = VALUE nor "
		      "[section]\n");
	assert_faults("[log]\nkeep ; x = 3\n",
		      "f.ini:2: the key is malformed\n");
	assert_faults("[log]\nkeep ; x = 3", "f.ini:2: the key is malformed\n");
	assert_faults("[log]\nfile = a\x01\nkeep = \x7f\nkeep = 2\r\r\n",
		      "f.ini:2: the line holds a control character\n"
		      "f.ini:3: the line holds a control character\n"
		      "f.ini:4: the line holds a control character\n");
	parse("[log]\n"
	      "keykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykey"
	      "keykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykey"
	      "keykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykeykey"
	      "keykey = 1\n");
	assert_int_equal(faults.count, 1);
	/* Lines far over inih's 200 bytes, up to our own limit. */
	strcpy(longest, "[log]\nfile = ");
	for (i = strlen(longest); i < 6 + 4096; i++)
		longest[i] = 'x';
	longest[i] = '\0';
	parse_good(longest);
	assert_int_equal(strlen(config.log_file), 4096 - 7);
	longest[i] = 'x';
	longest[i + 1] = '\0';
	assert_faults(longest, "f.ini:2: the line is longer than 4096 bytes\n");
}

static void a_nul_byte_is_a_fault(void **state)
{
	static const char text[] = "[log]\nfile = a\0b\n";

	(void)state;
	config_parse(&config, "f.ini", text, sizeof(text) - 1, &faults);
	assert_string_equal(faults.text.data,
			    "f.ini:2: the line holds a control character\n");
}

static void files_are_loaded(void **state)
{
	char folder[] = "/tmp/pen-test-config.XXXXXX";
	char text[300];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(
		base_write_file("f.ini", "[log]\nkeep = 9\n", 15, 0600), 0);
	assert_int_equal(config_load(&config, "f.ini", &faults), 0);
	assert_int_equal(config.log_keep, 9);
	assert_string_equal(config.path, "f.ini");
	assert_int_equal(config_load(&config, "none.ini", &faults), -1);
	assert_int_equal(config_load(&config, folder, &faults), -1);
	assert_int_equal(truncate("f.ini", (1 << 20) + 1), 0);
	assert_int_equal(config_load(&config, "f.ini", &faults), -1);
	snprintf(text, sizeof(text),
		 "none.ini: cannot read the config: No such file or directory\n"
		 "%s: cannot read the config: it is not a regular file\n"
		 "f.ini: cannot read the config: it is larger than 1 MiB\n",
		 folder);
	assert_string_equal(faults.text.data, text);
	assert_int_equal(unlink("f.ini"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void options_of_the_command_line_are_set(void **state)
{
	(void)state;
	assert_int_equal(config_set(&config, "proxy", "listen",
				    "127.0.0.1:8000-8010", "--listen", 0,
				    &faults),
			 0);
	assert_int_equal(config_set(&config, "policy", "allow", "a:1",
				    "--allow", 0, &faults),
			 0);
	assert_int_equal(config_set(&config, "proxy", "listen", "x", "--listen",
				    0, &faults),
			 -1);
	assert_int_equal(
		config_set(&config, "proxy", "x", "x", "--x", 0, &faults), -1);
	assert_int_equal(config.listen.count, 1);
	assert_int_equal(config.policy[0].line, 0);
	assert_string_equal(faults.text.data,
			    "--listen: the address has no port: HOST:PORT, "
			    "HOST:FIRST-LAST, unix:/path or fd:N\n"
			    "--x: unknown key 'x' in [proxy]\n");
}

int main(void)
{
#define CONFIG_TEST(name) \
	cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)
	static const struct CMUnitTest tests[] = {
		CONFIG_TEST(defaults_are_those_of_the_manual),
		CONFIG_TEST(every_key_is_taken),
		CONFIG_TEST(other_good_values),
		CONFIG_TEST(bad_values_are_faults),
		CONFIG_TEST(paths_of_sockets_have_a_limit),
		CONFIG_TEST(messages_help),
		CONFIG_TEST(a_bound_of_ttls_moves_the_default_of_the_other),
		CONFIG_TEST(unknown_sections_and_keys_are_faults),
		CONFIG_TEST(keys_given_twice_are_faults),
		CONFIG_TEST(nothing_is_cut_silently),
		CONFIG_TEST(a_nul_byte_is_a_fault),
		CONFIG_TEST(files_are_loaded),
		CONFIG_TEST(options_of_the_command_line_are_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
