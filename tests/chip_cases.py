"""What chips are said to have signed, right and wrong in one way each: for the tests and for vectors/esim."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import chips as c
from pteri.core.errors import Code
from pteri.core.euicc.anchors import PUBLISHED_TEST_CIS, Revocations, TrustAnchors
from pteri.core.euicc.challenge import ChipProof, verify_authenticate_response
from pteri.core.euicc.der import (
    BIT_STRING,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    elements,
    only,
)
from pteri.core.euicc.der_writer import bit, element, integer
from pteri.core.euicc.installation import verify_installation_result
from pteri.core.euicc.notification import ChipEvent, verify_notification
from pteri.core.euicc.numbers import Eid
from pteri.core.euicc.package import ChipProfiles, verify_package_result

Found = ChipEvent | ChipProof | ChipProfiles

CERTIFICATES: Final = {"chip": c.CHIP.der(), "manufacturer": c.EUM.der(), "issuer": c.CI.der()}
EIM: Final = "2.25.31"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One message, and the circumstances in which it is looked at. ``code`` is ``None`` where it is accepted."""

    kind: str
    why: str
    der: bytes
    code: Code | None = None
    issuers: tuple[bytes, ...] = (CERTIFICATES["issuer"],)
    lab: bool = False
    revoked_eids: tuple[str, ...] = ()
    revoked_eums: tuple[str, ...] = ()
    revoked_cis: tuple[str, ...] = ()
    at: int = c.AT
    chip: bytes = CERTIFICATES["chip"]
    manufacturer: bytes = CERTIFICATES["manufacturer"]
    challenge: bytes = c.CHALLENGE
    transaction: bytes | None = c.TRANSACTION
    address: str = c.ADDRESS
    eim: str = EIM
    counter: int = 7
    appended: bytes = b""

    def anchors(self) -> TrustAnchors:
        revoked = Revocations(
            eids=frozenset(Eid(one) for one in self.revoked_eids),
            eums=frozenset(self.revoked_eums),
            cis=frozenset(self.revoked_cis),
        )
        return TrustAnchors.from_der(self.issuers, lab=self.lab, revoked=revoked)

    def verify(self) -> Found:
        anchors = self.anchors()
        match self.kind:
            case "notification":
                return verify_notification(self.der, anchors=anchors, at=self.at)
            case "answer":
                return verify_authenticate_response(
                    self.der,
                    anchors=anchors,
                    at=self.at,
                    expected_challenge=self.challenge,
                    expected_transaction_id=self.transaction or b"",
                    expected_address=self.address,
                )
            case "installation":
                return verify_installation_result(
                    self.der,
                    anchors=anchors,
                    at=self.at,
                    chip_certificate=self.chip,
                    manufacturer_certificate=self.manufacturer,
                    expected_transaction_id=self.transaction or b"",
                )
            case _:
                return verify_package_result(
                    self.der,
                    anchors=anchors,
                    at=self.at,
                    chip_certificate=self.chip,
                    manufacturer_certificate=self.manufacturer,
                    expected_eim_id=self.eim,
                    expected_counter=self.counter,
                    expected_transaction_id=self.transaction,
                    appended=self.appended,
                )


def event(why: str, der: bytes, code: Code | None = None, **circumstances: Any) -> Evidence:
    return Evidence(kind="notification", why=why, der=der, code=code, **circumstances)


def lab_samples() -> list[Evidence]:
    """What the lab's chips signed, each file."""
    issuers = ((c.LAB / "ci.cert.der").read_bytes(),)
    manifest = json.loads((c.LAB / "manifest.json").read_text(encoding="utf-8"))
    found = []
    for phone, asked in manifest.items():
        for path in sorted((c.LAB / phone).glob("*.der")):
            why, der = f"lab, {phone}: {path.stem}", path.read_bytes()
            if path.stem == "authenticateServerResponse":
                found.append(
                    Evidence(
                        kind="answer",
                        why=why,
                        der=der,
                        issuers=issuers,
                        lab=True,
                        challenge=bytes.fromhex(asked["server_challenge"]),
                        transaction=bytes.fromhex(asked["transaction_id"]),
                        address=asked["server_address"],
                    )
                )
            else:
                found.append(event(why, der, issuers=issuers, lab=True))
    return found


# --- certificates ---------------------------------------------------------------------------------------------------


def chip(why: str, code: Code | None = None, **changes: Any) -> Evidence:
    """A notification whose chip's certificate is changed, and signed as ever."""
    return event(f"chip's certificate: {why}", c.notification(chip=replace(c.CHIP, **changes)), code)


def maker(why: str, code: Code | None = None, **changes: Any) -> Evidence:
    return event(f"manufacturer's certificate: {why}", c.notification(eum=replace(c.EUM, **changes)), code)


def issuer(why: str, code: Code | None = None, **changes: Any) -> Evidence:
    changed = replace(c.CI, **changes)
    return event(f"issuer's certificate: {why}", c.notification(), code, issuers=(changed.der(),))


def named(*attributes: tuple[str, str]) -> bytes:
    return c.name((c.ORG, c.MAKER), *attributes)


def with_eid(digits: str) -> bytes:
    return named((c.SERIAL, digits))


def re_signed(cert: c.Cert, signature: bytes) -> bytes:
    return element(SEQUENCE, cert.tbs(), cert.outer_algorithm, signature)


