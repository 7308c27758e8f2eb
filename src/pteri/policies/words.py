"""An explanation and a comparison as values for programs and as lines for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pteri.app.comparing import Comparison, DifferentCase
from pteri.app.differing import said_shortly
from pteri.app.explaining import FoundCase
from pteri.app.replaying import CannotReplay, Replayed, Signed, Unsigned, decide_watched
from pteri.audit.rechecking import Unchecked
from pteri.domain.decisions import Decision, Hold, Permit
from pteri.domain.rows import Row
from pteri.domain.rules import Rules
from pteri.policies.durations import duration_text
from pteri.policies.facts import facts_in_words, instant_text
from pteri.policies.naming import with_names
from pteri.policies.review import changes
from pteri.policies.rulebook import place_of
from pteri.policies.text import value_text
from pteri.policies.tried import case_tree

__all__ = ["Compared", "Explained", "comparison_text", "comparison_tree", "explain_recorded", "explain_tried"]

_WHY_NOT: Final = {
    CannotReplay.UNREADABLE: "its record, or what was signed, cannot be read: run pteri fsck",
    CannotReplay.HISTORY_BROKEN: "an event before it is missing or cannot follow: run pteri fsck",
    CannotReplay.NOT_DECIDED: "no policy made this event: time did, or what an operator said, or an approval whose "
    "evidence stands with a later event of the same request",
    Unchecked.OTHER_MOMENT: "it was decided before the account's last change, at a moment that is not kept",
    Unchecked.NO_TENANT: "its tenant is not in the settings any more",
}
_PROOF: Final = {
    Unchecked.PHONE_UNKNOWN.value: "the phone never entered the account, so only the wallet's signature was "
    "verified again",
    Unchecked.OTHER_RULES.value: "the signatures were verified again; it was recorded by other rules than those of the "
    "settings",
}
_PROVED: Final = "Both signatures were verified again, and this is what they make."
_UNSIGNED: Final = "nobody signed it: only the account counts, at that moment"


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that is known of a case. ``agrees`` is ``None`` where nothing was recorded to agree with."""

    tree: dict[str, Any]
    lines: tuple[str, ...]
    agrees: bool | None


def explain_tried(seen: Signed, rules: Rules) -> Explained:
    """A case that somebody wrote down."""
    decision, read = decide_watched(seen, rules)
    row = seen.row(decision)
    facts = facts_in_words(seen.act, seen.facts)
    tree = {"purpose": seen.purpose, "facts": facts, **_decided(seen, decision, row, rules, read)}
    lines = (f"{seen.purpose}, a tried case", *_decided_lines(decision, row, rules, read), *_saw(facts))
    return Explained(tree, lines, None)


def explain_recorded(found: FoundCase, rules: Rules) -> Explained:
    """A case of a registry: what was decided then, and what these rules decide."""
    recorded, seen = found.recorded, found.seen
    event = recorded.event
    tree: dict[str, Any] = {
        "tenant": recorded.tenant,
        "account": recorded.account,
        "seq": recorded.seq,
        "event": event.name,
        "request": event.request,
        "at": event.at,
        "evidence": list(found.proof),
    }
    head = f"{event.name}, event {recorded.seq} of {recorded.account} at {recorded.tenant}, request {event.request}"
    lines = [head, f"recorded {instant_text(event.at)}"]
    if not isinstance(seen, Replayed):
        why = _WHY_NOT.get(seen, seen.value)
        tree["not_decided_again"] = {"code": seen.value, "says": why}
        return Explained(tree, (*lines, f"It cannot be decided again: {why}."), None)
    case, then = seen.seen, seen.decision
    now, read = decide_watched(case, rules)
    row, same_rules = case.row(now), seen.rules == rules.digest()
    facts = [_UNSIGNED] if isinstance(case, Unsigned) else facts_in_words(case.act, case.facts)
    tree |= {"purpose": case.purpose, "facts": facts, "recorded": _decision_tree(then, seen.rules)}
    tree |= {**_decided(case, now, row, rules, read), "same_rules": same_rules, "agrees": now == then}
    if not same_rules or now != then:
        lines.append(f"Recorded decision: {_decision_text(then)}")
    lines += [*_decided_lines(now, row, rules, read), _verdict(now == then, same_rules)]
    if isinstance(case, Signed):
        lines += [f"Of its evidence: {_PROOF.get(said, said)}." for said in found.proof] or [_PROVED]
    return Explained(tree, (*lines, *_saw(facts)), now == then)


