# SPDX-License-Identifier: MIT
# config.jq - check pen's config files and flatten them for config.sh
#
# Input: the files, the user's defaults first. Output:
# one line each, its fields separated by U+001F: fault and "FILE: PATH: what", or
# the effective settings (lists are joined, objects are merged, the last scalar
# counts), for $show "lines". "table" prints path, value and origin of each
# setting, "object" one object of both. $files are the names of the files, one a
# line, $user that of the user's defaults, $runtime the default one; $foreign: they come from
# the project.

def plain: test("[\\x00-\\x1f\\x7f]") | not;

def text($what; $pattern):
  if type != "string" then "must be \($what)"
  elif plain | not then "must not have control characters"
  elif test($pattern) | not then "must be \($what), not \"\(.)\""
  else empty end;

# Each checker yields faults as {path, what}.
def fault($path; $what): {path: $path, what: $what};
def at($path; faults): faults | fault($path; .);

# The path of a key, which may be any text.
def below($path): if test("^[A-Za-z0-9_.-]+$") then "\($path).\(.)" else "\($path | if . == "" then "." else . end)[\(tojson)]" end;

# How many letters have to change to make $s of $t.
def distance($s; $t):
  ($s | explode) as $a | ($t | explode) as $b
  | reduce range($a | length) as $i ([range(($b | length) + 1)];
      . as $row
      | reduce range($b | length) as $j ([$i + 1];
          . + [[.[-1] + 1, $row[$j + 1] + 1,
                $row[$j] + (if $a[$i] == $b[$j] then 0 else 1 end)] | min]))
  | .[-1];

def nearest($known):
  . as $word
  | if length > 40 then ""
    else [$known[] | [distance($word; .), .]] | min
      | if .[0] <= 2 and .[0] < ($word | length) then "; did you mean \"\(.[1])\"?" else "" end
    end;

def unknown($path; $known):
  keys[] | . as $key | select($known | any(. == $key) | not)
  | fault(below($path); "is not a known key\(nearest($known))");

def texts($path; $what; $pattern):
  if type != "array" then fault($path; "must be a list")
  else to_entries[] | . as $e | $e.value
    | at("\($path)[\($e.key)]"; text($what; $pattern)) end;

def pairs($path; $key):
  if type != "object" then fault($path; "must be an object")
  else to_entries[] | (.key | below($path)) as $at
    | (select(.key | test($key) | not) | fault($at; "is not a name that can be used")),
      (.value | at($at; text("a string"; ""))) end;

def choice($words): . as $v
  | if $words | any(. == $v) then empty else "must be one of \($words | join(", "))" end;

def whole($low; $high):
  if type == "number" and . == floor and . >= $low and . <= $high then empty
  else "must be a number from \($low) to \($high)" end;

def flag: if type == "boolean" then empty else "must be true or false" end;

def mount($path):
  if type != "object" then fault($path; "must be an object") else
    unknown($path; ["source", "volume", "target", "readonly", "force"]),
    (if has("source") == has("volume") then fault($path; "must have either source or volume") else empty end),
    (if has("source") then .source | at("\($path).source"; text("an absolute path without a colon"; "^(/|~/)[^:]*$")) else empty end),
    (if has("volume") then .volume | at("\($path).volume"; text("a name of a-z, 0-9, _ and -"; "^[a-z0-9][a-z0-9_-]*$")) else empty end),
    (.target | at("\($path).target"; text("an absolute path without a colon"; "^/[^:]*$"))),
    (if has("readonly") then .readonly | at("\($path).readonly"; flag) else empty end),
    (if has("force") then .force | at("\($path).force"; flag) else empty end)
  end;

def ssh($path):
  if type != "object" then fault($path; "must be an object") else
    unknown($path; ["port", "authorized_keys"]),
    (if has("port") then .port | at("\($path).port"; whole(1; 65535)) else empty end),
    (if has("authorized_keys") then .authorized_keys
      | texts("\($path).authorized_keys"; "a public key or the path of a file of them"; "^(/|~/|[a-z][a-z0-9@.-]+ )") else empty end)
  end;

# The keys of pen-proxy.ini that pen writes itself.
def own_keys: ["proxy.listen", "proxy.transparent", "proxy.dns", "proxy.pid-file", "proxy.ready-file",
  "log.file", "log.format", "policy.presets"];

def ini($path):
  if type != "object" then fault($path; "must be an object") else
    to_entries[] | .key as $key | ($key | below($path)) as $at | .value
    | if $key | test("^[a-z]+\\.[a-z0-9-]+$") | not then fault($at; "is not a \"section.key\" of pen-proxy.ini")
      elif own_keys | any(. == $key) then fault($at; "is set by pen itself")
      elif type == "array" then texts($at; "a string"; "")
      elif type == "number" or type == "boolean" then empty
      else at($at; text("a string, a number or a list of strings"; "")) end
  end;

def known_keys: ["runtime", "network", "dns", "dockerfile", "cpus", "memory", "env", "build_args", "mounts",
  "http_allowlist", "network_allowlist", "presets", "ssh", "proxy"];

