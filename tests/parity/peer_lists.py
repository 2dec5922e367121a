"""Rows of the table of peers: lists and texts that users write. What the program reads of them, and what Python's csv and
json do; csv.writer and json.dump wrote them.
"""

import csv
import json
import os

import peer_table
from peer_table import Row

SECTION = "Lists and texts"
PYTHON = peer_table.version("python")
CLASSES = ("Ant; small", 'F-16A/B, "old"', "zèbre", "two\nlines")
PATHS = ("a.jpg", "sub/b, c.png", "d;e.JPEG", "é.webp")


def table_rows():
    """Two pictures of each class in each part; labels are in bytewise order of the names."""
    names = sorted(CLASSES, key=str.encode)
    return [{"path": f"{part}/{label}-{number}-{path}", "label": str(label), "name": name, "split": part}
            for part in ("train", "val", "test") for number in range(2)
            for label, (name, path) in enumerate(zip(names, PATHS))]


def write(path, columns, header, rows, encoding="utf-8", **format_words):
    with open(path, "w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, **format_words)
        if header:
            writer.writerow(header)
        writer.writerows([row[column] for column in columns] for row in rows)


def read(path, columns, header, **format_words):
    """As csv reads it; {column: cell}."""
    with open(path, encoding="utf-8-sig", newline="") as stream:
        if not header:
            return [dict(zip(columns, cells)) for cells in csv.reader(stream, **format_words)]
        return [dict(zip(columns, row.values())) for row in csv.DictReader(stream, **format_words)]


def csv_list(columns, header, encoding="utf-8", **format_words):
    """The lists of `prompt data split`; without a column of parts their union."""
    def measure(bench):
        path = bench.new_folder() / "list.csv"
        write(path, columns, header, table_rows(), encoding, **format_words)
        rows = read(path, columns, header, **{key: word for key, word in format_words.items() if key == "delimiter"})
        names = sorted({row.get("name", row.get("label")) for row in rows}, key=str.encode)
        theirs = {part: [] for part in ("train", "val", "test")}
        for row in rows:
            name = row.get("name", row.get("label"))
            theirs[row.get("split", "train")].append([row["path"], names.index(name), name])
        lists = bench.json("data", "split", "--dataset", "csv", "--set", f"data.split_file={path}", "--shots", 0)
        ours = {part: lists[part]["all"] for part in lists}
        if "split" not in columns:
            ours, theirs = ({"all": sorted(item for part in each.values() for item in part)} for each in (ours, theirs))
        return peer_table.together(peer_table.items(ours[part], theirs[part]) for part in theirs)
    return measure


def split_file(**words):
    """A split file of CoOp's kind for a user's own pictures."""
    def measure(bench):
        folder = bench.new_folder()
        split = {part: [[row["path"], int(row["label"]), row["name"]] for row in table_rows() if row["split"] == part]
                 for part in ("train", "val", "test")}
        (folder / "split.json").write_text(json.dumps(split, **words), encoding="utf-8")
        theirs = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        lists = bench.json("data", "split", "--dataset", "folder", "--data", folder, "--set",
                           f"data.split_file={folder}/split.json", "--shots", 0)
        return peer_table.together(peer_table.items(lists[part]["all"], theirs[part]) for part in theirs)
    return measure


def of_list_tool(bench, what, path):
    return bench.run(bench.tools / "list_tool", what, path).decode().split("\0")[:-1]


def templates(encoding, line_end):
    def measure(bench):
        path = bench.new_folder() / "templates.txt"
        texts = ["a photo of a {}.", "", "itap of my {}.", "une photo d’un {} à l’école", "the {}, \"quoted\" in it"]
        path.write_bytes(line_end.join(texts).encode(encoding) + line_end.encode())
        with open(path, encoding="utf-8-sig") as stream:
            theirs = [line.rstrip("\n") for line in stream if line.strip()]
        return peer_table.items(of_list_tool(bench, "templates", path), theirs)
    return measure


def captions(header, encoding="utf-8", **format_words):
    """Paths are made absolute on both sides; a caption may have line breaks."""
    def measure(bench):
        folder = bench.new_folder()
        columns = ("caption", "path")
        rows = [{"caption": f"{name}, in \"{number}\"", "path": path}
                for number, (name, path) in enumerate(zip(CLASSES, PATHS))]
        for row in rows:
            (folder / row["path"]).parent.mkdir(exist_ok=True)
            (folder / row["path"]).touch()
        write(folder / "captions.csv", columns, header, rows, encoding, **format_words)
        theirs = [text for row in read(folder / "captions.csv", columns, header,
                                       delimiter=format_words.get("delimiter", ","))
                  for text in (os.path.join(folder, row["path"]), row["caption"])]
        return peer_table.items(of_list_tool(bench, "captions", folder / "captions.csv"), theirs)
    return measure


def rows():
    lists, by_csv, by_json = "lists: path, label, name", f"{PYTHON} csv", f"{PYTHON} json"
    kinds = (
        ("CSV without a header: path, name", csv_list(("path", "name"), None)),
        ("CSV without a header: path, label, name", csv_list(("path", "label", "name"), None)),
        ("CSV, `path,label,name`", csv_list(("path", "label", "name"), ("path", "label", "name"))),
        ("CSV, `path,name,label`", csv_list(("path", "name", "label"), ("path", "name", "label"))),
        ("CSV, `path,label,split`", csv_list(("path", "label", "split"), ("path", "label", "split"))),
        ("CSV, `\"Class\",\"Filename\"`", csv_list(("name", "path"), ("Class", "Filename"), quoting=csv.QUOTE_ALL)),
        ("CSV, `Split;LABEL;image;Name`", csv_list(("split", "label", "path", "name"), ("Split", "LABEL", "image", "Name"),
                                                   delimiter=";")),
        ("CSV with tabs", csv_list(("path", "name"), ("filepath", "title"), delimiter="\t")),
        ("CSV with a byte order mark, CR LF", csv_list(*2 * (("path", "label", "name", "split"),), "utf-8-sig",
                                                       lineterminator="\r\n")),
        ("CSV with LF", csv_list(("label", "path"), ("label", "path"), lineterminator="\n")),
    )
    return [
        *(Row(SECTION, kind, by_csv, by_csv, lists, measure, covers=("csv",)) for kind, measure in kinds),
        Row(SECTION, "split file for own pictures", by_json, by_json, lists, split_file()),
        Row(SECTION, "the same indented, not ASCII alone", by_json, by_json, lists,
            split_file(indent=2, ensure_ascii=False)),
        *(Row(SECTION, kind, "this test", f"{PYTHON} open", "templates", measure) for kind, measure in (
            ("templates file", templates("utf-8", "\n")),
            ("templates file with a byte order mark, CR LF", templates("utf-8-sig", "\r\n")))),
        *(Row(SECTION, kind, by_csv, by_csv, "paths and captions", measure) for kind, measure in (
            ("captions, `caption,image`", captions(("caption", "image"))),
            ("captions, `\"Title\"`, `\"Filepath\"` with tabs", captions(("Title", "Filepath"), delimiter="\t",
                                                                        quoting=csv.QUOTE_ALL)),
            ("captions with a byte order mark, `;`", captions(("caption", "image"), "utf-8-sig", delimiter=";")))),
    ]
