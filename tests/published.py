"""Published logs for the tests: the files as a log writes them, and what an enemy who owns them may do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from leaves import account_leaf, sha
from notes import LOG, NOW, WITNESSES
from pteri.audit.published import NotPublished
from pteri.core.log.checkpoint import Checkpoint, signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf
from pteri.core.log.note import NoteSigner
from pteri.core.log.tiles import bundle, bundle_path, bundles_between, tile_bytes, tile_path, tiles_between
from pteri.core.log.tree import leaf_hash
from pteri.core.log.witness import cosign
from trees import Grown


def index_of(account: int) -> bytes:
    return hashlib.sha256(f"index of {account}".encode()).digest()


class People:
    """Accounts whose events come in turn, each leaf behind the one before it."""

    def __init__(self, accounts: int) -> None:
        self._last: dict[int, tuple[int, bytes]] = {}
        self._accounts = accounts

    def next(self, place: int, **changes: object) -> bytes:
        account = place % self._accounts
        number, previous = self._last.get(account, (0, NOTHING))
        values = {
            "index": index_of(account),
            "statement": sha(f"statement {account} {number + 1}"),
            "commitment": sha(f"commitment {account} {number + 1}"),
        }
        raw = encode_leaf(account_leaf(number + 1, previous, **(values | changes)))
        self._last[account] = number + 1, leaf_hash(raw)
        return raw


def events(number: int, accounts: int = 5) -> list[bytes]:
    """So many leaves, of these accounts in turn."""
    people = People(accounts)
    return [people.next(place) for place in range(number)]


class Published:
    """The files of a log with these entries, published at each of these sizes."""

    def __init__(
        self,
        entries: Sequence[bytes],
        sizes: Sequence[int] = (),
        *,
        signer: NoteSigner = LOG,
        witnesses: int = 0,
    ) -> None:
        self.entries = list(entries)
        self.tree = Grown(self.entries)
        self.files: dict[str, bytes] = {}
        old = 0
        for new in (*sizes, len(self.entries)):
            for tile in tiles_between(old, new):
                self.files[tile_path(tile)] = tile_bytes(tile, self.tree.read)
            for each in bundles_between(old, new):
                first = each.number * 256
                content = bundle(self.entries[first : first + each.width])
                self.files[bundle_path(each.number, each.width)] = content
            old = new
        self.checkpoint = self.signed(len(self.entries), signer, witnesses)
        self.files["checkpoint"] = self.checkpoint.note.encoded

    def signed(self, size: int, signer: NoteSigner = LOG, witnesses: int = 0) -> Checkpoint:
        """The checkpoint of this size."""
        made = signed_checkpoint(self.tree.heads[size], signer)
        lines = [cosign(made, each, at=NOW) for each in WITNESSES[:witnesses]]
        return Checkpoint(made.origin, made.head, made.note.with_signatures(lines)) if lines else made

    def read(self, path: str, limit: int) -> bytes:
        """The port of the auditor."""
        if path not in self.files:
            raise NotPublished("is not there")
        if len(self.files[path]) > limit:
            raise NotPublished(f"is longer than {limit} bytes")
        return self.files[path]

    def write(self, directory: Path) -> Path:
        """The files on a disk."""
        for path, content in self.files.items():
            file = directory / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return directory