def good_certificates() -> Iterator[Evidence]:
    yield event("a list of EIDs as version 3 has it", c.notification(eum=c.EUM_V3))
    both = replace(c.EUM, extensions=(*c.EUM.extensions, c.permitted_eins("8904404593")))
    yield event("both kinds of ranges, and the chip is in both", c.notification(eum=both))
    printable = c.EUM.extensions[3].replace(b"\x0c\x0aChip Works", b"\x13\x0aChip Works")
    assert printable != c.EUM.extensions[3]
    yield maker("a name in another kind of string", extensions=(*c.EUM.extensions[:3], printable))
    yield event(
        "a chain on brainpoolP256r1",
        c.notification(chip=c.brainpool(c.CHIP, 3, 2), eum=c.brainpool(c.EUM, 2, 1)),
        issuers=(c.brainpool(c.CI, 1, 1).der(),),
    )
    other = replace(c.CI, key=c.key(9), signer=c.key(9))
    yield event("the second of two issuers with one key id", c.notification(), issuers=(other.der(), c.CI.der()))
    yield event("the first of two issuers with one key id", c.notification(), issuers=(c.CI.der(), other.der()))
    yield event("the first second of the certificates", c.notification(), at=c.AT - 1000)
    yield event("the last second of the certificates", c.notification(), at=c.AT + 1000)
    yield chip("valid until after 2050", not_after=2_600_000_000)
    yield chip("valid since before 2000", not_before=0)
    yield chip("a number of 20 bytes that begins with a set bit", serial=integer(2**160 - 1))
    yield chip("an extension that is not critical and not known", extensions=(*c.CHIP.extensions, SAN))
    yield chip("says that it is no authority", extensions=(*c.CHIP.extensions, c.authority(False)))
    qualified = element(SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex("67811201020101")), element(SEQUENCE))
    yield chip(
        "a policy with a text, and another policy",
        extensions=(
            c.usage(0),
            c.extension("551d20", element(SEQUENCE, qualified, element(SEQUENCE, element(OBJECT_IDENTIFIER, b"\x2a")))),
        ),
    )
    test_key = bytes.fromhex(min(PUBLISHED_TEST_CIS))
    yield event(
        "an issuer for tests, in a lab",
        c.notification(eum=replace(c.EUM, authority_key_id=test_key)),
        issuers=(replace(c.CI, subject_key_id=test_key).der(),),
        lab=True,
    )
    yield issuer(
        "a name that only contains the word, and another one than was meant",
        Code.UNKNOWN_CI,
        subject=CONTEST,
        issuer=CONTEST,
    )


SAN: Final = c.extension("551d11", element(SEQUENCE))
CONTEST: Final = c.name((c.ORG, "Contestants"), (c.CN, "Attestation"))


def bad_names() -> Iterator[Evidence]:
    yield chip("no EID", Code.EID, subject=named((c.CN, "Chip")))
    yield chip("an EID of 31 digits", Code.EID, subject=with_eid(c.EID[:-1]))
    yield chip("an EID with a letter that is no ASCII", Code.EID, subject=with_eid("٨" + c.EID[1:]))
    yield chip("an EID with wrong check digits", Code.EID_CHECK_DIGITS, subject=with_eid(c.EID[:-2] + "21"))
    yield chip(
        "an EID outside the manufacturer's range",
        Code.EID_RANGE,
        subject=with_eid(c.eid_of("890440469300000000000000000014")),
    )
    yield chip(
        "an EID in the range of the other organization",
        Code.EID_RANGE,
        subject=c.name((c.ORG, "Chip Works Three"), (c.SERIAL, c.EID)),
    )
    yield chip("two EIDs", Code.DUPLICATE_ELEMENT, subject=named((c.SERIAL, c.EID), (c.SERIAL, c.EID)))
    attribute = element(SEQUENCE, element(OBJECT_IDENTIFIER, b"\x55\x04\x03"), element(UTF8_STRING, b"x"))
    for why, part in {
        "two attributes in one set": element(SET, attribute, attribute),
        "no set": attribute,
        "an empty set": element(SET),
        "an attribute that is a set": element(SET, b"\x31" + attribute[1:]),
        "an attribute without a value": element(SET, element(SEQUENCE, element(OBJECT_IDENTIFIER, b"\x55\x04\x03"))),
        "an attribute without a kind": element(SET, element(SEQUENCE, element(SEQUENCE), element(UTF8_STRING, b"x"))),
    }.items():
        yield chip(f"a name with {why}", Code.CERTIFICATE, subject=element(SEQUENCE, part))


def bad_forms() -> Iterator[Evidence]:
    yield chip("version 2", Code.CERTIFICATE, version=element(0xA0, integer(1)))
    yield chip("no version", Code.ELEMENT, version=b"")
    yield chip("two versions", Code.DUPLICATE_ELEMENT, version=c.CHIP.version * 2)
    yield chip("a number below 0", Code.RANGE, serial=b"\x02\x01\x80")
    yield chip("a number of too many bytes", Code.RANGE, serial=integer(2**168))
    yield chip("a number with a zero in front", Code.NON_MINIMAL_INTEGER, serial=b"\x02\x02\x00\x01")
    yield chip("a number of no bytes", Code.NON_MINIMAL_INTEGER, serial=b"\x02\x00")
    sha384 = bytes.fromhex("300a06082a8648ce3d040303")
    yield chip("another algorithm", Code.CERTIFICATE_ALGORITHM, inner_algorithm=sha384, outer_algorithm=sha384)
    yield chip("another algorithm outside of what is signed", Code.CERTIFICATE_ALGORITHM, outer_algorithm=sha384)
    yield chip("another algorithm inside", Code.CERTIFICATE_ALGORITHM, inner_algorithm=sha384)
    null = bytes.fromhex("300c06082a8648ce3d0403020500")
    yield chip("an algorithm with parameters", Code.CERTIFICATE_ALGORITHM, outer_algorithm=null)
    yield chip("a part more", Code.ELEMENT, more=element(0x81, b"\0\0"))
    for why, times in {
        "one time": c.time(c.AT),
        "three times": c.time(c.AT) * 3,
        "a time without Z": element(0x17, b"260101000000X") + c.time(c.AT),
        "a time without seconds": element(0x17, b"2601010000Z") + c.time(c.AT),
        "a long time with two digits for the year": element(0x18, b"260101000000Z") + c.time(c.AT),
        "a time that is a text": element(UTF8_STRING, b"260101000000Z") + c.time(c.AT),
        "a time with a sign": element(0x17, b"+60101000000Z") + c.time(c.AT),
        "a time with a space": element(0x17, b"26 101000000Z") + c.time(c.AT),
        "a time with a digit more": element(0x17, b"2601010000000Z") + c.time(c.AT),
        "a month 13": element(0x17, b"261301000000Z") + c.time(c.AT),
        "the year 0": element(0x18, b"00000101000000Z") + c.time(c.AT),
        "no time": element(0x17) + c.time(c.AT),
    }.items():
        yield chip(why, Code.CERTIFICATE, validity=times)
    public = c.CHIP.key.public_key()
    prefix = c.spki(public)[:-65]
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    yield chip("a key on P-384", Code.KEY, spki=c.spki(c.key(3, ec.SECP384R1()).public_key()))
    yield chip("a hybrid point", Code.KEY, spki=prefix + bytes((6 + (point[64] & 1),)) + point[1:])
    yield chip("a point off the curve", Code.KEY, spki=prefix + point[:64] + bytes((point[64] ^ 1,)))
    compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    short = element(SEQUENCE, prefix[2:-3], element(BIT_STRING, b"\0", compressed))
    yield chip("a compressed point", Code.KEY, spki=short)


