"""What an operator is told about the key and the address of Devin's API, in both generations."""

KEY = "Devin API key"
REJECTED = "Devin rejected DEVIN_API_KEY (401)"
NEW_KEY = (
    "Check that it was copied in full and hasn't expired, or create a new key (cog_…) in Devin's "
    "settings, under Service users."
)
CHECK_URL = "Check DEVIN_API_URL and DEVIN_PROXY."


def unusable(reason: str) -> str:
    """Say that Devin gave no answer that a test of the key can use."""
    return f"no usable answer from Devin ({reason})"
