#!/usr/bin/env python3
"""consumer.py -- a complete consumer in Python: bytes by source address, scaled by sampling, as flows come in.

    apt-get install python3-confluent-kafka python3-protobuf protobuf-compiler
    protoc -I /usr/share/weir --python_out=. /usr/share/weir/flow.proto
    ./consumer.py localhost:9092 flows

Offsets are committed only once a message's flows are counted.
"""
import collections
import ipaddress
import signal
import sys

import confluent_kafka
from google.protobuf.internal.decoder import _DecodeVarint32

import flow_pb2


def flows(message):
    """A message is 1 to N flows, each behind its length as a varint."""
    at = 0
    while at < len(message):
        length, at = _DecodeVarint32(message, at)
        yield flow_pb2.FlowMessage.FromString(message[at:at + length])
        at += length


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: consumer.py BROKERS TOPIC")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": sys.argv[1], "group.id": "example-python",
                                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([sys.argv[2]])
    total = collections.Counter()
    try:
        while True:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error():
                print(message.error(), file=sys.stderr)
                continue
            for flow in flows(message.value()):
                if flow.src_addr:  # 4 or 16 bytes, or none
                    total[str(ipaddress.ip_address(flow.src_addr))] += flow.bytes * max(flow.sampling_rate, 1)
            consumer.commit(message, asynchronous=False)
            print("\t".join(f"{address} {n}" for address, n in total.most_common(3)), flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()
    for address, n in sorted(total.items()):
        print(address, n)


main()
