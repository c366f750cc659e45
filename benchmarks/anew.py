"""The first token of an answer, and further ones: from a memory, or from all frames read again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from longwatch.memory.context import Context
from longwatch.models.base import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from longwatch.memory.memory import Snapshot
    from longwatch.models.base import VideoLM
    from longwatch.types import Frame, VisualTokens

BATCH = 8  # frames that the tower sees together
CHUNK = 640  # tokens of a pass


class Begun(NamedTuple):
    """An answer under way."""

    context: Context
    token: int  # the last one said
    place: int  # of the next one, after the context's origin


def remember(model: VideoLM, snapshot: Snapshot, text: str, most: int) -> Begun:
    """Begin an answer of so many tokens from what a memory holds."""
    ids = model.prompt_ids([Turn("user", text)])
    context = snapshot.context(model.decoder.rope, room=len(ids) + most)
    hidden = model.read_text(ids, context)
    return Begun(context, int(model.decoder.logits(hidden).argmax()), len(ids))


def encode(model: VideoLM, frames: Sequence[Frame]) -> list[VisualTokens]:
    """Return the tokens of frames."""
    found: list[VisualTokens] = []
    for start in range(0, len(frames), BATCH):
        found += model.encode(frames[start : start + BATCH])
    return found


def read_again(
    model: VideoLM, tokens: Sequence[VisualTokens], times: Sequence[float], text: str, most: int
) -> Begun:
    """Begin an answer of so many tokens by reading frames and the question as one prompt."""
    sources = [model.text_input(ids)] if (ids := model.prefix_ids()) else []
    sources += [model.frame_input(seen, time) for seen, time in zip(tokens, times, strict=True)]
    sources.append(model.text_input(model.prompt_ids([Turn("user", text)])))
    positions, place = [], 0
    for source in sources:
        positions.append(source.positions + place)
        place += int(source.positions.max()) + 1
    embeds, at = torch.cat([source.embeds for source in sources]), torch.cat(positions, 1)
    context = Context((), model.decoder.rope, room=len(embeds) + most)
    hidden = embeds
    for first in range(0, len(embeds), CHUNK):
        some = slice(first, first + CHUNK)
        hidden = model.decoder.forward(embeds[some], at[:, some], context)
    return Begun(context, int(model.decoder.logits(hidden[-1]).argmax()), place)


def further(model: VideoLM, begun: Begun) -> Begun:
    """Say one more token, whatever it is."""
    hidden = model.read_text([begun.token], begun.context, begun.place)
    return Begun(begun.context, int(model.decoder.logits(hidden).argmax()), begun.place + 1)
