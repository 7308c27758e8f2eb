"""An eSIM chip proves itself through a phone's own settings, and what it does is heard; neither opens anything."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace as replace_struct

import chips as c
from lpa import Lpa
from mobile import signed_in, waits
from phones import Hand, linked
from pteri.app.chip_desk import ChipDesk
from pteri.core import wire
from pteri.core.euicc.ceremony import ServerIdentity
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate
from rotation import Keys, whole
from searching import assert_nowhere, text_spellings
from thieves import second_phone
from world import LINE, START, SimPhone, World
from worlds import Worlds

DAY = 86_400
CI, EUM, CHIP, OTHER_CHIP, SERVER = (
    replace(cert, not_before=START - DAY, not_after=START + 400 * DAY)
    for cert in (c.CI, c.EUM, c.CHIP, c.OTHER_CHIP, c.SERVER)
)
"""The world of chips, valid for as long as these stories take."""
ES9 = "/gsma/rsp2/es9plus"
ES2 = "/gsma/rsp2/es2plus"
DONE = "8.2.6"


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A bank to which chips come, too."""
    made = worlds()
    identity = ServerIdentity.load(SERVER.der(), DevicePrivateKey.from_secret(Secret((0x1000 + 5).to_bytes(32, "big"))))
    desk = ChipDesk(c.ADDRESS, c.trusting(CI.der()), (identity,), (CI.subject_key_id,))
    made.deployment = replace(made.deployment, chips=desk)
    made.app = build_app(made.deployment, version="0", limits=Limits(rate=Rate("tests", 1_000_000, 1.0)), lifespan=None)
    return made


def post(world: World, path: str, body: bytes) -> Any:
    """What a phone's settings send, and what they hear."""
    answered = world.run(
        world.ask("POST", path, body, {"content-type": "application/json"}, host=bytes([len(body) % 250, 2, 3]))
    )
    assert answered.status in {200, 204}, answered.body
    return msgspec.json.decode(answered.body) if answered.body else None


def phone_with(chip: c.Cert) -> Lpa:
    """The settings of a phone, and its chip."""
    return Lpa(c.a_chip(chip, EUM), issuer=CI)


def subject(answer: Any) -> str:
    status = answer["header"]["functionExecutionStatus"]
    return str(status["status"] if status["status"] == "Executed-Success" else status["statusCodeData"]["subjectCode"])


def activation(phone: SimPhone) -> str:
    """The text that a verified phone gets, and its token."""
    started = phone.post("/chip-challenges", wire.Nothing()).as_(wire.ChipStarted)
    assert len(started.activation) <= 255
    head, address, token = started.activation.split("$")
    assert (head, address) == ("LPA:1", c.ADDRESS)
    return token


def prove(world: World, lpa: Lpa, token: str | None) -> str:
    """The settings of a phone take the text; its chip answers. The subject of the final no."""
    initiated = post(world, f"{ES9}/initiateAuthentication", lpa.hello())
    assert subject(initiated) == "Executed-Success"
    return subject(
        post(world, f"{ES9}/authenticateClient", lpa.answer(msgspec.json.encode(initiated), matching_id=token))
    )


def chip(phone: SimPhone) -> wire.ChipSeen | None:
    return phone.devices().chip


