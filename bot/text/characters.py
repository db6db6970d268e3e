"""Cuts text to a length and repairs broken characters, for Devin and Slack alike."""


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`; a cut text says how long it was."""
    if len(text) <= limit:
        return text
    told = f"… ({len(text):,} characters in all)"
    return text[: limit - len(told)] + told


def whole_characters(text: str) -> str:
    """Join surrogate pairs and replace lone ones, which no encoding can carry."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
