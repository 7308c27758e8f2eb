"""The table ``[block]`` of the settings file: where the recent block comes from that statements name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pteri.core.anchor.proof import Block, read_block
from pteri.core.errors import ProtocolError
from pteri.node_settings import require_credentials, require_node

__all__ = ["BlockSettings"]


class BlockSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without this table statements name no block. Either a node, or a file of headers and a block before them."""

    network: Literal["main", "test", "regtest"]
    """Of the node or the file; tenants of other networks get no block."""
    node_url: str | None = None
    """JSON-RPC of a node: ``http://`` on loopback, ``https://`` elsewhere; host and port only. It needs no wallet."""
    cookie_file: Path | None = None
    """The file ``.cookie`` that the node makes; or ``user`` and ``password_file``."""
    user: str | None = None
    password_file: Path | None = None
    """Where the password of ``user`` lies, mode 0600."""
    headers_file: Path | None = None
    """Headers of 80 bytes, one after the other, that some other program keeps fresh."""
    known_block: str | None = None
    """``HEIGHT:HASH`` of the block before the first of these headers."""
    confirmations: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 6
    """How deep the block is that statements name, itself counted: so deep that it will not be replaced."""
    max_age_s: Annotated[int, msgspec.Meta(ge=600, le=604_800)] = 10_800
    """By its miner's time. There is no block when the newest one is older."""
    every_s: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60
    """Seconds between two looks."""
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20

    def __post_init__(self) -> None:
        if (self.node_url is None) == (self.headers_file is None):
            raise ValueError("give node_url, or headers_file and known_block: one of both")
        if (self.headers_file is None) != (self.known_block is None):
            raise ValueError("headers_file and known_block come together")
        if self.node_url is not None:
            require_node(self.node_url)
            require_credentials(self.cookie_file, self.user, self.password_file)
            return
        if (self.cookie_file, self.user, self.password_file) != (None, None, None):
            raise ValueError("cookie_file, user and password_file are for a node: a file of headers needs none")
        self.known()

    def known(self) -> Block:
        """The block before the headers; ``ValueError`` where it is none."""
        height, _, name = ("" if self.known_block is None else self.known_block).partition(":")
        try:
            return read_block(int(height) if height.isascii() and height.isdigit() and len(height) < 12 else None, name)
        except ProtocolError as error:
            raise ValueError("known_block is HEIGHT:HASH, as nodes show them") from error
