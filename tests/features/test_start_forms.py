"""The forms of starts: what people choose in them, and how a start that failed is started again."""

from dataclasses import replace

import pytest

from bot.app import Bot
from bot.features.start_forms.words import AGAIN_TITLE
from bot.model.errors import AlreadyDone, Expired, NotAllowed
from bot.model.options import MODES, Options
from bot.model.people import Standing, UserId
from bot.model.replies import Outcome, OutcomeKind, Refusal
from bot.relay.lifecycle.prompts import with_prompt
from bot.relay.lifecycle.starting import Start
from bot.settings import load_settings
from bot.wording import commands, refusals
from bot.wording.lifecycle import options, starting
from bot.wording.lifecycle.options import Offer
from bot.wording.phrases import plain
from sandbox.devin.answers import STATES
from tests.people.test_starting import opening, prompt, sessions, start
from tests.support.bots import open_bot
from tests.support.desk import SESSION, Desk, actions, in_org_too, on_both, on_v1
from tests.support.forms import (
    Form,
    ask_again,
    held,
    inputs,
    offered,
    opened,
    start_again,
    until_refused,
)
from tests.support.waiting import wait_until

REFUSED = STATES["teapot"]


async def new_form(desk: Desk) -> Form:
    await desk.slack.slash("/devin-say", "new")
    return await opened(desk)


async def refused(desk: Desk, words: str, *, user: str = "ada") -> str:
    """Have a start refused by Devin; return its thread."""
    desk.devin.creations.append(REFUSED)
    root = await desk.mention(words, user=user)
    await until_refused(desk, root)
    return root


# What the form offers.


async def test_the_form_offers_what_devin_lists(bot: Bot, desk: Desk) -> None:
    """Repositories and playbooks are searched; the mode is a menu, and the cap a number."""
    view = await new_form(desk)
    kinds = {name: one["type"] for name, one in inputs(view).items()}
    assert kinds == {
        "channel": "conversations_select",
        "prompt": "plain_text_input",
        "repo": "external_select",
        "mode": "static_select",
        "playbook": "external_select",
        "cap": "number_input",
    }
    assert [one["value"] for one in inputs(view)["mode"]["options"]] == list(MODES)
    assert await offered(desk, view, "repo", "") == desk.devin.catalog.repositories
    assert await offered(desk, view, "repo", "WE") == ["acme/web"]
    assert await offered(desk, view, "repo", "nothing") == []
    assert await offered(desk, view, "playbook", "dep") == ["Deploy to staging (!deploy)"]
    assert await offered(desk, view, "playbook", "!fl") == ["Fix a flaky test (!flaky)"]


@on_v1
async def test_version_1_is_asked_for_what_it_has(bot: Bot, desk: Desk) -> None:
    """It has neither repositories nor modes."""
    view = await new_form(desk)
    assert list(inputs(view)) == ["channel", "prompt", "playbook", "cap"]
    assert inputs(view)["playbook"]["type"] == "external_select"


@pytest.mark.parametrize(
    ("permission", "field"), [("Read", "repo"), ("ManageAccountPlaybooks", "playbook")]
)
async def test_what_the_key_may_not_list_is_typed(
    bot: Bot, desk: Desk, permission: str, field: str
) -> None:
    """The other list is searched all the same."""
    desk.devin.permissions.discard(permission)
    view = await new_form(desk)
    kinds = {name: inputs(view)[name]["type"] for name in ("repo", "playbook")}
    assert kinds.pop(field) == "plain_text_input"
    assert list(kinds.values()) == ["external_select"]


async def test_a_repository_beyond_devins_list_can_be_chosen(bot: Bot, desk: Desk) -> None:
    """The list is read to a bound."""
    view = await new_form(desk)
    assert await offered(desk, view, "repo", "acme/api-v2") == ["acme/api-v2"]
    assert await offered(desk, view, "repo", "acme/a b") == []


async def test_a_menu_shows_at_most_what_slack_takes(bot: Bot, desk: Desk) -> None:
    """The search narrows it, and long titles are cut."""
    desk.devin.catalog.repositories = [f"acme/service-{number}" for number in range(250)]
    first = desk.devin.catalog.playbooks[0]
    desk.devin.catalog.playbooks[0] = replace(first, title="A very long title " * 10)
    view = await new_form(desk)
    assert len(await offered(desk, view, "repo", "")) == options.MOST_OPTIONS
    assert await offered(desk, view, "repo", "service-249") == ["acme/service-249"]
    (label,) = await offered(desk, view, "playbook", "!deploy")
    assert label.endswith("… (!deploy)")


