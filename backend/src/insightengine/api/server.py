"""Runs the API of one colour: `python -m insightengine.api.server`."""

from __future__ import annotations

import gc


def main() -> None:
    """Loading makes a million objects and no garbage: the collector looks at none of them."""
    gc.disable()
    from insightengine.api.serving import serve

    gc.freeze()
    gc.enable()
    serve()


if __name__ == "__main__":
    main()
