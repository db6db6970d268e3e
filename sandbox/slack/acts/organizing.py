"""Acts in an organization: people change the workspace, administrators the app's access."""

from typing import Literal

from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import Org


class Organizing:
    """Acts in an Enterprise organization; they raise ValueError where there is none."""

    _state: SlackState

    def switch(self, user: str, team: str) -> None:
        """Let a person go on in another workspace of theirs."""
        who = self._state.workspace.user(user)
        if team not in who.teams:
            raise ValueError(f"{who.real_name} isn't in the workspace {team}.")
        who.team_id = team
        self._state.notify("person", user=who.id, team=team)

    async def grant(self, *teams: str) -> None:
        """Add the app to workspaces (docs.slack.dev/reference/events/team_access_granted)."""
        org = self._org()
        if unknown := [team for team in teams if team not in org.teams]:
            raise ValueError(f"The organization has no workspace {unknown[0]}.")
        org.granted = [*org.granted, *(team for team in teams if team not in org.granted)]
        self._announce("granted", teams)

    async def revoke(self, *teams: str) -> None:
        """Remove the app from workspaces (docs.slack.dev/reference/events/team_access_revoked)."""
        org = self._org()
        org.granted = [team for team in org.granted if team not in teams]
        self._announce("revoked", teams)

    def _announce(self, what: Literal["granted", "revoked"], teams: tuple[str, ...]) -> None:
        ts = self._state.workspace.clock.next_ts()
        event = {"type": f"team_access_{what}", "team_ids": list(teams), "event_ts": ts}
        self._state.emit(event)

    def _org(self) -> Org:
        if self._state.workspace.wide is None:
            raise ValueError("The app isn't installed to an organization.")
        return self._state.workspace.wide
