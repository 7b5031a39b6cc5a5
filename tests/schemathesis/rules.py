"""The published document by the rules of OpenAPI 3.1, and each schema in it by those of JSON Schema."""

import json
import os
import sys
import urllib.request

import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

with urllib.request.urlopen(os.environ["HALLWAY_API"] + "/openapi.json", timeout=20) as answer:
    document = json.load(answer)

wrong = [f"{list(error.instance_path)}: {error.message}"[:300]
         for error in OPENAPI_31_VALIDATOR.iter_errors(document)]


def schemas(value, at):
    """Every schema there is, and where."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "schema":
                yield inner, f"{at}/{name}"
            yield from schemas(inner, f"{at}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from schemas(inner, f"{at}/{place}")


named = [(schema, name) for name, schema in document["components"]["schemas"].items()]
count = 0
for schema, at in [*named, *schemas(document["paths"], "paths")]:
    count += 1
    try:
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    except jsonschema_rs.ValidationError as error:
        wrong.append(f"{at}: {error.message}"[:300])

for line in wrong:
    print(line)
print(f"{count} schemas, {len(document['paths'])} paths, {len(wrong)} wrong")
sys.exit(1 if wrong or count < 50 else 0)
