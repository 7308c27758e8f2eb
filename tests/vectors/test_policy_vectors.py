"""vectors/policy: every program that reads policies and cases reads these alike, and refuses these."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from pteri.app.replaying import Signed
from pteri.domain.rules import Rules
from pteri.policies.text import PolicyError, policy_text, rules_from_tree
from pteri.policies.tried import CaseRefused, read_case

VECTORS: Final = Path(__file__).parents[2] / "vectors" / "policy"
POLICIES: Final[list[dict[str, Any]]] = json.loads((VECTORS / "policies.json").read_text(encoding="utf-8"))["policies"]
CASES: Final[list[dict[str, Any]]] = json.loads((VECTORS / "cases.json").read_text(encoding="utf-8"))["cases"]
every_policy = pytest.mark.parametrize("vector", POLICIES, ids=lambda vector: str(vector["name"]))
every_case = pytest.mark.parametrize("vector", CASES, ids=lambda vector: str(vector["name"]))


@every_policy
def test_a_policy_means_these_rules_or_is_refused_with_these_problems(vector: dict[str, Any]) -> None:
    expect = vector["expect"]
    assert vector["why"]
    if expect["valid"]:
        rules = rules_from_tree(tomllib.loads(vector["toml"]))
        assert rules == msgspec.structs.replace(Rules(), **expect["changes"])
        assert expect["digest"] in {None, rules.digest()}
        assert rules_from_tree(tomllib.loads(policy_text(rules))) == rules
        return
    with pytest.raises(PolicyError) as refused:
        rules_from_tree(tomllib.loads(vector["toml"]))
    told = refused.value.problems
    assert len(told) == len(expect["problems"])
    for problem, expected in zip(told, expect["problems"], strict=True):
        assert problem.startswith(expected)


@every_case
def test_a_case_is_decided_like_this_or_refused_for_this(vector: dict[str, Any]) -> None:
    expect = vector["expect"]
    assert vector["why"]
    text = vector["text"].encode() if "text" in vector else json.dumps(vector["case"]).encode()
    if "refused" in expect:
        with pytest.raises(CaseRefused) as refused:
            read_case(text)
        assert str(refused.value).startswith(expect["refused"])
        return
    case = Signed(*read_case(text))
    rules = rules_from_tree(tomllib.loads(vector.get("policy", "format = 1")))
    decision = case.decide(rules)
    assert msgspec.to_builtins(decision) | {"row": case.row(decision).condition} == expect


@pytest.mark.parametrize("vectors", [POLICIES, CASES], ids=["policies", "cases"])
def test_more_vectors_fail_than_succeed(vectors: list[dict[str, Any]]) -> None:
    refused = sum(not vector["expect"].get("valid", "refused" not in vector["expect"]) for vector in vectors)
    assert refused > len(vectors) - refused
    assert len({vector["name"] for vector in vectors}) == len(vectors)
