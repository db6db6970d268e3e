"""Shortcuts, forms and ephemeral buttons are parsed from documented samples and other payloads."""

from dataclasses import replace

from hypothesis import given

from bot.model.threads import ThreadRef
from handlers.parse.interactions import (
    NEW,
    is_of,
    parse_anywhere,
    parse_press,
    parse_say,
    parse_shortcut,
    parse_submission,
)
from tests.support.builders import (
    ADA,
    CHANNEL,
    JSON,
    OURS,
    ROOT_TS,
    TEAM,
    TS,
    a_command,
    a_shortcut,
    a_submission,
    a_whispered_press,
    mutated,
    sample,
)
from tests.support.desk import SESSION
from tests.support.tables import each

GLOBAL: JSON = {
    "type": "shortcut",
    "token": "XXXXXXXXXXXXX",
    "action_ts": "1581106241.371594",
    "team": {"id": TEAM, "domain": "shortcuts-test"},
    "user": {"id": ADA, "username": "aman", "team_id": TEAM},
    "callback_id": "start_session",
    "trigger_id": "944799105734.773906753841.38b5894552bdd4a780554ee59d1f3638",
}
"""A global shortcut as documented (docs.slack.dev, shortcuts payload), with our ids."""

THREAD = ThreadRef(team=TEAM, channel=CHANNEL, thread_ts=ROOT_TS)

WHOLE = [
    sample("message_action"),
    sample("view_submission"),
    a_shortcut(),
    a_shortcut({"thread_ts": ROOT_TS, "ts": TS, "files": [{"id": "F1"}], "blocks": []}),
    a_submission("0" * 32, SESSION),
    a_whispered_press("0" * 32),
    GLOBAL,
]
"""One payload of every kind, for Hypothesis to mutate."""


def test_the_documented_shortcut_is_read() -> None:
    """It tells the person, the message and the thread; the author is somebody else."""
    shortcut = parse_shortcut(sample("message_action"), replace(OURS, tenant="T0MJRM1A7"))
    assert shortcut is not None
    assert shortcut.said is not None
    assert (shortcut.by, shortcut.said.author) == ("U0D15K92L", "U0MJRG1AL")
    assert shortcut.thread.thread_ts == shortcut.said.ts == "1516229207.000133"
    assert shortcut.said.text.startswith("World's smallest big cat!")


def test_a_shortcut_on_a_reply_means_its_thread() -> None:
    """The root is `thread_ts`, if there is one."""
    shortcut = parse_shortcut(a_shortcut({"thread_ts": ROOT_TS, "ts": TS}), OURS)
    assert shortcut is not None
    assert shortcut.said is not None
    assert (shortcut.thread, shortcut.said.ts) == (THREAD, TS)


def test_a_message_that_nobody_wrote_is_none() -> None:
    """The thread can still be linked."""
    shortcut = parse_shortcut(a_shortcut({"user": None}), OURS)
    assert shortcut is not None
    assert (shortcut.thread, shortcut.said) == (THREAD, None)


def test_the_documented_form_is_read() -> None:
    """It tells the person, the number, and the typed text."""
    form = parse_submission(sample("view_submission"), OURS)
    assert form is not None
    assert (form.by, form.number) == ("U123ABC456", "shhh-its-secret")
    assert form.typed == {"ml-value": "This is my example inputted value"}


@each(
    "changes",
    [
        {"team": None},
        {"team": {"id": "T0OTHER"}},
        {"user": None},
        {"user": {"id": "U1/.."}},
        {"channel": None},
        {"channel": {"id": "C1:2"}},
        {"message": None},
        {"message": {"ts": "now"}},
    ],
)
def test_a_shortcut_without_its_place_is_none(changes: JSON) -> None:
    """Without a person, a message or a workspace it is ignored."""
    assert parse_shortcut(a_shortcut() | changes, OURS) is None


