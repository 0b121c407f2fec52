/* SPDX-License-Identifier: MIT */
/* load.c - the load generator of the bench; `load help` lists what it does */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/flow.h"
#include "tests/bench/net.h"

#define EVENTS 256
#define TEXT_MAX 8192
#define MILLISECOND 1000000U
/* Exchanges of `tls' behind the ClientHello and its answer. */
#define TLS_TURNS 2
/* How long requests that were begun in time may still take. */
#define GRACE (5000ULL * MILLISECOND)

static const char usage[] =
	"Usage: load MODE --at ADDR:PORT [OPTION]...\n"
	"\n"
	"Modes; each but `http' asks through a tunnel:\n"
	"  tunnel    open, GET, close, again and again\n"
	"  refused   CONNECT that must be refused\n"
	"  http      GET in absolute form on kept connections\n"
	"  upload    like tunnel, with a body of --bytes\n"
	"  pingpong  64 bytes there and back on kept tunnels\n"
	"  tls       what a TLS client does: a ClientHello as large as a\n"
	"            browser's, 4 kB back, two small exchanges, close\n"
	"  idle      tunnels that stay open until stdin ends; with --bytes,\n"
	"            after so many each way\n"
	"  halfopen  heads that never end, until stdin ends\n"
	"\n"
	"Options:\n"
	"  --at ADDR:PORT      where to connect\n"
	"  --target HOST:PORT  what to ask the proxy for\n"
	"  --direct            open no tunnel: --at is not an HTTP proxy\n"
	"  --hello NAME        begin with a ClientHello that names NAME, as\n"
	"                      large as curl's\n"
	"  --conns N           connections at once (1)\n"
	"  --time MS           how long (1000)\n"
	"  --count N           how many requests, instead\n"
	"  --bytes N           size of a body (128)\n"
	"  --refusal STATUS    what a refusal is: a status (403), or `close'\n"
	"\n"
	"One JSON object on stdout tells what came of it.  Status 1 if a\n"
	"request failed.\n";

enum load_mode {
	LOAD_TUNNEL,
	LOAD_REFUSED,
	LOAD_HTTP,
	LOAD_UPLOAD,
	LOAD_PINGPONG,
	LOAD_TLS,
	LOAD_IDLE,
	LOAD_HALFOPEN,
	LOAD__COUNT,
};

static const char *const mode_names[LOAD__COUNT] = {
	[LOAD_TUNNEL] = "tunnel",     [LOAD_REFUSED] = "refused",
	[LOAD_HTTP] = "http",         [LOAD_UPLOAD] = "upload",
	[LOAD_PINGPONG] = "pingpong", [LOAD_TLS] = "tls",
	[LOAD_IDLE] = "idle",         [LOAD_HALFOPEN] = "halfopen",
};

/**
 * struct load - a run as the command line asks for it
 * @carry: whether --bytes was given
 * @open:  text of plan.open
 * @first: text of plan.first; @next points into it
 */
struct load {
	enum load_mode mode;
	const char *at;
	const char *target;
	const char *hello;
	const char *refusal;
	bool direct;
	bool carry;
	uint64_t conns;
	uint64_t time;
	uint64_t count;
	uint64_t bytes;
	char open[TEXT_MAX];
	char first[TEXT_MAX];
	struct plan plan;
	struct tally tally;
};

static struct load load = {
	.target = "origin.test:80",
	.conns = 1,
	.time = 1000,
	.bytes = 128,
	.refusal = "403",
};

static void load_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"at", 1, NULL, 'a'},      {"target", 1, NULL, 't'},
		{"hello", 1, NULL, 'h'},   {"direct", 0, NULL, 'd'},
		{"conns", 1, NULL, 'c'},   {"time", 1, NULL, 'm'},
		{"count", 1, NULL, 'n'},   {"bytes", 1, NULL, 'b'},
		{"refusal", 1, NULL, 'r'}, {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a')
			load.at = optarg;
		else if (c == 't')
			load.target = optarg;
		else if (c == 'h')
			load.hello = optarg;
		else if (c == 'd')
			load.direct = true;
		else if (c == 'c')
			load.conns = net_number(optarg);
		else if (c == 'm')
			load.time = net_number(optarg);
		else if (c == 'n')
			load.count = net_number(optarg);
		else if (c == 'b')
			load.bytes = net_number(optarg);
		else if (c == 'r')
			load.refusal = optarg;
		else
			exit(2);
		load.carry |= c == 'b';
	}
	if (!load.at || optind != argc || !load.conns) {
		fputs(usage, stderr);
		exit(2);
	}
}

static void load_mode(const char *name)
{
	size_t i;

	if (!strcmp(name, "help")) {
		fputs(usage, stdout);
		exit(0);
	}
	for (i = 0; i < LOAD__COUNT && strcmp(name, mode_names[i]) != 0; i++)
		;
	if (i == LOAD__COUNT) {
		fputs(usage, stderr);
		exit(2);
	}
	load.mode = (enum load_mode)i;
}