def _verdict(agrees: bool, same_rules: bool) -> str:
    if same_rules:
        return (
            "That is what was recorded, by the same rules."
            if agrees
            else ("The same rules decided otherwise then: one of the two is wrong. Run pteri fsck.")
        )
    ends = "decide the same" if agrees else "decide otherwise"
    return f"It was recorded by other rules than these; these {ends}."


def _decided(
    seen: Signed | Unsigned, decision: Decision, row: Row, rules: Rules, read: Iterable[str]
) -> dict[str, Any]:
    tree: dict[str, Any] = {
        "decided": _decision_tree(decision, rules.digest()),
        "row": {"purpose": row.purpose, "condition": row.condition},
        "rules": {name: getattr(rules, name) for name in read},
    }
    if isinstance(seen, Signed):
        tree["case"] = with_names(case_tree(seen.act, seen.facts))
    return tree


def _decision_tree(decision: Decision, rules: str) -> dict[str, Any]:
    return {**msgspec.to_builtins(decision), "policy": rules}


def _decided_lines(decision: Decision, row: Row, rules: Rules, read: tuple[str, ...]) -> list[str]:
    where = f"of {row.purpose}" if row.purpose else "that comes before all others"
    lines = [f"Decision: {_decision_text(decision)}", f"by the row {where}: {row.condition}"]
    looked_at = ", ".join(f"{place_of(name)} = {value_text(name, getattr(rules, name))}" for name in read)
    lines.append(f"Rules that were looked at: {looked_at}" if read else "No rule was looked at.")
    return [*lines, f"Policy {rules.digest()}"]


def _decision_text(decision: Decision) -> str:
    match decision:
        case Permit(level=level):
            return f"{said_shortly(decision)}, level {level.name}"
        case Hold(until=until):
            return f"{said_shortly(decision)}, until {instant_text(until)}"
        case _:
            return said_shortly(decision)


def _saw(facts: Iterable[str]) -> list[str]:
    return ["What policy saw:", *(f"  - {fact}" for fact in facts)]


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison with what it is of. ``before``: ``None`` where the first policy is what was recorded."""

    first: str
    second: str
    before: Rules | None
    after: Rules
    found: Comparison


def comparison_tree(compared: Compared) -> dict[str, Any]:
    """For a program."""
    found: dict[str, Any] = msgspec.to_builtins(compared.found)
    before = None if compared.before is None else compared.before.digest()
    policies = {"first": compared.first, "second": compared.second}
    return {**policies, "first_digest": before, "second_digest": compared.after.digest(), **found}


def comparison_text(compared: Compared) -> str:
    """For a person."""
    found = compared.found
    lines = [
        f"{compared.first} against {compared.second} ({compared.after.digest()})",
        f"{found.accounts} accounts, {found.events} events, {found.decided} decisions made again.",
    ]
    lines += [f"Left out, {reason}: {times}" for reason, times in found.left_out.items()]
    lines += _unseen(compared)
    if not found.different:
        return "\n".join([*lines, "No decision would have been another one."])
    one = found.different == 1
    lines.append(
        "1 decision would have been another one:" if one else f"{found.different} decisions would have been other ones:"
    )
    lines += [
        f"  {kind.times} x {kind.purpose}: {kind.before} -> {kind.after}, gives {kind.gives}" for kind in found.kinds
    ]
    lines += [_case_line(case) for case in found.cases]
    if found.different > len(found.cases):
        lines.append(f"... and {found.different - len(found.cases)} more; see them with --limit.")
    return "\n".join(lines)


def _unseen(compared: Compared) -> list[str]:
    """Rules that differ and that no decision looked at: they act on what follows, or are counted elsewhere."""
    if compared.before is None:
        return []
    names = [change.name for change in changes(compared.before, compared.after)]
    unseen = [place_of(name) for name in names if name not in compared.found.looked_at]
    if not unseen:
        return []
    return [f"They differ, too, in rules that no decision here looked at: {', '.join(unseen)}"]


def _case_line(case: DifferentCase) -> str:
    line = (
        f"  {case.tenant}/{case.account}/{case.seq} {instant_text(case.at)} {case.purpose}: "
        f"{case.before} -> {case.after}"
    )
    if case.before_until is not None and case.after_until is not None:
        longer = case.after_until - case.before_until
        line += f", {duration_text(abs(longer))} {'longer' if longer > 0 else 'shorter'}"
    return line
