"""Runs every check of every area against the emulator at $TANDEM_URL, and prints how many there were."""

import importlib
import inspect
import sys
import traceback
import warnings

import support

AREAS = [
    "crud",
    "lookups",
    "keys",
    "queries",
    "filters",
    "paging",
    "expand",
    "fetchxml",
    "sql",
    "upsert",
    "bulk",
    "batch",
    "batch_tables",
    "dataframe",
    "metadata",
    "alternate_keys",
    "schema_writes",
    "errors",
    "wire",
    "aio",
]


def main():
    warnings.simplefilter("ignore", DeprecationWarning)
    wanted = sys.argv[1:] or AREAS
    for area in wanted:
        module = importlib.import_module(area)
        with support.connect() as client:
            for name, check in list(vars(module).items()):
                if name.startswith("_") or getattr(check, "__module__", None) != area:
                    continue
                if not inspect.isfunction(check):
                    continue
                before = len(support.failures)
                try:
                    check(client)
                except Exception as error:  # noqa: BLE001 - the next check must still run
                    frames = traceback.extract_tb(error.__traceback__)
                    ours = [f.lineno for f in frames if f.filename == module.__file__]
                    support.true(f"line {ours[-1]}", False, error)
                for failure in support.failures[before:]:
                    print(f"FAILED {area}.{name}: {failure}", file=sys.stderr)
    print(f"{support.checks} checks")
    return 1 if support.failures else 0


if __name__ == "__main__":
    sys.exit(main())