/* The request of the mode; returns its length. */
static size_t load_request(char *to, size_t size)
{
	const unsigned long long bytes = load.bytes;
	int len = 0;

	switch (load.mode) {
	case LOAD_TUNNEL:
		len = snprintf(to, size,
			       "GET /%llu HTTP/1.1\r\nHost: %s\r\n\r\n", bytes,
			       load.target);
		break;
	case LOAD_HTTP:
		len = snprintf(
			to, size,
			"GET http://%s/%llu HTTP/1.1\r\nHost: %s\r\n\r\n",
			load.target, bytes, load.target);
		break;
	case LOAD_UPLOAD:
		len = snprintf(to, size,
			       "POST / HTTP/1.1\r\nHost: %s\r\n"
			       "Content-Length: %llu\r\n\r\n",
			       load.target, bytes);
		break;
	case LOAD_IDLE:
		if (load.carry)
			len = snprintf(to, size,
				       "POST /%llu HTTP/1.1\r\nHost: %s\r\n"
				       "Content-Length: %llu\r\n\r\n",
				       bytes, load.target, bytes);
		break;
	case LOAD_TLS:
	case LOAD_PINGPONG:
		len = snprintf(to, size, "%064d", 0);
		break;
	case LOAD_HALFOPEN:
		len = snprintf(to, size,
			       "CONNECT %s HTTP/1.1\r\nHost: ", load.target);
		break;
	case LOAD_REFUSED:
	case LOAD__COUNT:
		break;
	}
	return (size_t)len;
}

/* The ClientHello goes alone, as it does where it is waited for. */
static void load_tls(struct plan *p, size_t hello)
{
	p->first_len = hello;
	p->greeting = NET_FLIGHT;
	p->echo = p->next_len;
	p->turns = TLS_TURNS;
}

static void load_plan(void)
{
	struct plan *p = &load.plan;
	size_t hello = 0;

	p->at = net_address(load.at);
	if (!load.direct && load.mode != LOAD_HTTP &&
	    load.mode != LOAD_HALFOPEN) {
		p->open_len = (size_t)snprintf(
			load.open, TEXT_MAX,
			"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", load.target,
			load.target);
		p->open = load.open;
	}
	if (load.mode == LOAD_TLS && !load.hello)
		net_die("--hello is needed");
	if (load.hello)
		hello = net_hello((uint8_t *)load.first, TEXT_MAX / 2,
				  load.hello,
				  load.mode == LOAD_TLS ? NET_HELLO_BROWSER
							: NET_HELLO_CURL);
	p->first = load.first;
	p->next = load.first + hello;
	p->next_len = load_request(load.first + hello, TEXT_MAX - hello);
	p->first_len = hello + p->next_len;
	if (load.mode == LOAD_HALFOPEN && hello)
		p->first_len = hello / 2;
	p->use = load.mode == LOAD_IDLE && load.carry;
	p->upload = load.mode == LOAD_UPLOAD || p->use ? load.bytes : 0;
	p->echo = load.mode == LOAD_PINGPONG ? p->next_len : 0;
	p->greeting = p->echo;
	if (load.mode == LOAD_TLS)
		load_tls(p, hello);
	p->keep = load.mode == LOAD_PINGPONG || load.mode == LOAD_HTTP;
	p->refused = load.mode == LOAD_REFUSED;
	p->refusal = strcmp(load.refusal, "close") ? load.refusal : NULL;
	p->hold = load.mode == LOAD_IDLE || load.mode == LOAD_HALFOPEN;
	p->count = load.mode == LOAD_IDLE ? load.conns : load.count;
	p->until = net_now() + load.time * MILLISECOND;
	if (p->hold || p->count)
		p->until = UINT64_MAX - GRACE;
}

static void load_wait(int epoll, int milliseconds)
{
	struct epoll_event events[EVENTS];
	int i, n;

	n = epoll_wait(epoll, events, EVENTS, milliseconds);
	for (i = 0; i < n; i++) {
		if (events[i].data.ptr)
			flow_event(events[i].data.ptr, events[i].events);
		else
			load.plan.until = 0;
	}
}

/* Holds what was opened; "ready" once all is there. */
static void load_hold(int epoll)
{
	struct epoll_event event = {.events = EPOLLIN};
	bool told = false;

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event))
		net_die("stdin must be a pipe");
	while (load.plan.until && load.tally.live) {
		if (!told && load.tally.held == load.tally.live) {
			told = true;
			puts("ready");
			fflush(stdout);
		}
		load_wait(epoll, -1);
	}
}

static void load_run(int epoll)
{
	while (load.tally.live && net_now() < load.plan.until + GRACE)
		load_wait(epoll, 100);
	/* What is not over by now never will be. */
	load.tally.errors += load.tally.live;
}

static void load_print(uint64_t took)
{
	const struct tally *t = &load.tally;
	const double seconds = (double)took / 1e9;

	printf("{\"mode\": \"%s\", \"done\": %llu, \"errors\": %llu, "
	       "\"opened\": %llu, \"held\": %llu, \"bytes\": %llu, "
	       "\"seconds\": %.6f, \"rate\": %.1f, \"p50_us\": %.2f, "
	       "\"p99_us\": %.2f, \"max_us\": %.2f}\n",
	       mode_names[load.mode], (unsigned long long)t->done,
	       (unsigned long long)t->errors, (unsigned long long)t->opened,
	       (unsigned long long)t->held, (unsigned long long)t->bytes,
	       seconds, (double)t->done / seconds,
	       (double)hist_at(&t->latency, 0.5) / 1e3,
	       (double)hist_at(&t->latency, 0.99) / 1e3,
	       (double)t->latency.most / 1e3);
}

int main(int argc, char **argv)
{
	uint64_t began;
	int epoll;

	load_mode(argc > 1 ? argv[1] : "");
	load_options(argc - 1, argv + 1);
	net_raise_files();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		net_die("epoll_create1");
	load_plan();
	began = net_now();
	if (load.count && load.count < load.conns)
		load.conns = load.count;
	flow_begin(&load.plan, &load.tally, epoll, load.conns);
	if (load.plan.hold)
		load_hold(epoll);
	else
		load_run(epoll);
	load_print(net_now() - began);
	return load.tally.errors ? 1 : 0;
}
