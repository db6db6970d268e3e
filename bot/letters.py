"""What Devin reads: a reply as Markdown, under its author's name."""

from collections.abc import Sequence

from bot.attached import Attached, Brought
from bot.markup import Names, mentioned, neutralise_attachments, to_markdown
from bot.models import WORKFLOW, Reply
from bot.people import People


async def shown(reply: Reply, people: People) -> str:
    """What somebody wrote, as Devin reads it, and as it may be shown to others."""
    names = await people.names(mentioned(reply.text, reply.blocks))
    return to_markdown(reply.text, reply.blocks, names).strip()


async def letter(reply: Reply, people: People, brought: Sequence[Brought] = ()) -> str:
    """The message for Devin; a name that Slack does not tell stays an id.

    `brought` is what became of the reply's files.
    """
    names = await people.names(mentioned(reply.text, reply.blocks))
    sender = (await people.person(reply.sent_by)).name if reply.sent_by else ""
    return compose(reply, await people.author_name(reply), names, sender, brought)


def compose(
    reply: Reply, author: str, names: Names, sender: str = "", brought: Sequence[Brought] = ()
) -> str:
    """Author, text and files, in that order; a name keeps to its line.

    `sender` is who sent what the author wrote, if that was somebody else.
    """
    said = f"{sender} sends what {author} wrote" if sender else author
    is_through = bool(reply.step) and reply.author != WORKFLOW
    way = "in Slack, through a workflow" if is_through else "in Slack"
    what = ", correcting an earlier message" if reply.is_correction else ""
    parts = [f"{said} ({way}){what}:"]
    if text := to_markdown(reply.text, reply.blocks, names).strip():
        parts.append(text)
    links = [one.file for one in brought if not one.url] if brought else reply.files
    if links:
        parts.append("\n".join(_link(one) for one in links))
    # A line of this form is a file of the message (docs.devin.ai, uploading files); what people
    # wrote has none left when ours are put below it.
    attachments = "\n".join(f'ATTACHMENT:"{one.url}"' for one in brought if one.url)
    return "\n\n".join(filter(None, (neutralise_attachments("\n\n".join(parts)), attachments)))


def _link(file: Attached) -> str:
    """A link to the file; Slack Connect tells an id only (docs.slack.dev/apis/slack-connect)."""
    label = _label(file.name)
    return f"[{label}]({file.permalink})" if file.permalink else f"[{label}]"


def _label(name: str) -> str:
    return " ".join(name.split()).replace("[", "(").replace("]", ")") or "file"
