"""People's wishes, each to be done once, and Devin's part in them; `wishes.py` judges them."""

import asyncio
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.features.adoption.own_threads import OwnThreads
from bot.features.reviews.use import Reviews
from bot.features.reviews.words import result
from bot.model.sessions import Review
from bot.store.outbox import OwedKind
from bot.wording.actions import CONTINUE_SESSION, START_AGAIN
from chaos.commands import Commands
from chaos.people import People
from chaos.sentences import actions_of, is_card, key_of, kind_in
from chaos.speech import Place
from chaos.surfaces import CHANNEL, PERSON
from chaos.wishes import ELSEWHERE, SIGNED, STARTED, What, Wish
from sandbox import Sandbox
from sandbox.devin.sessions import DevinSession, NewSession
from sandbox.slack.server import Message
from sandbox.slack.world.workspace import Channel

EMOJI, TAG, ADOPTS = "robot_face", "chaos", "adopting"
PULL_REQUEST = "https://github.com/acme/relay/pull/"
NUMBERED = re.compile(r"wish (\d{6})")
CAP, COSTS = 3, (0.25, 0.5, 1.0)
MOST_ADOPTED = 8
"""Less than a channel gets in an hour; later ones would wait."""

REVIEW_SECONDS = 10.0
"""A real review takes minutes: somebody who read of none, and asks for one, still meets it."""

INSIST_SECONDS = 15.0
EACH_SECOND, PAUSE_SECONDS, AGE = 0.5, 1.2, timedelta(minutes=2)
"""A rule counts from the time of the process that makes it, which may be `APART` from Devin's."""


