/* SPDX-License-Identifier: MIT */
/* test_policy.c - targets, rules, verdicts, the address guard, counters */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pen_build.h"
#include "proxy/policy.h"

/* 2026-01-02T03:04:05Z; no test depends on when it runs. */
#define NOW ((int64_t)1767323045000)

static struct policy_options options;
static struct faults faults;

static int policy_setup(void **state)
{
	(void)state;
	policy_options_init(&options);
	return 0;
}

static int policy_teardown(void **state)
{
	(void)state;
	policy_options_fini(&options);
	faults_free(&faults);
	return 0;
}

static void set_option(const char *key, const char *value)
{
	const char *wrong = policy_options_set(&options, key, value);

	if (wrong)
		fail_msg("%s: %s", key, wrong);
}

static struct policy *build_after(const char *text, const struct policy *prev)
{
	struct policy_builder *b = policy_builder_new(&options, prev);

	assert_non_null(b);
	faults_free(&faults);
	policy_builder_add(b, "rules.txt", 1, text, strlen(text), &faults);
	return policy_builder_finish(b, &faults);
}

static struct policy *build(const char *text)
{
	struct policy *p = build_after(text, NULL);

	if (!p)
		fail_msg("%s: %s", text, faults.text.data);
	return p;
}

static const struct rule *judge(const struct policy *p, const char *target)
{
	struct target t;

	if (target_parse(&t, target, strlen(target), 0) != TARGET_OK)
		fail_msg("%s is malformed", target);
	return policy_judge(p, &t, NOW);
}

/* The line of the rule that allows a target, 0 if none does. */
static unsigned int line_for(const struct policy *p, const char *target)
{
	const struct rule *rule = judge(p, target);

	return rule ? rule->line : 0;
}

/* ------------------------------------------------------------------------ */

static void targets_have_one_spelling(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"example.org:443", "example.org:443"},
		{"EXAMPLE.Org.:443", "example.org:443"},
		{"a_b-c.d:1", "a_b-c.d:1"},
		{"localhost:65535", "localhost:65535"},
		{"10.0.0.5:22", "10.0.0.5:22"},
		{"[2001:DB8:0::1]:443", "[2001:db8::1]:443"},
		{"[::ffff:10.0.0.5]:22", "10.0.0.5:22"},
		{"[::ffff:a00:5]:22", "10.0.0.5:22"},
		{"[::]:1", "[::]:1"},
	};
	char text[TARGET_TEXT_MAX];
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < BASE_LEN(cases); i++) {
		assert_int_equal(
			target_parse(&t, cases[i].in, strlen(cases[i].in), 0),
			TARGET_OK);
		assert_int_equal(target_format(&t, text), strlen(cases[i].out));
		assert_string_equal(text, cases[i].out);
		assert_int_equal(t.host_len, strlen(t.host));
	}
	assert_int_equal(target_parse(&t, "example.org", 11, 80), TARGET_OK);
	assert_int_equal(t.port, 80);
	assert_int_equal(target_parse(&t, "[::1]", 5, 80), TARGET_OK);
	assert_true(t.literal);
	assert_int_equal(target_set(&t, "::1", 3, 443, true), TARGET_OK);
	assert_string_equal(t.host, "::1");
	assert_int_equal(target_set(&t, "example.org", 11, 443, true),
			 TARGET_OK);
	assert_false(t.literal);
}

static void malformed_targets_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":443",
		"ex ample.org:443",
		"example..org:443",
		"example.org..:443",
		".:443",
		"u@example.org:443",
		"ex%61mple.org:443",
		"ex\xc3\xa4mple.org:443",
		"ex\357\274\216ample.org:443",
		"127.1:443",
		"0x7f.1:443",
		"2130706433:443",
		"0177.0.0.1:443",
		"1.2.3.4.5:443",
		"1.2.3:443",
		"256.1.1.1:443",
		"10.0.0.5.:443",
		"[example.org]:443",
		"[10.0.0.5]:443",
		"[::1%lo]:443",
		"[::1:443",
		"::1:443",
		"[]:443",
		"[::1]x:443",
		"a:b:443",
		"*.example.org:443",
	};
	static const char *const bad_ports[] = {
		"example.org",
		"example.org:",
		"example.org:0",
		"example.org:65536",
		"example.org:0443",
		"example.org:+443",
		"example.org: 443",
		"example.org:443x",
		"[::1]",
		"[::1]:",
		"10.0.0.5:99999999",
	};
	char name[300];
	struct target t;
	size_t i;

	(void)state;
	for (i = 0; i < BASE_LEN(bad); i++) {
		if (target_parse(&t, bad[i], strlen(bad[i]), 0) !=
		    TARGET_BAD_HOST)
			fail_msg("%s", bad[i]);
	}
	for (i = 0; i < BASE_LEN(bad_ports); i++) {
		if (target_parse(&t, bad_ports[i], strlen(bad_ports[i]), 0) !=
		    TARGET_BAD_PORT)
			fail_msg("%s", bad_ports[i]);
	}
	assert_int_equal(target_set(&t, "a\0b", 3, 1, false), TARGET_BAD_HOST);
	assert_int_equal(target_set(&t, "a", 1, 0, false), TARGET_BAD_PORT);
	assert_int_equal(target_set(&t, "::1", 3, 1, false), TARGET_BAD_HOST);
	assert_int_equal(target_set(&t, "[::1]", 5, 1, true), TARGET_BAD_HOST);
	assert_int_equal(target_set(&t, "[", 1, 1, false), TARGET_BAD_HOST);
	memset(name, 'a', sizeof(name));
	for (i = 63; i < sizeof(name); i += 64)
		name[i] = '.';
	assert_int_equal(target_set(&t, name, 253, 1, false), TARGET_OK);
	assert_int_equal(target_set(&t, name, 254, 1, false), TARGET_BAD_HOST);
	name[63] = 'a';
	assert_int_equal(target_set(&t, name, 64, 1, false), TARGET_BAD_HOST);
}

