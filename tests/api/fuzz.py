"""Sends generated requests, good and bad, to a running demo shop: no 5xx, no undocumented status, no answer outside its schema.

First the tour is taken, so that there is a thing of every kind. Its requests are the examples that the fuzzer begins with, and
ids are drawn from those that it has met: a random one would be answered 404 before anything interesting happens.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from examples import ID
from shop import Exchange, Shop
from tour import Tour

SEED = 12
EXAMPLES_PER_OPERATION = 10
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Versions of things that few requests have changed.
VERSIONS = ['"1"', '"2"', '"3"', '"4"']


class Inputs:
    """Copies of the schemas that inputs are made of, in which ids are those that the tour has met."""

    def __init__(self, schemas: dict[str, Any], ids: dict[str, list[str]]):
        self.schemas = schemas
        self.ids = ids

    def copy(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" not in value:
            return {word: self.copy(below) for word, below in value.items()}
        name = value["$ref"].rsplit("/", 1)[1]
        copied = f"live.{name}"
        if copied not in self.schemas:
            schema = self.schemas[name]
            self.schemas[copied] = {}
            self.schemas[copied] = self.of_ids(schema) or self.copy(schema)
        return value | {"$ref": f"#/components/schemas/{copied}"}

    def of_ids(self, schema: dict[str, Any]) -> dict[str, Any] | None:
        prefix = re.match(r"\^([a-z]+)_", schema.get("pattern", ""))
        known = self.ids.get(prefix[1]) if prefix else None
        return {"enum": known[-8:]} if known else None


def live(shop: Shop) -> dict[str, Any]:
    """The description with the ids and examples of this very shop."""
    document: dict[str, Any] = shop.description
    text = json.dumps([[e.request, e.response, e.parameters] for e in shop.exchanges if e.status < 300])
    # A revoked or rotated key would end the run.
    own = shop.send("GET", "/v1/identity/api-keys?limit=100", {"Authorization": f"Bearer {shop.keys['secret']}"}, None)[2]
    own = {key["id"] for key in own["data"] if key["name"] not in ("Warehouse",)}
    ids: dict[str, list[str]] = {}
    for match in ID.finditer(text):
        known = ids.setdefault(match[1], [])
        if match[0] not in known and match[0] not in own:
            known.append(match[0])
    inputs = Inputs(document["components"]["schemas"], ids)
    done: dict[str, Exchange] = {}
    # A success if there was one, else what was refused.
    for exchange in sorted(shop.exchanges, key=lambda exchange: exchange.status >= 300):
        done.setdefault(exchange.operation, exchange)
    for operation, (_, _, described) in shop.operations.items():
        exchange = done[operation]
        for parameter in described.get("parameters", []):
            parameter["schema"] = inputs.copy(parameter["schema"])
            if parameter["name"] == "If-Match":
                parameter["schema"] = {"enum": VERSIONS}
            if parameter["name"] in exchange.parameters:
                parameter["example"] = exchange.parameters[parameter["name"]]
        for kind, media in described.get("requestBody", {}).get("content", {}).items():
            media["schema"] = inputs.copy(media["schema"])
            if kind == "application/json" and exchange.request is not None:
                media["example"] = exchange.request
    return document


def succeeded(shop: Shop, excused: dict[str, str]) -> bool:
    """Whether every operation had a success, except those that are known to have none here."""
    never = {name for name, statuses in shop.answered().items() if not any(status < 300 for status in statuses)}
    for name in sorted(never - excused.keys()):
        print(f"{name} has not succeeded once: call it in tests/api/tour.py")
    for name in sorted(excused.keys() - never):
        print(f"{name} succeeds: take it out of tests/api/without_success.json")
    return never == excused.keys()


def main(state: Path, work: Path) -> int:
    shop = Shop(state)
    Tour(shop).run()
    excused = json.loads((Path(__file__).parent / "without_success.json").read_text())
    if not succeeded(shop, excused):
        return 1
    description = work / "openapi.json"
    description.write_text(json.dumps(live(shop)))
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", str(description), "--url", shop.url,
        "--header", f"Authorization: Bearer {shop.keys['secret']}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
        "--max-examples", str(EXAMPLES_PER_OPERATION), "--seed", str(SEED), "--no-shrink", "--continue-on-failure", "--warnings", "off",
        *sys.argv[3:],
    ]  # fmt: skip
    environment = os.environ | {"NO_COLOR": "1", "SCHEMATHESIS_HOOKS": str(Path(__file__).parent / "hooks.py")}
    return subprocess.run(command, cwd=work, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
