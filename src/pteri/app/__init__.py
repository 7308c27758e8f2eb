"""Use cases: they talk to the world through ports only."""
