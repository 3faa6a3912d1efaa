-- 050_rollups.sql -- sums for years: by minute (Resolution 60), five minutes (300) and hour (3600), scaled by sampling.
--
-- A table a question, each fed from flows_raw by a view of its own, not one from the other: a rollup can be dropped or
-- built anew alone. The three resolutions share a table, so that a flush makes one part and not three; always say
-- WHERE Resolution = ..., and sum(), because parts that have not merged yet hold a key more than once. How long each
-- is kept: ROLLUP_MINUTE_DAYS, ROLLUP_5M_DAYS and ROLLUP_HOUR_DAYS, each time the files are applied.
--
-- A view sums by minute first, and then the few sums three times over: summing each flow three times took three times as long.

-- By pair of AS.
CREATE TABLE IF NOT EXISTS rollup_as
(
	Resolution UInt16,
	Timeslot DateTime CODEC(DoubleDelta, ZSTD(1)),
	SrcAS UInt32,
	DstAS UInt32,
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Flows UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((Bytes, Packets, Flows))
PARTITION BY (Resolution, toYYYYMM(Timeslot))
ORDER BY (Resolution, Timeslot, SrcAS, DstAS);
ALTER TABLE rollup_as MODIFY TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_as_view;
CREATE MATERIALIZED VIEW rollup_as_view TO rollup_as AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(Minute, Resolution) * Resolution) AS Timeslot,
	SrcAS,
	DstAS,
	sum(MinuteBytes) AS Bytes,
	sum(MinutePackets) AS Packets,
	sum(MinuteFlows) AS Flows
FROM
(
	SELECT
		intDiv(toUnixTimestamp(TimeReceived), 60) * 60 AS Minute,
		SrcAS,
		DstAS,
		sum(BytesScaled) AS MinuteBytes,
		sum(PacketsScaled) AS MinutePackets,
		count() AS MinuteFlows
	FROM flows_raw
	GROUP BY Minute, SrcAS, DstAS
)
GROUP BY Resolution, Timeslot, SrcAS, DstAS;

-- By exporter and pair of interfaces.
CREATE TABLE IF NOT EXISTS rollup_interface
(
	Resolution UInt16,
	Timeslot DateTime CODEC(DoubleDelta, ZSTD(1)),
	SamplerAddress IPv6,
	InIf UInt32,
	OutIf UInt32,
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Flows UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((Bytes, Packets, Flows))
PARTITION BY (Resolution, toYYYYMM(Timeslot))
ORDER BY (Resolution, Timeslot, SamplerAddress, InIf, OutIf);
ALTER TABLE rollup_interface MODIFY TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_interface_view;
CREATE MATERIALIZED VIEW rollup_interface_view TO rollup_interface AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(Minute, Resolution) * Resolution) AS Timeslot,
	SamplerAddress,
	InIf,
	OutIf,
	sum(MinuteBytes) AS Bytes,
	sum(MinutePackets) AS Packets,
	sum(MinuteFlows) AS Flows
FROM
(
	SELECT
		intDiv(toUnixTimestamp(TimeReceived), 60) * 60 AS Minute,
		SamplerAddress,
		InIf,
		OutIf,
		sum(BytesScaled) AS MinuteBytes,
		sum(PacketsScaled) AS MinutePackets,
		count() AS MinuteFlows
	FROM flows_raw
	GROUP BY Minute, SamplerAddress, InIf, OutIf
)
GROUP BY Resolution, Timeslot, SamplerAddress, InIf, OutIf;

-- By protocol and application port (the smaller one that is not 0).
CREATE TABLE IF NOT EXISTS rollup_port
(
	Resolution UInt16,
	Timeslot DateTime CODEC(DoubleDelta, ZSTD(1)),
	Proto UInt8,
	Port UInt16,
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Flows UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((Bytes, Packets, Flows))
PARTITION BY (Resolution, toYYYYMM(Timeslot))
ORDER BY (Resolution, Timeslot, Proto, Port);
ALTER TABLE rollup_port MODIFY TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_port_view;
CREATE MATERIALIZED VIEW rollup_port_view TO rollup_port AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(Minute, Resolution) * Resolution) AS Timeslot,
	Proto,
	Port,
	sum(MinuteBytes) AS Bytes,
	sum(MinutePackets) AS Packets,
	sum(MinuteFlows) AS Flows
