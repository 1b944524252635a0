"""A person without a mouse: whatever they use is reached by Tab from where the page has put the focus."""

import re
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Locator, Page

Role = Literal["button", "checkbox", "combobox", "link", "spinbutton", "textbox"]

FAR = 200  # presses of Tab after which something counts as out of reach

# Found by role and name once, and again where the page has put another element into its place meanwhile.
WANT = "elements => { window.wanted = elements; }"
IN_GROUP = "(elements, name) => document.activeElement.type === 'radio' && document.activeElement.name === name"
# One question after each press: elsewhere, there and seen, there and unseen – or what was wanted is no longer there.
WHERE = """() => {
    const {wanted = []} = window, focused = document.activeElement;
    if (!wanted.length || wanted.some(one => !one.isConnected)) return "gone";
    if (!wanted.includes(focused)) return "elsewhere";
    const style = getComputedStyle(focused);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 ? "seen" : "unseen";
}"""


@dataclass
class Keys:
    """The keyboard of a page. Names are accessible names; a field may say behind its own that it is optional."""

    page: Page

    def reach(self, role: Role, name: str) -> None:
        """Tab to it; whoever sees must see that it has the focus."""
        named = re.compile(rf"^{re.escape(name)}( \(optional\))?$")
        self._tab_until(self.page.get_by_role(role, name=named), f"{role} “{name}”")

    def press(self, role: Role, name: str) -> None:
        """A link or a button. Waits for the page it leads to."""
        self.reach(role, name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def push(self, what: Locator) -> None:
        """Something that changes the page it is on, or opens another beside it."""
        self.reach_it(what)
        self.page.keyboard.press("Enter")

    def reach_it(self, what: Locator) -> None:
        self._tab_until(what, str(what))

    def write(self, name: str, text: str, role: Role = "textbox") -> None:
        """Into a field, in place of what is there."""
        self.reach(role, name)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def select(self, name: str, option: str) -> None:
        """An option of a closed list, by typing how it begins."""
        self.reach("combobox", name)
        self.page.keyboard.type(option)

    def choose(self, name: str) -> None:
        """One of several radio buttons: Tab to their group, then arrows."""
        wanted = self.page.get_by_role("radio", name=name, exact=True)
        group = wanted.get_attribute("name")
        for _ in range(FAR):
            if wanted.evaluate_all(IN_GROUP, group):
                break
            self.page.keyboard.press("Tab")
        for _ in range(20):
            if wanted.is_checked():
                return
            self.page.keyboard.press("Space" if not self._is_checked() else "ArrowDown")
        raise AssertionError(f"no arrow leads to “{name}”")

    def _is_checked(self) -> bool:
        return bool(self.page.evaluate("document.activeElement.checked"))

    def _tab_until(self, wanted: Locator, what: str) -> None:
        wanted.evaluate_all(WANT)
        for _ in range(FAR):
            self.page.keyboard.press("Tab")
            where = self.page.evaluate(WHERE)
            if where == "gone":
                wanted.evaluate_all(WANT)
                where = self.page.evaluate(WHERE)
            assert where != "unseen", f"{what} has the focus, but nobody sees it"
            if where == "seen":
                return
        raise AssertionError(f"{what} is out of reach on {self.page.url}")
