"""What the scripted students of the demonstration write, and in which pattern. All texts are our own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from server.core.commands import LessonDraft


class Pattern(Enum):
    """How a table works together."""

    SHARED = auto()
    ONE_VOICE = auto()
    QUIET = auto()
    PARALLEL = auto()


@dataclass(frozen=True, slots=True)
class Table:
    """One room of the demonstration."""

    name: str
    topic: str
    pattern: Pattern
    students: tuple[str, ...]
    sentences: tuple[str, ...]


DRAFT = LessonDraft(
    title="Acorns: what did people here eat?",
    task="Write one paragraph together: how did people find this food, and what could go wrong?",
    criteria=("what to look for", "what can go wrong", "how we know it"),
    starters=("I found that …", "Building on that, …", "But what about …?"),
    grouping="roster",
    minutes=25,
)

TABLES = (
    Table(
        "Acorns",
        "Bread from oak trees",
        Pattern.SHARED,
        ("Ana", "Ben", "Cleo"),
        (
            "Acorns ripen in the fall and drop when the wind is strong.",
            "The good ones are heavy and have no holes.",
            "A hole means that a weevil has eaten the inside.",
            "They taste very bitter when they are raw.",
            "The bitterness comes from tannin, which water takes away.",
            "So people pounded them to flour and poured water over it many times.",
            "In a stream this took a day, and with hot water only hours.",
            "Building on that, the flour was then cooked to a thick porridge.",
            "Wet acorns grow mould, so they were dried on racks first.",
            "Squirrels and jays wanted the same acorns.",
            "A family needed several hundred kilos for one winter.",
            "In a year without acorns people had to trade for other food.",
        ),
    ),
    Table(
        "Salmon",
        "Fish for the winter",
        Pattern.ONE_VOICE,
        ("Jonathan", "Mia", "Tom"),
        (
            "Salmon swim up the rivers in late summer.",
            "People built weirs of woven branches to guide them.",
            "A weir had to be opened again so that enough fish got through.",
            "The fish were cut thin and hung over a slow fire.",
            "Smoke keeps flies away and dries the flesh.",
            "If the fire was too hot the fish cooked and did not keep.",
            "Rain for many days could spoil the whole catch.",
            "Dried salmon was light, so it was good for trading.",
        ),
    ),
    Table(
        "Berries",
        "Where the forest burned",
        Pattern.QUIET,
        ("Lea", "Sam", "Noor"),
        (
            "Huckleberries grow where the forest burned some years ago.",
            "People set small fires to keep the places open.",
            "The berries were dried on mats in the sun.",
            "Some berries that look alike are poisonous.",
        ),
    ),
    Table(
        "Deer",
        "Nothing was wasted",
        Pattern.PARALLEL,
        ("Kai", "Ida", "Yui"),
        (
            "Deer were hunted in autumn when they were fat.",
            "Hunters learned the paths that the deer used every day.",
            "The hide became clothes after it was scraped and smoked.",
            "Sinew was twisted into strong thread.",
            "Antlers were made into tools for digging roots.",
            "The meat was dried in strips above the fire.",
            "A hunter who made noise went home with nothing.",
            "Bones were boiled, and the fat was kept for winter.",
        ),
    ),
)