# What becomes of it.


@in_org_too
async def test_what_is_chosen_precedes_the_prompt_in_the_thread(bot: Bot, desk: Desk) -> None:
    """It stands there as if it had been typed."""
    view = await new_form(desk)
    chosen = {"repo": "acme/api", "mode": "fast", "playbook": "!deploy", "cap": "10"}
    channel = desk.slack.workspace.channel("general").id
    filled = {"channel": channel, "prompt": 'title:"Login test" Fix <it>', **chosen}
    await desk.slack.submit_view(view["id"], filled)
    await wait_until(lambda: sessions(desk), "it starts")
    words = 'repo:acme/api mode:fast playbook:!deploy max:10 title:"Login test" Fix &lt;it&gt;'
    assert opening(desk).text == commands.said("ada", words).text


async def test_what_cannot_be_chosen_is_said_at_its_field(bot: Bot, desk: Desk) -> None:
    """All at once, and the form stays."""
    desk.devin.permissions -= {"Read", "ManageAccountPlaybooks"}
    view = await new_form(desk)
    filled = {"prompt": " ", "repo": "acme", "playbook": "deploy"}
    await desk.slack.submit_view(view["id"], filled)
    (view,) = desk.slack.open_views("ada")
    assert set(view["errors"]) == {"prompt", "repo", "playbook"}
    assert "owner/name" in view["errors"]["repo"]
    assert sessions(desk) == []


async def test_a_number_input_takes_no_other_number(environ: dict[str, str], desk: Desk) -> None:
    """Nobody can choose more than the ceiling."""
    environ |= {"MAX_ACU_CEILING": "20"}
    async with open_bot(load_settings(environ, None)):
        await desk.slack.wait_connected()
        view = await new_form(desk)
        for cap in ("0", "2.5", "21"):
            with pytest.raises(ValueError, match="cap"):
                await desk.slack.submit_view(view["id"], {"prompt": "Fix it", "cap": cap})
        hints = [one["hint"]["text"] for one in view["blocks"] if one["block_id"] == "cap"]
    assert hints == ["The session stops once it has used this many. At most 20."]


# Start again.


@on_both
async def test_a_start_that_failed_is_started_again_as_it_was(bot: Bot, desk: Desk) -> None:
    """The form holds its prompt; who submits it replaces the button, and the thread is linked."""
    root = await refused(desk, "start Please *fix* `it`")
    view = await ask_again(desk, root)
    assert held(view) == {"prompt": "Please **fix** `it`"}
    report = desk.posts(root)[-1]
    await desk.slack.submit_view(view["id"], {})
    await desk.until_linked(root)
    assert prompt(desk) == "ada, U0ADA00000 (in Slack):\n\nPlease **fix** `it`"
    await wait_until(lambda: not actions(report), "the button gives way")
    assert starting.started_again("ada") in report.text


async def test_the_form_to_start_again_holds_all_that_was_chosen(bot: Bot, desk: Desk) -> None:
    """What it has no input for precedes the prompt."""
    words = 'repo:acme/api repo:acme/web mode:fast playbook:!deploy max:10 tag:oncall title:"A b"'
    root = await refused(desk, f"start {words} Fix it")
    view = await ask_again(desk, root)
    assert held(view) == {
        "prompt": 'repo:acme/web tag:oncall title:"A b" Fix it',
        "repo": "acme/api",
        "mode": "fast",
        "playbook": "!deploy",
        "cap": "10",
    }
    label = inputs(view)["playbook"]["initial_option"]["text"]["text"]
    assert label == "Deploy to staging (!deploy)"


async def test_another_prompt_is_started_in_the_same_thread(bot: Bot, desk: Desk) -> None:
    """The thread before it is still a part of it, and the words of the message are not."""
    root = await desk.slack.say("The build is red")
    desk.devin.creations.append(REFUSED)
    await desk.mention("start Fix it", thread=root)
    await until_refused(desk, root)
    await start_again(desk, root, prompt="Write a <test>")
    await desk.until_linked(root)
    assert "Write a <test>" in prompt(desk)
    assert "The build is red" in prompt(desk)
    assert "Fix it" not in prompt(desk)


async def test_a_long_prompt_stays_as_it_is(bot: Bot, desk: Desk) -> None:
    """Slack's input takes 3,000 characters; only the options can be changed."""
    long = "Fix it. " * 500
    root = await refused(desk, f"start {long}")
    view = await ask_again(desk, root)
    assert "prompt" not in inputs(view)
    await desk.slack.submit_view(view["id"], {"cap": "10"})
    await desk.until_linked(root)
    assert long.strip() in prompt(desk)


