"""The report page in headless Chromium: what it requests, and whether all of it can be seen."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import suppress

import pytest

from graphlab.bench.report.page import write_report

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)
WIDTHS = (1280, 400)
SECONDS = 60


class Browser:
    """One headless browser, spoken to in the DevTools protocol over a pair of pipes."""

    def __init__(self, program, profile):
        self._numbers, self._rest = itertools.count(1), b""
        self.events = []
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # the browser reads from 3 and writes to 4; away from there first, then onto them
        theirs = [self._above(theirs_in), self._above(theirs_out)]

        def place():
            os.dup2(theirs[0], 3)
            os.dup2(theirs[1], 4)

        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,  # noqa: PLW1509  (two system calls)
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for handle in theirs:
            os.close(handle)
        self._in, self._out = ours_in, ours_out

    @staticmethod
    def _above(handle):
        import fcntl

        moved = fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 50)
        os.close(handle)
        return moved

    def call(self, method, session=None, **parameters):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(time.monotonic() + SECONDS)
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        until = time.monotonic() + SECONDS
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._read(until))

    def collect(self, seconds):
        """Take in what still arrives within this time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with suppress(TimeoutError):
                self.events.append(self._read(until))

    def _read(self, until):
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, until - time.monotonic()))
            if not ready:
                raise TimeoutError("the browser does not answer")
            got = os.read(self._in, 1 << 20)
            if not got:
                raise ConnectionError("the browser has ended")
            self._rest += got
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=SECONDS)
        os.close(self._in)
        os.close(self._out)


