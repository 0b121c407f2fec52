#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# chaos.bats - a hundred clients that do anything at once, under changing rules

load common

setup_file() {
  lab_standard
  printf 'never.test do never\n' >>"$DNS_ZONE"
  lab_tcpd "$IP1:7001=echo" "$IP1:7002=rst" "$IP1:7003=hold" \
    "$IP1:7004=wait=20;send=HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nshort;rst" \
    "$IP1:7005=fill=300000;sink" \
    "$IP1:7006=head;send=HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nmore;fin;sink" \
    "$IP1:7007=recv=10;fin;sink" \
    "$IP1:7008=head;send=HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n;echo"
}

# chaos THREADS SEED - lets them loose on a proxy
chaos() {
  local port rss=60
  [[ $PEN_MODE == release ]] || rss=0
  for port in 80 443 8080 7001 7002 7003 7004 7005 7006 7007 7008 7999; do
    printf 'example.test:%s\n' "$port"
  done >"$LAB/rules.txt"
  sed -i -e '2s/$/ up=1m\/h/' -e '4s/$/ sni=off/' -e '8s/$/ down=100k/' "$LAB/rules.txt"
  start_proxy proxy <<CONF
[proxy]
listen = 127.0.0.1:3128
transparent = 127.0.0.1:3129
dns = 127.0.0.1:5300
threads = $1
[policy]
allowlist = $LAB/rules.txt
[dns]
servers = $DNS_IP
timeout = 500ms
tries = 1
[limits]
max-connections = 300
max-connections-per-client = 250
head-timeout = 1s
connect-timeout = 1s
idle-timeout = 2s
[admin]
listen = 127.0.0.1:9000
CONF
  timeout 60 "$PYTHON" -S "$LAB_DIR/chaos.py" --pid "$PROXY_PID" --rss "$rss" \
    --listen "$PROXY" --transparent "$PROXY_TRANSPARENT" --dns "$PROXY_DNS" \
    --admin "$PROXY_ADMIN" --rules "$LAB/rules.txt" --seed "$2" \
    --ports 80,443,8080,7001,7002,7003,7004,7005,7006,7007,7008,7999 \
    --clients 100 --seconds "${CHAOS_SECONDS:-4}" >"$LAB/chaos.json" ||
    fail "$(<"$LAB/chaos.json")"
}

@test "chaos on one worker leaves nothing behind" {
  chaos 1 "${CHAOS_SEED:-1}"
}

@test "chaos on four workers leaves nothing behind" {
  chaos 4 "${CHAOS_SEED:-2}"
}
