"""The API description (OpenAPI 3.1), made from the route table that is served.

It cannot drift: paths, bodies, limits and signatures are read from the same rows that answer requests, schemas
from the types that decode them, and an example that is not of its type stops the server from starting.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from pteri.core.httpsig import Tag
from pteri.http.problems import MEDIA_TYPE, PROBLEM_TYPES, Kind, Problem
from pteri.http.routing import Auth, Document, parameter_names, plain_path
from pteri.http.wiretypes import example_of, structs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pteri.http.routing import AnyRoute

__all__ = [
    "SCHEMES",
    "SIGNATURE_HEADERS",
    "TOKEN",
    "Header",
    "Json",
    "JsonObject",
    "Scheme",
    "openapi",
    "operation_id",
    "problem_kinds",
    "scheme_names",
]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"
_Refs: TypeAlias = "Mapping[type, JsonObject]"


@dataclass(frozen=True, slots=True)
class Header:
    """A header of every signed request, with a well-formed example."""

    name: str
    description: str
    example: str

    @property
    def component(self) -> str:
        """The name among the components."""
        return self.name.replace("-", "")


@dataclass(frozen=True, slots=True)
class Token:
    """What may stand in place of a relying party's signature on the busiest routes."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Scheme:
    """Who signs, and the tag that says so."""

    name: str
    signer: str
    tag: str

    @property
    def description(self) -> str:
        """What a client developer must know to sign."""
        return (
            f"{self.signer}, signs every request: HTTP Message Signatures (RFC 9421) over method, target URI, body "
            f'digest and idempotency key, with tag="{self.tag}". The target URI begins with the server URL of this '
            "description."
        )


SIGNATURE_HEADERS: Final = (
    Header(
        "Content-Digest",
        "SHA-256 of the body, also of an empty one (RFC 9530).",
        "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    ),
    Header(
        "Idempotency-Key",
        "16 to 64 characters of A-Z a-z 0-9 _ -, new for each intent. The same request with the same key gets "
        "the same answer and has one effect. Best it begins with the time and ends in 90 random bits or more: keys of "
        "one moment are kept side by side, which costs the service less.",
        "01JQK7Z0V4T9B6R2M8X3C5W1DN",
    ),
    Header(
        "Signature-Input",
        "What is signed, in exactly this form (RFC 9421). The tag is that of the security scheme.",
        'pteri=("@method" "@target-uri" "content-digest" "idempotency-key");created=1795453200;'
        'keyid="hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY";alg="ecdsa-p256-sha256";'
        'nonce="mB0pLrU2q5c8Xw1eYvTzQA";tag="pteri-device-v1"',
    ),
    Header(
        "Signature",
        "pteri=: then the base64 of r and s (64 bytes, ECDSA P-256 with SHA-256), then a colon.",
        f"pteri=:{'A' * 86}==:",
    ),
)

_BESIDE_TOKEN: Final = tuple(header for header in SIGNATURE_HEADERS if header.name == "Idempotency-Key")

SCHEMES: Final = {
    Auth.DEVICE: Scheme("DeviceSignature", "The phone's device key, made in its secure hardware", Tag.DEVICE),
    Auth.CLIENT: Scheme("ClientSignature", "The relying party's key, registered with its tenant", Tag.CLIENT),
}
"""The signature of each kind of signed route; a CLIENT_TOKEN route takes that of a CLIENT."""

TOKEN: Final = Token(
    "ClientToken",
    "A short-lived token that a signed request has bought, sent as Authorization: Bearer and the token, together with "
    "Idempotency-Key and in place of the headers of a signature.",
)

_ALWAYS: Final = (
    Kind.MALFORMED,
    Kind.NOT_FOUND,
    Kind.TOO_LARGE,
    Kind.SLOW_DOWN,
    Kind.INTERNAL,
    Kind.UNAVAILABLE,
)


def openapi(routes: Sequence[AnyRoute], *, title: str, version: str, server_url: str) -> JsonObject:
    """Describe ``routes``, in the order of the table; equal tables give equal bytes.

    Raises ``msgspec.ValidationError`` for an ``__example__`` that is not of its own type, ``ValueError`` for two
    routes whose names would be equal.
    """
    if len({operation_id(route) for route in routes}) != len(routes):
        raise ValueError("two routes differ in punctuation only")
    schemas, refs = _schemas(routes)
    paths: dict[str, JsonObject] = {}
    for route in routes:
        paths.setdefault(plain_path(route.path), {})[route.method.lower()] = _operation(route, refs)
    tags = dict.fromkeys(tag for route in routes for tag in route.tags)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {"title": title, "version": version},
        "servers": [{"url": server_url}],
        "tags": [{"name": tag} for tag in tags],
        "paths": {**paths},
        "components": {
            "schemas": schemas,
            "parameters": {header.component: _signature_parameter(header) for header in SIGNATURE_HEADERS},
            "responses": {kind.value: _problem_response(kind, refs) for kind in Kind},
            "securitySchemes": {
                **{scheme.name: _scheme(scheme) for scheme in SCHEMES.values()},
                TOKEN.name: {"type": "http", "scheme": "bearer", "description": TOKEN.description},
            },
        },
    }


