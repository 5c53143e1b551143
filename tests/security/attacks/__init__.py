"""The table of attacks, by what they are after."""

from tests.security.attack import Attack
from tests.security.attacks import credentials, exhausting, forging, killing, parsing, reaching, surviving

BY_AIM: dict[str, tuple[Attack, ...]] = {
    "credentials": credentials.ATTACKS,
    "forging": forging.ATTACKS,
    "surviving": surviving.ATTACKS,
    "exhausting": exhausting.ATTACKS,
    "reaching": reaching.ATTACKS,
    "parsing": parsing.ATTACKS,
    "killing": killing.ATTACKS,
}

ATTACKS: tuple[Attack, ...] = tuple(attack for attacks in BY_AIM.values() for attack in attacks)
