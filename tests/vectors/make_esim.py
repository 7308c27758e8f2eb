"""Writes vectors/esim/evidence.json: what eSIM chips are said to have signed, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import chip_cases
import chips
from pteri.core.errors import MalformedEvidence
from pteri.core.euicc.certificate import parse_certificate
from pteri.core.euicc.challenge import ChipProof
from pteri.core.euicc.notification import ChipEvent

FILE: Final = Path(__file__).parents[2] / "vectors" / "esim" / "evidence.json"
NOTE: Final = (
    "Each case of 'evidence' is one message ('der_hex') of a 'kind', verified at the instant 'at' (Unix seconds) by a "
    "place that trusts the certificates 'issuers', is a lab or not, and knows what is revoked. 'answer': the answer to "
    "'challenge_hex' in the transaction 'transaction_hex' for the server 'address'. 'installation' and 'profiles': "
    "with the certificates 'chip' and 'manufacturer', in that transaction; 'profiles' for the eIM 'eim' and its "
    "'counter', with 'appended_hex' behind what was signed. A certificate is written in hex, or named and found in "
    "'known'. Of an accepted message 'found' is what it says; 'identity' is that of an event, section 6 of "
    "docs/spec/esim-chip.md. A rejected one is refused with 'code' (docs/spec section 1.1), the first where two things "
    "are wrong. Everything was made for this project; the chips open nothing."
)
KNOWN: Final = {
    **chip_cases.CERTIFICATES,
    "lab issuer": (chips.LAB / "ci.cert.der").read_bytes(),
}


def _named(certificate: bytes) -> str:
    return next((name for name, raw in KNOWN.items() if raw == certificate), certificate.hex())


def evidence() -> list[dict[str, Any]]:
    return [_case(case) for case in chip_cases.all_cases()]


def _case(case: chip_cases.Evidence) -> dict[str, Any]:
    made: dict[str, Any] = {"expect": "reject" if case.code else "accept", "why": case.why}
    if case.code is not None:
        made["code"] = str(case.code)
    made |= {"kind": case.kind, "at": case.at, "lab": case.lab}
    made |= {"issuers": [_named(one) for one in case.issuers]}
    for name in ("eids", "eums", "cis"):
        if listed := getattr(case, f"revoked_{name}"):
            made[f"revoked_{name}"] = list(listed)
    made |= _expected(case)
    if case.code is None:
        made["found"] = found(case)
    # A size that is refused is a size, and not its bytes.
    if len(case.der) > 16_384:
        made["der_hex"] = case.der.rstrip(b"\0").hex()
        made["zero_bytes_after"] = len(case.der) - len(case.der.rstrip(b"\0"))
    else:
        made["der_hex"] = case.der.hex()
    return made


def _expected(case: chip_cases.Evidence) -> dict[str, Any]:
    if case.kind == "notification":
        return {}
    transaction = None if case.transaction is None else case.transaction.hex()
    if case.kind == "answer":
        return {"challenge_hex": case.challenge.hex(), "transaction_hex": transaction, "address": case.address}
    made: dict[str, Any] = {"chip": _named(case.chip), "manufacturer": _named(case.manufacturer)}
    made["transaction_hex"] = transaction
    if case.kind == "profiles":
        made |= {"eim": case.eim, "counter": case.counter, "appended_hex": case.appended.hex()}
    return made


def found(case: chip_cases.Evidence) -> dict[str, Any]:
    """What an accepted message says, as JSON has it."""
    result = case.verify()
    if isinstance(result, ChipEvent):
        said: dict[str, Any] = {"iccid": result.iccid, "operation": str(result.operation), "sequence": result.sequence}
        said["identity"] = result.identity.decode("ascii")
    elif isinstance(result, ChipProof):
        said = {"matching_id": result.matching_id}
    else:
        said = {"sequence": result.sequence, "profiles": [[one.iccid, one.enabled] for one in result.profiles]}
    return {"eid": result.eid, "ci_key_id": result.ci_key_id, **said}


def certificates() -> list[dict[str, Any]]:
    """Single certificates, for whoever reads them alone."""
    made = []
    for why, cert in {
        "an issuer's": chips.CI,
        "a manufacturer's of version 2": chips.EUM,
        "a manufacturer's of version 3": chips.EUM_V3,
        "a chip's": chips.CHIP,
        "a server's": chips.SERVER,
    }.items():
        raw = cert.der()
        read = parse_certificate(raw)
        times = {"not_before": read.not_before, "not_after": read.not_after}
        made.append(
            {"expect": "accept", "why": why, "key_id": read.extensions.key_id.hex(), **times, "der_hex": raw.hex()}
        )
    for case in (*chip_cases.bad_forms(), *chip_cases.bad_extensions(), *chip_cases.bad_names()):
        raw = chip_cases.parts(case.der)[0]
        try:
            parse_certificate(raw)
        except MalformedEvidence as error:
            made.append({"expect": "reject", "why": case.why, "code": str(error.code), "der_hex": raw.hex()})
    return made


def document() -> str:
    known = {name: raw.hex() for name, raw in KNOWN.items()}
    made: dict[str, Any] = {"format": "pteri-esim-vectors-1", "note": NOTE, "known": known}
    made |= {"evidence": evidence(), "certificates": certificates()}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
