"""The frozen tower that pictures are looked at with."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file

from longwatch.models.efficientnet import EfficientNetLite2

TOWER = Path("models/bundled/tower.safetensors")


def tower(path: Path = TOWER) -> EfficientNetLite2:
    """Return the frozen tower."""
    network = EfficientNetLite2().eval()
    network.load_state_dict({name: t.float() for name, t in load_file(path).items()})
    return network.requires_grad_(False)
