"""A channel's defaults are seen and changed by its people, and each start there uses them."""

import asyncio
from datetime import timedelta

import pytest

from bot.app import Bot
from bot.features.defaults import words as defaults
from bot.features.defaults.changes import Changes
from bot.features.defaults.use import Defaults
from bot.model.errors import NotAllowed
from bot.model.options import BadDefaults, OptionFlaw, OptionProblem, Options, Profile
from bot.model.people import Standing, UserId
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef
from bot.redis.connection import Store
from bot.settings import load_settings
from bot.store.profiles import Profiles
from bot.store.watches import Watches
from bot.wording import commands, refusals
from sandbox.devin.answers import STATES
from tests.people.test_starting import channel_of, sessions
from tests.support.bots import open_bot
from tests.support.desk import OTHER_SESSION, SESSION, Desk, Told, on_v1, running, tells
from tests.support.devin_posts import until_card
from tests.support.forms import opened, start_again, until_refused
from tests.support.listeners import listeners
from tests.support.waiting import until_settled, wait_until

NOTHING = defaults.shown(defaults.ProfileShown(Profile(), "", ""))


def posts(desk: Desk, channel: str = "general") -> list[str]:
    """Return what the bot has posted in the channel itself."""
    found = desk.slack.channel_messages(channel)
    return [one.text for one in found if one.user == desk.slack.bot_user_id and not one.is_reply]


async def until_posted(desk: Desk, words: Told, channel: str = "general") -> str:
    """Wait until the channel is told `words`, and return the whole post."""
    await wait_until(
        lambda: any(tells(one, words) for one in posts(desk, channel)),
        f"{channel} is told {words!r} ({posts(desk, channel)})",
    )
    return next(one for one in posts(desk, channel) if tells(one, words))


async def profile(desk: Desk, store: Store) -> Profile:
    return await Profiles(store).get(channel_of(desk))


async def profile_is(desk: Desk, store: Store, words: str) -> bool:
    return (await profile(desk, store)).preface == words


async def shown(desk: Desk) -> str:
    """Ask for the defaults, and return the answer."""
    ts = await desk.mention("defaults")
    await wait_until(lambda: desk.said(ts), "they are shown")
    return desk.said(ts)[0]


def bad(*problems: tuple[OptionFlaw, str, str]) -> BadDefaults:
    return BadDefaults([OptionProblem(*one) for one in problems])


# Seen and changed.


async def test_defaults_are_set_shown_and_cleared(bot: Bot, desk: Desk, store: Store) -> None:
    """What is named changes, and the rest stays; the channel is told who did what."""
    assert await shown(desk) == NOTHING.params()["text"]
    said = 'repo:acme/api !fast max:10 tag:team words:"Always run the *tests* &amp; lint."'
    await desk.mention(f"defaults {said}", user="ben")
    told = await until_posted(desk, "*Ben Franklin* changed")
    for part in ("`repo:acme/api`", "`mode:fast`", "`max:10`", "`tag:team`", "`words`"):
        assert part in told
    assert "Always run the" in told
    await desk.mention("defaults max:none tag:oncall,web")
    await until_posted(desk, "(`max`, `tag`)")
    kept = await profile(desk, store)
    assert kept.options == Options(repos=("acme/api",), mode="fast", tags=("oncall", "web"))
    assert kept.preface == "Always run the *tests* &amp; lint."
    await desk.mention("defaults max:none", user="ben")
    await until_posted(desk, "set by ada")
    assert "set by ada" in await shown(desk)
    await desk.mention("Defaults NONE")
    await until_posted(desk, "*ada* cleared")
    assert await profile(desk, store) == Profile()
    assert await shown(desk) == NOTHING.params()["text"]


@pytest.mark.parametrize(
    ("said", "undone", "words"),
    [
        ("defaults max:3", "defaults none", ("changed the defaults", "cleared the defaults")),
        (f"default {SESSION}", "default none", ("as the default session", "cleared the default")),
        ("adopt tag:oncall", "adopt none", ("changed adoption", "ended adoption")),
        ("digest daily", "digest off", ("has set a digest", "ended the digest")),
    ],
)
async def test_what_a_thread_changes_in_its_channel_is_told_to_the_channel(
    bot: Bot, desk: Desk, said: str, undone: str, words: tuple[str, str]
) -> None:
    """With the name of who did it, and in the thread; a linked one, too: Devin gets none of it."""
    root = await desk.linked_thread()
    for number, command in enumerate((said, undone)):
        await desk.mention(command, thread=root, user="ben")
        assert "Ben Franklin" in await until_posted(desk, words[number])
        await wait_until(lambda: len(desk.said(root)) > number, "the thread has an answer")  # noqa: B023
    assert (len(posts(desk)), len(desk.said(root)), desk.received()) == (2, 2, [])


