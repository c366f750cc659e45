"""Fewer visual tokens, one method to a file.

`base` is the interface, the table lists the methods; `similarity`, `merging` and `density` hold
what several of them share.
"""

from __future__ import annotations

from typing import Any

from longwatch.compressors.base import Budgeted, Compressor
from longwatch.compressors.keep_all import KeepAll
from longwatch.compressors.pool import Pool
from longwatch.compressors.uniform import Uniform

__all__ = ["COMPRESSORS", "Budgeted", "Compressor", "KeepAll", "Pool", "Uniform"]

COMPRESSORS: dict[str, type[Compressor[Any]]] = {
    "keep_all": KeepAll,
    "pool": Pool,
    "uniform": Uniform,
}