def bad_outside() -> Iterator[Evidence]:
    signature = c.sign(c.CHIP.signer, c.CHIP.tbs())
    for why, code, bits in (
        ("a signature with an unused bit", Code.CERTIFICATE, element(BIT_STRING, b"\x01", signature)),
        ("an empty signature", Code.CERTIFICATE, element(BIT_STRING)),
        ("a signature of no bytes", Code.DER, element(BIT_STRING, b"\0")),
        ("a signature that is no sequence", Code.DER, element(BIT_STRING, b"\0\x31" + signature[1:])),
        ("a signature with a byte after it", Code.TRAILING_BYTES, element(BIT_STRING, b"\0", signature, b"\0")),
        ("a signature of too many bytes", Code.TOO_LARGE, element(BIT_STRING, b"\0", signature, bytes(9))),
        ("r is 0", Code.RANGE, element(BIT_STRING, b"\0", element(SEQUENCE, integer(0), integer(5)))),
        ("s is n", Code.RANGE, element(BIT_STRING, b"\0", element(SEQUENCE, integer(5), integer(c.P256_N)))),
        ("r is below 0", Code.RANGE, element(BIT_STRING, b"\0", element(SEQUENCE, b"\x02\x01\xff", integer(5)))),
        ("one number only", Code.ELEMENT, element(BIT_STRING, b"\0", element(SEQUENCE, integer(5)))),
        (
            "r with a zero in front",
            Code.NON_MINIMAL_INTEGER,
            element(BIT_STRING, b"\0", element(SEQUENCE, b"\x02\x02\0\5", integer(5))),
        ),
        ("another signature", Code.NOT_ISSUED_BY_EUM, element(BIT_STRING, b"\0", c.sign(c.key(8), c.CHIP.tbs()))),
    ):
        yield event(f"chip's certificate: {why}", c.notification(leaf=re_signed(c.CHIP, bits)), code)
    yield event("chip's certificate: not a sequence", c.notification(leaf=b"\x31" + c.CHIP.der()[1:]), Code.ELEMENT)
    yield event("chip's certificate: nothing in it", c.notification(leaf=element(SEQUENCE)), Code.ELEMENT)
    big = replace(c.CHIP, extensions=(*c.CHIP.extensions, c.extension("2a", bytes(4096))))
    yield event("chip's certificate: over 4096 bytes", c.notification(chip=big), Code.TOO_LARGE)
    last = c.CHIP.der()[:-1] + bytes((c.CHIP.der()[-1] ^ 1,))
    yield event("chip's certificate: a bit of its signature", c.notification(leaf=last), Code.NOT_ISSUED_BY_EUM)


def bad_extensions() -> Iterator[Evidence]:
    usage, policy = c.CHIP.extensions
    kind = element(OBJECT_IDENTIFIER, bytes.fromhex("551d13"))
    value = element(OCTET_STRING, element(SEQUENCE))
    for why, code, extensions in (
        ("no key usage", Code.CERTIFICATE, (policy,)),
        ("no policy", Code.CERTIFICATE, (usage,)),
        ("the key usage twice", Code.DUPLICATE_ELEMENT, (usage, usage, policy)),
        (
            "a critical extension that nobody knows",
            Code.CERTIFICATE,
            (usage, policy, c.extension("2a", b"", critical=True)),
        ),
        (
            "an extension that says not critical",
            Code.CERTIFICATE,
            (usage, policy, element(SEQUENCE, kind, b"\1\1\0", value)),
        ),
        (
            "an extension that is critical in another way",
            Code.CERTIFICATE,
            (usage, policy, element(SEQUENCE, kind, b"\1\1\1", value)),
        ),
        ("an extension that is a set", Code.CERTIFICATE, (usage, policy, element(SET, kind, value))),
        ("an extension without a value", Code.CERTIFICATE, (usage, policy, element(SEQUENCE, kind))),
        (
            "an extension with a byte after its value",
            Code.TRAILING_BYTES,
            (c.extension("551d0f", b"\3\2\7\x80\0"), policy),
        ),
        ("a key usage that is no list of bits", Code.CERTIFICATE, (c.extension("551d0f", integer(1)), policy)),
        ("a key usage with a zero at its end", Code.DER, (c.extension("551d0f", b"\3\2\6\x80"), policy)),
        ("a key that signs certificates only", Code.CERTIFICATE_USAGE, (c.usage(5), policy)),
        ("a chip that is an authority", Code.CERTIFICATE_USAGE, (usage, policy, c.authority(True))),
        (
            "an authority that says no",
            Code.CERTIFICATE,
            (usage, policy, c.extension("551d13", element(SEQUENCE, b"\1\1\0"))),
        ),
        ("a path length of no authority", Code.CERTIFICATE, (usage, policy, c.authority(False, 0))),
        ("a path length of two bytes", Code.RANGE, (usage, policy, c.authority(True, 256))),
        (
            "basic constraints with more",
            Code.ELEMENT,
            (usage, policy, c.extension("551d13", element(SEQUENCE, b"\5\0"))),
        ),
        ("the same policy twice", Code.DUPLICATE_ELEMENT, (usage, c.policies("chip", "chip"))),
        ("a policy that is empty", Code.ELEMENT, (usage, c.extension("551d20", element(SEQUENCE, element(SEQUENCE))))),
        ("the role of a server, too", Code.CERTIFICATE_ROLE, (usage, c.policies("chip", "server"))),
        ("the role of a manufacturer", Code.CERTIFICATE_ROLE, (usage, c.policies("eum"))),
    ):
        yield chip(why, code, extensions=extensions)
    yield chip("a key id of 19 bytes", Code.CERTIFICATE, subject_key_id=bytes(19))
    yield chip("an issuer's key id of 21 bytes", Code.CERTIFICATE, authority_key_id=bytes(21))
    whole = c.extension("551d23", element(SEQUENCE, element(0x80, c.key_id(0xE1)), element(0x82, b"\1")))
    yield chip(
        "an issuer's key id with more", Code.ELEMENT, authority_key_id=None, extensions=(*c.CHIP.extensions, whole)
    )


