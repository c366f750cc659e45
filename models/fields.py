"""A JSON schema taken apart into fields, each of which is a question of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from longwatch.models.answer_words import COUNTS
from longwatch.models.field_questions import Kind, question_of
from longwatch.models.field_voices import (
    ARTICLES,
    Chosen,
    Gathered,
    Worded,
    doubtful,
    dumped,
    listed,
    unknown,
)
from longwatch.models.voice import Fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from longwatch.models.base import VideoLM
    from longwatch.models.voice import Voice

MOST = 64  # fields
COUNTED = range(101)  # the numbers that a field which counts may have
SAID = {**dict(enumerate(COUNTS)), 11: "eleven", 12: "twelve"}
OFTEN = {0: ("zero", "no", "never"), 1: ("once", "a", "an"), 2: ("twice",)}
NOTES = frozenset({"title", "description", "default", "examples"})
ROOT = frozenset({"$schema", "$id", "$defs", "definitions"})
OBJECT = NOTES | ROOT | {"type", "properties", "required", "additionalProperties"}
KNOWN = {
    "boolean": frozenset({"type"}),
    "integer": frozenset({"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "string": frozenset({"type", "minLength", "maxLength"}),
    "array": frozenset({"type", "items", "maxItems", "uniqueItems"}),
}
KINDS: dict[str, Kind] = {
    "boolean": "flag",
    "integer": "count",
    "string": "words",
    "array": "list",
}
Schema = dict[str, Any]


class _Whole(Exception):  # noqa: N818
    """The schema cannot be taken apart."""


@dataclass(frozen=True, slots=True)
class Field:
    """A value that the model is asked for."""

    lead: str  # the JSON between the value before and this one
    question: str
    kind: Kind
    schema: Schema
    nullable: bool = False  # that there is no telling is null

    def voice(self, model: VideoLM, stop: Sequence[str] = ()) -> Voice:
        """Return what writes the value.

        Raises:
            InputError: no answer can be made to fit the schema (`unsupported_schema`).
            ModelError: the tokenizer of the model cannot be used for this.
        """
        schema, lead, more = self.schema, self.lead, doubtful(self.nullable)
        if self.kind == "flag":
            return Chosen(model, [("yes", True), ("no", False), *more], lead)
        if self.kind == "count":
            return Chosen(model, [*_counts(_numbers(schema)), *more], lead)
        if self.kind == "choice":
            ways = [(f"{a}{option}", option) for option in schema["enum"] for a in ARTICLES]
            return Chosen(model, [*ways, *more], lead)
        if self.kind == "list":
            options, most = schema["items"].get("enum"), schema.get("maxItems")
            unique = bool(schema.get("uniqueItems"))
            read = partial(listed, model.tokenizer, options=options, most=most, unique=unique)
            return Gathered(model.tokenizer, self._or_null(read), lead)
        limits = schema.get("minLength", 0), schema.get("maxLength")
        if self.kind == "words" and self.nullable and limits == (0, None):
            return Gathered(model.tokenizer, self._or_null(str), lead)
        if self.kind == "words" and not self.nullable:
            return Worded(model, lead, stop, limits)
        wanted = {"anyOf": [schema, {"type": "null"}]} if self.nullable else schema
        return Fitted(model, json.dumps(wanted), (), lead)

    def _or_null(self, read: Any) -> Any:
        return lambda text: None if self.nullable and unknown(text) else read(text)


@dataclass(frozen=True, slots=True)
class Plan:
    """The fields of an answer in their order, and the JSON that ends it."""

    fields: tuple[Field, ...]
    tail: str


def plan_of(schema: str, asked: str) -> Plan | None:
    """Return the fields of a schema, given as JSON; None where it cannot be taken apart.

    An object whose properties are all listed can be, with what it refers to in itself. All of its
    properties are asked for, those that are not required as well. `asked` is the user's question:
    a single field without a description is that question.
    """
    root = json.loads(schema)
    pieces: list[str | Field] = []
    try:
        for piece in _pieces(root, root, (), asked):
            pieces.append(piece)
            if len(pieces) > 4 * MOST:
                return None
    except _Whole:
        return None
    fields, lead = [], ""
    for piece in pieces:
        if isinstance(piece, str):
            lead += piece
        else:
            fields.append(Field(lead, piece.question, piece.kind, piece.schema, piece.nullable))
            lead = ""
    if len(fields) == 1 and not fields[0].schema.get("description") and asked:
        only = fields[0]
        fields = [Field(only.lead, asked, only.kind, only.schema, only.nullable)]
    return Plan(tuple(fields), lead) if 0 < len(fields) <= MOST else None


def _pieces(
    root: Schema, given: Any, path: tuple[str, ...], asked: str, refs: tuple[str, ...] = ()
) -> Iterator[str | Field]:
    """Yield JSON and the fields in it."""
    node, nullable, refs = _resolved(root, given, refs)
    if "const" in node and not nullable:
        yield dumped(node["const"])
        return
    names = node.get("properties")
    if not nullable and node.get("type", "object") == "object" and names:
        if not (node.keys() <= OBJECT and set(node.get("required", ())) <= names.keys()):
            raise _Whole
        for i, (name, inner) in enumerate(names.items()):
            yield f"{',' if i else '{'}{dumped(name)}:"
            yield from _pieces(root, inner, (*path, name), asked, refs)
        yield "}"
        return
    if not path:
        raise _Whole
    if node.get("type") == "array" and "items" in node:
        items, uncertain, _ = _resolved(root, node["items"], refs)
        node = node if uncertain else {**node, "items": items}
    kind = _kind(node)
    if kind == "other":
        node = {key: root[key] for key in ("$defs", "definitions") if key in root} | node
    yield Field("", question_of(path, kind, node.get("description"), asked), kind, node, nullable)


def _resolved(
    root: Schema, given: Any, refs: tuple[str, ...]
) -> tuple[Schema, bool, tuple[str, ...]]:
    """Return what a schema stands for, whether it may be null, and what was referred to."""
    nullable = False
    for _ in range(2 * MOST):
        if not isinstance(given, dict):
            raise _Whole
        notes = {key: given[key] for key in NOTES if key in given}
        rest = given.keys() - NOTES
        if rest == {"$ref"}:
            if given["$ref"] in refs:
                raise _Whole
            refs = (*refs, given["$ref"])
            given = _target(root, given["$ref"]) | notes
        elif rest == {"anyOf"} and {"type": "null"} in given["anyOf"] and len(given["anyOf"]) == 2:
            nullable = True
            other = next(one for one in given["anyOf"] if one != {"type": "null"})
            given = {**other, **notes} if isinstance(other, dict) else other
        elif isinstance(given.get("type"), list):
            types = [kind for kind in given["type"] if kind != "null"]
            if len(types) != 1 or "enum" in given:
                return given, False, refs
            nullable = nullable or len(types) < len(given["type"])
            given = {**given, "type": types[0]}
        elif "allOf" in rest and rest == {"allOf"} and len(given["allOf"]) == 1:
            given = {**given["allOf"][0], **notes}
        else:
            return given, nullable, refs
    raise _Whole


def _target(root: Schema, ref: str) -> Schema:
    found: Any = root
    if not ref.startswith("#/"):
        raise _Whole
    for part in ref[2:].split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~"))
        if not isinstance(found, dict):
            raise _Whole
    return dict(found)


def _kind(node: Schema) -> Kind:
    keys = node.keys() - NOTES
    options = node.get("enum")
    if options and keys <= {"enum", "type"} and node.get("type", "string") == "string":
        return "choice" if all(isinstance(option, str) for option in options) else "other"
    kind = node.get("type")
    if not isinstance(kind, str) or kind not in KNOWN or not keys <= KNOWN[kind]:
        return "other"
    if kind == "integer" and not _numbers(node):
        return "other"
    if kind == "array":
        items: Any = node.get("items")
        of = _kind(items) if isinstance(items, dict) else "other"
        plain = of == "choice" or (of == "words" and items.keys() - NOTES == {"type"})
        return "list" if plain else "other"
    return KINDS[kind]


def _numbers(node: Schema) -> list[int]:
    least = max(node.get("minimum", 0), node.get("exclusiveMinimum", -1) + 1)
    most = min(node.get("maximum", COUNTED[-1]), node.get("exclusiveMaximum", 1 << 30) - 1)
    return [number for number in COUNTED if least <= number <= most]


def _counts(numbers: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield the ways to say each number."""
    for number in numbers:
        yield str(number), number
        for word in (SAID.get(number), *OFTEN.get(number, ())):
            if word is not None:
                yield word, number
        if number in SAID and number > 2:
            yield f"{SAID[number]} times", number
