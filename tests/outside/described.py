"""What a description of an API says of a request, and what a request holds by it: read by libraries, none of them ours.

* werkzeug finds the operation of a method and a path, and reads cookies and multipart bodies;
* openapi-core splits parameters and forms by their style, on the text as it was sent: it is decoded only afterwards, since a
  separator that is part of a value is encoded;
* qs-codec reads names with brackets (`deepObject`), of which openapi-core reads one level and no lists;
* bravado-core reads the requests of Swagger 2.0.

Where OpenAPI leaves open how a value is written (a list in a list, an object in a form without `encoding`), it is JSON text.
"""

import base64
import io
import json
import re
import urllib.parse
from dataclasses import dataclass, field

import qs_codec
from bravado_core.exception import SwaggerMappingError
from bravado_core.formatter import SwaggerFormat
from bravado_core.operation import Operation as BravadoOperation
from bravado_core.param import unmarshal_param
from bravado_core.request import IncomingRequest
from bravado_core.spec import Spec
from jsonpointer import resolve_pointer
from openapi_core.deserializing.styles import style_deserializers
from werkzeug.datastructures import MultiDict
from werkzeug.formparser import parse_form_data
from werkzeug.http import parse_cookie
from werkzeug.routing import Map, Rule

METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
FORM = "application/x-www-form-urlencoded"


@dataclass
class Parameter:
    """One of the description, by its place and its name."""

    place: str
    name: str
    style: str
    explode: bool
    content: bool = False
    # Names of the members, where it is known to be an object.
    members: tuple[str, ...] = ()

    @property
    def way(self) -> str:
        if self.content:
            return f"{self.place} content"
        return f"{self.place} {self.style}{' exploded' if self.explode else ''}"


@dataclass
class Operation:
    method: str
    path: str
    raw: dict
    parameters: list[Parameter]
    # Of the content type that is sent: the properties' encodings, by OpenAPI.
    bodies: dict[str, dict] = field(default_factory=dict)


@dataclass
class Request:
    """As it arrived: nothing in it is decoded."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ",".join(found) if found else None


class Unread(Exception):
    """A request that does not say what the description wants it to say."""


class Description:
    """A document, for one server."""

    def __init__(self, document: dict, origin: str):
        self.document = document
        self.old = "swagger" in document
        # Whether `encoding` says how a part is written: since OpenAPI 3.1.
        self.styled_parts = not self.old and not document["openapi"].startswith("3.0")
        self.base = self._move(origin)
        self.operations = {(op.method, op.path): op for op in self._operations()}
        rules = [Rule(self._rule(op.path), methods=[op.method], endpoint=key) for key, op in self.operations.items()]
        for rule in rules:
            # werkzeug lets GET answer HEAD as well, which may be an operation of its own.
            rule.methods &= {rule.endpoint[0]}
        self.routes = Map(rules, strict_slashes=True, merge_slashes=False, redirect_defaults=False)
        self.spec = self._swagger() if self.old else None

    def _swagger(self) -> Spec:
        # Not `Spec.from_dict`: that goes through every schema which jsonschema knows, and openapi-core has told it of some
        # that would be fetched.
        spec = Spec(self.document, config={"validate_requests": False, "use_models": False})
        for name in ("date", "date-time", "byte"):
            # Dates stay texts, to be compared.
            spec.register_format(SwaggerFormat(name, str, lambda value: value, lambda _: None, ""))
        return spec

    def _move(self, origin: str) -> str:
        """Says that the API is at `origin`; returns what its paths begin with."""
        if self.old:
            base = self.document.get("basePath", "").rstrip("/")
            self.document |= {"host": origin.partition("//")[2], "schemes": ["http"]}
        else:
            url = (self.document.get("servers") or [{"url": ""}])[0]["url"]
            base = re.sub(r"\{[^}]*\}", "x", urllib.parse.urlsplit(url).path).rstrip("/")
            self.document["servers"] = [{"url": origin + base}]
        for item in self.document["paths"].values():
            for part in (item, *(item.get(method, {}) for method in METHODS)):
                part.pop("servers", None)
                part.pop("schemes", None)
        return base

    def resolved(self, value: dict) -> dict:
        for _ in range(20):
            if "$ref" not in value:
                return value
            value = resolve_pointer(self.document, urllib.parse.unquote(value["$ref"].removeprefix("#")))
        raise Unread("a reference leads nowhere")

    def _operations(self):
        for path, item in self.document["paths"].items():
            item = self.resolved(item)
            for method in METHODS:
                if method in item:
                    yield self._operation(method.upper(), path, item, item[method])

    def _operation(self, method: str, path: str, item: dict, raw: dict) -> Operation:
        merged = {}
        for parameter in [*item.get("parameters", []), *raw.get("parameters", [])]:
            parameter = self.resolved(parameter)
            merged[parameter["in"], parameter["name"]] = parameter
        read = [self._parameter(parameter) for parameter in merged.values()]
        content = self.resolved(raw.get("requestBody", {})).get("content", {})
        bodies = {essence(kind): media.get("encoding", {}) for kind, media in content.items()}
        return Operation(method, path, raw, read, bodies)

    def _parameter(self, raw: dict) -> Parameter:
        place, name = raw["in"], raw["name"]
        if self.old:
            form = raw.get("collectionFormat", "csv")
            style = "body" if place in ("body", "formData") else ("simple" if place in ("path", "header") else "form")
            return Parameter(place, name, f"{style} {form}" if raw.get("type") == "array" else style, form == "multi")
        style = raw.get("style") or ("simple" if place in ("path", "header") else "form")
        schema = self.resolved(raw.get("schema", {}))
        parts = [self.resolved(part) for part in schema.get("allOf", [])]
        members = tuple(key for part in [schema, *parts] for key in part.get("properties", {}))
        return Parameter(place, name, style, raw.get("explode", style == "form"), "content" in raw, members)

    def _rule(self, path: str) -> str:
        """A path as werkzeug writes it: names are numbered, as they may hold anything."""
        numbers = iter(range(100))
        path = path.partition("#")[0].partition("?")[0]
        return self.base + re.sub(r"\{[^}]*\}", lambda _: f"<string:p{next(numbers)}>", path)

    def find(self, request: Request) -> tuple[Operation, list[str]]:
        """The operation that a request is for, and the parts of its path as they were sent."""
        path = request.target.partition("?")[0]
        key, parts = self.routes.bind("").match(path, request.method)
        return self.operations[key], [parts[f"p{number}"] for number in range(len(parts))]

    def swagger(self, operation: Operation) -> BravadoOperation:
        return BravadoOperation.from_spec(self.spec, operation.path, operation.method.lower(), operation.raw)


def essence(kind: str) -> str:
    return kind.partition(";")[0].strip().lower()


def raw_pairs(text: str) -> list[tuple[str, str]]:
    """Names decoded, values as they were sent."""
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    return [(urllib.parse.unquote_plus(name), value) for name, _, value in pairs]


def decoded(value: object, plus: bool) -> object:
    """Every text of a value that a style was taken off."""
    unquote = urllib.parse.unquote_plus if plus else urllib.parse.unquote
    if isinstance(value, list):
        return [decoded(part, plus) for part in value]
    if isinstance(value, dict):
        return {unquote(key): decoded(part, plus) for key, part in value.items()}
    return unquote(value, errors="strict")


def kind_of(value: object) -> str:
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"


def styled(style: str, explode: bool, name: str, kind: str, location, plus: bool = False) -> object:
    """openapi-core's reading of one parameter; None where it is not there."""
    try:
        return decoded(style_deserializers[style](explode, name, kind, location), plus)
    except KeyError:
        return None


