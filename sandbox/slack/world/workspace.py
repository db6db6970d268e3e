"""The state of the local Slack's workspace: its people, channels and messages.

Nothing here talks to a network or checks permissions; the Web API and the people's acts do. Users
and channels are found by short name ("ada", "general") or by id.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.ids import Clock, named_id, new_id

JSON = dict[str, Any]
ChannelKind = Literal["channel", "group", "im", "mpim"]
PostsAs = Literal["person", "app", "legacy", "workflow"]

TEAM_ID = "T0SANDBOX"
OTHER_TEAM_ID = "T0OTHER"
HOME_DOMAIN = "sandbox"
HARBOR_ID = "T0HARBOR"
"""The second workspace of the organization, if there is one."""


@dataclass(slots=True)
class User:
    """A user who can write: a person, a guest, somebody external, or a bot."""

    name: str
    id: str = ""
    real_name: str = ""
    display_name: str = ""
    team_id: str = TEAM_ID
    teams: list[str] = field(default_factory=list)
    hides_team: bool = False
    posts_as: PostsAs = "person"
    bot_id: str = ""
    app_id: str = ""
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    zone: str = "Etc/UTC"
    deleted: bool = False
    email: str = ""
    is_email_confirmed: bool = True

    def __post_init__(self) -> None:
        self.id = self.id or named_id("U", self.name)
        self.real_name = self.real_name or self.name.title()
        self.email = self.email or ("" if self.is_bot else f"{self.name}@acme.example")

    @property
    def is_bot(self) -> bool:
        """True if an app writes through this user."""
        return self.posts_as != "person"

    @property
    def is_external(self) -> bool:
        """True if this user belongs to another organization (Slack Connect)."""
        return self.team_id not in {TEAM_ID, HARBOR_ID}


@dataclass(slots=True)
class SlackFile:
    """An uploaded file and its bytes."""

    name: str
    user: str
    content: bytes = b""
    mimetype: str = "text/plain"
    id: str = field(default_factory=lambda: new_id("F0"))
    created: int = 0
    title: str = ""


@dataclass(slots=True)
class UserGroup:
    """A group of people, mentioned as `<!subteam^S…>`."""

    handle: str
    name: str
    users: list[str]
    id: str = ""
    team_id: str = TEAM_ID

    def __post_init__(self) -> None:
        self.id = self.id or named_id("S", self.handle)


@dataclass(slots=True)
class Message:
    """One message in its current form. `user` is empty for a post that has no user."""

    channel: str
    ts: str
    user: str = ""
    text: str = ""
    thread_ts: str | None = None
    subtype: str | None = None
    blocks: list[JSON] = field(default_factory=list)
    attachments: list[JSON] = field(default_factory=list)
    files: list[SlackFile] = field(default_factory=list)
    bot_id: str = ""
    app_id: str = ""
    username: str = ""
    icons: JSON = field(default_factory=dict)
    metadata: JSON | None = None
    client_msg_id: str = ""
    edited: JSON | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    reply_ts: list[str] = field(default_factory=list)
    ephemeral_to: str | None = None
    inviter: str = ""

    @property
    def is_reply(self) -> bool:
        """True if the message is in a thread below another one."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def root_ts(self) -> str:
        """The `ts` of the thread that this message is in or would start."""
        return self.thread_ts or self.ts


@dataclass(slots=True)
class Channel:
    """A conversation: public or private channel, direct message or group direct message."""

    name: str
    kind: ChannelKind = "channel"
    members: list[str] = field(default_factory=list)
    id: str = ""
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    is_archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    teams: list[str] = field(default_factory=lambda: [TEAM_ID])

    def __post_init__(self) -> None:
        self.id = self.id or named_id("D" if self.kind == "im" else "C", self.name)


@dataclass(slots=True)
class Org:
    """The Enterprise organization that the workspaces are in.

    The app is installed to all of it, or with `is_installed=False` to its first workspace only. Of
    an installation to all, `granted` are the workspaces to which the app was added, and
    `auth_team` is what `auth.test` says as `team_id`: published samples differ.
    """

    id: str = "E0SANDBOX"
    name: str = "Sandbox Group"
    teams: dict[str, str] = field(
        default_factory=lambda: {TEAM_ID: HOME_DOMAIN, HARBOR_ID: "harbor"}
    )
    granted: list[str] = field(default_factory=lambda: [TEAM_ID, HARBOR_ID])
    is_installed: bool = True
    auth_team: str | None = None


class UnknownName(LookupError):
    """The workspace has no such user, channel, file or message."""


