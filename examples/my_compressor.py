"""A compressor of one's own, and a stream that is read with it.

python examples/my_compressor.py [SECONDS]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING

from longwatch.compressors import COMPRESSORS, Budgeted
from longwatch.compressors.similarity import aligned, bare, cosine, spread, top
from longwatch.models.loader import load_model
from longwatch.serve.engine.engine import Engine
from longwatch.serve.streams.settings import StreamSettings
from longwatch.stream.sources.synthetic import SyntheticSource
from longwatch.types import Frame

if TYPE_CHECKING:
    from longwatch.types import VisualTokens


@dataclass(frozen=True)
class Changed(Budgeted["VisualTokens | None"]):
    """Keep the tokens that changed most since the frame before."""

    keep: float = 0.25  # share of a frame's tokens

    def new_state(self) -> None:
        """Return nothing: no frame came before."""

    def _compress(
        self, tokens: VisualTokens, state: VisualTokens | None
    ) -> tuple[VisualTokens, VisualTokens | None]:
        count = self.budget(len(tokens))
        if state is None or not aligned(state, tokens):
            kept = spread(len(tokens), count, tokens.embeds.device)
        else:
            kept = top(1 - cosine(tokens.embeds, state.embeds), count)
        return tokens.select(kept), bare(tokens)


COMPRESSORS["changed"] = Changed  # in the package, this line stands in compressors/__init__.py


def main(seconds: float) -> None:
    """Read a made-up scene, and say what share of each frame's tokens was read."""
    settings = StreamSettings(fps=None, compressor="changed", keep=0.5, token_rate=40)
    engine = Engine(load_model("bundled:6x6"))
    engine.start()
    stream = engine.open_stream("scene", settings)
    scene = SyntheticSource(7, fps=2, duration=seconds)
    for number, (time, image) in enumerate(scene.pictures()):
        stream.offer(Frame(image, time, number))
        while stream.stats().frames_read <= number:
            sleep(0.01)
        print(f"{time:4.1f} s: read {stream.stats().sparing.share:.0%} of the tokens")
    total = stream.stats()
    engine.close()
    print(f"{total.memory.tokens_seen} tokens of {total.frames_read} frames were read")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0)
