"""The app in a workspace: its manifest, its identity, who may steer Devin there, and Bolt."""
