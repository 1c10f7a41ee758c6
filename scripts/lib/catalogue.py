"""Catalogues for measurements: the bundled films, and made-up ones up to a size. They stay in target/bench for the next
run, since a large one takes minutes to make."""

import gzip
import json
import subprocess
import time

from programs import ROOT, give_up, say
from services import CATALOGUE, MariaDb

KEPT = ROOT / "target" / "bench"
SEED = 1


def bundled():
    """The number of bundled films."""
    with gzip.open(CATALOGUE, "rt") as lines:
        return sum(1 for _ in lines)


def synthetic(program, movies):
    """A file of so many made-up movies, made unless it is there."""
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"synthetic-{movies}.jsonl"
    if not file.exists():
        say(f"making up {movies:,} movies")
        subprocess.run([program, "synthesise", "--movies", str(movies), "--seed", str(SEED), "-o", str(file)], check=True)
    return file


def import_into(program, url, *files, log=None):
    """Imports files into a database; seconds. Progress goes to a log."""
    began = time.monotonic()
    out = open(log, "ab") if log else subprocess.DEVNULL
    done = subprocess.run([program, "import", *map(str, files), "--database-url", url], stdin=subprocess.DEVNULL,
                          stdout=out, stderr=out)
    if done.returncode:
        give_up(f"the import failed; see {log}", 70)
    return time.monotonic() - began


def warm(folder):
    """Reads files once, so that the system holds them as it does after an import: what is measured is a database that runs, not
    the disk of one that was just started."""
    for file in folder.rglob("*"):
        if file.is_file():
            with open(file, "rb") as held:
                while held.read(1 << 20):
                    pass


def in_mariadb(programs, program, movies, buffer_mib):
    """A MariaDB with a catalogue of so many movies, the bundled ones among them, and the name of its database."""
    folder = KEPT / f"catalogue-{movies}"
    ready = folder / "ready.json"
    if ready.exists():
        warm(folder)
    database = MariaDb(programs, data=folder / "mariadb", buffer_mib=buffer_mib)
    if not ready.exists():
        url = database.create("marquee")
        files = [CATALOGUE]
        more = movies - bundled()
        if more > 0:
            files.append(synthetic(program, more))
        say(f"importing {movies:,} movies; this is done once")
        seconds = import_into(program, url, *files, log=programs.folder / "import.log")
        say(f"imported in {seconds:.0f} s")
        ready.write_text(json.dumps({"movies": movies, "seed": SEED, "seconds": seconds}))
    return database, database.url("marquee"), folder
