"""`devin-relay doctor` tests all that the relay needs, and suggests fixes; it posts nothing."""

import os
from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path

from bot.app import open_slack
from bot.devin.api import Unread
from bot.devin.opening import open_devin
from bot.model.errors import OperatorError, PassingError, SlackRefused, StoreAway
from bot.model.findings import Finding
from bot.model.sessions import Review
from bot.redis.connection import open_store
from bot.redis.durability import durability, try_valkey
from bot.runtime.logs import open_file, reason_of
from bot.settings import Settings
from bot.slack.api import SlackClient, ask_first, call
from bot.slack.app.manifest import named, remedy, required_scopes
from bot.slack.app.workspace import Identity, check_app_token, identify
from bot.slack.people import GROUP_MEMBERS, workspaces_of
from bot.wording.phrases import plural

BOT_TOKEN, APP_TOKEN, SCOPES = "Slack bot token", "Slack app token", "Slack scopes"
GROUPS, WORKSPACES = "Slack user groups", "Slack workspaces"
MOST_LISTED = 20
NO_PULL_REQUEST = "https://github.com/devin-relay/doctor/pull/1"
AGENT, AGENT_SCOPE = "Slack agent", "assistant:write"
AUDIT_LOG = "Audit log"
MEMBERS, NOBODY = "Devin members", "doctor@devin-relay.invalid"
REDIS_ERRORS = "See docs/operations.md, RelayRedisErrors."
SLACK_ADDRESS = "Check SLACK_API_URL, and that no proxy removes the x-oauth-scopes header."


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
    yield Finding("Settings", is_good=True, says="valid", fix=tip)
    for doubt in settings.doubts:
        yield Finding("Settings", is_good=True, warns=True, says=doubt)
    if settings.audit_log is not None:
        yield _audit_log(settings.audit_log)


async def who_is(client: SlackClient) -> Identity | Finding:
    """Return the bot, as Slack describes it, or what keeps Slack from that."""
    try:
        return await identify(client)
    except (OperatorError, PassingError) as error:
        return _bad(BOT_TOKEN, error)


async def _bot(
    client: SlackClient, identity: Identity | Finding, settings: Settings
) -> Sequence[Finding]:
    if isinstance(identity, Finding):
        return [identity]
    token = Finding(BOT_TOKEN, is_good=True, says=f"accepted, as bot {identity.user}")
    agent = [_agent(identity)] if identity.scopes and settings.agent == "auto" else []
    found = [token, _scopes(identity, settings.manifest_options), *agent]
    workspaces: Collection[str] | None = None
    if identity.is_org:
        workspaces, told = await _workspaces(client, identity.tenant)
        found.append(told)
        if not told.is_good:
            return found
    return [*found, *await _groups(client, settings, workspaces)]


async def _app(client: SlackClient, settings: Settings) -> Sequence[Finding]:
    if settings.slack_app_token is None:
        return [Finding(APP_TOKEN, is_good=True, says="not set, so HTTP mode is used")]
    try:
        await check_app_token(client, settings.slack_app_token.get_secret_value())
    except (OperatorError, PassingError) as error:
        return [_bad(APP_TOKEN, error)]
    return [Finding(APP_TOKEN, is_good=True, says="accepted, Socket Mode works")]


def _audit_log(path: Path) -> Finding:
    """Look at the file of the audit trail as it is: a `doctor` that made it would own it."""
    fix = "Set AUDIT_LOG to a file that the relay's user alone owns and may write."
    try:
        os.close(open_file(path, creates=False))
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK | os.X_OK):
            return Finding(AUDIT_LOG, is_good=True, says="will be created")
        return Finding(AUDIT_LOG, is_good=False, says="its directory can't be written", fix=fix)
    except OSError as error:
        return Finding(AUDIT_LOG, is_good=False, says=reason_of(error), fix=fix)
    return Finding(AUDIT_LOG, is_good=True, says="can be written")


async def _redis(tenant: str, settings: Settings) -> Sequence[Finding]:
    """Ask the node that has the workspace's keys; an unknown `tenant` is ""."""
    what = "Redis" if settings.redis_url else "Embedded Valkey"
    try:
        if settings.redis_url is None:
            return [Finding(what, is_good=True, says=await try_valkey(settings.data_dir))]
        async with open_store(settings.redis_url) as store:
            await store.ping()
            own = store.of(tenant) if tenant else store
            await own.ping()
            return [Finding(what, is_good=True, says="reachable"), *await durability(own)]
    except OperatorError as error:
        return [Finding(what, is_good=False, says=error.says, fix=error.fix)]
    except StoreAway as error:
        if error.is_refused:
            says = f"doesn't accept writes ({error})"
            return [Finding(what, is_good=False, says=says, fix=REDIS_ERRORS)]
        fix = "Check REDIS_URL, and that the server is running." if settings.redis_url else ""
        return [Finding(what, is_good=False, says=f"can't be reached ({error})", fix=fix)]


def _bad(what: str, error: OperatorError | PassingError) -> Finding:
    """Return what kept Slack from accepting a token."""
    if isinstance(error, OperatorError):
        return Finding(what, is_good=False, says=error.says, fix=error.fix)
    fix = "Check your network, SLACK_API_URL and SLACK_PROXY."
    return Finding(what, is_good=False, says=f"Can't reach Slack ({error})", fix=fix)


