"""Whatever a server says about a statement, the phone signs only what it knows to be so.

Each ceremony is played against the real service, with one field of its answer changed on the way back. Nothing may be
shown to the owner as something to sign, and no signature may leave the phone. The sign-in here is one that the phone
was prompted for: of a scanned one (test_scanned_sign_in.py) a server has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from builders import digest
from phones import EMAIL, PASSPHRASE, Hand, client, empty_hand, hand, honest, lie_about, linked, moved, through
from pteri.core import ids
from pteri.core.acts import ACTS, RevokeDevice, SetupOtp, StatementAct
from pteri.core.errors import Code, Malformed, ProtocolError
from pteri.core.guardians import Guardians
from pteri.core.ids import to_base64url
from pteri.core.invitation import Invitation
from pteri.core.keys.network import NETWORKS
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import Keystore
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import SafetyCode, UnsafeError
from pteri.wallet.server import Reply, Request
from pteri.wallet.wallet import Wallet
from world import LINE, ORIGIN, OTHER_LINE, SimEntropy, World

HOUR = 3600
DAY = 24 * HOUR
OTHER = "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t"
Act = Callable[[Phone], object]


@dataclass(frozen=True)
class Ceremony:
    """``prepare`` brings the world to the moment before the phone asks; what it returns makes the phone ask."""

    purpose: str
    prepare: Callable[[World], tuple[Hand, Act]]
    told_by_server: frozenset[str]
    """Fields of the act that only the server can know."""


def _bind(world: World) -> tuple[Hand, Act]:
    waiting = client(world).start_binding(EMAIL, line=LINE)
    return hand(world), lambda phone: phone.enroll(waiting.qr, line=LINE)


def _sign_in(world: World) -> tuple[Hand, Act]:
    held = linked(world, line=LINE)
    waiting = client(world).start_sign_in(EMAIL)
    return held, lambda phone: phone.approve(waiting.id, number=waiting.number)


def _migrate(world: World) -> tuple[Hand, Act]:
    held, new = linked(world, line=LINE), empty_hand(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    held.phone().approve_offer(offer, revoke_old=True)
    new.new_phone().answer()
    new.new_phone().enter_code(held.phone().approve_offer(offer, revoke_old=True).spaced)
    return held, lambda phone: phone.approve_offer(offer, revoke_old=True)


def _accept_migration(world: World) -> tuple[Hand, Act]:
    old, new = linked(world, line=LINE), empty_hand(world)
    moved(old, new)
    return new, Phone.activate


def _accept_recovery(world: World) -> tuple[Hand, Act]:
    linked(world, line=LINE)
    new = hand(world, "new phone")
    new.phone().start_recovery(ORIGIN, "bank")
    world.clock.advance(72 * HOUR)
    return new, Phone.activate


def _recover(world: World) -> tuple[Hand, Act]:
    linked(world, line=LINE)
    return hand(world, "new phone"), lambda phone: phone.start_recovery(ORIGIN, "bank")


def _revoke(world: World) -> tuple[Hand, Act]:
    held = linked(world)
    return held, lambda phone: phone.revoke(phone.thumbprint)


def _rotate(world: World) -> tuple[Hand, Act]:
    return linked(world), lambda phone: phone.rotate()


def _accept_a_wallet(world: World) -> tuple[Hand, Act]:
    held = linked(world, line=LINE)
    held.phone().rotate()
    world.clock.advance(72 * HOUR)
    return held, Phone.activate


def _claim_with_code(world: World) -> tuple[Hand, Act]:
    [code, _] = linked(world, line=LINE).phone().protect(None).codes
    new = hand(world, "new phone")
    return new, lambda phone: phone.start_recovery(ORIGIN, "bank", evidence=("C", "W"), code=code)


def _protect(world: World) -> tuple[Hand, Act]:
    return linked(world), lambda phone: phone.protect(Guardians(2, tuple(sorted(GUARDIANS))))


def _freeze(world: World) -> tuple[Hand, Act]:
    return linked(world), Phone.freeze


def _unfreeze(world: World) -> tuple[Hand, Act]:
    held = linked(world)
    [code, _] = held.phone().protect(None).codes
    hand(world, "elsewhere").phone().stop(ORIGIN, "bank")
    return held, lambda phone: phone.unfreeze(code)


def _object(world: World) -> tuple[Hand, Act]:
    held = linked(world)
    hand(world, "a thief's phone").phone().start_recovery(ORIGIN, "bank")
    case = held.phone().devices().recovery
    assert case is not None
    return held, lambda phone: phone.object_to(case.case)


def _backup(world: World) -> tuple[Hand, Act]:
    return linked(world), lambda phone: phone.confirm_backup(digest("a sealed file"))


def _warn(world: World) -> tuple[Hand, Act]:
    return linked(world), lambda phone: phone.warn_at("alice@mail.example", "bob@mail.example")


def _rebind(world: World) -> tuple[Hand, Act]:
    return linked(world, line=LINE), lambda phone: phone.rebind_line(OTHER_LINE)


def _announce(world: World) -> tuple[Hand, Act]:
    return linked(world, line=LINE), lambda phone: phone.announce_move(phone.thumbprint, within_s=DAY)


def _vouch(world: World) -> tuple[Hand, Act]:
    owner, friend = linked(world), hand(world, "a friend", FRIEND_WORDS)
    own = Wallet.from_mnemonic(FRIEND_WORDS).address()
    owner.phone().protect(Guardians(2, tuple(sorted((own, GUARDIANS[0])))))
    account = owner.phone().devices().account
    return friend, lambda phone: phone.vouch(ORIGIN, "bank", account, digest("a new phone"))


def _stop(world: World) -> tuple[Hand, Act]:
    linked(world)
    return hand(world, "elsewhere"), lambda phone: phone.stop(ORIGIN, "bank")


FRIEND_WORDS = "letter advice cage absurd amount doctor acoustic avoid letter advice cage above"
GUARDIANS = tuple(
    Wallet.from_mnemonic(words).address()
    for words in (
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
    )
)
CEREMONIES = {
    "bind": Ceremony("bind", _bind, frozenset({"account", "session"})),
    "sign in": Ceremony("authenticate", _sign_in, frozenset({"session"})),
    "approve": Ceremony("migrate", _migrate, frozenset()),
    "accept a migration": Ceremony("accept", _accept_migration, frozenset()),
    "accept a recovery": Ceremony("accept", _accept_recovery, frozenset()),
    "set up codes": Ceremony("setup-otp", _recover, frozenset({"account"})),
    "recover": Ceremony("recover", _recover, frozenset({"esim"})),
    "revoke": Ceremony("revoke", _revoke, frozenset()),
    "rotate": Ceremony("rotate", _rotate, frozenset()),
    "accept a wallet": Ceremony("accept", _accept_a_wallet, frozenset()),
    "claim with a code": Ceremony("recover", _claim_with_code, frozenset({"esim"})),
    "protect": Ceremony("protect", _protect, frozenset()),
    "freeze": Ceremony("freeze", _freeze, frozenset()),
    "unfreeze": Ceremony("unfreeze", _unfreeze, frozenset()),
    "object": Ceremony("veto", _object, frozenset()),
    "record a backup": Ceremony("backup-verified", _backup, frozenset()),
    "say where warnings go": Ceremony("notify", _warn, frozenset()),
    "say which line it is": Ceremony("rebind-esim", _rebind, frozenset()),
    "announce a move": Ceremony("announce-move", _announce, frozenset()),
    "vouch": Ceremony("vouch", _vouch, frozenset()),
    "stop from outside": Ceremony("freeze", _stop, frozenset({"account"})),
}
LIES: dict[str, tuple[Any, ...]] = {
    "account": ("acct_0000000000000000000A",),
    "device": (digest("another phone"),),
    "esim": (digest("another line"), None),
    "epoch": (0,),
    "recovery": (digest("terms nobody showed"),),
    "code": (lambda number: f"{(int(number) + 1) % 100:02d}",),
    "new_device": (digest("a thief's phone"),),
    "offer": (digest("another offer"),),
    "transcript": (digest("another conversation"),),
    "revoke_old": (False,),
    "approval": (digest("an approval of something else"),),
    "evidence": (("G", "W"), ("G",)),
    "lost": ((digest("one phone"),),),
    "new_wallet": (OTHER,),
    "case": (digest("another case"),),
    "guardians": (None, Guardians(2, (OTHER, "LZJSxZbjqJ2XVEquqfqHg1RQTDdfST5PTn"))),
    "codes": (digest("codes that somebody else made"), None),
    "backup": (digest("another file"),),
    "channels": ((), (digest("a thief's address"),), tuple(sorted(digest(f"{number}") for number in range(4)))),
    "new_esim": (digest("a thief's line"),),
    "to_device": (digest("a thief's phone"),),
    "until": (lambda until: until + 91, lambda until: until - 91),
    "target": (digest("another phone"),),
    "chain_end": (digest("a chain of offline codes"),),
    "length": (1,),
    "start": (1,),
    "step": (30,),
}


def _field_cases() -> list[Any]:
    cases = []
    for name, ceremony in CEREMONIES.items():
        for field in ACTS[ceremony.purpose].__struct_fields__:
            if field in ceremony.told_by_server:
                continue
            # The bound epoch is 0: there a larger one is the lie.
            values = (1, 17) if (field, ceremony.purpose) == ("epoch", "bind") else LIES[field]
            cases += [pytest.param(name, field, value, id=f"{name}: {field} {n}") for n, value in enumerate(values)]
    return cases


def refused(world: World, name: str, **fields: Any) -> UnsafeError:
    """The refusal of a ceremony in which the server lies about these fields, after seeing that nothing left."""
    ceremony = CEREMONIES[name]
    held, act = ceremony.prepare(world)
    held.wire.lie = lie_about(ceremony.purpose, **fields)
    phone = held.phone()
    purposes = [review.statement.purpose for review in held.owner.shown]
    with pytest.raises(UnsafeError) as caught:
        act(phone)
    shown = [review.statement.purpose for review in held.owner.shown[len(purposes) :]]
    assert ceremony.purpose not in shown
    assert len(held.wire.responses) == len(held.owner.shown)
    return caught.value


@pytest.mark.parametrize(("name", "field", "value"), _field_cases())
def test_no_field_of_an_act_may_be_another_than_the_phone_knows(
    world: World, name: str, field: str, value: object
) -> None:
    error = refused(world, name, **{field: value})
    assert (error.code, error.field) == (SafetyCode.FIELD_MISMATCH, field)
    assert "Nothing was signed" in error.message


FRAME_LIES = {
    "address": OTHER,
    "chain": NETWORKS["test"].chain_id,
    "domain": "evil.example",
    "request_id": "lgn_00000000000000000000000000",
}
PINNED_LATER = {(name, "domain") for name in ("bind", "set up codes", "vouch", "stop from outside")}


@pytest.mark.parametrize("field", list(FRAME_LIES))
@pytest.mark.parametrize("name", list(CEREMONIES))
def test_no_field_around_an_act_may_be_another_than_the_phone_knows(world: World, name: str, field: str) -> None:
    if (name, field) in PINNED_LATER or (field == "request_id" and name not in {"bind", "sign in"}):
        # Only the server can know it: the owner is shown the domain, and the id is where the answer goes.
        ceremony = CEREMONIES[name]
        held, act = ceremony.prepare(world)
        held.wire.lie = lie_about(ceremony.purpose, **{field: FRAME_LIES[field]})
        held.owner.refuses = ceremony.purpose
        with pytest.raises(UnsafeError) as declined:
            act(held.phone())
        assert declined.value.code is SafetyCode.DECLINED
        assert FRAME_LIES[field] in held.owner.shown[-1].text
        return
    error = refused(world, name, **{field: FRAME_LIES[field]})
    assert (error.code, error.field) == (SafetyCode.FIELD_MISMATCH, field)


@pytest.mark.parametrize("name", list(CEREMONIES))
def test_another_purpose_is_never_signed_in_the_place_of_the_one_asked_for(world: World, name: str) -> None:
    def other(act: StatementAct) -> StatementAct:
        if isinstance(act, SetupOtp):
            return RevokeDevice(act.account, act.device, act.epoch, act.device)
        return SetupOtp(act.account, act.device, act.epoch, None, 0, 0, 0)

    ceremony = CEREMONIES[name]
    held, act = ceremony.prepare(world)
    held.wire.lie = lambda claimed: (
        claimed
        if claimed.statement.purpose != ceremony.purpose
        else msgspec.structs.replace(
            claimed, statement=msgspec.structs.replace(claimed.statement, act=other(claimed.statement.act))
        )
    )
    before = len(held.wire.responses)
    with pytest.raises(UnsafeError) as caught:
        act(held.phone())
    assert (caught.value.code, caught.value.field) == (SafetyCode.FIELD_MISMATCH, "purpose")
    new = held.wire.responses[before:]
    assert len(new) == name.startswith(("recover", "claim"))  # the honest first step


WINDOWS = {"from the future": (91, 211), "too old": (-300, 60), "just over": (-120, 0), "too long": (0, 301)}


@pytest.mark.parametrize(
    ("name", "issued", "expires"),
    [pytest.param("sign in", *window, id=what) for what, window in WINDOWS.items()]
    + [pytest.param(name, -86_400, -86_280, id=f"{name}: yesterday") for name in CEREMONIES],
)
def test_a_statement_out_of_its_time_is_not_signed(world: World, name: str, issued: int, expires: int) -> None:
    error = refused(
        world, name, issued_at=lambda _: world.clock.now() + issued, expires_at=lambda _: world.clock.now() + expires
    )
    assert error.code is SafetyCode.OUT_OF_WINDOW


@pytest.mark.parametrize(
    "fields",
    [{"nonce": "K7Q2"}, {"account": "acct_x"}, {"nonce": "0" * 31 + "\n"}, {"issued_at": -1}],
    ids=["short nonce", "short account", "line break", "before time"],
)
def test_a_value_outside_its_grammar_is_not_signed(world: World, fields: dict[str, Any]) -> None:
    held, act = _bind(world)
    held.wire.lie = lie_about("bind", **fields)
    with pytest.raises(Malformed) as caught:
        act(held.phone())
    assert caught.value.code is Code.FIELD
    assert not held.wire.responses


# --- binding: line and recovery terms ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("recovery", {"recovery_terms": "nobody waits, nobody is told\n"}),
        ("recovery", {"recovery_terms": None}),
        ("esim", {"line_salt": to_base64url(bytes(32))}),
        ("esim", {"line_salt": None}),
        ("esim", {"line_salt": None, "esim": None}),
    ],
)
def test_terms_and_line_must_be_what_the_statement_commits_to(world: World, field: str, fields: dict[str, Any]) -> None:
    error = refused(world, "bind", **fields)
    assert (error.code, error.field) == (SafetyCode.FIELD_MISMATCH, field)


@pytest.mark.parametrize("salt", ["", "short", "!" * 43, to_base64url(bytes(31))])
def test_a_salt_that_is_none_is_refused(world: World, salt: str) -> None:
    held, act = _bind(world)
    held.wire.lie = lie_about("bind", line_salt=salt)
    with pytest.raises((Malformed, UnsafeError)):
        act(held.phone())
    assert not held.wire.responses


def test_the_line_of_another_person_is_noticed(world: World) -> None:
    waiting = client(world).start_binding(EMAIL, line="+4915199999999")
    with pytest.raises(UnsafeError) as caught:
        hand(world).phone().enroll(waiting.qr, line=LINE)
    assert caught.value.field == "esim"


def test_a_line_that_the_service_does_not_know_is_noticed(world: World) -> None:
    waiting = client(world).start_binding(EMAIL)
    with pytest.raises(UnsafeError) as caught:
        hand(world).phone().enroll(waiting.qr, line=LINE)
    assert caught.value.field == "esim"


def test_at_a_later_sign_in_the_line_is_compared_once_more(world: World) -> None:
    held = linked(world, line=LINE)
    waiting = client(world).start_sign_in(EMAIL)
    with pytest.raises(UnsafeError) as caught:
        held.phone().approve(waiting.qr, line="+4915199999999")
    assert caught.value.field == "esim"


def test_a_new_phone_that_names_its_line_must_be_able_to_check_it(world: World) -> None:
    new, _ = _accept_migration(world)
    with pytest.raises(UnsafeError) as caught:
        new.phone().activate(line=LINE)
    assert caught.value.field == "esim"


# --- where requests come from ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "tenant", "origin"),
    [("origin", "bank", "https://evil.example"), ("tenant", "shop", ORIGIN), ("origin", "shop", "http://127.0.0.1:1")],
)
def test_an_invitation_of_another_service_is_refused_before_anything_is_asked(
    world: World, field: str, tenant: str, origin: str
) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)
    forged = Invitation(waiting.id, ids.tenant_id(tenant), waiting.number, origin).encode()
    sent = len(held.wire.sent)
    with pytest.raises(UnsafeError) as caught:
        held.phone().approve(forged)
    assert caught.value.field == field
    assert len(held.wire.sent) == sent


@pytest.mark.parametrize("origin", ["http://pteri.example", "http://10.0.0.1:8750", "http://[::2]"])
def test_an_invitation_that_leads_to_an_open_line_is_refused(world: World, origin: str) -> None:
    waiting = client(world).start_binding(EMAIL)
    forged = Invitation(waiting.id, ids.tenant_id("bank"), waiting.number, origin).encode()
    held = hand(world)
    with pytest.raises(UnsafeError) as caught:
        held.phone().enroll(forged)
    assert caught.value.code is SafetyCode.INSECURE_SERVER
    assert not held.wire.sent


def test_the_number_must_be_the_one_on_the_other_screen(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)
    other = f"{(int(waiting.number) + 1) % 100:02d}"
    for request in (waiting.qr, waiting.id):
        with pytest.raises(UnsafeError) as caught:
            held.phone().approve(request, number=other)
        assert caught.value.field == "code"


@pytest.mark.parametrize("text", ["", "PTERI1:", "PTERI-PHONE1:AB", "https://bank.example/login", "lgn_", "lgn_x\n"])
def test_a_text_that_is_no_request_is_refused(world: World, text: str) -> None:
    held = linked(world)
    with pytest.raises((ProtocolError, UnsafeError)):
        held.phone().approve(text, number="42")
    with pytest.raises((ProtocolError, UnsafeError)):
        held.phone().enroll(text)
    with pytest.raises(ProtocolError):
        held.phone().approve_offer(text, revoke_old=False)


def test_an_offer_of_another_service_or_of_another_day_is_refused(world: World) -> None:
    held, new = linked(world), empty_hand(world)
    elsewhere = empty_hand(world, "elsewhere").new_phone().offer(ORIGIN, "shop")
    old = new.new_phone().offer(ORIGIN, "bank")
    sent = len(held.wire.sent)
    with pytest.raises(ProtocolError):
        held.phone().approve_offer(elsewhere, revoke_old=False)
    world.clock.advance(600)
    with pytest.raises(ProtocolError) as caught:
        held.phone().approve_offer(old, revoke_old=False)
    assert caught.value.code is Code.EXPIRED
    assert len(held.wire.sent) == sent


# --- the account as it is shown ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("field", "value"), [("account", "acct_0000000000000000000A"), ("epoch", 0)])
def test_the_list_of_phones_must_be_of_the_known_account(world: World, field: str, value: object) -> None:
    held = linked(world)
    held.phone().approve(client(world).start_sign_in(EMAIL).qr)

    def forge(request: Request) -> Reply | None:
        told = through(world, request).json
        return Reply(200, msgspec.json.encode(told | {field: value}))

    held.wire.forge = forge
    with pytest.raises(UnsafeError) as caught:
        held.phone().devices()
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["", "zoo zoo zoo zoo", "this"])
def test_a_name_that_no_phone_has_removes_nothing(world: World, name: str) -> None:
    with pytest.raises(UnsafeError) as caught:
        linked(world).phone().find_phone(name)
    assert caught.value.code is SafetyCode.UNKNOWN_PHONE


# --- the owner, and what the phone is ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(CEREMONIES))
def test_nothing_is_signed_when_the_owner_says_no(world: World, name: str) -> None:
    ceremony = CEREMONIES[name]
    held, act = ceremony.prepare(world)
    held.owner.refuses = ceremony.purpose
    with pytest.raises(UnsafeError) as caught:
        act(held.phone())
    assert caught.value.code is SafetyCode.DECLINED
    assert len(held.wire.responses) == len(held.owner.shown) - 1


def test_a_phone_without_account_can_only_begin(world: World) -> None:
    phone = hand(world).phone()
    begun: list[Callable[[], object]] = [
        phone.prompts,
        phone.devices,
        phone.activate,
        lambda: phone.approve("lgn_2Y7K4M9QWZ3T", number="42"),
        lambda: phone.revoke(phone.thumbprint),
        lambda: phone.approve_offer("PTERI-MIG1:", revoke_old=True),
    ]
    for act in begun:
        with pytest.raises(UnsafeError) as caught:
            act()
        assert caught.value.code is SafetyCode.NOT_ENROLLED


def test_a_phone_that_waits_to_be_let_in_cannot_act_for_the_account(world: World) -> None:
    held = hand(world)
    held.new_phone().offer(ORIGIN, "bank")
    with pytest.raises(UnsafeError) as caught:
        held.phone().approve("lgn_2Y7K4M9QWZ3T", number="42")
    assert caught.value.code is SafetyCode.NOT_ENROLLED
    assert "number" not in caught.value.message


def test_a_memory_that_another_program_wrote_is_refused(world: World) -> None:
    held = linked(world)
    (held.directory / "state.json").write_bytes(b"{}\n")
    with pytest.raises(WalletError) as caught:
        held.phone()
    assert caught.value.code is WalletCode.NOT_A_STATE


def test_a_phone_key_is_made_on_purpose_only(world: World) -> None:
    held = hand(world)
    with pytest.raises(UnsafeError) as caught:
        Phone.open(
            Keystore(held.directory),
            PASSPHRASE,
            transport=held.wire,
            confirm=held.owner,
            clock=world.clock,
            entropy=SimEntropy("unused"),
        )
    assert caught.value.code is SafetyCode.NOT_ENROLLED
    assert not Keystore(held.directory).has_device()


def test_a_phone_serves_one_account(world: World) -> None:
    held = linked(world)
    held.phone().approve(client(world).start_sign_in(EMAIL).qr)
    other = client(world, "shop").start_binding("alice@shop.example").qr
    phone = held.phone()
    for act in (
        lambda: phone.enroll(other),
        lambda: held.new_phone().offer(ORIGIN, "shop"),
        lambda: phone.start_recovery(ORIGIN, "bank"),
    ):
        with pytest.raises(UnsafeError) as caught:
            act()
        assert caught.value.code is SafetyCode.ALREADY_ENROLLED


def test_a_link_whose_code_was_never_typed_may_be_begun_again(world: World) -> None:
    held, site = hand(world), client(world)
    held.phone().enroll(site.start_binding(EMAIL).qr)
    waiting = site.start_binding(EMAIL)
    shown = held.phone().enroll(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).device == held.phone().thumbprint


def test_a_link_that_was_never_finished_is_not_held_against_a_new_phone(world: World) -> None:
    owner, new = linked(world), hand(world, "new phone")
    waiting = client(world, "shop").start_binding("alice@shop.example", line=LINE)
    new.phone().enroll(waiting.qr)
    with pytest.raises(UnsafeError) as caught:
        new.new_phone().offer(ORIGIN, "bank")
    assert caught.value.code is SafetyCode.ALREADY_ENROLLED
    new.phone().forget()
    moved(owner, new)
    assert new.phone().activate().decision == "permit"


@pytest.mark.parametrize(("field", "value"), [("codes", None), ("guardians", Guardians(2, tuple(sorted(GUARDIANS))))])
def test_codes_that_stay_are_named_by_the_server_and_nothing_else_is(world: World, field: str, value: object) -> None:
    held = linked(world)
    [code, _] = held.phone().protect(None).codes
    held.phone().codes_are_written_down()
    held.wire.lie = lie_about("protect", **{field: value})
    with pytest.raises(UnsafeError) as refused:
        held.phone().protect(None, code=code, keeps_codes=True)
    assert (refused.value.code, refused.value.field) == (SafetyCode.FIELD_MISMATCH, field)
    held.wire.lie = honest
    assert held.phone().protect(None, code=code, keeps_codes=True).codes == ()
