"""The addresses of files: which may be asked, and which with the key."""

from hypothesis import given
from hypothesis import strategies as st

from bot.devin.files import FileAddresses
from tests.support.tables import each

API = "https://api.devin.ai"
FILE = f"{API}/v3/organizations/org-1/attachments/1/plan.md"


@each(
    "path",
    [
        "/v3/organizations/org-1/attachments/1/plan.md",
        "/v3/organizations/org-1/attachments/1/a%20plan.md?version=2",
        "/v3/organizations/org-1/attachments/1/100%25%20done...md",
        "/v1/attachments/1",
        "/v1/attachments/1/plan.md",
        "/attachments/1/plan.md",
    ],
)
@each("origin", [API, "https://API.devin.ai", "https://api.devin.ai:443"])
def test_a_file_of_the_api_gets_the_key(path: str, origin: str) -> None:
    """However its origin is written."""
    place = FileAddresses(API).first(origin + path)
    assert place is not None
    assert place.gets_key


@each(
    "path",
    [
        "/v3/organizations/org-1/sessions?first=200",
        "/v3/organizations/org-1/sessions?x=/attachments/1",
        "/v3/organizations/org-1/sessions/devin-1/messages",
        "/v3/organizations/org-1/sessions/devin-1/attachments",
        "/v3/self#/attachments/1",
        "/attachments/../v3",
        "/attachments/%2e%2e/v3",
        "/attachments/..%2Fv3",
        "/x/./attachments/1",
        "/attachments/1/2/3",
        "/attachments/",
        "/v3/organizations/org-1/secrets%3f/attachments/a",
        "/v3/organizations/org-1/secrets%3F/attachments/a/b",
        "/v3/organizations/org-1/sessions/attachments/1",
        "/v3/organizations/org-1/sessions/devin-1/attachments/1/plan.md",
        "/v3/organizations/%2e%2e/attachments/1",
        "/v3/organizations/../attachments/1",
        "/v3/organizations/org-1/attachments/%252e%252e/x",
        "/v3/organizations/org-1/attachments/..;/x",
        "/v3/organizations/org-1/attachments/1/..;",
        "/v3/organizations/org-1/attachments/1/%252e%252e",
        "/v3/organizations/org-1/attachments/1/..%252f..%252fsecrets",
        "/v3/organizations/org-1/attachments/1/..%5c..%5csecrets",
        "/v3/organizations/org-1/attachments/%31/plan.md",
        "/v3/enterprise/attachments/1",
        "/v2/attachments/1",
        "/attachments/\N{ARABIC-INDIC DIGIT ONE}",
        "/",
    ],
)
def test_what_is_no_file_gets_no_key(path: str) -> None:
    """A server may read the path in another way than we do, so no step leads out of it."""
    place = FileAddresses(API).first(API + path)
    assert place is None or not place.gets_key


def test_a_file_of_another_organization_gets_no_key() -> None:
    """A key of a whole enterprise would reach it, if the relay is set to one organization."""
    for organization, gets_key in (("org-1", True), ("org-2", False), (None, True)):
        place = FileAddresses(API, organization).first(FILE)
        assert place is not None
        assert place.gets_key is gets_key, organization
        moved = FileAddresses(API, organization).next(place, FILE)
        assert moved is not None
        assert moved.gets_key is gets_key, organization


@each(
    "url",
    [
        "https://app.devin.ai/attachments/1",
        "https://devin.ai/attachments/1",
        "https://api.acme.devinenterprise.com/attachments/1",
        "https://api.devin.ai:8443/attachments/1",
    ],
)
def test_another_host_of_devin_s_may_be_asked_without_the_key(url: str) -> None:
    """Another port is another origin."""
    place = FileAddresses(API).first(url)
    assert place is not None
    assert not place.gets_key


