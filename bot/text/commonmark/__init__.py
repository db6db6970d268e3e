"""Standard Markdown, parsed by markdown-it-py: blocks, text, links, and where to cut them."""
