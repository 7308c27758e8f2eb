"""Walk through a wire type: what a struct is made of, read by the decoder's guard and by the description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["example_of", "parts", "structs"]

_EXAMPLE: Final = "__example__"


def parts(type_: type) -> Iterator[inspect.Type]:
    """Yield ``type_`` and every type inside it, each once, outside first."""
    seen: set[int] = set()
    waiting = [inspect.type_info(type_)]
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:  # a struct may contain itself
            continue
        seen.add(id(part))
        yield part
        waiting.extend(_children(part))


def structs(types: Iterable[type | None]) -> list[type[msgspec.Struct]]:
    """List the struct classes among ``types`` and inside them, each once, in the order they are met."""
    outer = [type_ for type_ in types if type_ is not None and issubclass(type_, msgspec.Struct)]
    inner = (part.cls for type_ in outer for part in parts(type_) if isinstance(part, inspect.StructType))
    return list(dict.fromkeys(inner))


def example_of(type_: type[msgspec.Struct]) -> dict[str, object] | None:
    """Return the ``__example__`` of a struct class as plain JSON values, or None.

    Raises ``msgspec.ValidationError`` for an example that is not a value of the class: a description that lies.
    """
    given = vars(type_).get(_EXAMPLE)
    if given is None:
        return None
    example = msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(given), type_))
    assert isinstance(example, dict)
    return example


def _children(part: inspect.Type) -> tuple[inspect.Type, ...]:
    children: tuple[inspect.Type, ...] = ()
    match part:
        case inspect.StructType():
            children = tuple(field.type for field in part.fields)
        case inspect.UnionType():
            children = part.types
        case inspect.DictType():
            children = (part.key_type, part.value_type)
        case inspect.TupleType():
            children = part.item_types
        case inspect.CollectionType():
            children = (part.item_type,)
        case inspect.Metadata():
            children = (part.type,)
    return children