def bad_links() -> Iterator[Evidence]:
    yield chip("it names no issuer's key id", Code.CERTIFICATE_CHAIN, authority_key_id=None)
    yield chip("it names another issuer's key id", Code.CERTIFICATE_CHAIN, authority_key_id=c.key_id(0xE2))
    yield chip("it names another issuer", Code.CERTIFICATE_CHAIN, issuer=c.CI_NAME)
    yield chip("signed by another manufacturer", Code.NOT_ISSUED_BY_EUM, signer=c.key(9))
    yield chip("after its time", Code.CERTIFICATE_EXPIRED, not_after=c.AT - 1)
    yield chip("before its time", Code.CERTIFICATE_NOT_YET_VALID, not_before=c.AT + 1)
    yield maker("after its time", Code.CERTIFICATE_EXPIRED, not_after=c.AT - 1)
    yield maker("before its time", Code.CERTIFICATE_NOT_YET_VALID, not_before=c.AT + 1)
    yield issuer("after its time", Code.CERTIFICATE_EXPIRED, not_after=c.AT - 1)
    yield issuer("before its time", Code.CERTIFICATE_NOT_YET_VALID, not_before=c.AT + 1)
    yield event("all certificates after their time", c.notification(), Code.CERTIFICATE_EXPIRED, at=c.AT + 1001)
    yield maker("it names no issuer's key id", Code.UNKNOWN_CI, authority_key_id=None)
    yield maker("it names an issuer that is not trusted", Code.UNKNOWN_CI, authority_key_id=c.key_id(0xC2))
    yield maker("another name beside the key id of a trusted issuer", Code.UNKNOWN_CI, issuer=CONTEST)
    yield maker("forged, with the key ids of the right one", Code.NOT_ISSUED_BY_CI, signer=c.key(9))
    forged = replace(c.EUM, key=c.key(9), signer=c.key(9))
    stolen = replace(c.CHIP, key=c.key(9), signer=c.key(9))
    yield event(
        "a whole forged chain below the right key ids", c.notification(chip=stolen, eum=forged), Code.NOT_ISSUED_BY_CI
    )
    other = replace(c.CI, key=c.key(9), signer=c.key(9)).der()
    yield event(
        "another issuer with the right key id and name", c.notification(), Code.NOT_ISSUED_BY_CI, issuers=(other,)
    )
    yield event(
        "two other issuers with the right key id and name",
        c.notification(),
        Code.NOT_ISSUED_BY_CI,
        issuers=(other, other),
    )
    yield event(
        "a server's certificate in the chip's place", c.notification(leaf=c.SERVER.der()), Code.CERTIFICATE_ROLE
    )
    yield event(
        "the chip's certificate in the manufacturer's place", c.notification(maker=c.CHIP.der()), Code.CERTIFICATE_ROLE
    )
    yield event(
        "the manufacturer's certificate in the chip's place", c.notification(leaf=c.EUM.der()), Code.CERTIFICATE_ROLE
    )
    yield event(
        "the issuer's certificate in the manufacturer's place", c.notification(maker=c.CI.der()), Code.CERTIFICATE_ROLE
    )
    yield maker("no authority", Code.CERTIFICATE_USAGE, extensions=c.EUM.extensions[1:])
    yield maker(
        "a key that may not sign certificates",
        Code.CERTIFICATE_USAGE,
        extensions=(c.authority(True), c.usage(0), *c.EUM.extensions[2:]),
    )


def bad_ranges() -> Iterator[Evidence]:
    plain, wide = c.EUM.extensions[:3], c.EUM.extensions[3]
    own = c.name((c.ORG, c.MAKER), (c.SERIAL, "89044045"))
    excluded = element(SEQUENCE, element(0xA0, element(SEQUENCE, element(0xA4, own))), element(0xA1))
    two = element(SEQUENCE, element(0xA0, element(SEQUENCE, element(0xA4, own), integer(0, 0x80))))
    dns = element(SEQUENCE, element(0xA0, element(SEQUENCE, element(0x82, b"bank.example"))))
    for why, code, extensions in (
        ("no range at all", Code.EID_RANGE, plain),
        ("an empty list of version 3", Code.EID_RANGE, (*plain, c.permitted_eins())),
        ("the range of another manufacturer", Code.EID_RANGE, (*plain, c.permitted_eins("89044044", "890440450"))),
        ("only one of two kinds of ranges has the chip", Code.EID_RANGE, (*plain, wide, c.permitted_eins("89044044"))),
        ("an empty list of version 2", Code.EID_RANGE, (*plain, c.subtrees())),
        ("a range that begins with another number", Code.CERTIFICATE, (*plain, c.permitted_eins("79"))),
        ("a range that is everything", Code.ENCODING, (*plain, c.permitted_eins(""))),
        ("a range of a letter", Code.CERTIFICATE, (*plain, c.permitted_eins("89O"))),
        ("a range of 32 digits", Code.ENCODING, (*plain, c.permitted_eins(c.EID))),
        (
            "a range of another kind of text",
            Code.CERTIFICATE,
            (*plain, c.extension("67811201020200", element(SEQUENCE, element(UTF8_STRING, b"89")))),
        ),
        ("a name without a range", Code.CERTIFICATE, (*plain, c.subtrees(c.name((c.ORG, c.MAKER))))),
        ("a range in a name of 32 digits", Code.CERTIFICATE, (*plain, c.subtrees(named((c.SERIAL, c.EID))))),
        ("an excluded name", Code.ELEMENT, (*plain, c.extension("551d1e", excluded, critical=True))),
        ("a name with a distance", Code.ELEMENT, (*plain, c.extension("551d1e", two, critical=True))),
        ("a name of the web", Code.ELEMENT, (*plain, c.extension("551d1e", dns, critical=True))),
    ):
        yield maker(why, code, extensions=extensions)


