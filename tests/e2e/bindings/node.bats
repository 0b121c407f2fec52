#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# node.bats - N10: bindings/node/index.js, with real sandboxes

load ../pen/common

setup() {
  command -v node >/dev/null || skip "no node here (nodejs)"
  pen_setup
}

# javascript PROGRAM - run it with the binding in reach; pen is this tree's
javascript() {
  PATH=$LAB_ROOT/penctl:$PATH timeout 60 node -e "
const pen = require('$LAB_ROOT/bindings/node');
const assert = require('assert');
const fs = require('fs');
(async () => { $1
  console.log('good'); })().catch((error) => { console.log(error); process.exit(1); });"
}

@test "N10 F2: status, output, statistics and events of a command come back to Node.js" {
  run javascript '
    const r = await pen.run(["sh", "-c", "echo out; echo err >&2; curl -s http://denied.test/; exit 42"]);
    assert.strictEqual(r.exitCode, 42);
    assert(r.stdout.toString().startsWith("out\n"));
    assert.strictEqual(r.stderr.toString(), "err\n");
    assert.deepStrictEqual(r.denied, ["denied.test:80"]);
    assert.strictEqual(r.egressDenied, 1);
    assert(r.durationMs > 0 && r.timedOut === false && r.stats.exit_code === 42);
    assert.deepStrictEqual(r.events.filter((e) => e.event === "deny").map((e) => e.host), ["denied.test"]);'
  assert_eq good "$output"
}

@test "N10: rules, variables, input, the project, read-only, no network" {
  run javascript '
    let r = await pen.run(["sh", "-c", "cat; echo $A; curl -s http://example.test/there"],
      { input: "given ", env: { A: "b  c" }, allow: ["example.test:80"] });
    assert(r.stdout.includes("given b") && r.stdout.includes("/there"));
    fs.mkdirSync("elsewhere");
    await pen.run(["touch", "made"], { cwd: "elsewhere", check: true });
    assert(fs.existsSync("elsewhere/made"));
    r = await pen.run(["touch", "no"], { readOnly: true });
    assert(r.exitCode !== 0 && !fs.existsSync("no"));
    r = await pen.run(["sh", "-c", "echo ${http_proxy-none}"], { network: false });
    assert.strictEqual(r.stdout.toString(), "none\n");'
  assert_eq good "$output"
}

@test "N10 F3: output is streamed as it comes, and whole in the result" {
  run javascript '
    const seen = [];
    const r = await pen.run(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.3; done"],
      { onStdout: (data) => seen.push([data, Date.now()]) });
    assert.strictEqual(Buffer.concat(seen.map((s) => s[0])).toString(), "1\n2\n3\n");
    assert.strictEqual(r.stdout.toString(), "1\n2\n3\n");
    assert(seen[seen.length - 1][1] - seen[0][1] > 300);
    const big = await pen.run(["head", "-c", "30000000", "/dev/zero"]);
    assert.strictEqual(big.stdout.length, 30000000);'
  assert_eq good "$output"
}

@test "N10 N2: a time limit and a signal are told apart" {
  run javascript '
    let r = await pen.run(["sleep", "30"], { timeout: 0.2 });
    assert(r.exitCode === 124 && r.timedOut);
    r = await pen.run(["sh", "-c", "kill -9 $$"]);
    assert(r.exitCode === 137 && r.signal === 9 && !r.timedOut);'
  assert_eq good "$output"
}

@test "N10: what pen itself refuses is an error, and so is a status if that was asked for" {
  run javascript '
    for (const options of [{ mounts: ["/nowhere:/x"] }, { allow: ["no rule"] }, { env: { "A.B": "1" } }, null]) {
      await assert.rejects(options ? pen.run(["true"], options) : pen.run([]),
        (error) => error instanceof pen.PenError && error.exitCode === 2 && error.message.startsWith("pen"));
    }
    await assert.rejects(pen.run(["sh", "-c", "exit 7"], { check: true }),
      (error) => error instanceof pen.CommandError && error.result.exitCode === 7);
    await assert.rejects(pen.run("ls"), TypeError);
    await assert.rejects(pen.run(["true"], { pen: "/nowhere/pen" }), { code: "ENOENT" });
    assert.strictEqual((await pen.run(["no-such-program"])).exitCode, 127);'
  assert_eq good "$output"
}

@test "N10: an AbortSignal and an exception of a callback end the sandbox" {
  run javascript '
    const abort = new AbortController();
    await assert.rejects(pen.run(["sh", "-c", "echo up; sleep 60"],
      { signal: abort.signal, onStdout: () => abort.abort() }), { name: "AbortError" });
    await assert.rejects(pen.run(["sh", "-c", "echo up; sleep 60"],
      { onStdout: () => { throw new RangeError("bad"); } }), RangeError);'
  assert_eq good "$output"
  no_process_left
}

@test "N10: many runs at once do not disturb each other" {
  run javascript '
    await Promise.all([...Array(8).keys()].map(async (n) => {
      const r = await pen.run(["sh", "-c", `echo ${n}; exit ${n}`]);
      assert(r.exitCode === n && r.stdout.toString() === `${n}\n`);
    }));'
  assert_eq good "$output"
}

@test "N10: npm takes it as a package from its folder" {
  command -v npm >/dev/null || skip "no npm here"
  printf '{"name": "user", "private": true}\n' >package.json
  npm install --offline --no-audit --no-fund --silent "$LAB_ROOT/bindings/node" >npm.out 2>&1 || fail "$(cat npm.out)"
  assert_eq function "$(node -p 'typeof require("pen").run')"
}
