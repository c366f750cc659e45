"""What the head's columns are called: ImageNet's classes, then the pictogram concepts."""

from __future__ import annotations

import json
from pathlib import Path

CONCEPTS = Path(__file__).with_name("concepts.json")
# ImageNet has two of these names twice, one is a colour too, and the other two mean something
# else in a question.
RENAMED = {
    264: "cardigan corgi",
    474: "cardigan",
    517: "construction crane",
    726: "carpenter's plane",
    782: "crt screen",
    950: "orange fruit",
}


def columns(imagenet: list[str]) -> list[str]:
    """Return the name of every column: 1,000 of ImageNet, renamed, then one a concept.

    Concepts may be called like a class; their two columns then share the word.
    """
    classes = [RENAMED.get(i, name) for i, name in enumerate(imagenet)]
    said = {imagenet[i]: name for i, name in RENAMED.items() if imagenet[i] == "orange"}
    concepts = json.loads(CONCEPTS.read_text("utf-8"))
    return classes + [said.get(concept["name"], concept["name"]) for concept in concepts]
