"""The addresses of an organization's resources."""

from urllib.parse import quote


def organization_path(organization: str, *segments: str) -> str:
    """Return the path of a resource; no segment can leave its place."""
    places = (quote(one, safe="") for one in (organization, *segments))
    return "/".join(("/v3/organizations", *places))
