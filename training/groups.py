"""Everyday words for several of the names: `dog` stands for 118 breeds and for the pictogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

# Indices of ImageNet's classes: a number, or the first and the last of a run.
CLASSES: dict[str, tuple[int | tuple[int, int], ...]] = {
    "animal": ((0, 397),),
    "fish": ((0, 1), (389, 397)),
    "shark": ((2, 4),),
    "ray": (5, 6),
    "bird": ((7, 24), (80, 100), (127, 146)),
    "parrot": ((87, 90),),
    "duck": (97, 98),
    "frog": ((30, 32),),
    "turtle": ((33, 37),),
    "lizard": ((38, 48),),
    "crocodile": (49, 50),
    "snake": ((52, 68),),
    "spider": ((72, 77),),
    "crab": ((118, 121), 125),
    "whale": (147, 148),
    "dog": ((151, 268),),
    "wolf": ((269, 271),),
    "fox": ((277, 280),),
    "cat": ((281, 285),),
    "bear": ((294, 297),),
    "insect": ((300, 326),),
    "beetle": (300, (302, 307)),
    "butterfly": ((321, 326),),
    "rabbit": ((330, 332),),
    "pig": ((341, 343),),
    "sheep": (348, 349),
    "camel": (354, 355),
    "ape": ((365, 369),),
    "monkey": ((370, 382),),
    "elephant": (101, 385, 386),
    "panda": (387, 388),
    "vehicle": (
        *(407, 436, 444, 466, 468, 511, 547, 555, 561, 565, 569, 573, 575, 586, 609, 627, 654),
        *(656, 661, 665, 670, 671, 675, 705, 717, 734, 751, 757, 779, 802, 803, 817, 820, 829),
        *(847, 864, 866, 867, 870, 874, 880),
    ),
    "car": (436, 468, 511, 609, 627, 656, 661, 751, 817),
    "truck": (555, 569, 675, 717, 864, 867),
    "bus": (654, 779, 874),
    "train": (466, 547, 565, 705, 820, 829),
    "bicycle": (444, 671),
    "motorcycle": (665, 670),
    "boat": (472, 484, 554, 576, 625, 814, 871, 914),
    "ship": (403, 510, 628, 724, 780),
    "plane": (404, 895),
    "instrument": (
        *(401, 402, 420, 432, 486, 494, 513, 541, 546, 558, 566, 577, 579, 593, 594, 641, 642),
        *(683, 684, 687, 699, 776, 822, 875, 881, 889),
    ),
    "guitar": (402, 546),
    "piano": (579, 881),
    "food": ((924, 969),),
    "fruit": ((948, 957),),
    "vegetable": ((936, 946),),
    "flower": (985, 986),
    "tree": (),
    "fungus": (947, (991, 997)),
    "hat": (439, 452, 515, 808),
    "helmet": (518, 560, 715),
    "shoe": (502, 514, 630, 770, 774),
    "glasses": (836, 837),
    "bag": (414, 636, 728, 748),
    "chair": (423, 559, 765),
    "lamp": (846,),
    "bottle": (440, 720, 737, 898, 907),
    "gun": (413, 763, 764),
    "ball": (429, 430, 522, 574, 722, 768, 805, 852, 890),
    "clock": (409, 530, 892),
    "phone": (487, 528, 707),
    "computer": (527, 590, 620, 681),
    "keyboard": (508, 878),
    "bridge": (821, 839, 888),
}

# Names of pictograms that belong to a word besides the one that is called like it.
CONCEPTS = {
    "animal": (
        *("monkey", "gorilla", "dog", "poodle", "fox", "cat", "lion", "tiger", "horse", "deer"),
        *("cow", "pig", "goat", "sheep", "camel", "elephant", "rhinoceros", "rat", "rabbit", "bat"),
        *("bear", "koala", "panda", "turkey", "rooster", "chick", "penguin", "dove", "eagle"),
        *("duck", "owl", "frog", "crocodile", "turtle", "snake", "whale", "dolphin", "fish"),
        *("puffer", "shark", "octopus", "crab", "shrimp", "squid", "snail", "butterfly", "ant"),
        *("bee", "ladybug", "spider", "scorpion"),
    ),
    "fish": ("puffer",),
    "bird": ("turkey", "rooster", "chick", "penguin", "dove", "eagle", "duck", "owl"),
    "dog": ("poodle",),
    "insect": ("butterfly", "ant", "bee", "ladybug"),
    "ape": ("gorilla",),
    "vehicle": (
        *("steam locomotive", "bullet train", "bus", "ambulance", "fire engine", "taxi", "car"),
        *("truck", "tractor", "racer", "motorcycle", "bicycle"),
    ),
    "car": ("taxi", "racer"),
    "truck": ("fire engine",),
    "train": ("steam locomotive", "bullet train"),
    "boat": ("sailboat", "canoe"),
    "plane": ("airplane",),
    "instrument": ("sax", "trumpet", "guitar", "violin", "drum"),
    "food": (
        *("grapes", "watermelon", "orange fruit", "lemon", "banana", "pineapple", "apple", "pear"),
        *("peach", "cherries", "strawberry", "kiwi fruit", "tomato", "avocado", "eggplant"),
        *("carrot", "corn", "chili pepper", "bread", "croissant", "pancakes", "cheese", "meat"),
        *("hamburger", "french fries", "pizza", "hotdog", "taco", "fried egg", "popcorn"),
        *("spaghetti", "sushi", "ice cream", "doughnut", "cookie", "birthday cake"),
        *("chocolate bar", "candy", "lollipop"),
    ),
    "fruit": (
        *("grapes", "watermelon", "orange fruit", "lemon", "banana", "pineapple", "apple", "pear"),
        *("peach", "cherries", "strawberry", "kiwi fruit"),
    ),
    "vegetable": ("tomato", "avocado", "eggplant", "carrot", "corn", "chili pepper"),
    "tree": ("pine tree", "palm tree", "christmas tree"),
    "flower": ("rose", "sunflower", "tulip"),
    "fungus": ("mushroom",),
    "hat": ("top hat", "graduation cap"),
    "shoe": ("running shoe", "high heel"),
    "glasses": ("sunglasses",),
    "bag": ("handbag", "backpack", "briefcase"),
    "lamp": ("light bulb", "flashlight"),
    "bottle": ("champagne bottle", "baby bottle"),
    "ball": (
        *("soccer ball", "baseball", "basketball", "volleyball", "football", "tennis ball"),
        "billiard ball",
    ),
    "clock": ("alarm clock",),
    "phone": ("cellular telephone",),
    "computer": ("laptop",),
}


def groups(names: Sequence[str], shared: Collection[str]) -> dict[str, list[str]]:
    """Return the names that each word stands for, in the order of `names`.

    `names` starts with ImageNet's 1,000; those after them, and those in `shared`, are pictograms.
    """
    pictograms = {*names[1000:], *shared}
    table = dict[str, list[str]]()
    for word, runs in CLASSES.items():
        members = {names[i] for run in runs for i in _run(run)}
        members |= {name for name in (word, *CONCEPTS.get(word, ())) if name in pictograms}
        table[word] = [name for name in dict.fromkeys(names) if name in members]
    return table


def _run(run: int | tuple[int, int]) -> range:
    first, last = run if isinstance(run, tuple) else (run, run)
    return range(first, last + 1)
