"""Token ids against open_clip's own SimpleTokenizer, its fix_text replaced by identity, and what stands below it
(HTML entities, lower case, character classes) through it.

Needs PROMPT_TOOLS (folder of token_tool) and PROMPT_TEST_DATA (data root with clip/, imagenet/ and caltech-101/).
Prints how many texts and ids were compared; none is a failure.
"""
import html.entities
import importlib.util
import json
import os
import pathlib
import random
import subprocess
import sys
import types
import unicodedata
import unittest

N_RANDOM = 100_000
SEED = 4

counts = {"texts": 0, "ids": 0}


def skip_or_fail(why):
    if os.environ.get("PROMPT_REQUIRE_PARITY") == "1":
        sys.exit(f"PROMPT_REQUIRE_PARITY=1, but {why}")
    print(f"skipped: {why}")
    sys.exit(77)


def load_peer(merges):
    """open_clip/tokenizer.py alone: importing the package would load every model of it."""
    package = importlib.util.find_spec("open_clip")
    if package is None:
        skip_or_fail("open_clip is not installed")
    path = os.path.join(package.submodule_search_locations[0], "tokenizer.py")
    spec = importlib.util.spec_from_file_location("open_clip_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.ftfy = types.SimpleNamespace(fix_text=lambda text: text)
    return module.SimpleTokenizer(bpe_path=merges)


def our_ids(texts):
    data = b"".join(text.encode() + b"\0" for text in texts)
    result = subprocess.run([TOOL, MERGES], input=data, stdout=subprocess.PIPE, check=True)
    return [[int(word) for word in line.split()] for line in result.stdout.decode().split("\n")[:-1]]


def is_assigned(c):
    return c != 0 and not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) != "Cn"


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
        ours = our_ids(texts)
        self.assertEqual(len(ours), len(texts))
        for text, ids in zip(texts, ours):
            theirs = PEER.encode(text)
            counts["texts"] += 1
            counts["ids"] += len(theirs)
            if ids != theirs:
                self.fail(f"{ascii(text)}: expected {theirs}, found {ids}")

    def test_class_names(self):
        names = (DATA / "imagenet/class_names.txt").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len(names), 1000)
        split = json.loads((DATA / "caltech-101/split_zhou_Caltech101.json").read_text())
        caltech = sorted({item[2] for part in split.values() for item in part})
        self.assertEqual(len(caltech), 100)
        self.compare(names + caltech + [f"a photo of a {name}." for name in names + caltech])

    def test_entities(self):
        names = sorted({name.rstrip(";") for name in html.entities.html5})
        self.assertGreater(len(names), 2000)
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

    def test_generated_table_is_up_to_date(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        made = subprocess.run([sys.executable, root / "scripts/make_html_entities.py", "/dev/stdout"],
                              stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(made, (root / "src/clip/html_entities.c").read_bytes())

    def test_every_codepoint(self):
        """Each one alone, inside a word, among punctuation, and beside a sigma whose form depends on it."""
        ours = [c for c in assigned_codepoints() if unicodedata.category(chr(c)) != "Co"]
        plain = [c for c in ours if unicodedata.category(chr(c)) == "Lo" and 0x3400 <= c]  # no case, many: one look each
        rest = sorted(set(ours) - set(plain))
        self.compare(["".join(map(chr, plain[i:i + 64])) for i in range(0, len(plain), 64)])
        self.compare([f"{c} a{c}A !{c}! 1{c}1 A\u03a3{c} A\u03a3{c}A {c}\u03a3 '{c}" for c in map(chr, rest)])

    def test_random_strings(self):
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
        for _ in range(N_RANDOM):
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
    for variable in ("PROMPT_TOOLS", "PROMPT_TEST_DATA"):
        if not os.environ.get(variable):
            skip_or_fail(f"{variable} is not set")
    DATA = pathlib.Path(os.environ["PROMPT_TEST_DATA"])
    MERGES = str(DATA / "clip/bpe_simple_vocab_16e6.txt.gz")
    TOOL = os.path.join(os.environ["PROMPT_TOOLS"], "token_tool")
    for path in (MERGES, TOOL):
        if not os.path.exists(path):
            skip_or_fail(f"there is no {path}")
    PEER = load_peer(MERGES)
    program = unittest.main(exit=False, verbosity=2)
    print(f"compared {counts['texts']} texts, {counts['ids']} ids")
    sys.exit(0 if program.result.wasSuccessful() and counts["ids"] > 0 else 1)
