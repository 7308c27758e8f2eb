"""Asking a mobile operator by CAMARA's APIs (docs/spec/operator.md).

``documented``: every error and what it means. ``questions``: requests and answers. ``oauth`` and ``jwt``: how we say
who we are. ``webhooks``: what the operator tells unasked. ``operator``: the order of it all, behind the port.
``exchange`` and ``transport``: the bytes.
"""
