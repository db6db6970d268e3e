"""Tests of the project itself: documents, manifest, deployment, command line, code structure."""
