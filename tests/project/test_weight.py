"""What `make weight` counts is what its words say."""

from tests.support.weight import lines_of_code

SOURCE = '''"""A module,
of two lines."""

import ast
from typing import (
    Any,
)

LIMIT = 3
"""A constant's docstring."""


def answer(given: Any) -> str:
    """A function."""
    # A comment.
    if given:  # another

        return """of

three lines"""
    return (
        ast.dump(given)
    )
'''


def test_code_is_neither_blank_comment_docstring_nor_import() -> None:
    """A blank line within a string is code."""
    assert lines_of_code(SOURCE) == 9
