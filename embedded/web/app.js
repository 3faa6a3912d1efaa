// app.js -- the page at /dashboard: traffic over time by what you pick, top tables, a filter, drill-down by click.
//
// It asks ClickHouse's HTTP interface in SQL, read-only and within limits, of this server or of another one. The
// filter box speaks weir's filter language; /weir/filter turns it into a condition, so that no text of the user is
// ever pasted into SQL here. Names and addresses come from the network: they only ever become text nodes.
"use strict";

const $ = (id) => document.getElementById(id);
const TOP = 8, POINTS = 120, REFRESH_MS = 10000;
const COLOURS = ["#3b82f6", "#f59e0b", "#10b981", "#ef4444", "#8b5cf6", "#14b8a6", "#ec4899", "#84cc16", "#94a3b8"];

const RANGES = {"15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800, "30d": 2592000};
const UNITS = {bits: "bit/s", packets: "packets/s", flows: "flows/s"};
// Where sums come from: every flow; or, for long times without a filter, what ClickHouse has summed already
// (sql/clickhouse/050_rollups.sql), which knows fewer columns and no time finer than its resolution.
const EVERY_FLOW = {table: "flows_raw", time: "TimeReceived", bytes: "sum(BytesScaled)", packets: "sum(PacketsScaled)", flows: "count()"};
const SUMS = {table: "", time: "Timeslot", bytes: "sum(Bytes)", packets: "sum(Packets)", flows: "sum(Flows)"};
const RESOLUTIONS = [3600, 300]; // seconds; that of a minute is not kept for as long as the flows themselves
// An address without the ::ffff: of IPv4.
const plain = (address) => `replaceRegexpOne(IPv6NumToString(${address}), '^::ffff:(\\\\d)', '\\\\1')`;
const number = (n) => `toString(${n})`;
const proto = (p) => `transform(${p}, [6, 17, 1, 58, 47, 50], ['tcp', 'udp', 'icmp', 'icmp6', 'gre', 'esp'], toString(${p}))`;
const PORT = "if(least(SrcPort, DstPort) = 0, greatest(SrcPort, DstPort), least(SrcPort, DstPort))";
// What can be grouped by: the key as it is stored, how it is written (only the few that are shown are), the table of its
// sums and the key there, and the filter that a click on VALUE adds.
const KEYS = {
	src: {name: "source", key: "SrcAddr", text: plain, drill: (v) => `src ip ${v}`},
	dst: {name: "destination", key: "DstAddr", text: plain, drill: (v) => `dst ip ${v}`},
	pair: {name: "conversation", key: "(SrcAddr, DstAddr)", text: (k) => `concat(${plain(`${k}.1`)}, ' → ', ${plain(`${k}.2`)})`,
		drill: (v) => v.split(" → ").map((a, i) => `${i ? "dst" : "src"} ip ${a}`).join(" and ")},
	port: {name: "application port", key: `(Proto, ${PORT})`, sums: "rollup_port", summed: "(Proto, Port)",
		text: (k) => `concat(${proto(`${k}.1`)}, ' ', toString(${k}.2))`,
		drill: (v) => `proto ${v.split(" ")[0]}` + (v.endsWith(" 0") ? "" : ` and port ${v.split(" ")[1]}`)},
	proto: {name: "protocol", key: "Proto", text: proto, sums: "rollup_port", drill: (v) => `proto ${v}`},
	etype: {name: "IP version", key: "transform(EType, [2048, 34525], ['ipv4', 'ipv6'], 'other')", text: (k) => k,
		drill: (v) => v === "other" ? "not ipv4 and not ipv6" : v},
	srcas: {name: "source AS", key: "SrcAS", text: number, sums: "rollup_as", drill: (v) => `src as ${v}`},
	dstas: {name: "destination AS", key: "DstAS", text: number, sums: "rollup_as", drill: (v) => `dst as ${v}`},
	exporter: {name: "exporter", key: "SamplerAddress", text: plain, sums: "rollup_interface", drill: (v) => `router ip ${v}`},
	inif: {name: "ingress interface", key: "InIf", text: number, sums: "rollup_interface", drill: (v) => `in if ${v}`},
	outif: {name: "egress interface", key: "OutIf", text: number, sums: "rollup_interface", drill: (v) => `out if ${v}`},
};
const TABLES = ["src", "dst", "port", "pair", "proto", "srcas", "dstas", "exporter"];

// range: one of RANGES, or two times, "FROM-TO", that a drag over the chart has chosen.
const state = {range: "15m", by: "port", unit: "bits", filter: "", host: ""};
let plot = null, timer = null, run = 0;

function readHash() {
	for (const [k, v] of new URLSearchParams(location.hash.slice(1)))
		if (k in state) state[k] = v;
	if (!RANGES[state.range] && !fixedRange(state.range)) state.range = "15m";
	if (!KEYS[state.by]) state.by = "port";
	if (!UNITS[state.unit]) state.unit = "bits";
	offerRange(state.range);
	for (const k of Object.keys(state)) $(k).value = state[k];
}

// A change is a step that the browser's back button undoes.
function writeHash() {
	for (const k of Object.keys(state)) state[k] = $(k).value.trim();
	const hash = "#" + new URLSearchParams(state);
	if (hash !== location.hash) history[location.hash ? "pushState" : "replaceState"](null, "", hash);
}

function fixedRange(text) {
	const m = /^(\d{9,10})-(\d{9,10})$/.exec(text);
	return m && +m[1] < +m[2] ? [+m[1], +m[2]] : null;
}

const two = (n) => String(n).padStart(2, "0");
const clock = (t, seconds) => { const d = new Date(t * 1000);
	return `${two(d.getHours())}:${two(d.getMinutes())}` + (seconds ? `:${two(d.getSeconds())}` : ""); };
const day = (t) => { const d = new Date(t * 1000); return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`; };

// Puts a range that was dragged among the choices.
function offerRange(text) {
	const fixed = fixedRange(text), old = $("range").querySelector("[data-fixed]");
	if (old) old.remove();
	if (!fixed) return;
	const o = element("option", `${day(fixed[0])} ${clock(fixed[0], true)} – ${clock(fixed[1], true)}`);
	o.value = text;
	o.dataset.fixed = "1";
	$("range").append(o);
}

function element(tag, text, className) {
	const e = document.createElement(tag);
	if (text !== undefined) e.textContent = text;
	if (className) e.className = className;
	return e;
}

// --- asking ---------------------------------------------------------------------------------------------------------

async function ask(sql) {
	const limits = new URLSearchParams({readonly: 2, max_execution_time: 20, max_result_rows: 20000,
		max_memory_usage: 1000000000, output_format_json_quote_64bit_integers: 0, default_format: "JSONCompact"});
	const base = state.host ? state.host.replace(/\/+$/, "") : "";
	if (base) limits.set("add_http_cors_header", 1); // else the browser keeps the answer from us
	const response = await fetch(`${base}/?${limits}`, {method: "POST", body: sql}).catch(() => {
		throw new Error(`${base || "this server"} does not answer` + (base ? ", or does not let other pages ask (add_http_cors_header)" : "")); });
	const text = await response.text();
	if (!response.ok) throw new Error(text.split("\n")[0]);
	return JSON.parse(text).data;
}

async function condition() {
	if (!state.filter) return "1";
	const response = await fetch("/weir/filter?" + new URLSearchParams({text: state.filter}));
	const answer = await response.json();
	if (answer.error) throw new Error(`filter: ${answer.error}`);
	return answer.sql;
}

// --- numbers --------------------------------------------------------------------------------------------------------

function short(n) {
	const units = ["", "k", "M", "G", "T", "P"];
	let i = 0;
	while (Math.abs(n) >= 1000 && i < units.length - 1) { n /= 1000; i++; }
	return (n >= 100 || n === Math.floor(n) ? n.toFixed(0) : n.toFixed(n >= 10 ? 1 : 2)) + (units[i] ? " " + units[i] : "");
}
// With a unit behind it: "1.5 MB", "0 B".
const withUnit = (n, unit) => { const text = short(n); return text + (/[a-zA-Z]$/.test(text) ? "" : " ") + unit; };

// Hours and minutes; seconds where ticks are closer than a minute; the day under the first tick of each.
function timeTicks(_u, ticks) {
	const seconds = ticks.length > 1 && ticks[1] - ticks[0] < 60;
	return ticks.map((t, i) => clock(t, seconds) + (i && day(ticks[i - 1]) === day(t) ? "" : `\n${day(t)}`));
}

// --- pictures -------------------------------------------------------------------------------------------------------

function stack(times, series) {
	const sums = times.map(() => 0);
	return series.map((s) => s.map((v, i) => (sums[i] += v)));
}

function draw(times, names, series, instead) {
	const box = $("chart");
	if (plot) plot.destroy();
	plot = null;
	box.textContent = "";
	$("legend").textContent = "";
	if (!names.length) {
		box.append(element("p", instead ? instead : state.filter ? "No flows in this time that the filter lets through." :
			"No flows in this time. Exporters send to the collector: UDP 2055 (NetFlow), 4739 (IPFIX), 6343 (sFlow).", "empty"));
		return;
	}
	const stacked = stack(times, series);
	const colour = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name);
	const axis = {stroke: colour("--soft"), grid: {stroke: colour("--line"), width: 1}, ticks: {show: false}};
	// Drawn from the top of the stack down, each over the one before.
	const order = names.map((_, i) => names.length - 1 - i);
	plot = new uPlot({
		width: box.clientWidth, height: Math.max(220, Math.min(380, innerHeight * 0.42)),
		cursor: {drag: {x: true, y: false}},
		scales: {y: {range: (_u, _min, max) => [0, max > 0 ? max * 1.05 : 1]}},
		hooks: {setSelect: [chooseTime]},
		axes: [{...axis, values: timeTicks}, {...axis, size: 64, values: (_u, ticks) => ticks.map(short)}],
		series: [{}, ...order.map((i) => ({label: names[i], stroke: COLOURS[i % COLOURS.length], width: 1,
			fill: COLOURS[i % COLOURS.length] + "cc", points: {show: false}, paths: uPlot.paths.stepped({align: 1})}))],
	}, [times, ...order.map((i) => stacked[i])], box);
	names.forEach((name, i) => {
		const item = element("li"), colour = element("i");
		colour.style.background = COLOURS[i % COLOURS.length];
		item.append(colour, drillButton(state.by, name));
		$("legend").append(item);
	});
}

// A drag over the chart: that time, for chart and tables.
function chooseTime(u) {
	if (u.select.width < 4) return;
	const from = Math.floor(u.posToVal(u.select.left, "x")), to = Math.ceil(u.posToVal(u.select.left + u.select.width, "x"));
	offerRange(`${from}-${Math.max(to, from + 2)}`);
	$("range").value = `${from}-${Math.max(to, from + 2)}`;
	show();
}

function drillButton(by, value) {
	if (value === "others") return element("span", value);
	const b = element("button", value === "" ? "(none)" : value, "drill");
	b.type = "button";
	b.title = `only ${KEYS[by].drill(value)}`;
	b.addEventListener("click", () => {
		const more = KEYS[by].drill(value);
		$("filter").value = state.filter ? `(${state.filter}) and ${more}` : more;
		show();
	});
	return b;
}

function table(by, rows, total) {
	const card = element("section", undefined, "card");
	card.append(element("h2", `Top by ${KEYS[by].name}`));
	const t = element("table"), head = element("tr");
	for (const [text, c] of [[KEYS[by].name, ""], ["bytes", "n"], ["packets", "n"], ["flows", "n"], ["share", "n"]]) {
		const cell = element("th", text, c);
		cell.scope = "col";
		head.append(cell);
	}
	t.append(head);
	for (const [key, bytes, packets, flows] of rows) {
		const r = element("tr"), cell = element("td", undefined, "key");
		cell.append(drillButton(by, key));
		r.append(cell, element("td", short(bytes), "n"), element("td", short(packets), "n"), element("td", short(flows), "n"),
			element("td", total ? (100 * bytes / total).toFixed(1) + " %" : "", "n"));
		t.append(r);
	}
	card.append(t);
	return card;
}

function figure(value, name) {
	const card = element("div", undefined, "card");
	card.append(element("b", value), element("span", name));
	return card;
}

// --- the page -------------------------------------------------------------------------------------------------------

// The time that the page shows, in whole steps of the chart; RESOLUTION is 0 where every flow is looked at.
function timeShown(filtered) {
	const fixed = fixedRange(state.range), seconds = fixed ? fixed[1] - fixed[0] : RANGES[state.range];
	let step = Math.max(1, Math.round(seconds / POINTS));
	const resolution = filtered ? 0 : RESOLUTIONS.find((r) => r <= step) || 0;
	if (resolution) step = Math.ceil(step / resolution) * resolution;
	let to = fixed ? fixed[1] : Math.floor(Date.now() / 1000 / step) * step + step;
	let from = fixed ? fixed[0] : to - seconds;
	if (resolution) [from, to] = [Math.floor(from / step) * step, Math.ceil(to / step) * step];
	return {from, to, step, resolution};
}

// What to ask for sums by BY: {from: "table WHERE ...", key, bytes, ...}. BY undefined: for all together.
function sumsBy(by, time, filter) {
	const of = by ? KEYS[by] : {sums: "rollup_port"};
	const source = time.resolution && of.sums ? {...SUMS, table: of.sums} : EVERY_FLOW;
	const where = `${source.time} >= ${time.from} AND ${source.time} < ${time.to} AND ` +
		(source === EVERY_FLOW ? `(${filter})` : `Resolution = ${time.resolution}`);
	return {...source, bits: `${source.bytes} * 8`, from: `${source.table} WHERE ${where}`,
		key: source === EVERY_FLOW ? of.key : of.summed || of.key};
}

function askTop(by, time, filter) {
	const q = sumsBy(by, time, filter);
	return ask(`SELECT ${KEYS[by].text("k")} AS name, b, p, f FROM (SELECT ${q.key} AS k, ${q.bytes} AS b, ${q.packets} AS p,
		${q.flows} AS f FROM ${q.from} GROUP BY k ORDER BY b DESC, k LIMIT 10) ORDER BY b DESC, name`);
}

function askChart(by, unit, time, filter) {
	const q = sumsBy(by, time, filter);
	return ask(`WITH (SELECT groupArray(k) FROM (SELECT ${q.key} AS k FROM ${q.from} GROUP BY k
			ORDER BY ${q[unit]} DESC, k LIMIT ${TOP})) AS best
		SELECT t, if(i = 0, 'others', ${KEYS[by].text("best[i]")}) AS name, v FROM
		(SELECT intDiv(toUnixTimestamp(${q.time}), ${time.step}) * ${time.step} AS t, indexOf(best, ${q.key}) AS i,
			${q[unit]} / ${time.step} AS v FROM ${q.from} GROUP BY t, i) ORDER BY t, name`);
}

// Of the figures, what only the flows themselves tell.
const askFlows = (time, filter) => ask(`SELECT uniq(SrcAddr), uniq(SamplerAddress), toUnixTimestamp(max(TimeReceived))
	FROM ${sumsBy("src", time, filter).from}`);

// An answer that did not come takes its card, not the page.
const whyNot = (reason) => /TIMEOUT_EXCEEDED|MEMORY_LIMIT_EXCEEDED/.test(reason.message) ?
	"Too many flows to look at one by one: choose a shorter time." : reason.message;

function notShown(by, reason) {
	const card = element("section", undefined, "card");
	card.append(element("h2", `Top by ${KEYS[by].name}`), element("p", whyNot(reason), "empty"));
	return card;
}

async function load(mine) {
	const filter = await condition(), time = timeShown(filter !== "1"), {from, to, step} = time, seconds = to - from;
	const all = sumsBy(undefined, time, filter);
	const [totalled, chart, looked, ...tops] = await Promise.allSettled([
		ask(`SELECT ${all.flows}, ${all.bytes}, ${all.packets} FROM ${all.from}`),
		askChart(state.by, state.unit, time, filter),
		askFlows(time, filter),
		...TABLES.map((by) => askTop(by, time, filter)),
	]);
	if (mine !== run) return;
	if (totalled.reason) throw totalled.reason;
	const [[flows, bytes, packets]] = totalled.value, [[sources, exporters, last]] = looked.value || [[]];
	$("figures").replaceChildren(figure(withUnit(bytes, "B"), "bytes"), figure(withUnit(bytes * 8 / seconds, "bit/s"), "on average"),
		figure(short(packets), "packets"), figure(short(flows), "flows"),
		...looked.value ? [figure(short(sources), "sources"), figure(short(exporters), "exporters")] : []);
	const times = [], at = new Map(), totals = new Map();
	for (let t = from - from % step; t < to; t += step) { at.set(t, times.length); times.push(t); }
	for (const [, k, v] of chart.value || []) totals.set(k, (totals.get(k) || 0) + v);
	const names = [...totals.keys()].sort((a, b) => (a === "others") - (b === "others") || totals.get(b) - totals.get(a));
	const series = names.map(() => times.map(() => 0));
	for (const [t, k, v] of chart.value || []) if (at.has(t)) series[names.indexOf(k)][at.get(t)] += v;
	$("chart-title").textContent = `${UNITS[state.unit]} by ${KEYS[state.by].name}`;
	draw(times, names, series, chart.reason && whyNot(chart.reason));
	$("tables").replaceChildren(...(flows ? TABLES.map((by, i) => tops[i].reason ? notShown(by, tops[i].reason) :
		table(by, tops[i].value, bytes)) : []));
	$("age").textContent = last ? `newest flow ${Math.max(0, Math.round(Date.now() / 1000 - last))} s ago, times are local` : "";
	document.body.dataset.flows = flows;
}

async function show() {
	const mine = ++run;
	clearTimeout(timer);
	writeHash();
	document.body.setAttribute("aria-busy", "true");
	let wrong = "";
	try {
		await load(mine);
	} catch (e) {
		wrong = e.message;
	}
	if (mine !== run) return;
	$("message").textContent = wrong;
	$("filter").setAttribute("aria-invalid", String(wrong.startsWith("filter:")));
	document.body.setAttribute("aria-busy", "false");
	later();
}

// When nobody looks, or somebody types, not now.
function later() {
	const busy = () => document.hidden || fixedRange(state.range) || state.filter !== $("filter").value.trim();
	timer = setTimeout(() => busy() ? later() : show(), REFRESH_MS);
}

function fill(id, choices) {
	for (const [value, name] of choices) {
		const o = element("option", name);
		o.value = value;
		$(id).append(o);
	}
}

function recolour() {
	if (plot) plot.redraw(false);
}

fill("range", Object.keys(RANGES).map((r) => [r, `last ${r}`]));
fill("by", Object.entries(KEYS).map(([k, v]) => [k, v.name]));
fill("unit", Object.entries(UNITS));
readHash();
$("controls").addEventListener("submit", (e) => { e.preventDefault(); show(); });
for (const id of ["range", "by", "unit", "host"]) $(id).addEventListener("change", show);
$("filter").addEventListener("search", show);
$("theme").addEventListener("click", () => {
	const root = document.documentElement;
	const dark = (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
	root.dataset.theme = dark ? "light" : "dark";
	recolour();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
addEventListener("hashchange", () => { readHash(); show(); });
addEventListener("resize", () => { if (plot) plot.setSize({width: $("chart").clientWidth, height: plot.height}); });
show();
