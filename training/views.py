"""What the head says of single pictograms, for the language model's last stage.

    python -m training.views --out training/.cache/real_views.npz

The file holds n frames of one upright thing each, of the trained styles:
    concept (n,) int16      the head's column of the thing, from 0 for the first concept
    style (n,) int8         index into `training.sprites.TRAINED`
    box (n, 4) float16      left, top, right, bottom of the thing, as fractions of the frame
    ids (n, 10, 8) uint16   the likeliest columns of each token: the whole frame, 3 x 3 cells
    p (n, 10, 8) float16    their probabilities, largest first; a name of two columns counts once
    nothing (n, 10) float16 the probability of "nothing I know"
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from longwatch.models.concept_head import load_head
from training.features import load, style_of, tower
from training.naming import COARSE, HEAD, on_disk, say
from training.sprites import CACHE, TRAINED

LIKELIEST = 8


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CACHE / "real_views.npz")
    parser.add_argument("--head", type=Path, default=HEAD)
    args = parser.parse_args()
    head = load_head(args.head, tower().classifier)
    shards = on_disk("views")
    cells = load("views", shards)
    spoken = say(head, torch.from_numpy(cells.features[:, :COARSE]))
    p, ids = spoken[..., :-1].topk(LIKELIEST)
    each = len(cells.names) // len(shards)
    styles = np.repeat([TRAINED.index(style_of("views", shard)) for shard in shards], each)
    np.savez_compressed(
        args.out,
        concept=cells.names[:, 0],
        style=styles.astype(np.int8),
        box=cells.boxes[:, 0],
        ids=ids.numpy().astype(np.uint16),
        p=p.half().numpy(),
        nothing=spoken[..., -1].half().numpy(),
    )
    print(args.out, len(cells.names))


if __name__ == "__main__":
    main()