class Wishes:
    """People's wishes, and Devin's part in them; `watch` gets each session with its thread."""

    def __init__(
        self,
        box: Sandbox,
        wishes: list[Wish],
        people: People,
        commands: Commands,
        watch: Callable[[str, Place], None],
        seed: int,
    ) -> None:
        self._devin, self._slack = box.devin, box.slack
        self._wishes, self._people, self._commands = wishes, people, commands
        self._watch = watch
        self._watched: set[str] = set()
        self._rng = random.Random(f"wishes {seed}")  # noqa: S311  (repeatable, not secret)
        everybody = [*box.slack.workspace.channel(CHANNEL).members]
        box.slack.workspace.add_channel(Channel(ADOPTS, members=everybody))

    @property
    def _is_v3(self) -> bool:
        return self._devin.api == "v3"

    async def begin(self) -> None:
        """Let a channel adopt what begins from now on."""
        if not self._is_v3:
            return
        self._appear(What.EARLIER)
        root = await self._slack.say("Whose are these?", channel=ADOPTS)
        place = Place(ADOPTS, root)
        await self._commands.give("", place, f"adopt tag:{TAG}", lambda _, is_later: is_later)

    async def make(self, seconds: float) -> None:
        """Make wishes for that long, while Devin works on them."""
        until = time.monotonic() + seconds
        kinds = [one for one in What if self._is_v3 or one in STARTED]
        while time.monotonic() < until:
            for what in self._rng.sample(kinds, len(kinds)):
                await self._make(what)
                self._spend()
                await asyncio.sleep(self._rng.expovariate(1 / PAUSE_SECONDS))

    async def _make(self, what: What) -> None:
        if what in ELSEWHERE:
            if sum(one.what is what for one in self._wishes) < MOST_ADOPTED:
                self._appear(what)
            return
        wish = self._add(what)
        users = (PERSON, "ben")[: 1 + (self._rng.random() < EACH_SECOND)]
        if what is What.EMOJI:
            await self._react(wish, users)
        elif what is What.CAPPED:
            await self._ask(wish, f"start max:{CAP} tag:{TAG} wish {wish.number:06d}", PERSON)
        else:
            for user in users:
                await self._ask(wish, f"review {PULL_REQUEST}{wish.number}", user)

    def _add(self, what: What) -> Wish:
        self._wishes.append(Wish(len(self._wishes), what))
        return self._wishes[-1]

    def _appear(self, what: What) -> None:
        """Let an automation begin a session, which may be older than the rule."""
        name = f"wish {self._add(what).number:06d}"
        session = self._devin.appear(NewSession(name, name, (TAG,)))
        now = datetime.fromtimestamp(self._slack.workspace.clock.now(), UTC)
        session.created_at = now + (AGE if what is What.ADOPTED else -AGE)

    async def _react(self, wish: Wish, users: tuple[str, ...]) -> None:
        ts = await self._slack.say(f"wish {wish.number:06d}", channel=CHANNEL, deliver=False)
        wish.roots.append(ts)
        for user in users:
            await self._react_as(user, wish)

    async def _react_as(self, user: str, wish: Wish) -> None:
        wish.unheard, wish.asked_at = wish.unheard + 1, time.monotonic()
        await self._slack.react(CHANNEL, wish.roots[0], EMOJI, user=user)
        self._people.surfaces.bring_last(partial(_heard, wish))

    def _insist(self, wish: Wish) -> None:
        """React again if nothing came of it: who reacted may have been told that it failed."""
        is_over = bool(wish.done) or wish.is_given_up or bool(wish.unheard)
        if not is_over and time.monotonic() - wish.asked_at > INSIST_SECONDS:
            self._people.carrier.begin(self._react_again(wish))

    async def _react_again(self, wish: Wish) -> None:
        await self._slack.unreact(CHANNEL, wish.roots[0], EMOJI, user=PERSON)
        await self._react_as(PERSON, wish)

    async def _ask(self, wish: Wish, command: str, user: str) -> None:
        root = await self._slack.say("What do I wish?", channel=CHANNEL, deliver=False)
        wish.roots.append(root)
        wish.unheard += 1
        self._people.carrier.begin(self._give(wish, Place(CHANNEL, root), command, user))

    async def _give(self, wish: Wish, place: Place, command: str, user: str) -> None:
        await self._commands.give("", place, command, _is_answer, user=user)
        _heard(wish)

    def _spend(self) -> None:
        """Let sessions with a cap, and a child of each, use something, as v3 tells."""
        for one in [*self._devin.sessions.values()]:
            if one.cap is None or one.state == "capped" or not self._is_v3:
                continue
            if not one.children:
                name = f"child of {one.session_id}"
                self._devin.appear(NewSession(name, name, ()), parent=one.session_id)
            for spender in (*one.children, one.session_id):
                self._devin.spend(spender, self._rng.choice(COSTS))

    def _review(self) -> None:
        """Let reviews go on, and end after a while."""
        now = self._devin.clock.now()
        for review in self._devin.reviews.all:
            age = now - review.created_at.timestamp()
            review.status = "completed" if age > REVIEW_SECONDS else "running"

    def read(self, used: Mapping[str, float]) -> None:
        """Enter what there is; by the relay's ledger, sessions have `used` so much."""
        self._review()
        sessions, adopted = self._sessions(), self._adopted()
        reviews = {one.pr_number: one.commit_sha for one in self._devin.reviews.all}
        asked = Counter(one.pr_number for one in self._devin.reviews.all)
        for wish in self._wishes:
            place, found = CHANNEL, sessions[wish.number]
            threads = [root for one in found for root in adopted[one.session_id]]
            if wish.what in ELSEWHERE:
                place, wish.roots, wish.done = ADOPTS, threads, len(threads)
            elif wish.what in STARTED:
                # A thread in the channel that adopts is one too many.
                wish.done = len(found) + len(threads)
                wish.is_misnamed = any(map(_is_misnamed, found))
            else:
                wish.done = asked[wish.number]
            self._read_threads(wish, place, reviews.get(wish.number, ""))
            if wish.what is What.EMOJI:
                self._insist(wish)
            if len(found) == 1 and wish.told.total():
                one = found[0]
                spenders = [one, *map(self._devin.session, one.children)]
                by_relay = sum(used.get(it.session_id, 0.0) for it in spenders)
                wish.used = by_relay, sum(it.acus for it in spenders)
                self._begin_watch(one.session_id, Place(place, wish.roots[0]))

    def _sessions(self) -> Mapping[int, list[DevinSession]]:
        """Return the sessions of wishes, by number."""
        found: dict[int, list[DevinSession]] = defaultdict(list)
        for one in self._devin.sessions.values():
            number = NUMBERED.search(one.messages[0].text if one.messages else "")
            if number:
                found[int(number[1])].append(one)
        return found

    def _adopted(self) -> Mapping[str, list[str]]:
        """Return the root messages of adopted sessions' threads."""
        found: dict[str, list[str]] = defaultdict(list)
        for one in self._slack.channel_messages(ADOPTS):
            if kind_in(key_of(one)) == OwnThreads.kind:
                found[key_of(one).split(":")[3]].append(one.ts)
        return found

    def _read_threads(self, wish: Wish, channel: str, commit: str) -> None:
        wish.told.clear()
        wish.capped = 0
        ended = result(f"{PULL_REQUEST}{wish.number}", Review(commit, "completed")).text
        for root in wish.roots:
            shown = self._slack.thread(channel, root)
            own = [one for one in shown if one.user == self._slack.bot_user_id]
            wish.told[root] = sum(is_card(one) or one.text == ended for one in own)
            # Who asks again, since that was not heard, gets the result again.
            again = sum("review" in one.text for one in shown if one not in own) - 1
            if wish.what is What.REVIEW and wish.told[root] > 1:
                wish.told[root] = max(1, wish.told[root] - again)
            wish.is_given_up |= any(START_AGAIN in actions_of(one) for one in own)
            wish.capped += sum(map(_tells_cap, own))

    def _begin_watch(self, session: str, place: Place) -> None:
        if session not in self._watched:
            self._watched.add(session)
            self._watch(session, place)


def _heard(wish: Wish, _: float = 0.0) -> None:
    wish.unheard -= 1


def _tells_cap(message: Message) -> bool:
    return kind_in(key_of(message)) == OwedKind.WORDS and CONTINUE_SESSION in actions_of(message)


def _is_answer(message: Message, is_later: bool) -> bool:  # noqa: FBT001  (as `Commands` asks)
    is_told = is_card(message) or kind_in(key_of(message)) == Reviews.kind
    return is_told or (is_later and START_AGAIN in actions_of(message))


def _is_misnamed(session: DevinSession) -> bool:
    """Return True unless either the account or the first line tells who speaks."""
    is_signed = SIGNED.match(session.messages[0].text) is not None
    return is_signed == bool(session.body.get("create_as_user_id"))
