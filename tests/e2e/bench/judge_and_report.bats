#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# judge_and_report.bats - what the bench says of figures, and what it writes

load ../../lab/helpers

setup() {
  lab_setup
  BENCH=$LAB_ROOT/tests/bench
}

teardown() {
  lab_teardown
}

# samples MEASURE METRIC PEER RULES VALUE... - more raw data, a value a round
samples() {
  local round=0 value
  [[ -s samples.tsv ]] ||
    printf 'measure\tpeer\trules\tmetric\tround\tvalue\n' >samples.tsv
  for value in "${@:5}"; do
    printf '%s\t%s\t%s\t%s\t%d\t%s\n' "$1" "$3" "$4" "$2" "$round" "$value"
    round=$((round + 1))
  done >>samples.tsv
}

# judged VALUE... - what the judge says of a pen-proxy that costs VALUE in each
# round, where tinyproxy costs 100 and haproxy more than any
judged() {
  rm -f samples.tsv
  samples connect cpu_us tinyproxy 10 100 100 100
  samples connect cpu_us 'haproxy SNI' 10 1000 1000 1000
  samples connect cpu_us pen-proxy 10 "$@"
  judge connect
}

# judge MEASURES [ABOUT] - judges the raw data; ABOUT is what run.json says
judge() {
  printf '%s\n' "${2:-{\}}" >run.json
  run "$PYTHON" -B "$BENCH/bench.py" --report --only "$1" --out "$LAB"
  printf '%s\n' "$output"
}

# python CODE - runs it beside the bench's own modules
python() {
  run "$PYTHON" -B -c "import sys; sys.path.insert(0, '$BENCH'); $1"
  printf '%s\n' "$output"
}

@test "the judge passes what holds, names what falls short, fails what is broken" {
  judged 50 51 52
  [[ $status == 0 && -z $output ]]
  judged 66 66 66
  [[ $status == 0 && $output == 'short: connect cpu_us'*tinyproxy*0.66* ]]
  judged 90 90 91
  [[ $status == 1 && $output == 'broken: connect cpu_us'*tinyproxy*0.9* ]]
}

@test "rounds that contradict each other decide nothing" {
  judged 50 66 67
  [[ $status == 0 && $output == 'undecided: connect cpu_us'*tinyproxy*'0.66 (0.5–0.67)'* ]]
  # One bad round does not break what the median holds.
  judged 50 51 95
  [[ $status == 0 && $output == 'undecided: '* ]]
}

@test "a round is held against the same round" {
  samples connect cpu_us tinyproxy 10 100 200 400
  samples connect cpu_us 'haproxy SNI' 10 1000 1000 1000
  samples connect cpu_us pen-proxy 10 50 100 200
  judge connect
  [[ $status == 0 && -z $output ]]
}

@test "a figure that pen-proxy has not is a failure, one that a peer has not is told" {
  samples connect cpu_us tinyproxy 10 100
  judge connect
  [[ $status == 1 && $output == 'missing: connect cpu_us'* ]]
  samples connect cpu_us pen-proxy 10 50
  judge connect
  [[ $status == 0 && $output == 'not measured: connect cpu_us'*'haproxy SNI'* ]]
}

@test "a peer that was not asked for is not missed, nor is a measure" {
  samples connect cpu_us tinyproxy 10 100
  judge connect '{"peers": ["tinyproxy"]}'
  [[ $status == 0 && $output != *missing* ]]
  run "$PYTHON" -B -c "
import sys
sys.path.insert(0, '$BENCH')
import judge
run = judge.Run('$LAB')
run.about = {'measures': ['http']}
print(*(v.limit.measure for v in judge.verdicts(run)))"
  assert_eq http "$output" 'judged'
}

@test "a request of pen-proxy that failed is a failure" {
  samples connect errors pen-proxy 10 0 2 0
  judged_before=$(<samples.tsv)
  judged 50 50 50
  printf '%s\n' "$judged_before" | tail -n +2 >>samples.tsv
  judge connect
  [[ $status == 1 && $output == 'errors: 2 requests'*connect* ]]
}

