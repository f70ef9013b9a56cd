"""Damaged files, as Hypothesis makes them: bytes changed, put in, taken out, cut off."""

from hypothesis import strategies as st

ODD = st.sampled_from(
    [b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x80", b'"', b",", b"\n"]
)


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """`whole` after one to four changes, and sometimes cut short."""
    places = st.integers(0, len(whole))
    change = st.tuples(places, st.integers(0, 4), st.one_of(ODD, st.binary(max_size=4)))
    cut = st.one_of(st.just(len(whole) + 16), places)
    return st.builds(_changed, st.just(whole), st.lists(change, min_size=1, max_size=4), cut)


def _changed(whole: bytes, changes: list[tuple[int, int, bytes]], cut: int) -> bytes:
    for place, removed, inserted in changes:
        whole = whole[:place] + inserted + whole[place + removed :]
    return whole[:cut]
