// SPDX-License-Identifier: MIT
// index.d.ts - the types of index.js

/// <reference types="node" />

export interface RunOptions {
  cwd?: string;
  allow?: string[];
  env?: Record<string, string>;
  mounts?: string[];
  timeout?: number;
  memory?: string;
  cpus?: number;
  readOnly?: boolean;
  network?: boolean;
  input?: string | Buffer;
  onStdout?: (data: Buffer) => void;
  onStderr?: (data: Buffer) => void;
  signal?: AbortSignal;
  check?: boolean;
  pen?: string;
}

export interface Result {
  exitCode: number;
  stdout: Buffer;
  stderr: Buffer;
  stats: Record<string, unknown>;
  events: Record<string, unknown>[];
  durationMs: number;
  signal: number | null;
  timedOut: boolean;
  oomKilled: boolean;
  peakMemoryBytes: number | null;
  cpuMs: number | null;
  egressAllowed: number;
  egressDenied: number;
  denied: string[];
}

export class PenError extends Error {
  exitCode: number;
}

export class CommandError extends Error {
  result: Result;
}

export function run(command: string[], options?: RunOptions): Promise<Result>;
