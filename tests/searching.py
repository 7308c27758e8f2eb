"""A service to which everything has happened once, and a search for what must not be in its files."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from thieves import Stand, second_phone, signing_in, type_code
from world import MALLORY_WORDS, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from world import SimPhone, World

__all__ = ["EMAIL", "assert_nowhere", "lived_through", "spellings", "text_spellings"]

EMAIL = "Alice.Liddell+Wonder@Example.com"


def lived_through(world: World) -> list[SimPhone]:
    """Everything that the service does happens once: linking, sign-in, migration, recovery, removal, refusals."""
    old = world.enrolled("old phone", EMAIL)
    new = second_phone(world, old, "new phone")
    stand = signing_in(world, old, "desk", login=EMAIL)
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    assert type_code(stand, "00000000").status == 401
    assert type_code(stand, old.code_of(request, stand.statement)).status == 200
    thief = world.phone("thief's phone")
    thief.start_recovery()
    assert old.veto().decided.status == 200
    old.revoke(new.thumbprint)
    for number in range(4):
        stranger = world.phone(f"stranger {number}")
        Stand(world, stranger, stand.statement).honest()
    world.site().start_sign_in("nobody@example.org", Browser("nobody"))
    pending = world.phone("pending phone", MALLORY_WORDS, index=3)
    pending.bind(world.site().start_binding("robert@example.net", Browser("bob"), line="8901260000000000001"))
    world.run(world.deployment.store.sequence(1000))
    return [old, new, thief, pending]


def spellings(raw: bytes) -> Iterator[bytes]:
    padded = base64.b64encode(raw)
    yield from (raw, raw.hex().encode(), raw.hex().upper().encode(), raw[::-1], str(int.from_bytes(raw)).encode())
    yield from (padded, padded.rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"="), base64.b32encode(raw))


def text_spellings(text: str) -> Iterator[bytes]:
    for spelt in {text, text.lower(), text.upper(), text.strip("+")}:
        yield from (spelt.encode(), spelt.encode("utf-16-le"), spelt.encode("utf-16-be"), *spellings(spelt.encode()))


def assert_nowhere(files: dict[str, bytes], needles: Iterator[bytes]) -> None:
    for needle in needles:
        assert len(needle) > 3
        assert [name for name, content in files.items() if needle in content] == []