def test_a_chip_that_answers_is_known_at_level_4_and_by_its_events_at_level_5(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    assert chip(owner) is None
    assert prove(world, lpa, activation(owner)) == DONE
    seen = chip(owner)
    assert seen is not None
    assert (seen.level, seen.answered_at, seen.told_at) == (4, world.clock.now(), None)
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    for der in lpa.chip.enable(c.ICCID):
        assert post(world, f"{ES9}/handleNotification", lpa.notify(der)) is None
    seen = chip(owner)
    assert seen is not None
    assert (seen.level, seen.told_at) == (5, world.clock.now())
    world.clock.advance(30 * DAY)
    later = chip(owner)
    assert later is not None
    assert later.level == 0


def test_a_token_is_good_once_for_ten_minutes_and_while_its_phone_is_one(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    token = activation(owner)
    assert prove(world, lpa, token) == DONE
    other = phone_with(OTHER_CHIP)
    before = chip(owner)
    assert prove(world, other, token) == DONE  # it hears the same
    assert chip(owner) == before
    late = activation(owner)
    world.clock.advance(600)
    assert prove(world, other, late) == DONE
    assert chip(owner) is not None
    assert chip(owner).answered_at == before.answered_at  # type: ignore[union-attr]  # both are there
    second = second_phone(world, owner)
    gone = activation(second)
    owner.revoke(second.thumbprint)
    world.clock.advance(DAY)
    assert prove(world, other, gone) == DONE
    assert chip(owner).answered_at == before.answered_at  # type: ignore[union-attr]  # both are there


@pytest.mark.parametrize(
    "token", [None, "", "BANK-", "BANK-AAAA", "NOBODY-AAAAAAAA", "bank-!!", "-", "BANK-" + "A" * 200]
)
def test_a_chip_without_a_token_of_ours_proves_nothing_to_anybody(world: World, token: str | None) -> None:
    owner = world.enrolled()
    before = world.account_of(owner)
    assert prove(world, phone_with(CHIP), token) == DONE
    assert world.account_of(owner) == before


def test_a_token_of_one_tenant_is_none_at_another(world: World) -> None:
    owner = world.enrolled()
    token = activation(owner)
    assert prove(world, phone_with(CHIP), token.replace("BANK-", "SHOP-")) == DONE
    assert chip(owner) is None


def test_an_answer_to_another_transaction_or_after_ten_minutes_is_refused(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    token = activation(owner)
    initiated = post(world, f"{ES9}/initiateAuthentication", lpa.hello())
    answer = lpa.answer(msgspec.json.encode(initiated), matching_id=token)
    for transaction in ("00" * 16, "FF" * 16, "AB", "ZZ" * 16):
        body = msgspec.json.encode({**msgspec.json.decode(answer), "transactionId": transaction})
        assert subject(post(world, f"{ES9}/authenticateClient", body)) != DONE
    world.clock.advance(600)
    assert subject(post(world, f"{ES9}/authenticateClient", answer)) == "8.10.1"
    assert chip(owner) is None


def test_a_chip_that_nobody_vouches_for_is_refused(world: World) -> None:
    owner = world.enrolled()
    forged = replace(CHIP, signer=c.key(9))
    lpa = phone_with(forged)
    initiated = post(world, f"{ES9}/initiateAuthentication", lpa.hello())
    answer = lpa.answer(msgspec.json.encode(initiated), matching_id=activation(owner))
    assert subject(post(world, f"{ES9}/authenticateClient", answer)) not in {DONE, "Executed-Success"}
    assert chip(owner) is None


def test_the_same_event_or_an_earlier_one_moves_nothing_in_whatever_order(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    prove(world, lpa, activation(owner))
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    enabled = lpa.chip.enable(c.ICCID)[-1]
    disabled = lpa.chip.disable(c.ICCID)
    for der in (disabled, enabled, enabled, disabled):
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    account = world.account_of(owner)
    assert (account.chip.in_use, chip(owner).level) == (False, 4)  # type: ignore[union-attr]  # it is there
    version = account.version
    twin = base64.b64encode(enabled).decode()
    post(world, f"{ES9}/handleNotification", msgspec.json.encode({"pendingNotification": twin}))
    assert world.account_of(owner).version == version


def test_a_chips_message_records_nothing_that_only_a_wrong_clock_ended(world: World) -> None:
    """Nobody signs it: whoever holds a chip would end every wait of its account, days before the time (RE-16)."""
    owner, lpa = world.enrolled(), phone_with(CHIP)
    second = second_phone(world, owner)
    prove(world, lpa, activation(owner))
    assert owner.revoke(second.thumbprint).decided.status == 200
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    enabled = lpa.notify(lpa.chip.enable(c.ICCID)[-1])
    token, before = activation(owner), world.account_of(owner)
    world.clock.set(2 * DAY)
    headers = {"content-type": "application/json"}
    answered = world.run(world.ask("POST", f"{ES9}/handleNotification", enabled, headers, host=b"abc"))
    assert (answered.status, answered.code) == (503, "CLOCK_JUMPED")
    world.clock.set(-2 * DAY)
    assert world.account_of(owner) == before
    assert post(world, f"{ES9}/handleNotification", enabled) is None
    assert prove(world, lpa, token) == DONE
    assert chip(owner).level == 5  # type: ignore[union-attr]  # it is there


def test_what_an_sm_dp_says_counts_only_as_far_as_the_chip_signed_it(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    prove(world, lpa, activation(owner))
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    enabled = lpa.chip.enable(c.ICCID)[-1]
    told: dict[str, Any] = {
        "header": {"functionRequesterIdentifier": "1", "functionCallIdentifier": "2"},
        "iccid": c.ICCID,
        "profileType": "any",
        "timestamp": "2026-11-25T12:00:00Z",
        "notificationPointId": 4,
        "notificationPointStatus": {"status": "Executed-Success"},
    }
    before = world.account_of(owner)
    for more in ({}, {"resultData": base64.b64encode(b"0" * 40).decode()}, {"iccid": "not a number"}):
        said = post(world, f"{ES2}/handleDownloadProgressInfo", msgspec.json.encode(told | more))
        assert subject(said) == "Executed-Success"
    assert world.account_of(owner) == before
    post(
        world,
        f"{ES2}/handleDownloadProgressInfo",
        msgspec.json.encode(told | {"resultData": base64.b64encode(enabled).decode()}),
    )
    assert chip(owner).level == 5  # type: ignore[union-attr]  # it is there


def test_of_an_order_of_version_3_only_what_the_chip_signed_counts(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    prove(world, lpa, activation(owner))
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    enabled = base64.b64encode(lpa.chip.enable(c.ICCID)[-1]).decode()
    told: dict[str, Any] = {
        "header": {"functionRequesterIdentifier": "1", "functionCallIdentifier": "2"},
        "iccid": c.ICCID,
        "timestamp": "2026-11-25T12:00:00Z",
        "notificationEvent": 5,
    }
    before = world.account_of(owner)
    for more in ({}, {"eid": c.EID, "notificationEventStatus": {"status": "Failed"}}, {"resultData": "AAAA"}):
        said = post(world, f"{ES2}/handleNotification", msgspec.json.encode(told | more))
        assert subject(said) == "Executed-Success"
    assert world.account_of(owner) == before
    for _ in range(2):
        post(world, f"{ES2}/handleNotification", msgspec.json.encode(told | {"resultData": enabled}))
    assert chip(owner).level == 5  # type: ignore[union-attr]  # it is there
    assert world.account_of(owner).version == before.version + 1


def test_a_chip_opens_nothing_and_shortens_nothing(world: World) -> None:
    held: Hand = linked(world, line=LINE)
    before = signed_in(world, held)
    assert (before.chip_level, before.chip_seen_at) == (0, None)
    wait = waits(world)
    lpa = phone_with(CHIP)
    started = held.phone().start_chip()
    prove(world, lpa, started.activation.split("$")[2])
    after = signed_in(world, held)
    assert (after.chip_level, after.chip_seen_at) == (4, world.clock.now())
    assert (after.level, after.line) == (before.level, before.line)
    assert waits(world, "another thief's phone") == wait


def test_no_number_of_a_chip_or_profile_is_in_the_database(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    prove(world, lpa, activation(owner))
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    for der in lpa.chip.enable(c.ICCID):
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    everything = b"\0".join(world.stolen().values())
    for number in (c.EID, c.ICCID):
        for spelt in (number.encode(), bytes.fromhex(number), number[::-1].encode()):
            assert spelt not in everything


def test_where_no_chip_is_asked_there_is_no_such_address(worlds: Worlds) -> None:
    plain = worlds()
    owner = plain.enrolled()
    asked = owner.post("/chip-challenges", wire.Nothing())
    assert (asked.status, asked.code) == (403, "NOT_OFFERED")
    answered = plain.run(
        plain.ask("POST", f"{ES9}/handleNotification", b"{}", {"content-type": "application/json"}, host=b"abc")
    )
    assert answered.status == 404


def test_another_deployment_key_makes_no_news_of_what_a_chip_has_said_before(world: World) -> None:
    """A chip stays under the key that it was first heard with, and so do its profiles and their counters."""
    owner, lpa = world.enrolled(), phone_with(CHIP)
    assert prove(world, lpa, activation(owner)) == DONE
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    said = [*lpa.chip.enable(c.ICCID)]
    for der in said:
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    before = world.account_of(owner).chip
    assert before is not None
    keys = Keys(world).new().rotate()
    keys.rekey()
    world.clock.advance(60)
    for der in said:
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    assert world.account_of(owner).chip == before
    assert prove(world, lpa, activation(owner)) == DONE
    for der in said:
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    after = world.account_of(owner).chip
    assert after == replace_struct(before, answered_at=world.clock.now(), request=after.request)
    assert (after.key, keys.needed().chips) == (keys.first, 1)
    whole(world)


def test_a_chip_that_is_new_after_a_rotation_is_under_the_new_key(world: World) -> None:
    owner, lpa = world.enrolled(), phone_with(CHIP)
    keys = Keys(world).new().rotate()
    assert prove(world, lpa, activation(owner)) == DONE
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    for der in lpa.chip.enable(c.ICCID):
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    seen = chip(owner)
    assert seen is not None
    assert seen.level == 5
    assert world.account_of(owner).chip.key == keys.second
    assert keys.needed().chips == 0


def test_nothing_of_what_a_chip_sent_is_kept(world: World) -> None:
    """No message, no certificate, no signature and no number of it: what it said is an event, without a blob."""
    owner, lpa = world.enrolled(), phone_with(CHIP)
    initiated = post(world, f"{ES9}/initiateAuthentication", lpa.hello())
    token = activation(owner)
    answer = lpa.answer(msgspec.json.encode(initiated), matching_id=token)
    post(world, f"{ES9}/authenticateClient", answer)
    lpa.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    said = [*lpa.chip.enable(c.ICCID)]
    for der in said:
        post(world, f"{ES9}/handleNotification", lpa.notify(der))
    keys = Keys(world).new().rotate()
    keys.rekey()
    post(world, f"{ES9}/handleNotification", lpa.notify(lpa.chip.disable(c.ICCID)))
    assert chip(owner) is not None
    sent = base64.b64decode(msgspec.json.decode(answer)["authenticateServerResponse"])
    files = world.stolen()
    assert any(owner.thumbprint.encode() in content for content in files.values())
    # The token in it is ours: it stands in the recorded answer to the phone, and only this service reads it.
    for blob in (*sent.split(token.encode()), *said, CHIP.der(), EUM.der()):
        # Any part of it that is long enough to be one, in each spelling.
        for start in range(0, len(blob) - 24, 24):
            piece = blob[start : start + 24]
            spelt = (piece, piece.hex().encode(), piece.hex().upper().encode(), base64.b64encode(piece))
            assert [name for name, content in files.items() for each in spelt if each in content] == []
    for number in (c.EID, c.ICCID):
        assert_nowhere(files, text_spellings(number))
