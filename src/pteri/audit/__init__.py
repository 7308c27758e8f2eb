"""Verifying what the log says, offline: nothing of a server is needed, and nothing of it is trusted.

Every function returns what was verified or raises an :class:`AuditError`, and nothing else, whatever comes in. Its
``code`` is one of docs/spec section 1.1, and stable; its ``detail`` is for people.

    anchored = verify_anchor(proof, network="main", checkpoint_height=3_000_000, checkpoint_hash="...")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pteri.audit.blocks import KnownBlocks, known_blocks
from pteri.audit.errors import AuditError, DoesNotHold, NotKept, Unreadable, in_our_words
from pteri.audit.log_findings import LogCheck, LogFinding, LogFindings
from pteri.audit.logs import verify_log
from pteri.audit.published import NotPublished
from pteri.audit.receipts import Check, Finding, Findings, Trusted, Verdict, verify_receipt
from pteri.core.anchor.proof import AnchoredAt, read_anchor_proof, read_block, verify_anchor_proof
from pteri.core.errors import Code, Malformed
from pteri.core.log import checking
from pteri.core.log.tree import TreeHead

__all__ = [
    "AnchoredAt",
    "AuditError",
    "Check",
    "DoesNotHold",
    "Finding",
    "Findings",
    "KnownBlocks",
    "LogCheck",
    "LogFinding",
    "LogFindings",
    "NotKept",
    "NotPublished",
    "Trusted",
    "Unreadable",
    "Verdict",
    "known_blocks",
    "verify_anchor",
    "verify_consistency",
    "verify_inclusion",
    "verify_log",
    "verify_receipt",
]


def verify_inclusion(leaf: bytes, path: Sequence[bytes], *, index: int, size: int, root: bytes) -> TreeHead:
    """The head of a tree of ``size`` leaves whose leaf ``index`` is these bytes (the leaf, not its hash).

    ``path``: hashes from below, 32 bytes each.
    """
    with in_our_words():
        return checking.verify_inclusion(
            _leaf(leaf), _path(path), expected_index=index, expected_head=TreeHead(size, root)
        )


def verify_consistency(
    path: Sequence[bytes], *, old_size: int, old_root: bytes, new_size: int, new_root: bytes
) -> TreeHead:
    """The head of the newer tree, which begins with all leaves of the older one, in their order."""
    with in_our_words():
        return checking.verify_consistency(
            _path(path), expected_old=TreeHead(old_size, old_root), expected_new=TreeHead(new_size, new_root)
        )


def verify_anchor(
    proof: Mapping[str, object],
    *,
    network: str,
    checkpoint_height: int,
    checkpoint_hash: str,
    min_confirmations: int = 6,
) -> AnchoredAt:
    """When a leaf was anchored in Litecoin, at the latest (docs/spec/anchors.md section 5).

    ``checkpoint_*``: a block that you know already, from a node of yours or one that you trust, its hash as nodes show
    it. The proof has to begin right after it.
    """
    with in_our_words():
        checkpoint = read_block(checkpoint_height, checkpoint_hash)
        return verify_anchor_proof(
            read_anchor_proof(proof),
            expected_network=network,
            expected_checkpoint=checkpoint,
            expected_confirmations=min_confirmations,
        )


def _leaf(value: object) -> bytes:
    if type(value) is not bytes:
        raise Malformed(Code.LEAF, "a leaf is bytes")
    return value


def _path(value: object) -> list[bytes]:
    if not isinstance(value, list | tuple):
        raise Malformed(Code.MERKLE_PATH, "a path is a list of hashes")
    return list(value)
