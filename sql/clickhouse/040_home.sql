-- 040_home.sql -- the home collector's table: who in the house talks to which server, and which way.
--
-- A flow belongs here when exactly one side is local. The local prefixes are the one setting that weir-inserter
-- knows as --local. Counters of 32 bits stop at their end and never wrap; the unused address is 0.0.0.0 or ::.
CREATE TABLE IF NOT EXISTS local_prefixes
(
	prefix String
)
ENGINE = MergeTree
ORDER BY prefix;

TRUNCATE TABLE local_prefixes;
INSERT INTO local_prefixes SELECT DISTINCT arrayJoin(splitByChar(',',
	'${LOCAL:-10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,127.0.0.0/8,fc00::/7,fe80::/10,::1/128}'));

CREATE DICTIONARY IF NOT EXISTS local_networks
(
	prefix String,
	name String DEFAULT ''
)
PRIMARY KEY prefix
SOURCE(CLICKHOUSE(QUERY 'SELECT prefix, prefix AS name FROM ${DATABASE:-default}.local_prefixes'))
LAYOUT(IP_TRIE)
LIFETIME(MIN 30 MAX 60);
SYSTEM RELOAD DICTIONARY local_networks;

CREATE TABLE IF NOT EXISTS home_flows
(
	insertionTime DateTime64(0),
	clientMac UInt64,
	clientIPv4 IPv4,
	clientIPv6 IPv6,
	clientPort UInt16,
	serverIPv4 IPv4,
	serverIPv6 IPv6,
	serverPort UInt16,
	protocol UInt8,
	packets UInt32,
	bytes UInt32,
	is_download Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(insertionTime)
ORDER BY (insertionTime, clientIPv4, clientIPv6)
SETTINGS index_granularity = 8192;

DROP VIEW IF EXISTS home_flows_view;
CREATE MATERIALIZED VIEW home_flows_view TO home_flows AS
WITH
	(a -> if(a BETWEEN toIPv6('::ffff:0.0.0.0') AND toIPv6('::ffff:255.255.255.255'), toIPv6('::'), a)) AS six,
	(a -> toIPv4OrDefault(a)) AS four,
	dictHas('${DATABASE:-default}.local_networks', DstAddr) AS down
SELECT
	toDateTime64(TimeReceived, 0) AS insertionTime,
	if(down, DstMac, SrcMac) AS clientMac,
	four(if(down, DstAddr, SrcAddr)) AS clientIPv4,
	six(if(down, DstAddr, SrcAddr)) AS clientIPv6,
	if(down, DstPort, SrcPort) AS clientPort,
	four(if(down, SrcAddr, DstAddr)) AS serverIPv4,
	six(if(down, SrcAddr, DstAddr)) AS serverIPv6,
	if(down, SrcPort, DstPort) AS serverPort,
	Proto AS protocol,
	toUInt32(least(Packets, 4294967295)) AS packets,
	toUInt32(least(Bytes, 4294967295)) AS bytes,
	toBool(down) AS is_download
FROM flows_raw
WHERE dictHas('${DATABASE:-default}.local_networks', SrcAddr) != dictHas('${DATABASE:-default}.local_networks', DstAddr);
