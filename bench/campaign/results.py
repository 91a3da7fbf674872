"""The campaign's results on disk: one JSON line a case, under the hash of the sources that gave
them.
"""

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def source_hash():
    """Of everything that a result depends on: the package, and the campaign itself."""
    files = sorted(
        p
        for folder in ("hwcnn", "bench/campaign")
        for p in (ROOT / folder).rglob("*")
        if p.suffix in (".py", ".sv", ".cpp", ".h", ".v")
    )
    return hashlib.sha256(
        b"".join(p.relative_to(ROOT).as_posix().encode() + p.read_bytes() for p in files)
    ).hexdigest()[:12]


class Results:
    """Lines of a file; those of other sources or another seed are moved aside to FILE.old."""

    def __init__(self, path, seed):
        self.path, header = Path(path), {"source": source_hash(), "seed": seed}
        self.sources, self.lines = [header["source"]], []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            first, *lines = self.path.read_text().splitlines() or ["{}"]
            if json.loads(first) == header:
                self.lines = [json.loads(line) for line in lines if line.endswith("}")]
            else:
                self.path.replace(self.path.with_suffix(".old"))
        self.path.write_text("".join(json.dumps(line) + "\n" for line in (header, *self.lines)))
        self.done = {tuple(line["case"]) for line in self.lines}

    def add(self, line):
        """Append a case's line to the file."""
        self.lines.append(line)
        self.done.add(tuple(line["case"]))
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")

    def include(self, path):
        """Take in the lines of another file, which may come from other sources."""
        first, *lines = Path(path).read_text().splitlines()
        self.sources = sorted({*self.sources, json.loads(first)["source"]})
        self.lines += [json.loads(line) for line in lines]

    def of(self, kind):
        """Lines of a kind, "isa", "split" or "rtl"."""
        return [line for line in self.lines if line["case"][0] == kind]
