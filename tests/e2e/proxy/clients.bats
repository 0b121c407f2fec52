#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# clients.bats - ordinary programs, unmodified, through pen-proxy

load common

setup() {
  lab_setup
  start_proxy proxy <<'CONF'
[proxy]
listen = 127.0.0.1:3128
[policy]
allow = example.test:443
allow = example.test:80
allow = example.test:22
allow = registry.example.test:443
allow = registry.example.test:80
CONF
  export http_proxy=http://${PROXY:?} https_proxy=http://$PROXY
  export HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy
}

# need PROGRAM - skips the test where it is not installed
need() {
  command -v "$1" >/dev/null || skip "$1 is not installed"
}

# git_host - makes ./srv/repo.git with one commit, served over the smart and dumb
# protocols of whoever serves ./srv
git_host() {
  export GIT_CONFIG_GLOBAL=$LAB/gitconfig GIT_CONFIG_SYSTEM=/dev/null
  git config --global user.name Lab
  git config --global user.email lab@example.test
  git config --global init.defaultBranch main
  git config --global safe.directory '*'
  git init -q work
  printf 'hello\n' >work/file
  git -C work add file
  git -C work commit -qm one
  mkdir -p srv
  git clone -q --bare work srv/repo.git
  git -C srv/repo.git update-server-info
}

# static_server ROOT - serves files over HTTPS on 45.45.45.20:443 and HTTP on :80
static_server() {
  cat >static.py <<'PY'
import functools, http.server, os, socketserver, ssl, sys, threading
root, certs = sys.argv[1:3]
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 64
handler = functools.partial(Handler, directory=root)
plain = Server(("45.45.45.20", 8090), handler)
tls = Server(("45.45.45.20", 8443 + 1), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certs + "/server.pem", certs + "/server.key")
tls.socket = context.wrap_socket(tls.socket, server_side=True,
                                 do_handshake_on_connect=False)
threading.Thread(target=plain.serve_forever, daemon=True).start()
os.write(int(sys.argv[4]), b"ready\n")
os.close(int(sys.argv[4]))
tls.serve_forever()
PY
  lab_start static --ready-fd "$PYTHON" static.py "$1" "$CERTS"
}

@test "curl: http, https, HTTP/2 inside the tunnel, socks5h" {
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
  for url in http://example.test/ https://example.test/; do
    for proxy in "http://$PROXY" "socks5h://$PROXY"; do
      out=$(curl -sS --max-time 10 -x "$proxy" "$url")
      assert_json '.server == "lab"' "$out"
    done
  done
}

