"""The log has one line per event, ids as fields, no secrets, and nobody's text."""

import io
import json
import logging
from collections.abc import Callable

import pytest

from bot.model.replies import OutcomeKind, Refusal, Reply
from bot.runtime import logs
from bot.settings import Settings
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, on_both
from tests.support.logbook import logging_to
from tests.support.tables import each
from tests.support.told import GUEST, report, uncertain
from tests.support.waiting import wait_until

FORMS = ("console", "json")
SECRET = 'apk_user_"quoted"\\and-long-enough'
log = logging.getLogger("bot.some_module")


def written(form: str, act: Callable[[], None], level: str = "DEBUG") -> str:
    """Return what `act` writes to the log, with `SECRET` as a secret."""
    stream = io.StringIO()
    with logging_to(stream, form, level, frozenset({SECRET, "", SECRET[:12]})):
        act()
    return stream.getvalue()


def test_a_json_line_has_its_ids_as_fields() -> None:
    """There is one object per line, which a log store can search by any id."""
    text = written(
        "json", lambda: log.info("outcome", extra={"session_id": SESSION, "status": 200})
    )
    line = json.loads(text)
    assert text.count("\n") == 1
    assert (line["event"], line["level"], line["logger"]) == ("outcome", "info", log.name)
    assert (line["session_id"], line["status"]) == (SESSION, 200)
    assert line["timestamp"].endswith("Z")


def test_a_console_line_has_its_ids_as_fields() -> None:
    """People read the event first, then its ids."""
    text = written("console", lambda: log.warning("waits", extra={"session_id": SESSION}))
    assert text.count("\n") == 1
    assert "waits" in text
    assert "warning" in text
    assert f"session_id={SESSION}" in text


@pytest.mark.parametrize("form", FORMS)
def test_a_value_with_line_breaks_begins_no_line(form: str) -> None:
    """Otherwise foreign text, such as an error's, could pass for another line of the log."""
    reason = "no\n2026-11-26T00:00:00Z [error    ] Devin rejects the key"
    text = written(form, lambda: log.info("waits", extra={"reason": reason}))
    assert text.count("\n") == 1


@pytest.mark.parametrize("form", FORMS)
def test_the_level_is_the_settings(form: str) -> None:
    """Lower levels are not written."""

    def act() -> None:
        log.info("quiet")
        log.warning("loud")

    text = written(form, act, level="WARNING")
    assert "quiet" not in text
    assert "loud" in text


@each("form", FORMS)
@each("library", logs.QUIET)
def test_libraries_that_print_bodies_are_held_to_warnings(form: str, library: str) -> None:
    """This includes DEBUG: Bolt's INFO line for a bad signature holds the whole body."""
    child = logging.getLogger(f"{library}.inner")

    def act() -> None:
        child.debug("body")
        child.info("body")
        child.warning("odd")

    text = written(form, act)
    assert "body" not in text
    assert "odd" in text


def fail_with(words: str) -> None:
    """Log an exception whose message and locals hold `words`."""
    held = words
    try:
        _ = dict[str, str]()[held]
    except KeyError:
        log.exception("failed with %s", held, extra={"field": held, "deep": {"list": [held]}})


@pytest.mark.parametrize("form", FORMS)
def test_secrets_are_taken_out_of_everything(form: str) -> None:
    """Message, fields and traceback are covered, however the format escapes them."""
    text = written(form, lambda: fail_with(f"<{SECRET}>"))
    assert "KeyError" in text
    assert "Traceback" in text
    assert "[secret]" in text
    for part in (SECRET, "quoted", "and-long-enough"):
        assert part not in text


@pytest.mark.parametrize("form", FORMS)
def test_a_traceback_shows_code_and_no_values(form: str) -> None:
    """Local variables contain people's text."""

    def act() -> None:
        held = "what " + "somebody wrote"
        try:
            _ = 1 // len(held[:0])
        except ZeroDivisionError:
            log.exception("failed")

    text = written(form, act)
    assert "ZeroDivisionError" in text
    assert "what somebody wrote" not in text


MARK = "xyzzy"
"""A word in all text by people and Devin below, and in none of the code's names."""


@on_both
@pytest.mark.parametrize("form", FORMS)
async def test_nobodys_words_and_no_secret_are_in_the_log_of_a_whole_run(
    settings: Settings, desk: Desk, form: str
) -> None:
    """The run is at DEBUG, with every kind of outcome and failure."""
    stream = io.StringIO()
    with logging_to(stream, form, "DEBUG", settings.secrets()):
        async with open_bot(settings):
            await desk.slack.wait_connected()
            await a_day(desk)
    text = stream.getvalue()
    for event in ("linked", "accepted", "outcome", "waits", "report waits", "sent again", "looked"):
        assert event in text, f"{event} is told"
    assert SESSION in text
    assert MARK not in text.lower()
    for secret in settings.secrets():
        assert secret not in text


async def a_day(desk: Desk) -> None:
    """Run a thread in which everything happens, in words with `MARK`."""
    thread = await desk.linked_thread()
    devin, slack = desk.devin, desk.slack
    await desk.until_delivered(await desk.reply(f"{MARK} one", thread))

    slack.fail_next("chat.postMessage", status=500)
    slack.fail_next("users.info", status=500)
    if devin.api == "v1":
        devin.behave(SESSION, "suspended", detail=f"{MARK} asleep", times=1)
    else:
        devin.behave(SESSION, "garbage", body=f"{MARK} asleep", times=1)
    await desk.reply(f"{MARK} two <@ben>", thread, user="ben")
    await desk.press("send_again", thread)
    await wait_until(lambda: len(desk.received()) == 2, "it is sent again")

    refused = OutcomeKind.REFUSED
    for state, words in {
        "rejects": report(refused, f"{MARK} rejects", refusal=Refusal.INVALID),
        "teapot": report(refused, f"{MARK} teapot", refusal=Refusal.OTHER, status=418),
        "drops": uncertain(f"{MARK} drops"),
    }.items():
        body = f"{MARK} answer" if state == "teapot" else None
        devin.behave(SESSION, state, times=1, body=body, takes=False)
        await desk.reply(f"{MARK} {state}", thread)
        await desk.until_said(words, thread)
    devin.behave(SESSION, "drops", times=1)
    await desk.until_delivered(await desk.reply(f"{MARK} seen", thread))
    devin.behave(SESSION, "rate_limited", retry_after=0, times=1)
    await desk.until_delivered(await desk.reply(f"{MARK} busy", thread))

    await desk.reply(f"{MARK} from a guest", thread, user="gus")
    await desk.until_whispered(GUEST, "gus")
    await desk.mention(f"link {MARK}", thread=await slack.say(f"{MARK} elsewhere"))
    await slack.slash("/devin-say", f"{SESSION} {MARK} by command")
    await desk.until_received("by command")
    await slack.slash("/devin-say", f"devin-{MARK} {MARK}")


@pytest.mark.parametrize("broken", ['{"text":"Please rebase"', '{"v":1,"text":["Please rebase"]}'])
def test_an_error_about_a_record_does_not_quote_it(broken: str) -> None:
    """The error is logged with its traceback, and the record contains people's text."""
    with pytest.raises(ValueError, match="Reply") as caught:
        Reply.model_validate_json(broken)
    assert "rebase" not in str(caught.value)
