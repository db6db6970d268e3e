"""Values that are generated from the schemas of a contract, as a mock of it would answer."""

from typing import Any

from hypothesis import strategies as st

from sandbox.devin.answers import Api
from tests.support.contracts import CONTRACTS, Schema

ANYTHING: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.text(max_size=5)

_SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "integer": st.integers(),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(max_size=20),
}


def values(schema: Schema, api: Api) -> st.SearchStrategy[Any]:
    """Return what a schema of that generation's contract allows."""
    if "$ref" in schema:
        found = CONTRACTS[api]
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return values(found, api)
    if "anyOf" in schema:
        return st.one_of([values(one, api) for one in schema["anyOf"]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", list(_SIMPLE))
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return st.one_of([_of_kind(kind, schema, api) for kind in kinds])


def _of_kind(kind: str, schema: Schema, api: Api) -> st.SearchStrategy[Any]:
    if kind == "array":
        return st.lists(values(schema.get("items", {}), api), max_size=3)
    if kind == "object":
        parts = {name: values(one, api) for name, one in schema.get("properties", {}).items()}
        required = {name: parts.pop(name) for name in schema.get("required", ())}
        more = st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2)
        known = st.fixed_dictionaries(required, optional=parts)
        return st.builds(lambda extra, given: {**extra, **given}, more, known)
    return _SIMPLE[kind]
