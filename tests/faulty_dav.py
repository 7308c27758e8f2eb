"""A WebDAV server that does one thing wrong, as a process of its own: ``python faulty_dav.py FAULT``.

Files are kept in memory, and are there as long as the process. It ends as ``dav_server.py`` does.
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

FAULT: Final = sys.argv[1] if __name__ == "__main__" else ""
FILES: Final[dict[str, bytes]] = {}
ENTRY: Final = (
    "<D:response><D:href>{href}</D:href><D:propstat><D:prop><D:resourcetype>{kind}</D:resourcetype>"
    "<D:getcontentlength>{size}</D:getcontentlength>"
    "<D:getlastmodified>Tue, 01 Sep 2026 00:00:00 GMT</D:getlastmodified></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
)
INVENTED: Final = "/pteri/pteri-backup-20260901T000000Z-0123456789abcdef-0123456789abcdef.bin"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PROPFIND(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.rstrip("/")
        if FAULT == "500":
            self._answer(500)
        elif path in {"", "/pteri"}:
            self._answer(207, self._listing(path).encode())
        elif path in FILES:
            self._answer(207, _multi(_entry(path)).encode())
        else:
            self._answer(404)

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if FAULT in {"500", "507"}:
            self._answer(int(FAULT))
        elif FAULT == "cuts uploads":
            FILES[self.path] = data[: len(data) // 2]
            self.close_connection = True  # no answer: the phone does not know
        else:
            FILES[self.path] = data[: len(data) // 2] if FAULT == "keeps half" else data
            self._answer(201)

    def do_GET(self) -> None:
        if FAULT == "sends without end":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            try:
                while True:
                    self.wfile.write(bytes(1 << 16))
            except OSError:
                self.close_connection = True
        elif FAULT == "500" or self.path not in FILES:
            self._answer(500 if FAULT == "500" else 404)
        else:
            self._answer(200, FILES[self.path])

    def do_DELETE(self) -> None:
        if FAULT == "keeps what is deleted":
            self._answer(423)
            return
        FILES.pop(self.path, None)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        return

    def _listing(self, path: str) -> str:
        names = [] if FAULT == "lists nothing" else sorted(FILES)
        if FAULT == "lists what is not there":
            names.append(INVENTED)
        return _multi(ENTRY.format(href=f"{path}/", kind="<D:collection/>", size=0), *map(_entry, names))

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _entry(path: str) -> str:
    return ENTRY.format(href=path, kind="", size=len(FILES.get(path, b"")))


def _multi(*entries: str) -> str:
    return f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{"".join(entries)}</D:multistatus>'


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