/* ------------------------------------------------------------------------ */

static void hosts_and_wildcards_cover_what_they_say(void **state)
{
	struct policy *p = build("example.org:443\n"
				 "*.wild.example:443\n"
				 "10.0.0.5:5432\n"
				 "[2001:DB8::1]:443\n"
				 "[::ffff:192.0.2.1]:80\n"
				 "MiXed.Example.:443\n"
				 "single:22\n");

	(void)state;
	assert_int_equal(line_for(p, "example.org:443"), 1);
	assert_int_equal(line_for(p, "EXAMPLE.org.:443"), 1);
	assert_int_equal(line_for(p, "example.org:444"), 0);
	assert_int_equal(line_for(p, "www.example.org:443"), 0);
	assert_int_equal(line_for(p, "example.or:443"), 0);
	assert_int_equal(line_for(p, "xexample.org:443"), 0);
	assert_int_equal(line_for(p, "org:443"), 0);
	assert_int_equal(line_for(p, "a.wild.example:443"), 2);
	assert_int_equal(line_for(p, "a.b.c.d.wild.example:443"), 2);
	assert_int_equal(line_for(p, "wild.example:443"), 0);
	assert_int_equal(line_for(p, "notwild.example:443"), 0);
	assert_int_equal(line_for(p, "10.0.0.5:5432"), 3);
	assert_int_equal(line_for(p, "[::ffff:10.0.0.5]:5432"), 3);
	assert_int_equal(line_for(p, "10.0.0.6:5432"), 0);
	assert_int_equal(line_for(p, "[2001:db8:0:0::1]:443"), 4);
	assert_int_equal(line_for(p, "[2001:db8::2]:443"), 0);
	assert_int_equal(line_for(p, "192.0.2.1:80"), 5);
	assert_int_equal(line_for(p, "mixed.example:443"), 6);
	assert_int_equal(line_for(p, "single:22"), 7);
	assert_int_equal(policy_rule_count(p), 7);
	assert_true(policy_rule(p, 1)->wildcard);
	assert_true(policy_rule(p, 2)->literal);
	assert_string_equal(policy_rule(p, 5)->text, "MiXed.Example.:443");
	policy_unref(p);
}

static void ports_are_covered_as_written(void **state)
{
	struct policy *p = build("a:8000-8010\nb:*\nc:1-65535\nd:7-7\n");

	(void)state;
	assert_int_equal(line_for(p, "a:7999"), 0);
	assert_int_equal(line_for(p, "a:8000"), 1);
	assert_int_equal(line_for(p, "a:8010"), 1);
	assert_int_equal(line_for(p, "a:8011"), 0);
	assert_int_equal(line_for(p, "b:1"), 2);
	assert_int_equal(line_for(p, "b:65535"), 2);
	assert_int_equal(line_for(p, "c:1"), 3);
	assert_int_equal(line_for(p, "c:65535"), 3);
	assert_int_equal(line_for(p, "d:7"), 4);
	assert_int_equal(line_for(p, "d:8"), 0);
	policy_unref(p);
}

static void most_specific_rule_counts(void **state)
{
	struct policy *p = build("a.b.example:*\n"       /* 1 */
				 "a.b.example:1-65535\n" /* 2 */
				 "a.b.example:400-500\n" /* 3 */
				 "a.b.example:440-450\n" /* 4 */
				 "a.b.example:443\n"     /* 5 */
				 "*.b.example:443\n"     /* 6 */
				 "*.example:443\n"       /* 7 */
				 "*.example:80\n"        /* 8 */
				 "*.b.example:1-100\n"   /* 9 */
				 "two.example:80\n"      /* 10 */
				 "two.example:80 private\n"
				 "*.example:1-20 sni=off\n" /* 12 */
				 "*.example:11-30\n"        /* 13 */
				 "d.example:9999\n");       /* 14 */

	(void)state;
	assert_int_equal(line_for(p, "a.b.example:443"), 5);
	assert_int_equal(line_for(p, "a.b.example:444"), 4);
	assert_int_equal(line_for(p, "a.b.example:499"), 3);
	assert_int_equal(line_for(p, "a.b.example:501"), 2);
	assert_int_equal(line_for(p, "a.b.example:80"), 2);
	assert_int_equal(line_for(p, "x.b.example:443"), 6);
	assert_int_equal(line_for(p, "x.b.example:80"), 9);
	assert_int_equal(line_for(p, "x.example:443"), 7);
	assert_int_equal(line_for(p, "x.example:80"), 8);
	/* Of two equals the later line; of two ranges of one width, too. */
	assert_int_equal(line_for(p, "two.example:80"), 11);
	assert_int_equal(line_for(p, "x.example:10"), 12);
	assert_int_equal(line_for(p, "x.example:15"), 13);
	/* An exact host without the port leaves it to a wildcard. */
	assert_int_equal(line_for(p, "d.example:443"), 7);
	policy_unref(p);
}

static void any_port_comes_behind_every_range(void **state)
{
	struct policy *p = build("a:1-65535\na:*\n");

	(void)state;
	assert_int_equal(line_for(p, "a:80"), 1);
	policy_unref(p);
}

