"""What tests of the web side share: a way to ask an application over each hinge."""

from hinges import connect, sockets, wired

__all__ = ["connect", "sockets", "wired"]
