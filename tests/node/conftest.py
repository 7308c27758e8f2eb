"""A real Litecoin Core on loopback: regtest, one for each file of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from litecoind import Litecoind, program


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# A chain that comes to its 432nd block without a coin for the extension block cannot be mined any further (0.21.2). So
# one chain is not for all tests: how long it gets would depend on which of them a process has.
@pytest.fixture(scope="module")
def litecoind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litecoind]:
    """A running node with an empty legacy wallet."""
    command = program()
    if command is None:
        absent = "litecoind is not installed (apt-get install litecoind): nothing was checked against a real node"
        if os.environ.get("CI") == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    node = Litecoind(command, tmp_path_factory.mktemp("litecoind"))
    try:
        node.start()
        node.wallet("pteri")
        yield node
    finally:
        node.stop()
