# SPDX-License-Identifier: MIT
# egress.jq - lines of pen-proxy's log into what people want to know of them

# Bytes of clients stand in the log: a terminal must not obey them.
def shown: tostring | explode
  | map(if . < 32 or (. >= 127 and . < 160) then 63 else . end) | implode;

def host: if .host then .host else .sni // empty end;
def target: [(host | if contains(":") then "[\(.)]" else . end), .port]
  | map(select(. != null) | tostring) | join(":");

def is_refusal: .verdict == "deny";
def is_trouble: is_refusal or (.verdict == "would-deny" and .event == "deny") or .verdict == "error" or .level == "error";

# Refused because no rule names it: what pen allow can change.
def is_unlisted: (is_refusal or .verdict == "would-deny") and .reason == "http_request_denied" and (host | length) > 0 and .port != null;

def when: .ts | sub("T"; " ") | sub("\\.[0-9]+"; "");

def one_line:
  [when, (.verdict // .level // "" | .[0:10]), (try target catch ""),
   (.reason // .message // .details // if .verdict then "" else .event // "" end), (if .id then "id \(.id)" else "" end)]
  | map(shown) as [$when, $verdict, $target, $reason, $id]
  | "\($when)  \($verdict + "          " | .[0:10])  \($target)\(if $reason != "" then "  \($reason)" else "" end)\(if $id != "" then "  \($id)" else "" end)";

def lines: inputs | fromjson? | select(type == "object");

# A finished connection has one line.
def is_done: .event == "close" or .event == "request";

# It went through: in monitor mode also without a rule.
def is_passed: is_done and (.verdict == "allow" or .verdict == "would-deny");

# Every reason that pen-proxy gives, in words.
def reason_text: {
    http_request_denied: "no rule of the policy allows it",
    destination_ip_prohibited: "its name resolves to an address that the sandbox must not reach (private, local or reserved)",
    sni_mismatch: "the TLS handshake named another host than the one that was allowed",
    sni_missing: "the TLS handshake named no host",
    tls_required: "the rule wants TLS, and this was none",
    tls_malformed: "the TLS handshake was malformed",
    ech_denied: "the TLS handshake hid its host name (Encrypted Client Hello)",
    budget_exhausted: "the byte budget of the rule is used up",
    rule_expired: "the rule has ended (until=)",
    revoked: "the rule was taken back",
    http_request_error: "the request was malformed",
    malformed_target: "the host name or port was malformed",
    head_too_large: "the request's head was too large",
    head_timeout: "the request did not come in time",
    connection_limit_reached: "there were too many connections at once",
    dns_error: "its name does not resolve",
    dns_timeout: "the DNS servers do not answer",
    connection_refused: "the host refused the connection",
    connection_timeout: "the host does not answer",
    destination_ip_unroutable: "there is no route to the host",
    destination_unavailable: "the host cannot be reached",
    proxy_internal_response: "the upstream proxy refused",
    http_protocol_error: "the host's answer was malformed",
    http_response_incomplete: "the host's answer ended too early",
    http_response_timeout: "the host's answer did not come in time",
    idle_timeout: "nothing was sent for too long",
    tunnel_time_limit: "the connection lasted longer than the limit",
    tunnel_bytes_limit: "the connection carried more than the limit",
    drain_timeout: "the proxy was stopped",
    client_closed: "the client closed the connection",
    client_reset: "the client reset the connection",
    origin_reset: "the host reset the connection",
    proxy_internal_error: "an error of the proxy itself"
  }[.reason // ""] // (.reason // "no reason given");

def explained:
  [ "\(when)  \(.verdict // .event)  \(try target catch "")",
    (if .reason then "reason   \(.reason): \(reason_text)" else empty end),
    (if .sni and .host and .sni != .host then "TLS name \(.sni)" else empty end),
    (if .rule then "rule     \(.rule)" else empty end),
    (if .proto then "protocol \(.proto)" else empty end),
    (if .addr then "address  \(.addr)" else empty end),
    ((.details // .message) | if . then "details  \(.)" else empty end),
    (if .why then "why      \(.why)" else empty end),
    (if is_unlisted then "to allow pen allow \(target)"
     elif .reason == "destination_ip_prohibited" then "to allow pen allow '\(target) private'"
     else empty end)
  ] | map(shown) | join("\n");

# What egress.sh asks for. The variables come from the command line.

def show_line:
  . as $line | (fromjson? // empty) | select(type == "object")
  | select(.ts >= $since) | select($all or is_trouble)
  | if $json then $line else one_line end;

def show: inputs | show_line;

def watch:
  foreach inputs as $line ([{}, null];
    if .[0][$line] then .[1] = null else .[0][$line] = true | .[1] = $line end;
    .[1] // empty)
  | show_line;

def by_host:
  [lines | select(.verdict != null and (try target catch "") != "")]
  | group_by(target)
  | map({target: .[0] | target,
      allowed: map(select(is_passed)) | length,
      refused: map(select(is_refusal)) | length,
      errors: map(select(.verdict == "error")) | length,
      bytes_up: map(.bytes_up // 0) | add,
      bytes_down: map(.bytes_down // 0) | add,
      last: map(.ts) | max})
  | sort_by(.last) | reverse;

def by_host_row:
  .[] | [.allowed, .refused, .errors, .bytes_up, .bytes_down,
    ({ts: .last} | when), (.target | shown)] | map(tostring) | join("\t");

def suggested:
  [lines | select(is_unlisted) | target] | group_by(.) | sort_by(-length)
  | map({rule: .[0], refused: length})
  | if $json then . else .[].rule | shown end;

def last_refused: last(lines | select(is_unlisted) | target) // empty | shown;

# The last line has the most to tell, but of a monitored connection the first the reason.
def explain: [lines | select(.id == $id)]
  | last(.[] | select(.reason)) // last // empty | explained;

def stats:
  [lines] as $log | $stats + {
    egress_allowed: [$log[] | select(is_passed)] | length,
    egress_denied: (([$log[] | select(is_refusal)] | length)
      + ([$log[] | .refusals // 0] | add // 0)),
    denied: [$log[] | select(is_refusal) | target | select(. != "")] | unique};

def listed: .[:5] | join(" ");

def summary:
  [lines | select(is_refusal)] as $refused
  | ([$refused[] | target | select(. != "")] | unique) as $targets
  | ([$refused[] | select(is_unlisted) | target] | unique) as $unlisted
  | "pen: \($refused | length) connection\(if $refused | length == 1 then "" else "s" end) refused"
    + (if $targets != [] then ": \($targets | listed)" else "" end)
    + (if $unlisted != [] then " (pen allow \($unlisted | listed))" else "" end)
  | shown;
