"""A policy as people hold it: tables of rules with units and comments (docs/spec/policy.md).

Reading is strict and says everything that is wrong at once. Writing gives a complete file with a comment on each rule;
what is written reads back as the same rules.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from pteri.domain.rules import Rules, RulesError, bounds, rules_from
from pteri.policies.durations import duration_text, seconds_from
from pteri.policies.rulebook import RULEBOOK, Rule, is_duration, key_of, place_of

__all__ = ["POLICY_FORMAT", "PolicyError", "policy_text", "rules_from_tree", "value_text"]

POLICY_FORMAT: Final = 1
_SHOWN: Final = 60
_WIDTH: Final = 100
_HEAD: Final = """\
# A PTERI policy: how long people wait, and how often they may try.
#
# A time is a whole number with a unit: "90s", "10m", "72h", "7d". A count has none.
# A rule that is left out has its default. A value beyond its bounds refuses to start.
# Look at it before you use it: pteri policy check FILE"""


class PolicyError(ValueError):
    """A policy that the software will not run with. ``problems``: each with its place and what is allowed there."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def rules_from_tree(tree: Mapping[str, object]) -> Rules:
    """The rules that a parsed policy file means, or ``PolicyError`` with everything that is wrong with it."""
    problems = list(_format_problems(tree))
    values: dict[str, int] = {}
    known = {table.name: table for table in RULEBOOK}
    for name, content in tree.items():
        if name == "format":
            continue
        if name not in known:
            problems.append(f"{_plain(name)}: no table of a policy{_nearest(name, [*known, 'format'])}")
        elif not isinstance(content, dict):
            problems.append(f"{name}: must be a table, [{name}] and then its rules")
        else:
            found = {key_of(rule.name): rule for rule in known[name].rules}
            for key, value in content.items():
                rule = found.get(key)
                read = _no_rule(name, key) if rule is None else _value(rule, value)
                if isinstance(read, str):
                    problems.append(f"{name}.{_plain(key)}: {read}")
                elif rule is not None:
                    values[rule.name] = read
    if problems:
        raise PolicyError(tuple(problems))
    try:
        return rules_from(values)
    except RulesError:
        # Each value is within its own bounds: what is left is how two of them fit together.
        raise PolicyError((_does_not_fit(values),)) from None


def _format_problems(tree: Mapping[str, object]) -> Iterator[str]:
    given = tree.get("format")
    if given is None:
        yield f"format: is missing; write format = {POLICY_FORMAT} above all tables"
    elif type(given) is not int or given != POLICY_FORMAT:
        yield f"format: is {_shown(given)}, and this program reads {POLICY_FORMAT}"


def _no_rule(table: str, key: str) -> str:
    names = {key_of(rule.name): rule.name for other in RULEBOOK for rule in other.rules}
    if key in names:
        return f"stands in another table: {place_of(names[key])}"
    if key in names.values():
        return f"the unit stands in the value: write {key_of(key)} = {value_text(key, getattr(Rules(), key))}"
    near = [key_of(rule.name) for other in RULEBOOK for rule in other.rules if other.name == table]
    return "no rule of this table" + _nearest(key, near)


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name[:_SHOWN], known, n=1, cutoff=0.0)
    return f"; the nearest that there is: {near[0]}"


def _value(rule: Rule, given: object) -> int | str:
    """The number that is meant, or what is wrong with it."""
    allowed = f"allowed is {_allowed(rule.name)}"
    if is_duration(rule.name):
        if isinstance(given, int) and not isinstance(given, bool):
            return f'{_shown(given)} has no unit, write "{_shown(given)}s" or with m, h, d; {allowed}'
        read = seconds_from(given) if isinstance(given, str) else None
        if read is None:
            return f'{_shown(given)} is no time like "90s", "10m", "72h" or "7d"; {allowed}'
    elif not isinstance(given, int) or isinstance(given, bool):
        return f"{_shown(given)} is no count, which is a whole number without quotes; {allowed}"
    else:
        read = given
    least, most = bounds(rule.name)
    if read < least:
        return f"{_shown(given)} is below the floor; {allowed}"
    if read > (_MOST if most is None else most):
        return f"{_shown(given)} is above the ceiling; {allowed}"
    return read


_MOST: Final = 2**31


def _does_not_fit(values: Mapping[str, int]) -> str:
    rules = {name: values.get(name, getattr(Rules(), name)) for name in Rules.__struct_fields__}
    hold, opened = rules["recovery_hold_s"], rules["recovery_open_s"]
    return (
        f"recovery.recovery_hold_line_changed: is {duration_text(rules['recovery_hold_line_changed_s'])}; allowed is "
        f"{duration_text(hold)} (recovery_hold) or longer, and less than {duration_text(hold + opened)} (recovery_hold "
        "and recovery_open together), so that a changed line never shortens a wait and the wait ends before the case"
    )


def _allowed(name: str) -> str:
    least, most = bounds(name)
    if most is None:
        return f"{value_text(name, least)} or more"
    return f"{value_text(name, least)} to {value_text(name, most)}"


def _shown(given: object) -> str:
    """A value as it stands in the file, in one short line."""
    return f'"{_plain(given)}"' if isinstance(given, str) else _text_of(given)


def _plain(text: str) -> str:
    """Something from the file that no terminal obeys, and that is not long."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:_SHOWN])
    return shown + ("..." if len(text) > _SHOWN else "")


def _text_of(given: object) -> str:
    match given:
        case bool():
            return "true" if given else "false"
        case int():
            # More digits than this are no value of anything, and turning them into text takes long.
            return str(given) if abs(given) < 10**_SHOWN else "a very long number"
        case float():
            return str(given)
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"


def value_text(name: str, value: int) -> str:
    """A value of a rule as it is written in a policy file."""
    return f'"{duration_text(value)}"' if is_duration(name) else str(value)


def policy_text(rules: Rules) -> str:
    """The whole policy file of these rules."""
    lines = [_HEAD, "", f"format = {POLICY_FORMAT}"]
    for table in RULEBOOK:
        lines += ["", "", *_comment(table.about), f"[{table.name}]"]
        for rule in table.rules:
            value = getattr(rules, rule.name)
            lines += ["", *_comment(rule.protects), *_comment(_bounds_text(rule.name))]
            lines.append(f"{key_of(rule.name)} = {value_text(rule.name, value)}")
    return "\n".join([*lines, ""])


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH - 2)]


def _bounds_text(name: str) -> str:
    least, most = bounds(name)
    told = [f"Default {value_text(name, getattr(Rules(), name))}".replace('"', "")]
    if least > 1:
        told.append(f"floor {value_text(name, least)}".replace('"', ""))
    if most is not None:
        told.append(f"ceiling {value_text(name, most)}".replace('"', ""))
    return ", ".join(told) + "."
