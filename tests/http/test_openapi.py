"""The description says what is served, is a valid OpenAPI 3.1 document, and can be read by people."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from html.parser import HTMLParser
from itertools import pairwise
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal

import jsonschema_rs
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import positive_data_acceptance

from hinges import Connect
from pteri.core import httpsig
from pteri.core.errors import Code, NotAuthentic
from pteri.http.admission import Limits
from pteri.http.asgi import build_asgi
from pteri.http.docpage import STYLE, page
from pteri.http.docs import documented
from pteri.http.markup import Markup, element, joined
from pteri.http.openapi import SIGNATURE_HEADERS, openapi
from pteri.http.problems import PROBLEM_TYPES, Kind
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Document, Reply, Route

ORIGIN = "https://pteri.example"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=20, description="as on the shelf")]
    count: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    __example__: ClassVar[dict[str, object]] = {"name": "nail", "count": 3}


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants.

    The ``items`` come in the order of packing; <b>no</b> markup & no surprises.
    """

    items: list[Item]
    size: Size = Size.SMALL
    kind: Literal["gift", "own"] = "own"
    note: Annotated[str, msgspec.Meta(pattern="^[a-z ]*$")] = ""
    weights: tuple[float, ...] = ()
    corner: tuple[int, str] | None = None
    labels: dict[str, bool] = {}
    parts: list[Order] = []
    __example__: ClassVar[dict[str, object]] = {"items": [{"name": "nail"}], "size": "large"}


class Placed(msgspec.Struct, frozen=True):
    id: str
    seal: Annotated[bytes, msgspec.Meta(max_length=8)] = b""
    order: Order | None = None


class Plain(msgspec.Struct, frozen=True):
    a_number: float


@dataclass(frozen=True, slots=True)
class Tile(Document):
    """Bytes of a tile."""


async def read(call: Call[None]) -> Reply:
    return Reply(200, Placed(call.path["id"]))


async def place(call: Call[Order]) -> Reply:
    return Reply(201, Placed("7", order=call.body))


async def drop(_: Call[None]) -> Reply:
    raise NotAuthentic(Code.DEVICE_SIGNATURE, "nobody has a key here")


async def replace_it(_: Call[Order]) -> Reply:
    raise NotAuthentic(Code.DEVICE_SIGNATURE, "nobody has a key here")


async def tile(_: Call[None]) -> Reply:
    return Reply(200, Tile(b"\x00"))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="POST",
        path="/v1/orders",
        endpoint=place,
        body=Order,
        replies={201: Placed},
        auth=Auth.NONE,
        summary="Place an order",
        description="Sends an ``Order``; the answer has its id.",
        tags=("orders",),
        problems=(Kind.CONFLICT,),
    ),
    Route(
        method="GET",
        path="/v1/orders/{id}",
        endpoint=read,
        replies={200: Placed},
        auth=Auth.NONE,
        summary="Read an order",
        query={"view": "full or short"},
        tags=("orders",),
    ),
    Route(
        method="DELETE",
        path="/v1/orders/{id}",
        endpoint=drop,
        replies={204: NoneType},
        auth=Auth.DEVICE,
        summary="Drop an order",
        tags=("orders", "phones"),
    ),
    Route(
        method="PUT",
        path="/v1/plain",
        endpoint=replace_it,
        body=Order,
        replies={200: Plain, 201: Placed},
        auth=Auth.CLIENT,
        summary="Replace it",
        tags=("relying parties",),
    ),
    Route(
        method="PUT",
        path="/v1/busy",
        endpoint=replace_it,
        body=Order,
        replies={200: Plain},
        auth=Auth.CLIENT_TOKEN,
        summary="Replace it often",
        tags=("relying parties",),
    ),
    Route(
        method="GET",
        path="/tile/{rest:path}",
        endpoint=tile,
        replies={200: Tile},
        auth=Auth.NONE,
        summary="Read a tile",
    ),
)


def describe(*routes: AnyRoute) -> Any:
    return openapi(routes or ROUTES, title="Toy", version="1.2.3", server_url=ORIGIN)


def app(*routes: AnyRoute) -> Any:
    return build_asgi(
        documented(routes or ROUTES, title="Toy", version="1.2.3", server_url=ORIGIN),
        public_origin=ORIGIN,
        limits=Limits(rate=Rate("all", 10**6, 1)),
        request_id=lambda: "req_1",
        clock=lambda: 0.0,
    )


# The document


def test_it_is_a_valid_openapi_3_1_document(connect: Connect) -> None:
    document = connect(app()).get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    schema = schemathesis.openapi.from_dict(document)
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(ROUTES) + 1


def test_every_schema_is_json_schema_2020_12_and_its_examples_fit_it() -> None:
    document = describe()
    schemas = document["components"]["schemas"]
    assert [*schemas] == sorted(schemas)
    for name, schema in schemas.items():
        jsonschema_rs.meta.validate(schema)
        whole = {**document, "$ref": f"#/components/schemas/{name}"}
        for example in schema.get("examples", []):
            jsonschema_rs.Draft202012Validator(whole).validate(example)
    assert schemas["Order"]["additionalProperties"] is False
    assert schemas["Order"]["examples"][0]["items"] == [{"name": "nail", "count": 1}]
    assert schemas["Item"]["examples"] == [{"name": "nail", "count": 3}]
    assert schemas["Order"]["description"].splitlines()[2].startswith("The ``items``")


