#!/usr/bin/env python3
"""The page at /dashboard in a real browser, by keyboard and mouse: a filter typed in, a wrong one, a click that drills down, the back
button, a time dragged over the chart; dark, and on a phone. What it shows is what ClickHouse says in SQL.

WEIR_SCREENSHOTS=DIR keeps pictures of it."""
import os
import re
import shutil
import tempfile
import unittest

from browser import Browser
from embedded import Embedded
from harness import wait_until

# Ten minutes, two flows a second, to 12 places by 5 people; every third is UDP, every fourth IPv6.
INSERT = """INSERT INTO flows_queue (Date, TimeReceived, SrcAddr, DstAddr, SrcPort, DstPort, Proto, EType, Bytes, Packets, SamplerAddress)
SELECT toDate(t), now() - 5 - intDiv(number, 2) AS t,
	toIPv6(if(number % 4 = 0, '2001:db8:1::', '::ffff:192.168.1.') || toString(50 + number % 5)),
	toIPv6(if(number % 4 = 0, '2001:db8:ffff:ffff:ffff:ffff:ffff:', '::ffff:203.0.113.') || toString(10 + number % 12)),
	50000 + number, if(number % 3 = 0, 53, 443), if(number % 3 = 0, 17, 6), if(number % 4 = 0, 34525, 2048),
	1000 + number % 7000, 1 + number % 9, toIPv6('::ffff:192.0.2.1')
FROM numbers(1200)"""


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.embedded = Embedded()

    @classmethod
    def tearDownClass(cls):
        cls.embedded.close()

    def setUp(self):
        for table in ("flows_raw", "rollup_port", "rollup_as", "rollup_interface"):
            self.embedded.query(f"TRUNCATE TABLE {table}")
        self.embedded.query(INSERT)
        self.browser = Browser(f"http://localhost:{self.embedded.http}/dashboard")
        self.addCleanup(self.browser.close)
        self.js = self.browser.js
        self.wait_flows("1")

    def count(self, where):
        return self.embedded.query(f"SELECT count() FROM flows_raw WHERE {where}")[0][0]

    def shown(self):
        return int(self.js("document.body?.ariaBusy === 'false' && document.body.dataset.flows || -1"))

    def wait_flows(self, where):
        wait_until(lambda: self.shown() == self.count(where), lambda: f"{self.count(where)} flows ({where}); there are {self.shown()}", 60)

    def message(self):
        return self.js("document.getElementById('message').textContent")

    def table(self, number):
        """Rows of the page's table as lists of what stands in them."""
        return self.js(f"""[...document.querySelectorAll('#tables section:nth-child({number}) tr')].slice(1).map(
            (r) => [...r.cells].map((c) => c.textContent))""")

    def keep(self, name):
        folder = os.environ.get("WEIR_SCREENSHOTS")
        self.js("scrollTo(0, 0); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        with tempfile.TemporaryDirectory() as d:
            self.browser.screenshot(f"{folder or d}/{name}.png")
            self.assertGreater(os.path.getsize(f"{folder or d}/{name}.png"), 20000, "there is something in the picture")

    def test_a_filter_is_typed(self):
        every = self.table(1)
        self.browser.type("#filter", "proto udp and src ip 192.168.1.50")
        where = "Proto = 17 AND SrcAddr = toIPv6('::ffff:192.168.1.50')"
        self.wait_flows(where)
        self.assertLess(self.shown(), self.count("1"))
        self.assertEqual(self.message(), "")
        self.assertEqual([(r[0], r[3]) for r in self.table(1)], [("192.168.1.50", str(self.shown()))])
        self.assertGreater(len(every), 1)
        expected = self.embedded.query("SELECT replaceOne(IPv6NumToString(DstAddr), '::ffff:', ''), count() FROM flows_raw WHERE "
                                       f"{where} GROUP BY DstAddr ORDER BY sum(Bytes) DESC, 1 LIMIT 10")
        self.assertEqual([(r[0], r[3]) for r in self.table(2)], [(a, str(n)) for a, n in expected])
        self.assertEqual([r[0] for r in self.table(5)], ["udp"])

    def test_a_wrong_filter(self):
        """The column is said, what was shown stays, and the next right one is taken."""
        self.browser.type("#filter", "proto udp and src nonsense")
        wait_until(self.message, "a message")
        column = len("proto udp and src ") + 1
        self.assertRegex(self.message(), rf"^filter: column {column}\b.*nonsense")
        self.assertEqual(self.js("document.getElementById('filter').ariaInvalid"), "true")
        self.assertEqual(len(self.table(5)), 2, "what was there is still there")
        self.browser.type("#filter", "proto udp and src ip '); DROP TABLE flows_raw; --")
        wait_until(lambda: "DROP" in self.js("location.hash") and self.shown() >= 0 and self.message(), "it was asked")
        self.assertRegex(self.message(), "^filter: column")
        self.browser.type("#filter", "ipv6")
        self.wait_flows("EType = 34525")
        self.assertEqual((self.message(), self.js("document.getElementById('filter').ariaInvalid")), ("", "false"))

    def test_click_and_back(self):
        address = self.table(2)[0][0]
        self.browser.click("#tables section:nth-child(2) tr:nth-child(2) button")
        stored = address if ":" in address else f"::ffff:{address}"
        to = f"DstAddr = toIPv6('{stored}')"
        self.wait_flows(to)
        self.assertEqual(self.js("document.getElementById('filter').value"), f"dst ip {address}")
        self.browser.click("#tables section:nth-child(5) tr:nth-child(2) button")
        proto = {"udp": 17, "tcp": 6}[self.js("document.getElementById('filter').value").split()[-1]]
        self.wait_flows(f"{to} AND Proto = {proto}")
        self.assertEqual(len(self.table(5)), 1)
        self.browser.back()
        self.wait_flows(to)
        self.browser.back()
        self.wait_flows("1")
        self.assertEqual(self.js("document.getElementById('filter').value"), "")

    def test_a_time_is_dragged(self):
        self.browser.drag("#chart .u-over", 0.4, 0.7)
        found = wait_until(lambda: re.search(r"range=(\d+)-(\d+)", self.js("location.hash")), "a time is chosen")
        begin, end = map(int, found.groups())
        self.assertAlmostEqual(end - begin, 0.3 * 900, delta=30)
        self.wait_flows(f"TimeReceived >= {begin} AND TimeReceived < {end}")
        self.assertAlmostEqual(self.shown(), 2 * (end - begin), delta=4)
        self.browser.back()
        self.wait_flows("1")

    def choose(self, name, value):
        self.js(f"{{const e = document.getElementById('{name}'); e.value = '{value}'; e.dispatchEvent(new Event('change'))}}")

    def test_a_month_is_summed(self):
        """From a day on, without a filter, sums answer: they say what the flows say, and know more when those are gone."""
        for by, unit in (("port", "bits"), ("exporter", "packets"), ("etype", "flows"), ("pair", "bits"), ("srcas", "bits")):
            self.choose("by", by)
            self.choose("unit", unit)
            tables = []
            for span in ("1h", "24h", "30d"):
                self.choose("range", span)
                wait_until(lambda: f"range={span}" in self.js("location.hash"), "asked")
                self.wait_flows("1")
                self.assertEqual(self.message(), "")
                self.assertIn("by", self.js("document.getElementById('chart-title').textContent"))
                tables.append([self.table(n) for n in range(1, 9)])
                self.assertGreater(len(self.js("[...document.querySelectorAll('#legend li')].map((e) => e.textContent)")), 0)
            self.assertEqual(tables[0], tables[1])
            self.assertEqual(tables[0], tables[2])
        self.embedded.query("INSERT INTO rollup_port SELECT 3600, toStartOfHour(now() - INTERVAL 20 DAY), 6, 443, 1000000000, 1000, 10")
        self.choose("by", "port")
        self.choose("range", "24h")
        self.choose("range", "30d")
        wait_until(lambda: self.shown() == self.count("1") + 10, "the flows of three weeks ago, which only the sum knows")

    def chart_fills_its_card(self, margin):
        left, _, width, _ = self.browser.place("#chart canvas")[2]
        card_left, _, card_width, _ = self.browser.place("section.card:has(#chart)")[2]
        self.assertLess(card_width - width, margin, "the chart is as wide as its card")
        self.assertLessEqual(left + width, card_left + card_width)
        self.assertEqual(self.js("document.querySelector('section.card:has(#chart)').scrollWidth"),
                         self.js("document.querySelector('section.card:has(#chart)').clientWidth"), "nothing to scroll in it")

    def test_dark_and_phone(self):
        background = lambda: self.js("getComputedStyle(document.body).backgroundColor")
        light, dark = "rgb(246, 247, 249)", "rgb(18, 22, 29)"
        self.chart_fills_its_card(40)
        for is_dark in (False, True):
            self.browser.screen(390, 844, is_dark, phone=True)
            self.assertEqual(background(), dark if is_dark else light)
            self.assertLessEqual(self.js("document.documentElement.scrollWidth"), 390, "nothing to scroll sideways")
            self.keep("phone-dark" if is_dark else "phone")
            self.chart_fills_its_card(40)
            self.browser.screen(1280, 900, is_dark)
            self.keep("dark" if is_dark else "light")
        self.browser.click("#theme")
        wait_until(lambda: background() == light, "what is chosen beats what the system prefers")


if __name__ == "__main__":
    unittest.main()
