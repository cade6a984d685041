"""The tests, by name. Each is given a runtime and raises Failed or Skipped; one may show several sentences."""

import importlib
import os

TESTS = {}


def test(function):
    """Makes a test known by the function's name."""
    TESTS[function.__name__] = function
    return function


def load():
    for name in sorted(os.listdir(os.path.dirname(__file__))):
        if name.endswith(".py") and name != "__init__.py":
            importlib.import_module(f"tests.{name[:-3]}")
    return TESTS
