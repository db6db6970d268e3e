"""`devin-relay doctor` tests all that the relay needs, and suggests fixes; it posts nothing."""

import os
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path

from bot.app import open_slack
from bot.devin.api import Unread
from bot.devin.opening import open_devin
from bot.model.errors import OperatorError, PassingError, SlackRefused, StoreAway
from bot.model.findings import Finding
from bot.model.sessions import Review
from bot.redis.connection import Store, open_store
from bot.redis.durability import durability, try_valkey
from bot.runtime.logs import open_file, reason_of
from bot.settings import Settings
from bot.slack.api import SlackClient, ask_first, call
from bot.slack.app.manifest import named, remedy, required_scopes
from bot.slack.app.workspace import Identity, check_app_token, identify
from bot.slack.people import GROUP_MEMBERS, workspaces_of
from bot.store.state import backlog
from bot.wording.phrases import plural, span

BOT_TOKEN, APP_TOKEN, SCOPES = "Slack bot token", "Slack app token", "Slack scopes"
WORKSPACES, MEMBERS, AUDIT_LOG = "Slack workspaces", "Devin members", "Audit log"
WAITING, LATE_MS = "Waiting", 60_000
AGENT_SCOPE = "assistant:write"
MOST_LISTED = 20
NOBODY = "doctor@devin-relay.invalid"
NO_PULL_REQUEST = "https://github.com/devin-relay/doctor/pull/1"
REDIS_ERRORS = "See docs/operations.md, RelayRedisErrors."


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Check everything, in the order in which the bot needs it."""
    async with open_slack(settings) as client:
        known = await who_is(client)
        tenant = known.tenant if isinstance(known, Identity) else ""
        bot = partial(_bot, client, known)
        for check in (partial(_redis, tenant), bot, partial(_app, client), _devin):
            for finding in await check(settings):
                yield finding
    tip = "" if settings.admin_contact else "Set ADMIN_CONTACT to tell people whom to ask for help."
    yield _good("Settings", "valid", tip)
    for doubt in settings.doubts:
        yield Finding("Settings", is_good=True, warns=True, says=doubt)
    if settings.audit_log is not None:
        yield _audit_log(settings.audit_log)


def _good(what: str, says: str, fix: str = "") -> Finding:
    return Finding(what, is_good=True, says=says, fix=fix)


def _bad(what: str, says: str, fix: str) -> Finding:
    return Finding(what, is_good=False, says=says, fix=fix)


async def who_is(client: SlackClient) -> Identity | Finding:
    """Return the bot, as Slack describes it, or what keeps Slack from that."""
    try:
        return await identify(client)
    except (OperatorError, PassingError) as error:
        return _unaccepted(BOT_TOKEN, error)


def _unaccepted(token: str, error: OperatorError | PassingError) -> Finding:
    if isinstance(error, OperatorError):
        return _bad(token, error.says, error.fix)
    fix = "Check your network, SLACK_API_URL and SLACK_PROXY."
    return _bad(token, f"Can't reach Slack ({error})", fix)


async def _bot(
    client: SlackClient, identity: Identity | Finding, settings: Settings
) -> Sequence[Finding]:
    if isinstance(identity, Finding):
        return [identity]
    found = [_good(BOT_TOKEN, f"accepted, as bot {identity.user}")]
    found += _scopes(identity, settings)
    workspaces: Collection[str] | None = None
    if identity.is_org:
        workspaces, told = await _workspaces(client, identity.tenant)
        found.append(told)
        if not told.is_good:
            return found
    return [*found, *await _groups(client, settings, workspaces)]


async def _app(client: SlackClient, settings: Settings) -> Sequence[Finding]:
    if settings.slack_app_token is None:
        return [_good(APP_TOKEN, "not set, so HTTP mode is used")]
    try:
        await check_app_token(client, settings.slack_app_token.get_secret_value())
    except (OperatorError, PassingError) as error:
        return [_unaccepted(APP_TOKEN, error)]
    return [_good(APP_TOKEN, "accepted, Socket Mode works")]


def _audit_log(path: Path) -> Finding:
    """Look at the file of the audit trail as it is: a `doctor` that made it would own it."""
    fix = "Set AUDIT_LOG to a file that the relay's user alone owns and may write."
    try:
        os.close(open_file(path, creates=False))
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK | os.X_OK):
            return _good(AUDIT_LOG, "will be created")
        return _bad(AUDIT_LOG, "its directory can't be written", fix)
    except OSError as error:
        return _bad(AUDIT_LOG, reason_of(error), fix)
    return _good(AUDIT_LOG, "can be written")


async def _redis(tenant: str, settings: Settings) -> Sequence[Finding]:
    """Ask the node that has the workspace's keys; an unknown `tenant` is ""."""
    what = "Redis" if settings.redis_url else "Embedded Valkey"
    try:
        says, url = "reachable", settings.redis_url
        if url is None:
            says, url = await try_valkey(settings.data_dir)
        if not url:
            return [_good(what, says)]
        async with open_store(url) as store:
            await store.ping()
            own = store.of(tenant) if tenant else store
            await own.ping()
            found = [_good(what, says), *await durability(own)]
            return [*found, await _backlog(own)] if tenant else found
    except OperatorError as error:
        return [_bad(what, error.says, error.fix)]
    except StoreAway as error:
        if error.is_refused:
            return [_bad(what, f"doesn't accept writes ({error})", REDIS_ERRORS)]
        fix = "Check REDIS_URL, and that the server is running." if settings.redis_url else ""
        return [_bad(what, f"can't be reached ({error})", fix)]


