"""Version 1 of Devin's API (`apk_` keys), as the Protocol of `devin/api.py`."""
