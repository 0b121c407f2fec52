# SPDX-License-Identifier: MIT
# container.jq - the JSON of Apple's `container`, 0.6 to 1.4, in one shape
#
# A shape is told by the keys that it has, never by a version: what 1.5 prints is
# then read as well, if it keeps to one of the shapes that are known.

# An element of `list`.
def container:
  {id: (.id // .configuration.id),
   state: (if (.status | type) == "object" then .status.state else .status end),
   labels: (.configuration.labels // {})};

# An element of `network inspect` and `network list`.
def network:
  {id: .id,
   labels: ((.configuration // .config).labels // {}),
   gateway: (.status.ipv4Gateway // .status.gateway)};

# An element of `volume list`.
def volume:
  (.configuration // .) | {id: .name, labels: (.labels // {})};

# An element of `image list` and `image inspect`; the words are in the latter
# alone, and not in the variants that tell how the image was built.
def image:
  (.configuration // .) as $about
  | ([.variants[]? | select(.platform.os == "linux") | .config.config][0]) as $config
  | {name: ($about.name // $about.reference),
     digest: ($about.descriptor // .index).digest,
     words: (($config.Entrypoint // []) + ($config.Cmd // [])),
     labels: ($config.Labels // {})};

# A name without its registry stands for the one of the store that ends in it.
def is_named($name):
  ($name | if test(":[^/]*$") then . else . + ":latest" end) as $full
  | .name == $full or (.name | endswith("/" + $full));

def is_mine($user): .labels["pen.user"] == $user;

# An element of `stats`; from 0.8 on, what could not be measured is left out.
def stats:
  {cpu_ms: (if .cpuUsageUsec then .cpuUsageUsec / 1000 | floor else null end),
   memory_bytes: .memoryUsageBytes,
   peak_memory_bytes: null,
   memory_limit_bytes: .memoryLimitBytes,
   processes: .numProcesses,
   oom_kills: null,
   received_bytes: .networkRxBytes,
   sent_bytes: .networkTxBytes,
   read_bytes: .blockReadBytes,
   written_bytes: .blockWriteBytes};
