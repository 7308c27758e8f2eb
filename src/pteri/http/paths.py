"""Which row of the table a path belongs to. Time is linear in the path, whatever is in it (DS-06)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["Paths"]

T = TypeVar("T")

_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
_NONE: Final[Mapping[str, str]] = {}


@dataclass(slots=True)
class _Entry(Generic[T]):
    """One path with parameters. The one with the lowest ``rank`` wins."""

    rank: int
    row: T
    parameters: Callable[[list[str]], Mapping[str, str]]


@dataclass(slots=True)
class _Shape(Generic[T]):
    """All paths with fixed words at the same places, by these words."""

    words: Callable[[list[str]], tuple[str, ...]]
    entries: dict[tuple[str, ...], _Entry[T]] = field(default_factory=dict)


class Paths(Generic[T]):
    """The paths of a table, each with its row.

    A path without parameters wins over one with; among those the first of the table wins. A parameter is one word
    that is not empty; ``{name:path}`` is the rest, which may be.
    """

    def __init__(self, rows: Iterable[tuple[str, T]]) -> None:
        self._fixed: dict[str, T] = {}
        self._shapes: dict[int, list[_Shape[T]]] = {}
        self._rest: list[tuple[int, re.Pattern[str], T]] = []
        by_places: dict[tuple[int, tuple[int, ...]], _Shape[T]] = {}
        for rank, (path, row) in enumerate(rows):
            if "{" not in path:
                self._fixed[path] = row
            elif ":path}" in path:
                self._rest.append((rank, _pattern(path), row))
            else:
                words = path.split("/")
                named = {place: match[1] for place, word in enumerate(words) if (match := _PARAMETER.fullmatch(word))}
                fixed = tuple(place for place in range(len(words)) if place not in named)
                shape = by_places.get((len(words), fixed))
                if shape is None:
                    shape = by_places[len(words), fixed] = _Shape(_picker(fixed))
                    self._shapes.setdefault(len(words), []).append(shape)
                shape.entries[shape.words(words)] = _Entry(rank, row, _namer(named))

    def find(self, path: str) -> tuple[T, Mapping[str, str]] | None:
        """The row of ``path`` and what its parameters are."""
        row = self._fixed.get(path)
        if row is not None:
            return row, _NONE
        words = path.split("/")
        found: _Entry[T] | None = None
        # one empty word stands before the first slash, and a parameter is none
        for shape in self._shapes.get(len(words), ()) if words.count("") == 1 else ():
            entry = shape.entries.get(shape.words(words))
            if entry is not None and (found is None or entry.rank < found.rank):
                found = entry
        for rank, pattern, rest in self._rest:
            if found is not None and found.rank < rank:
                break
            if matched := pattern.fullmatch(path):
                return rest, matched.groupdict()
        return None if found is None else (found.row, found.parameters(words))


def _picker(places: tuple[int, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """The words at ``places``."""
    if len(places) == 1:
        # itemgetter would give the word alone
        place = places[0]
        return lambda words: (words[place],)
    return itemgetter(*places)


def _namer(named: Mapping[int, str]) -> Callable[[list[str]], Mapping[str, str]]:
    """The words at these places, by name. One or two of them are what nearly all paths have."""
    places, names = tuple(named), tuple(named.values())
    match len(named):
        case 1:
            (place,), (name,) = places, names
            return lambda words: {name: words[place]}
        case 2:
            (first, second), (one, two) = places, names
            return lambda words: {one: words[first], two: words[second]}
        case _:
            return lambda words: {name: words[place] for place, name in named.items()}


def _pattern(path: str) -> re.Pattern[str]:
    """A path with a rest. The words before it have no ``/``, so there is one way only to cut a path into them."""
    text = re.sub(r"\\\{([a-z_]+):path\\\}", r"(?P<\1>.*)", re.escape(path))
    return re.compile(re.sub(r"\\\{([a-z_]+)\\\}", r"(?P<\1>[^/]+)", text), re.DOTALL)