static void attributes_are_taken(void **state)
{
	struct policy *p = build(
		"a:1 private sni=require ech=deny up=256k down=1g up=2m/h "
		"down=3m/h until=2026-12-01T18:00Z why=\"a # \\\"b\\\" \\\\ "
		"\\x\"\t # comment \"\n"
		"  b:1\t sni=off  ech=allow \t\n"
		"c:1 why=\"\"#c\n"
		"d:1#c\n");
	const struct rule *r = policy_rule(p, 0);

	(void)state;
	assert_true(r->private_ok && r->sni_own && r->ech_deny);
	assert_int_equal(r->sni, SNI_REQUIRE);
	assert_int_equal(r->up, 256 << 10);
	assert_int_equal(r->down, 1 << 30);
	assert_int_equal(r->up_hour, 2 << 20);
	assert_int_equal(r->down_hour, 3 << 20);
	assert_int_equal(r->until, 1796148000000);
	assert_string_equal(r->why, "a # \"b\" \\ \\x");
	assert_string_equal(r->file, "rules.txt");
	assert_int_equal(r->line, 1);
	r = policy_rule(p, 1);
	assert_string_equal(r->text, "b:1\t sni=off  ech=allow");
	assert_int_equal(r->sni, SNI_OFF);
	assert_false(r->ech_deny || r->private_ok);
	assert_int_equal(r->until, 0);
	assert_null(r->why);
	assert_string_equal(policy_rule(p, 2)->text, "c:1 why=\"\"");
	assert_null(policy_rule(p, 2)->why);
	assert_string_equal(policy_rule(p, 3)->text, "d:1");
	policy_unref(p);
}

static void defaults_come_from_the_options(void **state)
{
	struct policy *p;

	(void)state;
	set_option("sni", "require");
	set_option("ech", "deny");
	p = build("a:1\nb:1 sni=match ech=allow\n");
	assert_int_equal(policy_rule(p, 0)->sni, SNI_REQUIRE);
	assert_false(policy_rule(p, 0)->sni_own);
	assert_true(policy_rule(p, 0)->ech_deny);
	assert_int_equal(policy_rule(p, 1)->sni, SNI_MATCH);
	assert_true(policy_rule(p, 1)->sni_own);
	assert_false(policy_rule(p, 1)->ech_deny);
	assert_true(policy_options_of(p)->ech_deny);
	policy_unref(p);
}

static void malformed_rules_are_faults(void **state)
{
	static const char *const bad[] = {
		"*",
		"*:443",
		"*:*",
		"*.:443",
		"*.*.org:443",
		"a.*.org:443",
		"*a.org:443",
		"*.10.0.0.5:443",
		"*.5:443",
		"*.[::1]:443",
		"example.org",
		"example.org:",
		"example.org:0",
		"example.org:65536",
		"example.org:080",
		"example.org:443-",
		"example.org:-443",
		"example.org:443-80",
		"example.org:80-443-500",
		"example.org:80,443",
		"example.org:0-10",
		"example.org:https",
		":443",
		"https://example.org:443",
		"https://example.org/",
		"example.org/path:443",
		"10.0.0.0/8:443",
		"[fd00::]/8:443",
		"::1:443",
		"[::1:443",
		"[::1]443",
		"[::1]]:443",
		"[example.org]:443",
		"[::1%eth0]:443",
		"127.1:443",
		"0x7f.0.0.1:443",
		"b\303\274cher.example:443",
		"exa mple.org:443",
		"user@example.org:443",
		"\"example.org:443",
		"example.org:443 privat",
		"example.org:443 private=yes",
		"example.org:443 Private",
		"example.org:443 sni",
		"example.org:443 sni=",
		"example.org:443 sni=on",
		"example.org:443 ech=maybe",
		"example.org:443 up",
		"example.org:443 up=",
		"example.org:443 up=0",
		"example.org:443 up=/h",
		"example.org:443 up=1k/d",
		"example.org:443 up=1kb",
		"example.org:443 down=-1",
		"example.org:443 until=tomorrow",
		"example.org:443 until=2026-13-01T00:00Z",
		"example.org:443 until=2026-12-01",
		"example.org:443 why=text",
		"example.org:443 why",
		"example.org:443 why=",
		"example.org:443 why=\"open",
		"example.org:443 why=\"a\"private",
		"example.org:443 why=\"a\\\"",
		"example.org:443 =x",
		"example.org:443 443",
		"example.org:443 private private",
		"example.org:443 sni=off sni=off",
		"example.org:443 ech=deny ech=allow",
		"example.org:443 up=1k up=2k",
		"example.org:443 up=1k/h up=2k/h",
		"example.org:443 down=1k private down=2k",
		"a:1 until=2026-12-01T00:00Z until=2026-12-01T00:00Z",
		"example.org:443 why=\"a\" why=\"b\"",
		"example.org:443\r\r",
		"example.org:443 \x01",
		"example.org:443 # comment \x7f",
		"expect example.org:443",
		"expect",
		"expect permit example.org:443",
		"expect allow",
		"expect allow example.org",
		"expect deny example.org:*",
		"expect deny exa_mple..org:443",
		"@",
		"@Name",
		"@a/b",
		"@..",
		"@none private",
		"@none",
	};
	size_t i;

	(void)state;
	set_option("presets", "/nonexistent");
	for (i = 0; i < BASE_LEN(bad); i++) {
		char text[200];

		snprintf(text, sizeof(text), "# first\n%s\nlast:1\n", bad[i]);
		if (build_after(text, NULL) || faults.count != 1 ||
		    strncmp(faults.text.data, "rules.txt:2: ", 13) != 0)
			fail_msg("%s: %s", bad[i],
				 faults.text.data ? faults.text.data : "-");
	}
}

static void messages_help(void **state)
{
	static const char text[] = "*:443\n"
				   "b\303\274cher.example:443\n"
				   "example.org\n"
				   "::1:443\n"
				   "127.1:443\n"
				   "a:1 prvate\n"
				   "a:99999\n"
				   "*.com:443\n"
				   "a:443]\n"
				   "a:1 up=1k up=2k\n"
				   "a:1 down=1k/h down=2k/h\n";

	(void)state;
	assert_null(build_after(text, NULL));
	assert_string_equal(
		faults.text.data,
		"rules.txt:1: a bare * would allow every host: name the hosts, "
		"or set mode=monitor to see which are used\n"
		"rules.txt:2: the host is not ASCII: write it in punycode "
		"(xn--...)\n"
		"rules.txt:3: the rule has no port: write example.org:443\n"
		"rules.txt:4: an IPv6 address needs brackets: [::1]:443\n"
		"rules.txt:5: '127.1' ends in a number, and is not a plain "
		"IPv4 address\n"
		"rules.txt:6: unknown attribute 'prvate': private, sni=, "
		"ech=, up=, down=, until= or why=\"...\"\n"
		"rules.txt:7: '99999' is not a port: 1 to 65535, FIRST-LAST or "
		"*\n"
		"rules.txt:8: warning: *.com covers a whole top-level domain\n"
		"rules.txt:9: '443]' is not a port: 1 to 65535, FIRST-LAST or "
		"*\n"
		"rules.txt:10: up is given twice\n"
		"rules.txt:11: down an hour is given twice\n");
	assert_int_equal(faults.count, 10);
}

