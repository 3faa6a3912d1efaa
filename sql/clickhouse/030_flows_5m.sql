-- 030_flows_5m.sql -- the flow-pipeline's five-minute sums by pair of AS, with sums by ethertype inside.
--
-- Sums are as exported, not scaled by sampling (the rollups of 050 are). A row of ETypeMap is keyed by its first
-- column, so merging adds up ethertype by ethertype. Until parts have merged a key may stand in several rows:
-- sum() and GROUP BY, or OPTIMIZE TABLE flows_5m before looking.
CREATE TABLE IF NOT EXISTS flows_5m
(
	Date Date,
	Timeslot DateTime,
	SrcAS UInt32,
	DstAS UInt32,
	ETypeMap Nested
	(
		EType UInt32,
		Bytes UInt64,
		Packets UInt64,
		Count UInt64
	),
	Bytes UInt64,
	Packets UInt64,
	Count UInt64
)
ENGINE = SummingMergeTree
PARTITION BY Date
ORDER BY (Date, Timeslot, SrcAS, DstAS)
TTL Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY
SETTINGS ttl_only_drop_parts = 1;

DROP VIEW IF EXISTS flows_5m_view;
CREATE MATERIALIZED VIEW flows_5m_view TO flows_5m AS
WITH sumMap([toUInt32(EType)], [r.Bytes], [r.Packets], [toUInt64(1)]) AS etypes
SELECT
	Date,
	toStartOfFiveMinutes(TimeReceived) AS Timeslot,
	SrcAS,
	DstAS,
	etypes.1 AS `ETypeMap.EType`,
	etypes.2 AS `ETypeMap.Bytes`,
	etypes.3 AS `ETypeMap.Packets`,
	etypes.4 AS `ETypeMap.Count`,
	sum(r.Bytes) AS Bytes,
	sum(r.Packets) AS Packets,
	count() AS Count
FROM flows_raw AS r
GROUP BY Date, Timeslot, SrcAS, DstAS;
