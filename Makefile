# SPDX-License-Identifier: MIT
# Makefile - builds, tests and installs pen; `make help` lists the targets
#
# One file, not recursive, for GNU make 3.81 and later.  Objects of a mode
# live in build/$(MODE)/, so modes never mix.  Source lists are explicit: a
# new file is a line here.  A setting of the user's (CFLAGS, LDFLAGS) comes
# last on the command line and so wins.

MODE ?= release
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/libexec
MANDIR ?= $(PREFIX)/share/man
DESTDIR ?=
PKG_CONFIG ?= pkg-config
CFLAGS ?=
LDFLAGS ?=
INSTALL ?= install
# How many tests, and how many lint jobs, run side by side.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# `make fuzz FUZZ=hello TIME=60` fuzzes one target for a minute.
FUZZ ?=
TIME ?= 60

OS := $(shell uname -s)
B := build/$(MODE)
Q := $(if $(filter-out 0,$(V)),,@)

# ---------------------------------------------------------------------------
# Sources.  proxy/ is listed floor by floor; a file includes headers of lower
# floors, and of what stands before it on its own.  `make lint` reads the floors
# from these seven lists.

PROXY_FLOOR_0 := proxy/base.c proxy/arena.c proxy/sink.c proxy/log.c \
	proxy/audit.c proxy/metrics.c
PROXY_FLOOR_1 := proxy/name.c proxy/addr.c proxy/addr_class.c proxy/http1.c \
	proxy/http1_field.c proxy/http1_chunks.c proxy/hello.c proxy/socks5.c \
	proxy/dnsmsg.c
PROXY_FLOOR_2 := proxy/policy_options.c proxy/config.c \
	proxy/config_keys.c proxy/config_net.c proxy/policy.c proxy/policy_index.c \
	proxy/policy_guard.c proxy/policy_usage.c proxy/target.c proxy/rules.c \
	proxy/policy_priv.h \
	proxy/config_priv.h proxy/policy_hash.h
PROXY_FLOOR_3 := proxy/clients.c proxy/names.c proxy/loop.c proxy/loop_timer.c \
	proxy/resolve_channel.c proxy/resolve_cache.c proxy/resolve.c \
	proxy/resolve_priv.h proxy/dial.c proxy/relay.c
PROXY_FLOOR_4 := proxy/conn.c proxy/conn_talk.c proxy/conn_reach.c \
	proxy/conn_tunnel.c proxy/conn_forward.c proxy/conn_request.c \
	proxy/conn_response.c proxy/conn_answer.c proxy/conn_log.c
PROXY_FLOOR_5 := proxy/listen.c proxy/reload.c proxy/dnsserve.c \
	proxy/confine_files.c proxy/confine_calls.c proxy/confine.c \
	proxy/confine_priv.h proxy/worker.c proxy/admin.c \
	proxy/admin_report.c proxy/admin_check.c proxy/admin_events.c \
	proxy/admin_priv.h
PROXY_FLOOR_6 := proxy/server.c proxy/main.c
# A header without a source of the same name is listed, too.
PROXY_SRCS := $(filter %.c,$(foreach n,0 1 2 3 4 5 6,$(PROXY_FLOOR_$(n))))

# Linux only.
JAIL_SRCS := jail/bwrap.c jail/capture.c jail/check.c jail/client.c \
	jail/control.c jail/endpoint.c jail/env.c jail/exec.c jail/filter.c \
	jail/hostetc.c jail/init.c jail/janitor.c jail/limits.c jail/loop.c \
	jail/main.c jail/netlink.c jail/netns.c jail/options.c jail/paths.c \
	jail/procs.c jail/proxy.c jail/relay.c jail/run.c jail/sandbox.c \
	jail/session.c jail/setup.c jail/stage.c jail/start.c jail/stats.c \
	jail/userns.c jail/util.c

