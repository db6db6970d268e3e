"""The project keeps its word: documents, manifest, deployment, command line, shape of the code."""
