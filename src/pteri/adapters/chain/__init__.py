"""Nodes of a coin: what anchors are written through."""
