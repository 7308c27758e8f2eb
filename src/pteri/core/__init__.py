"""The protocol itself, shared by server, wallet and auditor: no sockets, files, clock or randomness."""
