"""``pteri wallet audit`` and ``receipt``: hold the service to its log, and keep what proves an event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pteri.core.errors import Code, Malformed
from pteri.core.log.note import parse_verifier
from pteri.core.log.receipt import MAX_RECEIPT_BYTES, encode_receipt
from pteri.core.log.witness import Quorum
from pteri.wallet.desk import Desk, command
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.refusals import ServerError, utc_text
from pteri.wallet.screen import Told, proof_line
from pteri.wallet.watching import Given, News

if TYPE_CHECKING:
    from pteri.wallet.anchored import Anchored
    from pteri.wallet.phone import Phone
    from pteri.wallet.watchful import Looked

__all__ = ["add_log_commands", "log_told_after_sign_in"]

_commands = typer.Typer()
_STALE_S: Final = 7 * 86_400
_NOT_YOU: Final = "If one of these was not you, with a phone of yours: stop the account now, with: pteri wallet freeze"
_ALARM: Final = "ALARM. Your sign-in counts, but something is wrong with the log of the service."
_CLOCK_FIRST: Final = "Your sign-in counts. Something about the time does not fit."
_MOST_NEWS: Final = 20
_BY: Final = {"phone": "signed by another phone of yours", "service": "recorded by the service, signed by nobody"}


def add_log_commands(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    app.add_typer(_commands)


@command(_commands, "audit")
def audit(
    desk: Desk,
    *,
    log_key: Annotated[str, typer.Option("--log-key", help="Key of the log, name+id+key, from whom you trust.")] = "",
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="Key of a witness whose word you take; as often as needed.")
    ] = None,
    needed: Annotated[int, typer.Option("--needed", min=1, help="How many of these witnesses must have seen it.")] = 1,
) -> Told:
    """Check what the service's log has of your account, and that it has everything that this phone signed."""
    given = _checked(Given(log_key, tuple(witness or ()), needed))
    looked = _audited(desk.phone(), given)
    _say_handed_over(desk, looked)
    _say_news(desk, looked)
    if looked.alarm is not None:
        raise looked.as_error()
    desk.screen.say(*_findings(looked))
    return _told(looked)


@command(_commands, "receipt")
def receipt(
    desk: Desk,
    *,
    out: Annotated[Path, typer.Option("--out", help="File for the receipt; an existing one is not overwritten.")],
    seq: Annotated[int, typer.Argument(metavar="SEQ", min=0, help="Number of the event; 0: the newest.")] = 0,
) -> Told:
    """Keep a receipt of an event of your account, that anybody can verify who may read its history."""
    phone = desk.phone()
    anchored = phone.anchored(phone.log_receipt(seq))
    made = anchored.receipt
    content = encode_receipt(made)
    if len(content) > MAX_RECEIPT_BYTES:
        raise WalletError(
            WalletCode.TOO_LARGE, "The history of your account is too long for one receipt. Name an earlier event."
        )
    create_file(out, content)
    log_key, index_key = phone.log_key, phone.index_key
    verify = f"pteri verify receipt '{out}' --log-key '{log_key}' --index-key '{index_key}'"
    desk.screen.say(
        f"{out} is a receipt for event {len(made.entries)} of your account. It has your whole history until then: show "
        "it to those alone who may read that.",
        *_anchor_lines(anchored),
        f"To verify it: {verify}{'' if phone.network == 'main' else f' --network {phone.network}'}",
    )
    told = {"file": str(out), "seq": len(made.entries), "log_key": log_key, "index_key": index_key}
    return told | _anchor_told(anchored)


def _anchor_lines(anchored: Anchored) -> list[str]:
    if anchored.wrong is not None:
        wrong = (
            f"The service showed an anchor in Litecoin that does not hold ({anchored.wrong}). It was left out, and the "
            "receipt is as good as one without. Tell the people of the service."
        )
        return [wrong]
    if anchored.at is None or anchored.known is None:
        return ["It has no anchor in Litecoin: none is deep enough yet, or the service keeps none."]
    # The hash is the service's word: in a command that is ready to be copied, nobody would compare it.
    found = (
        f"It has an anchor in Litecoin: block {anchored.at.height}, {utc_text(anchored.at.time)}, "
        f"{anchored.at.confirmations} confirmations. To have that checked, too, look block {anchored.known.height} "
        "up in a Litecoin node or with somebody whom you trust, and add its hash: "
        f"--known-block {anchored.known.height}:HASH. It should be {anchored.known.shown_id}."
    )
    return [found]


def _anchor_told(anchored: Anchored) -> dict[str, object]:
    if anchored.wrong is not None:
        return {"anchor_wrong": anchored.wrong}
    if anchored.at is None or anchored.known is None:
        return {}
    return {
        "anchor": {
            "height": anchored.at.height,
            "block": anchored.at.block,
            "at": anchored.at.time,
            "confirmations": anchored.at.confirmations,
            "known_block": f"{anchored.known.height}:{anchored.known.shown_id}",
        }
    }


