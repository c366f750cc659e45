"""What all messages of clients are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Id = Annotated[str, Field(max_length=512)]
Name = Annotated[str, Field(max_length=64)]
Tokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class Loose(BaseModel):
    """An object of OpenAI's."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Strict(BaseModel):
    """An object of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
