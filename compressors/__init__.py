"""Fewer visual tokens, one method to a file.

`base` is the interface, the table lists the methods; `similarity`, `merging` and `density` hold
what several of them share.
"""

from __future__ import annotations

from typing import Any

from longwatch.compressors.base import Budgeted, Compressor
from longwatch.compressors.ctr import Ctr
from longwatch.compressors.dtd import Dtd
from longwatch.compressors.fluxmem import FluxMem
from longwatch.compressors.keep_all import KeepAll
from longwatch.compressors.pool import Pool
from longwatch.compressors.stc import Stc
from longwatch.compressors.tome import ToMe
from longwatch.compressors.uniform import Uniform

__all__ = [
    "COMPRESSORS",
    "Budgeted",
    "Compressor",
    "Ctr",
    "Dtd",
    "FluxMem",
    "KeepAll",
    "Pool",
    "Stc",
    "ToMe",
    "Uniform",
]

COMPRESSORS: dict[str, type[Compressor[Any]]] = {
    "ctr": Ctr,
    "dtd": Dtd,
    "fluxmem": FluxMem,
    "keep_all": KeepAll,
    "pool": Pool,
    "stc": Stc,
    "tome": ToMe,
    "uniform": Uniform,
}
