"""Made-up people with real keys: the same ones in every run, and nobody else's."""

from __future__ import annotations

import base64

from pteri.core import ids
from pteri.core.keys.message import verify_message
from pteri.core.keys.secret import Secret
from pteri.core.wallets import pin_wallet
from pteri.load.people import Person, login_of

BANK, SHOP = Secret(b"b" * 32), Secret(b"s" * 32)


def keys_of(person: Person) -> tuple[str, str]:
    return person.wallet.address, person.device.public.thumbprint


def test_the_same_person_is_there_in_the_next_run() -> None:
    assert keys_of(Person(7, of=BANK, network="main")) == keys_of(Person(7, of=BANK, network="main"))


def test_no_two_people_share_a_key_nor_do_two_relying_parties_share_people() -> None:
    people = [Person(number, of=of, network="main") for number in range(20) for of in (BANK, SHOP)]
    assert len({key for person in people for key in keys_of(person)}) == 80


def test_what_a_phone_brings_is_what_the_server_accepts() -> None:
    person = Person(1, of=BANK, network="main")
    told = person.enrolment.wallet
    assert pin_wallet(told.address, told.public_key, told.signature_type, network="main") == person.wallet
    assert ids.from_base64url(person.enrolment.device_key) == person.device.public.sec1


def test_a_wallet_signature_is_right_and_its_two_halves_are_those_of_the_code() -> None:
    person = Person(1, of=BANK, network="main")
    signature, rs = person.sign(b"a statement")
    assert verify_message(person.wallet.address, b"a statement", signature.signature).rs == rs
    assert base64.b64decode(signature.signature)[1:] == rs


def test_a_login_is_in_a_domain_that_is_nobodys() -> None:
    assert login_of(12) == "load-12@people.invalid"
