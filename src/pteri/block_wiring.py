"""The recent block of statements out of its settings: its node or its file, and whom to tell."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from pteri.adapters.chain.header_file import HeaderFile
from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.transport import NodeTransport, credentials
from pteri.app.recent_block import SENTENCES, BlockTrouble, HeaderSource, RecentBlock
from pteri.block_settings import BlockSettings

__all__ = ["recent_block_of"]

_log = structlog.get_logger("pteri.block")


def recent_block_of(settings: BlockSettings, opened: AsyncExitStack) -> RecentBlock:
    """Which block is recent, by these settings; ``opened`` closes the connection to a node."""
    return RecentBlock(
        _source(settings, opened),
        confirmations=settings.confirmations,
        max_age_s=settings.max_age_s,
        every_s=settings.every_s,
        tell=_tell,
    )


def _source(settings: BlockSettings, opened: AsyncExitStack) -> HeaderSource:
    if settings.headers_file is not None:
        return HeaderFile(settings.headers_file, network=settings.network, known=settings.known())
    assert settings.node_url is not None
    transport = NodeTransport(
        settings.node_url,
        credentials(settings.cookie_file, settings.user, settings.password_file),
        timeout_s=settings.timeout_s,
    )
    opened.push_async_callback(transport.close)
    return LitecoinNode(transport, network=settings.network)


def _tell(trouble: BlockTrouble, begins: bool, detail: str) -> None:
    if begins:
        _log.warning("block_trouble", trouble=trouble, detail=detail, do=SENTENCES[trouble])
    else:
        _log.info("block_trouble_over", trouble=trouble)
