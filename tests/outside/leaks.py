"""Looks for planted values in what was captured, however they were written.

A capture is decoded as far as it goes (percent-encoding and JSON escapes, again and again) and every decoded form is
searched for pieces of each value: as it is, in hexadecimal, and in base64 at each of the three alignments. Pieces, so
that a cut value is found too.
"""

import base64
import re
from dataclasses import dataclass

PIECE = 16
ROUNDS = 3


@dataclass(frozen=True)
class Leak:
    name: str
    form: str
    place: str
    context: str

    def __str__(self) -> str:
        return f"{self.name} ({self.form}) in {self.place}: …{self.context}…"


class Searcher:
    """`values` by name; what has fewer than 16 bytes cannot be told from chance and is refused."""

    def __init__(self, values: dict[str, bytes]):
        self._patterns: list[tuple[str, str, bytes]] = []
        for name, value in values.items():
            if len(value) < PIECE:
                raise ValueError(f"{name} is too short to be searched for")
            middle = (len(value) - PIECE) // 2
            for start in sorted({0, middle, len(value) - PIECE}):
                piece = value[start : start + PIECE]
                self._patterns += [(name, form, pattern) for form, pattern in forms_of(piece)]

    def search(self, place: str, capture: bytes) -> list[Leak]:
        found = {}
        for decoding, text in decodings_of(capture):
            lower = text.lower()
            for name, form, pattern in self._patterns:
                haystack = lower if form == "hex" else text
                at = haystack.find(pattern)
                if at >= 0 and name not in found:
                    around = haystack[max(0, at - 40) : at + len(pattern) + 20]
                    found[name] = Leak(name, f"{decoding}{form}", place, around.decode("utf-8", "replace"))
        return list(found.values())


def forms_of(piece: bytes) -> list[tuple[str, bytes]]:
    forms = [("plain", piece), ("hex", piece.hex().encode())]
    for shift in range(3):
        # The first and last characters of the encoding depend on what stands beside the piece.
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            encoded = encode(b"\0" * shift + piece).rstrip(b"=")
            whole = (shift + len(piece)) * 8 // 6
            forms.append((name, encoded[(0, 2, 3)[shift] : whole]))
    return forms


def decodings_of(capture: bytes) -> list[tuple[str, bytes]]:
    """The capture, then what is left of it after each round of undoing escapes."""
    decodings, text = [("", capture)], capture
    for number in range(1, ROUNDS + 1):
        before = text
        text = _unescape(_unpercent(text))
        if text == before:
            break
        decodings.append((f"decoded {number}×, ", text))
    return decodings


def _unpercent(text: bytes) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text)


_SHORT = {b'"': b'"', b"\\": b"\\", b"/": b"/", b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}


def _unescape(text: bytes) -> bytes:
    def one(match: re.Match) -> bytes:
        escape = match[1]
        if escape[:1] == b"u":
            return chr(int(escape[1:], 16)).encode("utf-8", "replace")
        if escape[:1] == b"x":
            return bytes([int(escape[1:], 16)])
        return _SHORT.get(escape, match[0])

    return re.sub(rb'\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|["\\/ntrbf])', one, text)


def self_check() -> int:
    """A leak planted in every form is found, and nothing is found where nothing was planted; returns how many."""
    value = b'tst_planted+"/=&_0123456789abcdef&end'
    planted = {
        "plain": value,
        "cut at the end": value[:20],
        "cut at the start": value[-20:],
        "hexadecimal": value.hex().encode(),
        "hexadecimal, capital": value.hex().upper().encode(),
        "percent-encoded": b"".join(b"%%%02X" % byte for byte in value),
        "percent-encoded, small": b"".join(b"%%%02x" % byte for byte in value),
        "percent-encoded where needed": value.replace(b"+", b"%2B").replace(b'"', b"%22").replace(b"/", b"%2F"),
        "percent-encoded twice": b"".join(b"%%25%02X" % byte for byte in value),
        "JSON": value.replace(b'"', b'\\"'),
        "JSON in JSON": value.replace(b'"', b'\\\\\\"'),
        "JSON, every character": b"".join(b"\\u%04x" % byte for byte in value),
        "JSON, slashes": value.replace(b'"', b'\\"').replace(b"/", b"\\/"),
        "as a debugger prints bytes": b"".join(b"\\x%02x" % byte for byte in value),
    }
    for shift in range(3):
        planted[f"base64, alignment {shift}"] = base64.b64encode(b"x" * shift + value + b"yz")
        planted[f"base64url, alignment {shift}"] = base64.urlsafe_b64encode(b"x" * shift + value)
    searcher = Searcher({"planted": value})
    for form, leak in planted.items():
        for capture in (leak, b"before " + leak + b" after", b'{"a": "' + leak + b'"}'):
            if not searcher.search("self-check", capture):
                raise AssertionError(f"a leak planted as {form} was not found")
    innocent = b'tst_planted {"a": "lyd_a_something else", "b": "%41\\u0042"} ' + base64.b64encode(bytes(range(256)))
    if searcher.search("self-check", innocent):
        raise AssertionError("a leak was found where none is")
    return len(planted)