def test_every_reference_leads_somewhere() -> None:
    document = describe()
    references = re.findall(r'"\$ref":"#/components/(\w+)/([\w-]+)"', msgspec.json.encode(document).decode())
    assert references
    for group, name in references:
        assert name in document["components"][group]


def test_the_same_table_gives_the_same_bytes() -> None:
    assert msgspec.json.encode(describe()) == msgspec.json.encode(describe())
    assert [*describe()["paths"]] == ["/v1/orders", "/v1/orders/{id}", "/v1/plain", "/v1/busy", "/tile/{rest}"]
    assert [tag["name"] for tag in describe()["tags"]] == ["orders", "phones", "relying parties"]


def test_an_unsigned_route_has_neither_scheme_nor_signature_headers() -> None:
    operation = describe()["paths"]["/v1/orders"]["post"]
    assert (operation["security"], operation["parameters"]) == ([], [])
    assert operation["operationId"] == "post-v1-orders"


@pytest.mark.parametrize(
    ("path", "method", "scheme"),
    [("/v1/orders/{id}", "delete", "DeviceSignature"), ("/v1/plain", "put", "ClientSignature")],
)
def test_a_signed_route_asks_for_its_scheme_and_the_four_headers(path: str, method: str, scheme: str) -> None:
    document = describe()
    operation = document["paths"][path][method]
    assert operation["security"] == [{scheme: []}]
    named = [p["$ref"].rpartition("/")[2] for p in operation["parameters"] if "$ref" in p]
    headers = [document["components"]["parameters"][name] for name in named]
    assert [header["name"] for header in headers] == [
        "Content-Digest",
        "Idempotency-Key",
        "Signature-Input",
        "Signature",
    ]
    assert all(header["required"] for header in headers)
    assert "401" in operation["responses"]