@each(
    "url",
    [
        "http://127.0.0.1/attachments/1",
        "https://127.0.0.1/attachments/1",
        "http://localhost:8000/attachments/1",
        "http://api.devin.ai/attachments/1",
        "https://example.com/attachments/1",
        "https://devin.ai.example.com/attachments/1",
        "https://notdevin.ai/attachments/1",
        "https://api.devin.ai:443@example.com/attachments/1",
        "https://ada:secret@api.devin.ai/attachments/1",
        "https://example.com\\@api.devin.ai/attachments/1",
        "https://example.com/?@api.devin.ai/attachments/1",
        "https://example.com#@api.devin.ai/attachments/1",
        "https://api.devin.ai\r\nHost: x/attachments/1",
        "https://api.devin.ai/attachments/a b",
        "https://api.devin.ai:99999/attachments/1",
        "https://[api.devin.ai/attachments/1",
        "file:///etc/passwd",
        "ftp://api.devin.ai/attachments/1",
        "//api.devin.ai/attachments/1",
        "https://",
        "",
        f"{API}/attachments/" + "x" * 9_000,
    ],
)
def test_an_address_that_is_not_devin_s_may_not_be_asked(url: str) -> None:
    """It stands in a text, which may be anybody's."""
    assert FileAddresses(API).first(url) is None


@each(
    "location",
    [
        "https://s3.eu-west-1.amazonaws.com/a?X-Amz-Signature=1",
        "//s3.eu-west-1.amazonaws.com/a",
        "https://s3.eu-west-1.amazonaws.com./a",
        "https://storage.internal.example.com/a",
    ],
)
def test_a_redirect_may_lead_to_any_public_host_without_the_key(location: str) -> None:
    """Devin's own hosts choose where their storage is."""
    places = FileAddresses(API)
    first = places.first(FILE)
    assert first is not None
    second = places.next(first, location)
    assert second is not None
    assert not second.gets_key
    back = places.next(second, FILE)
    assert back is not None
    assert not back.gets_key


@each(
    "location",
    [
        "http://127.0.0.1/",
        *(
            "https://localhost/",
            "https://LOCALHOST/",
            "https://x.localhost/",
            "https://localhost./",
        ),
        *("https://10.0.0.5/", "https://10.0.0.5./", "https://169.254.169.254/latest/meta-data"),
        *("https://0/", "https://2130706433/", "https://0x7f.1/", "https://0x7f.1./"),
        *("https://[::1]/", "https://[::ffff:10.0.0.5]/", "https://[fe80::1%25eth0]/"),
        *("https://1.1.1.1/a", "https://[2606:4700::1111]/a"),
        "http://s3.eu-west-1.amazonaws.com/a",
        "https://[s3/",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_to_an_address_or_to_this_machine_is_not_followed(location: str) -> None:
    """Whatever its form; nor is one to a place without TLS."""
    places = FileAddresses(API)
    first = places.first(FILE)
    assert first is not None
    assert places.next(first, location) is None


def test_an_api_of_this_machine_may_have_its_files_at_another_port() -> None:
    """As the sandbox does; a private network is none of its business."""
    places = FileAddresses("http://127.0.0.1:8000")
    for url in ("http://127.0.0.1:9000/a", "http://localhost:9000/a", "http://[::1]:9000/a"):
        place = places.first(url)
        assert place is not None
        assert not place.gets_key
        assert places.next(place, url) == place
    assert places.first("https://10.0.0.5/attachments/1") is None


def test_an_api_in_a_private_network_is_asked_at_its_own_origin() -> None:
    """A dedicated deployment may be reached by its address alone."""
    places = FileAddresses("https://10.0.0.5")
    place = places.first("https://10.0.0.5/attachments/1")
    assert place is not None
    assert places.next(place, "https://10.0.0.5/attachments/2") is not None
    assert places.next(place, "https://10.0.0.6/attachments/2") is None


@given(st.text() | st.text().map(lambda text: f"https://api.devin.ai{text}"), st.text())
def test_no_address_raises(text: str, location: str) -> None:
    """Whatever the text is, and whatever a redirect says."""
    places = FileAddresses(API)
    places.first(text)
    first = places.first(FILE)
    assert first is not None
    places.next(first, location)