def bad_trust() -> Iterator[Evidence]:
    der = c.notification()
    yield event("a revoked chip", der, Code.REVOKED_CHIP, revoked_eids=(c.EID,))
    yield event("a revoked manufacturer", der, Code.REVOKED_EUM, revoked_eums=(c.key_id(0xE1).hex(),))
    yield event("a revoked issuer", der, Code.REVOKED_CI, revoked_cis=(c.key_id(0xC1).hex(),))
    yield event(
        "others are revoked",
        der,
        revoked_eids=(c.OTHER_EID,),
        revoked_eums=(c.key_id(2).hex(),),
        revoked_cis=(c.key_id(3).hex(),),
    )
    yield event("no issuer at all", der, Code.CERTIFICATE, issuers=())
    for number in sorted(PUBLISHED_TEST_CIS):
        yield issuer(
            f"the key id of an issuer for tests, {number[:8]}", Code.TEST_CI, subject_key_id=bytes.fromhex(number)
        )
    for why, attributes in {
        "common": (c.CN, "Test CI"),
        "organization's": (c.ORG, "RSPTEST-TEST"),
        "unit's": ("55040b", "TESTCERT test"),
    }.items():
        said = c.name((c.SERIAL, "1"), attributes)
        yield issuer(f"a {why} name for tests", Code.TEST_CI, subject=said, issuer=said)
    [sample, *_] = lab_samples()
    yield replace(sample, why="the lab's issuer outside a lab", code=Code.TEST_CI, lab=False)
    yield issuer("not its own issuer", Code.CERTIFICATE_CHAIN, issuer=c.EUM_NAME)
    yield issuer("not signed by itself", Code.NOT_ISSUED_BY_CI, signer=c.key(9))
    yield issuer(
        "a server's role", Code.CERTIFICATE_ROLE, extensions=(c.authority(True), c.usage(5), c.policies("server"))
    )
    yield issuer("no authority", Code.CERTIFICATE_USAGE, extensions=(c.usage(5), c.policies("ci")))
    yield event("an issuer's file that is none", der, Code.DER, issuers=(b"-----BEGIN",))
    yield event("an issuer's file that is a set", der, Code.CERTIFICATE, issuers=(b"\x31" + c.CI.der()[1:],))
    yield event("an issuer's file that is too large", der, Code.TOO_LARGE, issuers=(bytes(4097),))


# --- notifications --------------------------------------------------------------------------------------------------


def good_events() -> Iterator[Evidence]:
    for number, what in enumerate(
        ("install", "enable", "disable", "delete", "enable from afar", "disable from afar", "delete from afar")
    ):
        yield event(what, c.notification(c.metadata(operation=bit(number, 0x81))))
    yield event(
        "the twin of a signature, (r, n - s)",
        c.notification(signature=c.twin(c.raw_signature(c.CHIP.key, c.metadata()))),
    )
    yield event("number 0", c.notification(c.metadata(sequence=integer(0, 0x80))))
    yield event("number 2^63 - 1", c.notification(c.metadata(sequence=integer(2**63 - 1, 0x80))))
    yield event(
        "an ICCID of 18 digits",
        c.notification(c.metadata(profile=element(0x5A, bytes.fromhex("989420000021436587ff")))),
    )
    yield event("another chip", c.an_event(c.OTHER_CHIP))


