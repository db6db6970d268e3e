"""The contracts of both generations of Devin's API, and values that are held to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from sandbox.devin.answers import Api

Schema = Mapping[str, Any]

# libyaml's parser, which has what PyYAML's own has, takes a tenth of the time.
_Loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

CONTRACTS: Mapping[Api, Schema] = {
    api: yaml.load(
        (Path(__file__).parents[1] / "contract" / f"devin-{api}.openapi.yaml").read_text(),
        _Loader,  # noqa: S506 - it is a safe one
    )
    for api in ("v1", "v3")
}

SENDING: Mapping[Api, str] = {
    "v1": "/v1/sessions/{session_id}/message",
    "v3": "/v3/organizations/{org_id}/sessions/{devin_id}/messages",
}
"""The paths to which messages are posted."""


def body_schema(api: Api, path: str) -> Schema:
    """Return the schema of the JSON that is posted to `path`."""
    operation = CONTRACTS[api]["paths"][path]["post"]
    found: Schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return found


def answer_schema(api: Api, path: str, status: str, verb: str = "post") -> Schema:
    """Return the schema of the answer to a POST, or to another verb, with that status."""
    answer = CONTRACTS[api]["paths"][path][verb]["responses"][status]
    if "$ref" in answer:
        answer = CONTRACTS[api]["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    (content,) = answer["content"].values()
    found: Schema = content["schema"]
    return found


def problems(value: object, schema: Schema, api: Api) -> list[str]:
    """Return what is wrong with `value` by a schema of that generation's contract."""
    whole = {"components": CONTRACTS[api]["components"], "allOf": [schema]}
    return [one.message for one in jsonschema_rs.Draft202012Validator(whole).iter_errors(value)]
