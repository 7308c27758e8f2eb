"""What a person is told of the state of an account: what happened, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.wallet.refusals import utc_text

if TYPE_CHECKING:
    from pteri.core.wire import DevicesSeen, LineSeen

__all__ = ["NEVER_ASKED", "STOPPED", "UNPROTECTED", "account_lines", "line_words"]

UNPROTECTED: Final = (
    "Nobody can help you yet if this phone is lost: there are no recovery codes and no guardians.",
    "With your words alone you wait three days, and whoever finds them has as much as you.",
    "Do this next, once the account is linked, and keep the codes apart from the words: pteri wallet protect",
)
"""Until this is done the phone is not set up (protocol section 6.1); signing in works all the same."""

NEVER_ASKED: Final = (
    "Nobody of the service ever asks for your words or a code by text message, mail or phone. Who does is a thief: "
    "type codes on the page that you opened yourself, and nowhere else."
)

STOPPED: Final = {
    "CONTESTED": "The account is stopped: nobody signs in and nothing changes, until two guardians or officers have "
    "spoken for you. Next: call your guardians, or the help desk.",
    "FROZEN": "The account is stopped for a day. A phone of it and a recovery code end that early: "
    "pteri wallet unfreeze. If a thief has your words, replace your wallet then: pteri wallet replace-wallet",
}


_LINES: Final = {
    "BOUND": "Your account goes with your mobile line; nothing has changed there.",
    "PROBATION": "Your mobile line or SIM has changed, as you said. Until it is seen on its phone, your words alone "
    "wait longer.",
    "MOVED": "Your mobile line has arrived on its phone.",
    "STALE": "No operator has said anything about your mobile line for long. You sign in as ever.",
    "SUSPECT": "Your mobile line changed, and nobody had announced it. If that was you: pteri wallet line rebind "
    "+49... If not, call your operator at once. You sign in as ever.",
    "DETACHED": "Your old number was given to somebody else. Name another one: pteri wallet line rebind +49...",
}


def line_words(line: LineSeen) -> list[str]:
    """What is known of the mobile line, how well and since when, and what to do about it."""
    known = "never seen on a phone of yours" if line.confirmed_at is None else f"seen {utc_text(line.confirmed_at)}"
    words = [_LINES[line.state], f"How well it is known: level {line.level}, {known}."]
    if line.to_phone is not None and line.until is not None:
        words.append(f"It is to move to the phone {line.to_phone} until {utc_text(line.until)}.")
    return words


def account_lines(seen: DevicesSeen) -> list[str]:
    """What a person should know of the account besides its phones, and what to do about it."""
    lines = [f"Your account {seen.account} is {seen.state}."]
    if seen.state == "FROZEN":
        until = utc_text(seen.frozen_until)
        lines.append(f"It is frozen until {until}; a recovery code ends that: pteri wallet unfreeze")
    if seen.state == "CONTESTED":
        lines.append(STOPPED["CONTESTED"])
    case = seen.recovery
    if case is not None and case.state == "OPEN":
        what = "wants another wallet" if case.kind == "ROTATE" else "claims your account"
        lines += [
            f"The phone {case.new_phone} {what} since {utc_text(case.opened_at)}, with {'+'.join(case.evidence)}.",
            f"Its waiting time ends {utc_text(case.held_until)}.",
            f"Not you? pteri wallet object {case.case}",
        ]
    change = seen.protection
    if change is not None:
        lines += [
            f"The phone {change.by} wants other guardians or codes, from {utc_text(change.held_until)} on.",
            f"Not you? pteri wallet object {change.case}",
        ]
    addresses = seen.channel_change
    if addresses is not None:
        lines += [
            f"The phone {addresses.by} wants warnings to go elsewhere, from {utc_text(addresses.held_until)} on.",
            f"Not you? pteri wallet object {addresses.case}",
        ]
    lines += [
        f"The phone {phone.name} is to be removed at {utc_text(phone.revoke_at)}."
        + (f" Keep it? pteri wallet object {phone.case}" if phone.this_phone and phone.case is not None else "")
        for phone in seen.phones
        if phone.revoke_at is not None
    ]
    lines += [
        f"The phone {phone.name} can sign in without a network until {utc_text(phone.offline_until)}."
        for phone in seen.phones
        if phone.offline_until
    ]
    named = seen.guardians
    helpers = "no guardians" if named is None else f"{named.needed} of {len(named.wallets)} guardians"
    lines.append(f"Who may help: {helpers}; recovery codes: {seen.recovery_codes}.")
    if named is None and seen.recovery_codes == 0 and change is None:
        lines += UNPROTECTED
    lines.append(
        f"Warnings go to your phones; addresses that hear, too: {seen.channels}."
        if seen.channels
        else "Warnings go to your phones only. Also by mail: pteri wallet channels set you@mail.example"
    )
    if seen.line is not None:
        lines += line_words(seen.line)
    if seen.chip is not None:
        lines.append(
            f"The eSIM chip of the phone {seen.chip.on_phone} answered {utc_text(seen.chip.answered_at)} "
            f"(level {seen.chip.level})."
        )
    checked = "never: pteri wallet drill" if seen.backup_verified_at == 0 else utc_text(seen.backup_verified_at)
    lines.append(f"Backup last tried: {checked}")
    return lines
