"""Tells how far a word is from another one, to find out what a misspelled word was meant to be."""

MOST_APART = 2
"""Words whose lengths differ by more are not compared."""


def distance(word: str, other: str) -> int:
    """Count the letters to add, drop, replace or swap with a neighbor (optimal alignment)."""
    if abs(len(word) - len(other)) > MOST_APART:
        return max(len(word), len(other))
    before, row = list[int](), list(range(len(other) + 1))
    for i, mine in enumerate(word, 1):
        before, last, row = row, before, [i]
        for j, its in enumerate(other, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (mine != its))
            if last and j > 1 and mine == other[j - 2] and word[i - 2] == its:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]
