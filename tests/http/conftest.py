"""What tests of the web side share: a way to ask an application over each hinge."""

import pytest

from hinges import Caller, Connect, connect, sockets, wired
from note_routes import NOTES, build

__all__ = ["client", "connect", "sockets", "wired"]


@pytest.fixture
def client(connect: Connect) -> Caller:
    """The application of the notes."""
    return connect(build(*NOTES))
