"""The databases' own ways to take many rows: what an import is compared with.

The rows are those of a catalogue that Marquee imported, table by table, as files; the new database gets Marquee's schema, loses
its secondary indexes, takes the files, and gets the indexes back in one statement for each table: the fastest that a
careful operator would do."""

import re
import subprocess
import time

from programs import needed
from services import run


def _tables(database, name):
    rows = database.ask("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() "
                        "AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'", name)
    return [row[0] for row in rows]


def into_mariadb(database, program, source, target, folder):
    """LOAD DATA of all rows of one database into a new one of the same server; seconds, the files apart."""
    database.ask("SET GLOBAL local_infile = 1")
    tables = _tables(database, source)
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.glob("*.rows"):
        file.unlink()
    run(program, "migrate", "--database-url", database.create(target))
    took = 0
    for table in tables:
        # One file at a time: all of them together take as much room as the catalogue.
        file = folder / f"{table}.rows"
        database.ask(f"SELECT * FROM `{table}` INTO OUTFILE '{file}' CHARACTER SET binary", source)
        indexes = _secondary(database, target, table)
        names = [re.match(r"(?:UNIQUE )?KEY `([^`]+)`", index)[1] for index in indexes]
        drop = ", ".join(f"DROP INDEX `{name}`" for name in names)
        add = ", ".join(f"ADD {index}" for index in indexes)
        sql = ["SET foreign_key_checks = 0, unique_checks = 0", f"DELETE FROM `{table}`"]
        if drop:
            sql.append(f"ALTER TABLE `{table}` {drop}")
        sql.append(f"LOAD DATA INFILE '{file}' INTO TABLE `{table}` CHARACTER SET binary")
        if add:
            sql.append(f"ALTER TABLE `{table}` {add}")
        began = time.monotonic()
        database.ask("; ".join(sql), target)
        took += time.monotonic() - began
        file.unlink()
    return took


def _secondary(database, name, table):
    """The definitions of a table's secondary indexes."""
    definition = database.ask(f"SHOW CREATE TABLE `{table}`", name, more=["--raw"])
    text = "\n".join("\t".join(row) for row in definition)
    return [line.strip().rstrip(",") for line in text.splitlines() if re.match(r"\s+(UNIQUE )?KEY ", line)]


def _sqlite(file, commands, out=None, source=None):
    program = needed("sqlite3", "sqlite3")
    subprocess.run([program, str(file)], input=None if source else commands, stdin=source, stdout=out, check=True,
                   text=True)


def _attached(source):
    return f"ATTACH '{source}' AS source"


def into_sqlite(source, target, ways=("read", "copied")):
    """Way -> seconds, into new files: of reading a file of SQL, of copying rows as they are.

    `.import` reads text only, and has no way to say NULL or bytes, which the schema has; so the shell's own dump is
    what stands for it. Rows copied from one file into another need no reading at all: a bound from below."""
    needed("sqlite3", "sqlite3")
    schema = [row for row in _rows(source, "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
                                           "AND name NOT LIKE '_sqlx%' ORDER BY type = 'index', rowid")]
    tables = [name for kind, name, _ in schema if kind == "table"]
    create = [sql for kind, _, sql in schema if kind == "table"]
    index = [sql for kind, _, sql in schema if kind == "index"]
    quick = "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -500000;"
    rows = target.with_suffix(".sql")
    with open(rows, "w") as out:
        _sqlite(source, "".join(f".mode insert {table}\nSELECT * FROM {table};\n" for table in tables), out)
    times = {}
    for way in ways:
        for old in target.parent.glob(target.name + "*"):
            if old != rows:
                old.unlink()
        began = time.monotonic()
        body = f".read {rows}" if way == "read" else "\n".join(
            [f"{_attached(source)};", *(f"INSERT INTO {table} SELECT * FROM source.{table};" for table in tables)])
        # The attached file cannot be changed in a transaction's middle, so it is attached before.
        if way == "copied":
            attach, *copies = body.splitlines()
            text = [quick, attach, "BEGIN;", *(f"{sql};" for sql in create), *copies, *(f"{sql};" for sql in index), "COMMIT;"]
        else:
            text = [quick, "BEGIN;", *(f"{sql};" for sql in create), body, *(f"{sql};" for sql in index), "COMMIT;"]
        _sqlite(target, "\n".join(text) + "\n", subprocess.DEVNULL)
        times[way] = time.monotonic() - began
    for old in (rows, target):
        old.unlink(missing_ok=True)
    return times


def _rows(file, sql):
    import sqlite3
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
