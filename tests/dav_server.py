"""A real WebDAV server over one folder, as a process of its own: ``python dav_server.py FOLDER``.

It prints its port, and ends when its standard input does, so that it never outlives the test. A process of its own
because OpenDAL holds the interpreter while it lists.
"""

from __future__ import annotations

import sys
import threading

from cheroot import wsgi
from wsgidav.wsgidav_app import WsgiDAVApp  # type: ignore[import-untyped]  # it comes without types

USER, PASSWORD = "alice", "an app password"


def serve(folder: str) -> None:
    settings = {
        "provider_mapping": {"/dav/alice": folder},
        "http_authenticator": {"domain_controller": None, "accept_basic": True, "accept_digest": False},
        "simple_dc": {"user_mapping": {"*": {USER: {"password": PASSWORD}}}},
        "verbose": 0,
        "logging": {"enable": False},
    }
    server = wsgi.Server(("127.0.0.1", 0), WsgiDAVApp(settings))
    server.prepare()
    sys.stdout.write(f"{server.bind_addr[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
