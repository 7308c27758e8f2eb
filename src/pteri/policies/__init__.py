"""Policy as something people can hold: a file, a look at it, and what it would have decided (docs/spec/policy.md)."""
