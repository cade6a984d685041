"""Reads {"schema": path, "documents": [text, …]} from standard input; answers with what an independent validator says of each document:
a list of messages, empty where it is valid. Schemas refer to each other by relative paths."""

import json
import pathlib
import sys

import jsonschema

request = json.load(sys.stdin)
path = pathlib.Path(request["schema"])
with open(path) as file:
    schema = json.load(file)
kind = jsonschema.validators.validator_for(schema)
validator = kind(schema, resolver=jsonschema.RefResolver(path.as_uri(), schema))


def judge(text):
    try:
        document = json.loads(text)
    except ValueError as error:
        return [str(error)]
    return [error.message for error in validator.iter_errors(document)]


json.dump([judge(text) for text in request["documents"]], sys.stdout)
