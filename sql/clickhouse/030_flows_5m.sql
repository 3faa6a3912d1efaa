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
SETTINGS ttl_only_drop_parts = 1;
ALTER TABLE flows_5m MODIFY SETTING materialize_ttl_recalculate_only = 1;
ALTER TABLE flows_5m MODIFY TTL Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY;

DROP VIEW IF EXISTS flows_5m_view;
CREATE MATERIALIZED VIEW flows_5m_view TO flows_5m AS
WITH sumMap([SumEType], [SumBytes], [SumPackets], [SumCount]) AS etypes
SELECT
	Date,
	Timeslot,
	SrcAS,
	DstAS,
	etypes.1 AS `ETypeMap.EType`,
	etypes.2 AS `ETypeMap.Bytes`,
	etypes.3 AS `ETypeMap.Packets`,
	etypes.4 AS `ETypeMap.Count`,
	sum(SumBytes) AS Bytes,
	sum(SumPackets) AS Packets,
	sum(SumCount) AS Count
FROM
(
	-- Numbers first, maps of the few sums after: a map for each flow costs more than flows_raw.
	SELECT
		Date,
		toStartOfFiveMinutes(TimeReceived) AS Timeslot,
		SrcAS,
		DstAS,
		toUInt32(EType) AS SumEType,
		sum(Bytes) AS SumBytes,
		sum(Packets) AS SumPackets,
		count() AS SumCount
	FROM flows_raw
	GROUP BY Date, Timeslot, SrcAS, DstAS, SumEType
)
GROUP BY Date, Timeslot, SrcAS, DstAS;
