"""A real browser for tests of pages: Debian's Chromium by Playwright; what a page asked for and said."""

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.patience import patience

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCHEMES = ("light", "dark")  # of colours
SEEN = [(1200, "light"), (390, "dark")]  # width, and the scheme in which a page is opened
AXE = """axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(
    one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`))"""


@dataclass
class Watched:
    """A page, and what is to be empty of it: what it said on the console, what it asked others for.

    scheme : of colours, in which it was opened; asked : addresses of all requests but those of `data:`
    """

    page: Any
    scheme: str = "light"
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def faults_of_access(self, schemes=None) -> list[str]:
        """What axe finds in the colours that the page has, or in each of some schemes: rule and element.

        The page goes on in the scheme in which it was opened.
        """
        if self.page.evaluate("typeof axe") == "undefined":
            from axe_playwright_python.base import AXE_SCRIPT

            self.page.evaluate(AXE_SCRIPT)
        found = []
        for scheme in schemes or [self.scheme]:
            self.page.emulate_media(color_scheme=scheme)
            found += [f"{scheme}: {one}" for one in self.page.evaluate(AXE)]
        self.page.emulate_media(color_scheme=self.scheme)
        return found

    def too_wide(self) -> bool:
        """Is there more than fits from left to right?"""
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


@contextlib.contextmanager
def chromium():
    """`with chromium() as browser:`; skips where there is none (in CI a skip is a failure)."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    from playwright.sync_api import sync_playwright

    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=root)
        yield browser
        browser.close()


@contextlib.contextmanager
def page(browser, width: int = 1200, scheme: str = "light", **options):
    """`with page(browser) as seen: seen.page.goto(...)`"""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    context.set_default_timeout(1000 * patience(30))
    context.set_default_navigation_timeout(1000 * patience(30))
    seen = Watched(context.new_page(), scheme)
    seen.page.on("console", lambda message: seen.said.append(message.text))
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("request", lambda request: _note(seen.asked, request.url))
    yield seen
    context.close()


def _note(asked: list[str], url: str) -> None:
    if not url.startswith("data:"):
        asked.append(url)
