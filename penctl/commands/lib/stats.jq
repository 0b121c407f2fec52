# SPDX-License-Identifier: MIT
# stats.jq - what runtime_stats prints, as a row for people

def bytes:
  if . == null then "-"
  elif . < 10240 then "\(.)"
  elif . < 10485760 then "\(. / 1024 | floor)k"
  elif . < 10737418240 then "\(. / 1048576 | floor)m"
  else "\(. / 1073741824 | floor)g" end;

def seconds: if . == null then "-" else "\(. / 100 | floor / 10)s" end;

# Of two rows a second apart: hundredths of one processor.
def share($before):
  if $before == null or .cpu_ms == null or $before.cpu_ms == null then "-"
  else "\([0, (.cpu_ms - $before.cpu_ms) / 10] | max | floor)%" end;

def row($before):
  [(.cpu_ms | seconds), share($before), (.memory_bytes | bytes),
   (.peak_memory_bytes | bytes), (.memory_limit_bytes | bytes), (.processes // "-"),
   (.received_bytes | bytes), (.sent_bytes | bytes), (.read_bytes | bytes),
   (.written_bytes | bytes)]
  | join("\t");
