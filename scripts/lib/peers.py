"""Servers that give one and the same answer: Marquee, a bare hyper server, and caches before Marquee."""

import shutil
from pathlib import Path

from programs import ROOT, free_port, give_up, had, listens, say, version
from services import Replica, fetch, total

# A limit in force, as in production, that nobody reaches.
LIMIT = "read=1000000/1s"
# Bytes of the answer that is wanted: a usual page of a list.
BYTES = 4096


class Peer:
    """A server to ask: its name, port, targets and the processes whose CPU time it costs."""

    def __init__(self, name, port, targets, processes, replica=None):
        self.name, self.port, self.targets = name, port, targets
        self.pids = [process.pid for process in processes]
        self.replica = replica

    def loads(self):
        """How often the database was asked so far, where that is known."""
        if not self.replica:
            return 0
        return total(self.replica.metrics(), "marquee_cache_load_seconds_count")


def _filled(template, target, **values):
    text = Path(template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name.upper()}@", str(value))
    target.write_text(text)
    return target


class Peers:
    """All servers of a run, on one core."""

    def __init__(self, programs, program, examples, core=0):
        self.programs, self.program, self.examples, self.core = programs, program, examples, core
        self.peers, self.missing, self.versions = {}, [], {}
        folder = programs.folder
        folder.chmod(0o755)  # nginx' and Varnish's workers may be other users
        self.url = f"sqlite:{folder}/marquee.db"
        self.marquee = Replica(programs, program, "marquee", "--database-url", self.url, "--rate-limit", LIMIT, core=core,
                               log="info")
        self._choose_the_answer()
        self._add("marquee", self.marquee.port, [self.marquee.process])

    def _choose_the_answer(self):
        """The list whose body is closest to what is wanted."""
        def size(limit):
            return len(fetch(self.marquee.port, f"/v1/movies?genre=Drama&limit={limit}")[2])
        limit = min(range(5, 26), key=lambda limit: abs(size(limit) - BYTES))
        self.path = f"/v1/movies?genre=Drama&limit={limit}"
        for _ in range(3):
            _, self.headers, self.body = fetch(self.marquee.port, self.path)
        say(f"the answer: {self.path}, {len(self.body)} bytes")

    def _add(self, name, port, processes, targets=None, replica=None):
        if not targets and fetch(port, self.path)[2] != self.body:
            give_up(f"{name} gives another answer", 70)
        self.peers[name] = Peer(name, port, targets or [self.path], processes, replica)

    def _start(self, name, arguments, port):
        process = self.programs.start(name, arguments, core=self.core)
        self.programs.wait_for(process, lambda: listens(port))
        return process

    def _has(self, name, package, program, flag):
        found = had(package, program)
        if found:
            self.versions[name] = version(found, flag)
        else:
            self.missing.append(name)
            say(f"{name} is left out")
        return found

    def add_bare(self, name="bare hyper", *more):
        """A hyper server that answers from a constant: what Marquee now says to these headers."""
        port = free_port()
        url = f"http://127.0.0.1:{self.marquee.port}{self.path}"
        bare = [self.examples / "examples" / "bare_hyper", url, "--listen", f"127.0.0.1:{port}", *more]
        # With headers the answer may be another one: shorter, or coded.
        targets = [self.path] if "--header" in more else None
        self._add(name, port, [self._start(name.replace(" ", "-"), bare, port)], targets)

    def add_nginx(self):
        """nginx with the bytes as a file, and as a cache."""
        program = self._has("nginx", "nginx-light", "nginx", "-v")
        if not program:
            return
        folder = self.programs.folder
        (folder / "static").mkdir()
        (folder / "static" / "answer").write_bytes(self.body)
        # nginx writes these itself; the last one would have every client connect anew.
        own = {"date", "content-length", "content-type", "etag", "connection"}
        headers = "\n".join(
            '      add_header {} "{}";'.format(name, value.replace("\\", "\\\\").replace('"', '\\"'))
            for name, value in self.headers.items() if name.lower() not in own)
        static, proxy = free_port(), free_port()
        file = _filled(ROOT / "benches/hits/nginx.conf.in", folder / "nginx.conf", folder=folder, static=static,
                       proxy=proxy, marquee=f"127.0.0.1:{self.marquee.port}", headers=headers)
        arguments = [program, "-p", folder, "-e", folder / "nginx-error.log", "-c", file]
        process = self._start("nginx", arguments, proxy)
        self._add("nginx, a file", static, [process])
        self._add("nginx proxy_cache", proxy, [process])

    def add_varnish(self):
        program = self._has("Varnish", "varnish", "varnishd", "-V")
        if not program:
            return
        if not shutil.which("cc"):
            give_up("there is no cc, with which Varnish compiles its configuration; on Debian it is in gcc")
        folder, port = self.programs.folder, free_port()
        file = _filled(ROOT / "benches/hits/default.vcl.in", folder / "default.vcl", host="127.0.0.1",
                       port=self.marquee.port)
        arguments = [program, "-F", "-j", "none", "-n", folder / "varnish", "-a", f"127.0.0.1:{port}", "-f", file,
                     "-s", "malloc,64m",
                     # Else it would keep the gzip form only, and unpack it for each client that asks for none.
                     "-p", "http_gzip_support=off"]
        self._add("Varnish", port, [self._start("varnish", arguments, port)])

    def add_haproxy(self):
        program = self._has("HAProxy", "haproxy", "haproxy", "-v")
        if not program:
            return
        port = free_port()
        file = _filled(ROOT / "benches/peers/haproxy.cfg.in", self.programs.folder / "haproxy.cfg", port=port,
                       marquee=f"127.0.0.1:{self.marquee.port}")
        self._add("HAProxy cache", port, [self._start("haproxy", [program, "-db", "-f", file], port)])

    def add_plain(self, name, url, processes=()):
        """Marquee without a cache: each answer is a query. Connections ask for pages of their own, since those who
        ask for the same at once would share one."""
        replica = Replica(self.programs, self.program, name.replace(" ", "-"), "--database-url", url, "--l1-bytes", "0",
                          "--overload-limit", "off", "--rate-limit", LIMIT, core=self.core)
        targets = [f"{self.path}&page={page}" for page in range(1, 65)]
        self._add(name, replica.port, [replica.process, *processes], targets, replica)