async def test_someone_else_sends_what_its_author_wrote(bot: Bot, desk: Desk) -> None:
    """Who changes the prompt is its author."""
    root = await refused(desk, "start Fix it")
    await start_again(desk, root, user="ben")
    await desk.until_linked(root)
    sent = "Ben Franklin, U0BEN00000 sends what ada, U0ADA00000 wrote (in Slack):\n\nFix it"
    assert prompt(desk) == sent


async def test_who_changes_the_prompt_is_its_author(bot: Bot, desk: Desk) -> None:
    """Nobody can speak as another."""
    root = await refused(desk, "start Fix it")
    await start_again(desk, root, user="ben", prompt="Drop it")
    await desk.until_linked(root)
    assert prompt(desk) == "Ben Franklin, U0BEN00000 (in Slack):\n\nDrop it"


async def test_of_two_people_who_start_it_again_the_first_does(bot: Bot, desk: Desk) -> None:
    """The other one is told in the form; a redelivery changes nothing."""
    root = await refused(desk, "start Fix it")
    mine = await ask_again(desk, root)
    theirs = await ask_again(desk, root, user="ben")
    report = desk.posts(root)[-1]
    await desk.slack.redeliver(await desk.slack.submit_view(mine["id"], {}))
    await desk.until_linked(root)
    await desk.slack.submit_view(theirs["id"], {}, user="ben")
    (shown,) = desk.slack.open_views("ben")
    assert shown["errors"] == {"prompt": plain(refusals.sorry(AlreadyDone()).text)}
    assert len(sessions(desk)) == 1
    await wait_until(lambda: not actions(report), "the button gives way")


async def test_a_message_that_was_deleted_is_not_started_again(bot: Bot, desk: Desk) -> None:
    """What is gone is shown to nobody."""
    root = await desk.slack.say("The build is red")
    desk.devin.creations.append(REFUSED)
    ts = await desk.mention("start My secret", thread=root)
    await until_refused(desk, root)
    await desk.slack.delete("general", ts)
    report = desk.posts(root)[-1]
    await desk.slack.press("start_again", channel="general", message_ts=report.ts)
    await desk.until_whispered(refusals.sorry(Expired()), "ada")
    assert sessions(desk) == []


async def test_what_was_edited_is_what_the_form_holds(bot: Bot, desk: Desk) -> None:
    """The message as it is now."""
    root = await desk.slack.say("The build is red")
    desk.devin.creations.append(REFUSED)
    ts = await desk.mention("start Fix it", thread=root)
    await until_refused(desk, root)
    await desk.slack.edit("general", ts, f"<@{desk.slack.bot_user_id}> start Fix all of it")
    view = await ask_again(desk, root)
    assert held(view) == {"prompt": "Fix all of it"}


async def test_what_fails_again_can_be_started_another_time(bot: Bot, desk: Desk) -> None:
    """Each failure has its own button."""
    root = await refused(desk, "start Fix it")
    desk.devin.creations.append(REFUSED)
    await start_again(desk, root, prompt="Fix all of it")
    outcome = Outcome(kind=OutcomeKind.REFUSED, refusal=Refusal.OTHER, status=418)
    said = starting.failed(start().model_copy(update={"text": "Fix all of it"}), 2, outcome)
    await desk.until_said(said, root)
    view = await ask_again(desk, root)
    assert held(view) == {"prompt": "Fix all of it"}
    await desk.slack.submit_view(view["id"], {})
    await desk.until_linked(root)
    assert prompt(desk) == "ada, U0ADA00000 (in Slack):\n\nFix all of it"


async def test_a_start_that_is_repeated_gets_nothing_that_another_session_has(
    bot: Bot, desk: Desk
) -> None:
    """The thread is read from the first request on, and was linked since."""
    root = await refused(desk, "start Fix it")
    view = await ask_again(desk, root)
    await desk.mention(f"link {SESSION}", thread=root)
    await desk.until_linked(root)
    await desk.until_delivered(await desk.reply("Use Postgres", root))
    await desk.answer("unlink", root, "Unlinked")
    await desk.slack.submit_view(view["id"], {})
    await desk.until_linked(root)
    await desk.until_delivered(await desk.reply("Thanks", root))
    (new,) = sessions(desk)
    assert [one.partition("\n\n")[2] for one in new.received()] == ["Thanks"]