class Workspace:
    """Everything in one workspace, by short name in `users` and `channels`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.files_url = ""
        self.org: Org | None = None
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.usergroups: dict[str, UserGroup] = {}
        self.files: dict[str, SlackFile] = {}
        self._users_by_id: dict[str, User] = {}
        self._channels_by_id: dict[str, Channel] = {}

    def add_user(self, user: User) -> User:
        """Add a user, who is found by name and id from now on."""
        self.users[user.name] = self._users_by_id[user.id] = user
        return user

    def add_channel(self, channel: Channel) -> Channel:
        """Add a conversation, with its members given by name or id."""
        channel.members = [self.user(member).id for member in channel.members]
        self.channels[channel.name] = self._channels_by_id[channel.id] = channel
        return channel

    def add_file(
        self,
        name: str,
        *,
        user: str = "ada",
        content: bytes = b"",
        mimetype: str = "text/plain",
        file_id: str | None = None,
    ) -> SlackFile:
        """Upload a file as `user`; to show it, send a message with it."""
        file = SlackFile(name, self.user(user).id, content, mimetype, file_id or new_id("F0"))
        file.created = int(float(self.clock.next_ts()))
        self.files[file.id] = file
        return file

    def add_usergroup(self, group: UserGroup) -> UserGroup:
        """Add a user group, with its members given by name or id."""
        group.users = [self.user(member).id for member in group.users]
        self.usergroups[group.handle] = group
        return group

    @property
    def wide(self) -> Org | None:
        """The organization, if the app is installed to all of it."""
        return self.org if self.org is not None and self.org.is_installed else None

    def reaches(self, channel: Channel) -> bool:
        """Return True if the channel is in a workspace to which the app was added."""
        is_direct = channel.kind in {"im", "mpim"}
        granted = [TEAM_ID] if self.wide is None else self.wide.granted
        return is_direct or any(team in granted for team in channel.teams)

    def find_user(self, user_id: str) -> User | None:
        """Return the user with that id."""
        return self._users_by_id.get(user_id)

    def find_channel(self, channel_id: str) -> Channel | None:
        """Return the conversation with that id."""
        return self._channels_by_id.get(channel_id)

    def find_bot(self, bot_id: str) -> User | None:
        """Return the bot with that `B…` id."""
        return next((u for u in self.users.values() if bot_id and u.bot_id == bot_id), None)

    def user(self, ref: str) -> User:
        """Return the user with that short name or id; raises UnknownName."""
        found = self.users.get(ref) or self._users_by_id.get(ref)
        if found is None:
            raise UnknownName(f"no user {ref!r}; there are {', '.join(self.users)}")
        return found

    def channel(self, ref: str) -> Channel:
        """Return the conversation with that short name or id; raises UnknownName."""
        found = self.channels.get(ref) or self._channels_by_id.get(ref)
        if found is None:
            raise UnknownName(f"no channel {ref!r}; there are {', '.join(self.channels)}")
        return found

    def message(self, channel: str, ts: str) -> Message:
        """Return the message; raises UnknownName."""
        found = self.channel(channel).messages.get(ts)
        if found is None:
            raise UnknownName(f"no message {ts} in {channel}")
        return found

    def put(self, message: Message) -> None:
        """Store a message and count it as a reply to its root."""
        channel = self.channel(message.channel)
        channel.messages[message.ts] = message
        root = channel.messages.get(message.root_ts)
        if message.is_reply and root is not None:
            root.thread_ts = root.ts
            root.reply_ts.append(message.ts)

    def remove(self, message: Message) -> None:
        """Remove a message, also from its thread's count."""
        channel = self.channel(message.channel)
        del channel.messages[message.ts]
        root = channel.messages.get(message.root_ts)
        if root is not None and message.ts in root.reply_ts:
            root.reply_ts.remove(message.ts)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """Return the root (unless it is gone) and its replies, oldest first."""
        messages = self.channel(channel).messages
        root = messages.get(ts)
        if root is None:
            return [message for message in messages.values() if message.thread_ts == ts]
        return [root, *(messages[reply] for reply in root.reply_ts)]

    def move(self, channel: Channel, new: str = "") -> str:
        """Give a channel a new id; return the old one, which is unknown from then on."""
        old, channel.id = channel.id, new or new_id("C0", 8)
        del self._channels_by_id[old]
        self._channels_by_id[channel.id] = channel
        for message in channel.messages.values():
            message.channel = channel.id
        return old

    def direct_message(self, user: str, bot_user: str) -> Channel:
        """Return the direct message between these two, opened if necessary."""
        pair = {self.user(user).id, self.user(bot_user).id}
        for channel in self.channels.values():
            if channel.kind == "im" and set(channel.members) == pair:
                return channel
        name = f"dm-{self.user(user).name}"
        return self.add_channel(Channel(name, "im", sorted(pair), id=new_id("D0", 8)))