def operation_id(route: AnyRoute) -> str:
    """Return the name of a route in the description, unique in its table."""
    path = plain_path(route.path).replace("{", "by-").replace("}", "")
    return route.method.lower() + re.sub(r"[/._]+", "-", path).rstrip("-")


def scheme_names(route: AnyRoute) -> list[str]:
    """List the ways to prove who asks on ``route``; any one of them is enough."""
    match route.auth:
        case Auth.NONE:
            return []
        case Auth.CLIENT_TOKEN:
            return [SCHEMES[Auth.CLIENT].name, TOKEN.name]
        case _:
            return [SCHEMES[route.auth].name]


def problem_kinds(route: AnyRoute) -> list[Kind]:
    """List the problems that ``route`` may answer, by status."""
    kinds = {*_ALWAYS, *route.problems}
    if route.body is not None:
        kinds.add(Kind.UNSUPPORTED_MEDIA_TYPE)
    if route.auth is not Auth.NONE:
        kinds.add(Kind.DENIED)
    return sorted(kinds, key=lambda kind: PROBLEM_TYPES[kind].status)


def _operation(route: AnyRoute, refs: _Refs) -> JsonObject:
    operation: JsonObject = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": route.description or route.summary,
        "tags": list(route.tags),
        "security": [{name: []} for name in scheme_names(route)],
        "parameters": list(_parameters(route)),
        "responses": _responses(route, refs),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.max_body_bytes} bytes.",
            "content": {"application/json": {"schema": refs[route.body]}},
        }
    elif route.raw_body:
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.max_body_bytes} bytes.",
            "content": {route.raw_body: {"schema": {"type": "object"}}},
        }
    return operation


def _parameters(route: AnyRoute) -> Iterator[Json]:
    for name in parameter_names(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, description in route.query.items():
        yield {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
    if route.auth is Auth.CLIENT_TOKEN:
        # required or not depends on which scheme is used, and a parameter cannot say so
        for header in SIGNATURE_HEADERS:
            yield {**_signature_parameter(header), "required": header in _BESIDE_TOKEN}
    elif route.auth is not Auth.NONE:
        for header in SIGNATURE_HEADERS:
            yield {"$ref": f"#/components/parameters/{header.component}"}


def _responses(route: AnyRoute, refs: _Refs) -> JsonObject:
    responses = {str(status): _success(type_, refs) for status, type_ in sorted(route.replies.items())}
    for kind in problem_kinds(route):
        responses[str(PROBLEM_TYPES[kind].status)] = {"$ref": f"#/components/responses/{kind.value}"}
    return {**responses}


def _success(type_: type, refs: _Refs) -> JsonObject:
    if type_ in refs:
        return {
            "description": _first_line(type_),
            "content": {"application/json": {"schema": refs[type_]}},
        }
    if issubclass(type_, Document):
        return {"description": _first_line(type_), "content": {type_.media_type: {}}}
    return {"description": "Done. There is no body."}


def _problem_response(kind: Kind, refs: _Refs) -> JsonObject:
    about = PROBLEM_TYPES[kind]
    response: JsonObject = {
        "description": f"{about.title}. {about.meaning}",
        "content": {
            MEDIA_TYPE: {
                "schema": refs[Problem],
                "example": {
                    "type": about.type,
                    "title": about.title,
                    "status": about.status,
                    "detail": f"{about.meaning} {about.what_to_do}",
                    "code": kind.name,
                    "request_id": "req_2Y7K4M9QWZ3T",
                },
            }
        },
    }
    if kind in {Kind.SLOW_DOWN, Kind.UNAVAILABLE}:
        seconds: JsonObject = {"type": "integer", "minimum": 1}
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": seconds}}
    return response


def _signature_parameter(header: Header) -> JsonObject:
    return {
        "name": header.name,
        "in": "header",
        "required": True,
        "description": header.description,
        "schema": {"type": "string"},
        "example": header.example,
    }


def _scheme(scheme: Scheme) -> JsonObject:
    return {"type": "apiKey", "in": "header", "name": "Signature", "description": scheme.description}


def _schemas(routes: Sequence[AnyRoute]) -> tuple[JsonObject, _Refs]:
    """Make the schema of every struct on the wire, by name, and the reference to each by class."""
    types = structs([Problem, *(type_ for route in routes for type_ in (route.body, *route.replies.values()))])
    # all in one call: only so do two classes of one name get two names
    references, components = msgspec.json.schema_components(tuple(types), ref_template="#/components/schemas/{name}")
    schemas = dict(sorted(components.items()))
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    refs: dict[type, JsonObject] = dict(zip(types, references, strict=True))
    for type_, reference in refs.items():
        if example := example_of(type_):
            schemas[str(reference["$ref"]).rpartition("/")[2]]["examples"] = [example]
    return schemas, refs


def _first_line(type_: type) -> str:
    return inspect.cleandoc(type_.__doc__ or type_.__name__).partition("\n")[0]
