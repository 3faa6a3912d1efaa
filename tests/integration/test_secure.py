#!/usr/bin/env python3
"""A real Apache Kafka that wants TLS, certificates, names and passwords: what goes through, and what happens with the wrong ones: flows
wait, one line says what to mend, a counter counts the reason, and no secret shows anywhere."""
import os
import subprocess
import tempfile
import unittest

import harness
from harness import BIN, Collector, Kafka, KafkaCase, Metrics, Program, free_port, get, mock, sums, summary_sums, wait_until

USER, PASSWORD = "weir", "correct-horse-battery"
PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_weir="correct-horse-battery";'
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
# Listener -> protocol. EXPIRED shows a certificate of yesterday.
LISTENERS = {"TLS": "SSL", "MUTUAL": "SSL", "NAME": "SASL_PLAINTEXT", "BOTH": "SASL_SSL", "EXPIRED": "SSL"}


class Secure(KafkaCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp()
        cls.certificates()
        ports = {name: free_port() for name in LISTENERS}
        cls.address = {name: f"localhost:{port}" for name, port in ports.items()}
        cls.kafka = Kafka(options=("--scram", f"{USER}:{PASSWORD}"))
        local = f"PLAINTEXT://127.0.0.1:{cls.kafka.port}"
        cls.kafka.settings = [
            "listeners=" + ",".join([local, f"CONTROLLER://127.0.0.1:{cls.kafka.port + 1}"] +
                                    [f"{name}://127.0.0.1:{port}" for name, port in ports.items()]),
            "advertised.listeners=" + ",".join([local] + [f"{name}://localhost:{port}" for name, port in ports.items()]),
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT," + ",".join(f"{n}:{p}" for n, p in LISTENERS.items()),
            "ssl.keystore.type=PEM", f"ssl.keystore.location={cls.dir}/broker.keystore", "ssl.truststore.type=PEM",
            f"ssl.truststore.location={cls.dir}/ca.pem", f"listener.name.expired.ssl.keystore.location={cls.dir}/expired.keystore",
            "listener.name.mutual.ssl.client.auth=required",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS",
            "allow.everyone.if.no.acl.found=true"]
        for name in ("name", "both"):
            cls.kafka.settings += [f"listener.name.{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                                   f"listener.name.{name}.plain.sasl.jaas.config={PLAIN}",
                                   f"listener.name.{name}.scram-sha-256.sasl.jaas.config={SCRAM}",
                                   f"listener.name.{name}.scram-sha-512.sasl.jaas.config={SCRAM}"]
        cls.addClassCleanup(cls.kafka.close)
        cls.kafka.start()

    @classmethod
    def certificates(cls):
        """Two authorities; of the first the broker's certificate, the client's, and one of each that is over."""
        openssl = lambda *words: subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=cls.dir)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        for ca in ("ca", "other"):
            openssl("req", "-x509", *key, "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem")
            os.makedirs(f"{cls.dir}/{ca}.new")
            with open(f"{cls.dir}/{ca}.index", "w"), open(f"{cls.dir}/{ca}.serial", "w") as f:
                f.write("01")
        with open(f"{cls.dir}/ca.conf", "w") as f:
            f.write("[ca]\ndatabase=ca.index\nserial=ca.serial\nnew_certs_dir=ca.new\ncertificate=ca.pem\nprivate_key=ca.key\n"
                    "default_md=sha256\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n")
        over = ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
        for name, when in (("broker", ("-days", "2")), ("expired", over), ("client", ("-days", "2")), ("past", over)):
            openssl("req", *key, "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", f"{name}.key", "-out", f"{name}.csr")
            openssl("ca", "-batch", "-config", "ca.conf", "-name", "ca", "-in", f"{name}.csr", "-out", f"{name}.pem", "-notext", *when)
            with open(f"{cls.dir}/{name}.keystore", "w") as f:
                for kind in ("key", "pem"):
                    with open(f"{cls.dir}/{name}.{kind}") as part:
                        f.write(part.read())

    # settings

    def tls(self, ca="ca", certificate=None):
        settings = {"security.protocol": "ssl", "ssl.ca.location": f"{self.dir}/{ca}.pem"}
        if certificate:
            settings |= {"ssl.certificate.location": f"{self.dir}/{certificate}.pem", "ssl.key.location": f"{self.dir}/{certificate}.key"}
        return settings

    def sasl(self, mechanism, password=PASSWORD, protocol="sasl_plaintext"):
        return {"security.protocol": protocol, "sasl.mechanism": mechanism, "sasl.username": USER, "sasl.password": password}

    def config(self, settings):
        """A file with these as [kafka]."""
        fd, path = tempfile.mkstemp(dir=self.dir, suffix=".conf")
        with open(fd, "w") as f:
            f.write("[kafka]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items()))
        return path

    def ways(self):
        yield "TLS", self.tls()
        yield "MUTUAL", self.tls(certificate="client")
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            yield "NAME", self.sasl(mechanism)
        yield "BOTH", {**self.tls(), **self.sasl("SCRAM-SHA-512", protocol="sasl_ssl")}

    def program(self, name, listener, config, *options):
        p = Program(f"{BIN}/{name}", *options, "--kafka.brokers", self.address[listener], "--config", config)
        self.addCleanup(p.close)
        return p

    def collector(self, listener, config, topic, *options, **more):
        c = Collector("--config", config, "--kafka.topic", topic, *options, brokers=self.address[listener], **more)
        self.addCleanup(c.close)
        return c

    # what goes through

    def test_each_program_each_way(self):
        for n, (listener, settings) in enumerate(self.ways()):
            with self.subTest(listener=listener, mechanism=settings.get("sasl.mechanism")):
                raw, enriched = f"flows-{n}", f"enriched-{n}"
                for topic in (raw, enriched):
                    self.kafka.create(topic)
                config = self.config(settings)
                c = self.collector(listener, config, raw)
                s = mock(c.to, protocol="ipfix", count=50, flows=10, rate=1000)
                self.assertEqual(sums(self.read(raw).wait_flows(s["flows"])), summary_sums(s))
                networks = f"{self.dir}/networks.csv"
                with open(networks, "w") as f:
                    f.write("prefix,network\n192.168.1.0/24,home\n")
                e = self.program("weir-enricher", listener, config, "--kafka.topic", raw, "--output-topic", enriched, "--from", "beginning",
                                 "--enrich.networks", networks, "--commit", "200ms")
                self.assertEqual(sums(self.read(enriched).wait_flows(s["flows"])), summary_sums(s), e.err)
                port = free_port()
                i = self.program("weir-inserter", listener, config, "metrics", "--kafka.topic", enriched, "--from", "beginning",
                                 "--addr", f"localhost:{port}", "--local", "192.168.1.0/24")
                read = lambda: Metrics(get(f"http://127.0.0.1:{port}/metrics") or "").sum("weir_inserter_flows_total")
                wait_until(lambda: read() == s["flows"], lambda: f"the inserter reads all\n{i.err}", 60)
                for p in (c, e, i):
                    self.assertEqual(p.terminate(), 0, p.err)
                    self.no_secret(p)

    def test_password_from_the_environment(self):
        self.kafka.create("environment")
        settings = self.sasl("SCRAM-SHA-256")
        password = settings.pop("sasl.password")
        c = self.collector("NAME", self.config(settings), "environment", env={"WEIR_KAFKA_PROPERTY": f"sasl.password={password}"})
        s = mock(c.to, protocol="v5", count=10, flows=10, rate=1000)
        self.assertEqual(sums(self.read("environment").wait_flows(s["flows"])), summary_sums(s))
        self.no_secret(c)

    def test_as_goflow2(self):
        """Its own flags, and its environment."""
        self.kafka.create("flow-messages")
        c = Collector("-transport=kafka", f"-transport.kafka.brokers={self.address['BOTH']}", "-transport.kafka.tls",
                      f"-transport.kafka.tls.ca={self.dir}/ca.pem", "-transport.kafka.sasl=scram-sha512", "-format=bin",
                      env={"KAFKA_SASL_USER": USER, "KAFKA_SASL_PASS": PASSWORD})
        self.addCleanup(c.close)
        s = mock(c.to, protocol="v9", count=10, flows=10, rate=1000)
        self.assertEqual(sums(self.read("flow-messages").wait_flows(s["flows"])), summary_sums(s))
        self.no_secret(c)

    # what does not

    def no_secret(self, p):
        shown = [p.err, p.out, " ".join(p.command)]
        if isinstance(p, Collector) and p.alive:
            shown.append(p.page("/metrics"))
            with open(f"/proc/{p.process.pid}/cmdline") as f:
                shown.append(f.read())
        shown.append(subprocess.run([*p.command, "--dump-config"], capture_output=True, text=True).stdout)
        for secret in (PASSWORD, "wrong-horse"):
            self.assertNotIn(secret, "\n".join(shown))

    def refused(self, topic, listener, settings, reason, cure, mend=None, not_ready=r"does not answer: \w"):
        """Flows wait, also over a restart; then, with MEND in force, all of them arrive. NOT_READY: a pattern of what /readyz says."""
        self.kafka.create(topic)
        journal = tempfile.mkdtemp()
        options = ("--journal.path", journal, "--shutdown-timeout", "1s")
        c = self.collector(listener, self.config(settings), topic, *options)
        s = mock(c.to, protocol="ipfix", count=100, flows=10, rate=2000)
        count = lambda name, **labels: c.metrics().sum(f"weir_collector_{name}", **labels)
        wait_until(lambda: count("kafka_errors_total", reason=reason) > 0, lambda: f"{reason} is counted\n{c.err}")
        wait_until(lambda: count("flows_total") == s["flows"], "the receive path goes on")
        self.assertEqual(count("flows_pending"), s["flows"])
        self.assertEqual(count("flows_dropped_total"), 0)
        wait_until(lambda: cure in c.err, lambda: f"'{cure}' is said\n{c.err}")
        page = c.page("/readyz")
        self.assertTrue(page.startswith("503"), page)
        self.assertRegex(page, not_ready)
        self.assertNotIn("wrong-horse", page)
        said = [line for line in c.err.splitlines() if cure in line]
        self.assertLess(len(said), 12, "it calms down")
        print(f"{topic}: {said[0]}")
        harness.conserves(self, c)
        self.no_secret(c)
        self.assertEqual(c.terminate(), 0, c.err)
        self.assertIn("stay in the journal", c.err)
        where, right = mend or (listener, None)
        c = self.collector(where, self.config(right), topic, *options)
        self.assertEqual(sums(self.read(topic).wait_flows(s["flows"])), summary_sums(s), c.err)
        self.no_secret(c)

    def allow(self, operation, topic):
        self.kafka.tool("kafka.admin.AclCommand", "--add", "--allow-principal", f"User:{USER}", "--operation", operation, "--topic", topic)

    def test_wrong_password(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                self.refused(f"password-{mechanism}", "NAME", self.sasl(mechanism, password="wrong-horse"), "authentication", "sasl.password",
                             ("NAME", self.sasl(mechanism)))

    def test_wrong_authority(self):
        self.refused("authority", "TLS", self.tls(ca="other"), "tls", "ssl.ca.location", ("TLS", self.tls()))

    def test_expired_broker(self):
        self.refused("expired", "EXPIRED", self.tls(), "tls", "still valid", ("TLS", self.tls()))

    def test_expired_client(self):
        self.refused("past", "MUTUAL", self.tls(certificate="past"), "tls", "ssl.certificate.location",
                     ("MUTUAL", self.tls(certificate="client")))

    def test_no_client_certificate(self):
        self.refused("none", "MUTUAL", self.tls(), "tls", "ssl.certificate.location", ("MUTUAL", self.tls(certificate="client")))

    def test_not_allowed(self):
        """A user who may look at a topic and not write to it, and one who may not even look; then he may."""
        for topic, may, says in (("denied", "Describe", "may not be written to"), ("unseen", "DescribeConfigs", "may not be seen")):
            with self.subTest(topic):
                self.allow(may, topic)
                self.refused(topic, "NAME", self.sasl("PLAIN"), "authorization", "kafka-acls --add", ("TLS", self.tls()),
                             not_ready=f"topic '{topic}' {says} by this user")
                c = self.collector("NAME", self.config(self.sasl("PLAIN")), topic)
                s = mock(c.to, protocol="ipfix", count=10, flows=10, rate=1000)
                wait_until(lambda: says in (c.page("/readyz") or ""), lambda: f"not ready\n{c.page('/readyz')}", 60)
                self.allow("Write", topic)
                wait_until(lambda: c.page("/readyz") == "OK\n", lambda: f"ready\n{c.page('/readyz')}\n{c.err}", 60)
                wait_until(lambda: c.metrics().sum("weir_collector_flows_acknowledged_total") == s["flows"], "all are taken", 60)

    def test_bad_files(self):
        """What can be seen before anything is sent ends the start, with the property's name."""
        for settings in ({"security.protocol": "ssl", "ssl.ca.location": "/nowhere.pem"}, {"security.protocol": "sasl_plaintext", "sasl.mechanism": "NONE-SUCH"},
                         {"security.protocol": "tls"}):
            c = Collector("--config", self.config(settings), brokers=self.address["TLS"], ready=False)
            self.addCleanup(c.close)
            self.assertIn(c.wait(), (1, 2), c.err)
            self.assertTrue(any(v in c.err for v in settings.values()), c.err)


if __name__ == "__main__":
    unittest.main()