def _scopes(identity: Identity, options: Sequence[str]) -> Finding:
    if not identity.scopes:
        says = "Slack didn't say which scopes the token has"
        return Finding(SCOPES, is_good=False, says=says, fix=SLACK_ADDRESS)
    if missing := identity.missing_scopes(options):
        fix = remedy(missing | identity.scopes)
        return Finding(SCOPES, is_good=False, says=f"missing {named(missing)}", fix=fix)
    return Finding(SCOPES, is_good=True, says=f"all {len(required_scopes(*options))} granted")


def _agent(identity: Identity) -> Finding:
    """Say whether Slack can show sessions as an agent's; a status line does without."""
    if AGENT_SCOPE in identity.scopes:
        says = "declared, so threads show Slack's own state and Stop"
        return Finding(AGENT, is_good=True, says=says)
    says = "not declared, so threads have a status line instead of Slack's own state and Stop"
    fix = "On a paid plan, use the manifest from `devin-relay manifest --agent`, or set AGENT=off."
    return Finding(AGENT, is_good=True, says=says, fix=fix)


async def _workspaces(client: SlackClient, org: str) -> tuple[Collection[str], Finding]:
    """List the workspaces of an organization to which the app was added: it hears of no other."""
    try:
        found = await workspaces_of(client)
    except (PassingError, SlackRefused) as error:
        says = f"can't be listed ({error})"
        return (), Finding(WORKSPACES, is_good=False, says=says, fix="Try again in a minute.")
    if found:
        names = ", ".join(f"{name} ({team})" for team, name in list(found.items())[:MOST_LISTED])
        says = f"installed to the organization {org}, and added to {len(found)}: {names}"
        return found, Finding(WORKSPACES, is_good=True, says=says)
    says = f"The app is installed to the organization {org}, but to none of its workspaces"
    fix = f"An org admin adds it: https://app.slack.com/manage/{org}, Integrations, then the app."
    return (), Finding(WORKSPACES, is_good=True, warns=True, says=says, fix=fix)


async def _groups(
    client: SlackClient, settings: Settings, workspaces: Collection[str] | None
) -> Sequence[Finding]:
    """Tell of each user group that a setting names whether Slack says who is in it."""
    found = []
    for name in ("ALLOW_STARTERS", "ALLOW_APPROVERS"):
        listed: frozenset[str] = getattr(settings, name.lower())
        for group in sorted(one for one in listed if one.startswith("S")):
            about, fix = f"{group} in {name}", ""
            try:
                if workspaces is None:
                    answer = await call(client, GROUP_MEMBERS, usergroup=group)
                else:
                    answer = await ask_first(client, workspaces, GROUP_MEMBERS, usergroup=group)
                count = len(answer["users"])
                says = f"{about} has {count} {plural(count, 'member', 'members')}"
            except (SlackRefused, PassingError) as error:
                says = f"{about} can't be read ({error}), so it allows nobody"
                fix = f"If this stays, check the ID in {name}, and that the group isn't disabled."
            found.append(Finding(GROUPS, is_good=not fix, says=says, fix=fix))
    return found


async def _devin(settings: Settings) -> Sequence[Finding]:
    url, key, organization = settings.devin_api_url, settings.devin_api_key, settings.devin_org_id
    async with open_devin(url, key, organization, 1, proxy=settings.devin_proxy) as devin:
        probed = list(await devin.probe())
        if all(one.is_good for one in probed):
            if settings.act_as != "off":
                probed.append(_members(await devin.member(NOBODY)))
            playbooks, menus = await devin.playbooks(), "people type them into forms"
            probed.append(_optional("playbooks", "ManageAccountPlaybooks", playbooks, menus))
            if not devin.is_legacy:
                probed.append(_optional("repositories", "Read", await devin.repositories(), menus))
                review = await devin.review(NO_PULL_REQUEST)
                without = "nobody can ask for one"
                probed.append(_optional("reviews", "UseReviewManual", review, without))
        return probed


def _members(found: str | Unread | None) -> Finding:
    """Say whether people's accounts are found; to write as one is a write, and so not tested."""
    if isinstance(found, Unread):
        says = f"can't be looked up ({found.reason}), so nobody writes as themselves"
        fix = (
            "Give the key's service user a role with ViewOrgMembership and ImpersonateOrgSessions."
        )
        return Finding(MEMBERS, is_good=False, says=says, fix=fix)
    says = (
        "can be looked up (ViewOrgMembership). Not tested: ImpersonateOrgSessions, to act as them"
    )
    return Finding(MEMBERS, is_good=True, says=says)


def _optional(
    what: str, permission: str, found: Sequence[object] | Review | Unread | None, without: str
) -> Finding:
    """Say whether the key has a permission that people can do `without`."""
    if not isinstance(found, Unread):
        return Finding(f"Devin {what}", is_good=True, says=f"can be read ({permission})")
    is_denied = found.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    tip = f"For that, give the key's service user a role with {permission}."
    says = f"can't be read ({found.reason})"
    if not is_denied:
        return Finding(f"Devin {what}", is_good=True, says=says)
    return Finding(f"Devin {what}", is_good=True, says=f"{says}, so {without}", fix=tip)