# The faults of the value of one of the known keys.
def check_value($key; $path):
  if $key == "runtime" then at($path; choice(["jail", "docker", "podman", "container"]))
  elif $key == "network" then at($path; choice(["bridge", "socket", "none"]))
  elif $key == "dns" then at($path; choice(["none", "proxy", "open"]))
  elif $key == "dockerfile" then at($path; text("a path"; "."))
  elif $key == "cpus" then
    if type == "number" and . > 0 and . <= 1024 then empty
    else fault($path; "must be a number above 0") end
  elif $key == "memory" then at($path; text("a size such as \"512m\" or \"2g\""; "^[1-9][0-9]*[kmgKMG]?$"))
  elif $key == "env" or $key == "build_args" then pairs($path; "^[A-Za-z_][A-Za-z0-9_]*$")
  elif $key == "mounts" then
    if type != "array" then fault($path; "must be a list")
    else to_entries[] | .key as $n | .value | mount("\($path)[\($n)]") end
  elif $key == "http_allowlist" or $key == "network_allowlist" then texts($path; "a rule"; "[^ ]")
  elif $key == "presets" then texts($path; "a preset's name"; "^[a-z0-9][a-z0-9-]*$")
  elif $key == "ssh" then ssh($path)
  elif $key == "proxy" then ini($path)
  else empty end;

# What a file in the project, which the sandbox can write, must not ask for: what
# would take effect outside of the sandbox.
def check_foreign:
  if type != "object" then empty else
    (select(has("proxy")) | fault(".proxy"; "is the user's alone to set")),
    (.mounts | arrays | to_entries[] | .key as $n | .value | objects | select(has("force"))
      | fault(".mounts[\($n)].force"; "is the user's alone to set"))
  end;

def check:
  if type != "object" then fault("."; "must be an object") else
    unknown(""; known_keys),
    (to_entries[] | .key as $key | .value | check_value($key; ".\($key)"))
  end;

# The settings of one file: key, sub (of an object), value, and at, its place.
def settings($file):
  to_entries[] | .key as $key | .value
  | if type == "object" then to_entries[]
      | {key: $key, sub: .key, value: .value, file: $file, at: (.key | below(".\($key)"))}
    elif type == "array" then to_entries[]
      | {key: $key, list: true, value: .value, file: $file, at: ".\($key)[\(.key)]"}
    else {key: $key, value: ., file: $file, at: ".\($key)"} end;

# All of them, without those that a later file replaces.
def effective:
  reduce (.[] | .[0] as $file | .[1] | settings($file)) as $s ([];
    if $s.list then . + [$s]
    else map(select(.list or .key != $s.key or .sub != $s.sub)) + [$s] end);

def place: "\(.file): \(.at)";

def lines:
  .[] | . as $s | .value
  | if $s.key == "mounts" then ["mount", ($s | place), (.source // ""), (.volume // ""), .target,
      (.readonly // false | tostring), (.force // false | tostring)]
    elif $s.key == "env" or $s.key == "build_args" then [$s.key, $s.sub, .]
    elif $s.key == "memory" then [$s.key, ascii_downcase]
    elif $s.sub == "port" then ["ssh_port", tostring]
    elif $s.sub == "authorized_keys" then to_entries[] | ["ssh_keys", "\($s | place)[\(.key)]", .value]
    elif $s.key == "proxy" then ($s.sub / ".") as $name
      | (if type == "array" then .[] else . end) | ["proxy", $name[0], $name[1], tostring]
    elif $s.key == "presets" or $s.key == "network_allowlist" or $s.key == "dockerfile" then [$s.key, ($s | place), .]
    else [$s.key, tostring] end
  | join("\u001f");

# The settings of the effective config, the defaults among them.
def with_defaults:
  . as $set
  | (first($set[] | select(.key == "runtime") | .value) // $runtime) as $runtime
  | [{key: "runtime", value: $runtime},
     {key: "network", value: (if $runtime == "jail" then "socket" else "bridge" end)},
     {key: "dns", value: "none"}]
  | map(select(.key as $key | $set | all(.key != $key))) + $set;

# The same, each with its place in the whole: label as text, path for setpath.
def placed:
  reduce .[] as $s ({count: {}, out: []};
    (.count[$s.key] // 0) as $n
    | .count[$s.key] = $n + 1
    | .out += [$s + (if $s.list then {label: ".\($s.key)[\($n)]", path: [$s.key, $n]}
        else {label: ($s.at // ".\($s.key)"), path: ([$s.key, $s.sub] - [null])} end)])
  | .out | sort_by(.key as $key | known_keys | index($key));

def table:
  .[] | [.label, (.value | if type == "string" then . else tojson end), (.file // "default")] | join("\u001f");

def object:
  {config: (reduce .[] as $s ({}; setpath($s.path; $s.value))),
   origins: ([.[] | {(.label): (if .file == null then {from: "default"}
     else {from: (if .file == $user then "user" else "sandbox" end), file, path: .at} end)}] | add)};

# Not one value in a file: none, or several.
def uncounted($pairs):
  ($files | split("\n") - [""])[] as $file
  | select([$pairs[] | select(.[0] == $file)] | length != 1)
  | "fault\u001f\($file): not a JSON object";

[inputs | [input_filename, .]] as $pairs
| [uncounted($pairs),
   ($pairs[] | .[0] as $file | .[1] | (check, (select($foreign) | check_foreign))
    | "fault\u001f\($file): \(.path): \(.what)")] as $faults
| $pairs
| if $faults != [] then $faults[]
  elif $show == "table" then effective | with_defaults | placed | table
  elif $show == "object" then effective | with_defaults | placed | object
  else effective | placed | lines end
