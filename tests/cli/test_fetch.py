#!/usr/bin/env python3
"""The scripts that fetch data, weights and merges, against archives in a folder in place of the network."""

import os
import pathlib
import shutil
import subprocess
import tarfile
import zipfile

import harness
import miniature


class Fetch(harness.Case):
    def setUp(self):
        super().setUp()
        for tool in ("curl", "tar"):
            if not shutil.which(tool):
                self.skipTest(f"{tool} is missing")
        self.mirror, self.data, self.made = (self.tmp / name for name in ("mirror", "data", "made"))
        self.mirror.mkdir()

    def script(self, name, *words, status=0):
        done = subprocess.run([harness.ROOT / "scripts" / name, *map(str, words)], capture_output=True, text=True,
                              env={**os.environ, "PROMPT_MIRROR": f"file://{self.mirror}"}, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def pack_aircraft(self):
        miniature.make(self.made, "fgvc_aircraft", 2, 2, px=4)
        with tarfile.open(self.mirror / "fgvc-aircraft-2013b.tar.gz", "w:gz") as archive:
            archive.add(self.made / "fgvc_aircraft", "fgvc-aircraft-2013b/data")

    def pack_ucf101(self):
        miniature.make(self.made, "ucf101", 2, 2, px=4)
        with zipfile.ZipFile(self.mirror / "UCF-101-midframes.zip", "w") as archive:
            for path in sorted((self.made / "ucf101/UCF-101-midframes").rglob("*.jpg")):
                archive.write(path, path.relative_to(self.made / "ucf101"))
        shutil.copy(self.made / "ucf101/split_zhou_UCF101.json", self.mirror)

    def check_same(self, name):
        here, there = ({path.relative_to(root): path.read_bytes() for path in (root / name).rglob("*") if path.is_file()}
                       for root in (self.data, self.made))
        self.assertEqual(here, there)

    def test_sets_are_unpacked_where_prompt_reads_them(self):
        self.pack_aircraft()
        self.pack_ucf101()
        # what an earlier download left: its first half
        whole = (self.mirror / "fgvc-aircraft-2013b.tar.gz").read_bytes()
        (self.data / ".download").mkdir(parents=True)
        (self.data / ".download/fgvc-aircraft-2013b.tar.gz.part").write_bytes(whole[:len(whole) // 2])
        said = self.script("fetch_data.sh", self.data, "fgvc_aircraft", "ucf101")
        self.assertIn("no published checksum is known for UCF-101-midframes.zip", said)
        for name in ("fgvc_aircraft", "ucf101"):
            self.check_same(name)
            self.check_ok(harness.run("data", "split", "--data", self.data, "--dataset", name))
        self.assertEqual(sorted(os.listdir(self.data)), ["fgvc_aircraft", "ucf101"])
        shutil.rmtree(self.mirror)
        self.assertIn("ucf101: ucf101/UCF-101-midframes exists",
                      self.script("fetch_data.sh", self.data, "fgvc_aircraft", "ucf101"))

    def test_bad_files_are_refused_and_the_others_fetched(self):
        self.pack_aircraft()
        (self.mirror / "images.tar.gz").write_bytes(b"not the pets")
        (self.mirror / "split_zhou_OxfordPets.json").write_text("<!DOCTYPE html><html>too many downloads</html>")
        (self.mirror / "imagenetv2-matched-frequency.tar.gz").write_bytes(
            (self.mirror / "fgvc-aircraft-2013b.tar.gz").read_bytes())
        said = self.script("fetch_data.sh", self.data, "oxford_pets", "fgvc_aircraft", "imagenetv2", "dtd", status=1)
        for pattern in (r"images\.tar\.gz\.bad has another checksum than md5:5c4f", r"gave a web page, not the file",
                        r"imagenetv2-matched-frequency\.tar\.gz' does not hold 'imagenetv2-.*': is it a different archive\?",
                        r"cannot fetch file:///.*/dtd-r1\.0\.1\.tar\.gz", r"not fetched: oxford_pets/images .* dtd/images"):
            self.assertRegex(said, pattern)
        self.check_same("fgvc_aircraft")
        self.assertFalse((self.data / "oxford_pets/images").exists())

    def test_dry_run_and_what_is_left_by_hand(self):
        said = self.script("fetch_data.sh", "--dry-run", self.data)
        self.assertFalse(self.data.exists())
        listed = {line.split()[0] for line in harness.run("data", "list").out.splitlines()[1:]} - {"folder", "csv"}
        for name in listed:
            self.assertRegex(said, name if name in ("imagenet", "imagenet_sketch", "sun397", "stanford_cars") else "fetch")
        self.assertEqual(said.count(": by hand: "), 4)
        self.assertIn("unknown data set 'imagenet1k'", self.script("fetch_data.sh", self.data, "imagenet1k", status=1))

    def fetch_merges(self, packed, status):
        """scripts/fetch_merges.sh against a wheel that holds `packed`, in place of PyPI's."""
        wheel, info = self.mirror / "open_clip_torch-3.3.0-py3-none-any.whl", "open_clip_torch-3.3.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("open_clip/bpe_simple_vocab_16e6.txt.gz", packed)
            archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: open_clip_torch\nVersion: 3.3.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        done = subprocess.run([harness.ROOT / "scripts/fetch_merges.sh", self.data], capture_output=True, text=True, check=False,
                              env={**os.environ, "PROMPT_MIRROR": "", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.mirror)})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_merges_of_a_changed_wheel_are_refused(self):
        self.assertIn("has another checksum than sha256:924691ac", self.fetch_merges(b"not the merges", 1))
        self.assertEqual(os.listdir(self.data), ["bpe_simple_vocab_16e6.txt.gz.bad"])

    def test_merges_come_from_the_wheel_of_open_clip(self):
        packed = harness.merges().read_bytes()
        self.fetch_merges(packed, 0)
        self.assertEqual((self.data / harness.merges().name).read_bytes(), packed)
        self.assertEqual(os.listdir(self.data), [harness.merges().name])

    def test_weights(self):
        self.assertIn("unknown model 'RN50'", self.script("fetch_weights.sh", self.data, "RN50", status=1))
        (self.mirror / "ViT-B-32.pt").write_bytes(b"not the weights")
        self.assertIn("has another checksum than sha256:40d36571",
                      self.script("fetch_weights.sh", self.data, "ViT-B-32", status=1))
        self.assertEqual(os.listdir(self.data), ["ViT-B-32.pt.bad"])


if __name__ == "__main__":
    harness.merges()
    harness.main()
