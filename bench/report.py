"""The table: medians of the rounds, ratios round by round, and how quiet the machine was."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from bench.jobs import IdlingResult, JoiningResult, Noise, StageResult, TypingResult
from bench.scenarios import Day, Held, messages_a_second
from bench.servers import Y_WEBSOCKET, versions

Outcome = TypingResult | JoiningResult | IdlingResult | Held | Day


class Measurement(msgspec.Struct, frozen=True):
    """What one server did in one scenario in one round."""

    scenario: str
    server: str
    round: int
    outcome: Outcome


class Run(msgspec.Struct):
    """One run of the comparison: everything the table is made from."""

    date: str
    machine: str
    versions: dict[str, str]
    measurements: list[Measurement]


def new_run() -> Run:
    """Describe this machine and what is installed on it."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    machine = f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"
    return Run(datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"), machine, versions(), [])


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of an outcome; ``compared`` columns are also given as a ratio to the same round's y-websocket."""

    title: str
    figure: Callable[[Outcome], float | None]
    digits: int = 1
    compared: bool = False


def _stage(figure: Callable[[StageResult], float]) -> Callable[[Outcome], float | None]:
    return lambda outcome: figure(outcome.stages[-1]) if isinstance(outcome, TypingResult) else None


def _of_joining(figure: Callable[[JoiningResult], float]) -> Callable[[Outcome], float | None]:
    return lambda outcome: figure(outcome) if isinstance(outcome, JoiningResult) else None


def _teacher(figure: str) -> Callable[[Outcome], float | None]:
    def read(outcome: Outcome) -> float | None:
        seen = outcome.dashboard if isinstance(outcome, TypingResult) else None
        return None if seen is None else float(getattr(seen, figure))

    return read


COLUMNS: Sequence[Column] = (
    Column("CPU µs a message", _stage(lambda stage: stage.cpu_us), 2, compared=True),
    Column("p50 ms", _stage(lambda stage: stage.p50_ms), 2),
    Column("p99 ms", _stage(lambda stage: stage.p99_ms), compared=True),
    Column("cursors p99 ms", _stage(lambda stage: stage.cursor_p99_ms)),
    Column("messages a second", _stage(messages_a_second), 0),
    Column("of a core", _stage(lambda stage: stage.server_cpu), 2),
    Column("kB/s a student", _stage(lambda stage: stage.received_kb_each)),
    Column("lost", _stage(lambda stage: stage.lost), 0),
    Column("stale cursors", _stage(lambda stage: stage.stale_cursors), 0),
    Column("texts differ", lambda outcome: getattr(outcome, "texts_differ", None), 0),
    Column("closed", lambda outcome: len(outcome.closed) if isinstance(outcome, TypingResult) else None, 0),
    Column("peak MB", lambda outcome: getattr(outcome, "peak_mb", None), 0),
    Column("teacher bytes/s", _teacher("bytes_each_second"), 0),
    Column("to the dashboard p50 ms", _teacher("p50_ms"), 0),
    Column("to the dashboard p99 ms", _teacher("p99_ms"), 0),
    Column("join p50 ms", _of_joining(lambda result: result.p50_ms), 0),
    Column("join p99 ms", _of_joining(lambda result: result.p99_ms), 0, compared=True),
    Column("document kB", _of_joining(lambda result: result.document_bytes / 1000), 0),
    Column("CPU s", _of_joining(lambda result: result.server_cpu_secs), 2, compared=True),
    Column(
        "kB a client", lambda outcome: outcome.kb_each if isinstance(outcome, IdlingResult) else None, 1, compared=True
    ),
    Column("held", lambda outcome: outcome.held if isinstance(outcome, Held) else None, 0, compared=True),
    Column("MB before", lambda outcome: outcome.mb_before if isinstance(outcome, Day) else None, 1),
    Column("MB after", lambda outcome: outcome.mb_after if isinstance(outcome, Day) else None, 1),
    Column(
        "after ÷ before", lambda outcome: outcome.mb_after / outcome.mb_before if isinstance(outcome, Day) else None, 3
    ),
)


def write_results(run: Run, folder: Path, name: str) -> Path:
    """Write ``name``.json, .md and .svg; give the path of the table."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1))
    (folder / f"{name}.svg").write_text(draw_chart(run))
    table = folder / f"{name}.md"
    table.write_text(render_table(run, f"{name}.svg"))
    return table


def render_table(run: Run, chart: str) -> str:
    """Give the run as Markdown."""
    lines = [
        f"# Roundtable and its peers, {run.date}",
        "",
        f"{run.machine}. Server alone on one core, load generator on another; rooms of five; each key one Yjs update "
        "and one cursor of about 300 bytes, open loop. Ours writes every update to SQLite on disk with "
        "`synchronous=FULL` and measures participation; the peers keep texts in memory only. A message is one key's "
        "update or cursor at one recipient. Medians of the rounds; `×` is the median of each round's ratio to "
        f"{Y_WEBSOCKET.name}. {', '.join(f'{name} {version}' for name, version in run.versions.items())}.",
        "",
        f"![chart]({chart})",
    ]
    for scenario in dict.fromkeys(each.scenario for each in run.measurements):
        lines += ["", f"## {scenario}", "", *_section(run, scenario)]
    return "\n".join(lines) + "\n"


def _section(run: Run, scenario: str) -> list[str]:
    here = [each for each in run.measurements if each.scenario == scenario]
    names = list(dict.fromkeys(each.server for each in here))
    columns = [column for column in COLUMNS if any(column.figure(each.outcome) is not None for each in here)]
    against = Y_WEBSOCKET.name in names and len(names) > 1
    titles: list[str] = []
    for column in columns:
        titles += [column.title, "×"] if _shown(column, against) else [column.title]
    rows = [f"| server | {' | '.join(titles)} | rounds, quiet |", "|---" * (len(titles) + 2) + "|"]
    for name in names:
        cells = []
        for column in columns:
            figures = _figures(here, name, column)
            cells.append(f"{median(figures.values()):,.{column.digits}f}" if figures else "–")
            if _shown(column, against):
                ratios = _ratios(figures, _figures(here, Y_WEBSOCKET.name, column))
                cells.append(f"{median(ratios):.2f}" if ratios else "–")
        judged = [noise.quiet for each in here if each.server == name for noise in noises(each.outcome)]
        quiet = f"{sum(judged)} of {len(judged)} stages quiet" if judged else "–"
        rounds = sum(each.server == name for each in here)
        rows.append(f"| {name} | {' | '.join(cells)} | {rounds}, {quiet} |")
    return rows


def _shown(column: Column, against: bool) -> bool:
    return column.compared and against


def _figures(measurements: Sequence[Measurement], server: str, column: Column) -> dict[int, float]:
    """Give a column's figure of one server by round."""
    found = {each.round: column.figure(each.outcome) for each in measurements if each.server == server}
    return {number: figure for number, figure in found.items() if figure is not None}


def _ratios(figures: dict[int, float], others: dict[int, float]) -> list[float]:
    return [figure / others[number] for number, figure in figures.items() if others.get(number)]


def noises(outcome: Outcome) -> list[Noise]:
    """Give what is known of the noise under an outcome."""
    match outcome:
        case TypingResult(stages=stages):
            return [stages[-1].noise]
        case Held(stages=stages):
            return [stage.noise for stage in stages]
        case JoiningResult(noise=noise):
            return [noise]
        case _:
            return []


_BAR, _LINE, _LEFT, _WIDTH = 22, 30, 190, 720
_COLOURS = {True: "#0b5f6b", False: "#b9b3a5"}


def draw_chart(run: Run) -> str:
    """Draw server CPU for each delivered message, one group of bars a scenario, as an SVG."""
    column = COLUMNS[0]
    parts: list[str] = []
    y = 28
    scenarios = [
        scenario
        for scenario in dict.fromkeys(each.scenario for each in run.measurements)
        if any(each.scenario == scenario and column.figure(each.outcome) is not None for each in run.measurements)
    ]
    for scenario in scenarios:
        here = [each for each in run.measurements if each.scenario == scenario]
        names = dict.fromkeys(each.server for each in here)
        bars = {name: median(figures.values()) for name in names if (figures := _figures(here, name, column))}
        scale = (_WIDTH - _LEFT - 70) / max(bars.values())
        parts.append(f'<text x="8" y="{y}" font-weight="600">{scenario}: server CPU, µs a delivered message</text>')
        for name, figure in sorted(bars.items(), key=lambda bar: bar[1]):
            y += _LINE
            colour = _COLOURS[name == "Roundtable"]
            parts += [
                f'<text x="{_LEFT - 8}" y="{y}" text-anchor="end">{name}</text>',
                f'<rect x="{_LEFT}" y="{y - _BAR + 6}" width="{figure * scale:.1f}" height="{_BAR}" fill="{colour}"/>',
                f'<text x="{_LEFT + figure * scale + 6:.1f}" y="{y}">{figure:.1f}</text>',
            ]
        y += _LINE + 14
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#222"><rect width="100%" height="100%" fill="#fff"/>'
    )
    return head + "".join(parts) + "</svg>\n"
