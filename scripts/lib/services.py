"""What a catalogue is made of: the database, Redis, replicas of Marquee, a load balancer before them."""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from programs import ROOT, find, free_port, give_up, listens, needed

CATALOGUE = ROOT / "data" / "catalog.jsonl.gz"


def fetch(port, path, method="GET", body=None, headers=None):
    """Status, headers and body of an answer, whatever its status."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method, headers=headers or {})
    if body is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def metrics(port):
    """Every series of an admin listener, by its name with labels."""
    text = fetch(port, "/metrics")[2].decode()
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def total(series, name, **labels):
    """The sum of the series of a name that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(value for key, value in series.items()
               if re.match(rf"{name}(\{{|$)", key) and all(part in key for part in wanted))


class MariaDb:
    """A MariaDB of this run's own. Its data stay in `data`, if it is given, for the next run."""

    def __init__(self, programs, data=None, buffer_mib=512, core=None, more=()):
        self.programs, self.core, self.more = programs, core, list(more)
        self.data = Path(data or programs.folder / "mariadb")
        self.buffer_mib = buffer_mib
        self.server = needed("mariadb-server-core", "mariadbd", "mysqld")
        self.program = needed("mariadb-client-core", "mariadb", "mysql")
        if not (self.data / "mysql").exists():
            install = needed("mariadb-server-core", "mariadb-install-db", "mysql_install_db")
            self.data.parent.mkdir(parents=True, exist_ok=True)
            log = open(programs.folder / "mariadb-install.log", "ab")
            subprocess.run([install, "--no-defaults", f"--datadir={self.data}", "--skip-test-db",
                            "--auth-root-authentication-method=normal"], check=True, stdout=log, stderr=log)
        self.start()

    def start(self):
        self.port = free_port()
        socket = self.programs.folder / "mariadb.sock"
        self.process = self.programs.start("mariadb", [
            self.server, "--no-defaults", f"--datadir={self.data}", "--bind-address=127.0.0.1", f"--port={self.port}",
            f"--socket={socket}", "--max-connections=1000", "--skip-name-resolve", "--character-set-server=utf8mb4",
            "--skip-log-bin", f"--innodb-buffer-pool-size={self.buffer_mib}M", "--innodb-log-file-size=1G",
            "--local-infile=1", *self.more, *(["--user=root"] if os.geteuid() == 0 else [])], core=self.core)
        self.process.patience = 180  # it writes what its buffer pool has
        self.programs.wait_for(self.process, lambda: listens(self.port), 300)

    def stop(self):
        self.programs.end(self.process, self.process.patience)

    def ask(self, sql, database=None, more=()):
        """The rows that a statement gives, as lists of text."""
        command = [self.program, "--no-defaults", "-h127.0.0.1", f"-P{self.port}", "-uroot", "-NB", *more]
        done = subprocess.run([*command, *([database] if database else [])], input=sql, check=True, text=True,
                              stdout=subprocess.PIPE)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def create(self, name):
        """A new database, and its URL; what it held before is gone."""
        self.ask(f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}`")
        return self.url(name)

    def url(self, name):
        return f"mysql://root@127.0.0.1:{self.port}/{name}"

    def status(self):
        """Counters of the server: those of statements, rows and the buffer pool."""
        wanted = ("Com_select", "Com_insert", "Com_update", "Com_delete", "Com_commit", "Com_rollback", "Questions",
                  "Rows_read", "Innodb_buffer_pool_reads", "Innodb_buffer_pool_read_requests",
                  "Com_stmt_execute", "Threads_connected")
        names = ",".join(f"'{name}'" for name in wanted)
        rows = self.ask(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")
        return {name: int(value) for name, value in rows}


class Redis:
    """A Redis of this run's own."""

    def __init__(self, programs, core=None):
        self.port = free_port()
        program = needed("redis-server", "redis-server", "valkey-server")
        self.process = programs.start("redis", [program, "--bind", "127.0.0.1", "--port", self.port, "--save", ""],
                                      core=core)
        programs.wait_for(self.process, lambda: listens(self.port))
        self.url = f"redis://127.0.0.1:{self.port}"


class Replica:
    """One `marquee serve`."""

    def __init__(self, programs, program, name, *flags, core=None, wait=120, log="info,access=off"):
        self.port, self.admin = free_port(), free_port()
        self.process = programs.start(name, [
            program, "serve", "--listen", f"127.0.0.1:{self.port}", "--admin-listen", f"127.0.0.1:{self.admin}",
            "--log-format", "json", "--log-level", log, *flags], core=core)
        programs.wait_for(self.process, lambda: fetch(self.admin, "/readyz")[0] == 200, wait)

    def status(self):
        return json.loads(fetch(self.admin, "/status")[2])

    def wait_for_index(self, programs, seconds=600):
        """Waits until searches and suggestions are answered."""
        self.wait_for_searches(programs, seconds)
        programs.wait_for(self.process, lambda: fetch(self.port, "/v1/suggest?q=th")[0] == 200, seconds)

    def wait_for_searches(self, programs, seconds=600):
        programs.wait_for(self.process, lambda: fetch(self.port, "/v1/search?q=the")[0] == 200, seconds)

    def metrics(self):
        return metrics(self.admin)


BALANCER = """\
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend public
  bind 127.0.0.1:{port}
  default_backend replicas
backend replicas
  balance roundrobin
  http-reuse always
  http-response set-header x-served-by %s
{servers}
"""


class Balancer:
    """HAProxy before replicas. It says in `X-Served-By` who answered, and forwards nobody's address, since forwarded
    requests may not write without a key."""

    def __init__(self, programs, ports, core=None):
        self.port = free_port()
        servers = "\n".join(f"  server replica{n} 127.0.0.1:{port}" for n, port in enumerate(ports))
        file = programs.folder / "balancer.cfg"
        file.write_text(BALANCER.format(port=self.port, servers=servers))
        self.process = programs.start("haproxy", [needed("haproxy", "haproxy"), "-db", "-f", file], core=core)
        programs.wait_for(self.process, lambda: listens(self.port))


def run(program, *arguments):
    """Runs a command of Marquee to its end; what it printed."""
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        give_up(f"marquee {arguments[0]} failed: {done.stderr[-2_000:]}", 70)
    return done.stdout


def load(folder, command, port, *arguments, core=None, progress=False):
    """Runs examples/load: what it found, and whether all was well."""
    line = [folder / "examples" / "load", command, f"127.0.0.1:{port}", *map(str, arguments)]
    if core is not None and find("taskset"):
        line = ["taskset", "-c", str(core), *line]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=None if progress else subprocess.PIPE, text=True)
    if not done.stdout.strip():
        give_up(f"the load generator failed: {done.stderr}", 70)
    return json.loads(done.stdout), done.returncode == 0