static void warnings_do_not_refuse(void **state)
{
	struct policy *p = build("*.com:443\na:1 until=2001-01-01T00:00Z\n"
				 "b:1 until=1970-01-01T00:00Z\n");

	(void)state;
	assert_int_equal(faults.count, 0);
	assert_string_equal(
		faults.text.data,
		"rules.txt:1: warning: *.com covers a whole top-level domain\n"
		"rules.txt:2: warning: the rule has ended and allows nothing\n"
		"rules.txt:3: warning: the rule has ended and allows nothing"
		"\n");
	assert_int_equal(line_for(p, "x.com:443"), 1);
	assert_int_equal(line_for(p, "com:443"), 0);
	assert_int_equal(line_for(p, "a:1"), 0);
	assert_int_equal(line_for(p, "b:1"), 0);
	policy_unref(p);
}

static void lines_end_as_editors_end_them(void **state)
{
	struct policy *p =
		build("\357\273\277a:1\r\n\r\n\t\r\n# c\r\n b:2 \r\nc:3");

	(void)state;
	assert_int_equal(line_for(p, "a:1"), 1);
	assert_int_equal(line_for(p, "b:2"), 5);
	assert_int_equal(line_for(p, "c:3"), 6);
	assert_string_equal(policy_rule(p, 1)->text, "b:2");
	policy_unref(p);
	p = build("");
	assert_int_equal(line_for(p, "a:1"), 0);
	assert_false(policy_covers(p, "a", NOW));
	policy_unref(p);
	assert_null(build_after("a:1\n\xef\xbb\xbf"
				"b:1\n",
				NULL));
}

static void long_lines_and_nul_bytes_are_faults(void **state)
{
	struct policy_builder *b = policy_builder_new(&options, NULL);
	char line[4200];

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, "a:1", 3);
	policy_builder_add(b, "one", 7, line, 4096, &faults);
	assert_int_equal(faults.count, 0);
	policy_builder_add(b, "two", 7, line, 4097, &faults);
	policy_builder_add(b, "three", 0, "a\0b:1\n# \0\n", 10, &faults);
	assert_null(policy_builder_finish(b, &faults));
	assert_string_equal(faults.text.data,
			    "two:7: the line is longer than 4096 bytes\n"
			    "three: the line holds a control character\n"
			    "three:1: the line holds a control character\n");
}

static void rules_end_when_their_time_comes(void **state)
{
	struct policy *p = build("a:1 until=2100-01-01T00:00Z\n"
				 "a:1 until=2050-01-01T00:00Z\n"
				 "a:1 until=2040-01-01T00:00Z\n"
				 "a:1 until=2045-01-01T00:00Z\n"
				 "a:1-9 until=2200-01-01T00:00Z\n"
				 "a:*\n"
				 "*.b:1 until=2050-01-01T00:00Z\n"
				 "c.b:2 until=2050-01-01T00:00Z\n");
	static const struct {
		const char *time, *target;
		unsigned int line;
	} cases[] = {
		{"2039-12-31T23:59:59.999Z", "a:1", 4},
		{"2040-01-01T00:00Z", "a:1", 4},
		{"2045-01-01T00:00Z", "a:1", 2},
		{"2049-12-31T23:59Z", "a:1", 2},
		{"2050-01-01T00:00Z", "a:1", 1},
		{"2100-01-01T00:00Z", "a:1", 5},
		{"2200-01-01T00:00Z", "a:1", 6},
		{"2049-01-01T00:00Z", "x.b:1", 7},
		{"2050-01-01T00:00Z", "x.b:1", 0},
		{"2049-01-01T00:00Z", "c.b:1", 7},
	};
	int64_t end;
	size_t i;

	(void)state;
	for (i = 0; i < BASE_LEN(cases); i++) {
		const struct rule *rule;
		struct target t;
		int64_t at;

		assert_true(base_parse_time(cases[i].time,
					    strlen(cases[i].time), &at));
		target_parse(&t, cases[i].target, strlen(cases[i].target), 0);
		rule = policy_judge(p, &t, at);
		assert_int_equal(rule ? rule->line : 0, cases[i].line);
	}
	assert_true(base_parse_time("2050-01-01T00:00Z", 17, &end));
	assert_true(policy_covers(p, "x.b", end - 1));
	assert_false(policy_covers(p, "x.b", end));
	assert_false(policy_covers(p, "c.b", end));
	assert_true(policy_covers(p, "a", end));
	policy_unref(p);
}

static void names_are_covered_on_whatever_port(void **state)
{
	struct policy *p = build("a.example:1\n*.b.example:2\n10.0.0.5:1\n");
	char longest[400];

	(void)state;
	assert_true(policy_covers(p, "a.example", NOW));
	assert_true(policy_covers(p, "x.y.b.example", NOW));
	assert_false(policy_covers(p, "b.example", NOW));
	assert_false(policy_covers(p, "example", NOW));
	assert_false(policy_covers(p, "", NOW));
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(policy_covers(p, longest, NOW));
	policy_unref(p);
}

