# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables on a terminal of any width. No word is ever cut: what an operator reads there he copies from there."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

LESS_NEEDED = frozenset({"UNIT", "VALUE"})
"""Columns that a narrow screen does without."""

NARROWEST = 40
"""Columns below which a table is no help: a narrower terminal wraps by itself."""

GAP = 2
"""Blanks between two columns."""

TIE = "\u00a0"
"""A blank at which no line breaks; printed as any other."""

_COLOURS = {"error": "1;31", "warning": "1;33", "info": "1;36", "head": "1", "dim": "2", "good": "32"}


@dataclass(frozen=True)
class Screen:
    """What the report is printed on.

    Attributes:
        width: columns.
        colour: True for a terminal that shows colours.
        unicode: True if its encoding has lines and arrows.
    """

    width: int = 100
    colour: bool = False
    unicode: bool = True

    @property
    def columns(self) -> int:
        """Columns to fill."""
        return max(self.width, NARROWEST)

    @property
    def rule(self) -> str:
        """What a line below a heading is made of."""
        return "─" if self.unicode else "-"

    @property
    def arrow(self) -> str:
        """From whom to whom."""
        return "→" if self.unicode else "->"

    @property
    def upright(self) -> str:
        """What stands in front of the other one of two values."""
        return "│" if self.unicode else "|"

    def paint(self, text: str, colour: str) -> str:
        """The text in a colour, if there are any."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self.colour and colour in _COLOURS else text


@dataclass(frozen=True)
class Cell:
    """Text of a table, and the colour it has."""

    text: str
    colour: str = ""


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """At blanks only: what is to be copied stays whole, even where it is longer than the line."""
    lines = textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return lines or [""]


def section(title: str, header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen, *notes: str) -> str:
    """A heading, with notes behind it, and its table; "" without rows."""
    if not rows:
        return ""
    first, *more = wrap(f"{title} ({'; '.join(notes)})" if notes else title, screen.columns)
    return "\n".join([screen.paint(title, "head") + first.removeprefix(title), *more, *table(header, rows, screen)])


def table(header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """Lines of a table that fits the screen. Where it is too wide a last column of LESS_NEEDED goes, then cells wrap between words,
    and where even that does not do each row becomes a paragraph."""
    if not fits(header, rows, screen) and header[-1] in LESS_NEEDED:
        return table(header[:-1], [row[:-1] for row in rows], screen)
    columns = _columns(header, rows)
    least = [max(len(word) for text in column for word in text.split(" ")) for column in columns]
    if _width(least) > screen.columns:
        return _paragraphs(header, rows, screen)
    widths = _narrowed([max(map(len, column)) for column in columns], least, screen.columns)
    lines = _row([Cell(text, "dim") for text in header], widths, screen)
    lines.append(screen.paint((" " * GAP).join(screen.rule * width for width in widths), "dim"))
    for row in rows:
        lines += _row(row, widths, screen)
    return lines


def fits(header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen) -> bool:
    """True for a table of which nothing has to give way."""
    return _width([max(map(len, column)) for column in _columns(header, rows)]) <= screen.columns


def _columns(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    return [[head, *(row[place].text for row in rows)] for place, head in enumerate(header)]


def _width(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _narrowed(widths: Sequence[int], least: Sequence[int], columns: int) -> list[int]:
    """The widest columns that can give way do, until the table fits."""
    narrowed = list(widths)
    while _width(narrowed) > columns:
        _most, place = max((width, place) for place, width in enumerate(narrowed) if width > least[place])
        narrowed[place] -= 1
    return narrowed


def _row(cells: Sequence[Cell], widths: Sequence[int], screen: Screen) -> list[str]:
    wrapped = [wrap(cell.text, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        parts = []
        for cell, lines_of_cell, width in zip(cells, wrapped, widths, strict=True):
            text = lines_of_cell[number] if number < len(lines_of_cell) else ""
            parts.append(screen.paint(text.replace(TIE, " "), cell.colour) + " " * (width - len(text)))
        lines.append((" " * GAP).join(parts).rstrip())
    return lines


def _paragraphs(header: Sequence[str], rows: Sequence[Sequence[Cell]], screen: Screen) -> list[str]:
    """A line for each cell that says something, behind the name of its column; an empty line between rows."""
    margin = max(map(len, header)) + GAP
    lines = []
    for row in rows:
        for head, cell in zip(header, row, strict=True):
            for number, text in enumerate(wrap(cell.text, screen.columns - margin) if cell.text else []):
                lines.append(
                    screen.paint(("" if number else head).ljust(margin), "dim") + screen.paint(text.replace(TIE, " "), cell.colour)
                )
        lines.append("")
    return lines[:-1]