FROM
(
	SELECT
		intDiv(toUnixTimestamp(TimeReceived), 60) * 60 AS Minute,
		Proto,
		if(least(SrcPort, DstPort) = 0, greatest(SrcPort, DstPort), least(SrcPort, DstPort)) AS Port,
		sum(BytesScaled) AS MinuteBytes,
		sum(PacketsScaled) AS MinutePackets,
		count() AS MinuteFlows
	FROM flows_raw
	GROUP BY Minute, Proto, Port
)
GROUP BY Resolution, Timeslot, Proto, Port;

-- By pair of countries, as far as the enricher knew one.
CREATE TABLE IF NOT EXISTS rollup_country
(
	Resolution UInt16,
	Timeslot DateTime CODEC(DoubleDelta, ZSTD(1)),
	SrcCountry LowCardinality(String),
	DstCountry LowCardinality(String),
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Flows UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((Bytes, Packets, Flows))
PARTITION BY (Resolution, toYYYYMM(Timeslot))
ORDER BY (Resolution, Timeslot, SrcCountry, DstCountry);
ALTER TABLE rollup_country MODIFY TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_country_view;
CREATE MATERIALIZED VIEW rollup_country_view TO rollup_country AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(Minute, Resolution) * Resolution) AS Timeslot,
	SrcCountry,
	DstCountry,
	sum(MinuteBytes) AS Bytes,
	sum(MinutePackets) AS Packets,
	sum(MinuteFlows) AS Flows
FROM
(
	SELECT
		intDiv(toUnixTimestamp(TimeReceived), 60) * 60 AS Minute,
		SrcCountry,
		DstCountry,
		sum(BytesScaled) AS MinuteBytes,
		sum(PacketsScaled) AS MinutePackets,
		count() AS MinuteFlows
	FROM flows_raw
	WHERE SrcCountry != '' OR DstCountry != ''
	GROUP BY Minute, SrcCountry, DstCountry
)
GROUP BY Resolution, Timeslot, SrcCountry, DstCountry;

-- By pair of customers, as far as the enricher knew one.
CREATE TABLE IF NOT EXISTS rollup_customer
(
	Resolution UInt16,
	Timeslot DateTime CODEC(DoubleDelta, ZSTD(1)),
	SrcCustomer LowCardinality(String),
	DstCustomer LowCardinality(String),
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Flows UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((Bytes, Packets, Flows))
PARTITION BY (Resolution, toYYYYMM(Timeslot))
ORDER BY (Resolution, Timeslot, SrcCustomer, DstCustomer);
ALTER TABLE rollup_customer MODIFY TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_customer_view;
CREATE MATERIALIZED VIEW rollup_customer_view TO rollup_customer AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(Minute, Resolution) * Resolution) AS Timeslot,
	SrcCustomer,
	DstCustomer,
	sum(MinuteBytes) AS Bytes,
	sum(MinutePackets) AS Packets,
	sum(MinuteFlows) AS Flows
FROM
(
	SELECT
		intDiv(toUnixTimestamp(TimeReceived), 60) * 60 AS Minute,
		SrcCustomer,
		DstCustomer,
		sum(BytesScaled) AS MinuteBytes,
		sum(PacketsScaled) AS MinutePackets,
		count() AS MinuteFlows
	FROM flows_raw
	WHERE SrcCustomer != '' OR DstCustomer != ''
	GROUP BY Minute, SrcCustomer, DstCustomer
)
GROUP BY Resolution, Timeslot, SrcCustomer, DstCustomer;
