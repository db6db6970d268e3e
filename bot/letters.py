"""What Devin reads: a reply as Markdown, under its author's name."""

from bot.markup import Names, mentioned, neutralise_attachments, to_markdown
from bot.models import Attached, Reply
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
        parts.append("\n".join(_file(one) for one in reply.files))
    return neutralise_attachments("\n\n".join(parts))


def _file(file: Attached) -> str:
    """A link to the file; Slack Connect tells an id only (docs.slack.dev/apis/slack-connect)."""
    label = _label(file.name)
    return f"[{label}]({file.permalink})" if file.permalink else f"[{label}]"


def _label(name: str) -> str:
    return " ".join(name.split()).replace("[", "(").replace("]", ")") or "file"
