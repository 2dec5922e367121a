"""Token ids against open_clip's own SimpleTokenizer with ftfy 6.3, and its parts (ftfy's steps, HTML
entities, lower case, character classes) through it. A text that ftfy's search for a wrong encoding changes must be
refused, with ftfy's text in the message, and no other text may be.

Needs PROMPT_TOOLS (folder of token_tool) and CLIP's merges; class names are those of the public lists at hand. Prints how many texts and ids were compared; none is a failure.
"""
import functools
import html.entities
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys
import unicodedata
import unittest

import real_data
from real_data import skip_or_fail

ROOT = pathlib.Path(__file__).resolve().parents[2]
N_RANDOM = 60_000  # the seed is fixed: more of them are the same texts every time
N_MOJIBAKE = 40_000  # of which one in 27 is refused
N_MIXED = 15_000
SEED = 4

counts = {"texts": 0, "ids": 0, "refused": 0}


def load_peer(merges):
    """open_clip/tokenizer.py alone: importing the package would load every model of it."""
    package = importlib.util.find_spec("open_clip")
    if package is None:
        skip_or_fail("open_clip is not installed")
    path = os.path.join(package.submodule_search_locations[0], "tokenizer.py")
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.ftfy.__version__ != "6.3.1":
        skip_or_fail(f"ftfy is {module.ftfy.__version__}, expected 6.3.1")
    return module.SimpleTokenizer(bpe_path=merges)


def our_lines(texts, merges=None):
    """Of each text its ids, or "! " and why it is refused."""
    data = b"".join(text.encode() + b"\0" for text in texts)
    result = subprocess.run([TOOL, merges or MERGES], input=data, stdout=subprocess.PIPE, check=True)
    return result.stdout.decode().split("\n")[:-1]


def quoted(text):
    """As the message quotes it."""
    shown = "".join(f"<U+{ord(c):04X}>" if "\x7f" <= c <= "\x9f" else c for c in text[:60])
    return json.dumps(shown + "..." * (len(text) > 60), ensure_ascii=False)


def their_line(text):
    """What open_clip makes of the text, and whether only ftfy's search for a wrong encoding changes it."""
    fixed = ftfy.fix_text(text)
    if not text.isascii() and fixed != ftfy.fix_text(text, fix_encoding=False):
        return f"CLIP's tokenizer (ftfy) reads it as {quoted(fixed)}; write the intended text", True
    return " ".join(map(str, PEER.encode(text))), False


def mojibake_tables():
    spec = importlib.util.spec_from_file_location("make_mojibake_tables", ROOT / "scripts/make_mojibake_tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def is_assigned(c):
    return c != 0 and not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) != "Cn"


@functools.cache
def assigned_codepoints():
    """All of Unicode 14 but U+0000, which ends our texts, and what the newer `regex` sees as another class."""
    if unicodedata.unidata_version != "14.0.0":
        why = f"Unicode 14 needs Python 3.11, this one has {unicodedata.unidata_version}"
        if os.environ.get("PROMPT_REQUIRE_PARITY") == "1":
            raise AssertionError(why)
        raise unittest.SkipTest(why)
    import regex

    letter, number = regex.compile(r"\p{L}"), regex.compile(r"\p{N}")
    assigned, changed = [], []
    for c in filter(is_assigned, range(sys.maxunicode + 1)):
        major = unicodedata.category(chr(c))[0]
        same = bool(letter.match(chr(c))) == (major == "L") and bool(number.match(chr(c))) == (major == "N")
        (assigned if same else changed).append(c)
    print(f"{len(assigned)} code points; class changed since Unicode 14, left out: "
          + (" ".join(f"U+{c:04X}" for c in changed) or "none"))
    return assigned