static void names_of_many_labels_are_found(void **state)
{
	struct sbuf text = {0};
	char name[NAME_MAX_LEN + 1] = "";
	struct policy *p;
	struct target t;
	int i;

	(void)state;
	for (i = 0; i < NAME_MAX_LEN; i++)
		name[i] = i % 2 ? '.' : 'a';
	assert_int_equal(strlen(name), NAME_MAX_LEN);
	sbuf_printf(&text, "%s:1\n", name);
	/* Wildcards below each parent of it; the longest one counts. */
	for (i = 126; i >= 1; i--)
		sbuf_printf(&text, "*.%s:%d\n", name + 2 * (127 - i), i + 1);
	p = build(text.data);
	for (i = 1; i <= 127; i++) {
		assert_int_equal(
			target_set(&t, name, NAME_MAX_LEN, (uint16_t)i, false),
			TARGET_OK);
		assert_non_null(policy_judge(p, &t, NOW));
	}
	t.port = 128;
	assert_null(policy_judge(p, &t, NOW));
	policy_unref(p);
	sbuf_free(&text);
}

static void policies_that_fail_their_tests_are_refused(void **state)
{
	static const char good[] = "expect allow a.example:443\n"
				   "expect deny\tb.exampl:443\n"
				   "expect allow [2001:db8::1]:1\n"
				   "  expect   deny   10.0.0.1:1 # c\n"
				   "*.example:443\n"
				   "[2001:db8:0::1]:1\n"
				   "expect:1\n"
				   "expect deny expect:2\n";

	(void)state;
	policy_unref(build(good));
	assert_null(build_after("*.b.example:443\n"
				"expect deny a.b.example:443\n"
				"expect allow [::1]:443\n"
				"old.example:1 until=2001-01-01T00:00Z\n"
				"expect allow old.example:1\n",
				NULL));
	assert_string_equal(
		faults.text.data,
		"rules.txt:4: warning: the rule has ended and allows nothing\n"
		"rules.txt:2: the policy fails its test: a.b.example:443 is "
		"allowed, by rules.txt:1\n"
		"rules.txt:3: the policy fails its test: [::1]:443 is refused\n"
		"rules.txt:5: the policy fails its test: old.example:1 is "
		"refused\n");
}

