"""A policy file: complete, exact to write and read, and clear about everything that is wrong with one."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.domain.rules import Rules, RulesError, bounds, rules_from
from pteri.policies.durations import duration_text, seconds_from
from pteri.policies.file import PolicyRefused, load_policy, write_policy
from pteri.policies.rulebook import RULEBOOK, is_duration, key_of, place_of
from pteri.policies.text import PolicyError, policy_text, rules_from_tree, value_text
from pteri.settings import SettingsError

DAY, HOUR = 86_400, 3600
NAMES = [rule.name for table in RULEBOOK for rule in table.rules]


def read(text: str) -> Rules:
    return rules_from_tree(tomllib.loads(text))


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as refused:
        read(text)
    return refused.value.problems


@st.composite
def some_rules(draw: st.DrawFn) -> Rules:
    """Any rules that are allowed."""
    values = {}
    for name in Rules.__struct_fields__:
        least, most = bounds(name)
        values[name] = draw(st.integers(least, min(most or 2**31, 90 * DAY)))
    shortest = values["recovery_hold_s"]
    longest = shortest + values["recovery_open_s"] - 1
    least = max(shortest, bounds("recovery_hold_line_changed_s")[0])
    values["recovery_open_s"] = max(values["recovery_open_s"], least - shortest + 1)
    values["recovery_hold_line_changed_s"] = draw(st.integers(least, max(longest, least)))
    return rules_from(values)


# --- times ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**31))
def test_a_time_that_is_written_is_read_as_the_same(seconds: int) -> None:
    assert seconds_from(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "0s"), (59, "59s"), (60, "1m"), (120, "2m"), (3600, "1h"), (3601, "3601s"), (DAY, "24h")),
        *((3 * DAY, "72h"), (3 * DAY + 60, "4321m"), (4 * DAY, "4d"), (100 * HOUR, "100h"), (30 * DAY, "30d")),
    ],
)
def test_a_time_is_written_as_people_say_it(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text


@given(st.text(max_size=14))
def test_a_text_that_is_read_as_a_time_is_a_number_and_a_unit(text: str) -> None:
    seconds = seconds_from(text)
    if seconds is not None:
        assert text[-1] in "smhd"
        assert str(int(text[:-1])) == text[:-1]


@pytest.mark.parametrize("text", ["", "s", "1", "1 s", "-1s", "+1s", "01s", "00s", "1.5h", "1e3s", "1h30m", "1S", "1w"])
def test_nothing_else_is_a_time(text: str) -> None:
    assert seconds_from(text) is None
    assert seconds_from("10000000000s") is None
    assert seconds_from("9999999999s") == 9_999_999_999


# --- the rulebook ---------------------------------------------------------------------------------------------------


def test_every_rule_stands_in_the_rulebook_once() -> None:
    assert sorted(NAMES) == sorted(Rules.__struct_fields__)
    assert len({key_of(name) for name in NAMES}) == len(NAMES)
    assert len({table.name for table in RULEBOOK}) == len(RULEBOOK)
    assert place_of("recovery_hold_s") == "recovery.recovery_hold"


def test_a_policy_says_of_every_rule_what_it_protects_from_and_its_bounds() -> None:
    text = policy_text(Rules())
    words = " ".join(line.removeprefix("# ") for line in text.splitlines())
    for table in RULEBOOK:
        assert f"[{table.name}]" in text
        assert table.about in words
        for rule in table.rules:
            assert rule.protects in words
            least, most = bounds(rule.name)
            after = words.partition(rule.protects)[2].partition(key_of(rule.name) + " = ")[0]
            for bound in (least if least > 1 else None, most, getattr(Rules(), rule.name)):
                assert bound is None or value_text(rule.name, bound).strip('"') in after
    assert max(len(line) for line in text.splitlines()) <= 100


# --- there and back -------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(some_rules())
def test_rules_that_are_written_are_read_as_the_same_and_have_the_same_digest(rules: Rules) -> None:
    text = policy_text(rules)
    again = read(text)
    assert again == rules
    assert again.digest() == rules.digest()
    assert policy_text(again) == text


@settings(deadline=None)
@given(some_rules())
def test_a_policy_means_what_the_same_numbers_in_the_settings_mean(rules: Rules) -> None:
    assert rules_from(msgspec.structs.asdict(rules)) == read(policy_text(rules))


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_is_read_from_its_own_place(name: str) -> None:
    least, most = bounds(name)
    value = most or getattr(Rules(), name) + (60 if is_duration(name) else 1)
    table, _, key = place_of(name).partition(".")
    changed = read(f"format = 1\n[{table}]\n{key} = {value_text(name, value)}\n")
    assert changed == msgspec.structs.replace(Rules(), **{name: value})
    too_little = value_text(name, least - 1) if least else '"-1s"'
    [said] = problems(f"format = 1\n[{table}]\n{key} = {too_little}\n")
    assert said.startswith(f"{table}.{key}: ")
    assert value_text(name, least) in said


# --- what is no policy ----------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.integers(),
    st.booleans(),
    st.floats(),
    st.text(max_size=80),
    st.dates(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
KEYS = st.one_of(st.text(max_size=80), st.sampled_from([key_of(name) for name in NAMES]))
TABLES = st.one_of(st.text(max_size=80), st.sampled_from([*(table.name for table in RULEBOOK), "format"]))


@settings(deadline=None)
@given(st.dictionaries(TABLES, st.one_of(VALUES, st.dictionaries(KEYS, VALUES, max_size=3)), max_size=4))
def test_a_tree_is_a_policy_or_refused_with_short_lines_that_no_terminal_obeys(tree: dict[str, object]) -> None:
    said: tuple[str, ...] = ()
    try:
        rules = rules_from_tree(tree)
    except PolicyError as error:
        said = error.problems
    else:
        assert rules_from(msgspec.structs.asdict(rules)) == rules
        return
    assert said
    assert all(problem.isprintable() and len(problem) < 400 for problem in said)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_file_of_anything_is_a_policy_or_refused_in_a_sentence(place: Path, content: bytes) -> None:
    path = place / "policy.toml"
    path.write_bytes(content)
    with suppress(PolicyRefused):
        assert load_policy(path) == Rules()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("policies")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[", "is not TOML"), (b"\xff", "is not UTF-8"), (b"a = " + b"[" * 5000, "is not TOML"), (b"x = 1", "format")],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyRefused) as refused:
        load_policy(path)
    assert all(line.startswith(f"{path}: ") for line in str(refused.value).splitlines())
    assert said in str(refused.value)


def test_a_file_that_cannot_be_read_is_told_from_one_that_is_wrong(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none", "pteri policy new"), (tmp_path, "Cannot read")):
        with pytest.raises(SettingsError, match=said) as refused:
            load_policy(path)
        assert not isinstance(refused.value, PolicyRefused)
    (tmp_path / "long").write_bytes(b"#" * 70_000)
    with pytest.raises(SettingsError, match="longer than"):
        load_policy(tmp_path / "long")


def test_a_new_policy_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    write_policy(path, Rules(freezes=1))
    assert load_policy(path) == Rules(freezes=1)
    with pytest.raises(SettingsError, match="Move it away"):
        write_policy(path, Rules())
    with pytest.raises(SettingsError, match="Cannot write"):
        write_policy(tmp_path / "none" / "policy.toml", Rules())
    assert load_policy(path) == Rules(freezes=1)


def test_two_values_that_do_not_fit_are_told_in_units() -> None:
    text = 'format = 1\n[recovery]\nrecovery_hold = "8d"\n'
    [said] = problems(text)
    assert "is 7d; allowed is 8d (recovery_hold) or longer, and less than 15d" in said
    with pytest.raises(RulesError):
        rules_from({"recovery_hold_s": 8 * DAY})


@pytest.mark.parametrize("digits", [61, 5000])
def test_a_number_that_nobody_reads_is_not_shown(digits: int) -> None:
    with pytest.raises(PolicyError) as refused:
        rules_from_tree({"format": 1, "freezing": {"freezes": 10**digits, "freeze": -(10**digits)}})
    for problem in refused.value.problems:
        assert "a very long number" in problem
