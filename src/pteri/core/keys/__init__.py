"""Keys and what they sign: Litecoin wallets on secp256k1, devices on P-256."""
