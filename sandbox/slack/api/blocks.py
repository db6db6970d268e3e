"""Slack's checks on blocks and views, with the limits of the Block Kit reference."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from sandbox.slack.api.markdown import MAX_MARKDOWN, markdown_texts, rendered_blocks

MAX_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_SECTION_TEXT = 3000
MAX_FIELD_TEXT = 2000
MAX_HEADER_TEXT = 150
MAX_BUTTON_TEXT = 75
MAX_BUTTON_VALUE = 2000
MAX_OPTIONS = 100
MAX_OPTION_VALUE = 150
MAX_ACTION_ID = 255
MAX_ACTIONS = 25
MAX_PLACEHOLDER = 150
MAX_INPUT = 3000
_MOST_OPTIONS = {"static_select": MAX_OPTIONS, "overflow": 5}
MAX_VIEW_BYTES = 250_000
MAX_VIEW_TITLE = 24
MAX_PRIVATE_METADATA = 3000
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)

_BLOCK_TYPES = {
    "actions", "alert", "call", "card", "carousel", "condition", "context", "context_actions",
    "divider", "file", "header", "image", "input", "markdown", "plan", "rich_text", "section",
    "table", "task_card", "video",
}  # fmt: skip


def block_problems(blocks: Any, limit: int = MAX_BLOCKS) -> list[str]:
    """Return the problems in `blocks`, in the style of `response_metadata.messages`."""
    if not isinstance(blocks, list):
        return ["[ERROR] must be an array [json-pointer:/blocks]"]
    if len(blocks) > limit:
        return [f"[ERROR] no more than {limit} items allowed [json-pointer:/blocks]"]
    problems: list[str] = []
    for index, block in enumerate(blocks):
        where = f"/blocks/{index}"
        problems += [f"[ERROR] {what} [json-pointer:{where}]" for what in _in_block(block)]
    return problems + _repeated_ids(blocks) + _in_all_markdown(blocks, limit)


def interactive_elements(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every element with an `action_id`, with its block's id."""
    for block in blocks:
        candidates = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in candidates:
            if isinstance(element, dict) and "action_id" in element:
                yield str(block.get("block_id", "")), element


