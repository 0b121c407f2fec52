#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# real_clients.bats - programs as people use them, in a sandbox: git over SSH,
# apt, npm

load common

# start_sshd - an SSH server on example.test:22, with a repository in $LAB/repo.git
# and a key in the project
start_sshd() {
  local sshd=""
  sshd=$(PATH=$PATH:/usr/sbin command -v sshd) || skip "no sshd here (openssh-server)"
  [[ $(cat /proc/self/uid_map) =~ 4294967295 ]] || skip "sshd needs more than one user id"
  mkdir -p /run/sshd "$LAB/ssh" ssh
  ssh-keygen -q -t ed25519 -N '' -f "$LAB/ssh/host"
  ssh-keygen -q -t ed25519 -N '' -f ssh/key
  cat >"$LAB/ssh/config" <<END
ListenAddress $IP1:22
HostKey $LAB/ssh/host
AuthorizedKeysFile $PWD/ssh/key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
END
  printf 'example.test %s\n' "$(cut -d ' ' -f 1-2 "$LAB/ssh/host.pub")" >ssh/known
  git init -q --bare "$LAB/repo.git"
  git init -q work
  (cd work && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first &&
    git push -q "$LAB/repo.git" HEAD:main)
  "$sshd" -D -e -f "$LAB/ssh/config" 2>"$LAB/sshd.out" 3>&- &
  printf '%s\n' $! >>"$LAB/pids"
  wait_for "listening" "$LAB/sshd.out"
}

# clone ARG... - git clone over SSH in a sandbox, the words of ssh being ARG
clone() {
  pen run --allow example.test:22 -e "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o UserKnownHostsFile=$PWD/ssh/known -i $PWD/ssh/key $*" \
    -- git clone -q -b main "ssh://$(id -un)@example.test$LAB/repo.git" cloned
}

@test "P11: git over SSH works with no set-up of the client" {
  start_sshd
  clone
  assert_eq first "$(git -C cloned log --format=%s)"
}

@test "P11: git over SSH works through the proxy by ProxyCommand" {
  command -v socat >/dev/null || skip "no socat here"
  start_sshd
  clone "-o 'ProxyCommand=socat - PROXY:127.0.0.1:%h:%p,proxyport=3128'"
  assert_eq first "$(git -C cloned log --format=%s)"
}

@test "P11: git over SSH to a host that no rule names is refused" {
  start_sshd
  run pen run --allow example.test:443 -- timeout 10 git clone "ssh://root@example.test$LAB/repo.git" cloned
  [[ $status != 0 && $status != 124 ]] || fail "status $status"
  [[ ! -e cloned ]]
  # The server runs: it is the policy that keeps the sandbox from it.
  clone
}

# start_files FOLDER - serve the files of a folder on example.test:8873
start_files() {
  (cd "$1" && exec "$PYTHON" -S -m http.server --bind "$IP1" 8873 3>&-) >"$LAB/files.out" 2>&1 &
  printf '%s\n' $! >>"$LAB/pids"
  for _ in {1..200}; do
    ! curl -s -o /dev/null "http://$IP1:8873/" || return 0
    "$PYTHON" -c 'import select; select.select([], [], [], 0.05)'
  done
  fail "no file server"
}

@test "apt loads a package from a repository that the policy names" {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "no apt here"
  mkdir -p "$LAB/repository" "$LAB/package/DEBIAN" apt/lists/partial apt/cache/archives/partial
  printf '%s\n' 'Package: pen-greeting' 'Version: 1.0' 'Architecture: all' \
    'Maintainer: nobody <nobody@example.test>' 'Description: a greeting' >"$LAB/package/DEBIAN/control"
  chmod 0755 "$LAB/package" "$LAB/package/DEBIAN"
  dpkg-deb --build "$LAB/package" "$LAB/repository/pen-greeting_1.0_all.deb" >/dev/null
  (
    cd "$LAB/repository"
    dpkg-deb -f pen-greeting_1.0_all.deb
    printf 'Filename: ./pen-greeting_1.0_all.deb\nSize: %s\nSHA256: %s\n' \
      "$(stat -c %s pen-greeting_1.0_all.deb)" "$(sha256sum pen-greeting_1.0_all.deb | cut -d ' ' -f 1)"
  ) >"$LAB/Packages"
  mv "$LAB/Packages" "$LAB/repository/Packages"
  start_files "$LAB/repository"
  printf 'deb [trusted=yes] http://example.test:8873/ ./\n' >apt/sources.list
  cat >apt/config <<END
Dir::Etc::SourceList "$PWD/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::Etc::Parts "-";
Dir::Etc::Main "-";
Dir::State::Lists "$PWD/apt/lists";
Dir::State::status "/dev/null";
Dir::Cache "$PWD/apt/cache";
APT::Sandbox::User "root";
END
  run pen run -e "APT_CONFIG=$PWD/apt/config" -- apt-get -q update
  [[ ! -s apt/lists/example.test:8873_._Packages ]]
  assert_contains "$output" 403
  pen allow example.test:8873
  pen run -e "APT_CONFIG=$PWD/apt/config" -- sh -c 'apt-get -q update && apt-get -q download pen-greeting'
  cmp "$LAB/repository/pen-greeting_1.0_all.deb" pen-greeting_1.0_all.deb
}

@test "npm installs a package from a registry that the policy names" {
  command -v npm >/dev/null || skip "no npm here"
  mkdir -p "$LAB/registry" "$LAB/tar/package"
  printf '{"name": "pen-greeting", "version": "1.0.0"}\n' >"$LAB/tar/package/package.json"
  printf 'module.exports = "hello";\n' >"$LAB/tar/package/index.js"
  tar -czf "$LAB/registry/greeting.tgz" -C "$LAB/tar" package
  cat >"$LAB/registry/pen-greeting" <<END
{"name": "pen-greeting", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0":
  {"name": "pen-greeting", "version": "1.0.0", "dist": {"tarball": "http://example.test:8873/greeting.tgz",
   "shasum": "$(sha1sum "$LAB/registry/greeting.tgz" | cut -d ' ' -f 1)"}}}}
END
  start_files "$LAB/registry"
  printf '{"name": "project", "version": "1.0.0"}\n' >package.json
  words=(npm install --no-audit --no-fund --fetch-retries 0 --registry http://example.test:8873/ pen-greeting)
  run pen run -- "${words[@]}"
  [[ $status != 0 && ! -e node_modules/pen-greeting/index.js ]]
  pen run --allow example.test:8873 -- "${words[@]}"
  assert_eq hello "$(pen run -- node -p 'require("pen-greeting")')"
}
