"""The bundled model's naming of cells: ImageNet's classes, pictogram concepts, or nothing known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from longwatch.errors import ModelError
from longwatch.models.efficientnet import HEAD, Top

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from longwatch.models.efficientnet import EfficientNetLite2


class ConceptHead(nn.Module):
    """One distribution over both families of names and "nothing I know", for each token.

    ImageNet's columns share what the head gives to "looks like a photograph" as the tower's own
    classifier says; the concepts' columns and "nothing I know" are the head's own, which reads
    pictures through a copy of the tower's last blocks that was trained to tell pictograms apart.
    A concept has several looks, a unit of `outer` each: its odds are the sum of theirs.

    Args:
        classifier: the tower's, features to 1,000 logits.
        concepts: how many pictogram concepts there are, K.
        looks: of each concept.
        narrow: directions of the features in which looks differ.
    """

    def __init__(
        self, classifier: nn.Linear, concepts: int, looks: int = 7, narrow: int = 448
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.top = Top()
        self.narrow = nn.Linear(classifier.in_features, narrow)
        self.outer = nn.Linear(narrow, concepts * looks + 2)
        self.register_buffer("looks", torch.tensor(looks))
        self.concepts = concepts

    def maps(self, tower: EfficientNetLite2, middle: Tensor) -> Tensor:
        """Return what is to be pooled, (b, 2 * 1280, 9, 9): the tower's last map, then our own.

        Args:
            tower: whose classifier this is.
            middle: (b, 208, 9, 9), the tower's middle map.
        """
        return torch.cat([tower.last(middle), self.top(middle)], 1)

    def logits(self, features: Tensor) -> Tensor:
        """Return logits, (..., 1000 + K + 1), of features pooled from `maps`, (..., 2 * 1280)."""
        of_tower, mine = features.split(HEAD, -1)
        own = self.own(self.narrow(evened(mine)))
        classes = self.classifier(of_tower).log_softmax(-1) + own[..., -1:]
        return torch.cat([classes, own[..., :-1]], -1)

    def own(self, narrow: Tensor) -> Tensor:
        """Return logits, (..., K + 2): concepts, "nothing I know" and "looks like a photograph".

        Args:
            narrow: (..., narrow), what `narrow` makes of evened features.
        """
        looks = self.outer(narrow)
        concepts = looks[..., :-2].unflatten(-1, (self.concepts, -1)).logsumexp(-1)
        return torch.cat([concepts, looks[..., -2:]], -1)

    def forward(self, features: Tensor) -> Tensor:
        """Return probabilities, (b, n, 1000 + K + 1), of features, (b, n, 2 * 1280).

        Columns: ImageNet's classes in their order, the K concepts in theirs, "nothing I know".
        """
        return self.logits(features).softmax(-1)

    def own_state(self) -> dict[str, Tensor]:
        """Return the tensors that are not the tower's, as `load_head` reads them."""
        state: dict[str, Tensor] = self.state_dict()
        return {k: v for k, v in state.items() if not k.startswith("classifier.")}


def evened(features: Tensor) -> Tensor:
    """Return features as the concepts' part reads them: their roots, scaled to length 1.

    So a few loud channels do not drown the others, nor a large thing a small one.
    """
    return functional.normalize(features.clamp(min=0).sqrt(), dim=-1, eps=1e-3)


def load_head(path: Path, classifier: nn.Linear) -> ConceptHead:
    """Return the head in that file, in float32, around the tower's classifier.

    Raises:
        ModelError: the file is missing or damaged, or does not fit the tower.
    """
    try:
        state = {name: tensor.float() for name, tensor in load_file(path).items()}
        looks, narrow = int(state["looks"]), len(state["narrow.bias"])
        head = ConceptHead(classifier, (len(state["outer.bias"]) - 2) // looks, looks, narrow)
        own = {f"classifier.{name}": t for name, t in classifier.state_dict().items()}
        head.load_state_dict(state | own)
    except (OSError, KeyError, RuntimeError, ZeroDivisionError, SafetensorError) as problem:
        raise ModelError(
            f"{path} is no head of the bundled model ({type(problem).__name__}: {problem}); "
            "install the package again"
        ) from problem
    return head.eval()