def options_of(element: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a menu's options, including those of its groups."""
    groups = [group["options"] for group in element.get("option_groups") or []]
    return [option for options in [element.get("options") or [], *groups] for option in options]


def view_problems(view: Any) -> list[str]:
    """Return the problems in a modal or home view."""
    if not isinstance(view, dict) or view.get("type") not in {"modal", "home"}:
        return ["[ERROR] missing or unknown view type [json-pointer:/view/type]"]
    problems = block_problems(view.get("blocks"), MAX_VIEW_BLOCKS)
    if markdown_texts(view.get("blocks")):
        problems.append("[ERROR] unsupported type: markdown [json-pointer:/view/blocks]")
    if len(str(view.get("private_metadata", ""))) > MAX_PRIVATE_METADATA:
        problems.append("[ERROR] private_metadata is too long [json-pointer:/view]")
    if len(str(view.get("callback_id", ""))) > MAX_ACTION_ID:
        problems.append("[ERROR] callback_id is too long [json-pointer:/view]")
    if view["type"] == "modal":
        problems += _text_problems(view.get("title"), MAX_VIEW_TITLE, "title", plain=True)
        if _has_inputs(view) and not view.get("submit"):
            problems.append("[ERROR] submit is required with input blocks [json-pointer:/view]")
    return problems


def is_too_large(view: Any) -> bool:
    """Tell whether the view exceeds Slack's 250 kB."""
    return len(json.dumps(view)) > MAX_VIEW_BYTES


def _has_inputs(view: dict[str, Any]) -> bool:
    blocks = view.get("blocks")
    return isinstance(blocks, list) and any(
        isinstance(block, dict) and block.get("type") == "input" for block in blocks
    )


def _in_block(block: Any) -> list[str]:
    if not isinstance(block, dict) or "type" not in block:
        return ["missing required field: type"]
    if block["type"] not in _BLOCK_TYPES:
        return [f"unsupported type: {block['type']}"]
    if len(str(block.get("block_id", ""))) > MAX_ACTION_ID:
        return ["block_id is too long"]
    checks: dict[str, Callable[[dict[str, Any]], list[str]]] = {
        "section": _in_section,
        "header": _in_header,
        "actions": _in_actions,
        "context": _in_context,
        "input": _in_input,
        "image": _in_image,
        "markdown": _in_markdown,
    }
    check = checks.get(block["type"])
    return check(block) if check else []


def _in_header(block: dict[str, Any]) -> list[str]:
    return _text_problems(block.get("text"), MAX_HEADER_TEXT, "text", plain=True)


def _in_image(block: dict[str, Any]) -> list[str]:
    return [] if block.get("alt_text") else ["missing required field: alt_text"]


def _in_markdown(block: dict[str, Any]) -> list[str]:
    text = block.get("text")
    return [] if isinstance(text, str) and text else ["must be more than 0 characters: text"]


def _in_all_markdown(blocks: list[Any], limit: int) -> list[str]:
    """Check the markdown blocks together: their length, and what Slack makes of them."""
    texts = markdown_texts(blocks)
    problems = []
    if sum(map(len, texts)) > MAX_MARKDOWN:
        problems.append(f"[ERROR] must be less than {MAX_MARKDOWN + 1} characters: markdown")
    if len(blocks) - len(texts) + sum(map(rendered_blocks, texts)) > limit:
        problems.append(f"[ERROR] no more than {limit} items allowed [json-pointer:/blocks]")
    return problems


def _in_section(block: dict[str, Any]) -> list[str]:
    fields = block.get("fields")
    if block.get("text") is None and not fields:
        return ["missing required field: text"]
    problems: list[str] = []
    if block.get("text") is not None:
        problems += _text_problems(block["text"], MAX_SECTION_TEXT, "text")
    if isinstance(fields, list):
        problems += ["no more than 10 fields"] if len(fields) > 10 else []  # noqa: PLR2004 - in the message
        for each in fields:
            problems += _text_problems(each, MAX_FIELD_TEXT, "fields")
    if block.get("accessory") is not None:
        problems += _in_element(block["accessory"])
    return problems


def _in_actions(block: dict[str, Any]) -> list[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= MAX_ACTIONS:
        return [f"elements must be 1 to {MAX_ACTIONS} items"]
    return [problem for element in elements for problem in _in_element(element)]


def _in_context(block: dict[str, Any]) -> list[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 0 < len(elements) <= 10:  # noqa: PLR2004 - in the message
        return ["elements must be 1 to 10 items"]
    problems: list[str] = []
    for element in elements:
        if not isinstance(element, dict) or element.get("type") != "image":
            problems += _text_problems(element, MAX_SECTION_TEXT, "elements")
    return problems


def _in_input(block: dict[str, Any]) -> list[str]:
    if not isinstance(block.get("element"), dict):
        return ["missing required field: element"]
    label = _text_problems(block.get("label"), MAX_FIELD_TEXT, "label", plain=True)
    return label + _in_element(block["element"])


def _in_element(element: Any) -> list[str]:
    if not isinstance(element, dict) or "type" not in element:
        return ["missing required field: type"]
    if len(str(element.get("action_id", ""))) > MAX_ACTION_ID:
        return ["action_id is too long"]
    checks = {
        "button": _in_button,
        "external_select": _in_search,
        "number_input": _in_number,
        "overflow": _in_menu,
        "plain_text_input": _in_text,
        "static_select": _in_menu,
    }
    check, placeholder = checks.get(element["type"]), element.get("placeholder")
    problems = [] if check is None else check(element)
    if placeholder is not None:
        problems += _text_problems(placeholder, MAX_PLACEHOLDER, "placeholder", plain=True)
    return problems


def _in_button(element: dict[str, Any]) -> list[str]:
    if len(str(element.get("value", ""))) > MAX_BUTTON_VALUE:
        return ["value is too long"]
    return _text_problems(element.get("text"), MAX_BUTTON_TEXT, "text", plain=True)


def _in_search(element: dict[str, Any]) -> list[str]:
    """Check an external menu (docs.slack.dev, select menu of external data source)."""
    least, chosen = element.get("min_query_length", 3), element.get("initial_option")
    problems = [] if isinstance(least, int) else ["min_query_length must be an integer"]
    return problems + ([] if chosen is None else _in_option(chosen))


def _in_number(element: dict[str, Any]) -> list[str]:
    """Check a number input, whose numbers are strings (docs.slack.dev, number input element)."""
    if not isinstance(element.get("is_decimal_allowed"), bool):
        return ["missing required field: is_decimal_allowed"]
    given = (element.get(name) for name in ("min_value", "max_value", "initial_value"))
    numbers = [one for one in given if one is not None]
    is_good = all(isinstance(one, str) and _NUMBER.fullmatch(one) for one in numbers)
    return [] if is_good else ["must be a number in a string"]


def _in_text(element: dict[str, Any]) -> list[str]:
    """Check a text input, and that what it holds at first is not too long for it."""
    most = element.get("max_length", MAX_INPUT)
    if not 0 < most <= MAX_INPUT:
        return [f"max_length must be 1 to {MAX_INPUT}"]
    too_long = len(element.get("initial_value") or "") > most
    return [f"must be less than {most + 1} characters: initial_value"] if too_long else []


def suggestion_problems(response: Any) -> list[str]:
    """Return the problems in what an app answers to the typing into an external menu."""
    if not isinstance(response, dict) or not {"options", "option_groups"} & response.keys():
        return ["neither options nor option_groups"]
    options = options_of(response)
    problems = [problem for one in options for problem in _in_option(one)]
    too_many = len(options) > MAX_OPTIONS
    return problems + ([f"options must be at most {MAX_OPTIONS} items"] if too_many else [])


def _in_option(option: dict[str, Any]) -> list[str]:
    problems = _text_problems(option.get("text"), MAX_BUTTON_TEXT, "text", plain=True)
    if not 0 < len(str(option.get("value", ""))) <= MAX_OPTION_VALUE:
        problems.append(f"value must be 1 to {MAX_OPTION_VALUE} characters")
    return problems


def _in_menu(element: dict[str, Any]) -> list[str]:
    """Check a menu: at most so many options in each list, and an initial one among them."""
    most = _MOST_OPTIONS[element["type"]]
    groups = element.get("option_groups") or []
    lists = [element.get("options") or [], *(group.get("options") or [] for group in groups)]
    if not any(lists) or not all(len(each) <= most for each in [groups, *lists]):
        return [f"options must be 1 to {most} items"]
    problems: list[str] = []
    for group in groups:
        problems += _text_problems(group.get("label"), MAX_BUTTON_TEXT, "label", plain=True)
    problems += [problem for option in options_of(element) for problem in _in_option(option)]
    initial = element.get("initial_option")
    if initial is not None and initial not in options_of(element):
        problems.append("initial_option must be one of the options")
    return problems


def _text_problems(text: Any, limit: int, where: str, *, plain: bool = False) -> list[str]:
    if not isinstance(text, dict) or "type" not in text:
        return [f"missing required field: {where}.type"]
    allowed = {"plain_text"} if plain else {"plain_text", "mrkdwn"}
    if text["type"] not in allowed:
        return [f"unsupported type: {text['type']} in {where}"]
    words = text.get("text")
    if not isinstance(words, str) or not words:
        return [f"must be more than 0 characters: {where}"]
    if len(words) > limit:
        return [f"must be less than {limit + 1} characters: {where}"]
    return []


def _repeated_ids(blocks: list[Any]) -> list[str]:
    """Check that blocks share no `block_id`, and elements of a block no `action_id`."""
    block_ids = [it["block_id"] for it in blocks if isinstance(it, dict) and it.get("block_id")]
    problems = []
    if len(set(block_ids)) < len(block_ids):
        problems.append("[ERROR] block_id must be unique [json-pointer:/blocks]")
    for block in (it for it in blocks if isinstance(it, dict)):
        elements = block.get("elements") if block.get("type") == "actions" else None
        ids = [
            it["action_id"] for it in elements or [] if isinstance(it, dict) and "action_id" in it
        ]
        if len(set(ids)) < len(ids):
            problems.append("[ERROR] action_id must be unique in a block [json-pointer:/blocks]")
    return problems