static void presets_are_read_from_their_folder(void **state)
{
	char folder[] = "/tmp/pen-test-policy.XXXXXX";
	char path[100], expected[500];
	struct policy *p;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	base_write_file("good-1.txt", "a.example:443 # c\n\nb.example:22", 31,
			0600);
	base_write_file("bad.txt", "c.example:443\n@good-1\nd.example:0\n", 34,
			0600);
	assert_int_equal(mkfifo("fifo.txt", 0600), 0);
	set_option("presets", folder);
	p = build("@good-1\nb.example:22\n@good-1 # again\n");
	assert_int_equal(policy_rule_count(p), 5);
	assert_int_equal(policy_preset_count(p), 1);
	snprintf(path, sizeof(path), "%s/good-1.txt", folder);
	assert_string_equal(policy_preset(p, 0), path);
	assert_string_equal(judge(p, "b.example:22")->file, path);
	assert_int_equal(line_for(p, "b.example:22"), 3);
	policy_unref(p);

	assert_null(build_after("x:1\n@bad\n@none\n@fifo\n@good-1\n", NULL));
	snprintf(expected, sizeof(expected),
		 "%s/bad.txt:2: a preset cannot include another one\n"
		 "%s/bad.txt:3: '0' is not a port: 1 to 65535, FIRST-LAST or "
		 "*\n"
		 "rules.txt:3: cannot read the preset %s/none.txt: No such "
		 "file or directory\n"
		 "rules.txt:4: cannot read the preset %s/fifo.txt: not a "
		 "regular file\n",
		 folder, folder, folder, folder);
	assert_string_equal(faults.text.data, expected);
	unlink("good-1.txt");
	unlink("bad.txt");
	unlink("fifo.txt");
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void presets_are_installed_ones_by_default(void **state)
{
	(void)state;
	assert_null(build_after("@no-such-preset\n", NULL));
	assert_non_null(
		strstr(faults.text.data, PEN_PRESET_DIR "/no-such-preset.txt"));
}

/* ------------------------------------------------------------------------ */

static void usage_goes_on_where_the_text_is_the_same(void **state)
{
	struct policy *one = build("a:1\nb:1 why=\"x\"\nc:1\n");
	struct policy *two, *three;

	(void)state;
	atomic_fetch_add(&policy_rule(one, 0)->usage->hits, 5);
	atomic_fetch_add(&policy_rule(one, 1)->usage->hits, 6);
	atomic_fetch_add(&policy_rule(one, 2)->usage->hour_up, 7);
	two = build_after("c:1   # moved\nnew:1\na:1\nb:1 why=\"y\"\n", one);
	assert_non_null(two);
	assert_ptr_equal(policy_rule(two, 0)->usage,
			 policy_rule(one, 2)->usage);
	assert_int_equal(policy_rule(two, 1)->usage->hits, 0);
	assert_int_equal(policy_rule(two, 2)->usage->hits, 5);
	assert_int_equal(policy_rule(two, 3)->usage->hits, 0);
	/* Counters outlive the policy that they began in. */
	policy_unref(one);
	atomic_fetch_add(&policy_rule(two, 2)->usage->hits, 1);
	three = build_after("c:1\na:1\n", two);
	policy_unref(two);
	assert_int_equal(policy_rule(three, 0)->usage->hour_up, 7);
	assert_int_equal(policy_rule(three, 1)->usage->hits, 6);
	policy_unref(three);
}

static void usage_goes_on_among_the_rules_of_a_host(void **state)
{
	struct policy *one =
		build("a.x:1\na.x:2\na.x:3 why=\"x\"\nb.x:1\n*.a.x:1\n");
	struct policy *two = build_after("*.a.x:1\nb.x:1\na.x:4\n"
					 "a.x:3 why=\"x\"\na.x:1\n"
					 "a.x:2 private\na.x:5\n",
					 one);
	/* Where each rule stood before; 5: nowhere. */
	static const size_t before[] = {4, 3, 5, 2, 0, 5, 5};
	size_t i, old;

	(void)state;
	assert_non_null(two);
	for (i = 0; i < BASE_LEN(before); i++) {
		for (old = 0; old < 5; old++)
			assert_int_equal(policy_rule(two, i)->usage ==
						 policy_rule(one, old)->usage,
					 old == before[i]);
	}
	policy_unref(one);
	policy_unref(two);
}

static void rules_of_one_text_share_their_usage(void **state)
{
	struct policy *one = build("a:1\nb:1\na:1\na:2\n");
	struct policy *two;

	(void)state;
	assert_ptr_equal(policy_rule(one, 0)->usage,
			 policy_rule(one, 2)->usage);
	assert_ptr_not_equal(policy_rule(one, 0)->usage,
			     policy_rule(one, 3)->usage);
	atomic_fetch_add(&judge(one, "a:1")->usage->hits, 5);
	two = build_after("x:1\na:1\na:1\n", one);
	assert_int_equal(policy_rule(two, 1)->usage->hits, 5);
	assert_int_equal(judge(two, "a:1")->usage->hits, 5);
	policy_unref(one);
	policy_unref(two);
}

static void policies_are_shared_by_reference(void **state)
{
	struct policy *p = build("a:1\n");

	(void)state;
	assert_ptr_equal(policy_ref(p), p);
	policy_unref(p);
	assert_int_equal(line_for(p, "a:1"), 1);
	policy_unref(p);
	policy_unref(NULL);
}

/* ------------------------------------------------------------------------ */

static bool is_192_0_2_1(const struct addr *a)
{
	static const struct addr local = {4, {192, 0, 2, 1}};

	return memcmp(a, &local, sizeof(local)) == 0;
}

/* The guard's answer for an address; @rule may be NULL for none. */
static enum policy_guard guard(const struct policy *p, const char *target,
			       const char *address)
{
	struct target t;
	struct addr a;

	assert_int_equal(target_parse(&t, target, strlen(target), 0),
			 TARGET_OK);
	assert_true(addr_parse(address, strlen(address), &a));
	return policy_guard(p, policy_judge(p, &t, NOW), &t, &a);
}

static void guard_refuses_what_is_not_global(void **state)
{
	struct policy *p = build("a:1\nb:1 private\n10.0.0.5:1\n0.0.0.0:1\n");

	(void)state;
	assert_int_equal(guard(p, "a:1", "93.184.216.34"), GUARD_OK);
	assert_int_equal(guard(p, "a:1", "10.0.0.5"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "a:1", "127.0.0.1"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "a:1", "::1"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "a:1", "64:ff9b::10.0.0.5"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "b:1", "10.0.0.5"), GUARD_OK);
	assert_int_equal(guard(p, "b:1", "0.0.0.0"), GUARD_NEVER);
	assert_int_equal(guard(p, "b:1", "::"), GUARD_NEVER);
	assert_int_equal(guard(p, "10.0.0.5:1", "10.0.0.5"), GUARD_OK);
	/* A literal rule allows that literal, and no other. */
	assert_int_equal(guard(p, "10.0.0.5:1", "10.0.0.6"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "0.0.0.0:1", "0.0.0.0"), GUARD_NEVER);
	/* No rule: mode=monitor. */
	assert_int_equal(guard(p, "none:1", "10.0.0.5"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "none:1", "1.1.1.1"), GUARD_OK);
	policy_unref(p);
}

static void guard_keeps_the_order_of_exceptions(void **state)
{
	struct policy *p;

	(void)state;
	set_option("allow-cidr", "10.0.0.0/8");
	set_option("allow-cidr", "127.0.0.1");
	set_option("deny-cidr", "10.1.0.0/16");
	set_option("deny-cidr", "8.8.8.0/24");
	p = build("a:1\nb:1 private\n10.1.0.1:1\n192.168.0.1:1\n");
	assert_int_equal(guard(p, "a:1", "10.2.0.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:1", "127.0.0.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:1", "127.0.0.2"), GUARD_SPECIAL);
	assert_int_equal(guard(p, "a:1", "10.1.0.1"), GUARD_CIDR);
	assert_int_equal(guard(p, "b:1", "10.1.0.1"), GUARD_CIDR);
	assert_int_equal(guard(p, "10.1.0.1:1", "10.1.0.1"), GUARD_CIDR);
	assert_int_equal(guard(p, "192.168.0.1:1", "192.168.0.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:1", "8.8.8.8"), GUARD_CIDR);
	policy_unref(p);
	set_option("private", "allow");
	p = build("a:1\n");
	assert_int_equal(guard(p, "a:1", "169.254.169.254"), GUARD_OK);
	assert_int_equal(guard(p, "a:1", "10.1.0.1"), GUARD_CIDR);
	assert_int_equal(guard(p, "a:1", "0.0.0.0"), GUARD_NEVER);
	policy_unref(p);
}

static void denied_ranges_hold_behind_translators(void **state)
{
	static const char *const carriers[] = {
		"64:ff9b::8.8.8.8",           "::8.8.8.8",
		"::ffff:0:8.8.8.8",           "2002:808:808::1",
		"2001:0:808:808::",           "2001:0:101:101::f7f7:f7f7",
		"2400:cb00::5efe:8.8.8.8",    "2400:cb00::200:5efe:8.8.8.8",
		"2002:101:101::5efe:8.8.8.8",
	};
	static const char *const others[] = {
		"64:ff9b::8.8.9.8",     "2002:808:908::1",
		"2001:4860:4860::8888", "2400:cb00::808:808",
		"64:ff9b::1:808:808",
	};
	struct policy *p;
	size_t i;

	(void)state;
	set_option("deny-cidr", "8.8.8.0/24");
	set_option("private", "allow");
	p = build("a:1\n");
	for (i = 0; i < BASE_LEN(carriers); i++)
		assert_int_equal(guard(p, "a:1", carriers[i]), GUARD_CIDR);
	for (i = 0; i < BASE_LEN(others); i++)
		assert_int_equal(guard(p, "a:1", others[i]), GUARD_OK);
	policy_unref(p);
}

static void own_listeners_are_never_a_destination(void **state)
{
	struct policy *p;

	(void)state;
	set_option("private", "allow");
	options.own = calloc(2, sizeof(*options.own));
	options.own_count = 2;
	options.own[0].port = 3128; /* on every address */
	options.own[1].port = 8080;
	addr_parse("192.0.2.7", 9, &options.own[1].addr);
	p = build("a:*\n127.0.0.1:*\n192.0.2.1:*\n");
	assert_int_equal(guard(p, "a:3128", "127.0.0.1"), GUARD_NEVER);
	assert_int_equal(guard(p, "a:3128", "127.9.9.9"), GUARD_NEVER);
	assert_int_equal(guard(p, "127.0.0.1:3128", "127.0.0.1"), GUARD_NEVER);
	assert_int_equal(guard(p, "a:3128", "::1"), GUARD_NEVER);
	assert_int_equal(guard(p, "a:3129", "127.0.0.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:3128", "192.0.2.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:8080", "192.0.2.7"), GUARD_NEVER);
	assert_int_equal(guard(p, "a:8080", "192.0.2.8"), GUARD_OK);
	policy_unref(p);
	options.is_local = is_192_0_2_1;
	p = build("a:*\n192.0.2.1:*\n");
	assert_int_equal(guard(p, "a:3128", "192.0.2.1"), GUARD_NEVER);
	assert_int_equal(guard(p, "192.0.2.1:3128", "192.0.2.1"), GUARD_NEVER);
	assert_int_equal(guard(p, "a:3128", "192.0.2.2"), GUARD_OK);
	/* Listeners that were opened after the policy was built. */
	assert_int_equal(policy_set_own(p, &options.own[1], 1, NULL), 0);
	assert_int_equal(guard(p, "a:3128", "192.0.2.1"), GUARD_OK);
	assert_int_equal(guard(p, "a:8080", "192.0.2.7"), GUARD_NEVER);
	assert_int_equal(policy_set_own(p, NULL, 0, NULL), 0);
	assert_int_equal(guard(p, "a:8080", "192.0.2.7"), GUARD_OK);
	policy_unref(p);
}

static void options_are_set_and_copied(void **state)
{
	struct policy *p = build("");
	const struct policy_options *o;

	(void)state;
	assert_true(policy_is_tls_port(p, 443));
	assert_false(policy_is_tls_port(p, 8443));
	assert_int_equal(policy_options_of(p)->mode, POLICY_ENFORCE);
	policy_unref(p);
	set_option("mode", "monitor");
	set_option("tls-ports", "8443,993");
	set_option("presets", "/presets");
	set_option("presets", "/other");
	set_option("cut-on-reload", "no");
	set_option("deny-cidr", "::/0");
	p = build("");
	o = policy_options_of(p);
	policy_options_fini(&options);
	assert_false(policy_is_tls_port(p, 443));
	assert_true(policy_is_tls_port(p, 8443));
	assert_true(policy_is_tls_port(p, 993));
	assert_int_equal(o->mode, POLICY_MONITOR);
	assert_string_equal(o->presets, "/other");
	assert_false(o->cut_on_reload);
	assert_int_equal(o->deny_cidr_count, 1);
	assert_string_equal(policy_options_set(&options, "allow", "x:1"),
			    "unknown key 'allow'");
	assert_non_null(policy_options_set(&options, "presets", ""));
	assert_string_equal(policy_options_set(&options, "deny-cidr", "x"),
			    "deny-cidr: not an IP address");
	policy_unref(p);
}

/* ------------------------------------------------------------------------ */

/* Of two rules that both cover a target, whether the first is preferred. */
static bool is_better(const struct rule *a, size_t a_len, const struct rule *b,
		      size_t b_len)
{
	if (a->wildcard != b->wildcard)
		return !a->wildcard;
	if (a_len != b_len)
		return a_len > b_len;
	if (a->port_last - a->port_first != b->port_last - b->port_first)
		return a->port_last - a->port_first <
		       b->port_last - b->port_first;
	return a->line > b->line;
}

/* The slow and plain reading of the manual, for hosts without attributes. */
static unsigned int slow_line_for(const struct policy *p,
				  const struct target *t, int64_t now)
{
	const struct rule *best = NULL;
	size_t i, best_len = 0;

	for (i = 0; i < policy_rule_count(p); i++) {
		const struct rule *r = policy_rule(p, i);
		const char *host = r->text + (r->wildcard ? 1 : 0);
		size_t len = strcspn(host, ":");

		if (len > t->host_len ||
		    memcmp(t->host + t->host_len - len, host, len) != 0 ||
		    (!r->wildcard && len != t->host_len) ||
		    t->port < r->port_first || t->port > r->port_last ||
		    (r->until && r->until <= now))
			continue;
		if (!best || is_better(r, len, best, best_len)) {
			best = r;
			best_len = len;
		}
	}
	return best ? best->line : 0;
}

static unsigned int next_random(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned int)(x >> 16);
}

