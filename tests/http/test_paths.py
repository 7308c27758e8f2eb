"""Which row a path finds: the same as a list of regular expressions would, tried one after another."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pteri.http.paths import Paths

WORDS = st.sampled_from(["a", "b", "v1", "x.y", "code"])
SEGMENTS = st.one_of(WORDS, st.sampled_from(["{one}", "{two}", "{three}"]))


def tables() -> st.SearchStrategy[list[str]]:
    whole = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda words: "/" + "/".join(words))
    with_rest = whole.map(lambda path: path + "/{rest:path}")
    return st.lists(whole | with_rest, min_size=1, max_size=8).map(_without_twins)


def _without_twins(paths: list[str]) -> list[str]:
    """As the check of a table leaves them: no name twice in a path, and no path twice under other names."""
    kept: dict[str, str] = {}
    for path in paths:
        names = re.findall(r"\{[a-z]+\}", path)
        if len(set(names)) == len(names):
            kept.setdefault(re.sub(r"\{[^}]*\}", "{}", path), path)
    return list(kept.values())


def slow_find(table: list[str], path: str) -> tuple[str, dict[str, str]] | None:
    for row in sorted(table, key=lambda row: "{" in row):
        pattern = re.sub(r"\\\{(\w+):path\\\}", r"(?P<\1>.*)", re.escape(row))
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
        if found := re.fullmatch(pattern, path, re.DOTALL):
            return row, found.groupdict()
    return None


PATHS = st.lists(WORDS | st.text("ab/.\n{}", max_size=3), max_size=6).map("/".join)


@given(tables(), PATHS | PATHS.map("/".__add__))
@example(["/a/{one}"], "/a/")
@example(["/a/{one}"], "/a/\n")
@example(["/a/{one}/b"], "/a//b")
@example(["/a/{rest:path}", "/a/{one}"], "/a/b")
@example(["/a/{one}", "/a/{rest:path}"], "/a/b")
@example(["/a/{one}", "/{two}/b"], "/a/b")
@example(["/{two}/b", "/a/{one}", "/a/b"], "/a/b")
@settings(max_examples=300)
def test_a_path_finds_the_first_row_that_it_matches(table: list[str], path: str) -> None:
    found = Paths((row, row) for row in table).find(path)
    assert (None if found is None else (found[0], dict(found[1]))) == slow_find(table, path)