def log_told_after_sign_in(desk: Desk, phone: Phone) -> dict[str, object]:
    """Look at the log once, after a sign-in that has been answered, and say what is wrong or new."""
    looked = phone.look_at_log()
    if looked.alarm is not None:
        desk.screen.say(
            "",
            _CLOCK_FIRST if looked.alarm.code is AlarmCode.PHONE_CLOCK else _ALARM,
            looked.alarm.message,
            *_evidence_lines(looked),
            f"({looked.alarm.code})",
        )
        error = looked.as_error()
        told = {"code": str(error.code), "message": error.message, "evidence": error.evidence}
        return {"log_alarm": {name: value for name, value in told.items() if value is not None}}
    _say_handed_over(desk, looked)
    _say_news(desk, looked)
    if looked.unanswered is not None and 0 < looked.looked_at <= desk.machine.clock.now() - _STALE_S:
        desk.screen.say(
            f"This phone has not been able to look at the service's log since {utc_text(looked.looked_at)}. "
            "Find out why: pteri wallet audit"
        )
    return {"log_news": _news_told(looked.news)} if looked.news else {}


def _checked(given: Given) -> Given:
    """The same; what a person mistyped is refused as that, and is no alarm."""
    if given.log_key:
        parse_verifier(given.log_key)
    if given.witnesses:
        Quorum.of(given.needed, [parse_verifier(each) for each in given.witnesses])
    elif given.needed != 1:
        raise Malformed(Code.WITNESSES, "a number of witnesses without a key of one")
    return given


def _audited(phone: Phone, given: Given) -> Looked:
    try:
        return phone.audit_log(given)
    except ServerError as error:
        if error.status == 404:
            raise ServerError(
                error.code, "This service keeps no log, or is too old for it. There is nothing to check.", status=404
            ) from error
        if error.code == "PENDING_LOG":
            raise ServerError(
                error.code,
                "No witness has seen the log of this service yet. Try again later; if it stays so, ask the people of "
                "the service.",
                status=error.status,
            ) from error
        raise


def _findings(looked: Looked) -> list[str]:
    believed, notes = looked.notes.believed, looked.notes
    assert believed is not None
    origin = believed.log_key.partition("+")[0]
    watched = (
        f"{looked.seen} of {len(believed.witnesses)} witnesses that this phone knows have seen it."
        if believed.witnesses
        else "Nobody watches this log but you and others like you."
    )
    due = len([act for act in notes.acts if act.due_at])
    lines = [
        f"The log {origin} has {looked.size} entries, signed by its key; it begins with all that this phone saw.",
        watched,
        f"{notes.seq} of them are of your account, without a gap.",
        f"{notes.found} of these this phone signed" + (f"; {due} more will come." if due else "."),
    ]
    if looked.older:
        lines.append(
            f"{looked.older} are from before this phone began to remember what it signs. Look at them in a receipt: "
            "pteri wallet receipt --out FILE"
        )
    return lines


def _say_handed_over(desk: Desk, looked: Looked) -> None:
    believed = looked.notes.believed
    if looked.handed_over and believed is not None:
        desk.screen.say(
            "The log of the service has handed over to a new key, as its old key and the new one have signed. If you "
            f"can, compare it with what others have: {believed.log_key}"
        )


def _say_news(desk: Desk, looked: Looked) -> None:
    if not looked.news:
        return
    desk.screen.say("In the log of the service, and not signed by this phone:")
    shown = looked.news[-_MOST_NEWS:]
    if len(shown) < len(looked.news):
        desk.screen.say(f"({len(looked.news) - len(shown)} earlier ones)")
    for each in shown:
        desk.screen.say(f"{utc_text(each.at)}: {each.words}; {_BY[each.by]}")
    if any(each.by == "phone" for each in looked.news):
        desk.screen.say(_NOT_YOU)


def _evidence_lines(looked: Looked) -> list[str]:
    return [] if looked.evidence is None else [proof_line(str(looked.evidence))]


def _news_told(news: tuple[News, ...]) -> list[dict[str, object]]:
    return [{"seq": each.seq, "kind": each.kind, "words": each.words, "at": each.at, "by": each.by} for each in news]


def _told(looked: Looked) -> dict[str, object]:
    notes, believed = looked.notes, looked.notes.believed
    assert believed is not None
    return {
        "log_key": believed.log_key,
        "witnesses": list(believed.witnesses),
        "needed": believed.needed,
        "seen": looked.seen,
        "size": looked.size,
        "checkpoint": notes.checkpoint,
        "seq": notes.seq,
        "found": notes.found,
        "expected": len([act for act in notes.acts if act.due_at]),
        "older": looked.older,
        "news": _news_told(looked.news),
    }
