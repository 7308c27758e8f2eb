"""The verifiable random function, against the letter of the RFC in whole numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_vrf
from pteri.core.errors import ProtocolError
from pteri.core.keys.secret import Secret
from pteri.core.log.vrf import VrfKey, VrfPrivateKey, proof_to_hash

seeds = st.binary(min_size=32, max_size=32)
inputs = st.binary(max_size=80)
few = settings(max_examples=60, deadline=None)


@few
@given(seeds, inputs)
def test_keys_proofs_and_outputs_are_those_of_the_rfc(seed: bytes, alpha: bytes) -> None:
    private = VrfPrivateKey(Secret(seed))
    key, proof, output = plain_vrf.proved(seed, alpha)
    assert (private.public.raw, private.prove(alpha), private.output(alpha)) == (key, proof, output)
    assert VrfKey(key).verify(alpha, proof) == plain_vrf.verified(key, alpha, proof) == output


@few
@given(seeds, inputs, inputs)
def test_a_proof_is_of_one_input(seed: bytes, alpha: bytes, other: bytes) -> None:
    private = VrfPrivateKey(Secret(seed))
    proof = private.prove(alpha)
    if alpha == other:
        assert private.public.verify(other, proof) == private.output(alpha)
        return
    assert private.output(alpha) != private.output(other)
    with pytest.raises(ProtocolError):
        private.public.verify(other, proof)


@few
@given(seeds, inputs, st.integers(0, 79), st.integers(1, 255))
def test_nothing_of_a_proof_can_be_changed(seed: bytes, alpha: bytes, place: int, change: int) -> None:
    private = VrfPrivateKey(Secret(seed))
    proof = private.prove(alpha)
    other = proof[:place] + bytes((proof[place] ^ change,)) + proof[place + 1 :]
    with pytest.raises(ProtocolError):
        private.public.verify(alpha, other)


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=80, max_size=80), st.binary(min_size=32, max_size=32))
def test_whatever_comes_in_is_refused_in_our_words(proof: bytes, raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        VrfPrivateKey(Secret(bytes(32))).public.verify(b"", proof)
    for attempt in (lambda: VrfKey(raw), lambda: proof_to_hash(proof)):
        try:
            attempt()
        except ProtocolError:
            continue
