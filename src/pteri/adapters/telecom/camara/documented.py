"""What every documented refusal of an operator means: one table (docs/spec/operator.md section 5).

Nothing of it is ever ``CLEAR``, and what is not in the table is ``UNKNOWN``. A code counts together with its HTTP
status only: an ``IDENTIFIER_NOT_FOUND`` under 500 is a broken server and no word about a line.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pteri.domain.signals import Finding

__all__ = ["DOCUMENTED", "UNDOCUMENTED", "WEATHER", "Meaning", "meaning_of"]


class Meaning(NamedTuple):
    """What a refusal says of a line, and the stable code under which it is recorded."""

    finding: Finding
    code: str


UNDOCUMENTED: Final = Meaning(Finding.UNKNOWN, "UNDOCUMENTED_ERROR")

_UNKNOWN: Final = (
    # CAMARA Commonalities, and the APIs that we use.
    (400, "INVALID_ARGUMENT"),
    (400, "OUT_OF_RANGE"),
    (400, "INVALID_CREDENTIAL"),
    (400, "INVALID_PROTOCOL"),
    (400, "INVALID_SINK"),
    (400, "INVALID_TOKEN"),
    (401, "UNAUTHENTICATED"),
    (401, "AUTHENTICATION_REQUIRED"),
    (403, "PERMISSION_DENIED"),
    (403, "INVALID_TOKEN_CONTEXT"),
    (403, "SUBSCRIPTION_MISMATCH"),
    (403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK"),
    (404, "NOT_FOUND"),
    (405, "METHOD_NOT_ALLOWED"),
    (406, "NOT_ACCEPTABLE"),
    (409, "ABORTED"),
    (409, "ALREADY_EXISTS"),
    (409, "CONFLICT"),
    (410, "GONE"),
    (412, "FAILED_PRECONDITION"),
    (415, "UNSUPPORTED_MEDIA_TYPE"),
    (422, "SERVICE_NOT_APPLICABLE"),
    (422, "MISSING_IDENTIFIER"),
    (422, "UNNECESSARY_IDENTIFIER"),
    (422, "UNSUPPORTED_IDENTIFIER"),
    (422, "MULTIEVENT_SUBSCRIPTION_NOT_SUPPORTED"),
    (429, "QUOTA_EXCEEDED"),
    (429, "TOO_MANY_REQUESTS"),
    (500, "INTERNAL"),
    (501, "NOT_IMPLEMENTED"),
    (502, "BAD_GATEWAY"),
    (503, "UNAVAILABLE"),
    (504, "TIMEOUT"),
    # OAuth 2.0 (RFC 6749 section 5.2), CIBA sections 11 and 13, OpenID Connect.
    (400, "invalid_request"),
    (400, "invalid_client"),
    (401, "invalid_client"),
    (400, "invalid_grant"),
    (400, "unauthorized_client"),
    (400, "unsupported_grant_type"),
    (400, "invalid_scope"),
    (400, "expired_login_hint_token"),
    (400, "unknown_user_id"),
    (400, "missing_user_code"),
    (400, "invalid_user_code"),
    (400, "invalid_binding_message"),
    (400, "authorization_pending"),
    (400, "slow_down"),
    (400, "expired_token"),
    (400, "access_denied"),
    (403, "access_denied"),
    (400, "transaction_failed"),
    (503, "temporarily_unavailable"),
)
_CHANGED: Final = (
    # The operator does not serve the number any more: ported out, or ended.
    (404, "IDENTIFIER_NOT_FOUND"),
)
_CONTRADICTED: Final = (
    # What we asked by names two lines.
    (403, "IDENTIFIER_MISMATCH"),
    (422, "IDENTIFIER_MISMATCH"),
)


def _recorded(code: str) -> str:
    # OAuth spells in lower case what CAMARA spells in capitals, and means something else by it.
    return f"OAUTH_{code.upper()}" if code.islower() else code.replace(".", "_")


DOCUMENTED: Final[dict[tuple[int, str], Meaning]] = {
    (status, code): Meaning(finding, _recorded(code))
    for finding, errors in (
        (Finding.UNKNOWN, _UNKNOWN),
        (Finding.CHANGED, _CHANGED),
        (Finding.CONTRADICTED, _CONTRADICTED),
    )
    for status, code in errors
}
"""``(HTTP status, code) -> meaning``."""

WEATHER: Final = frozenset(
    {"TIMEOUT", "UNREACHABLE", "MALFORMED_ANSWER", "STALE_ANSWER", "UNDOCUMENTED_ERROR", "INTERNAL", "BAD_GATEWAY"}
    | {"UNAVAILABLE", "OAUTH_TEMPORARILY_UNAVAILABLE", "TOO_MANY_REQUESTS", "QUOTA_EXCEEDED"}
)
"""Codes that say nothing of the line and something of the operator: those that the circuit breaker counts."""


def meaning_of(status: int, code: str) -> Meaning:
    """What this refusal means; total."""
    return DOCUMENTED.get((status, code), UNDOCUMENTED)