def paired(pairs: list[tuple[str, str]], style: str, explode: bool, name: str, kind: str, others: set[str]) -> object:
    """What pairs (of a query, a form, cookies) say of one parameter."""
    if style == "deepObject":
        own = "&".join(f"{urllib.parse.quote_plus(key)}={value}" for key, value in pairs if key.partition("[")[0] == name)
        options = qs_codec.DecodeOptions(depth=30, parameter_limit=10_000, list_limit=1_000)
        found = qs_codec.decode(own, options).get(name)
        # An object and a text have no brackets in common.
        return as_list(found) if kind == "array" else found
    if style == "form" and explode and kind == "object":
        # Its members are pairs of their own: whatever belongs to nobody else.
        own = "&".join(f"{urllib.parse.quote(key)}={value}" for key, value in pairs if key not in others)
        return styled(style, explode, name, kind, {name: own} if own else {}, True)
    if style == "pipeDelimited":
        pairs = [(key, value.replace("%7C", "|")) for key, value in pairs]
    if not any(key == name for key, _ in pairs):
        return None
    return styled(style, explode, name, kind, MultiDict(pairs), True)


def as_list(value: object) -> object:
    """qs-codec makes a dict of a list with many elements."""
    return list(value.values()) if isinstance(value, dict) else value


def read_parameter(parameter: Parameter, kind: str, request: Request, parts: dict[str, str], others: set[str]) -> object:
    """The value of a parameter, decoded; None where the request has none."""
    name, style, explode = parameter.name, parameter.style, parameter.explode
    match parameter.place:
        case "query":
            pairs = raw_pairs(request.target.partition("?")[2])
        case "cookie":
            # A cookie is `name=value`; the values are as they were sent.
            pairs = list(parse_cookie(request.header("cookie") or "").items(multi=True))
        case "header":
            value = request.header(name)
            if value is None:
                return None
            return read_content(value) if parameter.content else styled_header(style, explode, name, kind, value)
        case _:
            sent = parts[name]
            if parameter.content:
                return read_content(urllib.parse.unquote(sent))
            prefix = {"label": ".", "matrix": ";"}.get(style, "")
            return styled(style, explode, name, kind, {f"{prefix}{name}{'*' if prefix and explode else ''}": sent})
    if parameter.content:
        found = dict(pairs).get(name)
        return None if found is None else read_content(urllib.parse.unquote_plus(found))
    return paired(pairs, style, explode, name, kind, others)


