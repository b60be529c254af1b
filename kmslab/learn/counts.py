"""Numbers in sentences: 1 day, 2 days. What is counted is not known here."""


def counted(number: int, word: str) -> str:
    """So many of what `word` names; its plural ends in s."""
    return f"{number} {word}{'' if number == 1 else 's'}"