def bad_events() -> Iterator[Evidence]:
    der, said = c.notification(), c.metadata()
    signature = c.raw_signature(c.CHIP.key, said)
    other = c.metadata(profile=element(0x5A, bytes.fromhex("98942000002143658740")))
    yield event("another ICCID than the signed one", c.notification(other, signature=signature), Code.CHIP_SIGNATURE)
    yield event(
        "another number than the signed one",
        c.notification(c.metadata(sequence=integer(3, 0x80)), signature=signature),
        Code.CHIP_SIGNATURE,
    )
    yield event(
        "another operation than the signed one",
        c.notification(c.metadata(operation=bit(2, 0x81)), signature=signature),
        Code.CHIP_SIGNATURE,
    )
    yield event("the certificate of another chip", c.notification(leaf=c.OTHER_CHIP.der()), Code.CHIP_SIGNATURE)
    yield event(
        "the manufacturer signed in the chip's place",
        c.notification(signature=c.raw_signature(c.EUM.key, said)),
        Code.CHIP_SIGNATURE,
    )
    for why, operation in {
        "two operations": b"\x81\x02\x05\x60",
        "no operation": b"\x81\x01\x00",
        "the report of a package": bit(7, 0x81),
        "an operation that nobody knows": b"\x81\x03\x07\x00\x80",
    }.items():
        yield event(why, c.notification(c.metadata(operation=operation)), Code.OPERATION)
    yield event(
        "an operation with a zero at its end", c.notification(c.metadata(operation=b"\x81\x02\x05\x40")), Code.DER
    )
    yield event(
        "a number with a zero in front",
        c.notification(c.metadata(sequence=b"\x80\x02\x00\x02")),
        Code.NON_MINIMAL_INTEGER,
    )
    yield event("a number below 0", c.notification(c.metadata(sequence=b"\x80\x01\xff")), Code.RANGE)
    yield event("the number 2^63", c.notification(c.metadata(sequence=integer(2**63, 0x80))), Code.RANGE)
    yield event("the ICCID twice", c.notification(c.metadata(more=element(0x5A, bytes(10)))), Code.DUPLICATE_ELEMENT)
    yield event(
        "an element more in what is signed", c.notification(c.metadata(more=element(0x82, b"\0"))), Code.ELEMENT
    )
    yield event("no ICCID", c.notification(c.metadata(profile=b"")), Code.ELEMENT)
    yield event("an ICCID of nine bytes", c.notification(c.metadata(profile=element(0x5A, bytes(9)))), Code.ICCID)
    yield event("an ICCID with a letter", c.notification(c.metadata(profile=element(0x5A, b"\xa9" * 10))), Code.ICCID)
    yield event(
        "an address with a space", c.notification(c.metadata(address=element(UTF8_STRING, b"a b"))), Code.ENCODING
    )
    yield event(
        "an address of 256 bytes", c.notification(c.metadata(address=element(UTF8_STRING, b"a" * 256))), Code.ENCODING
    )
    yield event("a byte after the end", der + b"\0", Code.TRAILING_BYTES)
    yield event("a signature twice", c.notification(more=[element(0x5F37, signature)]), Code.DUPLICATE_ELEMENT)
    yield event("a third certificate", c.notification(more=[c.CI.der()]), Code.DUPLICATE_ELEMENT)
    yield event("an element more", c.notification(more=[element(0xA1)]), Code.ELEMENT)
    yield event("no manufacturer", element(SEQUENCE, said, element(0x5F37, signature), c.CHIP.der()), Code.ELEMENT)
    yield event("an indefinite length outside", b"\x30\x80" + der[4:] + b"\0\0", Code.INDEFINITE_LENGTH)
    yield event(
        "an indefinite length inside",
        c.notification(b"\xbf\x2f\x80" + said[3:] + b"\0\0", signature=signature),
        Code.INDEFINITE_LENGTH,
    )
    yield event(
        "a length in more bytes than it needs",
        c.notification(b"\xbf\x2f\x81" + said[2:], signature=signature),
        Code.DER,
    )
    yield event("a signature of 63 bytes", c.notification(signature=signature[:-1]), Code.LENGTH)
    yield event("a signature in DER", c.notification(signature=c.sign(c.CHIP.key, said)), Code.LENGTH)
    yield event("r is 0", c.notification(signature=bytes(32) + signature[32:]), Code.RANGE)
    yield event("s is n", c.notification(signature=signature[:32] + c.P256_N.to_bytes(32, "big")), Code.RANGE)
    yield event("cut short", der[:-1], Code.DER)
    yield event("nothing", b"", Code.DER)
    yield event("over 16 KiB", der + bytes(16_384), Code.TOO_LARGE)
    yield event("the right content of another message", b"\x31" + der[1:], Code.ELEMENT)
    yield event(
        "another message", c.a_chip().answer(c.CHALLENGE, transaction_id=c.TRANSACTION, address=c.ADDRESS), Code.ELEMENT
    )


# --- answers to a challenge -----------------------------------------------------------------------------------------

INFO: Final = element(0xBF22, integer(2, 0x81), element(0xA9), element(0x04, b"\4\0\0"))
DEVICE: Final = element(0xA1, element(0x80, bytes.fromhex("35290611")), element(0xA1))
CONTEXT: Final = element(0xA0, element(0x80, b"TOKEN-1"), DEVICE)


def asked(
    *,
    transaction: bytes = element(0x80, c.TRANSACTION),
    address: bytes = element(0x83, c.ADDRESS.encode()),
    challenge: bytes = element(0x84, c.CHALLENGE),
    info: bytes = INFO,
    context: bytes = CONTEXT,
    more: bytes = b"",
) -> bytes:
    return element(SEQUENCE, transaction, address, challenge, info, context, more)


def answering(said: bytes, *, signature: bytes | None = None, leaf: bytes = b"", more: bytes = b"") -> bytes:
    signed = element(0x5F37, c.raw_signature(c.CHIP.key, said) if signature is None else signature)
    return element(0xBF38, element(0xA0, said, signed, leaf or c.CHIP.der(), c.EUM.der(), more))


def answer(why: str, der: bytes, code: Code | None = None, **circumstances: Any) -> Evidence:
    return Evidence(kind="answer", why=f"answer: {why}", der=der, code=code, **circumstances)


