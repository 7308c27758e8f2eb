"""HTML as values: text is escaped when it enters, so nothing that is written becomes a tag by accident."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Markup", "element", "joined", "table"]

_VOID: Final = frozenset({"meta"})


class Markup(str):
    """HTML that is ready to be sent; any other ``str`` is text. Made by the functions of this module only."""

    __slots__ = ()


def joined(children: Iterable[Markup | str]) -> Markup:
    """Return ``children`` one after the other, text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c) for c in children))


def element(tag: str, *children: Markup | str, **attributes: str) -> Markup:
    """Return one element. A final underscore is for names that Python reserves: ``class_``."""
    names = "".join(f' {n.rstrip("_").replace("_", "-")}="{html.escape(v)}"' for n, v in attributes.items())
    if tag in _VOID:
        return Markup(f"<{tag}{names}>")
    return Markup(f"<{tag}{names}>{joined(children)}</{tag}>")


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Markup | str]]) -> Markup:
    """Return a table whose first column names its rows, also for a screen reader."""
    head = element("tr", *(element("th", name, scope="col") for name in heads))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:])) for row in rows
    ]
    return element("table", element("caption", caption), element("thead", head), element("tbody", *body))