def test_a_busy_route_takes_either_scheme_and_always_an_idempotency_key() -> None:
    document = describe()
    operation = document["paths"]["/v1/busy"]["put"]
    assert operation["security"] == [{"ClientSignature": []}, {"ClientToken": []}]
    headers = {p["name"]: p["required"] for p in operation["parameters"] if p["in"] == "header"}
    assert headers == {"Content-Digest": False, "Idempotency-Key": True, "Signature-Input": False, "Signature": False}
    assert "401" in operation["responses"]
    scheme = document["components"]["securitySchemes"]["ClientToken"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_the_example_headers_are_in_the_form_that_is_checked() -> None:
    examples = {header.name.lower().replace("-", "_"): header.example for header in SIGNATURE_HEADERS}
    request = httpsig.SignedRequest(method="POST", target_uri=f"{ORIGIN}/v1/orders", body=b"", **examples)
    assert httpsig.parse(request, expected_tag=httpsig.Tag.DEVICE).created_at == 1_795_453_200
    with pytest.raises(NotAuthentic):
        httpsig.parse(msgspec.structs.replace(request, body=b"another"), expected_tag=httpsig.Tag.DEVICE)


def test_every_route_says_which_problems_it_may_answer() -> None:
    paths = describe()["paths"]
    assert [*paths["/v1/orders"]["post"]["responses"]] == [
        "201", "400", "404", "409", "413", "415", "429", "500", "503",
    ]  # fmt: skip
    assert [*paths["/v1/orders/{id}"]["delete"]["responses"]] == [
        "204", "400", "401", "404", "413", "429", "500", "503",
    ]  # fmt: skip
    responses = describe()["components"]["responses"]
    assert set(responses) == {kind.value for kind in Kind}
    for kind, response in responses.items():
        (content,) = response["content"].values()
        assert content["example"]["status"] == PROBLEM_TYPES[Kind(kind)].status


def test_parameters_bodies_and_documents_are_described() -> None:
    paths = describe()["paths"]
    assert [(p["name"], p["in"]) for p in paths["/v1/orders/{id}"]["get"]["parameters"]] == [
        ("id", "path"),
        ("view", "query"),
    ]
    assert paths["/v1/orders"]["post"]["requestBody"]["description"] == "At most 16384 bytes."
    answer = paths["/tile/{rest}"]["get"]["responses"]["200"]
    assert answer == {"description": "Bytes of a tile.", "content": {"application/octet-stream": {}}}
    assert "content" not in paths["/v1/orders/{id}"]["delete"]["responses"]["204"]


class Lying(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    __example__: ClassVar[dict[str, object]] = {"name": 7}


def test_an_example_that_is_not_of_its_type_stops_the_start() -> None:
    with pytest.raises(msgspec.ValidationError):
        describe(replace(ROUTES[0], body=Lying))


def test_two_routes_of_one_name_stop_the_start() -> None:
    with pytest.raises(ValueError, match="punctuation"):
        describe(ROUTES[0], replace(ROUTES[0], path="/v1-orders"))


def test_two_types_of_one_name_are_told_apart() -> None:
    twin = msgspec.defstruct("Order", [("other", int)], module="elsewhere", forbid_unknown_fields=True)
    document = describe(ROUTES[0], replace(ROUTES[0], path="/v1/other", body=twin))
    bodies = {
        path: item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for path, item in document["paths"].items()
    }
    assert len(set(bodies.values())) == 2
    schema = document["components"]["schemas"][bodies["/v1/other"].rpartition("/")[2]]
    assert [*schema["properties"]] == ["other"]


# The server keeps what the document promises

_SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", app())


@_SCHEMA.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_generated_requests_get_described_answers(case: schemathesis.Case[Any]) -> None:
    # JSON Schema calls 2.0 an integer; here a value has one spelling, and a schema cannot say so
    case.call_and_validate(excluded_checks=[positive_data_acceptance])


# The page


class Reader(HTMLParser):
    """Collects what a reader of the page needs to be there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(
        page(
            documented(ROUTES, title="Toy", version="1", server_url=ORIGIN), title="Toy", version="1", server_url=ORIGIN
        )
    )


def test_the_page_loads_nothing_but_itself(connect: Connect) -> None:
    response = connect(app()).get("/docs")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    reader = Reader(response.text)
    assert {tag for tag, _ in reader.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    assert not any(name.startswith("on") or name in {"style", "src"} for _, a in reader.tags for name in a)
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_the_style_of_the_page_is_the_one_that_the_policy_allows(connect: Connect) -> None:
    response = connect(app()).get("/docs")
    found = re.search(r"<style>(.*?)</style>", response.text, re.DOTALL)
    assert found
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]


def test_the_page_has_language_title_landmarks_and_headings_in_order(reader: Reader) -> None:
    assert reader.all("html") == [{"lang": "en"}]
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(reader.all(landmark)) == 1, landmark
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert reader.tags[[tag for tag, _ in reader.tags].index("body") + 1][1]["href"] == "#main"


def test_ids_are_unique_and_links_lead_somewhere(connect: Connect, reader: Reader) -> None:
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    targets = {attributes["href"] for attributes in reader.all("a")}
    inside = {target[1:] for target in targets if target and target.startswith("#")}
    assert inside <= set(ids)
    pages = connect(app())
    for target in targets - {f"#{name}" for name in inside}:
        assert pages.get(str(target)).status_code == 200


def test_tables_have_captions_and_headed_rows_and_columns(reader: Reader) -> None:
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert {attributes.get("scope") for attributes in reader.all("th")} == {"col", "row"}


def test_every_route_type_and_problem_is_on_the_page(reader: Reader) -> None:
    words = "".join(reader.words)
    for route in ROUTES:
        assert f"{route.method} {route.path.replace(':path', '')}" in words
        assert route.summary in words
    for said in (
        "list of Item",
        "one of small, large",
        "one of gift, own",
        "text, form ^[a-z ]*$",
        "text, 1..20 characters: as on the shelf",
        "base64, ..8 bytes",
        "integer, 1..9",
        "list of number",
        "list of exactly: integer, text or null",
        "map of text to bool",
        "<b>no</b> markup & no surprises",
        "application/octet-stream",
        "no body",
        "at most 16384 bytes",
        "full or short",
        "Proof: ClientSignature or ClientToken.",
        "Proof: DeviceSignature.",
        "Proof: none.",
        *(kind.value for kind in Kind),
    ):
        assert said in words, said


def test_the_example_commands_can_be_pasted_into_a_shell(reader: Reader) -> None:
    words = "".join(reader.words)
    assert f"curl -X POST {ORIGIN}/v1/orders \\\n  -H 'Content-Type: application/json' \\\n  -d '{{\"items\"" in words
    assert f"curl -X DELETE '{ORIGIN}/v1/orders/{{id}}' \\\n  -H \"Content-Digest: $CONTENT_DIGEST\" \\\n" in words


def luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_colours_have_the_contrast_of_wcag_aa_in_light_and_dark() -> None:
    themes = re.findall(r":root \{([^}]*)\}", STYLE)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", theme))
        for ink in ("ink", "quiet", "link"):
            for paper in ("paper", "shade"):
                lighter, darker = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
                assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, paper)


# The explanations of problems


@pytest.mark.parametrize("kind", Kind)
def test_the_type_of_a_problem_leads_to_its_explanation(connect: Connect, kind: Kind) -> None:
    response = connect(app()).get(PROBLEM_TYPES[kind].type)
    assert response.status_code == 200
    assert response.json() == msgspec.to_builtins(PROBLEM_TYPES[kind])


def test_a_problem_that_does_not_exist_is_not_found(connect: Connect) -> None:
    assert connect(app()).get("/problems/none").status_code == 404


# Text becomes no markup


@given(st.text(), st.text())
@settings(max_examples=50)
def test_text_never_becomes_a_tag_or_leaves_its_attribute(words: str, value: str) -> None:
    made = element("p", words, title=value)
    assert made.count("<") == 2
    assert made.count('"') - 2 == 0
    assert joined([words, Markup("<br>")]).endswith("<br>")
