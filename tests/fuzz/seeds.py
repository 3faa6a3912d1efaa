#!/usr/bin/env python3
"""seeds.py DIR -- first inputs for the fuzz targets, cut out of the captures and pages of this tree, into DIR/TARGET/.

scripts/fuzz makes them anew each time and lets libFuzzer pick what reaches something; the minimised rest is in corpus/.
"""
import re
import struct
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PER_CAPTURE = 3  # datagrams of one capture that go into one input


def datagrams(path):
    """The UDP payloads of a pcap file with Ethernet or raw IPv4 frames."""
    data = path.read_bytes()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    link = struct.unpack(order + 'I', data[20:24])[0]
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack(order + 'I', data[at + 8:at + 12])[0]
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        ip = frame[14:] if link == 1 else frame[4:] if link == 0 else frame
        if len(ip) > 28 and ip[0] >> 4 == 4 and ip[9] == 17:
            yield ip[4 * (ip[0] & 15) + 8:struct.unpack('>H', ip[2:4])[0]]


def row(parts, how=b''):
    return b''.join(how + struct.pack('>H', len(part)) + part for part in parts)


class Seeds:
    def __init__(self, out):
        self.out = out

    def put(self, target, name, data):
        folder = self.out / target
        folder.mkdir(parents=True, exist_ok=True)
        if data and len(data) < 60000:
            (folder / name).write_bytes(data)

    def capture(self, path):
        name = path.stem
        parts = list(datagrams(path))[:PER_CAPTURE]
        if not parts:
            return
        version = parts[0][:2]
        target = {b'\0\x09': 'netflow9', b'\0\x0a': 'ipfix', b'\0\0': 'sflow'}.get(version, 'legacy')
        self.put('decode', name, row(parts))
        self.put(target, name, row(parts))
        if target == 'ipfix':
            self.put('session', name, b'\x07' + b''.join(parts))
        if target in ('netflow9', 'ipfix'):
            self.put('templates', name, row(parts, b'\0'))
            self.put('templates', name + '-late', row(parts[1:] + parts[:1], b'\x10'))
        if target == 'sflow':
            self.put('sflow_old', name, row(parts))

    def hex_of_tests(self):
        """Packets and datagrams that the unit tests spell as hexadecimal digits."""
        for source in sorted((ROOT / 'tests/unit').glob('*.[ch]')):
            for i, found in enumerate(re.finditer(r'((?:"[0-9a-f]{2}(?: ?[0-9a-f]{2})*\s*"\s*)+)', source.read_text())):
                digits = re.sub(r'[^0-9a-f]', '', found.group(1))
                if len(digits) >= 24 and len(digits) % 2 == 0:
                    self.put('frame', f'{source.stem}-{i}', b'\0' + bytes.fromhex(digits))

    def frames(self):
        data = (ROOT / 'tests/golden/packets.pcap').read_bytes()
        at, n, kinds = 24, 0, set()
        while at + 16 <= len(data):
            length = struct.unpack('<I', data[at + 8:at + 12])[0]
            frame = data[at + 16:at + 16 + length]
            at += 16 + length
            kind = (frame[12:14], frame[23:24], frame[20:21], len(frame) // 64)
            if kind not in kinds:
                kinds.add(kind)
                self.put('frame', f'packet-{n}', b'\0' + frame)
                self.put('frame', f'ip-{n}', b'\x03' + frame[14:])
                n += 1
        self.put('meter', 'packets', data[:40000])
        for path in (ROOT / 'tests/golden').glob('*.pcap'):
            data = path.read_bytes()
            if len(data) < 20000:
                self.put('meter', path.stem, data)

    def structured(self):
        basic = bytes([0, 0, 8, 0, 4]) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
        sub = bytes([3, 1, 0]) + bytes(range(18))
        multi = bytes([3, 1, 0, 0, 22]) + bytes(range(18))

        def var(x):
            return bytes([len(x)]) + x

        sets = {0: bytes(18) * 2, 1: bytes(4) + var(basic), 2: bytes(4) + var(sub), 3: bytes(4) + var(multi),
                4: var(basic) + var(sub) + var(multi), 6: var(b'eth0') + bytes(4) + var(basic) + var(basic),
                2 + 8: bytes(4) + var(bytes([3, 1, 1]) + bytes(4) + var(basic))}
        for i, body in sets.items():
            self.put('structured', f'set-{i}', bytes([i]) + struct.pack('>H', len(body)) + body)

    def texts(self):
        for i, value in enumerate(['netflow://:2055,sflow://:6343', 'ipfix+tcp://[::1]:4739?count=2', 'flow://10.0.0.1:9999?queue_size=5']):
            self.put('options', f'listen-{i}', f'listen = {value}\nbatch.bytes = 512k\nhold.time = 10s\n'.encode())
        self.put('options', 'sections', b'# kafka\nkafka.brokers = localhost:9092\n[kafka]\ncompression.type = zstd\n')
        self.put('options', 'more', b'allow = 10.0.0.0/8\nfilter = "dst port 53"\nsampling-rate.by-exporter = 10.0.0.0/8=100,::/0=1\n'
                 b'redis = localhost:6379\nrepeat = 127.0.0.1:9\nmeter.sampler = 10.0.0.1\n')
        for path in sorted((ROOT / 'docs').glob('options*.md')) + sorted((ROOT / 'docs').glob('*collector*.md')):
            names = re.findall(r'--([a-z][a-z0-9.-]+)', path.read_text())
            for i in range(0, len(names), 40):
                self.put('options', f'{path.stem}-{i}', ''.join(f'{n} = 1\n' for n in names[i:i + 40]).encode())
        for path in sorted((ROOT / 'examples').rglob('*')) + sorted((ROOT / 'packaging').rglob('*.conf')):
            if path.is_file() and path.stat().st_size < 20000:
                self.put('options', path.name, path.read_bytes())
        mapping = b'# own\n34 = sampling_rate\n5951/33002 = 10001 app_id varint\n"octetDeltaCount" = bytes\n82 = 10002 name string\n'
        self.put('mapping', 'rows', mapping)
        networks = b'prefix,network,customer\n192.0.2.0/24,office,\n2001:db8:1::/48,hosting,"Example, Inc."\n0.0.0.0/0,all,x\n'
        self.put('networks', 'rows', networks)
        for i, text in enumerate(['line', 'long', 'biline', 'csv', 'fmt:%ts %td %pr %sap -> %dap %pkt %byt', 'csv:%sa,%da,%as']):
            self.put('columns', str(i), text.encode())
        queries = [p.read_text() for p in sorted((ROOT / 'sql/queries').glob('*.sql'))[:6]]
        queries += ["SELECT * FROM file('/etc/passwd')", 'select 1 into /* x */ outfile \'a\' format CSV -- x']
        for i, text in enumerate(queries):
            self.put('sql', str(i), text.encode())
        for i, path in enumerate(['/metrics', '/healthz', '/flows?limit=0', '/templates?exporter=10.0.0.1&limit=3', '/exporters?limit=%31',
                                  '/flows?limit=x', '/none']):
            self.put('http', f'get-{i}', f'GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'.encode())
        self.put('http', 'post', b'POST /flows HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n')
        self.put('http', 'long', b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\nabcd')

    def mmdb(self):
        def control(kind, size):
            return bytes([size, kind - 7]) if kind > 7 else bytes([kind << 5 | size])

        def text(s):
            return control(2, len(s)) + s.encode()

        def number(kind, length, v):
            return control(kind, length) + v.to_bytes(length, 'big')

        for name, entry in (('country', control(7, 1) + text('country') + control(7, 1) + text('iso_code') + text('DE')),
                            ('as', control(7, 1) + text('autonomous_system_number') + number(6, 4, 64500))):
            nodes = b''.join(struct.pack('>II', *pair) for pair in [(1, 2 + 16), (2 + 16, 2)])
            meta = (b'\xab\xcd\xefMaxMind.com' + control(7, 9) + text('node_count') + number(6, 4, 2) + text('record_size')
                    + number(5, 2, 32) + text('ip_version') + number(5, 2, 6) + text('database_type') + text('Test')
                    + text('languages') + control(11, 0) + text('binary_format_major_version') + number(5, 2, 2)
                    + text('binary_format_minor_version') + number(5, 2, 0) + text('build_epoch') + number(9, 8, 1795263794)
                    + text('description') + control(7, 0))
            self.put('mmdb', name, nodes + bytes(16) + entry + meta)

    def state(self):
        def item(kind, body):
            return bytes([kind]) + struct.pack('>I', len(body)) + body

        template = struct.pack('>HBHHQ', 256, 0, 0, 2055, 1763726400000000000) + struct.pack('>IHH', 0, 8, 4) * 2
        body = (item(1, bytes([4, 10, 0, 0, 1, 1]) + struct.pack('>Q', 1763726400000000000))
                + item(2, struct.pack('>IIQ', 10, 0, 0)) + item(3, template) + item(4, bytes([3]) + struct.pack('>QIQ', 7, 3, 100))
                + item(5, bytes([0]) + struct.pack('>Q', 3) + b'\x04eth0') + item(6, struct.pack('>IHB', 5951, 7, 13) + b'\x03app'))
        self.put('state', 'one', b'\1' + b'WEIRSTAT' + struct.pack('>IQQ', 1, 0, len(body)) + body + bytes(8))
        self.put('state', 'empty', b'\0')


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    seeds = Seeds(Path(sys.argv[1]))
    for path in sorted((ROOT / 'tests/golden').glob('*.pcap')):
        if path.stem != 'packets':
            seeds.capture(path)
    for make in (seeds.hex_of_tests, seeds.frames, seeds.structured, seeds.texts, seeds.mmdb, seeds.state):
        make()


if __name__ == '__main__':
    main()
