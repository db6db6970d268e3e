"""What people say to the bot is told apart: commands, mistyped ones, and talk."""

from typing import Any

from hypothesis import given

from bot.model.verbs import Command
from bot.relay.lifecycle.prompts import with_prompt
from bot.relay.lifecycle.starting import Start
from bot.text.to_devin import is_empty
from handlers.mentions import OBEYS
from handlers.parse.commands import CORE, parse_command, parse_guess
from handlers.parse.messages import (
    Kind,
    classify,
    is_spoken,
    parse_asked,
    parse_message,
    parse_reply,
)
from tests.support.builders import (
    BOT_USER,
    JSON,
    OURS,
    ROOT_TS,
    a_mention,
    a_reply,
    a_share,
    a_table,
    command_of,
    mutated,
    rich_text,
    sample_event,
)
from tests.support.desk import SESSION
from tests.support.features import VERBS
from tests.support.tables import each

DM = "D0ADADM000"


def in_dm(text: str, **changes: Any) -> JSON:
    """Return a message of the bot's direct message, outside of threads."""
    return a_reply(text) | {"channel": DM, "thread_ts": None} | changes


def verb_of(event: JSON, *, unlinked: bool = False) -> str | None:
    """Return the verb that a message is the command for."""
    command = command_of(event, unlinked=unlinked)
    return None if command is None else command.verb


def guess_of(event: JSON, *, unlinked: bool = False) -> str | None:
    """Return the verb that a message may mean."""
    guess = guessed(event, unlinked=unlinked)
    return None if guess is None else guess.verb


def guessed(event: JSON, *, unlinked: bool = False) -> Command | None:
    """Return the command that a message may mean."""
    said = classify(event, OURS, unlinked=unlinked)
    return said.command if said is not None and said.kind is Kind.NEAR_MISS else None


def test_every_verb_is_obeyed_by_a_function_of_its_own_choice() -> None:
    """Nothing else carries out a verb that has none, and no function waits for one."""
    assert OBEYS.keys() == CORE.keys()


@each("verb", VERBS)
def test_in_a_direct_message_every_command_goes_without_a_mention(verb: str) -> None:
    """There is nobody else to speak to; elsewhere the same words are talk."""
    assert verb_of(in_dm(verb)) == verb_of(in_dm(f" {verb.upper()} ")) == verb
    assert verb_of(in_dm(f"<@{BOT_USER}> {verb}")) == verb
    assert verb_of(a_reply(verb)) is None


@each(
    ("words", "verb"),
    [
        ("start Write a poem", "start"),
        (f"link {SESSION}", "link"),
        ("default none", "default"),
        ("default max:3", "defaults"),
        ("defaults none", "defaults"),
        ("defaults rep:acme/api", "defaults"),
        (f"defaults {SESSION}", "default"),
        ("defaults are fine", None),
        ("adopt tag:oncall origin:automation", "adopt"),
        ("adopt repo:api", "adopt"),
        ("adopt the new API", None),
        ("adopt tag:oncall please", None),
        ("follow turns", "follow"),
        ("review https://github.com/acme/relay/pull/7", "review"),
        ("review https://github.com/acme/relay", "review"),
        ("review https://github.com/acme/relay/pull/7 please", None),
        ("review it", None),
        ("hello?", None),
        ("help me with the tests", None),
        ("link the PR to the issue", None),
        ("status of the build?", None),
        ("default to the old one please", None),
        ("", None),
    ],
)
def test_talk_in_a_direct_message_is_no_command(words: str, verb: str | None) -> None:
    """The same arguments count as behind a mention; a message without text is no call for help."""
    assert verb_of(in_dm(words)) == verb


@each(
    ("words", "verb"),
    [
        *((one, one) for one in ("status", "unlink", "mute", "follow turns", "end", "help")),
        (f"link {SESSION}", "link"),
        ("start with the tests", None),
        ("start", None),
        ("default", None),
        ("link it", None),
        ("review", None),
        ("review https://github.com/acme/relay/pull/7", None),
        ("sessions", None),
    ],
)
def test_in_a_thread_of_a_direct_message_replies_are_devin_s(words: str, verb: str | None) -> None:
    """Without a mention, only what can hardly be an answer to Devin is a command there."""
    event = in_dm(words, thread_ts=ROOT_TS)
    assert verb_of(event) == (None if verb is None else words.split(maxsplit=1)[0])
    assert verb_of(in_dm(f"<@{BOT_USER}> {words}", thread_ts=ROOT_TS)) == words.split(maxsplit=1)[0]
    assert verb_of(event, unlinked=True) == words.split(maxsplit=1)[0]


