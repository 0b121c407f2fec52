/* SPDX-License-Identifier: MIT */
/* metrics.c - counters of one worker, and the Prometheus text of them all */
#include "metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "pen_build.h"

static const char *const reason_names[] = {
#define X(name, text) [REASON_##name] = (text),
	REASONS(X)
#undef X
};

static const char *const proto_names[] = {
	[PROTO_NONE] = "none",     [PROTO_CONNECT] = "connect",
	[PROTO_HTTP] = "http",     [PROTO_TLS] = "tls",
	[PROTO_SOCKS5] = "socks5", [PROTO_TCP] = "tcp",
};

static const char *const verdict_names[] = {
	[VERDICT_ALLOW] = "allow",
	[VERDICT_DENY] = "deny",
	[VERDICT_WOULD_DENY] = "would-deny",
	[VERDICT_ERROR] = "error",
};

/* Upper bounds in microseconds: from a cached answer to a long tunnel. */
static const uint64_t bucket_us[METRICS_BUCKETS] = {
	1000,    5000,    10000,    50000,    100000,    500000,
	1000000, 5000000, 10000000, 60000000, 600000000, 3600000000,
};

const char *reason_name(enum reason r)
{
	return reason_names[r];
}

int reason_is_refusal(enum reason r)
{
	return (r >= REASON_POLICY && r <= REASON_REVOKED) ||
	       r == REASON_TUNNEL_BYTES;
}

const char *proto_name(enum proto p)
{
	return proto_names[p];
}

const char *verdict_name(enum verdict v)
{
	return verdict_names[v];
}

void metrics_time(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < METRICS_BUCKETS && us > bucket_us[i])
		i++;
	metrics_add(&h->bucket[i], 1);
	metrics_add(&h->sum_us, us);
}

static uint64_t metrics_get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void metrics_head(struct sbuf *out, const char *name, const char *type,
			 const char *help)
{
	sbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		    type);
}

static void metrics_one(struct sbuf *out, const char *name, const char *type,
			const char *help, double value)
{
	metrics_head(out, name, type, help);
	sbuf_printf(out, "%s %.17g\n", name, value);
}

static void metrics_histogram(struct sbuf *out, const char *name,
			      const char *help, struct metrics *const *m,
			      size_t count, size_t offset)
{
	uint64_t total = 0, sum = 0;

	metrics_head(out, name, "histogram", help);
	for (size_t b = 0; b <= METRICS_BUCKETS; b++) {
		for (size_t w = 0; w < count; w++) {
			const struct histogram *h =
				(const void *)((const char *)m[w] + offset);

			total += metrics_get(&h->bucket[b]);
			if (b == 0)
				sum += metrics_get(&h->sum_us);
		}
		if (b < METRICS_BUCKETS)
			sbuf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n",
				    name, (double)bucket_us[b] / 1e6, total);
	}
	sbuf_printf(out,
		    "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n"
		    "%s_count %" PRIu64 "\n",
		    name, total, name, (double)sum / 1e6, name, total);
}

static uint64_t metrics_sum(struct metrics *const *m, size_t count,
			    size_t offset)
{
	uint64_t sum = 0;

	for (size_t w = 0; w < count; w++)
		sum += metrics_get((const void *)((const char *)m[w] + offset));
	return sum;
}

static void metrics_connections(struct sbuf *out, struct metrics *const *m,
				size_t count)
{
	metrics_head(out, "pen_proxy_connections_total", "counter",
		     "Tunnels and requests by protocol and verdict.");
	for (int p = PROTO_NONE; p < PROTO__COUNT; p++)
		for (int v = 0; v < VERDICT__COUNT; v++) {
			uint64_t n = 0;

			for (size_t w = 0; w < count; w++)
				n += metrics_get(&m[w]->connections[p][v]);
			if (n || p != PROTO_NONE)
				sbuf_printf(out,
					    "pen_proxy_connections_total{"
					    "proto=\"%s\",verdict=\"%s\"} "
					    "%" PRIu64 "\n",
					    proto_names[p], verdict_names[v],
					    n);
		}
}

static void metrics_refused(struct sbuf *out, struct metrics *const *m,
			    size_t count)
{
	metrics_head(out, "pen_proxy_denied_total", "counter",
		     "Refusals by reason.");
	for (int r = REASON_NONE + 1; r < REASON__COUNT; r++) {
		uint64_t n = 0;

		if (!reason_is_refusal((enum reason)r))
			continue;
		for (size_t w = 0; w < count; w++)
			n += metrics_get(&m[w]->refused[r]);
		sbuf_printf(out,
			    "pen_proxy_denied_total{reason=\"%s\"} %" PRIu64
			    "\n",
			    reason_names[r], n);
	}
}

