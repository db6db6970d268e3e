"""The app in a workspace: its manifest, its identity, and Bolt."""
