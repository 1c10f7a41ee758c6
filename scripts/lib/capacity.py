"""What a load needs in replicas, memory, Redis and MySQL: arithmetic from measured figures, each shown."""

import json
import math
import os

import document
from figures import median
from programs import ROOT, say

MOVIES = int(os.environ.get("MOVIES_PLANNED", "25000000"))
A_DAY = int(os.environ.get("A_DAY", "75000000"))
PEAK = float(os.environ.get("PEAK", "10"))
BUSY = float(os.environ.get("BUSY", "0.6"))
CORES = int(os.environ.get("CORES", "4"))
L1_MIB = 256
# The default of --database-connections, and what MariaDB's defaults let each of them take: 2 MiB to sort in, and 1 MiB to join and to
# read, with its stack.
CONNECTIONS, CONNECTION_MIB = 100, 3
# Statements that a connection keeps prepared (src/store/pools.rs).
STATEMENTS = 32


def _figures(name):
    folder = ROOT / "target" / "trial" / "benchmarks" if document.is_trial() else document.FOLDER
    file = folder / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def _line(points):
    """(a, b) of y = a + b·x through the smallest and the largest x; through nothing and the only one."""
    points = sorted(points)
    if len(points) == 1:
        return 0, points[0][1] / points[0][0]
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0)
    return y0 - slope * x0, slope


def _per_answer(legs, part):
    """Core-seconds of a part for each answer, over all legs that tell."""
    used = sum(leg["cores"][part] * leg["all"]["seconds"] for leg in legs if part in leg.get("cores", {}))
    return used / sum(leg["all"]["answers"] for leg in legs)


def _searched(legs):
    """The part of all answers that were searches which no cache had."""
    asked = sum(leg["classes"].get("search", {}).get("from", {}).get("loaded", 0) for leg in legs)
    return asked / sum(leg["all"]["answers"] for leg in legs)


def _search_seconds(scale, movies):
    """How long the median kind of search takes among so many movies; 0 where that was not measured."""
    points = []
    for size in scale["sizes"]:
        if found := scale["parts"].get(f"search-{size}"):
            points.append((size, median([row[2] for row in found["found"]["rows"].values() if len(row) >= 6]) / 1e3))
    if not points:
        return 0
    base, each = _line(points)
    return max(0, base + each * movies)


class _Steps:
    """Lines of arithmetic: what, how, how much; and which of them were not measured but drawn on."""

    def __init__(self):
        self.rows, self.beyond = [], []

    def add(self, what, how, result, beyond=None):
        self.rows.append([what, how, result])
        if beyond:
            self.beyond.append(f"{what}: {beyond}")


