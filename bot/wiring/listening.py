"""The listening half: people's requests, and the backfill of missed replies."""

from bot.catch_up.reader import ThreadReader
from bot.catch_up.runner import CatchUp
from bot.relay import Relay
from bot.relay.asking.first_words import FirstWords
from bot.relay.asking.say_prompts import SayPrompts
from bot.relay.asking.session_choices import SessionChoices
from bot.relay.asking.shortcuts import MessageShortcuts
from bot.relay.channel_moves import ChannelMoves
from bot.relay.edits import Edits
from bot.relay.home import Home
from bot.relay.lifecycle.ending import Ending
from bot.relay.link_form import LinkForm
from bot.relay.link_offers import LinkOffers
from bot.relay.mirror.answers import Answers
from bot.relay.mirror.statuses import Statuses
from bot.relay.saying.say import Say
from bot.wiring.parts import Connections, Shared
from handlers.late import LateEvents


def relay_of(to: Connections, shared: Shared) -> Relay:
    """Build the use cases."""
    kept = shared.kept
    link_form = LinkForm(
        workspace=shared.workspace,
        accepting=shared.accepting,
        naming=shared.naming,
        links=kept.links,
        notices=shared.notices,
        claims=kept.claims,
    )
    say, choices = _say(shared), shared.choices
    shortcuts = _shortcuts(shared, choices, link_form)
    return Relay(
        workspace=shared.workspace,
        accepting=shared.accepting,
        naming=shared.naming,
        links=kept.links,
        mailbox=kept.mailbox,
        schedule=shared.schedule,
        audience=shared.mirror.audience,
        cards=kept.cards,
        notices=shared.notices,
        claims=kept.claims,
        background=to.background,
        say=say,
        say_prompts=_say_prompts(shared, say, choices),
        choices=choices,
        shortcuts=shortcuts,
        link_offers=_link_offers(shared, link_form),
        first_words=_first_words(shared, shortcuts),
        edits=_edits(to, shared),
        home=_home(shared),
        workflow_steps=shared.steps,
        channel_moves=_channel_moves(shared),
        answers=_answers(shared),
        statuses=_statuses(shared),
        starting=shared.starting,
        ending=_ending(to, shared),
    )


def _say(shared: Shared) -> Say:
    return Say(
        workspace=shared.workspace,
        accepting=shared.accepting,
        links=shared.kept.links,
        defaults=shared.kept.defaults,
        choices=shared.choices,
        speaking=shared.speaking,
    )


def _say_prompts(shared: Shared, say: Say, choices: SessionChoices) -> SayPrompts:
    kept = shared.kept
    return SayPrompts(
        say=say,
        choices=choices,
        naming=shared.naming,
        tickets=kept.tickets,
        speaking=shared.speaking,
    )


def _shortcuts(shared: Shared, choices: SessionChoices, link_form: LinkForm) -> MessageShortcuts:
    return MessageShortcuts(
        workspace=shared.workspace,
        accepting=shared.accepting,
        naming=shared.naming,
        choices=choices,
        link_form=link_form,
        links=shared.kept.links,
        tickets=shared.kept.tickets,
    )


def _channel_moves(shared: Shared) -> ChannelMoves:
    kept = shared.kept
    return ChannelMoves(
        workspace=shared.workspace,
        links=kept.links,
        defaults=kept.defaults,
        names=kept.names,
        notices=shared.notices,
        cards=kept.cards,
        schedule=shared.schedule,
    )


def _link_offers(shared: Shared, link_form: LinkForm) -> LinkOffers:
    kept = shared.kept
    return LinkOffers(
        workspace=shared.workspace,
        link_form=link_form,
        naming=shared.naming,
        links=kept.links,
        tickets=kept.tickets,
        notices=shared.notices,
        claims=kept.claims,
    )


def _first_words(shared: Shared, shortcuts: MessageShortcuts) -> FirstWords:
    kept = shared.kept
    return FirstWords(
        workspace=shared.workspace,
        accepting=shared.accepting,
        starting=shared.starting,
        shortcuts=shortcuts,
        links=kept.links,
        tickets=kept.tickets,
        notices=shared.notices,
    )


def _edits(to: Connections, shared: Shared) -> Edits:
    kept = shared.kept
    return Edits(
        accepting=shared.accepting,
        links=kept.links,
        mailbox=kept.mailbox,
        revisions=kept.revisions,
        tickets=kept.tickets,
        notices=shared.notices,
        speaking=shared.speaking,
        background=to.background,
    )


def _home(shared: Shared) -> Home:
    kept = shared.kept
    return Home(
        workspace=shared.workspace,
        accepting=shared.accepting,
        naming=shared.naming,
        links=kept.links,
        mailbox=kept.mailbox,
        notices=shared.notices,
        audience=shared.mirror.audience,
        watches=kept.watches,
    )


def _answers(shared: Shared) -> Answers:
    return Answers(
        accepting=shared.accepting, speaking=shared.speaking, watches=shared.kept.watches
    )


def _statuses(shared: Shared) -> Statuses:
    kept = shared.kept
    return Statuses(
        accepting=shared.accepting,
        naming=shared.naming,
        links=kept.links,
        mailbox=kept.mailbox,
        audience=shared.mirror.audience,
        watches=kept.watches,
    )


def _ending(to: Connections, shared: Shared) -> Ending:
    kept = shared.kept
    return Ending(
        devin=to.devin,
        accepting=shared.accepting,
        naming=shared.naming,
        links=kept.links,
        claims=kept.claims,
        watches=kept.watches,
        admin=shared.workspace.admin,
    )


def catch_up_of(relay: Relay, shared: Shared) -> CatchUp:
    """Build the backfill of missed replies."""
    kept, workspace = shared.kept, shared.workspace
    events = LateEvents(relay, workspace.identity, kept.revisions)
    return CatchUp(
        listening=shared.listening,
        checkpoints=kept.checkpoints,
        links=kept.links,
        watches=kept.watches,
        reader=ThreadReader(workspace.threads, events, workspace.timing),
        notices=shared.notices,
        events=events,
        schedule=shared.schedule,
        clock=workspace.clock,
        timing=workspace.timing,
    )