@test "every limit has a cause" {
  python "import judge
for limit in judge.limits():
    assert limit.cause, limit"
  assert_eq 0 "$status" 'status'
}

@test "the order of programs changes from round to round" {
  python "import bench
orders = [bench.in_turn(list('abcdef'), n, 5) for n in range(5)]
assert len(set(map(tuple, orders))) == 5
assert all(sorted(order) == list('abcdef') for order in orders)
after = [{order[i]: order[i - 1] for i in range(6)} for order in orders]
assert all(len({a[x] for a in after}) > 1 for x in 'abcdef')"
  assert_eq 0 "$status" 'status'
}

@test "a share of a core is given by cgroup v2, too" {
  mkdir cgroup cgroup/pen-bench-1-x
  touch cgroup/cgroup.controllers
  python "import lab
lab.CGROUP = '$LAB/cgroup'
group = lab.Group('')
group.folders = ['$LAB/cgroup/pen-bench-1-x']
group.share([11, 12], 25)
group.share([11, 12], 100)"
  assert_eq 0 "$status" 'status'
  cd cgroup/pen-bench-1-x
  assert_eq '+cpu' "$(<cgroup.subtree_control)" 'control'
  assert_eq 'threaded 11 10000 10000' "$(<share0/cgroup.type) $(<share0/cgroup.threads) $(<share0/cpu.max)" 'first'
  assert_eq 'threaded 12 10000 10000' "$(<share1/cgroup.type) $(<share1/cgroup.threads) $(<share1/cpu.max)" 'second'
}

@test "a squid alone is given its share" {
  python "import peers, types
squid = peers.Squid(types.SimpleNamespace(new_port=lambda: 1), 10, 1)
squid.group = types.SimpleNamespace(pids=lambda: [$$])
assert $$ in squid.threads()"
  assert_eq 0 "$status" 'status'
}

@test "the rule that lets through is the last one, and a tenth are wildcards" {
  python "import peers, types
lab = types.SimpleNamespace(new_port=lambda: 1)
for cls in peers.PenProxy, peers.Tinyproxy, peers.Squid, peers.Privoxy:
    lines = cls(lab, 1000, 1).policy().splitlines()
    assert 'origin' in lines[-1], lines[-1]
    assert cls is not peers.PenProxy or len(lines) == 1000
    wild = [l for l in lines if l.startswith(('*.', '.', r'\.'))]
    assert 90 < len(wild) < 110, (cls, len(wild))"
  assert_eq 0 "$status" 'status'
}

@test "the documents are not written from a tree that no commit has" {
  python "import bench, machine
machine.commit = lambda: '1234567-dirty'
sys.argv = ['bench.py']
bench.options_of()"
  [[ $status == 1 && $output == *'commit first'* ]]
  python "import bench, machine
machine.commit = lambda: '1234567-dirty'
sys.argv = ['bench.py', '--out', '$LAB']
bench.options_of()"
  [[ $status == 0 && $output == *'NO COMMIT HAS'* ]]
}

@test "the report can be written anew from the raw data, byte for byte" {
  local form file
  form=$(jq -r '.form // 1' "$LAB_ROOT/doc/bench/run.json")
  [[ $form == 2 ]] || skip 'the raw data is of an older form: make bench'
  cp "$LAB_ROOT"/doc/bench/{samples.tsv,run.json} .
  run "$PYTHON" -B "$BENCH/bench.py" --report --out "$LAB"
  printf '%s\n' "$output"
  for file in report.md cost.md plot.svg; do
    cmp "$file" "$LAB_ROOT/doc/bench/$file"
  done
}

@test "what is drawn has the spread of the rounds, and bars as long as figures" {
  samples connect cpu_us pen-proxy 10 50 60 70
  samples connect cpu_us tinyproxy 10 120 120 120
  printf '{}\n' >run.json
  python "import judge, plot, re
svg = plot.draw(judge.Run('$LAB'))
one, two = [float(w) for w in re.findall(r'width=\"([0-9.]+)\" height=\"14\"', svg)]
assert abs(two / one - 2) < 0.01, (one, two)
assert svg.count('<path') == 1, svg"
  assert_eq 0 "$status" 'status'
}
