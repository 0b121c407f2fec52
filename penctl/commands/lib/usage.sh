# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# usage.sh - what a sandbox's processes have used, read on this host, where
# nothing inside can change it: from a control group of either version, or,
# where a sandbox has none of its own, from each process

# usage_folder PID CONTROLLER - print the folder of the group of PID that
# CONTROLLER (memory, cpuacct, pids, blkio) accounts for
usage_folder() {
  awk -F : -v want="$2" '
    $1 == "0" && $2 == "" { unified = $3 }
    { n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == want) { path = $3; found = 1 } }
    END {
      if (found) print "/sys/fs/cgroup/" want path
      else if (unified != "") print "/sys/fs/cgroup" unified
    }' "/proc/$1/cgroup"
}

# usage_number FILE [KEY] - print the number in FILE, or behind KEY, or null
usage_number() {
  awk -v key="${2-}" '
    key == "" && /^[0-9]+$/ { print; found = 1; exit }
    key != "" && $1 == key { print $2; found = 1; exit }
    END { if (!found) print "null" }' "$1" 2>/dev/null || printf 'null\n'
}

# usage_first FILE... - print the number in the first FILE that there is, or null
usage_first() {
  local file=""
  for file; do
    [[ -r $file ]] || continue
    usage_number "$file"
    return
  done
  printf 'null\n'
}

# usage_of_group PID - print the statistics of PID's control group and network as
# tool_stats does; of its processes where it is in the same group as this one: a
# runtime without root makes none on version 1
usage_of_group() {
  local memory="" cpu="" pids="" oom=null spent=null
  [[ $1 =~ ^[1-9][0-9]*$ && -r /proc/$1/cgroup ]] || return 1
  memory=$(usage_folder "$1" memory)
  if [[ $memory == "$(usage_folder self memory)" ]]; then
    usage_of_tree "$1"
    return
  fi
  cpu=$(usage_folder "$1" cpuacct)
  pids=$(usage_folder "$1" pids)
  if [[ -r $memory/memory.events ]]; then
    oom=$(usage_number "$memory/memory.events" oom_kill)
    spent=$(usage_number "$cpu/cpu.stat" usage_usec)000
  else
    oom=$(usage_number "$memory/memory.oom_control" oom_kill)
    spent=$(usage_number "$cpu/cpuacct.usage")
  fi
  [[ $spent != null* ]] || spent=null
  jq -n -c --argjson spent "$spent" --argjson oom "$oom" \
    --argjson memory "$(usage_first "$memory/memory.current" "$memory/memory.usage_in_bytes")" \
    --argjson peak "$(usage_first "$memory/memory.peak" "$memory/memory.max_usage_in_bytes")" \
    --argjson limit "$(usage_first "$memory/memory.max" "$memory/memory.limit_in_bytes")" \
    --argjson processes "$(usage_first "$pids/pids.current")" \
    --argjson traffic "$(usage_traffic "$1")" --argjson disk "$(usage_disk "$1")" \
    '{cpu_ms: (if $spent then $spent / 1000000 | floor else null end),
      memory_bytes: $memory, peak_memory_bytes: $peak,
      memory_limit_bytes: (if $limit and $limit < 9e18 then $limit else null end),
      processes: $processes, oom_kills: $oom} + $traffic + $disk'
}

# usage_traffic PID - print received_bytes and sent_bytes of PID's network
# namespace, loopback apart
usage_traffic() {
  awk '
    /:/ { sub(/:/, " "); if ($1 != "lo") { received += $2; sent += $10 } }
    END { printf "{\"received_bytes\": %.0f, \"sent_bytes\": %.0f}\n", received, sent }' \
    "/proc/$1/net/dev" 2>/dev/null || printf '{"received_bytes": null, "sent_bytes": null}\n'
}

# usage_disk PID - print read_bytes and written_bytes of PID's control group
usage_disk() {
  local folder=""
  folder=$(usage_folder "$1" blkio)
  cat -- "$folder/io.stat" "$folder/blkio.throttle.io_service_bytes" 2>/dev/null | awk '
    { for (i = 2; i <= NF; i++) {
        if ($i ~ /^rbytes=/) read += substr($i, 8)
        if ($i ~ /^wbytes=/) written += substr($i, 8) } }
    $2 == "Read" { read += $3 }
    $2 == "Write" { written += $3 }
    END { printf "{\"read_bytes\": %.0f, \"written_bytes\": %.0f}\n", read, written }'
}

# usage_of_tree PID - print the statistics of PID and all that is below it, as
# tool_stats does
usage_of_tree() {
  local ticks="" page=""
  ticks=$(getconf CLK_TCK) && page=$(getconf PAGESIZE) || return 1
  # Processes come and go meanwhile.
  { cat /proc/[0-9]*/stat 2>/dev/null || :; } | awk -v root="$1" -v ticks="$ticks" -v page="$page" '
    {
      pid = $1
      sub(/^.*\) /, "")
      parent[pid] = $2
      # With the time of children that have ended.
      cpu[pid] = $12 + $13 + $14 + $15
      memory[pid] = $22
    }
    END {
      for (pid in parent) {
        for (p = pid; p != root && p in parent && p > 1; p = parent[p]);
        if (p != root) continue
        spent += cpu[pid]; pages += memory[pid]; count++
      }
      if (!count) exit 1
      printf "{\"cpu_ms\": %.0f, \"memory_bytes\": %.0f, \"peak_memory_bytes\": null, " \
        "\"memory_limit_bytes\": null, \"processes\": %d, \"oom_kills\": null, " \
        "\"received_bytes\": null, \"sent_bytes\": null, \"read_bytes\": null, " \
        "\"written_bytes\": null}\n", spent * 1000 / ticks, pages * page, count
    }'
}
