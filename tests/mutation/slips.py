"""The list of slips: tests/mutation/slips/ROOM.txt, one file a room, read by run.py.

    == ID
    file: src/base/rng.c
    first: unit.rng
    why: one line
    - the text before
    + the text after

`first` is a regular expression of names of tests, the likely ones. Several lines of - or + make a text of several lines; no +
deletes. `equivalent: reason` marks a slip that no test can notice. White space counts only between two words, so that a formatter
that wraps lines otherwise changes nothing. Lines that start with # are comments.
"""

import dataclasses
import hashlib
import pathlib
import re

FOLDER = pathlib.Path(__file__).resolve().parent / "slips"
FIELDS = ("file", "first", "why", "equivalent")


@dataclasses.dataclass
class Slip:
    id: str
    source: str  # where it is written, "base.txt:12"
    file: str = ""
    first: str = ""
    why: str = ""
    equivalent: str = ""
    before: str = ""
    after: str = ""

    @property
    def digest(self):
        """Of what it does: a result is of this slip if the digests agree."""
        return hashlib.sha256("\0".join((self.file, self.before, self.after)).encode()).hexdigest()[:16]

    def places(self, text):
        """The spans of `text` that are its text before; exactly one in a slip that applies."""
        tokens = re.findall(r"\w+|[^\w\s]", self.before)
        pattern = r"(?<!\w)" if tokens[0][0].isalnum() else ""
        for i, token in enumerate(tokens):
            both_words = i > 0 and re.match(r"\w", token) and re.match(r"\w", tokens[i - 1])
            pattern += (r"\s+" if both_words else r"\s*" if i > 0 else "") + re.escape(token)
        pattern += r"(?!\w)" if re.match(r"\w", tokens[-1]) else ""
        return [match.span() for match in re.finditer(pattern, text)]

    def apply(self, text):
        """The text with the slip; None if it does not apply."""
        places = self.places(text)
        if len(places) != 1:
            return None
        begin, end = places[0]
        return text[:begin] + self.after + text[end:]


def parse(text, name):
    """The slips of one file; ValueError with the place of a line that is none of the format."""
    slips = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        kind, _, rest = line.partition(" ")
        if not line.strip() or line.startswith("#"):
            continue
        if kind == "==" and rest.strip():
            slips.append(Slip(rest.strip(), where))
        elif slips and line[0] in "-+" and kind in "-+":
            field = "before" if kind == "-" else "after"
            old = getattr(slips[-1], field)
            setattr(slips[-1], field, old + ("\n" if old else "") + rest.strip())
        elif slips and kind[:-1] in FIELDS and kind.endswith(":") and rest.strip():
            setattr(slips[-1], kind[:-1], rest.strip())
        else:
            raise ValueError(f"{where}: expected '== ID', '- text', '+ text' or one of {', '.join(FIELDS)} with ': ' behind it")
    return slips


def read_all():
    return [slip for path in sorted(FOLDER.glob("*.txt")) for slip in parse(path.read_text(encoding="utf-8"), path.name)]
