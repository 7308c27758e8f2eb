"""Evidence of an act, and the code that belongs to it while it is pending (docs/spec section 5).

Both signatures make the code, so they stay sealed under the deployment key until the code has been typed: a reader of
the database or of the log learns no code of a pending act. The code itself is kept as a keyed hash only.
"""

from __future__ import annotations

import hmac

import msgspec

from pteri.app.deployment import Deployment
from pteri.core.acts import StatementAct
from pteri.core.ids import Digest, RequestId, TenantId, digest_bytes
from pteri.core.otp import one_time_code
from pteri.core.verify import Verified
from pteri.domain.challenge import Challenge
from pteri.domain.decisions import Decision
from pteri.domain.facts import Circumstances
from pteri.domain.records import Evidence, SignedBytes

__all__ = ["code_mac", "evidence_of", "is_code", "open_evidence", "seal_evidence"]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Evidence)


def evidence_of(
    verified: Verified[StatementAct], circumstances: Circumstances, rules: Digest, decision: Decision
) -> Evidence:
    """What an auditor needs to verify and decide again."""
    request = verified.request
    return Evidence(
        statement=verified.text.decode("ascii"),
        signed=SignedBytes(
            method=request.method,
            target_uri=request.target_uri,
            body=request.body,
            content_digest=request.content_digest,
            idempotency_key=request.idempotency_key,
            signature_input=request.signature_input,
            signature=request.signature,
        ),
        circumstances=circumstances,
        rules=rules,
        decision=decision,
    )


def seal_evidence(deployment: Deployment, request: RequestId, evidence: Evidence) -> bytes:
    """Encrypted until the code is typed."""
    return deployment.vault.seal(_encoder.encode(evidence), _context(request))


def open_evidence(deployment: Deployment, challenge: Challenge) -> Evidence:
    """The evidence of a verified challenge."""
    return _decoder.decode(deployment.vault.open(challenge.sealed, _context(challenge.id)))


def code_mac(deployment: Deployment, tenant: TenantId, verified: Verified[StatementAct], session: Digest) -> Digest:
    """Keyed hash of the code of this act in this session."""
    statement = verified.statement
    code = one_time_code(
        verified.text,
        wallet_signature=verified.wallet_rs,
        device_signature=verified.device_rs,
        request_id=statement.request_id,
        session_hash=digest_bytes(session),
        nonce=statement.nonce,
    )
    return _mac(deployment, tenant, statement.request_id, code)


def is_code(deployment: Deployment, challenge: Challenge, code: str) -> bool:
    """Whether this is the code of the challenge. A challenge without an approval has no code at all."""
    given = _mac(deployment, challenge.tenant, challenge.id, code)
    return challenge.code_mac is not None and hmac.compare_digest(challenge.code_mac.encode(), given.encode())


def _mac(deployment: Deployment, tenant: TenantId, request: RequestId, code: str) -> Digest:
    return deployment.vault.blind("code", tenant, f"{request}:{code}")


def _context(request: RequestId) -> str:
    return f"evidence:{request}"
