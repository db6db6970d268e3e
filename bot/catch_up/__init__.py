"""What nobody heard is read and accepted late."""
