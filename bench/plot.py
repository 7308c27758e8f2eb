"""A run as one picture: what a sign-in costs and of what, how it answers under load, how it grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bench.figures import FEW
from bench.results import BASE_ACCOUNTS, Results
from bench.split import KINDS
from bench.svg import Drawing
from pteri.load.telling import duration

__all__ = ["Box", "plot", "round_step"]

_WIDTH, _HEIGHT = 980, 700
_STORES: Final = ("SQLite", "PostgreSQL")


class Box(NamedTuple):
    """Where a panel is."""

    x: float
    y: float
    width: float
    height: float


def plot(results: Results) -> str:
    """The picture as SVG."""
    drawing = Drawing(_WIDTH, _HEIGHT, "What a sign-in costs")
    machine = results.machine
    drawing.text(32, 40, "What a full durable sign-in costs", size=20, bold=True)
    drawing.text(
        32,
        60,
        f"{machine.processor}, {machine.cores} cores, {machine.at[:10]}, {machine.commit}, profile {results.profile}",
        colour="soft",
    )
    _costs(drawing, results, Box(32, 84, _WIDTH - 64, 250))
    _latencies(drawing, results, Box(32, 372, 430, 290))
    _growth(drawing, results, Box(518, 372, 430, 290))
    return drawing.encode()


class _Bar(NamedTuple):
    name: str
    parts: list[tuple[int, float, str]]
    """Colour, seconds, what it is."""


def _costs(drawing: Drawing, results: Results, box: Box) -> None:
    drawing.text(box.x, box.y + 14, "CPU of the service for one sign-in", size=14, bold=True)
    bars, beyond = _bars(results)
    if not bars:
        return
    longest = max(sum(part[1] for part in bar.parts) for bar in bars)
    left, top, height = box.x + 240, box.y + 50, 22
    scale = (box.width - 240 - 90) / longest
    for index, kind in enumerate(KINDS):
        drawing.rect(left + index * 92, box.y + 26, 11, 11, index)
        drawing.text(left + index * 92 + 16, box.y + 36, kind, colour="soft")
    for row, bar in enumerate(bars):
        y, at = top + row * (height + 8), left
        drawing.text(left - 10, y + 15, bar.name, anchor="end")
        for colour, seconds, what in bar.parts:
            drawing.rect(at, y, seconds * scale, height, colour, hint=f"{what}: {duration(seconds)}")
            at += seconds * scale
        drawing.text(at + 8, y + 15, duration(sum(part[1] for part in bar.parts)), bold=row == 0)
    for row, words in enumerate(beyond):
        drawing.text(left, top + len(bars) * (height + 8) + row * 18 + 12, words, colour="soft")


def _bars(results: Results) -> tuple[list[_Bar], list[str]]:
    """Ours by kind of work, the floor, and the peers; those that would make all others a line are said in words."""
    bars = []
    for store in _STORES:
        cost, split = results.cost(store, clients=FEW), results.splits.get(store)
        if cost is not None:
            seconds = cost.cpu_s.median
            shares = {"other": 1.0} if split is None else split.shares
            parts = [(KINDS.index(kind), seconds * share, kind) for kind, share in shares.items() if share]
            bars.append(_Bar(f"PTERI, {store}", parts))
    if results.raw is not None:
        floor = results.raw.secp256k1_verify_s + results.raw.p256_verify_s
        bars.append(_Bar("nothing but the two signatures", [(0, floor, "two verifications")]))
    ours = bars[0].parts if bars else []
    longest = 14 * sum(part[1] for part in ours)
    beyond = []
    for peer in results.peers:
        if peer.cpu_per_sign_in_s <= longest:
            bars.append(_Bar(peer.name.removesuffix(" + SQLite"), [(5, peer.cpu_per_sign_in_s, peer.does)]))
        else:
            beyond.append(f"{peer.name}: {duration(peer.cpu_per_sign_in_s)}")
    return bars, beyond


def _latencies(drawing: Drawing, results: Results, box: Box) -> None:
    drawing.text(box.x, box.y + 14, "Time to sign in, by clients at once", size=14, bold=True)
    series = []
    for index, store in enumerate(_STORES):
        found = sorted(
            (
                one
                for one in results.costs
                if (one.store, one.processes, one.accounts, one.prompt) == (store, 1, BASE_ACCOUNTS, False)
            ),
            key=lambda one: one.clients,
        )
        if found:
            series.append(_Series(f"{store} p50", index, False, [(one.clients, one.p50_s.median) for one in found]))
            series.append(_Series(f"{store} p99", index, True, [(one.clients, one.p99_s.median) for one in found]))
    _lines(drawing, box, series, x_words=str)


def _growth(drawing: Drawing, results: Results, box: Box) -> None:
    drawing.text(box.x, box.y + 14, "CPU of one sign-in, by accounts in the registry", size=14, bold=True)
    series = []
    for index, store in enumerate(_STORES):
        sizes = list(results.sizes(store, clients=FEW))
        if sizes:
            series.append(_Series(store, index, False, [(one.accounts, one.cpu_s.median) for one in sizes]))
    _lines(drawing, box, series, x_words=lambda value: f"{value:,}", from_zero=True)


class _Series(NamedTuple):
    name: str
    colour: int
    dashed: bool
    points: list[tuple[int, float]]


class _Scale:
    """From values to places in a box: across by factors, up by factors or from zero."""

    def __init__(self, box: Box, points: list[tuple[int, float]], *, from_zero: bool) -> None:
        self._box = box
        xs, ys = [math.log(x) for x, _ in points], [y for _, y in points]
        self._x0, self._x1 = min(xs), max(xs)
        self._from_zero = from_zero
        if from_zero:
            step = round_step(max(ys) * 1.1, 5)
            self.marks = [step * number for number in range(math.ceil(max(ys) * 1.05 / step) + 1)]
        else:
            first, last = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
            self.marks = [10.0**power for power in range(first, max(last, first + 1) + 1)]

    def x(self, value: int) -> float:
        share = (math.log(value) - self._x0) / (self._x1 - self._x0) if self._x1 > self._x0 else 0.5
        return self._box.x + self._box.width * share

    def y(self, value: float) -> float:
        low, high = self.marks[0], self.marks[-1]
        share = value / high if self._from_zero else math.log(value / low) / math.log(high / low)
        return self._box.y + self._box.height * (1 - share)


def _lines(
    drawing: Drawing,
    box: Box,
    series: Sequence[_Series],
    *,
    x_words: Callable[[int], str],
    from_zero: bool = False,
) -> None:
    """Lines with marks on both sides; the legend stands above them."""
    points = [point for one in series for point in one.points if point[1] > 0]
    if not points:
        drawing.text(box.x, box.y + 40, "not measured in this run", colour="soft")
        return
    inner = Box(box.x + 62, box.y + 56, box.width - 82, box.height - 90)
    scale = _Scale(inner, points, from_zero=from_zero)
    for mark in scale.marks:
        y = scale.y(mark)
        drawing.line([(inner.x - 8, y), (inner.x + inner.width + 12, y)], "grid", width=1)
        drawing.text(inner.x - 14, y + 4, duration(mark) if mark else "0", size=11, anchor="end", colour="soft")
    for value in sorted({x for x, _ in points}):
        drawing.text(
            scale.x(value), inner.y + inner.height + 22, x_words(value), size=11, anchor="middle", colour="soft"
        )
    at = box.x
    for one in series:
        drawing.line([(at, box.y + 33), (at + 18, box.y + 33)], one.colour, dashed=one.dashed)
        drawing.text(at + 24, box.y + 37, one.name, colour="soft")
        at += 42 + 6 * len(one.name)
        places = [(scale.x(x), scale.y(y)) for x, y in one.points]
        drawing.line(places, one.colour, dashed=one.dashed)
        for (x, y), (value, seconds) in zip(places, one.points, strict=True):
            drawing.dot(x, y, one.colour, hint=f"{one.name}, {x_words(value)}: {duration(seconds)}")


def round_step(span: float, most: int) -> float:
    """A step of 1, 2 or 5 times a power of ten, of which at most so many fit."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
