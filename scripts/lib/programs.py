"""Programs that measurements start, and that end with them, however they end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Servers are often outside an ordinary user's PATH.
PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
PROFILE = os.environ.get("PROFILE", "release")
NAME = Path(sys.argv[0]).name


def say(text):
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


def give_up(text, code=69):
    say(text)
    sys.exit(code)


def find(*names):
    """The first of these programs that there is, or None."""
    return next(filter(None, (shutil.which(name, path=PATH) for name in names)), None)


def had(package, *names):
    """The first of these programs that there is, installed where that can be done without asking; or None, said why."""
    found = find(*names)
    if not found and subprocess.run([ROOT / "scripts" / "test-services", "install", package]).returncode == 0:
        found = find(*names)
    if not found:
        say(f"there is no {names[0]}; on Debian it is in the package {package}")
    return found


def needed(package, *names):
    """As `had`; the end where there is none."""
    found = had(package, *names)
    if not found:
        sys.exit(69)
    return found


def version(program, flag):
    """What a program says of its version, in a word: whatever has dots between digits."""
    done = subprocess.run([program, flag], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"


def code():
    """What is measured: the commit, and what was changed since, in a word. Where figures of two are in one section, it names both."""
    folders = ["src", "benches", "examples", "migrations", "vendor", ".cargo", "Cargo.toml", "Cargo.lock"]

    def git(*words):
        return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True).stdout
    commit = git("log", "-1", "--format=%h", "--", *folders).strip()
    changed = git("diff", "HEAD", "--", *folders)
    return commit + (f"+{zlib.crc32(changed.encode()):08x}" if changed else "")


def command_of(target):
    """The command that measures the same again."""
    return ("" if PROFILE == "release" else f"PROFILE={PROFILE} ") + f"make {target}"


def cores():
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))


def _siblings(core):
    """The threads that are one core with this one."""
    file = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    return file.read_text().strip() if file.exists() else str(core)


def pair():
    """A core for the server, one for who asks, and a remark where both are threads of one core, so that each slows the other down.
    The end where there are no two, or the system does not tell CPU time."""
    needed("util-linux", "taskset")
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        give_up("it takes two cores")
    if not Path("/proc/self/schedstat").exists():
        give_up("the system does not tell CPU time in nanoseconds (/proc/PID/schedstat)")
    server = allowed[0]
    other = next((core for core in allowed[1:] if _siblings(core) != _siblings(server)), None)
    remark = "" if other is not None else " Server and generator are two threads of one core here, so both take longer than alone."
    return server, allowed[1] if other is None else other, remark


def built(*examples, profile=None, binary=True):
    """Builds the program and examples; the folder with the program, which has `examples/` beside it.

    MARQUEE, a program that was built before, is used instead where every example is beside it."""
    profile = profile or PROFILE
    ready = os.environ.get("MARQUEE")
    if ready and binary:
        folder = Path(ready).resolve().parent
        if all((folder / "examples" / example).exists() for example in examples):
            return folder
    command = ["cargo", "build", "--locked", "--profile", profile, "--manifest-path", str(ROOT / "Cargo.toml")]
    if binary and not ready:
        command += ["--bin", "marquee"]
    for example in examples:
        command += ["--example", example]
    subprocess.run(command, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (target / ("debug" if profile == "dev" else profile)).resolve()


def marquee(folder):
    """The program to measure."""
    return str(Path(os.environ.get("MARQUEE") or folder / "marquee").resolve())


def free_port():
    """Below the ports that systems hand out for outgoing connections, so that none of those takes it."""
    first = 20_000 + os.getpid() % 10_000
    for port in range(first, first + 10_000):
        if port in free_port.given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free_port.given.add(port)
        return port
    give_up("there is no free port", 70)


free_port.given = set()


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Programs:
    """Processes that run until this ends. A context manager; a signal ends it as an exception does."""

    def __init__(self, folder):
        self.folder, self.started = Path(folder), []

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: sys.exit(128 + number))
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, name, arguments, core=None, out=None, **more):
        """Starts a program, on these cores if any are named ("0", "0,1"); its output is in NAME.log."""
        if core is not None and shutil.which("taskset"):
            arguments = ["taskset", "-c", str(core), *arguments]
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.DEVNULL,
                                       stdout=out or log, stderr=log, cwd=self.folder, **more)
        process.name = name
        self.started.append(process)
        return process

    def wait_for(self, process, ready, seconds=60):
        """Waits until `ready()` gives something, and gives that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            try:
                found = ready()
            except OSError:
                found = None
            if found:
                return found
            time.sleep(0.02)
        log = self.folder / f"{process.name}.log"
        sys.stderr.write(log.read_text(errors="replace")[-4_000:])
        give_up(f"{process.name} did not start", 70)

    def keep_logs(self, folder):
        """Copies what the programs have said, which goes with this otherwise; the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)
        return folder

    def end(self, process, seconds=30):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.started:
            self.started.remove(process)

    def stop(self):
        # What was started last may need what was started first.
        for process in reversed(list(self.started)):
            self.end(process, getattr(process, "patience", 30))
