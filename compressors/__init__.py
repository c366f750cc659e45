"""Fewer visual tokens, one method to a file.

`base` is the interface of those that come before the language model, `pruner` of those inside it;
two tables list the methods; `similarity`, `merging` and `density` hold what several of them share.
"""

from __future__ import annotations

from typing import Any

from longwatch.compressors.base import Budgeted, Compressor
from longwatch.compressors.cdpruner import CDPruner
from longwatch.compressors.ctr import Ctr
from longwatch.compressors.dart import Dart
from longwatch.compressors.divprune import DivPrune
from longwatch.compressors.dtd import Dtd
from longwatch.compressors.dycoke import DyCoke
from longwatch.compressors.fastv import FastV
from longwatch.compressors.fastvid import FastVid
from longwatch.compressors.fluxmem import FluxMem
from longwatch.compressors.framefusion import FrameFusion
from longwatch.compressors.holitom import HoliTom
from longwatch.compressors.keep_all import KeepAll
from longwatch.compressors.longwatch import Longwatch
from longwatch.compressors.pool import Pool
from longwatch.compressors.prumerge import PruMerge
from longwatch.compressors.pruner import Pruner
from longwatch.compressors.prunevid import PruneVid
from longwatch.compressors.pyramiddrop import PyramidDrop
from longwatch.compressors.sparsevlm import SparseVLM
from longwatch.compressors.stc import Stc
from longwatch.compressors.sttm import Sttm
from longwatch.compressors.tome import ToMe
from longwatch.compressors.uniform import Uniform
from longwatch.compressors.vidcom2 import VidCom2
from longwatch.compressors.visionzip import VisionZip

__all__ = [
    "COMPRESSORS",
    "PRUNERS",
    "Budgeted",
    "CDPruner",
    "Compressor",
    "Ctr",
    "Dart",
    "DivPrune",
    "Dtd",
    "DyCoke",
    "FastV",
    "FastVid",
    "FluxMem",
    "FrameFusion",
    "HoliTom",
    "KeepAll",
    "Longwatch",
    "Pool",
    "PruMerge",
    "PruneVid",
    "Pruner",
    "PyramidDrop",
    "SparseVLM",
    "Stc",
    "Sttm",
    "ToMe",
    "Uniform",
    "VidCom2",
    "VisionZip",
]

COMPRESSORS: dict[str, type[Compressor[Any]]] = {
    "cdpruner": CDPruner,
    "ctr": Ctr,
    "dart": Dart,
    "divprune": DivPrune,
    "dtd": Dtd,
    "dycoke": DyCoke,
    "fastvid": FastVid,
    "fluxmem": FluxMem,
    "framefusion": FrameFusion,
    "holitom": HoliTom,
    "keep_all": KeepAll,
    "longwatch": Longwatch,
    "pool": Pool,
    "prumerge": PruMerge,
    "prunevid": PruneVid,
    "stc": Stc,
    "sttm": Sttm,
    "tome": ToMe,
    "uniform": Uniform,
    "vidcom2": VidCom2,
    "visionzip": VisionZip,
}

PRUNERS: dict[str, type[Pruner]] = {
    "fastv": FastV,
    "pyramiddrop": PyramidDrop,
    "sparsevlm": SparseVLM,
}
