"""The API description as one page for people.

Self-contained and without script: it works under ``default-src 'none'``, prints, and can be read aloud.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from inspect import cleandoc
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import inspect

from pteri.http.markup import Markup, element, joined, table
from pteri.http.openapi import SCHEMES, SIGNATURE_HEADERS, TOKEN, operation_id, problem_kinds, scheme_names
from pteri.http.problems import PROBLEM_TYPES, Problem
from pteri.http.routing import Auth, Document, parameter_names, plain_path
from pteri.http.wiretypes import example_of, structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pteri.http.routing import AnyRoute

__all__ = ["POLICY", "STYLE", "page"]

STYLE: Final = """
:root { --paper: #ffffff; --ink: #1b1f24; --quiet: #4a5560; --link: #0b5cad; --shade: #f2f4f7; --line: #c9d0d8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e6e9ee; --quiet: #aab4c0; --link: #7db8f7; --shade: #1e242b; --line: #3a444f; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
header, nav, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
h1 { margin: 2rem 0 0; } h2 { margin: 3rem 0 1rem; border-bottom: 1px solid var(--line); }
article { margin: 2rem 0; padding: 0 1rem 1rem; border: 1px solid var(--line); border-radius: .5rem; }
h3, pre, code, td { overflow-wrap: anywhere; } th, th code { overflow-wrap: break-word; }
a { color: var(--link); } a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; } .skip:focus { left: 1rem; top: 1rem; background: var(--paper); }
.quiet { color: var(--quiet); }
code, pre { background: var(--shade); font-family: ui-monospace, monospace; font-size: .9em; border-radius: .25rem; }
code { padding: .1em .25em; } pre { padding: 1rem; white-space: pre-wrap; } pre code { padding: 0; }
table { width: 100%; margin: 1rem 0; border-collapse: collapse; }
caption { text-align: left; font-weight: 600; }
th, td { padding: .4rem .6rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
"""

_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page: its own style by hash, and nothing else."""


def page(routes: Sequence[AnyRoute], *, title: str, version: str, server_url: str) -> str:
    """Return the page at ``/docs``: routes by their first tag, then the types, then the problems."""
    tags = list(dict.fromkeys(_tag(route) for route in routes))
    types = structs([Problem, *(type_ for route in routes for type_ in (route.body, *route.replies.values()))])
    body = element(
        "body",
        element("a", "Skip to the description", href="#main", class_="skip"),
        element(
            "header",
            element("h1", title),
            element("p", f"Version {version}, served at ", element("code", server_url), class_="quiet"),
        ),
        element("nav", element("ul", *_contents(routes, tags)), aria_label="Contents"),
        element(
            "main",
            _section("Signing", *_signing()),
            *(_section(tag, *(_route(r, server_url) for r in routes if tag == _tag(r))) for tag in tags),
            _section("Types", *map(_type, types)),
            _section("All problems", _problems()),
            id="main",
        ),
        element("footer", element("p", "For programs: ", element("a", "/openapi.json", href="/openapi.json"))),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return f"<!doctype html>{element('html', head, body, lang='en')}"


def _contents(routes: Sequence[AnyRoute], tags: Sequence[str]) -> Iterator[Markup]:
    yield element("li", _to_section("Signing"))
    for tag in tags:
        links = (
            element("li", element("a", str(route), href=f"#{operation_id(route)}"))
            for route in routes
            if _tag(route) == tag
        )
        yield element("li", _to_section(tag), element("ul", *links))
    yield from (element("li", _to_section(title)) for title in ("Types", "All problems"))


def _tag(route: AnyRoute) -> str:
    return route.tags[0] if route.tags else "other"


def _signing() -> Iterator[Markup]:
    for name, description in (*((s.name, s.description) for s in SCHEMES.values()), (TOKEN.name, TOKEN.description)):
        yield element("p", element("strong", f"{name}. "), description)
    rows = [
        (element("code", header.name), header.description, element("code", header.example))
        for header in SIGNATURE_HEADERS
    ]
    yield table("Each of these headers, exactly once on every signed request", ("Header", "Value", "Example"), rows)


def _section(title: str, *children: Markup) -> Markup:
    heading = element("h2", title, id=_anchor(title))
    return element("section", heading, *children, aria_labelledby=_anchor(title))


def _route(route: AnyRoute, server_url: str) -> Markup:
    parts = [
        element("h3", element("code", f"{route.method} {plain_path(route.path)}"), id=operation_id(route)),
        element("p", element("strong", route.summary)),
        element("p", _prose(route.description)) if route.description else Markup(),
        element("p", f"Proof: {' or '.join(scheme_names(route)) or 'none'}.", class_="quiet"),
    ]
    if parameters := list(_parameters(route)):
        parts.append(table("Parameters", ("Name", "Where", "Meaning"), parameters))
    if route.body is not None:
        parts.append(element("p", "Body: ", _to_type(route.body), f", at most {route.max_body_bytes} bytes."))
    parts.append(table("Answers", ("Status", "Body"), _answers(route)))
    parts.append(element("pre", element("code", _example(route, server_url))))
    return element("article", *parts)


def _parameters(route: AnyRoute) -> Iterator[tuple[Markup | str, ...]]:
    for name in parameter_names(route.path):
        yield element("code", name), "path", "required"
    for name, description in route.query.items():
        yield element("code", name), "query", description


def _answers(route: AnyRoute) -> Iterator[tuple[Markup | str, ...]]:
    for status, type_ in sorted(route.replies.items()):
        if issubclass(type_, msgspec.Struct):
            yield str(status), _to_type(type_)
        else:
            yield str(status), type_.media_type if issubclass(type_, Document) else "no body"
    for kind in problem_kinds(route):
        yield str(PROBLEM_TYPES[kind].status), element("a", kind.value, href=f"#{_anchor('All problems')}")


def _example(route: AnyRoute, server_url: str) -> str:
    lines = [f"curl -X {route.method} {shlex.quote(server_url + plain_path(route.path))}"]
    if route.auth is not Auth.NONE:
        lines += [f'-H "{header.name}: ${header.name.upper().replace("-", "_")}"' for header in SIGNATURE_HEADERS]
    if route.body is not None:
        example = example_of(route.body)
        body = f"@{route.body.__name__}.json" if example is None else shlex.quote(json.dumps(example))
        lines += ["-H 'Content-Type: application/json'", f"-d {body}"]
    return " \\\n  ".join(lines)


def _type(type_: type[msgspec.Struct]) -> Markup:
    parts = [element("h3", type_.__name__, id=_type_anchor(type_))]
    if type_.__doc__:
        parts += [element("p", _prose(paragraph)) for paragraph in cleandoc(type_.__doc__).split("\n\n")]
    rows = [(element("code", f.encode_name), _said(f.type), _presence(f)) for f in _fields(type_)]
    parts.append(table("Fields", ("Field", "Type", "Presence"), rows))
    if example := example_of(type_):
        parts.append(element("pre", element("code", json.dumps(example, indent=2))))
    return element("article", *parts)


def _fields(type_: type[msgspec.Struct]) -> tuple[inspect.Field, ...]:
    described = inspect.type_info(type_)
    assert isinstance(described, inspect.StructType)
    return described.fields


def _presence(field: inspect.Field) -> str:
    return "required" if field.required else "optional"


def _said(type_: inspect.Type) -> Markup:
    """Say a type in words, with links to the structs in it."""
    match type_:
        case inspect.StructType():
            said = _to_type(type_.cls)
        case inspect.UnionType():
            said = joined(_between(" or ", map(_said, type_.types)))
        case inspect.TupleType():
            said = joined(("list of exactly: ", *_between(", ", map(_said, type_.item_types))))
        case inspect.CollectionType():
            said = joined(("list of ", _said(type_.item_type)))
        case inspect.DictType():
            said = joined(("map of ", _said(type_.key_type), " to ", _said(type_.value_type)))
        case inspect.EnumType():
            said = joined(("one of ", ", ".join(str(member.value) for member in type_.cls)))
        case inspect.LiteralType():
            said = joined(("one of ", ", ".join(str(value) for value in type_.values)))
        case inspect.Metadata():
            words = (type_.extra_json_schema or {}).get("description")
            said = joined((_said(type_.type), f": {words}" if words else ""))
        case _:
            said = joined((_scalar(type_),))
    return said


def _between(word: str, parts: Iterable[Markup]) -> list[Markup | str]:
    return [child for part in parts for child in (word, part)][1:]


def _scalar(type_: inspect.Type) -> str:
    match type_:
        case inspect.NoneType():
            return "null"
        case inspect.StrType():
            size = _range("characters", type_.min_length, type_.max_length)
            return f"text{size}" + (f", form {type_.pattern}" if type_.pattern else "")
        case inspect.BytesType():
            return "base64" + _range("bytes", type_.min_length, type_.max_length)
        case inspect.IntType():
            return "integer" + _range("", type_.ge, type_.le)
        case inspect.FloatType():
            return "number" + _range("", type_.ge, type_.le)
    return type(type_).__name__.removesuffix("Type").lower()


def _range(unit: str, least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    ends = f"{'' if least is None else least}..{'' if most is None else most}"
    return f", {ends} {unit}".rstrip()


def _prose(words: str) -> Markup:
    """Return a docstring's paragraph: what stands between double backquotes is code."""
    pieces = words.split("``")
    return joined(element("code", piece) if odd % 2 else piece for odd, piece in enumerate(pieces))


def _problems() -> Markup:
    rows = [
        (element("a", kind.value, href=about.type), str(about.status), f"{about.meaning} {about.what_to_do}")
        for kind, about in PROBLEM_TYPES.items()
    ]
    return table("Every answer that is not a success", ("Type", "Status", "Meaning"), rows)


def _anchor(title: str) -> str:
    return f"section-{title.lower().replace(' ', '-')}"


def _to_section(title: str) -> Markup:
    return element("a", title, href=f"#{_anchor(title)}")


def _to_type(type_: type) -> Markup:
    return element("a", type_.__name__, href=f"#{_type_anchor(type_)}")


def _type_anchor(type_: type) -> str:
    return f"type-{type_.__module__}.{type_.__qualname__}"
