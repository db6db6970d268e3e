"""*Change* opens a form with a channel's defaults, and only what was changed there changes."""

from bot.app import Bot
from bot.features.defaults.words import CHANGE_DEFAULTS, DEFAULTS_FORM
from bot.model.errors import NotAllowed
from bot.model.options import Options, Profile
from bot.model.people import Standing, UserId
from bot.redis.connection import Store
from bot.store.profiles import Profiles
from bot.wording import refusals
from tests.features.test_defaults import profile, until_posted
from tests.people.test_starting import channel_of
from tests.support.desk import Desk, on_v1, running
from tests.support.forms import Form, held, inputs, opened
from tests.support.waiting import until_settled


async def change(desk: Desk, thread: str, user: str = "ada") -> Form:
    """Press *Change* in a thread, and return the form."""
    await desk.press(CHANGE_DEFAULTS, thread, user=user)
    return await opened(desk, DEFAULTS_FORM, user)


async def test_the_form_shows_and_changes_them(bot: Bot, desk: Desk, store: Store) -> None:
    """What was not touched stays, also what another person has changed meanwhile."""
    said = 'repo:acme/api,acme/web !fast max:10 tag:"a, b" words:"Ask <@U0BEN> &amp; *test*"'
    await desk.mention(f"defaults {said}")
    await until_posted(desk, "`max:10`")
    ts = await desk.mention("defaults")
    view = await change(desk, ts)
    filled = held(view)
    assert filled.pop("words").startswith("Ask @")
    assert filled == {"repo": "acme/api, acme/web", "mode": "fast", "cap": "10", "tags": "a, b"}
    await desk.mention("defaults mode:lite")
    await until_posted(desk, "(`mode`)")
    await desk.slack.submit_view(view["id"], {"cap": "7", "repo": "acme/web"})
    await desk.until_said("*ada* changed the defaults for new sessions here (`repo`, `max`)", ts)
    kept = await profile(desk, store)
    assert kept.options == Options(repos=("acme/web",), mode="lite", max_acu=7, tags=("a, b",))
    assert kept.preface == "Ask <@U0BEN> &amp; *test*"


async def test_the_form_sets_words_and_tags(bot: Bot, desk: Desk, store: Store) -> None:
    """A form that is submitted twice, or without a change, tells nothing more."""
    ts = await desk.mention("defaults")
    view = await change(desk, ts)
    assert inputs(view)["repo"]["type"] == "external_select"
    typed = {"words": "Be <kind> & quick.", "tags": "oncall, web"}
    await desk.slack.submit_view(view["id"], typed)
    await desk.until_said("(`tag`, `words`)", ts)
    kept = await profile(desk, store)
    assert kept.preface == "Be &lt;kind&gt; &amp; quick."
    assert kept.options == Options(tags=("oncall", "web"))
    view = await change(desk, ts, "ben")
    await desk.slack.submit_view(view["id"], {}, user="ben")
    view = await change(desk, ts, "ben")
    await desk.slack.submit_view(view["id"], {"words": None, "tags": None}, user="ben")
    await desk.until_said("*Ben Franklin* cleared", ts)
    await until_settled(store)
    assert len(desk.said(ts)) == 3
    assert await profile(desk, store) == Profile()


async def test_a_form_says_under_its_input_what_is_wrong(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """Nothing changes, and the form stays open."""
    async with running(desk, environ, MAX_ACU_CEILING="8"):
        ts = await desk.mention("defaults")
        view = await change(desk, ts)
        for field, value in {"playbook": "!nosuch", "words": "<" * 900}.items():
            await desk.slack.submit_view(view["id"], {field: value})
            (shown_again,) = desk.slack.open_views("ada")
            assert set(shown_again["errors"]) == {field}
    assert await profile(desk, store) == Profile()


@on_v1
async def test_the_form_of_version_1_keeps_what_it_lacks(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It has no input for it."""
    earlier = {"options": Options(repos=("acme/api",), mode="fast"), "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: earlier)
    ts = await desk.mention("defaults")
    view = await change(desk, ts)
    assert list(inputs(view)) == ["playbook", "cap", "tags", "words"]
    await desk.slack.submit_view(view["id"], {"cap": "3"})
    await desk.until_said("(`max`)", ts)
    kept = (await profile(desk, store)).options
    assert kept == Options(repos=("acme/api",), mode="fast", max_acu=3)


async def test_words_that_are_too_long_for_the_form_stay(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """As when names make them longer."""
    words = " ".join(["<#C0000000000>"] * 140 + ["&amp;"])
    long = {"preface": words + "x" * 3_000, "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: long)
    ts = await desk.mention("defaults")
    view = await change(desk, ts)
    assert "words" not in inputs(view)
    await desk.slack.submit_view(view["id"], {"cap": "3"})
    await desk.until_said("(`max`)", ts)
    assert (await profile(desk, store)).preface == long["preface"]


async def test_a_repository_that_is_too_long_for_a_menu_stays(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """It's in a field of text, as several are."""
    long = f"acme/{'x' * 160}"
    await desk.mention(f"defaults repo:{long}")
    await until_posted(desk, "(`repo`)")
    ts = await desk.mention("defaults")
    view = await change(desk, ts)
    assert held(view)["repo"] == long
    await desk.slack.submit_view(view["id"], {"cap": "7"})
    await desk.until_said("(`max`)", ts)
    assert (await profile(desk, store)).options == Options(repos=(long,), max_acu=7)


async def test_a_cap_above_a_later_ceiling_stays(
    desk: Desk, environ: dict[str, str], store: Store
) -> None:
    """The form can't show it, and sessions start with the ceiling meanwhile."""
    high = {"options": Options(max_acu=10), "by": UserId("U0BEN")}
    await Profiles(store).change(channel_of(desk), lambda _: high)
    async with running(desk, environ, MAX_ACU_CEILING="8"):
        ts = await desk.mention("defaults")
        view = await change(desk, ts)
        assert held(view)["cap"] == "8"
        await desk.slack.submit_view(view["id"], {"tags": "oncall"})
        await desk.until_said("(`tag`)", ts)
    assert (await profile(desk, store)).options == Options(max_acu=10, tags=("oncall",))


async def test_only_who_may_start_gets_the_form(desk: Desk, environ: dict[str, str]) -> None:
    """Everybody sees the button."""
    ada = desk.slack.workspace.user("ada").id
    async with running(desk, environ, ALLOW_STARTERS=ada):
        ts = await desk.mention("defaults")
        await desk.press(CHANGE_DEFAULTS, ts, user="ben")
        told = refusals.sorry(NotAllowed(Standing.NOT_STARTER))
        await desk.until_whispered(told, "ben")
        assert desk.slack.open_views("ben") == []