@each("verb", VERBS)
def test_a_bare_verb_in_a_direct_message_s_thread_is_devin_s_if_it_may_be_talk(
    verb: str,
) -> None:
    """It may be the answer to what Devin has asked."""
    found = verb_of(in_dm(verb, thread_ts=ROOT_TS))
    assert found == (None if VERBS[verb].may_be_talk else verb)


ALONE = """
    again agree all allow always approve archived both build cancel change check clean clear close
    commit continue cool correct delete deny deploy different done draft either ended enough exactly
    explain fine finish first fix flow go good great hello held hi hold keep last later latest left
    less line lint maybe merge minute more neither never next no none nope ok okay old one open pass
    perfect please post preview proceed push ready rebase redo reject rename repeat reset restart
    retry revert revise right run same second send ship short skip sorry split squash staging start
    started state stats stop sure test thanks that think this true try two undo unmuted update use
    wait why wrong yeah yes you
"""
"""What people say to Devin with one word."""

TAKEN = {
    "archive": "archived",
    "end": "ended send",
    "follow": "flow",
    "help": "held",
    "link": "line lint",
    "mute": "minute",
    "review": "preview revise",
    "start": "restart started state",
    "status": "stats",
    "unmute": "unmuted",
    "usage": "use",
}
"""Those that are like a verb."""


def test_few_of_the_words_that_people_say_to_devin_are_taken_for_a_command() -> None:
    """Their author is asked first, which is a nuisance: a new verb should be like no other word."""
    taken = {word: meant for word in ALONE.split() if (meant := guess_of(a_mention(word)))}
    assert taken == {word: verb for verb, words in TAKEN.items() for word in words.split()}


@each(
    ("words", "meant"),
    [
        ("unlnk", "unlink"),
        ("nulink", "unlink"),
        ("unlinkk", "unlink"),
        ("staus", "status"),
        ("stauts", "status"),
        ("stats", "status"),
        ("Status?", "status"),
        ("defualt", "default"),
        ("defualt none", "default"),
        (f"defalt {SESSION}", "default"),
        ("defualts max:3", "defaults"),
        ("defalt max:3", "defaults"),
        ("adpot tag:oncall", "adopt"),
        ("hlep", "help"),
        ("mtue", "mute"),
        ("lnk", "link"),
        (f"lnik {SESSION}", "link"),
        ("unmtue", "unmute"),
        ("folow turns", "follow"),
        ("unfolow", "unfollow"),
        ("strat", "start"),
        ("endd", "end"),
        ("achive", "archive"),
        ("status", None),
        ("defaults off", None),
        ("status off", None),
        ("defaults off please", None),
        ("adopt tag:x none", None),
        ("status please", None),
        ("staus of the build", None),
        ("lnk the PR", None),
        ("hello", None),
        ("hello?", None),
        ("thanks", None),
        ("yes", None),
        ("stop", None),
        ("and", None),
        ("done", None),
        ("continue", None),
        ("approve", None),
        ("allow", None),
        ("", None),
    ],
)
def test_a_mistyped_verb_is_recognized_and_a_word_to_devin_is_not(
    words: str, meant: str | None
) -> None:
    """It is one word, alone or with what the command takes, and like a single command."""
    assert guess_of(a_mention(words)) == meant
    assert guess_of(in_dm(words)) == meant
    assert guess_of(a_reply(words)) is None
    assert guess_of(in_dm(words, thread_ts=ROOT_TS)) is None
    assert guess_of(in_dm(words, thread_ts=ROOT_TS), unlinked=True) == meant


