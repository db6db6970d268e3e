"""A channel's defaults: `@Devin Relay defaults …`, and *Change* below them."""

from slack_bolt.async_app import AsyncApp

from bot.features.defaults import words
from bot.features.defaults.changes import Changes, parse_changes
from bot.features.defaults.use import CHANGED, Defaults
from bot.model.options import FIELDS, PREFACE
from bot.model.verbs import Command, Verb
from bot.relay import UseCases
from bot.wording import actions
from bot.wording.lifecycle import options
from bot.wording.message import SlackMessage, View
from handlers.feature import Feature
from handlers.mentions import claim_of, told_in
from handlers.modals import on_submit, opens
from handlers.parse.interactions import Press, Submission


async def on_command(defaults: Defaults, command: Command) -> SlackMessage | None:
    """Show the channel's defaults, or change them, which the channel is told."""
    thread, by, argument = command.thread, command.by, command.argument
    is_none = argument.lower() == "none"
    changes = Changes(named=(*FIELDS, PREFACE)) if is_none else parse_changes(argument)
    if changes is None:
        return await defaults.show(thread.channel, by)
    await defaults.change(told_in(command), by, changes, claim_of(thread, command.ts))
    return None


def listen(app: AsyncApp, cases: UseCases, defaults: Defaults) -> None:
    """Listen to the button and the form."""

    @opens(cases, words.TITLE, app.action(words.CHANGE_DEFAULTS))
    async def on_change_defaults(press: Press) -> View:
        return await defaults.form(press.thread, press.by)

    @on_submit(app, cases, words.DEFAULTS_FORM, options.problems, actions.TAGS_FIELD)
    async def on_defaults_form(filled: Submission) -> None:
        await defaults.submit(filled.number, filled.by, filled.typed)


DEFAULTS = Feature(
    builds=Defaults,
    listens=listen,
    verbs={"defaults": Verb(words=("none",), ends="none", parse=parse_changes, may_be_talk=True)},
    obeys={"defaults": on_command},
    help=words.HELP,
    says={"defaults": Defaults.show},
    say_help=words.SAY_HELP,
    events=[CHANGED],
)
