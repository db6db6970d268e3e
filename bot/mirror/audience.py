"""Decides whether a thread may be shown what a session says, at the moment when it would be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.model.errors import SlackAway
from bot.model.people import Person, UserId
from bot.model.sessions import CAPS, Follow, NamedSession, Said, SessionId, Started, Watched
from bot.model.threads import Link, ThreadRef, follow_of, is_direct, is_id
from bot.slack.api import MISSING_SCOPE
from bot.slack.app.workspace import Workspace
from bot.slack.lookups import Need
from bot.store.claims import claimed_key
from bot.store.state import State
from bot.store.threads import NONE, read_thread

NOBODY = UserId("")


WRITE = "assistant:write"
"""The scope of agent sessions."""


def no_agents(workspace: Workspace, channel: str) -> Sequence[str]:
    """Name the claims that Slack has no agent sessions: none at all, or none in `channel`.

    Slack is asked again at once if the app has become an agent.
    """
    claim = f"agent refused:{'write' if WRITE in workspace.identity.scopes else ''}"
    return claim, f"{claim}:{channel}"


@dataclass(frozen=True, slots=True)
class Heard:
    """A thread's link, how much it follows, and whether other organizations bar Devin's words.

    While Slack does not say that, they are barred, and `unsure` says why. What was last `seen` of
    the session, its name and its start are as the relay knows them, whoever reads along. Slack may
    have said that the channel has no agent sessions, so that status lines serve there.
    """

    link: Link | None
    follow: Follow
    is_barred: bool
    unsure: SlackAway | None = None
    seen: Watched = field(default_factory=Watched)
    named: NamedSession = field(default_factory=lambda: NamedSession(NONE))
    started: Started | None = None
    has_no_agents: bool = False

    def hears(self, one: Said) -> bool:
        """Return True if the thread is to be shown this item of its session."""
        is_linked = self.link is not None and self.link.session == one.session
        is_wanted = self.follow is not Follow.OFF or one.kind in CAPS
        return is_linked and is_wanted and not self.is_barred


class Audience:
    """The threads that may be shown what Devin says."""

    def __init__(self, workspace: Workspace, state: State) -> None:
        self._store, self._names = state.store, state.names
        self._workspace, self._channels = workspace, workspace.channels
        self._people = workspace.people
        self.default = workspace.settings.mirror
        self._allows_external = workspace.settings.mirror_external

    async def of(self, thread: ThreadRef, need: Need, session: SessionId = NONE) -> Heard:
        """Return who would hear it in `thread`, by what is known, if Slack does not say all.

        It tells of `session`, if one is given, in place of the link's.
        """
        keys = self._channels.keys(thread.channel)
        claims = [claimed_key(one) for one in no_agents(self._workspace, thread.channel)]
        read = await read_thread(self._store, thread, session, [*claims, *keys])
        kept = read.beside[len(claims) :]
        link, unsure = read.link, None
        try:
            by = NOBODY if link is None else link.by
            is_barred = await self.is_barred(thread.channel, by, need, kept)
        except SlackAway as error:
            is_barred, unsure = True, error
        follow = follow_of(link, self.default)
        has_no_agents = any(read.beside[: len(claims)])
        known = read.seen, read.named, read.started
        return Heard(link, follow, is_barred, unsure, *known, has_no_agents)

    async def named(self, session: SessionId, channel: str, by: UserId = NOBODY) -> NamedSession:
        """Return `session` as `channel` may see it, without asking Devin."""
        return await self.shown(await self._names.one(session), channel, by)

    async def shown(self, named: NamedSession, channel: str, by: UserId = NOBODY) -> NamedSession:
        """Return a session without its title, which Devin writes, if its words are barred there.

        `by` made the link, or acts there. If Slack doesn't say who reads along, it has no title.
        """
        try:
            is_barred = await self.is_barred(channel, by)
        except SlackAway:
            is_barred = True
        return NamedSession(named.session, "", named.url) if is_barred else named

    def bars(self, person: Person) -> bool:
        """Return True for an outsider, who sees no more alone than in the threads themselves."""
        return person.is_external and not self._allows_external

    async def is_barred(
        self,
        channel: str,
        by: UserId,
        need: Need = Need.ACT,
        kept: Sequence[str | None] | None = None,
    ) -> bool:
        """Return True if Devin's words may not go to `channel`, in which `by` has asked for them.

        `kept` is what Redis has at the channel's `keys`, if that was read already.

        Slack shows direct messages only with `im:read`, which the manifest does not ask for. So
        that person decides there, its only reader.
        """
        if self._allows_external:
            return False
        found = await self._channels.get(channel, need, kept=kept)
        if found.is_direct:
            return found.is_shared or await self._is_outsider(UserId(found.user), need)
        is_hidden = found.refusal == MISSING_SCOPE and is_direct(channel)
        if is_hidden and is_id(by):
            return await self._is_outsider(by, need)
        return found.is_shared

    async def _is_outsider(self, user: UserId, need: Need) -> bool:
        person = await self._people.person(user, need)
        return person.is_external or not person.is_known
