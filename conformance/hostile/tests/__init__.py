"""One module a theme; importing them lists their attacks."""

import importlib
import os

for name in sorted(os.listdir(os.path.dirname(__file__))):
    if name.endswith(".py") and name != "__init__.py":
        importlib.import_module(f"tests.{name[:-3]}")