@test "P16: curl shows why it was refused" {
  out=$(curl -sS --max-time 10 http://other.test/)
  assert_contains "$out" 'pen allow other.test:80'
  run curl -sS --max-time 10 https://other.test/
  assert_eq 56 "$status"
  assert_contains "$output" 403
}

@test "wget" {
  need wget
  wget -q -O out --ca-certificate="$CERTS/ca.pem" https://example.test/w
  assert_json '.target == "/w" and .tls' "$(<out)"
  wget -q -O out http://example.test/w
  assert_json '.target == "/w" and (.tls | not)' "$(<out)"
  run wget -q -O out --tries=1 --ca-certificate="$CERTS/ca.pem" https://other.test/
  [[ $status != 0 ]] || fail 'other.test was reached'
}

@test "Python's urllib" {
  SSL_CERT_FILE=$CERTS/ca.pem "$PYTHON" - <<'PY'
import json, urllib.error, urllib.request
for url in ("http://example.test/p", "https://example.test/p"):
    got = json.load(urllib.request.urlopen(url, timeout=10))
    assert got["target"] == "/p", got
    data = b"x" * 100000
    got = json.load(urllib.request.urlopen(url, data, timeout=10))
    assert got["body_bytes"] == 100000, got
try:
    urllib.request.urlopen("http://other.test/", timeout=10)
    raise SystemExit("other.test was reached")
except urllib.error.HTTPError as e:
    assert e.code == 403 and b"pen allow" in e.read()
try:
    urllib.request.urlopen("https://other.test/", timeout=10)
    raise SystemExit("other.test was reached")
except urllib.error.URLError as e:
    assert "403" in str(e)
PY
}

@test "Node.js: http and a CONNECT of its own" {
  need node
  cat >client.js <<'JS'
const http = require('http'), tls = require('tls'), fs = require('fs');
const [host, port] = process.env.PROXY.split(':');
http.get({host, port, path: 'http://example.test/n',
          headers: {Host: 'example.test'}}, res => {
  let body = '';
  res.on('data', d => body += d).on('end', () => {
    if (JSON.parse(body).target !== '/n') process.exit(1);
    const req = http.request({host, port, method: 'CONNECT', path: 'example.test:443',
                              headers: {Host: 'example.test:443'}});
    req.on('connect', (r, socket) => {
      if (r.statusCode !== 200) process.exit(2);
      const s = tls.connect({socket, servername: 'example.test',
                             ca: fs.readFileSync(process.env.CURL_CA_BUNDLE)}, () => {
        s.write('GET /t HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n');
      });
      let text = '';
      s.on('data', d => text += d).on('end', () => {
        console.log(text.includes('"target": "/t"') ? 'good' : text);
      });
    }).end();
  });
});
JS
  assert_eq good "$(timeout 20 node client.js)"
}

@test "npm installs a package from a registry through the proxy" {
  need npm
  mkdir -p pkg srv/@lab tgz
  printf '{"name":"lab-thing","version":"1.0.0","main":"i.js"}\n' >pkg/package.json
  printf 'module.exports = 42;\n' >pkg/i.js
  mkdir -p srv/lab-thing srv/-
  mv pkg package
  tar -czf srv/-/lab-thing-1.0.0.tgz package
  sum=$(openssl dgst -sha512 -binary srv/-/lab-thing-1.0.0.tgz | base64 -w0)
  cat >srv/lab-thing/index.html <<JSON
{"name":"lab-thing","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"lab-thing",
"version":"1.0.0","dist":{"tarball":"https://registry.example.test/-/lab-thing-1.0.0.tgz",
"integrity":"sha512-$sum"}}}}
JSON
  stop_proxy
  static_server "$LAB/srv"
  sed -i '/registry/d' proxy.ini
  sed -i "s|^\[policy\]|[policy]\nallow = registry.other.test:8444|" proxy.ini
  sed -i 's|registry.example.test|registry.other.test:8444|' srv/lab-thing/index.html
  lab_start proxy --ready-fd "$PEN_PROXY" -c proxy.ini
  proxy_started proxy
  mkdir app
  cd app
  printf '{"name":"app","version":"1.0.0"}\n' >package.json
  timeout 60 npm install --no-audit --no-fund --no-update-notifier \
    --cache "$LAB/npm-cache" --userconfig "$LAB/npmrc" \
    --registry https://registry.other.test:8444/ \
    --cafile "$CERTS/ca.pem" lab-thing >"$LAB/npm.out" 2>&1 || fail "$(<"$LAB/npm.out")"
  assert_eq 42 "$(node -p 'require("lab-thing")')"
  log_wait 'select(.host == "registry.other.test" and .proto == "connect")'
}

@test "git clones over https, and is refused another host with the reason" {
  need git
  git_host
  stop_proxy
  static_server "$LAB/srv"
  sed -i "s|^\[policy\]|[policy]\nallow = www.other.test:8444|" proxy.ini
  lab_start proxy --ready-fd "$PEN_PROXY" -c proxy.ini
  proxy_started proxy
  GIT_SSL_CAINFO=$CERTS/ca.pem timeout 20 git clone -q https://www.other.test:8444/repo.git got
  assert_eq hello "$(<got/file)"
  run env GIT_SSL_CAINFO="$CERTS/ca.pem" timeout 20 git clone -q https://denied.test/repo.git no
  [[ $status != 0 ]] || fail 'denied.test was reached'
  assert_contains "$output" 403
}

@test "P11: git and ssh over SSH through CONNECT, by ProxyCommand" {
  need ssh
  need sshd
  need socat
  grep -q ' 4294967295$' /proc/self/uid_map ||
    skip 'sshd changes to users that this namespace does not have: needs root'
  git_host
  start_sshd
  cat >ssh_config <<CONF
Host *
  UserKnownHostsFile $LAB/known
  IdentityFile $LAB/id
  IdentitiesOnly yes
  BatchMode yes
  ProxyCommand socat - PROXY:127.0.0.1:%h:%p,proxyport=3128
CONF
  printf 'example.test %s\n' "$(cut -d' ' -f1,2 hostkey.pub)" >known
  assert_eq fine "$(timeout 20 ssh -F ssh_config "$SSH_USER@example.test" echo fine)"
  GIT_SSH_COMMAND="ssh -F $LAB/ssh_config" timeout 20 \
    git clone -q "ssh://$SSH_USER@example.test$LAB/srv/repo.git" got
  assert_eq hello "$(<got/file)"
  printf 'more\n' >>got/file
  git -C got commit -qam two
  GIT_SSH_COMMAND="ssh -F $LAB/ssh_config" timeout 20 git -C got push -q
  assert_eq two "$(git -C srv/repo.git log -1 --format=%s)"
  run timeout 20 ssh -F ssh_config "$SSH_USER@other.test" echo fine
  [[ $status != 0 ]] || fail 'other.test was reached'
}

