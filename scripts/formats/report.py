"""Rows and tables of what was measured: Markdown and JSON, with each bar beside what met it or did not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.benchmark.report import Machine, table

DASH = "–"


@dataclass(frozen=True)
class Row:
    """One thing that was tried.

    Attributes:
        what: in words.
        figures: what was found, by the names of the columns; JSON values.
        faults: why the bar is not met, as short phrases; empty where it is.
    """

    what: str
    figures: Mapping[str, Any]
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A table with its bar.

    Attributes:
        name: as on the command line.
        title: in words.
        bar: what every row has to be, as a sentence.
        rows: all that was tried; none is left out.
    """

    name: str
    title: str
    bar: str
    rows: tuple[Row, ...]

    @property
    def met(self) -> bool:
        """Whether every row meets the bar."""
        return not any(row.faults for row in self.rows)

    def __str__(self) -> str:
        columns = list(dict.fromkeys(column for row in self.rows for column in row.figures))
        cells = [[row.what, *(_cell(row.figures.get(c)) for c in columns), _verdict(row)] for row in self.rows]
        met = sum(not row.faults for row in self.rows)
        verdict = f"**Bar**: {self.bar} {met} of {len(self.rows)} rows meet it: {'met' if self.met else 'unmet'}."
        return f"## {self.title}\n\n{verdict}\n\n{table([self.name, *columns, 'bar'], cells)}"


def _verdict(row: Row) -> str:
    return "met" if not row.faults else f"**unmet**: {'; '.join(row.faults)}"


def _cell(value: Any) -> str:
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.2g}" if isinstance(value, float) and 0 < abs(value) < 0.01 else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def to_json(sections: Sequence[Section], machine: Machine) -> str:
    """Everything that was measured."""
    tables = [{**asdict(section), "met": section.met} for section in sections]
    return json.dumps({"machine": machine.facts(), "sections": tables}, indent=1)