class Tab:
    """A page of the browser, at a width and a colour scheme."""

    def __init__(self, browser, url, *, width=1280, scheme="light", policy=True):
        self.browser = browser
        browser.events.clear()
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.setBypassCSP", enabled=not policy)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 800,
        )
        self.media(scheme)
        self.call("Page.navigate", url=url)
        browser.wait_for("Page.loadEventFired")

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def media(self, scheme="light", kind="screen"):
        chosen = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=kind, features=chosen)

    def run(self, script):
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open_all(self):
        self.run("document.querySelectorAll('details').forEach(d => {d.open = true})")

    def requests(self):
        """Addresses of all that was asked for since the tab was opened."""
        self.browser.collect(0.3)
        sent = [e for e in self.browser.events if e.get("method") == "Network.requestWillBeSent"]
        return [event["params"]["request"]["url"] for event in sent]

    def picture(self):
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no browser was found: none of {', '.join(BROWSERS)} is on the PATH")
    made = Browser(program, tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def tab(browser):
    """Return a function that opens a page; the tabs are closed after the test."""
    tabs = []

    def open_tab(path, **options):
        tabs.append(Tab(browser, path.as_uri(), **options))
        return tabs[-1]

    yield open_tab
    for one in tabs:
        one.close()


@pytest.fixture(scope="module")
def page(make_run, write_runs, tmp_path_factory):
    """A report with every kind of figure, long names, a failed run and many systems."""
    bins = [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128), (129, 256)]
    runs = []
    systems = ("GCN", "DAGNN", "A name of some forty letters, cut short", "W" * 40)
    for place, system in enumerate(systems):
        for dataset in ("cora", "citeseer", "pubmed"):
            for seed in range(3):
                acc = 0.9 - 0.05 * place + seed / 100
                rows = [
                    {"low": low, "high": high, "count": 70_000 // low**2, "acc": acc - 0.02 * index}
                    for index, (low, high) in enumerate(bins)
                ]
                runs.append(
                    make_run(
                        system=system,
                        dataset=dataset,
                        seed=seed,
                        acc=acc,
                        seconds=1.0 + 100 * place,
                        parameters=1000 * 30**place,
                        breakdowns={"degree": rows},
                    )
                )
    runs.append(make_run(system="MLP", seed=0, acc=0.5))
    runs.append(make_run(system="MLP", seed=1, status="diverged"))
    folder = tmp_path_factory.mktemp("page") / "results" / "demo"
    return write_report(write_runs(runs, folder))


# -- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [True, False], ids=["with its policy", "without its policy"])
def test_the_page_requests_itself_and_nothing_else(tab, page, policy):
    seen = tab(page, policy=policy)
    seen.open_all()
    seen.run("window.scrollTo(0, document.body.scrollHeight)")
    for scheme, kind in (("dark", "screen"), ("light", "print")):
        seen.media(scheme, kind)
        assert seen.run("document.fonts.size") == 0
    assert seen.requests() == [page.as_uri()]


def test_a_page_that_loads_something_is_found_out(tab, page, tmp_path):
    """The listing of requests sees an image, a style and a font, if there are any."""
    text = page.read_text(encoding="utf-8")
    more = (
        '<img src="http://127.0.0.1:9/image.png">'
        '<link rel="stylesheet" href="http://127.0.0.1:9/style.css">'
        "<style>body{background:url(http://127.0.0.1:9/back.png)}</style>"
    )
    other = tmp_path / "other.html"
    other.write_text(text.replace("</main>", f"{more}</main>"), encoding="utf-8")
    found = set(tab(other, policy=False).requests())
    names = {"image.png", "style.css", "back.png"}
    assert found == {other.as_uri(), *(f"http://127.0.0.1:9/{name}" for name in names)}


# -- what is seen ---------------------------------------------------------------------------------


MARKS = """[...document.querySelectorAll('figure svg')].map(svg => {
  const frame = svg.getBoundingClientRect();
  const uses = [...svg.querySelectorAll('use')].map(u => u.getBoundingClientRect());
  return [svg.querySelector('title').textContent, uses.length, uses.filter(b => b.left < frame.left
    || b.right > frame.right || b.top < frame.top || b.bottom > frame.bottom).length]})"""


def test_marks_are_inside_of_their_figure(tab, page):
    for title, marks, outside in tab(page).run(MARKS):
        assert marks > 4, title  # ticks are marks too
        assert outside == 0, title


FIGURE_TEXTS = """[...document.querySelectorAll('figure svg')].map(svg => {
  const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
  return {title: svg.querySelector('title').textContent, box: [box.left, box.top, box.right,
    box.bottom], texts: [...svg.querySelectorAll('text')].map(t => {
      const b = t.getBoundingClientRect();
      return {text: t.textContent, box: [b.left, b.top, b.right, b.bottom],
        size: parseFloat(getComputedStyle(t).fontSize) * scale,
        turned: /rotate\\((?!-?0\\))/.test(t.getAttribute('transform') || '')}})}})"""


@pytest.mark.parametrize("width", WIDTHS)
def test_no_text_of_a_figure_is_cut_small_or_covered(tab, page, width):
    figures = tab(page, width=width).run(FIGURE_TEXTS)
    assert len(figures) == 5 * 3 + 1  # five kinds for three data sets, one ranking
    for figure in figures:
        left, top, right, bottom = figure["box"]
        assert len(figure["texts"]) > 5
        for text in figure["texts"]:
            box, where = text["box"], (figure["title"], text["text"])
            assert box[0] >= left - 1, where
            assert box[2] <= right + 1, where
            assert box[1] >= top - 1, where
            assert box[3] <= bottom + 1, where
            assert text["size"] >= 8, where
        level = [text for text in figure["texts"] if not text["turned"]]
        for one, other in itertools.combinations(level, 2):
            covered = overlap(one["box"], other["box"])
            assert covered < 0.15, (figure["title"], one["text"], other["text"])


def overlap(one, other):
    """Shared area as a share of the smaller box."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    sizes = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return wide * high / max(min(sizes), 1)


CUT = """[...document.querySelectorAll('body *')].filter(e => !e.closest('svg')
  && !e.closest('.scroll') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
  && getComputedStyle(e).overflowX !== 'visible').map(e => e.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_no_wider_than_the_screen(tab, page, width):
    seen = tab(page, width=width)
    seen.open_all()
    assert seen.run("document.scrollingElement.scrollWidth") <= width
    assert seen.run(CUT) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(tab, page, scheme):
    """The contrast of what is read is at least 4.5 : 1, of figures' text too."""
    ratios = tab(page, scheme=scheme).run(
        """(() => {
        const light = c => {const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
          .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
          return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]};
        const behind = e => {for (; e; e = e.parentElement) {
          const c = getComputedStyle(e).backgroundColor;
          if (!/, 0\\)|transparent/.test(c)) return c}};
        const found = {};
        for (const e of document.querySelectorAll('p, td, th, a, li, summary, pre, svg text')) {
          const s = getComputedStyle(e), svg = e.tagName == 'text';
          const a = light(svg ? s.fill : s.color), b = light(behind(e));
          const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
          found[e.tagName] = Math.min(found[e.tagName] || 99, ratio)}
        return found})()"""
    )
    assert set(ratios) >= {"TD", "TH", "A", "P", "text"}
    assert min(ratios.values()) >= 4.5, ratios
