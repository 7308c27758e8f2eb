"""Write vectors/blocks.json: ``PYTHONPATH=src:tests python tests/vectors/make_blocks.py``.

What a block changes: statements, invitations of sign-ins, and codes.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import msgspec

from pteri.core import httpsig, ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code
from pteri.core.httpsig import Tag
from pteri.core.ids import BlockId
from pteri.core.keys.message import verify_message
from pteri.core.otp import one_time_code
from pteri.core.verify import Payload, WalletSignature
from signing import WALLET
from statements import BLOCK, EXAMPLES, NEXT_BLOCK, PHONE, SESSION, statement
from vectors.cases import Case, accept, reject
from vectors.make_airgap import ORIGIN, inviting

FILE: Final = Path(__file__).parents[2] / "vectors" / "blocks.json"
NOTE: Final = (
    "A recent block in statements (docs/spec sections 3.2 and 4.7). 'statements' as in statements.json: a text with "
    "'expect' reject is refused by a reader with 'code', fields without a text by a writer; codes are those of section "
    "1.1. 'invitations': the text and the terms that it says (section 4.2). 'codes': of one wallet key and one phone, "
    "whose statements differ in the block alone; both signatures are over the statement of their own. The keys are "
    "published and open nothing."
)
PLAIN: Final = statement(EXAMPLES["sign in, with a line"])
NAMED: Final = msgspec.structs.replace(PLAIN, block=BLOCK)
TEXT: Final = NAMED.encode().decode()
LINE: Final = f"\n- pteri:block:{BLOCK}"


def statements() -> list[Case]:
    made = {why: msgspec.structs.replace(statement(act), block=BLOCK) for why, act in EXAMPLES.items()}
    made["sign in after the next block"] = msgspec.structs.replace(PLAIN, block=NEXT_BLOCK)
    made["sign in after a block of zeros"] = msgspec.structs.replace(PLAIN, block=ids.block_id("0" * 64))
    made["sign in without a block"] = PLAIN
    return [
        *(
            accept(
                why,
                fields=msgspec.to_builtins(each),
                text=each.encode().decode(),
                sha256=each.sha256().hex(),
            )
            for why, each in made.items()
        ),
        *_refused_texts(),
        *_refused_fields(),
    ]


def _refused_texts() -> list[Case]:
    plain, f, s = PLAIN.encode().decode(), Code.FIELD, Code.STATEMENT

    def with_value(value: str) -> str:
        return TEXT.replace(BLOCK, value)

    values = {
        "a block in upper case": BLOCK.upper(),
        "one digit in upper case": BLOCK[:-2] + "E2",
        "a block of 63 digits": BLOCK[:-1],
        "a block of 65 digits": BLOCK + "0",
        "a block of 62 digits": BLOCK[:-2],
        "a block without digits": "",
        "none in the place of a block": "none",
        "a block with 0x before it": f"0x{BLOCK}",
        "a block with 0x in the place of zeros": f"0x{BLOCK[2:]}",
        "a letter that is no digit": f"g{BLOCK[1:]}",
        "a block with a space before it": f" {BLOCK}",
        "a block with a space after it": f"{BLOCK} ",
        "a block in groups": f"{BLOCK[:32]} {BLOCK[32:]}",
        "a block with its height": f"0:{BLOCK}",
        "two blocks in one line": f"{BLOCK},{NEXT_BLOCK}",
        "a block in base64url": "EqdlMf_UBZutpN4lGQ9uMMmdlxTTNO-kGhldenn4E_I",
        "full-width digits": BLOCK.replace("1", "\uff11"),
    }
    head, last = plain.rsplit("\n", 1)
    before_all = plain.replace("Resources:", f"Resources:{LINE}")
    texts = {
        "the block twice": (s, TEXT + LINE),
        "two blocks": (s, f"{TEXT}\n- pteri:block:{NEXT_BLOCK}"),
        "the block before all resources": (s, before_all),
        "the block before the last resource": (s, f"{head}{LINE}\n{last}"),
        "the block in the place of the last resource": (s, head + LINE),
        "the block before the resources": (s, plain.replace("\nResources:", f"{LINE}\nResources:")),
        "the block alone": (s, plain[: plain.index("\n- ")] + LINE),
        "an unknown resource after the block": (s, f"{TEXT}\n- pteri:note:hello"),
        "a resource of the purpose after the block": (s, f"{TEXT}\n{last}"),
        "an unknown resource in the place of the block": (s, TEXT.replace("pteri:block", "pteri:blocks")),
        "the key in upper case": (s, TEXT.replace("pteri:block", "pteri:BLOCK")),
        "the block of another scheme": (s, TEXT.replace("- pteri:block", "- bip122:block")),
        "no hyphen before the block": (s, TEXT.replace("- pteri:block", "pteri:block")),
        "an empty line before the block": (s, plain + "\n" + LINE),
        "a line feed after the block": (s, TEXT + "\n"),
        "a carriage return before the block": (f, plain + "\r" + LINE),
    }
    return [
        *(reject(why, s if "\uff11" in value else f, text=with_value(value)) for why, value in values.items()),
        *(reject(why, code, text=text) for why, (code, text) in texts.items()),
    ]


def _refused_fields() -> list[Case]:
    values = {
        "a block in upper case, to be written": BLOCK.upper(),
        "a block of 63 digits, to be written": BLOCK[:-1],
        "an empty block, to be written": "",
        "a block with a resource behind it, to be written": f"{BLOCK}\n- pteri:code:42",
        "none, to be written": "none",
    }
    return [
        reject(why, Code.FIELD, fields=msgspec.to_builtins(msgspec.structs.replace(PLAIN, block=BlockId(value))))
        for why, value in values.items()
    ]


def invitations() -> list[Case]:
    made = {
        "without a block": inviting(),
        "with a block": inviting(block=BLOCK),
        "with another block": inviting(block=NEXT_BLOCK),
        "with a block of zeros": inviting(block=ids.block_id("0" * 64)),
        "with a block of commas": inviting(block=ids.block_id("2c" * 32)),
    }
    raw = from_base45(inviting(block=BLOCK).encode().removeprefix("PTERI1:"))
    wrong = {
        "a block of 31 bytes": raw[:-1],
        "a block of 33 bytes": raw + b"\0",
        "a block of one byte": raw[:-31],
        "two blocks": raw + bytes(32),
        "a comma before the block": raw[:-32] + b"," + raw[-32:],
        "a comma after the block": raw + b",",
        "the block in hex": raw[:-32] + BLOCK.encode(),
        "the block without the ticket": raw[:-45] + raw[-32:],
    }
    return [
        *(
            accept(why, text=each.encode(), terms=msgspec.to_builtins(each.terms), number=each.number)
            for why, each in made.items()
        ),
        *(reject(why, Code.FIELD, text="PTERI1:" + to_base45(each)) for why, each in wrong.items()),
    ]


def codes() -> list[Case]:
    return [_code("no block", None), _code("a block", BLOCK), _code("another block", NEXT_BLOCK)]


def _code(why: str, block: BlockId | None) -> Case:
    said = msgspec.structs.replace(PLAIN, address=WALLET.address.text, block=block)
    text = said.encode()
    signature = WALLET.sign(text)
    payload = Payload(WalletSignature(WALLET.signature_type, signature), ids.digest_text(said.sha256()))
    signed = httpsig.sign(
        method="POST",
        target_uri=f"{ORIGIN}/v1/bank/challenges/{said.request_id}/response",
        body=msgspec.json.encode(payload),
        idempotency_key="0123456789abcdef",
        key=PHONE,
        created_at=said.issued_at,
        nonce=bytes(range(16)),
        tag=Tag.DEVICE,
    )
    wallet_rs = verify_message(said.address, text, signature).rs
    device_rs = httpsig.parse(signed, expected_tag=Tag.DEVICE).signature
    session = ids.digest_bytes(SESSION)
    code = one_time_code(
        text,
        wallet_signature=wallet_rs,
        device_signature=device_rs,
        request_id=said.request_id,
        session_hash=session,
        nonce=said.nonce,
    )
    return accept(
        why,
        statement=text.decode(),
        statement_sha256=hashlib.sha256(text).hexdigest(),
        wallet_signature_rs_hex=wallet_rs.hex(),
        device_signature_rs_hex=device_rs.hex(),
        request_id=said.request_id,
        session_hash_hex=session.hex(),
        nonce=said.nonce,
        one_time_code=code,
    )


def document() -> str:
    """The whole file."""
    content = {
        "format": "pteri-block-vectors-1",
        "note": NOTE,
        "statements": statements(),
        "invitations": invitations(),
        "codes": codes(),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