# libc alone: it runs as root.
PFWRAP_SRCS := pfwrap/apply.c pfwrap/args.c pfwrap/iface.c pfwrap/main.c \
	pfwrap/ruleset.c pfwrap/state.c

# Unit tests: tests/unit/test_NAME.c is linked with cmocka and with the
# sources that its line names, and with no others.
test_policy_memory_SRCS := proxy/base.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c proxy/target.c proxy/policy_guard.c proxy/rules.c
test_policy_SRCS := proxy/base.c proxy/arena.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c proxy/target.c proxy/policy.c proxy/policy_index.c \
	proxy/policy_guard.c proxy/policy_usage.c proxy/policy_options.c \
	proxy/rules.c
test_config_SRCS := proxy/base.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c proxy/target.c proxy/policy_options.c proxy/config.c \
	proxy/config_keys.c proxy/config_net.c
test_audit_SRCS := proxy/base.c proxy/sink.c proxy/log.c proxy/audit.c
test_log_SRCS := proxy/base.c proxy/sink.c proxy/log.c
test_base_SRCS := proxy/base.c
test_loop_io_SRCS := proxy/loop.c proxy/loop_timer.c proxy/base.c
test_loop_timer_SRCS := proxy/loop.c proxy/loop_timer.c proxy/base.c
test_confine_SRCS := proxy/confine.c proxy/confine_files.c \
	proxy/confine_calls.c proxy/base.c proxy/arena.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c $(filter %.c,$(PROXY_FLOOR_2))
test_name_SRCS := proxy/name.c
test_addr_SRCS := proxy/addr.c
test_addr_class_SRCS := proxy/addr_class.c proxy/addr.c
test_http1_SRCS := proxy/http1.c proxy/http1_field.c
test_http1_response_SRCS := proxy/http1.c proxy/http1_field.c
test_http1_chunks_SRCS := proxy/http1_chunks.c proxy/http1_field.c
test_hello_SRCS := proxy/hello.c
test_socks5_SRCS := proxy/socks5.c proxy/addr.c
test_dnsmsg_SRCS := proxy/dnsmsg.c proxy/name.c proxy/addr.c
test_pfargs_SRCS := pfwrap/args.c pfwrap/iface.c pfwrap/ruleset.c

test_jail_options_SRCS := jail/options.c jail/util.c
test_jail_control_SRCS := jail/control.c jail/util.c
test_jail_paths_SRCS := jail/paths.c jail/util.c
test_jail_limits_SRCS := jail/limits.c jail/util.c
test_jail_bwrap_SRCS := jail/bwrap.c jail/env.c jail/hostetc.c jail/procs.c \
	jail/stage.c jail/stats.c jail/util.c

# Fuzz targets: tests/fuzz/fuzz_NAME.c and what its line names.  Their corpora
# are tests/fuzz/corpus/NAME/.
fuzz_policy_SRCS := proxy/base.c proxy/arena.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c proxy/target.c proxy/policy.c proxy/policy_index.c \
	proxy/policy_guard.c proxy/policy_usage.c proxy/policy_options.c \
	proxy/rules.c
fuzz_config_SRCS := proxy/base.c proxy/name.c proxy/addr.c \
	proxy/addr_class.c proxy/target.c proxy/policy_options.c proxy/config.c \
	proxy/config_keys.c proxy/config_net.c
fuzz_name_SRCS := proxy/name.c
fuzz_jail_control_SRCS := jail/control.c jail/procs.c jail/util.c
fuzz_addr_SRCS := proxy/addr.c proxy/addr_class.c
fuzz_http1_SRCS := proxy/http1.c proxy/http1_field.c proxy/http1_chunks.c
fuzz_hello_SRCS := proxy/hello.c
fuzz_socks5_SRCS := proxy/socks5.c proxy/addr.c
fuzz_dnsmsg_SRCS := proxy/dnsmsg.c proxy/name.c proxy/addr.c
fuzz_pfargs_SRCS := pfwrap/args.c
fuzz_pflist_SRCS := pfwrap/args.c pfwrap/ruleset.c

