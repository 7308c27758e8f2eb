"""What one run keeps for the next: other people's programs and seeded databases. Never in the tree."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

__all__ = ["cache", "environment_for"]

_INSTALL_S = 900


def cache() -> Path:
    """``$PTERI_BENCH_CACHE``, else ``pteri-bench`` in the person's cache directory, for root in the system's.

    PostgreSQL does not run as root, and another user may not look into root's home.
    """
    named = os.environ.get("PTERI_BENCH_CACHE")
    usual = (
        Path("/var/cache") if os.geteuid() == 0 else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    )
    base = Path(named) if named else usual / "pteri-bench"
    base.mkdir(parents=True, exist_ok=True)
    return base


def environment_for(requirements: Path) -> Path:
    """A virtual environment with exactly these pinned packages: the path of its ``bin``.

    Made once per content of the file; ``subprocess.CalledProcessError`` when the packages cannot be had.
    """
    name = f"{requirements.stem}-{sha256(requirements.read_bytes()).hexdigest()[:12]}"
    place = cache() / "peers" / name
    if not (place / ".ready").exists():
        make = [sys.executable, "-m", "venv", "--clear", str(place)]
        subprocess.run(make, check=True, timeout=_INSTALL_S)
        install = [
            str(place / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "-r",
            str(requirements),
        ]
        subprocess.run(install, check=True, timeout=_INSTALL_S, capture_output=True)
        (place / ".ready").touch()
    return place / "bin"
