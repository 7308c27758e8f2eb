"""What policy sees of a case, in plain words, one fact a line. No address, key or name of a line is in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pteri.core.acts import StatementAct, phone_name
from pteri.core.errors import ProtocolError
from pteri.domain.account import Account, AccountState
from pteri.domain.device import Device, DeviceState
from pteri.domain.facts import Circumstances, Facts, LineStatus
from pteri.domain.seeing import Seen
from pteri.policies.durations import duration_text

__all__ = ["facts_in_words", "instant_text", "phone_text"]

_LETTERS = {
    "W": "the wallet of the account",
    "D": "a verified phone",
    "C": "a recovery code",
    "G": "enough guardians",
    "A": "two officers",
}
_LINE = {
    LineStatus.CONTINUOUS: "confirmed just now",
    LineStatus.UNKNOWN: "not confirmed: nobody was asked, or nobody answered",
    LineStatus.CHANGED: "changed",
    LineStatus.CONTRADICTED: "contradicted: an answer is about another line, or not authentic",
}


def instant_text(at: int) -> str:
    """A second that an analyst can read: UTC."""
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, OSError, ValueError):
        return f"second {at}"


def phone_text(thumbprint: str) -> str:
    """The four words of a phone, or what a tried case calls it, in quotes."""
    try:
        return phone_name(thumbprint)  # type: ignore[arg-type]  # a tried case may have any name there
    except ProtocolError:
        return f'"{thumbprint}"'


def facts_in_words(act: StatementAct, facts: Facts) -> list[str]:
    """Everything that counts, in the order of the policy: when, account, phone, signatures, line, what waits."""
    at, account = facts.circumstances.at, facts.account
    told = [f"at {instant_text(at)}"]
    if account is None:
        told += ["there is no account yet", *_line(None, facts.circumstances)]
    else:
        seen = Seen(account, facts.circumstances, facts.signer, act.device)
        told += [*_account(account, at), *_statement(act, account), *_phone(seen), *_signed(seen)]
        told += [*_line(account, facts.circumstances), *_waiting(account, at)]
    # A tried case has any names that somebody wrote, and a terminal must not obey them.
    return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in told]


def _account(account: Account, at: int) -> Iterator[str]:
    until = f" until {instant_text(account.frozen_until)}" if account.state is AccountState.FROZEN else ""
    yield f"the account is {account.state}{until}, epoch {account.epoch}, with {_count(len(account.active_devices()))}"
    if account.freezes:
        latest = ", ".join(_ago(at, frozen_at) for frozen_at in account.freezes)
        yield f"the wallet alone has frozen it: {latest}"
    if account.stopped_at:
        yield f"a phone stopped a claim of the wallet alone {_ago(at, account.stopped_at)}"


def _statement(act: StatementAct, account: Account) -> Iterator[str]:
    if act.account != account.id:
        yield "the statement names another account"
    if act.epoch != account.epoch:
        yield f"the statement is of epoch {act.epoch}"
    if getattr(act, "esim", account.esim) != account.esim:
        yield "the statement names another line"


def _phone(seen: Seen) -> Iterator[str]:
    device = seen.device
    if device is None:
        yield f"the phone {phone_text(seen.phone)} signed, which the account does not know"
        return
    yield f"the phone {phone_text(seen.phone)} signed, which is {_state(device, seen.at)}"


def _state(device: Device, at: int) -> str:
    since = f"in the account for {_span(at - device.created_at)}"
    match device.state:
        case DeviceState.ACTIVE if device.on_probation(at):
            return f"verified, {since}, and on probation until {instant_text(device.probation_until)}"
        case DeviceState.ACTIVE:
            return f"verified, {since}"
        case DeviceState.SUSPENDED if device.suspension is not None:
            return f"suspended until {instant_text(device.suspension.revoke_at)}, {since}"
        case _:
            return f"{device.state}, {since}"


def _signed(seen: Seen) -> Iterator[str]:
    yield f"signed by {'the wallet of the account' if seen.by_own_wallet else 'another wallet'}"
    if seen.signer.new_wallet is not None:
        yield "and by the wallet that shall take its place"
    if seen.signer.code_key is not None:
        yield f"with {'a recovery code of the account' if seen.shows_code else 'a recovery code that is not of it'}"
    if seen.signer.officer is not None:
        yield "and it is an officer"
    letters = sorted(seen.evidence())
    shown = ", ".join(f"{letter} ({_LETTERS[letter]})" for letter in letters)
    yield f"evidence: {shown or 'none'}"


def _line(account: Account | None, circumstances: Circumstances) -> Iterator[str]:
    yield f"the mobile line is {circumstances.line}: {_LINE[circumstances.line]}"
    for signal in circumstances.signals:
        yield f"operator {signal.operator} said of {signal.question}: {signal.finding} ({signal.code})"
    line = None if account is None else account.mobile_line
    if account is not None and line is None:
        yield "the account has no line"
    if line is not None:
        recent = f", its last change recent until {instant_text(line.cooling_until)}"
        yield f"the line of the account is {line.state}{recent if circumstances.at < line.cooling_until else ''}"


def _waiting(account: Account, at: int) -> Iterator[str]:
    migration, case = account.migration, account.recovery
    if migration is not None and migration.is_open(at):
        word = "" if migration.confirmed else ", its code not typed yet"
        held = instant_text(migration.held_until)
        yield f"a migration to {phone_text(migration.new_device)} waits until {held}{word}"
    if case is not None and case.is_open(at):
        letters = " ".join(case.evidence)
        delayed = ", delayed by an objection" if case.delayed else ""
        yield (
            f"a case of {phone_text(case.new_device)} with {letters} waits until {instant_text(case.held_until)} "
            f"and is open until {instant_text(case.expires_at)}{delayed}"
        )
    if account.protection is not None:
        yield f"other guardians or codes wait until {instant_text(account.protection.held_until)}"
    if account.channel_change is not None:
        yield f"other addresses for warnings wait until {instant_text(account.channel_change.held_until)}"
    for voucher in account.vouchers:
        if at < voucher.until:
            who = "a guardian" if voucher.letter == "G" else "an officer"
            yield f"{who} speaks for {phone_text(voucher.new_device)} until {instant_text(voucher.until)}"


def _count(phones: int) -> str:
    return "1 verified phone" if phones == 1 else f"{phones} verified phones"


def _span(seconds: int) -> str:
    """About how long, in one unit: what is exact stands elsewhere."""
    for size in (86_400, 3600, 60):
        if seconds >= size:
            return duration_text(seconds // size * size)
    return f"{max(seconds, 0)}s"


def _ago(at: int, then: int) -> str:
    return f"{_span(at - then)} ago"
