"""Anchors: that a tree of the log existed before a block of Litecoin did (docs/spec/anchors.md)."""
