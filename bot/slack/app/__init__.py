"""The app in a workspace: what its manifest asks for, its identity there, and Bolt."""
