"""Requests whose text is not UTF-8: read all the same, with U+FFFD for what is no character.

Protobuf refuses a whole message for one wrong byte in a string, and a batch of a thousand records
would be lost for the sake of one. Here the same messages are declared with bytes instead.
"""

from __future__ import annotations

from functools import cache
from typing import Final, cast

from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from insightengine.telemetry.messages import type_of_request
from insightengine.telemetry.port import Signal

WARNING: Final = "text that is not UTF-8 was stored with replacement characters"
_Texts = frozenset[tuple[str, int]]


def with_valid_text(signal: Signal, payload: bytes) -> bytes | None:
    """The request with valid text; None when wrong text is not what is wrong with it."""
    lenient, texts = _lenient(signal)
    message = lenient()
    try:
        message.ParseFromString(payload)
    except DecodeError:
        return None
    _mend(message, texts)
    return message.SerializeToString()


def _mend(message: Message, texts: _Texts) -> None:
    for field, content in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for each in content if field.is_repeated else (content,):
                _mend(cast("Message", each), texts)
        elif (message.DESCRIPTOR.full_name, field.number) in texts:
            if field.is_repeated:
                content[:] = [_valid(each) for each in content]
            else:
                setattr(message, field.name, _valid(content))


def _valid(text: bytes) -> bytes:
    return text.decode("utf-8", errors="replace").encode()


@cache
def _lenient(signal: Signal) -> tuple[type[Message], _Texts]:
    """The type of the signal's requests with bytes in the place of text, and where text was."""
    pool, texts, added = DescriptorPool(), set[tuple[str, int]](), set[str]()
    descriptor = type_of_request[signal].DESCRIPTOR

    def add(file: FileDescriptor) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        copy = FileDescriptorProto()
        file.CopyToProto(copy)
        for message in copy.message_type:
            _loosen(message, f"{copy.package}.{message.name}", texts)
        pool.Add(copy)

    add(cast("FileDescriptor", descriptor.file))
    found = pool.FindMessageTypeByName(descriptor.full_name)
    return GetMessageClass(found), frozenset(texts)


def _loosen(message: DescriptorProto, name: str, texts: set[tuple[str, int]]) -> None:
    for field in message.field:
        if field.type == FieldDescriptorProto.TYPE_STRING:
            field.type = FieldDescriptorProto.TYPE_BYTES
            texts.add((name, field.number))
    for inner in message.nested_type:
        _loosen(inner, f"{name}.{inner.name}", texts)
