"""What Devin reads: a reply as Markdown, under its author's name."""

from bot.markup import Names, mentioned, to_markdown
from bot.models import Reply
from bot.people import People


async def letter(reply: Reply, people: People) -> str:
    """The message for Devin; a name that Slack does not tell stays an id."""
    names = await people.names(mentioned(reply.text, reply.blocks))
    return compose(reply, await people.author_name(reply), names)


def compose(reply: Reply, author: str, names: Names) -> str:
    """Author, text and files, in that order; the author's name keeps to its line."""
    parts = [f"{author} (in Slack):"]
    if text := to_markdown(reply.text, reply.blocks, names).strip():
        parts.append(text)
    if reply.files:
        parts.append("\n".join(f"[{_label(f.name)}]({f.permalink})" for f in reply.files))
    return "\n\n".join(parts)


def _label(name: str) -> str:
    return " ".join(name.split()).replace("[", "(").replace("]", ")") or "file"
