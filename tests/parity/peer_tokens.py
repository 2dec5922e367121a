"""Rows of the table of peers: tokenizer files. Ids of the same texts, by open_clip with ftfy, or by the CLIPTokenizer of
transformers on the same folder, which does no such cleaning and gets texts that need none.
"""

import gzip
import pathlib

import make_models
import open_clip
import safetensors
import torch
import transformers

import peer_table
import peer_weights
from peer_table import Row

SECTION, N_CONTEXT = "Tokenizer files", 77
MINI = pathlib.Path(__file__).resolve().parents[2] / "configs/mini/mini.safetensors"
PLAIN = [f"a photo of a {name}." for name in open_clip.IMAGENET_CLASSNAMES if name.isascii() and "'" not in name][::5]
UNCLEAN = [
    "Levi\u2019s \u201cjeans\u201d", "cafe\u0301 au lait", "e\u0301clair", "\ufb01sh &amp; chips", "\uff21\uff22 full width",
    "two\r\nlines\u2028and a third", "bell\x07 and \x1b[31mred\x1b[0m", "Beyonc\u00e9", "M&amp;M&#39;s",
    "\ud55c\uad6d\uc5b4 \u1112\u1161\u11ab", "\U0001f600 smile", "  many \t spaces  ",
    "STRASSE \u0130stanbul \u039f\u0394\u039f\u03a3", "don't we'll I'm", "3,14159 1/2", "<|endoftext|>", "<start_of_text>",
    "soft\u00adhyphen \ufeffmark"]


# ---------------------------------------------------------------- open_clip


def by_open_clip(unpack):
    def measure(bench):
        merges = pathlib.Path(peer_weights.merges_of(bench))
        if unpack:
            merges = bench.new_folder() / "bpe_simple_vocab_16e6.txt"
            merges.write_bytes(gzip.decompress(pathlib.Path(peer_weights.merges_of(bench)).read_bytes()))
        texts = [*open_clip.IMAGENET_CLASSNAMES, *(t("x") for t in open_clip.OPENAI_IMAGENET_TEMPLATES), *UNCLEAN]
        lines = bench.run(bench.tools / "token_tool", merges, given=b"".join(text.encode() + b"\0" for text in texts))
        peer = open_clip.SimpleTokenizer(peer_weights.merges_of(bench))
        return peer_table.items(lines.decode().split("\n")[:-1], [" ".join(map(str, peer.encode(text))) for text in texts])
    return measure


# ---------------------------------------------------------------- a model's folder


def rows_of_ids(tokens, end):
    """Each row up to its end token."""
    out = []
    for row in tokens.tolist():
        n = row.index(end, 1) + 1
        out.append(row[:n])
    return out


def clip_tokenizer():
    peer = open_clip.SimpleTokenizer()
    vocab = dict(peer.encoder)
    for open_clips, openais in (("<start_of_text>", "<|startoftext|>"), ("<end_of_text>", "<|endoftext|>")):
        vocab[openais] = vocab.pop(open_clips)
    return transformers.CLIPTokenizer(vocab=vocab, merges=list(peer.bpe_ranks), model_max_length=N_CONTEXT)


def merges_and_vocab(folder):
    """What transformers 4 saves."""
    clip_tokenizer()._tokenizer.model.save(str(folder))
    if not (folder / "merges.txt").exists() or not (folder / "vocab.json").exists():
        raise AssertionError("tokenizers wrote other files")


def tokenizer_json(folder):
    """What transformers 5 saves."""
    clip_tokenizer().save_pretrained(folder)
    if not (folder / "tokenizer.json").exists() or (folder / "merges.txt").exists():
        raise AssertionError("transformers wrote other files")


def by_transformers(write):
    def measure(bench):
        folder = bench.new_folder()
        make_models.write_hugging_face(folder, peer_weights.state(), peer_weights.SIZES)
        write(folder)
        theirs = transformers.CLIPTokenizer.from_pretrained(folder)(PLAIN)["input_ids"]
        ours = bench.features(folder, peer_weights.images(bench)[:1], PLAIN)["tokens"]
        return peer_table.items(rows_of_ids(ours, 49407), theirs)
    return measure


def own_vocabulary(bench):
    """The merges in the file's metadata; start and end are its last two ids."""
    with safetensors.safe_open(MINI, "pt") as file:
        metadata = file.metadata()
    path = bench.new_folder() / "merges.txt.gz"
    path.write_bytes(gzip.compress(metadata["prompt.merges"].rstrip("\n").encode()))
    peer = open_clip.SimpleTokenizer(str(path))
    words = [word for word in metadata["prompt.words"].split() if word.isalnum()]
    texts = [" ".join(words[i:i + 3]) for i in range(0, len(words), 3)]
    ours = bench.features(MINI, peer_weights.images(bench)[:1], texts)["tokens"]
    start, end = peer.vocab_size - 2, peer.vocab_size - 1
    return peer_table.items(rows_of_ids(ours, end), [[start, *peer.encode(text), end] for text in texts])


# ---------------------------------------------------------------- rows


def names_that_are_looked_for(bench):
    """Files of merges, by the message of the program where there is none."""
    folder = bench.new_folder()
    make_models.write_hugging_face(folder, peer_weights.state(), peer_weights.SIZES)
    try:
        bench.features(folder, peer_weights.images(bench)[:1], PLAIN[:1])
    except RuntimeError as error:
        return [name.strip() for name in str(error).split(" for ", 1)[1].split(";")[0].replace("(or .txt)", "").split(",")]
    raise AssertionError("the program found merges where there are none")


def rows():
    peer = peer_table.version("open_clip_torch", "ftfy")
    others = peer_table.version("transformers", "tokenizers")
    ids = "ids of ImageNet's names, unclean texts"
    return [
        Row(SECTION, "`bpe_simple_vocab_16e6.txt.gz`", peer_weights.OPEN_CLIP, peer, ids, by_open_clip(False),
            covers=("bpe_simple_vocab_16e6.txt.gz",)),
        Row(SECTION, "the same unpacked", peer_weights.OPEN_CLIP, peer, ids, by_open_clip(True)),
        Row(SECTION, "`merges.txt` and `vocab.json` beside the model", peer_table.version("tokenizers"), others,
            "ids of plain names", by_transformers(merges_and_vocab), covers=("merges.txt",)),
        Row(SECTION, "`tokenizer.json` beside the model", others, others, "ids of plain names",
            by_transformers(tokenizer_json), covers=("tokenizer.json",)),
        Row(SECTION, "a vocabulary in our model's metadata", "`prompt pretrain`", peer_weights.OPEN_CLIP,
            "ids of every word it knows", own_vocabulary),
    ]