/* One to four labels of few; returns the length. */
static size_t random_name(char *out, size_t cap)
{
	static const char *const labels[] = {"a.", "b.", "cc."};
	unsigned int count = 1 + next_random() % 4;
	size_t len = 0;

	while (count-- > 0)
		len += (size_t)snprintf(out + len, cap - len, "%s",
					labels[next_random() % 3]);
	return len + (size_t)snprintf(out + len, cap - len, "x");
}

static void index_agrees_with_a_slow_reading(void **state)
{
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 60; round++) {
		unsigned int count = 1u << round % 9;
		struct sbuf text = {0};
		struct policy *p;
		char name[64];

		/* Every fifth round has one host only, with many ranges. */
		for (i = 0; i < count * 4; i++) {
			unsigned int first = 1 + next_random() % 60;

			random_name(name, sizeof(name));
			sbuf_printf(&text,
				    "%s%s:", next_random() % 3 ? "" : "*.",
				    round % 5 ? name : "a.x");
			if (next_random() % 8 == 0)
				sbuf_puts(&text, "*");
			else if (next_random() % 2)
				sbuf_printf(&text, "%u", first);
			else
				sbuf_printf(&text, "%u-%u", first,
					    first + next_random() % 40);
			if (next_random() % 4 == 0)
				sbuf_printf(&text, " until=20%u-01-01T00:00Z",
					    60 + next_random() % 9);
			sbuf_puts(&text, "\n");
		}
		p = build(text.data);
		for (i = 0; i < 300; i++) {
			/* 2059 to 2069 */
			int64_t now =
				2808691200000 +
				(int64_t)(next_random() % 11) * 31557600000;
			const struct rule *rule;
			struct target t;
			size_t len;

			len = random_name(name, sizeof(name));
			target_set(&t, round % 5 ? name : "a.x",
				   round % 5 ? len : 3,
				   (uint16_t)(1 + next_random() % 105), false);
			rule = policy_judge(p, &t, now);
			assert_int_equal(rule ? rule->line : 0,
					 slow_line_for(p, &t, now));
		}
		policy_unref(p);
		sbuf_free(&text);
	}
}

