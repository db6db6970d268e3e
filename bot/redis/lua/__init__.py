"""The scripts that `Store` itself runs."""
