"""A drawing, as text. It follows the reader's choice of light or dark, also where it is only an image in a page."""

from __future__ import annotations

from html import escape
from typing import Final

__all__ = ["Drawing"]

_STYLE: Final = """
  svg { color-scheme: light dark; }
  :root { --paper: #ffffff; --ink: #1f2430; --soft: #667085; --grid: #e4e7ec;
    --c0: #2f6fde; --c1: #e08a1e; --c2: #2a9d74; --c3: #b5486b; --c4: #7c5cc4; --c5: #98a2b3; }
  @media (prefers-color-scheme: dark) { :root { --paper: #14171f; --ink: #e8eaf0; --soft: #98a2b3; --grid: #2a303c;
    --c0: #6ea3ff; --c1: #f2b25c; --c2: #5cc9a1; --c3: #e58aa6; --c4: #b49bf0; --c5: #667085; } }
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: var(--ink); }
"""


class Drawing:
    """Elements in the order in which they are drawn. ``colour`` is 0 to 5, or the name of one of the variables."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size = width, height
        self._title = title
        self._elements: list[str] = []

    def rect(self, x: float, y: float, width: float, height: float, colour: int | str, *, hint: str = "") -> None:
        """A filled box; ``hint`` is shown under the pointer."""
        shown = f"<title>{escape(hint)}</title>" if hint else ""
        self._elements.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" rx="2" '
            f'style="fill:{_colour(colour)}">{shown}</rect>'
        )

    def line(
        self, points: list[tuple[float, float]], colour: int | str, *, width: float = 2, dashed: bool = False
    ) -> None:
        """A line through these points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dash = ";stroke-dasharray:5 4" if dashed else ""
        self._elements.append(
            f'<polyline points="{path}" style="fill:none;stroke:{_colour(colour)};stroke-width:{width}'
            f';stroke-linejoin:round{dash}"/>'
        )

    def dot(self, x: float, y: float, colour: int | str, *, hint: str = "") -> None:
        """A point on a line."""
        shown = f"<title>{escape(hint)}</title>" if hint else ""
        self._elements.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" style="fill:{_colour(colour)}">{shown}</circle>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: int = 12,
        anchor: str = "start",
        colour: str = "ink",
        bold: bool = False,
    ) -> None:
        """One line of words; ``anchor`` is ``start``, ``middle`` or ``end``."""
        weight = "600" if bold else "400"
        self._elements.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'style="font-size:{size}px;font-weight:{weight};fill:{_colour(colour)}">{escape(words)}</text>'
        )

    def encode(self) -> str:
        """The file."""
        width, height = self._size
        body = "\n".join(self._elements)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{escape(self._title)}">\n<title>{escape(self._title)}</title>\n'
            f"<style>{_STYLE}</style>\n"
            f'<rect width="{width}" height="{height}" rx="10" style="fill:var(--paper)"/>\n{body}\n</svg>\n'
        )


def _colour(colour: int | str) -> str:
    return f"var(--c{colour % 6})" if isinstance(colour, int) else f"var(--{colour})"
