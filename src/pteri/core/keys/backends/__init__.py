"""Bindings of libsecp256k1, one module each with a ``BACKEND``: the raw calls behind :mod:`..secp256k1`.

Sizes and ranges are checked in front of them; a backend only says no with ``ValueError``.
"""
