"""python -m app: serve; python -m app bench: measure this host."""

import argparse
import sys

from pydantic import ValidationError

from app import logs
from app.lifecycle import Lifecycle
from app.settings import PREFIX, Settings

_EX_CONFIG = 78  # sysexits.h: the environment is wrong, and starting again will not help


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["bench"]:
        from app.images.png import encode_png
        from app.inference import bench

        return int(bench.main(arguments[1:], encode_png))
    _parser().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for sentence in _sentences(error):
            print(sentence, file=sys.stderr)
        return _EX_CONFIG
    return serve(settings)


def serve(settings: Settings) -> int:
    """Until a signal ends it. Returns the exit code."""
    from app import server
    from app.main import create_app

    logs.configure(settings.log_level)
    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle=lifecycle, background_loading=True)
    server.Server(app, settings, lifecycle).run()
    return 0


def _parser() -> argparse.ArgumentParser:
    variables = "\n".join(
        f"  {PREFIX}{name.upper()}={'' if name == 'api_keys' else field.default}\n      {field.description}"
        for name, field in Settings.model_fields.items()
    )
    return argparse.ArgumentParser(
        prog="python -m app",
        description="Serves the models of TESSERA_MODELS_DIR over HTTP. `python -m app bench` measures this host.",
        epilog=f"settings, from the environment, with their defaults:\n{variables}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{PREFIX}{'.'.join(str(part) for part in problem['loc']).upper()}: "
        + problem["msg"].removeprefix("Value error, ")
        for problem in error.errors()
    ]


def console() -> int:
    """The console script."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(console())