async def _backlog(store: Store) -> Finding:
    """Say what waits, and whether nobody does it: no other check fails while no process runs."""
    found = await backlog(store)
    late, oldest = (span(timedelta(milliseconds=one)) for one in (found.late_ms, found.oldest_ms))
    says = f"replies {found.replies} (for {oldest}), reports {found.reports}"
    says = f"{says}, threads with words {found.words}"
    if found.late_ms < LATE_MS:
        return _good(WAITING, says)
    fix = "Is a process ready? See docs/operations.md, RelayWatchLate."
    says = f"{says}; no process has read a session due {late} ago"
    return Finding(WAITING, is_good=True, warns=True, says=says, fix=fix)  # all may be stopped


def _scopes(identity: Identity, settings: Settings) -> Sequence[Finding]:
    """Compare the scopes; where Slack can't show sessions as an agent's, a status line does."""
    options = settings.manifest_options
    if not identity.scopes:
        says = "Slack didn't say which scopes the token has"
        fix = "Check SLACK_API_URL, and that no proxy removes the x-oauth-scopes header."
        return [_bad(SCOPES, says, fix)]
    found = _good(SCOPES, f"all {len(required_scopes(*options))} granted")
    if missing := identity.missing_scopes(options):
        found = _bad(SCOPES, f"missing {named(missing)}", remedy(missing | identity.scopes))
    if settings.agent == "off":
        return [found]
    says, fix = "declared, so threads show Slack's own state and Stop", ""
    if AGENT_SCOPE not in identity.scopes:
        says = "not declared, so threads have a status line instead of Slack's own state and Stop"
        fix = "On a paid plan, use what `devin-relay manifest --agent` prints, or set AGENT=off."
    return [found, _good("Slack agent", says, fix)]


async def _workspaces(client: SlackClient, org: str) -> tuple[Collection[str], Finding]:
    """List the workspaces of an organization to which the app was added: it hears of no other."""
    try:
        found = await workspaces_of(client)
    except (PassingError, SlackRefused) as error:
        return (), _bad(WORKSPACES, f"can't be listed ({error})", "Try again in a minute.")
    if found:
        names = ", ".join(f"{name} ({team})" for team, name in list(found.items())[:MOST_LISTED])
        says = f"installed to the organization {org}, and added to {len(found)}: {names}"
        return found, _good(WORKSPACES, says)
    says = f"The app is installed to the organization {org}, but to none of its workspaces"
    fix = f"An org admin adds it: https://app.slack.com/manage/{org}, Integrations, then the app."
    return (), Finding(WORKSPACES, is_good=True, warns=True, says=says, fix=fix)


async def _groups(
    client: SlackClient, settings: Settings, workspaces: Collection[str] | None
) -> Sequence[Finding]:
    """Tell of each user group that a setting names whether Slack says who is in it."""
    found = []
    ask = partial(call, client) if workspaces is None else partial(ask_first, client, workspaces)
    for name in ("ALLOW_STARTERS", "ALLOW_APPROVERS"):
        listed: frozenset[str] = getattr(settings, name.lower())
        for group in sorted(one for one in listed if one.startswith("S")):
            about, fix = f"{group} in {name}", ""
            try:
                count = len((await ask(GROUP_MEMBERS, usergroup=group))["users"])
                says = f"{about} has {count} {plural(count, 'member', 'members')}"
            except (SlackRefused, PassingError) as error:
                says = f"{about} can't be read ({error}), so it allows nobody"
                fix = f"If this stays, check the ID in {name}, and that the group isn't disabled."
            found.append(Finding("Slack user groups", is_good=not fix, says=says, fix=fix))
    return found


async def _devin(settings: Settings) -> Sequence[Finding]:
    url, key, organization = settings.devin_api_url, settings.devin_api_key, settings.devin_org_id
    async with open_devin(url, key, organization, 1, proxy=settings.devin_proxy) as devin:
        probed = list(await devin.probe())
        if not all(one.is_good for one in probed):
            return probed
        if settings.act_as != "off":
            probed.append(_members(await devin.member(NOBODY)))
        playbooks, menus = await devin.playbooks(), "people type them into forms"
        probed.append(_optional("playbooks", "ManageAccountPlaybooks", playbooks, menus))
        if not devin.is_legacy:
            probed.append(_optional("repositories", "Read", await devin.repositories(), menus))
            review, without = await devin.review(NO_PULL_REQUEST), "nobody can ask for one"
            probed.append(_optional("reviews", "UseReviewManual", review, without))
        return probed


def _members(found: str | Unread | None) -> Finding:
    """Say whether people's accounts are found; to write as one is a write, and so not tested."""
    needs = "ViewOrgMembership", "ImpersonateOrgSessions"
    if not isinstance(found, Unread):
        says = "can be looked up ({}). Not tested: {}, to act as them".format(*needs)
        return _good(MEMBERS, says)
    says = f"can't be looked up ({found.reason}), so nobody writes as themselves"
    return _bad(MEMBERS, says, f"Give the key's service user a role with {' and '.join(needs)}.")


def _optional(
    what: str, permission: str, found: Sequence[object] | Review | Unread | None, without: str
) -> Finding:
    """Say whether the key has a permission that people can do `without`."""
    if not isinstance(found, Unread):
        return _good(f"Devin {what}", f"can be read ({permission})")
    says = f"can't be read ({found.reason})"
    if found.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return _good(f"Devin {what}", says)
    tip = f"For that, give the key's service user a role with {permission}."
    return _good(f"Devin {what}", f"{says}, so {without}", tip)
