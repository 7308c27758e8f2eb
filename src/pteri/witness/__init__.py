"""A small witness of logs: it remembers what it saw, and signs what grew out of that (docs/guide/witness.md)."""
