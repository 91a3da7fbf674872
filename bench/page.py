"""docs/networks.md: a section a bench, each with a table of one row a network, which a run replaces
row by row.
"""

from pathlib import Path

NETWORKS = Path(__file__).parents[1] / "docs" / "networks.md"
_TITLE = """\
# Networks, checked

Written by the benches that each section names; a run replaces its own rows.
"""


def record(section, intro, row, page=NETWORKS):
    """Put a row into the table of a section, in the place of the row with the same first cell; both
    are made where missing.

    row : {column: text}. Other columns than the table has so far start it anew.
    """
    sections = _read(page)
    _, columns, rows = sections.get(section, ("", list(row), {}))
    rows = rows if columns == list(row) else {}
    name, *cells = row.values()
    rows[name] = cells
    sections[section] = intro, list(row), rows
    page.write_text(_TITLE + "".join(_text(title, *sections[title]) for title in sorted(sections)))


def _read(page):
    """{title: (intro, columns, {first cell: other cells})}."""
    sections = {}
    for part in page.read_text().split("\n## ")[1:] if page.exists() else []:
        title, _, body = part.partition("\n")
        lines = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in body.splitlines()
            if line.startswith("|")
        ]
        intro = body[: body.index("\n|")].strip()
        sections[title] = intro, lines[0], {name: cells for name, *cells in lines[2:]}
    return sections


def _text(title, intro, columns, rows):
    lines = [
        columns,
        ["---"] + ["---:"] * (len(columns) - 1),
        *([name, *rows[name]] for name in sorted(rows)),
    ]
    return f"\n## {title}\n\n{intro}\n\n" + "".join(
        "| " + " | ".join(cells) + " |\n" for cells in lines
    )
