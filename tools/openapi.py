"""python -m tools.openapi: writes docs/openapi.json from the routes; --check only says whether it is up to date.

For programs in other languages, which make their types from it. It describes the service with default settings.
"""

import argparse
import json
from pathlib import Path

from app.main import create_app
from app.settings import Settings

FILE = Path(__file__).resolve().parent.parent / "docs" / "openapi.json"


def text() -> str:
    """The same everywhere: what TESSERA_* variables say here is left out."""
    document = create_app(Settings.model_construct()).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None, file: Path = FILE) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.openapi", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the file is out of date")
    if not parser.parse_args(arguments).check:
        file.write_text(text(), encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != text():
        print(f"{file.name} does not say what the routes say: make openapi")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
