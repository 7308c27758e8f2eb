"""An S3 server without buckets, as a process of its own: ``python s3_server.py``. It ends as ``dav_server.py`` does."""

from __future__ import annotations

import sys

from moto.server import ThreadedMotoServer


def serve() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    sys.stdout.write(f"{server.get_host_and_port()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    serve()
