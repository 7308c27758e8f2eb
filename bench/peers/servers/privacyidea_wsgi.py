# mypy: ignore-errors
# (its imports live in the peer's own environment, which the type checker does not see)
"""privacyIDEA for a WSGI server."""

from __future__ import annotations

from privacyidea.app import create_app

application = create_app("production", config_file="", silent=True)
