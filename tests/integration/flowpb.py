"""Kafka messages -> flows, by hand: the reader that judges weir's writer shares no code with it.

A message is records, each behind its varint length; a record is protobuf by proto/flow.proto, read here for its field
names, so that a test can write flow["bytes"].
"""
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def field_names():
    with open(f"{ROOT}/proto/flow.proto") as f:
        text = f.read()
    body = text[text.index("message FlowMessage"):]
    return {int(number): name for name, number in re.findall(r"^\s+(?:repeated )?\w+ (\w+) = (\d+)", body, re.M)}


NAMES = field_names()


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def record(data):
    """One record: name -> number, bytes; of repeated fields the last."""
    flow, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            if len(value) != length:
                raise ValueError("a field goes past its record")
            at += length
        else:
            raise ValueError(f"wire type {tag & 7}")
        flow[NAMES.get(tag >> 3, tag >> 3)] = value
    return flow


def records(message):
    """All flows of a Kafka message."""
    flows, at = [], 0
    while at < len(message):
        length, at = varint(message, at)
        if at + length > len(message):
            raise ValueError("a record goes past its message")
        flows.append(record(message[at:at + length]))
        at += length
    return flows
