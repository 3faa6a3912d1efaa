#!/usr/bin/env python3
"""Other programs' opinion of the golden captures: do tshark, nfdump and the exporter's own log say what NAME.json says?

    judge.py MOCKER NAME...     MOCKER: weir-mocker, which plays the capture to nfcapd; no NAME: all of TESTLIST

tshark (cflow, sflow): every octet and packet count of every record, in sum and as a sorted list.
nfcapd and nfdump: every flow's addresses, ports, protocol, packets and bytes; times within a second.
The log: softflowd's "Flows exported: N", as many as nfprobe's EXPIRED lines say.
packets.pcap, the traffic itself: no flow lies outside its time.
What one of them cannot read, or reads wrong, stands in EXCEPT below, with the reason.
"""
import collections
import datetime
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROTO = {"TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58, "IGMP": 2, "HOPOPT": 0}

UPTIME = ("softflowd -r starts its uptime at the capture's reading, after the flows: they began at an uptime of minus "
          "something, mod 2^32; nfdump takes that for 49.7 days later")

REPLAYED = "fprobe got the packets from tcpreplay, later"

# (capture, judge) -> why it is not asked
EXCEPT = {
    ("softflowd-v1", "nfdump"): "softflowd puts 26 records into a v1 datagram; nfcapd takes 24 at most",
    ("softflowd-v9", "times"): UPTIME,
    ("softflowd-v9-ether", "times"): UPTIME,
    ("softflowd-v9-sampled", "times"): UPTIME,
    ("softflowd-ipfix", "times"): UPTIME,
    ("softflowd-ipfix-sampled", "times"): UPTIME,
    ("softflowd-ipfix-biflow", "times"): UPTIME,
    ("softflowd-ipfix-micro", "times"): "nfdump 1.7.1 does not know elements 154 to 157",
    ("softflowd-ipfix-nano", "times"): "nfdump 1.7.1 does not know elements 154 to 157",
    ("softflowd-ipfix-biflow", "nfdump"): "nfdump keeps both directions in one record",
    ("softflowd-ipfix-biflow", "log"): "the log counts records, weir makes two flows of a bidirectional one",
    ("softflowd-psamp", "tshark"): "single packets: neither octet nor packet counts in them",
    ("softflowd-psamp", "nfdump"): "nfcapd knows no sampled packets in IPFIX",
    ("softflowd-psamp", "log"): "softflowd counts no flows then",
    ("pmacctd-sflow", "packets"): "sFlow tells no time: a sample's is that of its receipt",
    ("pmacctd-sflow", "log"): "the plugin counts nothing in its log",
    ("pmacctd-sflow", "nfdump"): "sfcapd's business, not nfcapd's",
    ("openvswitch-sflow", "log"): "the switch counts nothing in its log",
    ("openvswitch-ipfix", "log"): "the switch counts nothing in its log",
    ("openvswitch-sflow", "nfdump"): "sfcapd's business, not nfcapd's",
    ("openvswitch-ipfix", "nfdump"): "nfdump 1.7.1 knows no delta microseconds (158, 159) and takes totals (85, 86) for deltas",
    ("openvswitch-sflow", "packets"): "sFlow tells no time: a sample's is that of its receipt",
    ("openvswitch-ipfix", "packets"): "the switch got the packets from tcpreplay, later",
    ("pmacctd-sflow-routes", "packets"): "sFlow tells no time: a sample's is that of its receipt",
    ("pmacctd-sflow-routes", "log"): "the plugin counts nothing in its log",
    ("pmacctd-sflow-routes", "nfdump"): "sfcapd's business, not nfcapd's",
    ("fprobe-v1", "log"): "fprobe counts nothing in its log",
    ("fprobe-v5", "log"): "fprobe counts nothing in its log",
    ("fprobe-v7", "log"): "fprobe counts nothing in its log",
    ("fprobe-v1", "packets"): REPLAYED,
    ("fprobe-v5", "packets"): REPLAYED,
    ("fprobe-v7", "packets"): REPLAYED,
}


def captures():
    """name -> capture, of the tests that take the default options"""
    tests = {}
    with open(f"{HERE}/TESTLIST") as f:
        for line in f:
            words = line.split("#")[0].split()
            if len(words) == 3:
                tests[words[0]] = words[1]
    return tests


def expected(name):
    with open(f"{HERE}/{name}.json") as f:
        return [json.loads(line) for line in f]


def tshark_counts(capture, dissector):
    """Sorted octets and packets of all records; those of both directions where both are told. sFlow: of all samples."""
    command = ["tshark", "-r", f"{HERE}/{capture}", "-d", f"udp.port==2055,{dissector}", "-T", "fields",
               "-e", "cflow.octets", "-e", "cflow.packets", "-e", "sflow_245.header.frame_length",
               "-e", "cflow.layer2_octet_delta_count"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    octets, packets = [], []
    for line in out.splitlines():
        columns = line.split("\t")
        octets += [int(v) for v in (columns[0] or columns[3]).split(",") if v] # of frames without IP there are no others
        packets += [int(v) for v in columns[1].split(",") if v]
        samples = [int(v) for v in columns[2].split(",") if v]
        octets += samples
        packets += [1] * len(samples)
    # A direction without packets is no flow (softflowd's biflows have such).
    return sorted(v for v in octets if v), sorted(v for v in packets if v)


def ask_tshark(capture, flows):
    octets, packets = tshark_counts(capture, "sflow" if flows[0]["type"] == "SFLOW_5" else "cflow")
    ours = sorted(f["bytes"] for f in flows if f["bytes"]), sorted(f["packets"] for f in flows if f["packets"])
    if ours != (octets, packets):
        return (f"{len(ours[0])} flows, {sum(ours[0])} bytes, {sum(ours[1])} packets; "
                f"tshark has {len(octets)}, {sum(octets)}, {sum(packets)}")
    return None


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nfdump_flows(mocker, capture):
    """The capture through nfcapd: (source, destination, ports, protocol, packets, bytes, start, end) a flow."""
    folder = tempfile.mkdtemp()
    port = free_port()
    daemon = subprocess.Popen(["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", folder],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_socket(port)
        subprocess.run([mocker, "--pcap", f"{HERE}/{capture}", "--to", f"127.0.0.1:{port}", "--speed", "0",
                        "--rate", "200", "--quiet"], check=True)
        time.sleep(0.5)
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)
    try:
        files = [f"{folder}/{f}" for f in sorted(os.listdir(folder)) if f.startswith("nfcapd.2")]
        command = ["nfdump", "-r", files[0], "-q", "-N", "-6", "-o", "fmt:%sa,%da,%sp,%dp,%pr,%pkt,%byt,%ts,%te"]
        out = subprocess.run(command, check=True, capture_output=True, text=True,
                             env=dict(os.environ, TZ="UTC")).stdout
    finally:
        shutil.rmtree(folder)
    flows = []
    for line in out.splitlines():
        w = [v.strip() for v in line.split(",")]
        if len(w) != 9:
            continue
        times = [datetime.datetime.fromisoformat(v + "+00:00").timestamp() for v in w[7:]]
        # nfdump writes the destination port of ICMP as type.code
        ports = [0 if "." in v else int(v) for v in w[2:4]]
        flows.append((str(ipaddress.ip_address(w[0])), str(ipaddress.ip_address(w[1])), *ports,
                      int(w[4]) if w[4].isdigit() else PROTO[w[4]], int(w[5]), int(w[6]), *times))
    return flows


def wait_for_socket(port):
    for _ in range(100):
        with open("/proc/net/udp") as f:
            if f":{port:04X} " in f.read():
                return
        time.sleep(0.05)
    sys.exit("nfcapd did not start")


def key(flow):
    icmp = flow["proto"] in ("ICMP", "IPv6-ICMP")
    return (flow["src_addr"], flow["dst_addr"], 0 if icmp else flow["src_port"], 0 if icmp else flow["dst_port"],
            PROTO[flow["proto"]], flow["packets"], flow["bytes"])


def ask_nfdump(flows, theirs):
    want = collections.Counter(key(f) for f in flows)
    got = collections.Counter((*t[:2], *((0, 0) if t[4] in (1, 58) else t[2:4]), *t[4:7]) for t in theirs)
    if want != got:
        only_ours, only_theirs = list((want - got).elements()), list((got - want).elements())
        return (f"{len(flows)} flows, nfdump has {len(theirs)}; only ours: {only_ours[:3]}, only nfdump's: "
                f"{only_theirs[:3]}")
    return None


def ask_times(flows, theirs):
    """The whole capture's span, within a second."""
    first = min(t[7] for t in theirs) - min(f["time_flow_start_ns"] for f in flows) / 1e9
    last = max(t[8] for t in theirs) - max(f["time_flow_end_ns"] for f in flows) / 1e9
    if abs(first) > 1 or abs(last) > 1:
        return f"times: nfdump's first flow starts {first:+.3f} s, its last ends {last:+.3f} s from ours"
    return None


def ask_packets(flows):
    """packets.pcap, which they all metered: no flow was before its first packet or after its last (to a second)."""
    with open(f"{HERE}/packets.pcap", "rb") as f:
        data = f.read()
    times, at = [], 24
    while at < len(data):
        seconds, _, size = struct.unpack_from("<III", data, at)
        times.append(seconds)
        at += 16 + size
    first = min(f["time_flow_start_ns"] for f in flows) / 1e9
    last = max(f["time_flow_end_ns"] for f in flows) / 1e9
    if first < times[0] - 1 or last > times[-1] + 2:
        return f"flows from {first:.3f} to {last:.3f}, packets from {times[0]} to {times[-1]}"
    return None


def ask_log(name, flows):
    with open(f"{HERE}/{name}.log", encoding="utf8", errors="replace") as f:
        text = f.read()
    told = re.search(r"Flows exported: \d+ \((\d+) records\)", text)
    if told and int(told[1]) != len(flows):
        return f"{len(flows)} flows; the log says {told[1]}"
    # NetFlow v5 cannot tell of IPv6: what the log has of it was not exported.
    if flows[0]["type"] == "NETFLOW_V5":
        text = re.sub(r".*EXPIRED: .*\[[0-9a-f]*:[0-9a-f:]*\].*", "", text)
    expired = re.findall(r"EXPIRED: .* octets>:(\d+) packets>:(\d+) octets<:(\d+) packets<:(\d+)", text)
    if expired:
        octets = sorted(int(v) for e in expired for v in (e[0], e[2]) if int(v))
        if octets != sorted(f["bytes"] for f in flows):
            return f"{len(flows)} flows, {sum(f['bytes'] for f in flows)} bytes; the log has {len(octets)}, {sum(octets)}"
    if not told and not expired:
        return "the log says nothing"
    return None


def main(argv):
    if len(argv) < 2:
        sys.exit(__doc__)
    mocker, names = argv[1], argv[2:]
    tests = captures()
    bad = 0
    for name in names or tests:
        flows = expected(name)
        if not flows:
            sys.exit(f"{name}: no flows expected: that is no answer")
        theirs = [] if (name, "nfdump") in EXCEPT else nfdump_flows(mocker, tests[name])
        judges = {"tshark": lambda: ask_tshark(tests[name], flows), "nfdump": lambda: ask_nfdump(flows, theirs),
                  "times": lambda: ask_times(flows, theirs), "packets": lambda: ask_packets(flows),
                  "log": lambda: ask_log(name, flows)}
        for judge, ask in judges.items():
            if (name, judge) in EXCEPT:
                print(f"{name}: {judge}: not asked: {EXCEPT[name, judge]}")
                continue
            if judge == "times" and not theirs:
                continue
            why = ask()
            bad += why is not None
            print(f"{name}: {judge}: {why or f'agrees ({len(flows)} flows)'}")
    sys.exit(1 if bad else 0)


main(sys.argv)
