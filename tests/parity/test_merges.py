"""The tokenizer's files of transformers: ids equal its CLIPTokenizer's on the same folder, for all public class names
that cleaning leaves alone; on a whole model's folder the program finds them, and names a class that it reads in
another way.

Needs PROMPT, PROMPT_TOOLS (folder of token_tool) and CLIP's merges; class names are those of the public lists at hand.
"""
import gzip
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import make_models
import real_data
import transformers
from transformers.convert_slow_tokenizer import bytes_to_unicode

OPENAI = real_data.merges()
OTHERS = ["&amp; co", "Levi\u2019s", "o\ufb03ce", "\uff21\uff22", "a\x07b", "AT&EACUTE;"]
PLAIN = ["caf\u00e9", "cafe\u0301", "\u00c9T\u00c9", "it's 2023!", "\u6771\u4eac", "two  spaces", "a\u2028b", "a \U0001f993", "\u0130zmir", "x" * 300]


def merges_and_vocab():
    lines = gzip.decompress(OPENAI.read_bytes()).decode().split("\n")[1:48895]
    letters = list(bytes_to_unicode().values())
    tokens = [*letters, *(c + "</w>" for c in letters), *(line.replace(" ", "") for line in lines)]
    return lines, {token: i for i, token in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}


def write_transformers_4(folder):
    """Its slow tokenizer's two files."""
    lines, vocab = merges_and_vocab()
    folder.mkdir(exist_ok=True)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    return folder / "merges.txt"


def write_transformers_5(folder):
    lines, vocab = merges_and_vocab()
    transformers.CLIPTokenizer(vocab=vocab, merges=[tuple(line.split()) for line in lines]).save_pretrained(folder)
    return folder / "tokenizer.json"


def write_older_json(folder):
    """As tokenizers before 0.20 and transformers 4 wrote it: merges as lines, no special tokens in the pattern."""
    path = write_transformers_5(folder)
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    split = tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]
    split["Regex"] = split["Regex"].replace("<\\|startoftext\\|>|<\\|endoftext\\|>|", "")
    tokenizer["model"]["merges"] = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    path.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    return path


def our_ids(path, texts):
    data = b"".join(text.encode() + b"\0" for text in texts)
    tool = pathlib.Path(os.environ["PROMPT_TOOLS"]) / "token_tool"
    lines = subprocess.run([tool, path], input=data, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    return [[int(word) for word in line.split()] for line in lines[:-1]]


class Merges(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.tmp = pathlib.Path(scratch.name)

    def test_ids_are_those_of_transformers_on_the_same_folder(self):
        names, _ = real_data.class_names()
        texts = [*PLAIN, *names, *(f"a photo of a {name}." for name in names)]
        for write in (write_transformers_4, write_transformers_5, write_older_json):
            path = write(self.tmp / write.__name__)
            theirs = transformers.CLIPTokenizer.from_pretrained(path.parent)(texts, add_special_tokens=False).input_ids
            for text, ours, expected in zip(texts, our_ids(path, texts), theirs, strict=True):
                self.assertEqual(ours, expected, f"{write.__name__}: {text!a}")
            print(f"{write.__name__}: {len(texts)} texts, {sum(map(len, theirs))} ids equal")

    def classify(self, model, names):
        path = self.tmp / "names.txt"
        path.write_text("".join(name + "\n" for name in names), encoding="utf-8")
        return subprocess.run([os.environ["PROMPT"], "bench", "--model", model, "--classes-file", path, "--mode", "eval",
                               "--batch", "1", "--repeats", "1", "--threads", "1", "--set", "vision_prompt.depth=1"],
                              capture_output=True, text=True, check=False)

    def test_a_folder_of_transformers_alone_is_a_model(self):
        """The note names the first class for which transformers has other ids, and only such a one."""
        model, *_ = make_models.write_hugging_face(self.tmp / "model", make_models.openai_model().state_dict())
        done = self.classify(model, ["dog", "cat"])
        self.assertRegex(done.stderr, f"looked in '{model}'.* for .*tokenizer.json; 'scripts/fetch_merges.sh {model}'")
        write_transformers_5(model)
        theirs = transformers.CLIPTokenizer.from_pretrained(model)
        for name in OTHERS:
            self.assertNotEqual(our_ids(OPENAI, [name])[0], theirs(name, add_special_tokens=False).input_ids, ascii(name))
        for first in (0, len(OTHERS) - 1, len(OTHERS)):
            names = [*PLAIN[:-1], *OTHERS[first:]]
            done = self.classify(model, names)
            self.assertEqual(done.returncode, 0, done.stderr)
            noted = [name for name in names if f"class '{name}' is read as CLIP's own tokenizer does" in done.stderr]
            self.assertEqual(noted, OTHERS[first:first + 1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
