#!/usr/bin/env python3
"""The page of prompt report in a real browser: its values, both themes, a phone, without JavaScript, sorting, the filter.

With PROMPT_SCREENSHOTS=DIR the pictures of the page remain there, in both themes and at two widths.
"""

import json
import os
import pathlib
import sys
import tempfile
import unittest

import browser
import harness
from harness import run

MINI = harness.CONFIGS / "mini"
METHODS = ("coop", "prompt")
N_CLASSES, N_IMAGES = 12, 4  # of eurosat; test images of a class

shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    root = pathlib.Path(folder.name)
    model = ("--data", root / "world", "--model", MINI / "mini.safetensors", "--dataset", "eurosat", "--threads", 1)
    orders = [("data", "synth", root / "world", "--layouts", "eurosat", "--per-class", N_IMAGES)]
    for name in METHODS:
        orders.append(("train", "--config", MINI / f"{name}.json", *model, "--set", "training.epochs=2", "--set", "data.shots=2",
                       "--out", root / name, "--quiet"))
        orders.append(("eval", "--run", root / name, "--threads", 1, "--quiet"))
    orders.append(("report", *(root / name for name in METHODS), "--out", root / "report.html"))
    for words in orders:
        result = run(*words)
        if result.status != 0:
            sys.exit(f"{words[0]} failed: {result}")
    shared["root"], shared["url"] = root, (root / "report.html").as_uri()
    shared["browser"] = unittest.enterModuleContext(browser.Browser(browser.find(), root / "profile"))


class Browser(unittest.TestCase):
    def open(self, **options):
        page = shared["browser"].open(shared["url"], **options)
        self.addCleanup(lambda: self.assertEqual(page.complaints(), []))
        self.addCleanup(lambda: self.assertEqual(page.requests(), [shared["url"]]))
        return page

    def records(self, name):
        return {r["classes"]: r for r in json.loads((shared["root"] / name / "results.json").read_text())}

    def test_the_values_are_those_of_the_records(self):
        page = self.open()
        rows = page.value("[...document.querySelectorAll('#results tbody tr')].map(r=>[...r.querySelectorAll('td b')].map(b=>+b.textContent))")
        for name, row in zip(METHODS, rows, strict=True):
            records = self.records(name)
            for classes, got in zip(("base", "new"), row[:2], strict=True):
                self.assertAlmostEqual(got, 100 * records[classes]["accuracy"], delta=0.00501)
        self.assertIn("Drawn pictures.", page.value("document.querySelector('.statement').textContent"))

    def test_bars_cells_and_pictures_are_there(self):
        page = self.open()
        self.assertEqual(page.value("document.querySelectorAll('.classes td.bars').length"), N_CLASSES * len(METHODS))
        page.value("document.querySelectorAll('details').forEach(d=>d.open=true)")
        shares = page.value("[...document.querySelectorAll('.classes td.bars')].map(cell=>[cell.dataset.v,"
                            "100*cell.querySelector('i').getBoundingClientRect().width/cell.querySelector('.bar').getBoundingClientRect().width])")
        self.assertEqual(len(shares), N_CLASSES * len(METHODS))
        for value, width in shares:
            self.assertAlmostEqual(float(value), width, delta=1.5)
        cells = page.value("[...document.querySelectorAll('.matrix title')].map(t=>+t.textContent.match(/: (\\d+) of/)[1]).reduce((a,b)=>a+b)")
        self.assertEqual(cells, sum(r["total"] for name in METHODS for r in self.records(name).values()))
        sizes = page.value("Promise.all([...document.images].map(i=>i.decode().then(()=>i.naturalWidth)))")
        self.assertEqual(set(sizes), {64})
        self.assertEqual(page.value("document.querySelectorAll('.shots img').length"), 2 * N_CLASSES // 2)

    def test_a_click_on_a_heading_sorts(self):
        page = self.open()
        values = "[...document.querySelectorAll('.classes')[0].tBodies[0].rows].map(r=>+r.cells[2].dataset.v)"
        click = "document.querySelectorAll('.classes')[0].tHead.rows[0].cells[2].querySelector('button').click()"
        before = page.value(values)
        page.value(click)
        self.assertEqual(page.value(values), sorted(before, reverse=True))
        page.value(click)
        self.assertEqual(page.value(values), sorted(before))
        self.assertEqual(page.value("document.querySelectorAll('.classes th[aria-sort=ascending]').length"), 1)

    def test_the_filter_hides_other_classes(self):
        page = self.open()
        name = page.value("document.querySelector('.classes tr[data-class]').dataset.class")
        page.value(f"(i=>{{i.value={json.dumps(name.upper())};i.dispatchEvent(new Event('input'))}})(document.querySelector('.filter input'))")
        shown = page.value("[...document.querySelectorAll('[data-class]')].filter(e=>!e.hidden).map(e=>e.dataset.class)")
        self.assertTrue(shown and all(name in other for other in shown), shown)
        self.assertEqual(page.value("document.querySelectorAll('.shots:not([hidden])').length"), 1)

    def test_without_javascript_nothing_is_missing(self):
        texts = []
        for has_script in (True, False):
            page = self.open(has_script=has_script)
            tree = page.call("DOM.getDocument", depth=-1)["root"]["nodeId"]
            text = page.call("DOM.getOuterHTML", nodeId=tree)["outerHTML"]
            self.assertEqual("<input" in text, has_script)
            self.assertEqual("<button" in text, has_script)
            texts.append(text.replace('<button type="button">', "").replace("</button>", ""))
        body = texts[1].split("<main>")[1].split('<div class="filter">')
        self.assertTrue(all(part in texts[0] for part in body))

    def test_both_themes_have_contrast_and_no_width_overflows(self):
        script = """(names => {
            const luminance = c => c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
                .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
            const of = name => { const e = document.createElement('i'); e.style.color = `var(--${name})`; document.body.append(e);
                const c = getComputedStyle(e).color.match(/\\d+/g).map(Number); e.remove(); return luminance(c); };
            const contrast = (a, b) => (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
            return Object.fromEntries(names.flatMap(n => ['bg', 'soft'].map(b => [`${n} on ${b}`, contrast(of(n), of(b))])));
        })(['fg', 'quiet', 'link', 'good', 'bad', 'c0', 'c1', 'c2', 'c3', 'c4', 'c5'])"""
        backgrounds = set()
        for is_dark in (False, True):
            for width in (1280, 390):
                page = self.open(width=width, is_dark=is_dark)
                self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                backgrounds.add(page.value("getComputedStyle(document.body).backgroundColor"))
                for pair, contrast in page.value(script).items():
                    self.assertGreaterEqual(contrast, 4.5, pair)  # WCAG AA for text
                self.keep(page.picture(), f"report-{'dark' if is_dark else 'light'}-{width}.png", width)
        self.assertEqual(len(backgrounds), 2)

    def keep(self, png, name, width):
        self.assertEqual(int.from_bytes(png[16:20], "big"), width)
        self.assertGreater(int.from_bytes(png[20:24], "big"), 2000)
        if os.environ.get("PROMPT_SCREENSHOTS"):
            (pathlib.Path(os.environ["PROMPT_SCREENSHOTS"]) / name).write_bytes(png)


if __name__ == "__main__":
    if not browser.find() and not harness.required():
        print("SKIPPED: no Chromium; Debian's package is chromium-headless-shell")
        sys.exit(77)
    harness.main()
