# mypy: ignore-errors
# (its imports live in the peer's own environment, which the type checker does not see)
"""Sixteen people with a HOTP token and a PIN each, in a resolver of the cheapest kind: a file."""

from __future__ import annotations

import sys
from pathlib import Path

from privacyidea.app import create_app

place, people = Path(sys.argv[1]), int(sys.argv[2])
app = create_app("production", config_file="", silent=True)
with app.app_context():
    from privacyidea.lib.realm import set_default_realm, set_realm
    from privacyidea.lib.resolver import save_resolver
    from privacyidea.lib.token.lifecycle import init_token
    from privacyidea.lib.user import User

    users = place / "users"
    lines = (f"person{n}:x:{1000 + n}:1000:Person {n},,,person{n}@example.com:/:/bin/sh\n" for n in range(people))
    users.write_text("".join(lines))
    save_resolver({"resolver": "people", "type": "passwdresolver", "fileName": str(users)})
    set_realm("bank", [{"name": "people"}])
    set_default_realm("bank")
    for n in range(people):
        wanted = {"type": "hotp", "otpkey": f"{n:040x}", "pin": "1234", "hashlib": "sha1", "otplen": 6}
        init_token(wanted, user=User(f"person{n}", "bank"))
