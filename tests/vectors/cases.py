"""Cases of the vectors: what is to come of each, and why."""

from __future__ import annotations

from typing import Any

from pteri.core.errors import Code

Case = dict[str, Any]


def accept(why: str, **values: Any) -> Case:
    """Read and written like this."""
    return {"expect": "accept", "why": why, **values}


def reject(why: str, code: Code, **values: Any) -> Case:
    """Refused with this code."""
    return {"expect": "reject", "why": why, "code": str(code), **values}
