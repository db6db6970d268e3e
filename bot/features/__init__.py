"""Features beside the core, each a folder with its use case and its words.

The core imports none of them and works whole without any. `handlers/feature.py` says what one adds.
"""
