# SPDX-License-Identifier: MIT
"""pen.py - run commands in a sandbox whose only way out is a list of hosts

    import pen

    result = pen.run(["pip", "download", "idna"], allow=["@pypi"], timeout=60)
    print(result.exit_code, result.denied)

One file, the standard library alone, Python 3.7 and later.  It runs `pen run`,
and so needs pen on the PATH, or where `pen=` says.
"""
import json
import os
import signal
import subprocess
import tempfile
import threading

__all__ = ["CommandError", "PenError", "Result", "run"]

# What `pen run` may take to clear up after SIGTERM.
END_SECONDS = 30


class PenError(Exception):
    """pen could not run the command: wrong options, no sandbox to be had.

    exit_code is pen's, and the text what it said.
    """

    def __init__(self, text, exit_code):
        super().__init__(text)
        self.exit_code = exit_code


class CommandError(Exception):
    """The command ran and did not end well, and check was asked for."""

    def __init__(self, result):
        super().__init__("the command ended with {}".format(result.exit_code))
        self.result = result


class Result:
    """What became of a command.

    exit_code   its own; 124 timed out, 126 and 127 not executable, not found,
                128+N killed by signal N
    stdout, stderr   all that it wrote, as bytes
    stats       what `pen run --stats` wrote, as a dict
    events      the proxy's log of this run, as a list of dicts

    Everything in stats is an attribute as well: duration_ms, timed_out,
    oom_killed, signal, peak_memory_bytes, cpu_ms, egress_allowed,
    egress_denied, denied (a list of "host:port") and so on.
    """

    def __init__(self, exit_code, stdout, stderr, stats, events):
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        self.stats = stats
        self.events = events

    def __getattr__(self, name):
        try:
            return self.__dict__["stats"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __repr__(self):
        return "<pen.Result exit_code={} stats={}>".format(self.exit_code, self.stats)


def run(command, cwd=None, allow=(), env=None, mounts=(), timeout=None, memory=None,
        cpus=None, read_only=False, network=True, stdin=None, on_stdout=None,
        on_stderr=None, check=False, pen="pen"):
    """Run a command in a fresh sandbox and return its Result.

    command     a list of words; no shell reads them
    cwd         the project: the one folder that the command may write to
    allow       rules for this run, such as "example.org:443" or "@pypi"
    env         variables for the command, a dict; other users of this machine
                can see them: pass secrets on stdin
    mounts      "SOURCE:TARGET" or "SOURCE:TARGET:ro"
    timeout     seconds, after which the command and its children are killed
    memory      a size such as "512m";  cpus: a number such as 1.5
    read_only   the project cannot be written;  network: False is no way out
    stdin       bytes, or an open file; nothing by default
    on_stdout, on_stderr   called with bytes as they come, in threads of their own
    check       raise CommandError unless exit_code is 0
    pen         the program

    Raises PenError if the command could not be run.  If an exception ends the
    wait, such as KeyboardInterrupt, the sandbox is ended first.
    """
    if isinstance(command, (str, bytes)):
        raise TypeError("command must be a list of words")
    with tempfile.TemporaryDirectory(prefix="pen-") as folder:
        stats, log = os.path.join(folder, "stats"), os.path.join(folder, "log")
        words = [pen, "run", "--stats", stats, "--log", log]
        words += _options(allow, env, mounts, timeout, memory, cpus, read_only, network)
        exit_code, out, err = _communicate(
            words + ["--"] + list(command), cwd, stdin, on_stdout, on_stderr)
        result = Result(exit_code, out, err, _stats(stats, exit_code, err), _events(log))
    if check and exit_code != 0:
        raise CommandError(result)
    return result


def _options(allow, env, mounts, timeout, memory, cpus, read_only, network):
    words = []
    for name, values in (("--allow", allow), ("--mount", mounts)):
        if isinstance(values, str):
            raise TypeError("{} must be a list".format(name[2:]))
        for value in values:
            words += [name, value]
    for name, value in (env or {}).items():
        words += ["-e", "{}={}".format(name, value)]
    if timeout is not None:
        words += ["--timeout", "{}ms".format(max(1, int(timeout * 1000)))]
    if memory is not None:
        words += ["--memory", str(memory)]
    if cpus is not None:
        words += ["--cpus", str(cpus)]
    return words + ["--read-only"] * bool(read_only) + ["--no-network"] * (not network)


def _communicate(words, cwd, stdin, on_stdout, on_stderr):
    """Run words; return the exit status and what came on stdout and stderr."""
    given = stdin if hasattr(stdin, "fileno") else subprocess.DEVNULL
    if isinstance(stdin, (bytes, bytearray)):
        given = subprocess.PIPE
    process = subprocess.Popen(words, cwd=cwd, stdin=given, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    kept, failures = ([], []), []

    def fail(error):
        failures.append(error)
        process.send_signal(signal.SIGTERM)

    threads = [threading.Thread(target=_read, args=job, daemon=True) for job in (
        (process.stdout, kept[0], on_stdout, fail), (process.stderr, kept[1], on_stderr, fail))]
    if given == subprocess.PIPE:
        threads.append(threading.Thread(target=_write, args=(process.stdin, stdin), daemon=True))
    try:
        for thread in threads:
            thread.start()
        status = process.wait()
        for thread in threads:
            thread.join()
    except BaseException:
        _end(process)
        raise
    finally:
        process.stdout.close()
        process.stderr.close()
    if failures:
        raise failures[0]
    # Killed itself: as a shell would put it.
    return (128 - status if status < 0 else status), b"".join(kept[0]), b"".join(kept[1])


def _read(stream, kept, callback, fail):
    """Keep all that comes; a callback that raises ends the run, once."""
    for data in iter(lambda: stream.read1(65536), b""):
        kept.append(data)
        try:
            if callback:
                callback(data)
        except Exception as error:  # handed on to the caller of run()
            callback = None
            fail(error)


def _write(stream, data):
    try:
        stream.write(data)
        stream.close()
    except BrokenPipeError:
        # A command need not read its input.
        pass


def _end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stats(path, exit_code, err):
    """The statistics; pen writes none if it could not run the command."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        text = err.decode("utf-8", "replace").strip()
        raise PenError(text or "pen said nothing", exit_code) from None


def _events(path):
    try:
        with open(path, encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]
    except OSError:
        return []
