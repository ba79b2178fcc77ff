"""Writes what the tour asked and was answered as the examples of the API description.

Ids, times and secrets differ in every run, so they are replaced by ones that do not: `docs/examples.json` changes only where
the API does.
"""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shop import Exchange, Shop
from tour import Tour

# The shop of the examples opens at this time. Times of one run lie seconds apart; those that are minutes ahead are deadlines.
OPENED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
STEP = timedelta(minutes=5)

ID = re.compile(r"\b([a-z]{2,8})_([0-7][0-9a-hjkmnp-tv-z]{25})\b")
REFERENCE = re.compile(r"\b([a-z]{3,8})_[0-9a-f]{32}\b")
HOST = re.compile(r"http://127\.0\.0\.1:\d+")
SECRET = re.compile(r"\b([sp]k)_(live|test)_[0-9A-Za-z]{20,}")
CURSOR = re.compile(r"\bcursor_[0-9A-Za-z_.-]+")
TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"

# Answers that no client can bring about when it wants to.
UNCAUSED = {
    "408": ("request_timeout", "Request took too long", "The body did not arrive in time."),
    "410": ("subject_erased", "No longer there", "This person's data has been erased; nothing can be stored for them again."),
    "429": ("rate_limited", "Too many requests", "Too many requests. Wait as long as Retry-After says."),
    "5XX": ("unavailable", "Temporarily unavailable", "Something that the platform needs is not available. Try again later."),
}


class Stable:
    """Replaces what differs from run to run."""

    def __init__(self, started: datetime):
        self.started = started
        self.ids: dict[str, str] = {}
        self.counts: dict[str, int] = {}

    def value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {self.text(key): self.value(below, key) for key, below in value.items()}
        if isinstance(value, list):
            return [self.value(below, name) for below in value]
        if name == "last_used_at":
            # Usage is noted in batches, at some time.
            return None
        if isinstance(value, str):
            return self.text(SHOWN_ONCE.get(name, value))
        return value

    def text(self, text: str) -> str:
        text = ID.sub(lambda match: self.id(match[1], match[0]), text)
        text = REFERENCE.sub(lambda match: f"{match[1]}_01a2323690d77560b103959c1d2ce231", text)
        text = HOST.sub("https://api.example.com", text)
        text = SECRET.sub(lambda match: f"{match[1]}_{match[2]}_example", text)
        text = CURSOR.sub("cursor_example", text)
        return TIME.sub(lambda match: self.time(match[0]), text)

    def id(self, prefix: str, known: str) -> str:
        if known not in self.ids:
            count = self.counts[prefix] = self.counts.get(prefix, 0) + 1
            self.ids[known] = f"{prefix}_01kb1xv0m4f3qa9t7w2z8h5d{DIGITS[count // 32]}{DIGITS[count % 32]}"
        return self.ids[known]

    def time(self, text: str) -> str:
        since = datetime.fromisoformat(text) - self.started
        steps = max(since, timedelta()) // STEP
        return (OPENED + steps * STEP).strftime("%Y-%m-%dT%H:%M:%SZ")


# Values that are random through and through, by their field's name.
SHOWN_ONCE = {"token": "cart-token-example", "Bloom-Cart-Token": "cart-token-example", "hint": "k3yh"}


def collect(exchanges: list[Exchange], started: datetime) -> dict[str, Any]:
    """The first exchange of each operation and status."""
    stable = Stable(started)
    # What cannot succeed in the demo shop is shown by the request that is refused.
    excused = json.loads((Path(__file__).parent / "without_success.json").read_text())
    operations: dict[str, Any] = {}
    problems: dict[str, Any] = {}
    for exchange in exchanges:
        known = operations.setdefault(exchange.operation, {"responses": {}})
        status = str(exchange.status)
        response = stable.value(exchange.response)
        if (exchange.status < 300 or exchange.operation in excused) and "parameters" not in known:
            known["parameters"] = stable.value(exchange.parameters)
            if exchange.request is not None:
                known["request"] = stable.value(exchange.request)
        if response is not None:
            known["responses"].setdefault(status, response)
            if exchange.status >= 400:
                problems.setdefault(status, response)
    for status, (code, title, detail) in UNCAUSED.items():
        base = problems["400"] | {"errors": [], "code": code, "title": title, "detail": detail}
        base["status"] = 503 if status == "5XX" else int(status)
        problems.setdefault(status, base | {"type": base["type"].rsplit("/", 1)[0] + "/" + code})
    return {"operations": operations, "problems": problems}


def main(state: Path, target: Path) -> None:
    started = datetime.now(UTC)
    shop = Shop(state)
    Tour(shop).run()
    target.write_text(json.dumps(collect(shop.exchanges, started), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