# Programs of the bench: $(B)/bench/NAME from the sources that its line names.
bench_origin_SRCS := tests/bench/origin.c tests/bench/dns.c tests/bench/net.c
bench_bare_SRCS := tests/bench/bare.c tests/bench/net.c
bench_load_SRCS := tests/bench/load.c tests/bench/flow.c tests/bench/hist.c \
	tests/bench/net.c
bench_probe_SRCS := tests/bench/probe.c tests/bench/net.c

UNIT_TESTS := $(sort $(patsubst test_%_SRCS,%,$(filter test_%_SRCS,\
	$(.VARIABLES))))
FUZZ_TARGETS := $(sort $(patsubst fuzz_%_SRCS,%,$(filter fuzz_%_SRCS,\
	$(.VARIABLES))))
BENCH_PROGRAMS := $(sort $(patsubst bench_%_SRCS,%,$(filter bench_%_SRCS,\
	$(.VARIABLES))))

# A program is built once its main.c is listed.
PROGRAMS := $(if $(filter proxy/main.c,$(PROXY_SRCS)),pen-proxy) pen-pfctl
ifeq ($(OS),Linux)
PROGRAMS += $(if $(filter jail/main.c,$(JAIL_SRCS)),pen-jail)
endif

MAN_PAGES := $(wildcard doc/man/*.[1-9])

# ---------------------------------------------------------------------------
# Flags.

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wformat=2 -Wconversion -Wvla
WERROR_FLAG := $(if $(filter-out 0,$(WERROR)),-Werror)

ifeq ($(MODE),release)
MODE_CFLAGS := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
else ifeq ($(MODE),debug)
MODE_CFLAGS := -O0 -g3
else ifeq ($(MODE),asan)
SANITIZE := -fsanitize=address
else ifeq ($(MODE),ubsan)
SANITIZE := -fsanitize=undefined -fno-sanitize-recover=all
else ifeq ($(MODE),tsan)
SANITIZE := -fsanitize=thread
else ifeq ($(MODE),cov)
MODE_CFLAGS := -O0 -g --coverage -fprofile-update=atomic
MODE_LDFLAGS := --coverage
else ifeq ($(MODE),fuzz)
CC := clang
SANITIZE := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
else
$(error MODE=$(MODE): use release, debug, asan, ubsan, tsan, cov or fuzz)
endif
ifdef SANITIZE
MODE_CFLAGS := -O1 -g -fno-omit-frame-pointer $(SANITIZE)
MODE_LDFLAGS := $(SANITIZE)
endif

# build/include/pen_build.h defines PEN_VERSION and PEN_PRESET_DIR.
PEN_CPPFLAGS := -D_GNU_SOURCE -I. -Ibuild/include
PEN_CFLAGS := -std=c11 $(WARNINGS) $(WERROR_FLAG) -fPIE \
	-fstack-protector-strong -pthread $(MODE_CFLAGS)
PEN_LDFLAGS := -pthread $(MODE_LDFLAGS)
ifeq ($(OS),Linux)
PEN_LDFLAGS += -pie -Wl,-z,relro,-z,now -Wl,--as-needed
endif

# Asked once, when the first recipe needs it: `make help` and `make deps` work
# where none of these is installed.  System headers are not ours to warn about.
pkg = $(subst -I/,-isystem /,$(shell $(PKG_CONFIG) $(1)))
PROXY_PKGS := libevent_core libevent_pthreads libcares inih
PROXY_CFLAGS = $(eval PROXY_CFLAGS := $(call pkg,--cflags \
	$(PROXY_PKGS)))$(PROXY_CFLAGS)
PROXY_LIBS = $(eval PROXY_LIBS := $(call pkg,--libs \
	$(PROXY_PKGS)))$(PROXY_LIBS)
JAIL_CFLAGS = $(eval JAIL_CFLAGS := $(call pkg,--cflags \
	libseccomp))$(JAIL_CFLAGS)
JAIL_LIBS = $(eval JAIL_LIBS := $(call pkg,--libs libseccomp))$(JAIL_LIBS)
TEST_CFLAGS = $(eval TEST_CFLAGS := $(call pkg,--cflags cmocka))$(TEST_CFLAGS)
TEST_LIBS = $(eval TEST_LIBS := $(call pkg,--libs cmocka))$(TEST_LIBS)

# The flags and libraries of a source go by its folder.
cflags_of = $(PEN_CPPFLAGS) $(PEN_CFLAGS) \
	$(if $(filter proxy/% tests/%,$(1)),$(PROXY_CFLAGS)) \
	$(if $(filter jail/%,$(1)),$(JAIL_CFLAGS)) \
	$(if $(filter tests/unit/%,$(1)),$(TEST_CFLAGS)) $(CFLAGS)
libs_of = $(if $(filter proxy/%,$(1)),$(PROXY_LIBS)) \
	$(if $(filter jail/%,$(1)),$(JAIL_LIBS))
objs_of = $(patsubst %.c,$(B)/%.o,$(1))

# ---------------------------------------------------------------------------
# Building.

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all
all: $(addprefix $(B)/,$(PROGRAMS))

ALL_SRCS := $(PROXY_SRCS) $(JAIL_SRCS) $(PFWRAP_SRCS)
ALL_SRCS += $(foreach t,$(UNIT_TESTS),tests/unit/test_$(t).c $(test_$(t)_SRCS))
ALL_SRCS += $(foreach t,$(FUZZ_TARGETS),tests/fuzz/fuzz_$(t).c \
	$(fuzz_$(t)_SRCS))
ALL_SRCS += $(if $(FUZZ_TARGETS),tests/fuzz/replay.c)
ALL_SRCS += $(foreach t,$(BENCH_PROGRAMS),$(bench_$(t)_SRCS))
ALL_SRCS := $(sort $(ALL_SRCS))
ALL_OBJS := $(call objs_of,$(ALL_SRCS))

# The goals of a newcomer install what is missing before anything is compiled;
# any other goal only says what is missing.
DEPS_GOALS := demo check deps
DEPS_STEP := $(if $(filter $(DEPS_GOALS),$(MAKECMDGOALS)),deps,deps-probe)

$(ALL_OBJS): $(B)/%.o: %.c | $(DEPS_STEP) build/include/pen_build.h
	@mkdir -p $(@D)
	@$(if $(Q),echo "  CC      $@")
	$(Q)$(CC) $(call cflags_of,$<) -MMD -MP -c -o $@ $<

$(B)/pen-proxy: $(call objs_of,$(PROXY_SRCS))
$(B)/pen-jail: $(call objs_of,$(JAIL_SRCS))
$(B)/pen-pfctl: $(call objs_of,$(PFWRAP_SRCS))
$(B)/pen-proxy $(B)/pen-jail $(B)/pen-pfctl:
	@$(if $(Q),echo "  LINK    $@")
	$(Q)$(CC) $(PEN_CFLAGS) $(CFLAGS) $(PEN_LDFLAGS) -o $@ $^ \
		$(call libs_of,$(patsubst $(B)/%,%,$^)) $(LDFLAGS)

define unit_rule
$(B)/tests/test_$(1): $(call objs_of,tests/unit/test_$(1).c $(test_$(1)_SRCS))
	@mkdir -p $$(@D)
	@$$(if $$(Q),echo "  LINK    $$@")
	$$(Q)$$(CC) $$(PEN_CFLAGS) $$(CFLAGS) $$(PEN_LDFLAGS) -o $$@ $$^ \
		$$(call libs_of,$(test_$(1)_SRCS)) $$(TEST_LIBS) $$(LDFLAGS)
endef
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_rule,$(t))))

# In MODE=fuzz libFuzzer brings its own main(), in the other modes replay.c is
# the main() that runs every file of a corpus once.
FUZZ_MAIN := $(if $(filter fuzz,$(MODE)),,tests/fuzz/replay.c)
FUZZ_LDFLAGS := $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer)
define fuzz_rule
$(B)/fuzz/fuzz_$(1): $(call objs_of,tests/fuzz/fuzz_$(1).c $(FUZZ_MAIN) \
	$(fuzz_$(1)_SRCS))
	@mkdir -p $$(@D)
	@$$(if $$(Q),echo "  LINK    $$@")
	$$(Q)$$(CC) $$(PEN_CFLAGS) $$(CFLAGS) $$(PEN_LDFLAGS) $$(FUZZ_LDFLAGS) \
		-o $$@ $$^ $$(call libs_of,$(fuzz_$(1)_SRCS)) $$(LDFLAGS)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(t))))

define bench_rule
$(B)/bench/$(1): $(call objs_of,$(bench_$(1)_SRCS))
	@mkdir -p $$(@D)
	@$$(if $$(Q),echo "  LINK    $$@")
	$$(Q)$$(CC) $$(PEN_CFLAGS) $$(CFLAGS) $$(PEN_LDFLAGS) -o $$@ $$^ $$(LDFLAGS)
endef
$(foreach t,$(BENCH_PROGRAMS),$(eval $(call bench_rule,$(t))))

UNIT_BINS := $(patsubst %,$(B)/tests/test_%,$(UNIT_TESTS))
BENCH_BINS := $(addprefix $(B)/bench/,$(BENCH_PROGRAMS))
FUZZ_BINS := $(patsubst %,$(B)/fuzz/fuzz_%,$(FUZZ_TARGETS))

-include $(ALL_OBJS:.o=.d)

# The version comes from the tags, in a tree without git from the file that
# `make dist` writes.  The header is touched only when its text changes.
VERSION_CMD := git describe --tags --match 'v[0-9]*' 2>/dev/null || \
	cat VERSION 2>/dev/null || \
	echo "0.0.0-g$$(git rev-parse --short HEAD 2>/dev/null || echo none)"
build/include/pen_build.h: FORCE
	@mkdir -p $(@D)
	@{ echo "/* Written by the Makefile. */"; \
	   printf '#define PEN_VERSION "%s"\n' "$$($(VERSION_CMD))"; \
	   printf '#define PEN_PRESET_DIR "%s"\n' \
		'$(LIBEXECDIR)/pen/penctl/presets'; } >$@.$$$$ && \
	if cmp -s $@.$$$$ $@; then rm -f $@.$$$$; else mv -f $@.$$$$ $@; fi

.PHONY: FORCE
FORCE:

compile_commands.json: Makefile build/include/pen_build.h
	@{ echo '['; sep=; \
	$(foreach s,$(ALL_SRCS),printf '%s{"directory":"%s","file":"%s","command":"%s"}\n' \
		"$$sep" '$(CURDIR)' '$(s)' \
		'$(CC) $(strip $(call cflags_of,$(s))) -c $(s)'; sep=,;) \
	echo ']'; } >$@

# ---------------------------------------------------------------------------
# Packages.

.PHONY: deps deps-probe
deps:
	@./.ci/deps install build run test

deps-probe:
	@./.ci/deps probe build

# ---------------------------------------------------------------------------
# Tests.  Every runner writes TAP to build/results/, which `make rows` and
# .ci/run read.

RUN_ENV = PEN_BUILD='$(CURDIR)/$(B)' PEN_PROXY='$(CURDIR)/$(B)/pen-proxy' \
	PEN_JAIL='$(CURDIR)/$(B)/pen-jail' PEN_MODE='$(MODE)' JOBS='$(JOBS)' \
	PEN_PFCTL='$(CURDIR)/$(B)/pen-pfctl'
# Without a MODE of the user's, corpora are replayed under AddressSanitizer.
REPLAY_MODE := $(if $(filter file,$(origin MODE)),asan,$(MODE))

.PHONY: check check-unit check-e2e check-penctl check-bash32 fuzz fuzz-build fuzz-replay
.PHONY: fuzz-replay-here cov rows demo build-tests check-threads check-golden
.PHONY: cross-macos check-containers
# Where a suite fails the others are run all the same, one after another.
# The tests with container daemons are long, and of shell scripts: once is enough.
CHECK_SUITES := check-unit check-golden fuzz-replay check-e2e check-penctl \
	$(if $(filter release,$(MODE)),check-containers)
check: deps
	@$(MAKE) --no-print-directory -k $(CHECK_SUITES)

check-unit: $(UNIT_BINS)
	@$(RUN_ENV) tests/run/suite.sh unit $(UNIT_BINS)

check-golden: $(B)/pen-pfctl
	@$(RUN_ENV) tests/run/suite.sh golden tests/golden/pfwrap/replay.sh

fuzz-replay: | $(DEPS_STEP)
	@$(MAKE) --no-print-directory MODE=$(REPLAY_MODE) fuzz-replay-here

fuzz-replay-here: $(FUZZ_BINS)
	@$(RUN_ENV) tests/run/suite.sh replay $(FUZZ_BINS)

# A second time, under a sanitizer, only what runs the programs in C themselves:
# with dockerd the kernel does the work.
E2E_TESTS := tests/e2e/proxy tests/e2e/jail $(if $(filter release,$(MODE)), \
	tests/e2e/pfwrap tests/e2e/build tests/e2e/bench, \
	$(filter-out %/docker.bats %/docker_sid.bats,$(wildcard tests/e2e/pfwrap/*.bats)))
check-e2e: all $(BENCH_BINS)
	@$(RUN_ENV) tests/run/suite.sh e2e $(E2E_TESTS)

check-penctl: all
	@$(RUN_ENV) tests/run/suite.sh penctl tests/e2e/pen tests/e2e/bindings

# The command tree by the rules of bash 3.2 (ADR 6), where most of its lines run,
# and where those for macOS alone do.
check-bash32: all
	@tests/lint/bash32-tree.sh penctl build/bash32
	@$(RUN_ENV) PEN_TREE='$(CURDIR)/build/bash32' tests/run/suite.sh bash32 \
		$(patsubst %,tests/e2e/pen/%.bats,allow_and_deny command_tree \
		config config_from_the_project egress_test logs_and_why \
		names_and_state presets run_options running_sandbox \
		stubbed_engine wrong_input) \
		$(patsubst %,tests/e2e/apple/%_on_a_mac.bats,life trouble uses)

# Real daemons in namespaces; skipped, with the reason, where that cannot be.
check-containers: all
	@$(RUN_ENV) tests/run/suite.sh containers tests/e2e/containers \
		tests/e2e/apple tests/e2e/image

fuzz-build: $(FUZZ_BINS)

build-tests: all $(UNIT_BINS) $(FUZZ_BINS) $(BENCH_BINS)

# What runs on more than one thread; meant for MODE=tsan.
check-threads: all $(UNIT_BINS)
	@$(RUN_ENV) tests/run/suite.sh unit $(UNIT_BINS)
	@$(RUN_ENV) tests/run/suite.sh threads tests/e2e/proxy/threads.bats

fuzz:
	@$(MAKE) --no-print-directory MODE=fuzz fuzz-build
	@tests/run/fuzz.sh '$(TIME)' $(if $(FUZZ),$(FUZZ),$(FUZZ_TARGETS))

cov:
	@$(MAKE) --no-print-directory MODE=cov check-unit fuzz-replay-here
	@tests/run/coverage.sh $(PROXY_FLOOR_1) $(PROXY_FLOOR_2)

# Compiles and links for arm64 macOS; the first run fetches a compiler.
cross-macos: build/include/pen_build.h
	@CROSS_PROXY='$(PROXY_SRCS)' CROSS_PFWRAP='$(PFWRAP_SRCS)' \
	CROSS_CFLAGS='$(PEN_CPPFLAGS) -std=c11 $(WARNINGS) -Werror -O2' \
		TEST_TIMEOUT=900 tests/run/suite.sh cross tests/run/cross-macos.sh

# Timings: never part of `check`.  `bench` fails where limits.tsv says so;
# `bench-quick` says what falls short, but fails only if it cannot run, so that
# .ci/run can show that it does.  BENCH names options of tests/bench/bench.py.
bench bench-quick: all $(BENCH_BINS)
	@$(RUN_ENV) tests/bench/bench.py --build '$(CURDIR)/$(B)' \
		$(if $(filter bench-quick,$@),--quick) $(BENCH)

rows:
	@tests/rows.sh

demo: deps all
	@$(RUN_ENV) tests/lab/demo.sh

# ---------------------------------------------------------------------------
# Source care.

.PHONY: lint tidy format man floors
lint: compile_commands.json
	@JOBS='$(JOBS)' tests/lint/run.sh
	@$(RUN_ENV) tests/run/suite.sh lint-self tests/lint/lint.bats

tidy: compile_commands.json
	@JOBS='$(JOBS)' tests/lint/run.sh clang-tidy

format:
	@tests/lint/run.sh --fix format shfmt

# The table of floors for `make lint`: "N proxy/file.c" a line.
floors:
	@$(foreach n,0 1 2 3 4 5 6,$(foreach f,$(PROXY_FLOOR_$(n)),echo '$(n) $(f)';)):

man: $(MAN_PAGES)
	@for page in $(MAN_PAGES); do mandoc -Tutf8 "$$page" || exit 1; done

# ---------------------------------------------------------------------------
# Installing.  The manifest names every file that was written; uninstall
# deletes these and nothing else.  pen-pfctl is installed by install.sh, as root,
# in a folder of root's.

.PHONY: install uninstall dist clean
INSTALL_ENV = DESTDIR='$(DESTDIR)' BINDIR='$(BINDIR)' \
	LIBEXECDIR='$(LIBEXECDIR)' MANDIR='$(MANDIR)' INSTALL='$(INSTALL)'

install: all
	@$(INSTALL_ENV) .ci/files install '$(B)' \
		$(filter-out pen-pfctl,$(PROGRAMS))

uninstall:
	@$(INSTALL_ENV) .ci/files uninstall

dist:
	@v=$$($(VERSION_CMD)) && mkdir -p build && echo "$$v" >build/VERSION && \
	git archive --prefix="pen-$$v/" --add-file=build/VERSION \
		-o "build/pen-$$v.tar.gz" HEAD && echo "build/pen-$$v.tar.gz"

clean:
	rm -rf build compile_commands.json

.PHONY: help
help:
	@echo 'make              build the programs (MODE=$(MODE), in $(B)/)'
	@echo 'make demo         install what is missing, build, show a sandbox'
	@echo 'make check        install what is missing, build, run every test'
	@echo 'make check-unit | check-golden | check-e2e | check-penctl | check-bash32 |'
	@echo '     check-containers | fuzz-replay    parts of it'
	@echo 'make bench        compare with other proxies; bench-quick: in a minute'
	@echo 'make cross-macos  compile and link for arm64 macOS'
	@echo 'make deps         install the packages that demo and check need'
	@echo 'make lint         formatting, warnings, static checks, house rules'
	@echo 'make format tidy man compile_commands.json'
	@echo 'make fuzz FUZZ=$(or $(firstword $(FUZZ_TARGETS)),NAME) TIME=60'
	@echo 'make cov          line coverage of the pure modules'
	@echo 'make rows         which wish is shown by which test'
	@echo 'make install uninstall   PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make dist clean'
	@echo 'MODE=release|debug|asan|ubsan|tsan|cov|fuzz  V=1  WERROR=1  JOBS=N'
