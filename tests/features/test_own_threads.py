"""A child session gets a thread of its own when asked for; the card of its parent says so."""

from bot.app import Bot
from bot.model.errors import NotAllowed, NotLinked
from bot.model.people import Standing
from bot.model.sessions import SessionId
from bot.model.threads import ThreadRef, link_name
from bot.redis.connection import Store
from bot.wording import refusals
from tests.features.test_adoption import roots, until_threads
from tests.people.test_children import rows, spawn, until_listed
from tests.support.desk import OTHER_SESSION, Desk, running
from tests.support.waiting import until_settled, wait_until


async def follow(desk: Desk, thread: str, child: str, user: str = "ada") -> None:
    """Press the *Follow* of a child, which a client may still show, on a card that has another."""
    card = desk.card(thread)
    assert card is not None
    place = desk.slack.workspace.channel("general").id
    ref = ThreadRef(team=desk.slack.team_id, channel=place, thread_ts=thread)
    where = {"channel": "general", "message_ts": card.ts, "user": user}
    await desk.slack.press("follow_child", **where, value=link_name(ref, SessionId(child)))


async def test_follow_gives_a_child_a_thread_once(bot: Bot, desk: Desk) -> None:
    """Pressed by two people; the card tells where that is, and offers it again after `unlink`."""
    thread = await desk.linked_thread()
    child, _ = spawn(desk, "Backend"), spawn(desk, "Frontend")
    await until_listed(desk, thread, "Backend> ", "Frontend> ")
    await follow(desk, thread, child)
    await follow(desk, thread, child, user="ben")
    (root,) = await until_threads(desk, 1)
    await desk.until_said("is following *<", thread)
    desk.devin.say(child, "Ready for review")
    await wait_until(lambda: desk.words(root.ts) == ["Ready for review"], "its words are there")
    await desk.reply("Ship it", root.ts)
    await desk.until_received("Ship it", child)
    await until_listed(desk, thread, f"p{root.ts.replace('.', '')}?", "Frontend> ")
    await follow(desk, thread, child, user="ben")
    await desk.until_whispered("has <", "ben")
    assert (desk.words(thread), len(roots(desk))) == ([], 1)
    await desk.answer("unlink", root.ts, "Unlinked")
    await wait_until(lambda: "followed in" not in rows(desk, thread)[0], "the button is back")
    await follow(desk, thread, child)
    await until_threads(desk, 2)


async def test_a_child_is_listed_with_its_thread_also_if_its_first_read_takes_long(
    bot: Bot, desk: Desk, store: Store
) -> None:
    """Which session started it is known only after that, when its own card is there already."""
    thread = await desk.linked_thread()
    child = spawn(desk, "Backend")
    await until_listed(desk, thread, "Backend> ")
    desk.devin.read_failures["sessions"] += [503] * 1_000
    await follow(desk, thread, child)
    (root,) = await until_threads(desk, 1)
    await desk.until_linked(root.ts)
    await until_settled(store)  # if the parent's card is tried once more till then, it says so
    desk.devin.read_failures["sessions"].clear()
    await until_listed(desk, thread, f"p{root.ts.replace('.', '')}?")


async def test_who_may_not_link_follows_nothing(bot: Bot, desk: Desk) -> None:
    """Nor does a button bring a session that is no child."""
    thread = await desk.linked_thread()
    child = spawn(desk, "Backend")
    await until_listed(desk, thread, "Backend> ")
    await follow(desk, thread, child, user="gus")
    await desk.until_whispered(refusals.sorry(NotAllowed(Standing.GUEST)), "gus")
    await follow(desk, thread, OTHER_SESSION)
    await desk.until_whispered(refusals.sorry(NotLinked()), "ada")
    assert roots(desk) == []


async def test_a_lost_answer_opens_no_second_thread(desk: Desk, environ: dict[str, str]) -> None:
    """Slack has posted, but its answer is lost; two processes are there, and then a new one."""
    async with running(desk, environ), running(desk, environ):
        thread = await desk.linked_thread()
        child, _ = spawn(desk, "Backend"), spawn(desk, "Frontend")
        await until_listed(desk, thread, "Backend> ", "Frontend> ")
        desk.slack.fail_next("chat.postMessage", drop_after=True)
        await follow(desk, thread, child)
        await until_threads(desk, 1)
    async with running(desk, environ):
        await follow(desk, thread, child)
        await desk.until_whispered("has <", "ada")
    assert len(roots(desk)) == 1


async def test_who_asked_is_told_if_slack_takes_no_thread_in_the_channel(
    bot: Bot, desk: Desk
) -> None:
    """And may ask again."""
    thread = await desk.linked_thread()
    child, _ = spawn(desk, "Backend"), spawn(desk, "Frontend")
    await until_listed(desk, thread, "Backend> ", "Frontend> ")
    desk.slack.fail_next("chat.postMessage", error="restricted_action")
    await follow(desk, thread, child)
    await desk.until_whispered("`restricted_action`", "ada")
    await follow(desk, thread, child)
    await until_threads(desk, 1)
