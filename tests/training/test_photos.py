"""The labelled photographs' names are ImageNet's, and none of them teaches."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from training import photos, teaching_photos


def test_every_label_is_a_class() -> None:
    classes = json.loads(Path("training/imagenet.json").read_text(encoding="utf-8"))["classes"]
    for photo in photos.LABELLED:
        assert set(photo.names) <= set(classes)


def test_nothing_both_teaches_and_measures() -> None:
    assert all("package/" in folder for folder in teaching_photos.TEACH)  # npm's
    assert not any("package/" in photo.file for photo in photos.LABELLED)


@pytest.mark.parametrize("photo", [p for p in photos.LABELLED if p.package in ("demo", "skimage")])
def test_photographs_of_installed_packages_can_be_read(photo: photos.Labelled) -> None:
    image = teaching_photos.read(photos.path_of(photo))
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert max(image.shape) <= 640