# start_sshd - an SSH server on $IP1:22 that lets $SSH_USER in with ./id
start_sshd() {
  local sshd
  SSH_USER=$(id -un)
  sshd=$(command -v sshd)
  ssh-keygen -q -t ed25519 -N '' -f hostkey
  ssh-keygen -q -t ed25519 -N '' -f id
  cp id.pub authorized
  chmod 600 authorized
  mkdir -p /run/sshd 2>/dev/null || true
  lab_start sshd - "$sshd" -D -e -p 22 -o ListenAddress="$IP1" \
    -o HostKey="$LAB/hostkey" -o AuthorizedKeysFile="$LAB/authorized" \
    -o StrictModes=no -o PidFile=none -o UsePAM=no -o PermitRootLogin=yes \
    -f /dev/null
  eventually 5 bash -c "exec 3<>/dev/tcp/$IP1/22" 2>/dev/null
}

@test "Java's HttpClient and HttpURLConnection" {
  need java
  need keytool
  [[ -s $LAB_FILE/trust.p12 ]] || keytool -importcert -noprompt -alias lab \
    -file "$CERTS/ca.pem" -keystore "$LAB_FILE/trust.p12" -storepass changeit \
    -storetype PKCS12 2>/dev/null
  cat >Client.java <<'JAVA'
import java.net.*;
import java.net.http.*;
public class Client {
    public static void main(String[] a) throws Exception {
        for (String url : new String[] {"http://example.test/j", "https://example.test/j"}) {
            HttpURLConnection c = (HttpURLConnection) new URL(url).openConnection();
            String body = new String(c.getInputStream().readAllBytes());
            if (!body.contains("\"target\": \"/j\"")) throw new Exception(body);
            HttpClient h = HttpClient.newBuilder().proxy(ProxySelector.getDefault()).build();
            body = h.send(HttpRequest.newBuilder(URI.create(url)).build(),
                          HttpResponse.BodyHandlers.ofString()).body();
            if (!body.contains("\"target\": \"/j\"")) throw new Exception(body);
        }
        int code = ((HttpURLConnection) new URL("http://other.test/").openConnection())
            .getResponseCode();
        System.out.println(code);
    }
}
JAVA
  assert_eq 403 "$(timeout 60 java -Xshare:auto -XX:TieredStopAtLevel=1 \
    -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=3128 \
    -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=3128 \
    -Djavax.net.ssl.trustStore="$LAB_FILE/trust.p12" \
    -Djavax.net.ssl.trustStorePassword=changeit Client.java)"
}

@test "openssl s_client -proxy: TLS 1.2 and 1.3, with and without SNI" {
  for version in -tls1_2 -tls1_3; do
    out=$(printf 'GET /o HTTP/1.0\r\n\r\n' | timeout 10 openssl s_client -quiet \
      "$version" -proxy "$PROXY" -connect example.test:443 -CAfile "$CERTS/ca.pem" \
      -servername example.test -ign_eof 2>/dev/null || true)
    assert_contains "$out" '"target": "/o"'
  done
  run timeout 10 openssl s_client -proxy "$PROXY" -connect example.test:443 \
    -noservername </dev/null
  [[ $status != 0 ]] || fail 'passed without SNI'
  assert_contains "$output" 'unrecognized name'
}

@test "apt's way: plain HTTP with pipelining, ranges and If-Modified-Since" {
  out=$(curl -sS --max-time 10 -H 'Range: bytes=0-9' -H 'If-Modified-Since: x' http://example.test/r)
  assert_json '.headers | any(.[0] == "Range" and .[1] == "bytes=0-9")' "$out"
  out=$(curl -sS --max-time 10 http://example.test/1 http://example.test/2 http://example.test/3)
  assert_eq 3 "$(grep -c '"target"' <<<"$out")"
}