def answers() -> Iterator[Evidence]:
    der = answering(asked())
    yield answer("right", der)
    yield answer("without a token", answering(asked(context=element(0xA0, DEVICE))))
    yield answer("with an empty token", answering(asked(context=element(0xA0, element(0x80), DEVICE))))
    yield answer(
        "with more in its context, as version 3 has it",
        answering(asked(context=element(0xA0, DEVICE, integer(1, 0x82)))),
    )
    yield answer(
        "with a transaction id of one byte", answering(asked(transaction=element(0x80, b"\1"))), transaction=b"\1"
    )
    yield answer("its twin", answering(asked(), signature=c.twin(c.raw_signature(c.CHIP.key, asked()))))
    yield answer("another challenge", der, Code.CHALLENGE, challenge=bytes(16))
    yield answer("another transaction", der, Code.TRANSACTION, transaction=bytes(16))
    yield answer("another server", der, Code.SERVER_ADDRESS, address="bank.example")
    yield answer("another server in capitals", der, Code.SERVER_ADDRESS, address=c.ADDRESS.upper())
    yield answer("the certificate of another chip", answering(asked(), leaf=c.OTHER_CHIP.der()), Code.CHIP_SIGNATURE)
    signature = c.raw_signature(c.CHIP.key, asked())
    yield answer(
        "another token than the signed one",
        answering(asked(context=element(0xA0, DEVICE)), signature=signature),
        Code.CHIP_SIGNATURE,
    )
    yield answer("a revoked chip", der, Code.REVOKED_CHIP, revoked_eids=(c.EID,))
    yield answer("certificates after their time", der, Code.CERTIFICATE_EXPIRED, at=c.AT + 1001)
    for why, code, said in (
        ("a challenge of 15 bytes", Code.LENGTH, asked(challenge=element(0x84, bytes(15)))),
        ("no transaction id", Code.LENGTH, asked(transaction=element(0x80))),
        ("a transaction id of 17 bytes", Code.LENGTH, asked(transaction=element(0x80, bytes(17)))),
        ("the challenge twice", Code.DUPLICATE_ELEMENT, asked(more=element(0x84, c.CHALLENGE))),
        ("no challenge", Code.ELEMENT, asked(challenge=b"")),
        ("an element more", Code.ELEMENT, asked(more=element(0x85))),
        ("an address with a space", Code.ENCODING, asked(address=element(0x83, b"a b"))),
        ("a token with a space", Code.ENCODING, asked(context=element(0xA0, element(0x80, b"a b"), DEVICE))),
        ("no device", Code.ELEMENT, asked(context=element(0xA0, element(0x80, b"T")))),
        (
            "the device twice",
            Code.DUPLICATE_ELEMENT,
            asked(context=element(0xA0, DEVICE, integer(1, 0x82), integer(1, 0x82))),
        ),
        ("something in the device that is not DER", Code.DER, asked(context=element(0xA0, element(0xA1, b"\xa1")))),
        (
            "the same ability twice",
            Code.DUPLICATE_ELEMENT,
            asked(info=element(0xBF22, integer(1, 0x81), integer(1, 0x81))),
        ),
        ("an ability that is not DER", Code.INDEFINITE_LENGTH, asked(info=element(0xBF22, b"\xa9\x80\0\0"))),
    ):
        yield answer(why, answering(said), code)
    yield answer("an error", element(0xBF38, element(0xA1, element(0x80, c.TRANSACTION), integer(5))), Code.CHIP_ERROR)
    yield answer("an error beside an answer", element(0xBF38, der[5:], element(0xA1)), Code.ELEMENT)
    yield answer("a certificate more", answering(asked(), more=c.CI.der()), Code.DUPLICATE_ELEMENT)
    yield answer("a byte after the end", der + b"\0", Code.TRAILING_BYTES)
    yield answer("over 16 KiB", der + bytes(16_384), Code.TOO_LARGE)
    yield answer("the right content of another message", b"\xbf\x39" + der[2:], Code.ELEMENT)
    yield answer("a notification", c.notification(), Code.ELEMENT)


# --- installations --------------------------------------------------------------------------------------------------


def result(
    *,
    transaction: bytes = element(0x80, c.TRANSACTION),
    said: bytes = c.metadata(operation=bit(0, 0x81)),
    server: bytes = element(OBJECT_IDENTIFIER, b"\x88\x37\x03"),
    outcome: bytes = element(0xA0, element(0x4F, bytes(16)), element(OCTET_STRING, b"\x30\0")),
    signature: bytes | None = None,
    more: bytes = b"",
) -> bytes:
    data = element(0xBF27, transaction, said, server, element(0xA2, outcome), more)
    signed = c.raw_signature(c.CHIP.key, data) if signature is None else signature
    return element(0xBF37, data, element(0x5F37, signed))


def installation(why: str, der: bytes, code: Code | None = None, **circumstances: Any) -> Evidence:
    return Evidence(kind="installation", why=f"installation: {why}", der=der, code=code, **circumstances)


def installations() -> Iterator[Evidence]:
    der, failure = result(), element(0xA1, integer(4, 0x80), integer(127, 0x81))
    yield installation("right", der)
    yield installation("with the certificate of another chip", der, Code.CHIP_SIGNATURE, chip=c.OTHER_CHIP.der())
    yield installation("with a server's certificate", der, Code.CERTIFICATE_ROLE, chip=c.SERVER.der())
    yield installation("of another download", der, Code.TRANSACTION, transaction=bytes(16))
    yield installation("that failed", result(outcome=failure), Code.CHIP_ERROR)
    yield installation(
        "that failed, said by somebody", result(outcome=failure, signature=b"\1" * 64), Code.CHIP_SIGNATURE
    )
    yield installation("said by somebody", result(signature=b"\1" * 64), Code.CHIP_SIGNATURE)
    yield installation("of a revoked chip", der, Code.REVOKED_CHIP, revoked_eids=(c.EID,))
    for why, code, changed in (
        ("that is a deletion", Code.OPERATION, result(said=c.metadata(operation=bit(3, 0x81)))),
        ("without a transaction id", Code.LENGTH, result(transaction=element(0x80))),
        ("with a transaction id of 17 bytes", Code.LENGTH, result(transaction=element(0x80, bytes(17)))),
        ("without a server's number", Code.LENGTH, result(server=element(OBJECT_IDENTIFIER))),
        ("without a server", Code.ELEMENT, result(server=b"")),
        ("with two outcomes", Code.ELEMENT, result(outcome=failure * 2)),
        ("with another outcome", Code.ELEMENT, result(outcome=element(0xA2))),
        ("with an outcome that is not DER", Code.NON_MINIMAL_INTEGER, result(outcome=element(0xA1, b"\x02\x00"))),
        ("with an element more", Code.ELEMENT, result(more=element(0x85))),
        (
            "with an ICCID of a letter",
            Code.ICCID,
            result(said=c.metadata(operation=bit(0, 0x81), profile=element(0x5A, b"\xa9" * 10))),
        ),
        ("with a byte after the end", Code.TRAILING_BYTES, der + b"\0"),
        ("that is the right content of another message", Code.ELEMENT, b"\xbf\x36" + der[2:]),
        ("that is a notification", Code.ELEMENT, c.notification()),
        ("over 16 KiB", Code.TOO_LARGE, der + bytes(16_384)),
    ):
        yield installation(why, changed, code)


# --- lists of profiles ----------------------------------------------------------------------------------------------