/* Whatever the path, FILE:LINE fits into a value of the log, line and all. */
static void places_of_rules_keep_their_line(void **state)
{
	static const struct {
		const char *byte;
		size_t count, kept;
	} rows[] = {
		{"a", 9, 9},      {"a", 487, 487},  {"a", 488, 487},
		{"a", 5000, 487}, {"\xc3", 82, 81}, {"\"", 300, 243},
	};

	(void)state;
	for (size_t i = 0; i < BASE_LEN(rows); i++) {
		struct sbuf path = {0}, expected = {0};
		struct rule r = {.line = UINT32_MAX};
		char out[POLICY_WHERE_MAX];

		for (size_t k = 0; k < rows[i].count; k++)
			sbuf_puts(&path, rows[i].byte);
		r.file = path.data;
		if (rows[i].kept < rows[i].count)
			sbuf_puts(&expected, "...");
		sbuf_puts(&expected, path.data + rows[i].count - rows[i].kept);
		sbuf_puts(&expected, ":4294967295");
		policy_where(&r, out);
		assert_string_equal(out, expected.data);
		sbuf_free(&path);
		sbuf_free(&expected);
	}
}

/* What a user might paste: each must be quick, by whatever route. */
static void large_policies_stay_quick(void **state)
{
	static const char *const shapes[] = {
		"host-%u.example.org:443\n",
		"*.wild-%u.example.org:443\n",
		"one.example.org:%u\n",
		"one.example.org:%u-65535\n",
		"one.example.org:443 until=2099-01-01T00:00Z why=\"%u\"\n",
	};
	size_t shape;

	(void)state;
	for (shape = 0; shape < BASE_LEN(shapes); shape++) {
		struct sbuf text = {0};
		uint64_t start = base_mono_ms();
		struct policy *p;
		unsigned int i;

		for (i = 0; i < 100000; i++) {
/* The shapes above each take one number. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			sbuf_printf(&text, shapes[shape],
				    shape == 2 || shape == 3 ? 1 + i % 65534
							     : i);
#pragma GCC diagnostic pop
		}
		p = build(text.data);
		for (i = 0; i < 20000; i++)
			judge(p, i % 2 ? "host-77.example.org:443"
				       : "one.example.org:65535");
		assert_int_equal(policy_rule_count(p), 100000);
		policy_unref(p);
		sbuf_free(&text);
		/* Anything quadratic takes minutes, sanitizers included. */
		assert_true(base_mono_ms() - start < 20000);
	}
}

int main(void)
{
#define POLICY_TEST(name) \
	cmocka_unit_test_setup_teardown(name, policy_setup, policy_teardown)
	static const struct CMUnitTest tests[] = {
		POLICY_TEST(targets_have_one_spelling),
		POLICY_TEST(malformed_targets_are_refused),
		POLICY_TEST(hosts_and_wildcards_cover_what_they_say),
		POLICY_TEST(ports_are_covered_as_written),
		POLICY_TEST(most_specific_rule_counts),
		POLICY_TEST(any_port_comes_behind_every_range),
		POLICY_TEST(attributes_are_taken),
		POLICY_TEST(defaults_come_from_the_options),
		POLICY_TEST(malformed_rules_are_faults),
		POLICY_TEST(messages_help),
		POLICY_TEST(warnings_do_not_refuse),
		POLICY_TEST(lines_end_as_editors_end_them),
		POLICY_TEST(long_lines_and_nul_bytes_are_faults),
		POLICY_TEST(rules_end_when_their_time_comes),
		POLICY_TEST(names_are_covered_on_whatever_port),
		POLICY_TEST(names_of_many_labels_are_found),
		POLICY_TEST(policies_that_fail_their_tests_are_refused),
		POLICY_TEST(presets_are_read_from_their_folder),
		POLICY_TEST(presets_are_installed_ones_by_default),
		POLICY_TEST(usage_goes_on_where_the_text_is_the_same),
		POLICY_TEST(usage_goes_on_among_the_rules_of_a_host),
		POLICY_TEST(rules_of_one_text_share_their_usage),
		POLICY_TEST(policies_are_shared_by_reference),
		POLICY_TEST(guard_refuses_what_is_not_global),
		POLICY_TEST(guard_keeps_the_order_of_exceptions),
		POLICY_TEST(denied_ranges_hold_behind_translators),
		POLICY_TEST(own_listeners_are_never_a_destination),
		POLICY_TEST(options_are_set_and_copied),
		POLICY_TEST(index_agrees_with_a_slow_reading),
		POLICY_TEST(places_of_rules_keep_their_line),
		POLICY_TEST(large_policies_stay_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
