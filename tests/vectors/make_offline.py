"""Write vectors/offline.json: ``PYTHONPATH=src:tests python tests/vectors/make_offline.py``.

Chains with all their inputs, the seed among them, and typed codes with the moment and what was taken before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from chains import Chain, seed_of
from pteri.core import checked32
from pteri.core.errors import Code
from pteri.core.ids import AccountId, Thumbprint
from pteri.core.offline import BEHIND, ChainTerms, SpentElement, spaced_offline_code
from vectors.cases import Case, accept, reject

FILE: Final = Path(__file__).parents[2] / "vectors" / "offline.json"
NOTE: Final = (
    "Offline codes (docs/spec section 5.4). 'seed' is hex, 17 bytes; 'end' base64url; instants are Unix seconds. Each "
    "code of 'codes' is typed at 'at' for the chain of that name, of which 'spent' was taken last (null: none); "
    "it is accepted as the element of 'slot', or refused with 'code'. The seeds are made of names, and open nothing."
)
START: Final = 1_790_000_000


def _chain(name: str, step: int, length: int) -> Chain:
    account, device = AccountId("acct_5X3N8J2K7Q4M"), Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY")
    return Chain(ChainTerms(account, device, START, step, length), seed_of(name))


CHAINS: Final = {
    "an hour": _chain("an hour", 30, 120),
    "ten minute slots": _chain("ten minute slots", 600, 144),
    "one code": _chain("one code", 30, 1),
    "thirty days": _chain("thirty days", 30, 86_400),
}


def chains() -> dict[str, dict[str, Any]]:
    return {
        name: {**msgspec.to_builtins(chain.terms), "seed": chain.seed.reveal().hex(), "end": chain.end}
        for name, chain in CHAINS.items()
    }


def _spent(chain: Chain, slot: int) -> dict[str, Any]:
    code = chain.shown(chain.terms.start + slot * chain.terms.step)
    return dict(msgspec.to_builtins(SpentElement(slot, code[:26])))


def codes() -> list[Case]:
    hour, coarse, one, month = CHAINS.values()
    at = START + 50 * 30
    shown = hour.shown(at)
    said = shown[:26] + checked32.ALPHABET[51 % 32]
    moved = said + checked32.check_of(said)
    swapped = shown[1] + shown[0] + shown[2:]

    def case(kind: Any, why: str, *args: Any, name: str = "an hour", **values: Any) -> Case:
        return dict(kind(why, *args, chain=name, **{"spent": None, "at": at, **values}))

    return [
        case(accept, "the code of this slot, none taken before", typed=shown, slot=50),
        case(accept, "in groups, lower case", typed=spaced_offline_code(shown).lower(), slot=50),
        case(accept, "after one that was taken", typed=shown, spent=_spent(hour, 49), slot=50),
        case(accept, "the first slot", typed=hour.shown(START), at=START, slot=0),
        case(accept, "the last second of the chain", typed=hour.shown(START + 3599), at=START + 3599, slot=119),
        case(accept, "a phone whose clock is a slot ahead", typed=hour.shown(at + 30), slot=51),
        case(accept, "typed slowly", typed=hour.shown(at - BEHIND * 30), slot=50 - BEHIND),
        case(accept, "long slots", typed=coarse.shown(START + 7000), name="ten minute slots", at=START + 7000, slot=11),
        case(accept, "a chain of one code", typed=one.shown(START), name="one code", at=START + 29, slot=0),
        case(
            accept,
            "thirty days without a use",
            typed=month.shown(START + 86_399 * 30),
            name="thirty days",
            at=START + 86_399 * 30,
            slot=86_399,
        ),
        case(reject, "the same once more", Code.ORDER, typed=shown, spent=_spent(hour, 50)),
        case(reject, "one from before a taken one", Code.ORDER, typed=shown, spent=_spent(hour, 51)),
        case(reject, "too old", Code.EXPIRED, typed=hour.shown(at - (BEHIND + 1) * 30)),
        case(reject, "two slots ahead", Code.EXPIRED, typed=hour.shown(at + 60)),
        case(reject, "after the end of the chain", Code.EXPIRED, typed=hour.shown(START + 3599), at=START + 3600),
        case(reject, "long before its start", Code.EXPIRED, typed=hour.shown(START), at=START - 31),
        case(reject, "an element with the slot of another", Code.MISMATCH, typed=moved),
        case(reject, "of a chain with another step", Code.MISMATCH, typed=_of_slot(coarse, 50)),
        case(reject, "of a longer chain", Code.MISMATCH, typed=_of_slot(month, 50)),
        case(
            reject,
            "of another chain, after one was taken",
            Code.MISMATCH,
            typed=_of_slot(month, 50),
            spent=_spent(hour, 3),
        ),
        case(reject, "one wrong character", Code.CODE_FORMAT, typed=_other(shown, 3)),
        case(reject, "a wrong check", Code.CODE_FORMAT, typed=_other(shown, 27)),
        case(reject, "two characters have changed places", Code.CODE_FORMAT, typed=swapped),
        case(reject, "a character too few", Code.CODE_FORMAT, typed=shown[:-1]),
        case(reject, "a character too many", Code.CODE_FORMAT, typed=shown + "0"),
        case(reject, "a letter that is not of the alphabet", Code.CODE_FORMAT, typed="U" + shown[1:]),
        case(reject, "digits of another script", Code.CODE_FORMAT, typed="\u0660" + shown[1:]),
        case(reject, "nothing", Code.CODE_FORMAT, typed=""),
    ]


def _of_slot(chain: Chain, slot: int) -> str:
    return chain.shown(chain.terms.start + slot * chain.terms.step)


def _other(code: str, place: int) -> str:
    return code[:place] + ("Z" if code[place] != "Z" else "Y") + code[place + 1 :]


def content() -> str:
    whole = {"format": "pteri-offline-vectors-1", "note": NOTE, "chains": chains(), "codes": codes()}
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