def styled_header(style: str, explode: bool, name: str, kind: str, value: str) -> object:
    """Headers are not encoded."""
    return style_deserializers[style](explode, name, kind, {name: value})


def read_form(pairs: list[tuple[str, str]], encodings: dict, expected: dict) -> dict:
    """A form's properties, each by its `encoding`."""
    found = {}
    for name, value in expected.items():
        encoding = encodings.get(name, {})
        style, kind = encoding.get("style", "form"), kind_of(value)
        explode = encoding.get("explode", style in ("form", "deepObject"))
        # An object whose members would be fields of their own is JSON in a field, and the import says so: OpenAPI 3.0 leaves
        # it open where no `encoding` asks for it.
        if kind == "object" and style == "form" and explode:
            kind = "string"
        read = paired(pairs, style, explode, name, kind, {key for key in expected if key != name})
        if read is not None and kind != kind_of(value):
            whole = json.loads(read)
            read = value if equal(value, whole) else whole
        found[name] = read
    return found


def form_pairs(request: Request) -> list[tuple[str, str]]:
    return raw_pairs(request.body.decode("ascii"))


def part_pairs(parts: MultiDict) -> list[tuple[str, str]]:
    """Parts that are texts, as the pairs of a form would be: separators stand, all else is encoded."""
    return [(name, urllib.parse.quote(text, safe=",")) for name, text in parts.items(multi=True) if isinstance(text, str)]


def strangers(names, expected: set[str]) -> set[str]:
    """Names of a query or a form that are neither expected nor parts of what is."""
    return {name for name in names if name not in expected and name.partition("[")[0] not in expected}


def read_content(text: str) -> object:
    """A parameter with `content` is JSON, but for a text alone: the documents that have one mean the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def read_multipart(request: Request) -> MultiDict:
    """Parts by name: bytes of files, texts of fields."""
    kind = request.header("content-type") or ""
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": io.BytesIO(request.body),
    }
    _, fields, files = parse_form_data(environ, silent=False)
    parts = MultiDict(fields)
    for name, file in files.items(multi=True):
        parts.add(name, file.read())
    return parts


class Incoming(IncomingRequest):
    """A request for bravado-core."""

    def __init__(self, request: Request, parts: dict[str, str]):
        self.path = {name: urllib.parse.unquote(part) for name, part in parts.items()}
        self.query = self._lists(raw_pairs(request.target.partition("?")[2]))
        self.headers = dict(request.headers)
        self.form, self.files, self.body = {}, {}, request.body
        kind = essence(request.header("content-type") or "")
        if kind == FORM:
            self.form = self._lists(raw_pairs(request.body.decode("ascii")))
        elif kind == "multipart/form-data":
            for name, part in read_multipart(request).items(multi=True):
                (self.files if isinstance(part, bytes) else self.form)[name] = part

    @staticmethod
    def _lists(pairs: list[tuple[str, str]]) -> dict:
        """bravado-core wants a list where a name stands more than once, or may."""
        found = MultiDict((name, urllib.parse.unquote_plus(value)) for name, value in pairs)
        return {name: values if len(values) > 1 else values[0] for name, values in found.lists()}

    def json(self, **_) -> object:
        return json.loads(self.body) if self.body else None


class Swagger:
    """A request of Swagger 2.0, as bravado-core reads it."""

    def __init__(self, description: Description, operation: Operation, request: Request, parts: dict[str, str]):
        self.params, self.request = description.swagger(operation).params, Incoming(request, parts)

    def __getitem__(self, name: str) -> object:
        try:
            return unmarshal_param(self.params[name], self.request)
        except SwaggerMappingError:
            # It is needed and not there: whoever asks says whether that is as it should be.
            return None


def same(sent: object, arrived: object, as_json: bool = False) -> bool:
    """Whether what arrived is what was sent. Texts in URLs, headers and forms have no types. `as_json`: a list or an object may
    be JSON text, as it is within another one."""
    if equal(sent, arrived):
        return True
    if isinstance(arrived, bytes):
        return isinstance(sent, str) and base64.b64decode(sent) == arrived
    if isinstance(sent, list) and isinstance(arrived, list):
        # Null has no text: an element that is null is none.
        there = [part for part in sent if part is not None]
        return len(there) == len(arrived) and all(same(one, other, True) for one, other in zip(there, arrived, strict=True))
    if isinstance(sent, dict) and isinstance(arrived, dict):
        there = {key: part for key, part in sent.items() if key in arrived or not nothing(part)}
        return there.keys() == arrived.keys() and all(same(part, arrived[key], True) for key, part in there.items())
    if isinstance(arrived, str) and not isinstance(sent, str):
        if isinstance(sent, list | dict) and not as_json:
            return False
        try:
            return equal(sent, json.loads(arrived))
        except ValueError:
            return False
    return False


def nothing(value: object) -> bool:
    """What no style has a text for: null, and what is empty or holds nothing else."""
    if isinstance(value, dict):
        value = list(value.values())
    return value is None or (isinstance(value, list) and all(map(nothing, value)))


def equal(one: object, other: object) -> bool:
    """Equality of JSON: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return one == other
