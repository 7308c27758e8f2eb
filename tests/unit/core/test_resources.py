"""How each field is spelt: one value, one spelling, and nothing written that would be read as something else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pteri.core.acts import ACTS, StatementAct
from pteri.core.errors import Code, Malformed
from pteri.core.guardians import Guardians
from pteri.core.resources import act_from_resources, resources_of
from pteri.core.statement import parse
from statements import ACCOUNT, ADDRESS, DEVICE, EXAMPLES, FRIENDS, LINE, NEW_DEVICE, SESSION, statement

OTHER_TYPES = (None, 7, 7.0, True, b"x", "x", ("x",), ["x"], {"x": 1}, object())
RECOVERY = EXAMPLES["recover from the loss of all phones"]
SIGN_IN = EXAMPLES["sign in, with a line"]
WHO = "confirm who somebody is"
TWINS = {"freeze": "unfreeze", "unfreeze": "freeze", "vouch": "attest", "attest": "vouch"}


def changed(act: StatementAct, **values: Any) -> StatementAct:
    return msgspec.structs.replace(act, **values)


def reread(act: StatementAct) -> StatementAct:
    return act_from_resources(act.purpose, resources_of(act))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_act_is_read_back_from_its_lines(name: str) -> None:
    assert reread(EXAMPLES[name]) == EXAMPLES[name]


def test_the_lines_of_a_sign_in() -> None:
    assert resources_of(SIGN_IN) == [
        f"pteri:account:{ACCOUNT}",
        f"pteri:device:{DEVICE}",
        f"pteri:esim:{LINE}",
        "pteri:epoch:17",
        f"pteri:session:{SESSION}",
        "pteri:code:42",
    ]


def test_the_lines_of_a_recovery() -> None:
    lines = resources_of(changed(RECOVERY, esim=None, evidence=("C", "W"), lost=(DEVICE,), new_wallet=ADDRESS))
    assert lines[2:] == [
        "pteri:esim:none",
        "pteri:epoch:4",
        "pteri:evidence:C,W",
        f"pteri:lost:{DEVICE}",
        f"pteri:new-wallet:{ADDRESS}",
    ]
    assert resources_of(RECOVERY)[-2:] == ["pteri:lost:all", "pteri:new-wallet:same"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epoch", -1),
        ("epoch", 2**53),
        pytest.param("epoch", 10**5000, id="more digits than Python writes"),
        pytest.param("epoch", -(10**5000), id="the same below zero"),
        ("epoch", True),
        ("epoch", 4.0),
        ("epoch", "4"),
        ("account", f"{ACCOUNT}\n"),
        ("account", f"{ACCOUNT}\n- pteri:epoch:9"),
        ("device", NEW_DEVICE[:-1] + "B"),
        ("esim", "none"),
        ("esim", ""),
        ("evidence", ()),
        ("evidence", ("",)),
        ("evidence", ("W", "C")),
        ("evidence", ("W", "W")),
        ("evidence", ("C,W",)),
        ("evidence", ("C,", "W")),
        ("evidence", ("S",)),
        ("evidence", ("w",)),
        ("evidence", ("W\n",)),
        ("evidence", (1,)),
        ("evidence", "CW"),
        ("evidence", ["C", "W"]),
        ("evidence", None),
        ("lost", ()),
        ("lost", ("all",)),
        ("lost", "all"),
        ("lost", ("",)),
        ("lost", (1,)),
        ("lost", [DEVICE]),
        ("lost", DEVICE),
        ("lost", (NEW_DEVICE, DEVICE)),
        ("lost", (f"{DEVICE},{NEW_DEVICE}",)),
        ("new_wallet", ""),
        ("new_wallet", "SAME"),
        ("new_wallet", "same\n"),
        ("new_wallet", "L" * 65),
        ("new_wallet", None),
    ],
)
def test_a_value_with_no_spelling_of_its_own_is_refused(field: str, value: object) -> None:
    with pytest.raises(Malformed) as refused:
        resources_of(changed(RECOVERY, **{field: value}))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize(
    "value",
    [
        "none",
        "",
        Guardians(2, FRIENDS).encode(),
        FRIENDS,
        (2, FRIENDS),
        Guardians(2, ()),
        Guardians(1, FRIENDS),
        Guardians(4, FRIENDS),
        Guardians(2, FRIENDS[::-1]),
        Guardians(2, (FRIENDS[0], FRIENDS[0])),
        Guardians(2, (f"{FRIENDS[0]},{FRIENDS[1]}",)),
        Guardians(True, FRIENDS),  # which Python takes for 1
        Guardians(2.0, FRIENDS),  # type: ignore[arg-type]  # of another type, as below
        Guardians("2", FRIENDS),  # type: ignore[arg-type]
        Guardians(2, list(FRIENDS)),  # type: ignore[arg-type]
        Guardians(2, (1, 2)),  # type: ignore[arg-type]
        Guardians(2, None),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_quorum_is_not_spelt(value: object) -> None:
    with pytest.raises(Malformed) as refused:
        resources_of(changed(EXAMPLES["recover with guardians and codes"], guardians=value))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("value", ["4", "042", "-1", "4 ", "\u0664\u0662", "\uff14\uff12", "42\n", 42, None, b"42"])
def test_the_number_on_the_other_screen_is_two_ascii_digits(value: object) -> None:
    with pytest.raises(Malformed) as refused:
        resources_of(changed(SIGN_IN, code=value))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("value", ["yes", "no", "", 0, 1, None, ()])
def test_only_true_and_false_say_whether_the_old_phone_goes(value: object) -> None:
    # "no" is true in Python: without this refusal it would be written as yes.
    with pytest.raises(Malformed) as refused:
        resources_of(changed(EXAMPLES["approve a new phone and keep this one"], revoke_old=value))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_value_of_a_foreign_type_is_spelt(name: str) -> None:
    act = EXAMPLES[name]
    for field in act.__struct_fields__:
        for value in OTHER_TYPES:
            other = changed(act, **{field: value})
            try:
                back = reread(other)
            except Malformed:
                continue
            assert back == other, (field, value)
            assert type(getattr(back, field)) is type(value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_lines_are_those_of_the_purpose_in_their_order(name: str) -> None:
    purpose, lines = EXAMPLES[name].purpose, resources_of(EXAMPLES[name])
    wrong = [
        [],
        lines[:-1],
        lines[1:],
        [*lines, lines[-1]],
        lines[::-1],
        [lines[1], lines[0], *lines[2:]],
        [*lines[:-1], ""],
        [lines[0].upper(), *lines[1:]],
        [lines[0].replace(":", "=", 1), *lines[1:]],
        [" " + lines[0], *lines[1:]],
    ]
    for others in wrong:
        with pytest.raises(Malformed) as refused:
            act_from_resources(purpose, others)
        assert refused.value.code is Code.STATEMENT


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_lines_of_one_purpose_are_not_those_of_another_with_other_fields(name: str) -> None:
    act = EXAMPLES[name]
    for purpose in ACTS.keys() - {act.purpose, TWINS.get(act.purpose)}:
        with pytest.raises(Malformed):
            act_from_resources(purpose, resources_of(act))


def test_the_lines_of_two_purposes_are_the_same_only_where_their_fields_are() -> None:
    fields = {purpose: act.__struct_fields__ for purpose, act in ACTS.items()}
    same = {(one, other) for one in ACTS for other in ACTS if one != other and fields[one] == fields[other]}
    assert same == set(TWINS.items())


@pytest.mark.parametrize("name", ["stop the account", "let the account go on", "speak for a friend", WHO])
def test_of_two_purposes_with_the_same_lines_verb_and_sentence_say_which(name: str) -> None:
    act = EXAMPLES[name]
    text = statement(act).encode()
    for swapped in (b"/v1/" + TWINS[act.purpose].encode() + b"\n", b"/v1/" + act.purpose.encode().upper() + b"\n"):
        with pytest.raises(Malformed) as refused:
            parse(text.replace(b"/v1/" + act.purpose.encode() + b"\n", swapped))
        assert refused.value.code is Code.STATEMENT


@pytest.mark.parametrize("purpose", ["", "transfer", "BIND", "bind ", "rebind-esim", "setup_otp", "_Act"])
def test_another_word_is_no_purpose(purpose: str) -> None:
    with pytest.raises(Malformed) as refused:
        act_from_resources(purpose, resources_of(SIGN_IN))
    assert refused.value.code is Code.STATEMENT


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        *(("sign in, with a line", 3, text) for text in ("", "01", "00", "-0", "+1", "1.0", "1e3", "0x1", " 1", "1 ")),
        *(("sign in, with a line", 3, text) for text in ("\u0661", "9007199254740992", "9" * 5000, "1_0", "true")),
        *(("sign in, with a line", 2, text) for text in ("", "None", "NONE", "null", f"{LINE}=", LINE[1:])),
        *(("approve a new phone and keep this one", 7, text) for text in ("", "Yes", "NO", "true", "0", "no ")),
        *(("recover from the loss of all phones", 4, text) for text in ("", ",", "W,", ",W", "A,,C", "A,C,D,G,W,A")),
        *(("recover from the loss of all phones", 5, text) for text in ("", "none", "All", f"{DEVICE},{NEW_DEVICE}")),
    ],
)
def test_another_spelling_of_a_value_is_not_read(name: str, place: int, value: str) -> None:
    lines = resources_of(EXAMPLES[name])
    key = lines[place].rsplit(":", 1)[0]
    with pytest.raises(Malformed) as refused:
        act_from_resources(EXAMPLES[name].purpose, [*lines[:place], f"{key}:{value}", *lines[place + 1 :]])
    assert refused.value.code is Code.FIELD
