"""`python -m bot check`: tests credentials, scopes, Redis and Devin, and suggests fixes.

It sends nothing to a session and posts nothing.
"""

from collections.abc import AsyncIterator, Sequence

from bot.app import open_redis, open_slack
from bot.devin.opening import open_devin
from bot.model.errors import OperatorError, PassingError
from bot.model.findings import Finding
from bot.redis.connection import open_store
from bot.settings import Settings
from bot.slack.app.identity import Identity, check_app_token, identify
from bot.slack.app.manifest import lacking, required_scopes


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Check everything, in the order in which the bot needs it."""
    yield await _redis(settings)
    async with open_slack(settings) as client:
        try:
            identity = await identify(client)
        except (OperatorError, PassingError) as error:
            yield Finding("Slack bot token", is_good=False, says=_of_slack(error))
        else:
            yield Finding("Slack bot token", is_good=True, says=f"bot {identity.user}")
            yield _scopes(identity)
        if settings.slack_app_token is not None:
            try:
                await check_app_token(client, settings.slack_app_token.get_secret_value())
            except (OperatorError, PassingError) as error:
                yield Finding("Slack app token", is_good=False, says=_of_slack(error))
            else:
                yield Finding("Slack app token", is_good=True, says="Socket Mode opens")
        else:
            yield Finding("Slack app token", is_good=True, says="not set: HTTP mode")
    for finding in await _devin(settings):
        yield finding


async def _redis(settings: Settings) -> Finding:
    what = "Redis" if settings.redis_url else "embedded Valkey"
    try:
        async with open_redis(settings) as url, open_store(url) as store:
            await store.ping()
    except (OperatorError, PassingError) as error:
        remedy = "look at REDIS_URL, and whether the server runs" if settings.redis_url else ""
        return Finding(what, is_good=False, says=": ".join(filter(None, (str(error), remedy))))
    return Finding(what, is_good=True, says="answers")


def _of_slack(error: OperatorError | PassingError) -> str:
    if isinstance(error, OperatorError):
        return str(error)
    return f"Slack does not answer ({error}): look at the network and at SLACK_API_URL"


def _scopes(identity: Identity) -> Finding:
    if not identity.scopes:
        return Finding("Slack scopes", is_good=False, says="Slack did not name the token's scopes")
    if missing := identity.missing_scopes:
        return Finding("Slack scopes", is_good=False, says=f"missing {lacking(missing)}")
    return Finding("Slack scopes", is_good=True, says=f"all {len(required_scopes())} granted")


async def _devin(settings: Settings) -> Sequence[Finding]:
    url, key, organization = settings.devin_api_url, settings.devin_api_key, settings.devin_org_id
    async with open_devin(url, key, organization, 1) as devin:
        return await devin.probe()
