"""What bench/compare and bench/figures share: processes, their CPU, the load, a broker."""
import contextlib, json, os, signal, socket, subprocess, time, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = f"{ROOT}/build/release/bin"
BENCH = f"{ROOT}/build/release/bench"
TICK = os.sysconf("SC_CLK_TCK")


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()


def family(pid):
    """The process and all that descend from it."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            children.setdefault(int(stat(p)[1]), []).append(int(p))
    found, left = [], [pid]
    while left:
        p = left.pop()
        found.append(p)
        left += children.get(p, [])
    return found


def cpu_seconds(pid):
    """(user, system) of the process and its family, those included that have ended and were waited for."""
    user = system = 0
    for p in family(pid):
        with contextlib.suppress(OSError):
            v = [int(x) for x in stat(p)[11:15]]
            user, system = user + v[0] + v[2], system + v[1] + v[3]
    return user / TICK, system / TICK


def rss_bytes(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS"))


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def process(command, settle=1.5, **where):
    """A process that is started, given time to settle, and ended by SIGTERM."""
    p = subprocess.Popen(command, **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **where})
    try:
        time.sleep(settle)
        if p.poll() is not None:
            raise SystemExit(f"ended at once with {p.returncode}: {' '.join(command)}")
        yield p
    finally:
        p.send_signal(signal.SIGTERM)
        try:
            p.wait(20)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def load(port, count, rate, **more):
    """Sends COUNT datagrams; what bench_load says of it."""
    flags = [w for k, v in more.items() for w in (f"--{k}", str(v))]
    return json.loads(subprocess.check_output(
        [f"{BENCH}/bench_load", "--port", str(port), "--count", str(count), "--rate", str(rate), *flags]))


def metric(port, name):
    """Sum of a metric over its labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.split("{")[0].split(" ")[0] == name)


@contextlib.contextmanager
def kafka(needed=True):
    """A real Apache Kafka broker; its address, or None when it is not needed."""
    if not needed:
        yield None
        return
    port = free_port(socket.SOCK_STREAM)
    p = subprocess.Popen([f"{ROOT}/scripts/kafka-run", "--port", str(port)], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(120):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.5)
        time.sleep(3)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(p.pid, signal.SIGTERM)
        p.wait(30)
