"""Web API methods for modals, App Home and Workflow Builder steps."""

from sandbox.slack.api.blocks import is_too_large, view_problems
from sandbox.slack.api.requests import Method, Params, Refused
from sandbox.slack.world.state import SlackState
from sandbox.slack.world.workspace import JSON


def open_view(state: SlackState, params: Params) -> JSON:
    """Implement views.open and views.push: a modal for a trigger at most 3 seconds old."""
    view = _checked(params, "modal")
    user, error = state.triggers.redeem(params.required("trigger_id"))
    if error is not None:
        raise Refused(error)
    made = state.views.push(state.workspace, user, view)
    state.notify("view", user=user, view_id=made["id"])
    return {"view": made}


def update_view(state: SlackState, params: Params) -> JSON:
    """Implement views.update, by view_id or external_id."""
    view = _checked(params, None)
    found = state.views.find(params.text("view_id") or None, params.text("external_id") or None)
    if found is None:
        raise Refused("not_found")
    user, old = found
    if params.text("hash") and params.text("hash") != old["hash"]:
        raise Refused("hash_conflict")
    state.views.replace(state.workspace, old, view)
    state.notify("view", user=user, view_id=old["id"])
    return {"view": old}


def publish_view(state: SlackState, params: Params) -> JSON:
    """Implement views.publish: a user's App Home."""
    view = _checked(params, "home")
    user = state.workspace.find_user(params.required("user_id"))
    if user is None:
        raise Refused("user_not_found")
    old = state.views.home_of(user.id)
    if params.text("hash") and old is not None and params.text("hash") != old["hash"]:
        raise Refused("hash_conflict")
    made = state.views.publish(state.workspace, user.id, view)
    state.notify("view", user=user.id, view_id=made["id"])
    return {"view": made}


def complete_success(state: SlackState, params: Params) -> JSON:
    """Implement functions.completeSuccess."""
    outputs = params.raw.get("outputs")
    if not isinstance(outputs, dict):
        raise Refused("parameter_validation_failed")
    return _finish(state, params, "success", outputs)


def complete_error(state: SlackState, params: Params) -> JSON:
    """Implement functions.completeError."""
    return _finish(state, params, "error", params.required("error"))


def _finish(state: SlackState, params: Params, outcome: str, payload: object) -> JSON:
    execution_id = params.required("function_execution_id")
    error = state.steps.finish(execution_id, outcome, payload)
    if error is not None:
        raise Refused(error)
    state.notify("step", execution_id=execution_id, outcome=outcome)
    return {}


def _checked(params: Params, kind: str | None) -> JSON:
    view = params.raw.get("view")
    if is_too_large(view):
        raise Refused("view_too_large")
    problems = view_problems(view)
    if problems:
        raise Refused("invalid_arguments", *problems)
    checked: JSON = params.raw["view"]
    if kind is not None and checked["type"] != kind:
        raise Refused("invalid_arguments", f"[ERROR] must be a {kind} view [json-pointer:/view]")
    return checked


METHODS = {
    "views.open": Method(open_view),
    "views.push": Method(open_view),
    "views.update": Method(update_view),
    "views.publish": Method(publish_view),
    "functions.completeSuccess": Method(complete_success),
    "functions.completeError": Method(complete_error),
}
