"""Exact Shapley values of a few players."""

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from math import comb
from typing import TypeVar

Player = TypeVar("Player", bound=Hashable)


def all_coalitions(players: Sequence[Player]) -> list[frozenset[Player]]:
    """All 2^k subsets, the empty one first and the full one last."""
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def shapley(players: Sequence[Player], value: Callable[[frozenset[Player]], float]) -> dict[Player, float]:
    """Exact Shapley values; ``value`` is asked once for each of the 2^k coalitions.

    Their sum is ``value(all) - value(none)``. Each player gets its marginal gain, averaged over all orders of
    arrival (Shapley 1953), in the subset form.
    """
    worth = {coalition: value(coalition) for coalition in all_coalitions(players)}
    n = len(players)

    def gain(player: Player) -> float:
        others = [c for c in worth if player not in c]
        return sum((worth[c | {player}] - worth[c]) / (n * comb(n - 1, len(c))) for c in others)

    return {player: gain(player) for player in players}
