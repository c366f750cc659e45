"""Fewer visual tokens, one method to a file."""

from __future__ import annotations

from typing import Any

from longwatch.compressors.base import Compressor
from longwatch.compressors.keep_all import KeepAll

__all__ = ["COMPRESSORS", "Compressor", "KeepAll"]

COMPRESSORS: dict[str, type[Compressor[Any]]] = {"keep_all": KeepAll}
