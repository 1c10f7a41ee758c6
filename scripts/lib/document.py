"""Sections of documents that measurements write: between two markers, and nothing beyond them."""

import json
import os
from pathlib import Path

from programs import ROOT, say

DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
FOLDER = ROOT / "docs" / "benchmarks"


def markers(name):
    return f"<!-- {name}: written by scripts/{name} -->", f"<!-- {name}: end -->"


def put(name, text, document=DOCUMENT):
    """Puts a text between its markers; at the end of the document where it has none."""
    begin, end = markers(name)
    old = document.read_text() if document.exists() else ""
    section = f"{begin}\n{text.strip()}\n{end}"
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        new = before + section + rest.split(end, 1)[1]
    else:
        new = old.rstrip("\n") + "\n\n" + section + "\n"
    document.write_text(new)


def keep(name, figures):
    """Keeps figures as JSON beside the document, on lines short enough to compare."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")


def kept(name):
    """The figures that are kept of a section."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def draw(name, picture):
    """Writes a plot; what the document says to show it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(picture)
    return f"![{name}](benchmarks/{name}.svg)"


def is_trial():
    """Whether figures are to be printed only: TRIAL=1, for trying a script at a small scale."""
    return bool(os.environ.get("TRIAL"))


def write(name, text, figures, pictures, partial=False):
    """Writes a section with its figures and plots (name -> SVG). A trial is printed, and kept in target/; and so is a part, which would
    take the place of the whole."""
    global FOLDER
    document = DOCUMENT
    if is_trial() or partial:
        FOLDER = ROOT / "target" / "trial" / "benchmarks"
        document = FOLDER.parent / "BENCHMARKS.md"
    for title, picture in pictures.items():
        text += "\n\n" + draw(title, picture)
    keep(name, figures)
    put(name, text, document)
    print(text, flush=True)
    say(f"written to {Path(os.path.relpath(document))}")


def table(header, rows, left=1):
    """A table in Markdown; the first `left` columns are text."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * left + "--:|" * (len(header) - left)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