class Tokenizer(unittest.TestCase):
    def compare(self, texts):
        """Returns how many were refused."""
        ours = our_lines(texts)
        self.assertEqual(len(ours), len(texts))
        n_refused = 0
        for text, line in zip(texts, ours):
            theirs, is_refused = their_line(text)
            n_refused += is_refused
            counts["texts"] += 1
            counts["ids"] += 0 if is_refused else theirs.count(" ") + (theirs != "")
            if not (line.startswith("! ") and line.endswith(theirs)) if is_refused else line != theirs:
                self.fail(f"{ascii(text)}: expected {ascii(theirs)}, found {ascii(line)}")
        counts["refused"] += n_refused
        return n_refused

    def test_class_names(self):
        names, n_lists = real_data.class_names()
        print(f"{len(names)} class names of {n_lists} public lists")
        self.assertEqual(self.compare(names + [f"a photo of a {name}." for name in names]), 0)

    def test_each_step_of_ftfy(self):
        names = ["Levi\u2019s", "\u201cquoted\u201d", "cafe\u0301", "o\ufb03ce \ufb01n", "\uff21\uff22\uff23\u3000\uff11", "\uff76\uff9e\uffe3",
                 "a\x07b\x1b[31mred\x1b[0m\ufeff", "a\r\nb\rc\u2028d\x85e\x81", "\x93hi\x94", "\u0149 \u01c6 \u0132", "\u212b\u2126",
                 "AT&amp;T &EACUTE; &FFLIG; &SZLIG; &#59; &lt;b>", "a < b &amp; c\n&amp;", "a &amp; b\n<i>&eacute;\n&eacute;", "&amp;amp;lt;"]
        self.assertEqual(self.compare(names + [f"a photo of a {name}." for name in names]), 0)

    def test_mojibake(self):
        """Names that were written as UTF-8 and read by another encoding, once or twice, and what programs do to them."""
        names = ("caf\u00e9 Levi\u2019s \u00c5ngstr\u00f6m \u041c\u043e\u0441\u043a\u0432\u0430 \u0395\u03bb\u03bb\u03ac\u03b4\u03b1 S\u00e3o \u201cquoted\u201d \u00dcbergr\u00f6\u00dfe "
                 "\u3042\u308a\u304c\u3068\u3046 \u6771\u4eac \ud55c\uad6d\uc5b4 \U0001f993 \ufb02y \u2013 \u2026 \u00a35 \u20ac9 \u05de\u05d6\u05dc \u0639\u0631\u0628\u064a \u0928\u092e "
                 "\u00e0 la \u00c0 bient\u00f4t 100\u00b0 \u00bd \u2122 \u00ae \u00a9 \u0142\u00f3d\u017a \u0130zmir \u0101bols").split(" ")
        texts = []
        for encoding in ("latin-1", *ftfy.chardata.CHARMAP_ENCODINGS, "windows-1252"):
            for name in (*names, *(" ".join(names[i:i + 3]) for i in range(0, len(names), 2))):
                once = name.encode().decode(encoding, errors="replace")
                texts += [once, once.replace("\xa0", " "), once.replace("\x9d", "\ufffd"), once.replace("\ufffd", "?"),
                          once.lower(), "t\u00eate " + once, once + "\n" + once, "<b>" + once,
                          once.encode().decode(encoding, errors="replace")]
        self.assertGreater(self.compare([text.replace("\0", "") for text in texts]), 3000)

    def test_random_strings_of_what_mojibake_is_made_of(self):
        r = random.Random(SEED)
        kinds = mojibake_tables().kind_ranges()
        codepoints = [chr(c) for first, last, _ in kinds for c in range(first, last + 1)] + list("aZ \n0_.?\u0301\u4e00\ufffd")
        self.assertGreater(self.compare(["".join(r.choices(codepoints, k=r.randint(1, 6))) for _ in range(N_MOJIBAKE)]), 1000)

    def test_random_strings(self):
        """Half of what ftfy changes by rule, half of all there is."""
        codepoints = [chr(c) for c in assigned_codepoints()]
        r = random.Random(SEED)
        latin = [c for c in codepoints if unicodedata.name(c, "").startswith("LATIN")]
        punctuation = [c for c in codepoints if unicodedata.category(c).startswith("P")]
        width = [c for c in codepoints if "\uff00" <= c <= "\uffef"]
        marks = [c for c in codepoints if unicodedata.combining(c)]
        kinds = [latin, punctuation, [chr(c) for c in range(0xFB00, 0xFB07)], width, marks, list("abcdefghij XYZ")]
        for _ in range(0, N_RANDOM, 20_000):
            half = [r.choice(kinds) for _ in range(80_000)]
            it = iter(half)
            texts = ["".join(r.choice(next(it)) for _ in range(r.randint(1, 8))) for _ in range(10_000)]
            self.compare(texts + ["".join(r.choices(codepoints, k=r.randint(1, 8))) for _ in range(10_000)])

    def test_entities(self):
        names = sorted({name.rstrip(";") for name in html.entities.html5})
        self.assertGreater(len(names), 2000)
        names += [name.upper() for name in names if name.islower()]
        forms = ("&{};", "&{}", "&{}x;", "a&{} b", "&amp;{};", "&{}\u00e9;", "&&{};&", "&{}=1", "&{}&{};")
        self.compare([form.replace("{}", name) for name in names for form in forms])

    def test_entities_cut_short(self):
        names = sorted(html.entities.html5)
        self.compare(["&" + name[:n] for name in names[::7] for n in range(1, len(name))])

    def test_numeric_references(self):
        edges = [edge + d for edge in (0xD800, 0xE000, 0xFDD0, 0xFDF0, 0xFFFE, 0x1FFFE, 0x10FFFE, 0x110000, 2**32, 2**64)
                 for d in (-2, -1, 0, 1, 2)]
        numbers = [*range(0x200), *edges, 10**30]
        self.compare([form.format(n) for n in numbers
                      for form in ("a&#{};b", "a&#{}b", "a&#x{:x};b", "a&#X{:X} b", "&amp;#{};", "&#0{};", "&#{};;")])
        self.compare(["&", "&;", "&#", "&#;", "&#x", "&#x;", "&#xg;", "&#-1;", "&#\u0661;", "&# 1;", "a&", "&a", "&amp"])

    def test_generated_tables_are_up_to_date(self):
        for name in ("html_entities", "mojibake_tables"):
            made = subprocess.run([sys.executable, ROOT / f"scripts/make_{name}.py", "/dev/stdout"],
                                  stdout=subprocess.PIPE, check=True).stdout
            self.assertEqual(made, (ROOT / f"src/text/{name}.def").read_bytes())

    def test_every_codepoint(self):
        """Each one alone, inside a word, among punctuation, and beside a sigma whose form depends on it."""
        ours = [c for c in assigned_codepoints() if unicodedata.category(chr(c)) != "Co"]
        plain = [c for c in ours if unicodedata.category(chr(c)) == "Lo" and 0x3400 <= c]  # no case, many: one look each
        rest = sorted(set(ours) - set(plain))
        self.compare(["".join(map(chr, plain[i:i + 64])) for i in range(0, len(plain), 64)])
        self.compare([f"{c} a{c}A !{c}! 1{c}1 A\u03a3{c} A\u03a3{c}A {c}\u03a3 '{c}" for c in map(chr, rest)])

    def test_random_strings_of_words_and_markup(self):
        codepoints = assigned_codepoints()
        r = random.Random(SEED)
        spaces = [chr(c) for c in codepoints if chr(c).isspace()] + ["\u200b", "\ufeff", "\u180e", "\u2060"]
        emoji = [chr(c) for c in codepoints if 0x1F300 <= c <= 0x1FAFF] + ["\u200d", "\ufe0f", "\u20e3", "\U0001f1e6"]
        marks = [chr(c) for c in codepoints if unicodedata.category(chr(c)) in ("Mn", "Me", "Mc")] + ["\u0345"]
        special = list("\u03a3\u03c3\u03c2\u0130\u0131iI\u017fsS\u212aK\u212b\u0345\u0399\u1fbe\u00aa\u2160\u24b6\u00b7.:'\u2019")
        quoted = ["'s", "'S", "'\u017f", "'t", "'RE", "'ve", "'m", "'LL", "'d", "'", "\u2019", "\u02bc", "''"]
        markup = ["&amp;", "&amp", "&lt;", "&gt;", "&#39;", "&#x3A3;", "&Sigma;", "&nbsp;", "&notit;", "&amp;amp;", "&", ";", "#",
                  "<start_of_text>", "<END_OF_TEXT>", "<\u017ftart_of_text>", "<|startoftext|>", "</w>", "<", ">"]
        names = [chr(c) for c in range(0x20, 0x7F)]
        words = ["photo", "OF", "the", "Cat", "dog", "2nd", "10", "hello", "\u039f\u0394\u039f\u03a3", "STRASSE", "\u00c9t\u00e9"]
        kinds = [spaces, emoji, marks, special, quoted, markup, names, words]
        texts = []
        for _ in range(N_MIXED):
            picked = []
            for _ in range(r.randint(1, 24)):
                kind = r.randrange(len(kinds) + 4)
                picked.append(r.choice(kinds[kind]) if kind < len(kinds) else chr(r.choice(codepoints)))
            texts.append("".join(picked))
        self.compare(texts)

    def test_vocabulary(self):
        self.assertEqual(PEER.vocab_size, 49408)
        self.compare(["".join(map(chr, range(1, 128))), "", " ", "a" * 5000, "ab" * 3000, "!" * 1000,
                      *PEER.byte_decoder, *(token.replace("</w>", "") for token in PEER.encoder)])


if __name__ == "__main__":
    if not os.environ.get("PROMPT_TOOLS"):
        skip_or_fail("PROMPT_TOOLS is not set")
    MERGES = str(real_data.merges())
    TOOL = os.path.join(os.environ["PROMPT_TOOLS"], "token_tool")
    if not os.path.exists(TOOL):
        skip_or_fail(f"there is no {TOOL}")
    PEER = load_peer(MERGES)
    import ftfy
    program = unittest.main(exit=False, verbosity=2)
    print(f"compared {counts['texts']} texts, {counts['ids']} ids; {counts['refused']} texts refused as mojibake: 0 differ"
          if program.result.wasSuccessful() else "they differ")
    sys.exit(0 if program.result.wasSuccessful() and counts["ids"] > 0 else 1)
