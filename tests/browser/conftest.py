# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium for pages on this machine. A missing one is installed from Debian, as the engine of the test hosts is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan
from ansible_collections.livepeer.fleet.plugins.plugin_utils.report.page import page as page_of
from hostlib.tools import install_debian_packages
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver"}
WIDTH, HEIGHT = 1400, 1000


class Page:
    """A plan.html in the browser, and what an operator does there."""

    def __init__(self, driver: webdriver.Chrome, path: Path) -> None:
        self.driver = driver
        self.address = path.as_uri()
        driver.get(self.address)

    def all(self, selector: str) -> list[WebElement]:
        """Every element that fits."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The only element that fits."""
        (found,) = self.all(selector)
        return found

    def texts(self, selector: str) -> list[str]:
        """What stands in each element that fits."""
        return [" ".join((element.get_attribute("textContent") or "").split()) for element in self.all(selector)]

    def elements(self) -> int:
        """How much the browser has to hold."""
        return int(self.driver.execute_script("return document.querySelectorAll('*').length"))

    def search(self, text: str) -> None:
        """Type into the field at the top."""
        field = self.one("#search")
        field.clear()
        field.send_keys(text)

    def colour(self, element: WebElement, name: str = "stroke") -> tuple[int, int, int]:
        """Red, green and blue of what is drawn."""
        text = str(self.driver.execute_script("return getComputedStyle(arguments[0])[arguments[1]]", element, name))
        red, green, blue = (int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))
        return red, green, blue

    def emulate(self, media: str = "", scheme: str = "light") -> None:
        """Paper or screen, light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """One browser for all tests. It has no network to speak of: what a page asks for would be seen, and is not answered."""
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if missing:
        install_debian_packages(missing, "a headless Chromium, which looks at plan.html")
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    profile = tmp_path_factory.mktemp("chromium")
    # Root, as in a container, has no sandbox of Chromium's; /dev/shm of a container is small.
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "hide-scrollbars", "no-first-run"):
        options.add_argument(f"--{argument}")
    for argument in (
        f"user-data-dir={profile}",
        f"window-size={WIDTH},{HEIGHT}",
        "disable-background-networking",
        "proxy-server=127.0.0.1:9",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield browser
    browser.quit()


@pytest.fixture
def show(driver: webdriver.Chrome, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """``show(plan)``: its page, opened as a file. At the end the console is empty, and no page asked anybody for anything."""
    pages: list[Page] = []

    def opened(plan: Plan, media: str = "", scheme: str = "light") -> Page:
        path = tmp_path / f"plan{len(pages)}.html"
        path.write_text(page_of(plan), encoding="utf-8")
        pages.append(Page(driver, path))
        pages[-1].emulate(media, scheme)
        return pages[-1]

    driver.get_log("browser")
    driver.get_log("performance")
    yield opened
    assert [entry["message"] for entry in driver.get_log("browser")] == []
    assert requested(driver) == [page.address for page in pages]


def requested(driver: webdriver.Chrome) -> list[str]:
    """Every address that a page of ours asked for, in order; the browser's own pages are not ours."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [request["request"]["url"] for request in sent if request["documentURL"].startswith("file:")]
