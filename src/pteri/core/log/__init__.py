"""The transparency log: tree, proofs, notes, tiles and leaves (docs/spec/log.md)."""