@each(
    ("words", "argument"),
    [
        *(("strat fix the login", "fix the login"), ("Satrt max:5 Fix it", "max:5 Fix it")),
        *(("startt it", "it"), ("restart the server", None), ("state of the build?", None)),
        *(("smart fix", None), ("staus of the build", None), ("lnk the PR", None)),
    ],
)
def test_a_slip_before_any_words_is_asked_about_where_no_session_reads_them(
    words: str, argument: str | None
) -> None:
    """Else the slip would begin the prompt; with a session, they may be for Devin."""
    found = guessed(a_mention(words), unlinked=True)
    assert (found and (found.verb, found.argument)) == (argument and ("start", argument))
    assert guess_of(a_mention(words)) is None


@each(
    ("words", "argument"), [("defaults Off", "none"), ("adopt off", "none"), ("digest none", "off")]
)
def test_off_and_none_mean_the_same(words: str, argument: str) -> None:
    """People know one of them from another command."""
    command = command_of(a_mention(words))
    assert command is not None
    assert command.argument == argument


@each(
    ("event", "is_so"),
    [
        (a_mention("have a look"), True),
        (a_reply(f"have a look, <@{BOT_USER}>"), True),
        (a_reply(f"have a look, <@{BOT_USER}|relay>"), True),
        (a_reply("have a look"), False),
        (a_mention("(aside) have a look"), False),
        (a_mention("have a look", bot_id="B1"), False),
        (in_dm("hello?"), True),
        (in_dm("(aside) hello?"), False),
        (in_dm("hello?", bot_id="B1"), False),
        (in_dm("", subtype="file_share", files=[{"id": "F1"}]), True),
        (in_dm("hello?", subtype="channel_join"), False),
        (in_dm("hello?", hidden=True), False),
    ],
)
def test_a_message_is_for_the_bot_by_name_or_by_place(event: JSON, is_so: bool) -> None:  # noqa: FBT001
    """A person names it, anywhere in the text, or writes where there is nobody else."""
    assert is_spoken(event, OURS) is is_so


_CLIP = {"id": "F2", "mimetype": "audio/webm", "subtype": "slack_audio", "permalink": "https://x.y"}
BRINGS: dict[str, JSON] = {
    "a table": {"attachments": [{"blocks": [a_table(["a", "b"], ["c", "d"])]}]},
    "a forward": {"attachments": [a_share()]},
    "a file": {"subtype": "file_share", "files": [{"id": "F1", "permalink": "https://x.y"}]},
    "a voice clip": {"subtype": "file_share", "files": [_CLIP]},
    "a block": {"blocks": [*rich_text("@"), {"type": "markdown", "text": "Look"}]},
}
"""What a message of a person can bring beside its text, as Slack's events have it."""


@each("what", BRINGS)
def test_whatever_a_message_brings_below_a_mention_is_read(what: str) -> None:
    """It is a reply in a linked thread, says something by itself, and stays below a prompt."""
    brought = BRINGS[what]
    reply = parse_reply(a_reply(), OURS)
    assert reply is not None
    start = Start(message=reply, reads_thread=True)
    for words in ("", "please"):
        event = a_mention(words) | {"blocks": rich_text(words or "@")} | brought
        assert command_of(event) is None
        reply = parse_reply(event, OURS)
        assert reply is not None
        assert not is_empty(with_prompt(reply, ""))
    alone = parse_reply(a_reply("") | {"blocks": []} | brought, OURS)
    assert alone is not None
    assert not is_empty(alone)
    asks = a_mention("start") | {"blocks": rich_text("start")} | brought
    asked = parse_asked(asks, start, OURS)
    assert asked is not None
    assert not is_empty(with_prompt(asked, asked.text))


def test_a_mention_that_brings_nothing_asks_for_help() -> None:
    """So does one above the preview of a link, or above what nobody can see."""
    preview = {"attachments": [{"from_url": "https://x.y", "text": "x"}]}
    nothings: list[JSON] = [{}, {"files": []}, preview]
    for nothing in nothings:
        asked = command_of(a_mention("") | nothing)
        assert asked is not None
        assert asked.verb == "help"


@given(mutated([a_mention("staus"), in_dm("staus"), sample_event("app_mention")]))
def test_no_message_makes_the_parsers_raise(payload: JSON) -> None:
    """Slack would bring it again and again. A command is never taken for a mistyped one, too."""
    classify(payload, OURS)
    message = parse_message(payload, OURS.tenant)
    if message is not None:
        command = parse_command(message, OURS, unlinked=True)
        assert command is None or parse_guess(message, OURS) is None
