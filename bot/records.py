"""The form of every value that Redis keeps."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value that can be kept as JSON."""

    # Without the last, an error about a record quotes it, people's words and all, into the log.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    def to_json(self) -> str:
        """The form that Redis keeps."""
        return self.model_dump_json()
