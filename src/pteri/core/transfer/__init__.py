"""The wallet from an old phone to a new one: the conversation of the two (docs/spec/transfer.md)."""