def test_a_global_shortcut_is_read() -> None:
    """It tells the person and the trigger, and no channel."""
    press = parse_anywhere(GLOBAL, OURS)
    assert press is not None
    assert (press.by, press.trigger) == (ADA, GLOBAL["trigger_id"])
    assert press.thread.is_nowhere
    assert parse_press(GLOBAL, OURS) is None


@each(
    "changes",
    [
        {"team": {"id": "T0OTHER"}},
        {"user": None},
        {"user": {"id": "U1/.."}},
        {"user": {"id": ""}},
    ],
)
def test_a_global_shortcut_without_its_person_is_none(changes: JSON) -> None:
    """Nor is one of another workspace read."""
    assert parse_anywhere(GLOBAL | changes, OURS) is None


def test_a_chosen_channel_is_read_from_a_form() -> None:
    """A menu of conversations has a field of its own."""
    entry = {"type": "conversations_select", "selected_conversation": CHANNEL}
    body = a_submission("0" * 32, "")
    body["view"]["state"] = {"values": {"channel": {"channel": entry}}}
    form = parse_submission(body, OURS)
    assert form is not None
    assert form.typed == {"channel": CHANNEL}


def test_a_whispered_press_is_read_from_its_place() -> None:
    """Slack sends no message with it."""
    press = parse_press(a_whispered_press("0" * 32), OURS)
    assert press is not None
    assert (press.by, press.thread) == (ADA, THREAD)
    assert press.value == "0" * 32


@each(
    "changes",
    [
        {"team": {"id": "T0OTHER"}},
        {"user": {"id": "U1/.."}},
        {"user": {"id": "U\N{ARABIC-INDIC DIGIT ONE}"}},
        {"container": {"channel_id": "C1:2"}, "channel": None},
        {"container": None, "channel": None},
    ],
)
def test_a_whispered_press_without_its_place_is_none(changes: JSON) -> None:
    """The person and the place are ids."""
    assert parse_press(a_whispered_press("0" * 32) | changes, OURS) is None


@given(mutated(WHOLE))
def test_no_interaction_makes_a_parser_raise(payload: JSON) -> None:
    """Any payload is parsed, or ignored."""
    shortcut = parse_shortcut(payload, OURS)
    if shortcut is not None and shortcut.said is not None:
        message = shortcut.said
        assert type(message).model_validate_json(message.to_json()).id == message.id
    form = parse_submission(payload, OURS)
    if form is not None:
        "".join([form.number, *form.typed.values()]).encode()
    press = parse_anywhere(payload, OURS)
    if press is not None:
        assert is_of(payload, OURS)
        f"{press.value} {press.trigger}".encode()


@each(
    ("text", "target", "said"),
    [
        (f"{SESSION} ship it", SESSION, "ship it"),
        (f"{SESSION.removeprefix('devin-')} ship it", SESSION, "ship it"),
        ("devin-0123abcd ship it", "devin-0123abcd", "ship it"),
        ("3f2a9c1d4e5b67 broke the build", None, "3f2a9c1d4e5b67 broke the build"),
        (f"{'3f2a9c1d' * 5} broke it", None, f"{'3f2a9c1d' * 5} broke it"),
        ("new fix the login", NEW, "fix the login"),
        ("NEW fix the login", NEW, "fix the login"),
        ("new", NEW, ""),
        ("New", NEW, ""),
        ("New plan: revert it", None, "New plan: revert it"),
        ("news from the build", None, "news from the build"),
        ("renew the certificate", None, "renew the certificate"),
        ("\0", None, ""),
        (f"{SESSION} \u200e", SESSION, ""),
    ],
)
def test_a_say_is_for_a_session_or_a_new_one_only_if_it_says_so(
    text: str, target: str | None, said: str
) -> None:
    """A session's ID comes first, or `new`; a commit's hash or a sentence is the message."""
    say = parse_say(a_command(text), OURS)
    assert say is not None
    assert (NEW if say.starts else say.session, say.text) == (target, said)