async def test_what_cannot_be_started_again_is_said_in_the_form(bot: Bot, desk: Desk) -> None:
    """As for any start, before Devin is asked; the form stays, and its person can correct it."""
    root = await refused(desk, "start Fix it")
    view = await ask_again(desk, root)
    await desk.slack.submit_view(view["id"], {"prompt": "!nobody-has-it Fix it"})
    (view,) = desk.slack.open_views("ada")
    assert "!nobody-has-it" in view["errors"]["prompt"]
    await desk.slack.submit_view(view["id"], {"prompt": "Fix it"})
    await desk.until_linked(root)
    assert prompt(desk) == "ada, U0ADA00000 (in Slack):\n\nFix it"


def test_who_starts_again_what_another_wrote_is_who_started_it() -> None:
    """What it uses is on their account, and on record for them."""
    message = start().model_copy(update={"sent_by": UserId("U0BEN00000")})
    assert (Start(message=start()).by, Start(message=message).by) == (
        start().author,
        "U0BEN00000",
    )


@pytest.mark.parametrize("cap", ["1.5", "1000000", "-1"])
def test_a_cap_is_refused_as_it_was_typed(cap: str) -> None:
    """The words say what a cap may be."""
    (said,) = options.problems({"prompt": "Fix it", "cap": cap}).values()
    assert said == f"max:{cap}: the cap must be a whole number of ACUs from 1 to 999,999"


def test_a_cap_above_the_ceiling_is_shown_as_the_ceiling() -> None:
    """Slack would not open a form whose number is beyond its limits."""
    blocks = options.fields(Options(max_acu=50), Offer(ceiling=20))
    (cap,) = [one["element"] for one in blocks if one.get("block_id") == "cap"]
    assert (cap["initial_value"], cap["max_value"]) == ("20", "20")


def test_the_rich_text_of_a_workflow_stays_beside_its_options() -> None:
    """It is all of the prompt, so *Start again* doesn't lose it."""
    blocks = ({"type": "rich_text", "elements": []},)
    step = start().model_copy(update={"step": "Fx1", "text": "max:3", "blocks": blocks})
    assert with_prompt(step, "max:5") == step.model_copy(update={"text": "max:5"})


async def test_a_prompt_that_was_posted_is_started_again_in_its_thread(
    bot: Bot, desk: Desk
) -> None:
    """One from `/devin-say new`, too; a bad option in the prompt is said below it."""
    desk.devin.creations.append(REFUSED)
    await desk.slack.slash("/devin-say", "new Fix it")
    await wait_until(lambda: desk.slack.channel_messages("general"), "it is posted")
    post = opening(desk)
    await until_refused(desk, post.ts)
    view = await ask_again(desk, post.ts)
    assert held(view) == {"prompt": "Fix it"}
    await desk.slack.submit_view(view["id"], {"prompt": "max:none Fix it"})
    (view,) = desk.slack.open_views("ada")
    assert list(view["errors"]) == ["prompt"]
    await desk.slack.submit_view(view["id"], {"prompt": "Fix it now"})
    await desk.until_linked(post.ts)
    assert prompt(desk) == "ada, U0ADA00000 (in Slack):\n\nFix it now"


async def test_a_guest_gets_no_form(bot: Bot, desk: Desk) -> None:
    """They are told why."""
    root = await refused(desk, "start Fix it")
    report = desk.posts(root)[-1]
    await desk.slack.press("start_again", channel="general", message_ts=report.ts, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert desk.slack.open_views("gus") == []


def test_a_form_can_be_shown() -> None:
    """Slack's limit for a title is 24 characters."""
    assert max(map(len, (starting.FORM_TITLE, AGAIN_TITLE))) <= 24


@pytest.mark.times(features=())
async def test_the_core_starts_sessions_without_forms(bot: Bot, desk: Desk) -> None:
    """It offers none: neither below its answers, nor below a start that failed."""
    await desk.slack.slash("/devin-say", "new")
    await desk.until_whispered(starting.NO_TASK, "ada")
    alone = await desk.mention("start")
    await desk.until_said(starting.NO_TASK, alone)
    desk.devin.creations.append(REFUSED)
    root = await desk.mention("start Fix it")
    await desk.until_said("ask again", root)
    assert [actions(one) for one in (*desk.posts(alone), *desk.posts(root))] == [[], []]
    root = await desk.mention("start Fix it")
    await desk.until_linked(root)
