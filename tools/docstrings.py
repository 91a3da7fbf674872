"""Docstrings as Markdown, for the API page: lines such as ``batch : images in one run.`` become a
list. A plug-in of griffe, which mkdocs.yml names.
"""

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"(?P<names>\w+(?:, \w+)*) : (?P<text>\S.*)")


def markdown(text: str) -> str:
    """The docstring with a list item for each of its entries."""
    lines, inside = [], False
    for line in re.sub(r"^Parameters\n-+\n", "**Parameters**\n\n", text, flags=re.M).splitlines():
        if entry := _ENTRY.fullmatch(line):
            names = ", ".join(f"`{name}`" for name in entry["names"].split(", "))
            lines += [] if inside else [""]
            lines.append(f"- {names}: {entry['text']}")
        else:
            lines.append(f"  {line.strip()}" if inside and line.strip() else line)
        inside = bool(entry) or (inside and bool(line.strip()))
    return "\n".join(lines)


class Lists(griffe.Extension):
    """Applies `markdown` to every docstring."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)