def profile(number: str, state: int, more: bytes = b"") -> bytes:
    return element(0xE3, element(0x5A, bytes.fromhex(number)), element(0x4F, bytes(16)), integer(state, 0x9F70), more)


ONE: Final = profile("98942000002143658749", 1, element(0x91, b"Operator"))
TWO: Final = profile("989420000021436587f0", 0)
LIST: Final = element(0xBF2D, element(0xA0, ONE, TWO))


def package(
    *,
    eim: bytes = element(0x80, EIM.encode()),
    counter: bytes = integer(7, 0x81),
    transaction: bytes = element(0x82, c.TRANSACTION),
    sequence: bytes = integer(9, 0x83),
    results: bytes = LIST,
    appended: bytes = b"",
    signature: bytes | None = None,
    more: bytes = b"",
) -> bytes:
    data = element(SEQUENCE, eim, counter, transaction, sequence, element(SEQUENCE, results), more)
    signed = c.raw_signature(c.CHIP.key, data + appended) if signature is None else signature
    return element(0xBF51, element(0xA0, data, element(0x5F37, signed)))


def profiles(why: str, der: bytes, code: Code | None = None, **circumstances: Any) -> Evidence:
    return Evidence(kind="profiles", why=f"profiles: {why}", der=der, code=code, **circumstances)


def packages() -> Iterator[Evidence]:
    der, token = package(), integer(5, 0x84)
    yield profiles("two, one of them in use", der)
    yield profiles("none", package(results=element(0xBF2D, element(0xA0))))
    yield profiles("beside the result of something else", package(results=integer(0, 0x83) + LIST))
    yield profiles("without a transaction", package(transaction=b""), transaction=None)
    yield profiles("with an association token", package(appended=token), appended=token)
    yield profiles("with an association token that nobody agreed to", package(appended=token), Code.CHIP_SIGNATURE)
    yield profiles("without the association token", der, Code.CHIP_SIGNATURE, appended=token)
    yield profiles("of another eIM", der, Code.EIM, eim="2.25.32")
    yield profiles("of another package", der, Code.EIM, counter=8)
    yield profiles("of another transaction", der, Code.TRANSACTION, transaction=bytes(16))
    yield profiles("of a transaction where there was none", der, Code.TRANSACTION, transaction=None)
    yield profiles("of no transaction where there was one", package(transaction=b""), Code.TRANSACTION)
    yield profiles("of another chip", der, Code.CHIP_SIGNATURE, chip=c.OTHER_CHIP.der())
    yield profiles("of a revoked chip", der, Code.REVOKED_CHIP, revoked_eids=(c.EID,))
    yield profiles("signed by somebody", package(signature=b"\1" * 64), Code.CHIP_SIGNATURE)
    for why, code, changed in (
        ("an error that is signed", Code.CHIP_ERROR, element(0xBF51, element(0xA1))),
        ("an error that is not signed", Code.CHIP_ERROR, element(0xBF51, element(0xA2))),
        ("the chip did not list them", Code.CHIP_ERROR, package(results=element(0xBF2D, integer(1, 0x81)))),
        ("no list", Code.ELEMENT, package(results=integer(0, 0x83))),
        ("two lists", Code.DUPLICATE_ELEMENT, package(results=LIST + LIST)),
        ("a list of another kind", Code.ELEMENT, package(results=element(0xBF2D, element(0xA2)))),
        ("the same profile twice", Code.DUPLICATE_ELEMENT, package(results=element(0xBF2D, element(0xA0, ONE, ONE)))),
        (
            "a profile that is something else",
            Code.ELEMENT,
            package(results=element(0xBF2D, element(0xA0, b"\xe4" + ONE[1:]))),
        ),
        (
            "a profile without a state",
            Code.ELEMENT,
            package(results=element(0xBF2D, element(0xA0, element(0xE3, element(0x5A, bytes(10)))))),
        ),
        (
            "a profile in a third state",
            Code.ELEMENT,
            package(results=element(0xBF2D, element(0xA0, profile("98942000002143658749", 2)))),
        ),
        (
            "a profile with the same name twice",
            Code.DUPLICATE_ELEMENT,
            package(results=element(0xBF2D, element(0xA0, profile("98942000002143658749", 1, b"\x91\0\x91\0")))),
        ),
        ("a profile with a letter", Code.ICCID, package(results=element(0xBF2D, element(0xA0, profile("a9" * 10, 1))))),
        ("a transaction id of no bytes", Code.LENGTH, package(transaction=element(0x82))),
        ("an eIM with a space", Code.ENCODING, package(eim=element(0x80, b"a b"))),
        ("no sequence number", Code.ELEMENT, package(sequence=b"")),
        ("the counter twice", Code.DUPLICATE_ELEMENT, package(counter=integer(7, 0x81) * 2)),
        ("an element more", Code.ELEMENT, package(more=element(0x85))),
        ("a result that is not DER", Code.DER, package(results=LIST + b"\xa3\x01\x04")),
        ("a byte after the end", Code.TRAILING_BYTES, der + b"\0"),
        ("the right content of another message", Code.ELEMENT, b"\xbf\x52" + der[2:]),
        ("a notification", Code.ELEMENT, c.notification()),
        ("over 64 KiB", Code.TOO_LARGE, der + bytes(65_536)),
    ):
        yield profiles(why, changed, code)


def all_cases() -> list[Evidence]:
    made = (
        good_events(),
        good_certificates(),
        bad_events(),
        bad_links(),
        bad_trust(),
        bad_ranges(),
        bad_names(),
        bad_forms(),
        bad_outside(),
        bad_extensions(),
        answers(),
        installations(),
        packages(),
    )
    return [*lab_samples(), *(case for cases in made for case in cases)]


def parts(der: bytes) -> tuple[bytes, bytes]:
    """The two certificates in a notification that is well-formed outside."""
    chip_certificate, manufacturer = elements(only(der, max_bytes=1 << 20).content)[-2:]
    return chip_certificate.raw, manufacturer.raw
