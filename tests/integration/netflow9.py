"""NetFlow v9 with every field that nfdump knows, made up from a seed: few values of each, so that filters find some and groups
have members."""
import random
import socket
import struct

# (element, octets, how) -- HOW(random) is a number, or octets.
def choice(*values):
    return lambda r: r.choice(values)


def upto(n):
    return lambda r: r.randrange(n)


def address(*texts):
    return lambda r: socket.inet_pton(socket.AF_INET6 if ":" in texts[0] else socket.AF_INET, r.choice(texts))


MACS = choice(0x0200_0000_0001, 0x0200_0000_0002, 0xE8FF_1ED5_F416)
COMMON = [
    (7, 2, choice(51118, 40000, 1024, 54, 444, 80)), (11, 2, choice(53, 443, 3389, 22, 8080, 50000)), (4, 1, choice(6, 6, 17, 47, 50)),
    (6, 1, choice(0x02, 0x12, 0x1b, 0x10, 0x04, 0x3f, 0)), (5, 1, choice(0, 0, 16, 184)), (55, 1, choice(0, 8, 184)),
    (10, 4, choice(1, 2, 70000)), (14, 4, choice(1, 2, 3)),
    (2, 8, lambda r: r.choice((1, 10, 1000, 5_000_000))), (1, 8, lambda r: r.choice((40, 1500, 64_000, 1_500_000, 2_500_000_000))),
    (16, 4, choice(65001, 13335, 0)), (17, 4, choice(65001, 64512, 4_200_000_000)), (128, 4, choice(3320, 174)), (129, 4, choice(3356, 0)),
    (58, 2, choice(0, 10, 4001)), (59, 2, choice(0, 20)), (61, 1, choice(0, 1)), (89, 1, choice(64, 128, 66)),
    (56, 6, MACS), (80, 6, MACS), (81, 6, MACS), (57, 6, MACS),
    (70, 3, lambda r: r.choice((16, 100, 3000)) << 4), (71, 3, lambda r: r.choice((17, 200)) << 4),
    (72, 3, lambda r: 18 << 4 | 1),
]
V4 = [(8, 4, address("10.0.0.1", "10.1.2.3", "192.168.1.50", "172.16.5.4")), (12, 4, address("104.18.185.54", "8.8.8.8", "192.168.7.50", "10.0.7.1")),
      (9, 1, choice(8, 24)), (13, 1, choice(16, 32)), (15, 4, address("10.9.9.9", "10.9.9.8")), (18, 4, address("10.8.8.8", "10.8.8.7"))]
V6 = [(27, 16, address("2001:db8::1", "2001:db8:1::50", "fe80::1")), (28, 16, address("2606:4700::6812:b936", "2001:db8::7")),
      (29, 1, choice(32, 64)), (30, 1, choice(48, 128)), (62, 16, address("2001:db8:9::9")), (63, 16, address("2001:db8:8::8"))]
ICMP = [(8, 4, address("10.0.0.1", "10.1.2.3")), (12, 4, address("8.8.8.8", "192.168.7.50")), (4, 1, choice(1)),
        (32, 2, choice(0x0800, 0x0000, 0x0303)), (2, 8, choice(1, 4)), (1, 8, choice(84, 336))]
TEMPLATES = {256: V4 + COMMON, 257: V6 + COMMON, 258: ICMP}
DOMAIN = 77


def datagrams(seed=1, count=60, flows=10, now=1_700_000_000):
    """Templates, then COUNT datagrams of FLOWS records each. Times lie within an hour before NOW."""
    r = random.Random(seed)
    uptime = 7_200_000
    sequence = 0

    def packet(sets, records):
        nonlocal sequence
        sequence += 1
        return struct.pack(">HHIIII", 9, records, uptime, now, sequence - 1, DOMAIN) + sets

    out = []
    for number, fields in TEMPLATES.items():
        fields = [(22, 4), (21, 4)] + [(e, n) for e, n, _ in fields]
        body = struct.pack(">HH", number, len(fields)) + b"".join(struct.pack(">HH", *f) for f in fields)
        out.append(packet(struct.pack(">HH", 0, 4 + len(body)) + body, 1))
    for _ in range(count):
        number = r.choice((256, 256, 256, 257, 257, 258))
        body = b""
        for _ in range(flows):
            first = uptime - r.randrange(3_600_000)
            last = min(uptime, first + r.choice((0, 1, 250, 5_000, 61_000, 1_800_000)))
            body += struct.pack(">II", first, last)
            for _, octets, how in TEMPLATES[number]:
                value = how(r)
                body += value if isinstance(value, bytes) else value.to_bytes(octets, "big")
        body += bytes(-len(body) % 4)
        out.append(packet(struct.pack(">HH", number, 4 + len(body)) + body, flows))
    return out
