// SPDX-License-Identifier: MIT
// index.js - run commands in a sandbox whose only way out is a list of hosts
//
//     const pen = require("pen");
//
//     const result = await pen.run(["npm", "ci"], { allow: ["@npm"], timeout: 60 });
//     console.log(result.exitCode, result.denied);
//
// One file, no dependencies, Node.js 14 and later.  It runs `pen run`, and so
// needs pen on the PATH, or where the option `pen` says.

"use strict";

const { spawn } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

// What `pen run` may take to clear up after SIGTERM.
const END_MS = 30000;

// pen could not run the command: wrong options, no sandbox to be had.  exitCode
// is pen's, and the message what it said.
class PenError extends Error {
  constructor(message, exitCode) {
    super(message);
    this.name = "PenError";
    this.exitCode = exitCode;
  }
}

// The command ran and did not end well, and check was asked for.
class CommandError extends Error {
  constructor(result) {
    super(`the command ended with ${result.exitCode}`);
    this.name = "CommandError";
    this.result = result;
  }
}

/**
 * Run a command in a fresh sandbox.
 *
 * @param {string[]} command words; no shell reads them
 * @param {object} [options]
 * @param {string} [options.cwd] the project: the one folder that it may write to
 * @param {string[]} [options.allow] rules for this run: "example.org:443", "@npm"
 * @param {object} [options.env] variables; other users of this machine can see
 *   them: pass secrets by input
 * @param {string[]} [options.mounts] "SOURCE:TARGET" or "SOURCE:TARGET:ro"
 * @param {number} [options.timeout] seconds, after which it and its children are
 *   killed
 * @param {string} [options.memory] such as "512m"
 * @param {number} [options.cpus] such as 1.5
 * @param {boolean} [options.readOnly] the project cannot be written
 * @param {boolean} [options.network] false: no way out at all
 * @param {string|Buffer} [options.input] its standard input; nothing by default
 * @param {function(Buffer)} [options.onStdout] called with output as it comes
 * @param {function(Buffer)} [options.onStderr]
 * @param {AbortSignal} [options.signal] ends the sandbox, and rejects
 * @param {boolean} [options.check] reject with CommandError unless it ends with 0
 * @param {string} [options.pen] the program
 * @returns {Promise<object>} exitCode (124 timed out, 128+N killed by signal N),
 *   stdout and stderr as Buffers, events (the proxy's log of this run), stats
 *   (what `pen run --stats` wrote), and what is in stats in camel case:
 *   durationMs, timedOut, oomKilled, egressAllowed, egressDenied, denied, ...
 *   Rejects with PenError if the command could not be run.
 */
async function run(command, options = {}) {
  if (!Array.isArray(command)) throw new TypeError("command must be an array of words");
  const folder = await fs.promises.mkdtemp(path.join(os.tmpdir(), "pen-"));
  try {
    const files = { stats: path.join(folder, "stats"), log: path.join(folder, "log") };
    const words = ["run", "--stats", files.stats, "--log", files.log];
    const ended = await communicate([...words, ...optionWords(options), "--", ...command], options);
    const result = Object.assign(ended, await statistics(files.stats, ended));
    result.events = await events(files.log);
    if (options.check && result.exitCode !== 0) throw new CommandError(result);
    return result;
  } finally {
    await fs.promises.rm(folder, { recursive: true, force: true });
  }
}

function optionWords(options) {
  const words = [];
  for (const rule of options.allow || []) words.push("--allow", rule);
  for (const mount of options.mounts || []) words.push("--mount", mount);
  for (const [name, value] of Object.entries(options.env || {})) words.push("-e", `${name}=${value}`);
  if (options.timeout !== undefined) {
    words.push("--timeout", `${Math.max(1, Math.floor(options.timeout * 1000))}ms`);
  }
  if (options.memory !== undefined) words.push("--memory", String(options.memory));
  if (options.cpus !== undefined) words.push("--cpus", String(options.cpus));
  if (options.readOnly) words.push("--read-only");
  if (options.network === false) words.push("--no-network");
  return words;
}

// Run pen; resolve to its exit code and what came on stdout and stderr.
function communicate(words, options) {
  return new Promise((resolve, reject) => {
    if (options.signal && options.signal.aborted) {
      reject(abortError());
      return;
    }
    const child = spawn(options.pen || "pen", words, { cwd: options.cwd, stdio: "pipe" });
    const kept = { stdout: [], stderr: [] };
    let failure = null;
    let killer = null;
    const end = (error) => {
      if (failure) return;
      failure = error;
      child.kill("SIGTERM");
      killer = setTimeout(() => child.kill("SIGKILL"), END_MS);
    };
    const abort = () => end(abortError());
    if (options.signal) options.signal.addEventListener("abort", abort, { once: true });
    for (const [name, callback] of [["stdout", options.onStdout], ["stderr", options.onStderr]]) {
      child[name].on("data", (data) => {
        kept[name].push(data);
        if (!callback || failure) return;
        try {
          callback(data);
        } catch (error) {
          end(error);
        }
      });
    }
    // A command need not read its input.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(killer);
      if (options.signal) options.signal.removeEventListener("abort", abort);
      if (failure) {
        reject(failure);
        return;
      }
      resolve({
        // Killed itself: as a shell would put it.
        exitCode: code === null ? 128 + os.constants.signals[signal] : code,
        stdout: Buffer.concat(kept.stdout),
        stderr: Buffer.concat(kept.stderr),
      });
    });
  });
}

function abortError() {
  const error = new Error("the run was aborted");
  error.name = "AbortError";
  return error;
}

// The statistics; pen writes none if it could not run the command.
async function statistics(file, ended) {
  let stats = null;
  try {
    stats = JSON.parse(await fs.promises.readFile(file, "utf8"));
  } catch {
    throw new PenError(ended.stderr.toString().trim() || "pen said nothing", ended.exitCode);
  }
  const named = { stats };
  for (const [name, value] of Object.entries(stats)) {
    if (name !== "exit_code") named[name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())] = value;
  }
  // How much it wrote is told by what it wrote.
  delete named.stdoutBytes;
  delete named.stderrBytes;
  return named;
}

async function events(file) {
  const text = await fs.promises.readFile(file, "utf8").catch(() => "");
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

module.exports = { run, PenError, CommandError };
