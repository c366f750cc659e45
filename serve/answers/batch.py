"""What answers want read next, and how several of them are served by one pass of the model."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from longwatch.serve.observability.context import merge_contexts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from longwatch.memory.context import Context
    from longwatch.models.base import VideoLM

log = logging.getLogger(__name__)


class ForwardRequest(NamedTuple):
    """Tokens that one answer wants read, after all that its context holds already."""

    ids: list[int]
    context: Context
    last: bool = True  # whether it matters what follows them
    about: Mapping[str, str] = MappingProxyType({})  # the answer's ids, for log lines


def run_batch(model: VideoLM, passes: Sequence[ForwardRequest]) -> list[Tensor | Exception]:
    """Read all of it in one pass; return the logits, (vocabulary,), that follow each one.

    Of a pass that is not the `last`, something else comes back. If the model fails, each is read
    again by itself, and those that fail alone get the error.
    """
    if not passes:
        return []
    lengths = [wanted.context.length for wanted in passes]
    try:
        return _together(model, passes)
    except Exception as error:
        about = merge_contexts([wanted.about for wanted in passes])
        log.exception("a pass of the model over %d answers failed", len(passes), extra=about)
        if len(passes) == 1:
            return [error]
    for wanted, length in zip(passes, lengths, strict=True):
        wanted.context.rewind(length)
    return [run_batch(model, [wanted])[0] for wanted in passes]


def _together(model: VideoLM, passes: Sequence[ForwardRequest]) -> list[Tensor | Exception]:
    hidden = model.read_texts([p.ids for p in passes], [p.context for p in passes])
    found: list[Tensor | Exception] = list(hidden)
    last = [i for i, wanted in enumerate(passes) if wanted.last]
    if last:
        for i, logits in zip(last, model.decoder.logits(hidden[last]), strict=True):
            found[i] = logits
    return found
