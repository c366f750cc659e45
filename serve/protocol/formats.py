"""What an answer is to look like: text, or JSON of a schema."""

from __future__ import annotations

from typing import Any, Literal

from longwatch.errors import InputError
from longwatch.models.constraint import check_schema

Json = Literal["auto", "fields", "whole"]  # how an answer of a schema is made

ANY_OBJECT = {"type": "object"}


def wanted_schema(kind: str, schema: dict[str, Any] | None, param: str) -> str | None:
    """Return the schema, as JSON, that a format asks for; None is text.

    Raises:
        InputError: there is no such format, or no answer can be made to fit the schema
            (`unsupported_schema`).
    """
    if kind == "text":
        return None
    if kind == "json_object":
        return check_schema(ANY_OBJECT, param)
    if kind != "json_schema":
        raise InputError(
            f"there is no format {kind[:64]!r}; use text, json_schema or json_object", param=param
        )
    if schema is None:
        raise InputError(
            "the format json_schema needs a schema; add it", code="missing_parameter", param=param
        )
    return check_schema(schema, param)


def by_field(asked: Json) -> bool | None:
    """Return whether each field of a schema is asked for by itself; None is as suits the model."""
    return None if asked == "auto" else asked == "fields"
