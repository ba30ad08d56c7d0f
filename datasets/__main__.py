"""python -m datasets [NAME ...] [--out data]: makes the sets that are missing; a set that is complete is left alone."""

import argparse
import sys
from pathlib import Path

from datasets import avatars, emoji, fashion, icons
from datasets.sources import SourceError

MAKERS = {
    "avatars": avatars.make,
    "fashion": fashion.make,
    "emoji": emoji.make_people_and_faces,
    "animals-food": emoji.make_animals_and_food,
    "icons": icons.make,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m datasets", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which sets (default: all): {', '.join(MAKERS)}")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder the sets are written to (default: data)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in MAKERS]:
        parser.error(f"no such data set: {', '.join(unknown)} (there are {', '.join(MAKERS)})")
    failed = 0
    for name in options.names or MAKERS:
        try:
            count = MAKERS[name](options.out / name, options.out / ".sources")
        except SourceError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
        except KeyboardInterrupt:
            print(f"{name}: stopped; the same command goes on from here", file=sys.stderr)
            return 130
        else:
            print(f"{name}: {count:,} images in {options.out / name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
