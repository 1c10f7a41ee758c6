"""What the system knows of processes: CPU time, memory, descriptors; in an instant, and over time."""

import os
import threading
import time
from pathlib import Path


def children_of(pid):
    text = ""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        try:
            text += (task / "children").read_text()
        except OSError:
            pass
    return [int(child) for child in text.split()]


def family_of(pid):
    """A process and all that it started: servers are often a parent that does nothing, and workers."""
    family = [pid]
    for child in children_of(pid):
        family += family_of(child)
    return family


def cpu_ns(pid):
    """Nanoseconds on a core so far, of all threads that live, of a process and what it started."""
    total = 0
    for member in family_of(pid):
        for task in Path(f"/proc/{member}/task").glob("*"):
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except (OSError, IndexError):
                pass
    return total


def held(pid):
    """Bytes in memory of a process and what it started, shared ones counted once where the system tells; and those of them
    that are no file's, which the system cannot take back (`None` where it does not tell)."""
    total, own = 0, 0
    for member in family_of(pid):
        try:
            # Proportional, since workers share their parent's pages.
            text = Path(f"/proc/{member}/smaps_rollup").read_text()
            rows = dict(line.split()[:2] for line in text.splitlines()[1:])
            total += 1024 * int(rows["Pss:"])
            own = own + 1024 * int(rows["Pss_Anon:"]) if own is not None and "Pss_Anon:" in rows else None
        except (OSError, KeyError):
            try:
                total += int(Path(f"/proc/{member}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
                own = None
            except OSError:
                pass
    return total, own


def resident(pid):
    return held(pid)[0]


def private(pid):
    return held(pid)[1]


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def describe_machine():
    """One line that says what machine this is."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal"))
    system = os.uname()
    return f"{system.sysname} {system.machine}, {model}, {os.cpu_count()} cores, {memory / 2**20:.0f} GB"


class Watch:
    """Samples processes in a thread: CPU (cores in use), memory (resident, and that which is no file's), descriptors, whatever
    else is asked.

    Its rows are kept to ROWS: where there are more, every other one is dropped and sampling slows down, so
    that an hour has as many as a minute."""

    ROWS = 240

    def __init__(self, processes, every=1.0, more=None):
        """`processes`: name -> pid; `more()` gives a dictionary of further figures."""
        self.processes, self.every, self.more = dict(processes), every, more
        self.began = time.monotonic()
        self.rows, self.last = [], {}
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._sample()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _run(self):
        while not self.ended.wait(self.every):
            self._sample()
            if len(self.rows) > self.ROWS:
                with self.lock:
                    self.rows = self.rows[::2]
                self.every *= 2

    def _sample(self):
        now = time.monotonic()
        row = {"t": round(now - self.began, 2)}
        for name, pid in self.processes.items():
            used = cpu_ns(pid)
            if name in self.last:
                before, at = self.last[name]
                row[f"{name}.cores"] = round(max(0, used - before) / (now - at) / 1e9, 4)
            self.last[name] = (used, now)
            total, own = held(pid)
            row[f"{name}.mib"] = round(total / 2**20, 1)
            if own is not None:
                row[f"{name}.own_mib"] = round(own / 2**20, 1)
            row[f"{name}.descriptors"] = descriptors(pid)
        if self.more:
            try:
                row.update(self.more())
            except Exception as error:  # a server under load may not answer; the next sample will
                row["missed"] = str(error)[:100]
        with self.lock:
            self.rows.append(row)

    def column(self, name):
        """(seconds, figure) of each row that has it."""
        with self.lock:
            return [(row["t"], row[name]) for row in self.rows if name in row]
