"""An exception in what a program wrote: its type, message and frames.

Read are tracebacks of Python and stacks of JavaScript and of the Java virtual machine.
Source of the names: OpenTelemetry semantic conventions, exceptions in logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from insightengine.telemetry.sources.records import AttributeValue

TRACEBACK: Final = "Traceback (most recent call last):"
TYPE: Final = "exception.type"
MESSAGE: Final = "exception.message"
STACKTRACE: Final = "exception.stacktrace"

_FRAMES_FIRST: Final = re.compile(
    r"\n(?:[ \t].*\n)+(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>[\s\S]*))?"
)
_FRAMES_LAST: Final = re.compile(
    r"^(?:Exception in thread \"[^\"\n]*\" |Uncaught )?"
    r"(?P<type>[\w.$]*(?:Error|Exception|Throwable))(?:: (?P<message>.*))?\n\s+at \S",
    re.MULTILINE,
)


def raised_in(text: str) -> Mapping[str, AttributeValue]:
    """Attributes of the exception that a text of several lines tells of; none for another text.

    Of a chain in Python it is the last one, of causes in Java the first: what nobody caught.
    """
    if "\n" not in text:
        return {}
    begin = text.find(TRACEBACK)
    if begin >= 0:
        found = _FRAMES_FIRST.match(text, text.rfind(TRACEBACK) + len(TRACEBACK))
    else:
        found = _FRAMES_LAST.search(text)
        begin = found.start() if found else 0
    if found is None:
        return {}
    message = (found["message"] or "").rstrip()
    return {TYPE: found["type"], MESSAGE: message, STACKTRACE: text[begin:]}
