"""Tokens that leave a pass of the language model between two of its layers."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from torch import Tensor

from longwatch.errors import UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import nn

    from longwatch.memory.base import Step


@contextmanager
def narrowing(layers: Sequence[nn.Module], step: Step, deep: int) -> Iterator[None]:
    """Let only those tokens into the layers above that `step.narrow` lets through, for one pass.

    `deep` is how many layers, from the first, add deep-stack features to what they put out; these
    are for all tokens, so that none can leave before.

    Raises:
        UnsupportedModelError: tokens would leave too early, or the layers' form is not known.
    """
    if deep and min(step.narrows) < deep:
        raise UnsupportedModelError(
            f"this model adds features of the picture after each of its first {deep} layers, so no "
            f"visual token can be dropped after layer {min(step.narrows) + 1}; choose a pruner "
            "with a later first layer, or none"
        )

    def before(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Let positions have as many rows as there are tokens."""
        hidden: Tensor = given[0]
        tables = named.get("position_embeddings")
        if tables is not None:
            n = hidden.shape[1]  # they are those of position zero, so any n rows will do
            named["position_embeddings"] = tuple(table[..., :n, :] for table in tables)
        return given, named

    with ExitStack() as hooks:
        for number, layer in enumerate(layers):
            handle = layer.register_forward_pre_hook(before, with_kwargs=True)
            hooks.callback(handle.remove)
            if number in step.narrows:
                hooks.callback(layer.register_forward_hook(_Narrow(number, step)).remove)
        yield


class _Narrow:
    """Runs after one layer."""

    def __init__(self, number: int, step: Step) -> None:
        self._number, self._step = number, step

    def __call__(self, layer: nn.Module, given: tuple[Any, ...], out: Any) -> Tensor:
        if not isinstance(out, Tensor):
            raise UnsupportedModelError(
                f"{type(layer).__name__} puts out more than hidden states, so tokens cannot be "
                "dropped between its layers; choose no pruner"
            )
        return self._step.narrow(self._number, out[0])[None]