def write():
    """Writes the document where there are figures for it; whether it did."""
    run, scale, peers = _figures("bench-15m"), _figures("bench-scale"), _figures("bench-peers")
    if missing := [name for name, figures in (("bench-15m", run), ("bench-scale", scale), ("bench-peers", peers))
                   if not figures]:
        say(f"CAPACITY.md is left as it is: there are no figures of {', '.join(missing)}")
        return False
    steps = _Steps()
    legs = run["legs"]
    mean = A_DAY / 86_400
    peak = mean * PEAK
    steps.add("requests a second, mean", f"{A_DAY:,} ÷ 86,400 s", f"{mean:,.0f}")
    steps.add("requests a second, peak", f"× {PEAK:g}", f"{peak:,.0f}")

    replica = sum(_per_answer(legs, part) for part in ("replica0", "replica1"))
    steps.add("CPU of an answer at a replica", f"15 million, with {run['movies']:,} movies: core-seconds of both replicas ÷ answers",
              f"{replica * 1e6:.1f} µs")
    searched = _searched(legs)
    now, then = (_search_seconds(scale, movies) for movies in (run["movies"], MOVIES))
    if then > now:
        more = searched * (then - now)
        steps.add("the same, with searches among more movies",
                  f"+ {searched:.4f} answers are searches of the index × ({then * 1e3:.2f} − {now * 1e3:.2f} ms)",
                  f"{(replica + more) * 1e6:.1f} µs", "the median kind of search by a line through the measured sizes; a search "
                  "runs on one thread, so its time stands for its CPU")
        replica += more
    needed = peak * replica / BUSY
    steps.add("cores of replicas at the peak", f"{peak:,.0f}/s × {replica * 1e6:.1f} µs ÷ {BUSY:g} busy", f"{needed:.2f}")
    replicas = max(2, math.ceil(needed / CORES)) + 1
    steps.add("replicas", f"⌈{needed:.2f} ÷ {CORES} cores⌉, 2 at least, and one that may fail", f"{replicas}")
    hit = median([row["open_cpu_ns"] for row in peers["rounds"]["marquee"]])
    steps.add("the same, were all answers hits", f"{peak:,.0f}/s × {hit / 1e3:.1f} µs (beside others, at a fixed rate)",
              f"{peak * hit / 1e9:.2f} cores")

    kinds = list(dict.fromkeys(figures["machine"] for figures in (run, peers, *scale["parts"].values())))
    machines = "; ".join(kinds)
    unlike = "- All on one kind of machine: times of one are added to those of another.\n" if len(kinds) > 1 else ""
    results = {name: part["found"] for name, part in scale["parts"].items()}
    measured = sorted({*scale["sizes"], scale["bundled"]})
    sizes = [size for size in measured if f"start-mariadb-{size}" in results]
    backend = "mariadb" if sizes else "sqlite"
    sizes = sizes or [size for size in measured if f"start-sqlite-{size}" in results]

    def starts(*path):
        points = []
        for size in sizes:
            value = results[f"start-{backend}-{size}"]
            for step in path:
                value = value[step]
            points.append((size, value))
        return points

    if sizes:
        base, each = _line(starts("again", "private"))
        drawn = f"measured up to {sizes[-1]:,} movies; a line through the smallest and the largest size, drawn on"
        memory = (base + each * MOVIES) / 2**20
        whole = memory + L1_MIB * 1.3 + 60
        steps.add("memory of a replica, without what is cached", f"{base / 2**20:.0f} MiB + {MOVIES:,} × {each:.0f} bytes (index and "
                  "suggestions)", f"{memory:,.0f} MiB", drawn)
        steps.add("memory of a replica", f"+ {L1_MIB} MiB of L1 × 1.3 + 60 MiB", f"{whole:,.0f} MiB")
        base, each = _line(starts("index_bytes"))
        steps.add("disk of a replica (index)", f"{MOVIES:,} × {each:.0f} bytes, twice while it is built anew",
                  f"{2 * (base + each * MOVIES) / 1e9:.1f} GB", drawn)
        seconds = starts("first", "with_index")
        rate = seconds[-1][0] / max(seconds[-1][1], 1e-9)
        steps.add("first start, until searches are answered", f"{MOVIES:,} ÷ {rate:,.0f} movies/s", f"{MOVIES / rate / 60:.0f} min",
                  drawn)
        steps.add("later starts, until ready", "does not depend on the number of movies (table of starts)",
                  f"{starts('again', 'ready')[-1][1]:.2f} s")
    imports = [(size, results[f"import-{backend}-{size}"]) for size in measured if f"import-{backend}-{size}" in results]
    if imports:
        base, each = _line([(size, value["bytes"]) for size, value in imports])
        stored = base + each * MOVIES
        steps.add(f"disk of the database ({backend})", f"{MOVIES:,} × {each:.0f} bytes", f"{stored / 1e9:.1f} GB",
                  "measured up to the largest size of the table; a line, drawn on")
        steps.add("import of all movies", f"{MOVIES:,} ÷ {imports[-1][0] / imports[-1][1]['seconds']:,.0f} movies/s",
                  f"{MOVIES / imports[-1][0] * imports[-1][1]['seconds'] / 60:.0f} min",
                  "indexes that no longer fit into memory are made more slowly")

    queries = sum(leg["database"].get("Com_select", 0) for leg in legs) / sum(leg["all"]["answers"] for leg in legs)
    database = _per_answer(legs, "mariadb")
    steps.add("queries of the database at the peak", f"{peak:,.0f}/s × {queries:.4f} an answer (hit ratio {run['hit_ratio']:.4f})",
              f"{peak * queries:,.0f}/s", f"that {MOVIES:,} movies are asked for by as few URLs ({run['urls']:,}) as {run['movies']:,} were, so "
              f"that hit ratio and CPU of answers stay as they are (each point of the hit ratio is {peak / 100:,.0f} loads a second); and three "
              "replicas as two: what one has loaded the others take from Redis")
    steps.add("cores of the database at the peak", f"{peak:,.0f}/s × {database * 1e6:.1f} µs ÷ {BUSY:g} busy",
              f"{peak * database / BUSY:.2f}", "with the working set in its buffer pool")
    steps.add("connections of the database", f"({replicas} replicas + 1 while they are replaced) × {CONNECTIONS} (--database-connections) + 10 "
              "for people", f"max_connections {(replicas + 1) * CONNECTIONS + 10}")
    steps.add("statements that they keep prepared", f"({replicas} + 1) × {CONNECTIONS} × {STATEMENTS} (0102)",
              f"{(replicas + 1) * CONNECTIONS * STATEMENTS:,} (max_prepared_stmt_count has 16,382)")
    pages = [sum(leg["database"].get(f"Innodb_buffer_pool_{name}", 0) for leg in legs) for name in ("reads", "read_requests")]
    if imports and pages[1]:
        buffers = (replicas + 1) * CONNECTIONS * CONNECTION_MIB / 1024
        held = max(leg["memory"]["mariadb"] for leg in legs) / 1024
        steps.add("memory of the database, everything in its buffer pool", f"{stored / 2**30:.1f} GiB × 1.1 + {buffers:.1f} GiB of "
                  f"connections ({CONNECTION_MIB} MiB each)", f"{stored / 2**30 * 1.1 + buffers:,.0f} GiB", "no query ever waits for the disk; "
                  "what it needs at least depends on how much of the catalogue misses touch")
        steps.add("the same, with as much of it in memory as was measured", f"{held:.1f} GiB for {run['movies']:,} movies, of whose pages "
                  f"{100 * pages[0] / pages[1]:.2f} % were read from files, × {MOVIES / run['movies']:g}",
                  f"{held * MOVIES / run['movies']:,.0f} GiB", "the part of the catalogue that is asked for stays the same")
    writes = sum(leg["writes"][kind] for leg in legs for kind in ("changes", "creates", "deletes")) / sum(leg["all"]["answers"] for leg in legs)
    steps.add("writes at the peak", f"{peak:,.0f}/s × {writes:.4f}", f"{peak * writes:.1f}/s")
    redis = _per_answer(legs, "redis")
    held = max((leg.get("memory", {}).get("redis", 0) for leg in legs), default=0)
    steps.add("memory of Redis", f"{held:,.0f} MiB for {run['urls']:,} URLs, × 4 for as many more, × 1.5 for its own",
              f"{held * 6:,.0f} MiB", "how many different URLs are asked for within --redis-ttl is a guess: watch "
              "evictions, and set `maxmemory-policy allkeys-lru`")
    steps.add("cores of Redis at the peak", f"{peak:,.0f}/s × {redis * 1e6:.1f} µs", f"{peak * redis:.2f}")
    balancer = _per_answer(legs, "haproxy")
    steps.add("cores of the load balancer at the peak", f"{peak:,.0f}/s × {balancer * 1e6:.1f} µs ÷ {BUSY:g} busy",
              f"{peak * balancer / BUSY:.2f}")
    searches = _searches(results, scale["sizes"])
    text = f"""# Capacity

What {MOVIES / 1e6:g} million movies and {A_DAY / 1e6:g} million requests a day need, with peaks of {PEAK:g} times the mean: by arithmetic from what was
measured ([BENCHMARKS.md](BENCHMARKS.md)) on {machines}. Written by `scripts/capacity`; get it again for other
numbers with `A_DAY=… PEAK=… MOVIES_PLANNED=… make capacity`.

{document.table(["what", "how", "is"], steps.rows, 3)}
{searches}
## What was not measured

""" + "\n".join(f"- {one[0].upper()}{one[1:]}." for one in steps.beyond) + f"""
{unlike}- The network: everything ran on one machine over loopback. Between machines each query and each operation of Redis waits
  for the way there and back, which is latency of misses, and no CPU.
- More than two replicas. They share nothing but the database and Redis; each polls the database four times a second.
"""
    file = ROOT / "docs" / "CAPACITY.md"
    if document.is_trial():
        file = ROOT / "target" / "trial" / "CAPACITY.md"
    file.write_text(text)
    say(f"written to {os.path.relpath(file)}")
    return True


def _searches(results, sizes):
    """How searches grow, in a sentence."""
    found = {size: results.get(f"search-{size}") for size in sizes}
    measured = [(size, one["rows"]) for size, one in found.items() if one]
    if len(measured) < 2:
        return ""
    (small, first), (large, last) = measured[0], measured[-1]
    names = [name for name in first if name in last and len(first[name]) >= 6]
    growth = median([last[name][2] / first[name][2] for name in names if first[name][2]])
    worst = max((last[name][2] for name in names), default=0)
    return (f"\nSearches: from {small:,} to {large:,} movies their medians grew {growth:.1f}-fold, and the slowest kind took "
            f"{worst:.1f} ms. Time grows with the matches, so {MOVIES:,} movies are {MOVIES / large:.1f} times that at worst.\n")
