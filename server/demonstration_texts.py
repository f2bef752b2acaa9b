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
            "Children picked them up while others shook the branches.",
            "Acorns with their caps still on fell too early and are often bad.",
            "In water the bad ones float, so you can sort them.",
            "Each kind of oak tastes different, and some need much longer in water.",
            "People kept them in baskets high on poles, so that mice could not get in.",
            "Holes in the big rocks show where they were pounded.",
            "To cook it they put hot stones into a basket full of porridge.",
            "The baskets were woven so tightly that no water ran out.",
            "If you stop too early it still tastes bitter and your stomach hurts.",
            "We know this because families here still make acorn soup today.",
            "A cake of acorn flour lasted for days on a journey.",
            "Old trees gave the most, so nobody cut them down.",
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
            "The first fish of the year was shared by everyone.",
            "Its bones went back into the river to say thank you.",
            "On dark nights they fished with torches from a canoe.",
            "The eggs were eaten fresh or dried in the wind.",
            "Bears and eagles waited at the same places.",
            "When the water was high the nets tore.",
            "A net was knotted from nettle fibre, which took all winter.",
            "Flat stones at the end of the net kept it down.",
            "Some families had a place on the river that was only theirs.",
            "Old women knew by the smell whether the fish was dry enough.",
            "After a landslide no fish came for years.",
            "The skin was made into bags, and even into shoes.",
            "Fish bones in the ground tell us how long people have lived here.",
            "The oil was kept in boxes and eaten with dried berries.",
            "Those who took too many had none the next year.",
            "Today there are dams, and fewer salmon come back.",
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
            "Grandmothers showed the children which leaves to look for.",
            "Ripe ones come off when you only touch them.",
            "A comb made of a fish's backbone picks a whole branch at once.",
            "You take the big ones and leave the small ones for the birds.",
            "Bears like them too, so people sang while they picked.",
            "In a dry summer they stay small and hard.",
            "Late frost in spring kills the flowers.",
            "Dried berries were pressed into cakes and wrapped in leaves.",
            "In winter the cakes were put in water until they were soft.",
            "Wet cakes went mouldy and had to be thrown away.",
            "After a fire it takes three years until there are many again.",
            "When nobody burns, the trees grow and take away the light.",
            "Salmonberries are the first in the year, and huckleberries the last.",
            "Families went up to the mountains for weeks and camped there.",
            "The juice coloured baskets dark blue.",
            "If one bush was empty they went higher up, where it is colder.",
            "Old photographs show the camps with baskets full of berries.",
            "Our neighbour still picks at the same place as her great-grandmother.",
            "Salal grows near the sea and tastes best after the first rain.",
            "Some people are not allowed to pick there any more.",
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
            "They wore a deer's head and skin to come close.",
            "The wind must blow towards you, or the deer smells you.",
            "Hooves became rattles for dances.",
            "Needles and awls were made of the leg bones.",
            "Some groups drove the deer into a fence of branches.",
            "In deep snow deer are slow, but so are people without snowshoes.",
            "The brain was rubbed into the hide to make it soft.",
            "A hide that is not smoked gets hard when it rains.",
            "The first deer of a young hunter was given away.",
            "Nobody hunted the mothers with their young in spring.",
            "An arrow point of obsidian is sharper than steel.",
            "Points of obsidian are found far away, so people traded them.",
            "The stomach was used as a bag to carry water.",
            "Wolves followed the same herds.",
            "If a hunter missed, the animal ran for a whole day.",
            "Drawings on rocks show how they hunted together.",
        ),
    ),
)