static double metrics_open_fds(void)
{
	DIR *d = opendir("/dev/fd");
	double n = 0;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the folder's own */
}

/* Linux: /proc/self/statm begins with size and resident set, in pages. */
static void metrics_memory(struct sbuf *out)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	char text[128], *end = NULL;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	unsigned long size, resident;

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	size = strtoul(text, &end, 10);
	resident = strtoul(end, NULL, 10);
	metrics_one(out, "process_virtual_memory_bytes", "gauge",
		    "Virtual memory size.", (double)size * page);
	metrics_one(out, "process_resident_memory_bytes", "gauge",
		    "Resident memory size.", (double)resident * page);
}

/* What Prometheus calls the process metrics of a client library. */
static void metrics_process(struct sbuf *out, const struct metrics_extra *extra,
			    size_t worker_count)
{
	struct rusage ru;
	struct rlimit rl;

	if (getrusage(RUSAGE_SELF, &ru) == 0)
		metrics_one(out, "process_cpu_seconds_total", "counter",
			    "User and system CPU time.",
			    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
				    (double)(ru.ru_utime.tv_usec +
					     ru.ru_stime.tv_usec) /
					    1e6);
	metrics_memory(out);
	if (getrlimit(RLIMIT_AS, &rl) == 0)
		metrics_one(out, "process_virtual_memory_max_bytes", "gauge",
			    "Limit of the virtual memory size.",
			    (double)rl.rlim_cur);
	metrics_one(out, "process_open_fds", "gauge", "Open descriptors.",
		    metrics_open_fds());
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		metrics_one(out, "process_max_fds", "gauge",
			    "Limit of open descriptors.", (double)rl.rlim_cur);
	metrics_one(out, "process_start_time_seconds", "gauge",
		    "Start time since the epoch.", extra->start_time);
	metrics_one(out, "process_threads", "gauge",
		    "Threads: the workers and the one that controls them.",
		    (double)worker_count + 1);
}

void metrics_write(struct sbuf *out, struct metrics *const *m, size_t count,
		   const struct metrics_extra *extra)
{
	metrics_connections(out, m, count);
	metrics_one(out, "pen_proxy_connections_active", "gauge",
		    "Client connections that are open now.",
		    (double)metrics_sum(m, count,
					offsetof(struct metrics, active)));
	metrics_refused(out, m, count);
	metrics_head(out, "pen_proxy_bytes_total", "counter",
		     "Payload bytes moved, by direction.");
	sbuf_printf(
		out,
		"pen_proxy_bytes_total{direction=\"up\"} %" PRIu64 "\n"
		"pen_proxy_bytes_total{direction=\"down\"} %" PRIu64 "\n",
		metrics_sum(m, count, offsetof(struct metrics, bytes_up)),
		metrics_sum(m, count, offsetof(struct metrics, bytes_down)));
	metrics_histogram(out, "pen_proxy_dns_seconds",
			  "Time of look-ups that went to a server.", m, count,
			  offsetof(struct metrics, dns));
	metrics_histogram(out, "pen_proxy_connect_seconds",
			  "Time to connect to the origin.", m, count,
			  offsetof(struct metrics, connect));
	metrics_histogram(out, "pen_proxy_connection_seconds",
			  "Life of tunnels and requests.", m, count,
			  offsetof(struct metrics, connection));
	metrics_one(out, "pen_proxy_policy_rules", "gauge", "Rules in force.",
		    (double)extra->rules);
	metrics_head(out, "pen_proxy_policy_reloads_total", "counter",
		     "Reloads of the policy by result.");
	sbuf_printf(out,
		    "pen_proxy_policy_reloads_total{result=\"ok\"} %" PRIu64
		    "\npen_proxy_policy_reloads_total{result=\"failed\"} "
		    "%" PRIu64 "\n",
		    extra->reloads_ok, extra->reloads_failed);
	metrics_one(out, "pen_proxy_log_dropped_total", "counter",
		    "Log lines lost to the rate limit or to failed writes.",
		    (double)extra->log_dropped);
	metrics_one(out, "pen_proxy_audit_lost_total", "counter",
		    "Audit lines that no sink took.",
		    (double)extra->audit_lost);
	metrics_head(out, "pen_proxy_build_info", "gauge",
		     "The version, as a label.");
	sbuf_printf(out, "pen_proxy_build_info{version=\"%s\"} 1\n",
		    PEN_VERSION);
	metrics_process(out, extra, count);
}
