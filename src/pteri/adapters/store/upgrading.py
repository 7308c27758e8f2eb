"""From an older schema to the newest: the statements, as Alembic puts them together from the migration files.

Alembic only writes them down. The store runs them on its own connection, in one transaction: all of them or none. So
there is one way for all databases, and none of them needs a driver of its own for this. Importing this module is
slow; only who has something to upgrade does.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from pteri.adapters.store.schema import Dialect

__all__ = ["statements"]

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_COMMENT: Final = "--"


class _Statements:
    """What Alembic writes into: it hands over one whole statement, or one comment, at a time."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def write(self, text: str) -> None:
        statement = text.strip().removesuffix(";")
        if statement and not statement.startswith(_COMMENT):
            self.found.append(statement)

    def flush(self) -> None:
        """Nothing waits."""


@cache
def statements(dialect: Dialect, since: str | None, until: str = "head") -> tuple[str, ...]:
    """What makes revision ``until`` of ``since`` (``None``: an empty database) and notes it."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    written = _Statements()
    with EnvironmentContext(
        config,
        scripts,
        fn=lambda revision, _: scripts._upgrade_revs(until, revision),  # noqa: SLF001 - what its own commands call
        as_sql=True,
        starting_rev=since,
        destination_rev=until,
    ) as environment:
        environment.configure(dialect_name=dialect, output_buffer=written, starting_rev=since)  # type: ignore[arg-type]  # it writes and flushes, no more
        environment.run_migrations()
    return tuple(written.found)