async def test_defaults_that_a_thread_does_not_change_are_told_there_alone(
    bot: Bot, desk: Desk
) -> None:
    """They are shown to who asked."""
    root = await desk.linked_thread()
    for command in ("defaults none", "defaults", "default", "digest", "adopt"):
        await desk.answer(command, root, "")
    assert posts(desk) == []


@pytest.mark.parametrize("words", ["defaults are fine", "defaults", "defaults node:18 is meant"])
async def test_what_has_no_option_is_talk(bot: Bot, desk: Desk, words: str) -> None:
    """In a linked thread it goes to Devin; alone it is the command."""
    root = await desk.linked_thread()
    await desk.mention(words, thread=root)
    if words == "defaults":
        await desk.until_said(NOTHING, root)
    else:
        await desk.until_received(words)


async def test_defaults_and_the_default_session_are_apart(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Each keeps what the other sets; who confuses the two words is understood."""
    await desk.mention("default max:7")
    await until_posted(desk, "(`max`)")
    ts = await desk.mention(f"defaults {SESSION}")
    await desk.until_said(commands.default_is(desk.named(), "ada"), ts)
    assert "`max:7` (set by ada)." in await shown(desk)
    assert SESSION[6:13] in await shown(desk)
    await desk.mention("defaults none")
    await until_posted(desk, "cleared")
    assert (await profile(desk, store)).session == SESSION
    await desk.mention("defaults max:8")
    await until_posted(desk, "`max:8`")
    ts = await desk.mention("default none")
    await desk.until_said(commands.NO_DEFAULT, ts)
    kept = await profile(desk, store)
    assert (kept.session, kept.options.max_acu) == (None, 8)


NO_DEFAULTS = {
    "rep:acme/api max:0": [(OptionFlaw.NEAR, "repo", "rep"), (OptionFlaw.WRONG, "max", "0")],
    'word:"Be kind"': [(OptionFlaw.NEAR, "words", "word")],
    "title:Login": [(OptionFlaw.NO_DEFAULT, "title", "")],
    "max:5 Be kind": [(OptionFlaw.MORE, "words", "Be kind")],
    'words:"Be kind': [(OptionFlaw.WRONG, "words", '"Be')],
    "max:none max:3": [(OptionFlaw.TWICE, "max", "3")],
    "tag:none tag:x": [(OptionFlaw.TWICE, "tag", "x")],
    "repo:a/b,None": [(OptionFlaw.TWICE, "repo", "None")],
    "max:9": [(OptionFlaw.ABOVE, "max", "8")],
    "!nosuch": [(OptionFlaw.NO_PLAYBOOK, "playbook", "!nosuch")],
    f"words:{'x' * 2_001}": [(OptionFlaw.TOO_LONG, "words", "2000")],
}


async def test_what_can_t_be_a_default_is_asked_back(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """All of it at once, and nothing changes."""
    async with running(desk, environ, MAX_ACU_CEILING="8"):
        for said, problems in NO_DEFAULTS.items():
            ts = await desk.mention(f"defaults {said}")
            await desk.until_said(refusals.sorry(bad(*problems)), ts)
    assert await profile(desk, store) == Profile()


async def test_a_macro_that_can_t_be_looked_up_is_no_default(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Whether that passes or not."""
    for status in (503, 403):
        desk.devin.read_failures["playbooks"].append(status)
        ts = await desk.mention("defaults playbook:!deploy")
        unread = bad((OptionFlaw.UNREAD, "playbook", "!deploy"))
        await desk.until_said(refusals.sorry(unread), ts)
    assert await profile(desk, store) == Profile()


@on_v1
async def test_version_1_has_no_repository_and_no_mode(bot: Bot, desk: Desk, store: Store) -> None:
    """Nor does it ask for those that were set when it had."""
    ts = await desk.mention("defaults repo:acme/api !fast max:3")
    lacking = [(OptionFlaw.LACKING, key, "") for key in ("repo", "mode")]
    await desk.until_said(refusals.sorry(bad(*lacking)), ts)
    earlier = {"options": Options(mode="fast", max_acu=3), "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: earlier)
    assert "ignores `mode`" in await shown(desk)
    await desk.mention("defaults mode:none")
    await until_posted(desk, "`max:3`")


async def test_a_ceiling_that_came_later_is_told(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """It applies, whatever was set before."""
    earlier = {"options": Options(max_acu=50), "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: earlier)
    async with running(desk, environ, MAX_ACU_CEILING="8"):
        assert "8 ACUs" in await shown(desk)


# Permissions.


@pytest.mark.parametrize("words", ["defaults", "defaults max:3", "defaults none"])
async def test_a_guest_sees_and_changes_none(
    bot: Bot, desk: Desk, store: Store, words: str
) -> None:
    await desk.mention("defaults max:5")
    await until_posted(desk, "`max:5`")
    await desk.mention(words, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    assert (await profile(desk, store)).options.max_acu == 5


async def test_an_outsider_sees_and_changes_none(bot: Bot, desk: Desk, store: Store) -> None:
    """In a channel that their organization shares."""
    for words in ("defaults", "defaults max:3"):
        await desk.mention(words, user="eve", channel="shared")
    refused = refusals.sorry(NotAllowed(Standing.EXTERNAL)).text
    await wait_until(
        lambda: desk.whispers("eve", channel="shared") == [refused, refused], "Eve is told"
    )
    assert await Profiles(store).get(channel_of(desk, "shared")) == Profile()


async def test_who_may_not_start_changes_none(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """They see them, since they may message Devin."""
    ada = desk.slack.workspace.user("ada").id
    async with running(desk, environ, ALLOW_STARTERS=ada):
        await desk.mention("defaults max:3", user="ben")
        await desk.until_whispered(refusals.sorry(NotAllowed(Standing.NOT_STARTER)), "ben")
        ts = await desk.mention("defaults", user="ben")
        await desk.until_said(NOTHING, ts)
    assert await profile(desk, store) == Profile()


# /devin-say.


async def test_devin_say_shows_them_and_sends_no_command(bot: Bot, desk: Desk) -> None:
    """A change is said in the channel; "defaults are fine" is a message as ever."""
    await desk.linked_thread()
    await desk.slack.slash("/devin-say", "defaults")
    await desk.until_whispered(NOTHING, "ada")
    texts = ("default none", "default", f"default {OTHER_SESSION}", "defaults max:3")
    for text in (*texts, "defaults off"):
        assert (await desk.slack.slash("/devin-say", text)).acked
        await desk.until_whispered(commands.by_mention(text.split()[0]), "ada")
    await desk.slack.slash("/devin-say", "defaults are fine")
    await desk.until_received("defaults are fine")
    assert len(desk.received()) == 1


# Once, and kept.


async def test_they_outlast_a_restart(desk: Desk, environ: dict[str, str]) -> None:
    """And apply to starts of another process."""
    async with running(desk, environ):
        await desk.mention("defaults max:6")
        await until_posted(desk, "`max:6`")
    async with running(desk, environ):
        await desk.slack.slash("/devin-say", "new Fix it")
        await wait_until(lambda: sessions(desk), "a session starts")
        assert sessions(desk)[0].cap == 6


async def test_two_processes_tell_a_change_once(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """Slack sends a mention as two events, perhaps to both."""
    settings = load_settings(environ)
    async with open_bot(settings), open_bot(settings):
        await desk.mention("defaults max:6")
        await until_posted(desk, "`max:6`")
        await desk.until_heard()
        await until_settled(store)
    assert len(posts(desk)) == 1


async def test_a_change_that_runs_again_is_told_once(
    bot: Bot, desk: Desk, environ: dict[str, str], store: Store, redis_url: str
) -> None:
    """As that of a command whose process died once it was made, or before it was done with."""
    ben, is_known = desk.slack.workspace.user("ben").id, asyncio.Event()
    changes = Changes(preface=f"Ask <@{ben}>", named=("words",))
    place = ThreadRef(team=desk.slack.team_id, channel=channel_of(desk), thread_ts="")
    by = UserId(desk.slack.workspace.user("ada").id)
    async with listeners(load_settings(environ), store, redis_url) as process:
        use = Defaults(process.cases)
        await use.show(place.channel, by)
        desk.slack.fail_next("users.info", until=is_known)  # Ben's name, to tell it
        first = asyncio.create_task(use.change(place, by, changes, "command:1"))
        await wait_until(lambda: profile_is(desk, store, changes.preface), "it is made")
        first.cancel()
        is_known.set()
        for _ in range(2):
            await use.change(place, by, changes, "command:1")
    await until_posted(desk, "*ada* changed the defaults")
    await until_settled(store)
    assert len(posts(desk)) == 1


async def test_a_channel_with_a_new_id_keeps_them(bot: Bot, desk: Desk, store: Store) -> None:
    """But not its default session: people whom nobody had in mind can read along there."""
    ts = await desk.mention(f"default {SESSION}", channel="secrets")
    await desk.until_said(commands.default_is(desk.named(), "ada"), ts, channel="secrets")
    await desk.mention("defaults max:6", channel="secrets")
    await until_posted(desk, "`max:6`", "secrets")
    old = channel_of(desk, "secrets")
    await desk.slack.share("secrets")
    new = channel_of(desk, "secrets")
    assert new != old
    await desk.until_heard()
    profiles = Profiles(store)
    by = UserId(desk.slack.workspace.user("ada").id)
    assert await profiles.get(new) == Profile(options=Options(max_acu=6), by=by)
    assert await profiles.get(old) == Profile()
    await profiles.move(old, new)
    assert (await profiles.get(new)).options.max_acu == 6


# Each way to start uses them.


async def test_a_card_names_who_set_the_standing_words_of_its_session(bot: Bot, desk: Desk) -> None:
    """Whoever changed another default since then; what is set later is not this session's."""
    root = await desk.linked_thread()
    await desk.mention('defaults words:"Push straight to main."', thread=root, user="ben")
    await until_posted(desk, "Push straight to main.")
    await desk.mention("defaults max:3")
    await until_posted(desk, "(`max`)")
    with_words = await desk.mention("start Fix it")
    await until_card(desk, "With this channel's standing words, set by Ben Franklin", with_words)
    await desk.mention("defaults words:none")
    await until_posted(desk, "(`words`)")
    without = await desk.mention("start Fix more")
    await until_card(desk, "3 ACUs", without)
    assert "standing words" not in str(desk.cards(without)[-1].blocks)
    assert "set by Ben Franklin" in str(desk.cards(with_words)[-1].blocks)


async def test_every_way_to_start_uses_them(bot: Bot, desk: Desk, store: Store) -> None:
    """And what was chosen is kept with the session."""
    await desk.mention('defaults repo:acme/api max:4 words:"Be kind."')
    await until_posted(desk, "`max:4`")
    channel = channel_of(desk)

    async def by_mention() -> None:
        await desk.mention("start Fix it")

    async def by_command() -> None:
        await desk.slack.slash("/devin-say", "new Fix it")

    async def by_form() -> None:
        await desk.slack.global_shortcut("start_session")
        typed = {"channel": channel, "prompt": "Fix it"}
        await desk.slack.submit_view((await opened(desk))["id"], typed)

    async def by_step() -> None:
        await desk.slack.run_step("start_session", {"channel": channel, "prompt": "Fix it"})

    async def again() -> None:
        desk.devin.creations.append(STATES["teapot"])
        root = await desk.mention("start Fix it")
        await until_refused(desk, root)
        await start_again(desk, root)

    ways = (by_mention, by_command, by_form, by_step, again)
    for number, start in enumerate(ways, 1):
        await start()
        await wait_until(lambda wanted=number: len(sessions(desk)) == wanted, start.__name__)  # type: ignore[misc]  # a lambda's default
    await until_settled(store)
    cards = [
        one.text
        for root in desk.slack.channel_messages("general")
        for one in desk.cards(root.ts)
        if not root.is_reply
    ]
    assert len(cards) == len(ways)
    assert all("`repo:acme/api`" in one for one in cards)
    for session in sessions(desk):
        assert (session.body["repos"], session.body["max_acu_limit"]) == (["acme/api"], 4)
        assert session.body["prompt"].startswith("Be kind.\n\n")
        began = await Watches(store, timedelta(days=1)).started(SessionId(session.session_id))
        assert began is not None
        assert (began.cap, began.chosen) == (4, "repo:acme/api max:4")


@pytest.mark.times(features=())
async def test_the_core_applies_them_without_the_feature(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It has no command that changes them, and its help names none."""
    options = {"options": Options(max_acu=4), "by": UserId("U0ADA00000")}
    await Profiles(store).change(channel_of(desk), lambda _: options)
    asked = await desk.mention("help")
    await desk.until_said("Mention me", asked)
    assert "defaults" not in desk.said(asked)[0]
    root = await desk.mention("start Fix it")
    await desk.until_linked(root)
    (session,) = sessions(desk)
    assert session.body["max_acu_limit"] == 4
