"""Writes vectors/vrf.json: what a verifiable random function gives, and what must not pass for a proof of one.

PYTHONPATH=src:tests python tests/vectors/make_vrf.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plain_vrf as plain
from leaves import ACCOUNT, OTHER, TENANT
from notes import ORIGIN, indexes
from pteri.core.errors import Code
from pteri.core.ids import AccountId, TenantId
from vectors.cases import Case, accept, reject

FILE = Path(__file__).parents[2] / "vectors" / "vrf.json"
NOTE = (
    "The verifiable random function behind the numbers of accounts (docs/spec/log.md section 9; RFC 9381, "
    "ECVRF-EDWARDS25519-SHA512-TAI). 'examples' are 16 to 18 of appendix B.3 of the RFC: whoever has 'seed' makes "
    "'proof' and 'output' of 'alpha'. Each of 'proofs' is verified with 'key' and 'alpha': it has 'output', or it is "
    "refused with 'code'. Each of 'indexes' is verified with a key in its text form: it is that of 'index', or "
    "refused. Everything in hex, but keys of indexes and names."
)
# seed, public key, alpha, pi and beta as the RFC prints them.
EXAMPLES = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d97"
            "27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805"
        ),
        (
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
            "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465"
            "301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02"
        ),
        (
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
            "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0"
            "e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e"
        ),
        (
            "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
            "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f"
        ),
    ),
)
SEED, KEY, ALPHA, PROOF, _ = (bytes.fromhex(text) for text in EXAMPLES[1])
GAMMA, C, S = PROOF[:32], PROOF[32:48], PROOF[48:]


def little(number: int) -> bytes:
    return number.to_bytes(32, "little")


def on_curve(small: int, *, is_one: bool) -> int:
    """The first y from this one on that is that of a point, or of none."""
    return next(y for y in range(small, 100) if (plain.decoded(little(y)) is not None) == is_one)


ORDER_8 = plain.times(plain.Q, next(p for y in range(2, 100) if (p := plain.decoded(little(y))) is not None))
TWO_SPELLINGS = next(y for y in range(2, 19) if plain.decoded(little(y)) is not None)


def flipped(raw: bytes, bit: int) -> bytes:
    return (int.from_bytes(raw, "little") ^ 1 << bit).to_bytes(len(raw), "little")


def proofs() -> list[Case]:
    def good(key: bytes, alpha: bytes, proof: bytes, beta: bytes) -> dict[str, Any]:
        return {"key": key.hex(), "alpha": alpha.hex(), "proof": proof.hex(), "output": beta.hex()}

    def bad(why: str, code: Code, proof: bytes, *, key: bytes = KEY, alpha: bytes = ALPHA) -> Case:
        return reject(why, code, key=key.hex(), alpha=alpha.hex(), proof=proof.hex())

    examples = [tuple(bytes.fromhex(text) for text in example) for example in EXAMPLES]
    outside_gamma = plain.proved_outside(SEED, ALPHA, gamma_by=plain.ORDER_2)
    outside_key = plain.proved_outside(SEED, ALPHA, key_by=plain.ORDER_2)
    s = int.from_bytes(S, "little")
    return [
        *(
            accept(f"example {number} of the RFC", **good(key, alpha, proof, beta))
            for number, (_, key, alpha, proof, beta) in enumerate(examples, start=16)
        ),
        bad("gamma with a y that is not below p", Code.VRF, little(TWO_SPELLINGS + plain.P) + C + S),
        bad("gamma that is no point", Code.VRF, little(on_curve(2, is_one=False)) + C + S),
        bad("gamma is the identity", Code.VRF, little(1) + C + S),
        bad("gamma is the identity, with the sign of its zero x", Code.VRF, little(1 + 2**255) + C + S),
        bad("gamma is of order 2", Code.VRF, plain.encoded(plain.ORDER_2) + C + S),
        bad("gamma is of order 4", Code.VRF, little(0) + C + S),
        bad("gamma is of order 8", Code.VRF, plain.encoded(ORDER_8) + C + S),
        bad("gamma with a part of order 2, which verifies by the RFC", Code.VRF, outside_gamma[1]),
        bad("gamma of minus the sign", Code.VRF, flipped(GAMMA, 255) + C + S),
        bad("gamma of another input", Code.VRF, examples[2][3][:32] + C + S),
        bad("a bit of c", Code.VRF, GAMMA + flipped(C, 0) + S),
        bad("the last bit of c", Code.VRF, GAMMA + flipped(C, 127) + S),
        bad("a bit of s", Code.VRF, GAMMA + C + flipped(S, 0)),
        bad("c is zero", Code.RANGE, GAMMA + bytes(16) + S),
        bad("s is zero", Code.RANGE, GAMMA + C + bytes(32)),
        bad("s is the order", Code.RANGE, GAMMA + C + little(plain.Q)),
        bad("s has a second spelling", Code.RANGE, GAMMA + C + little(s + plain.Q)),
        bad("s is as large as can be", Code.RANGE, GAMMA + C + b"\xff" * 32),
        bad("nothing", Code.LENGTH, b""),
        bad("the output in place of the proof", Code.LENGTH, examples[1][4]),
        bad("a byte less", Code.LENGTH, PROOF[:-1]),
        bad("a byte more", Code.LENGTH, PROOF + b"\0"),
        bad("another input", Code.VRF, PROOF, alpha=b"\x73"),
        bad("an input with a zero more", Code.VRF, PROOF, alpha=ALPHA + b"\0"),
        bad("no input", Code.VRF, PROOF, alpha=b""),
        bad("the proof of another input", Code.VRF, examples[0][3]),
        bad("another key", Code.VRF, PROOF, key=examples[0][1]),
        bad("a key with a part of order 2, which verifies by the RFC", Code.KEY, outside_key[1], key=outside_key[0]),
        bad("a key of order 8", Code.KEY, PROOF, key=plain.encoded(ORDER_8)),
        bad("a key that is the identity", Code.KEY, PROOF, key=little(1)),
        bad("a key with a y that is not below p", Code.KEY, PROOF, key=little(TWO_SPELLINGS + plain.P)),
        bad("a key that is no point", Code.KEY, PROOF, key=little(on_curve(2, is_one=False))),
        bad("a key of 31 bytes", Code.KEY, PROOF, key=KEY[:-1]),
    ]


def of_accounts() -> list[Case]:
    ours = indexes()
    index, proof = ours.index_of(TENANT, ACCOUNT), ours.proof_of(TENANT, ACCOUNT)
    shop, elsewhere = TenantId("shop"), indexes("another index")

    def case(**changes: Any) -> dict[str, Any]:
        whole = {"key": ours.public.text, "tenant": TENANT, "account": ACCOUNT, "index": index.hex()}
        return {**whole, "proof": proof.hex()} | changes

    def bad(why: str, code: Code, **changes: Any) -> Case:
        return reject(why, code, **case(**changes))

    def of(tenant: TenantId, account: AccountId) -> dict[str, str]:
        return {"index": ours.index_of(tenant, account).hex(), "proof": ours.proof_of(tenant, account).hex()}

    return [
        accept("the number of an account", **case()),
        accept("of the same account at another tenant", **case(tenant=shop, **of(shop, ACCOUNT))),
        bad("under another account", Code.VRF, account=OTHER),
        bad("under another tenant", Code.VRF, tenant=shop),
        bad("the number and proof of another account", Code.VRF, **of(TENANT, OTHER)),
        bad("the number of another account with the right proof", Code.LEAF, index=of(TENANT, OTHER)["index"]),
        bad(
            "the second half of the output",
            Code.LEAF,
            index=ours.private.output(b"bank\0" + ACCOUNT.encode())[32:].hex(),
        ),
        bad("a number of 31 bytes", Code.LEAF, index=index[:-1].hex()),
        bad("by the key of another log", Code.VRF, key=elsewhere.public.text),
        bad("made with the key of another log", Code.VRF, proof=elsewhere.proof_of(TENANT, ACCOUNT).hex()),
        bad("of version 1, which was never released", Code.LEAF, proof=(b"\1" + proof[1:33]).hex()),
        bad("of another version", Code.LEAF, proof=(b"\3" + proof[1:]).hex()),
        bad("without a version", Code.LEAF, proof=proof[1:].hex()),
        bad("a byte less", Code.LEAF, proof=proof[:-1].hex()),
        bad("a byte more", Code.LEAF, proof=(proof + b"\0").hex()),
        bad("nothing", Code.LEAF, proof=""),
        bad("a key under another name", Code.NOTE, key=ours.public.text.replace(ORIGIN, "other.example")),
        bad("a key without its kind", Code.NOTE, key=ours.public.text[:-4]),
    ]


def content() -> str:
    names = ("seed", "key", "alpha", "proof", "output")
    whole = {
        "format": "pteri-vrf-vectors-1",
        "note": NOTE,
        "examples": [dict(zip(names, example, strict=True)) for example in EXAMPLES],
        "proofs": proofs(),
        "indexes": of_accounts(),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
