-- 020_flows_raw.sql -- every flow, one row each: the flow-pipeline's columns first, under its names, then all
-- others.
--
-- Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d, in an IPv6 column: it prints itself, and IPv6NumToString() takes
-- it too. Absent is 0, '' or '::'. Date and TimeReceived come from the collector's clock, not from the exporter's,
-- so that one wrong clock cannot make a thousand partitions. Bytes and Packets are as exported; the Scaled columns
-- multiply by the sampling rate (unknown counts as 1) and cost no space.
CREATE TABLE IF NOT EXISTS flows_raw
(
	Date Date,
	TimeReceived DateTime CODEC(DoubleDelta, ZSTD(1)),
	TimeFlowStart DateTime CODEC(Delta, ZSTD(1)),
	SequenceNum UInt32 CODEC(ZSTD(1)),
	SamplingRate UInt64 CODEC(ZSTD(1)),
	SamplerAddress IPv6 CODEC(ZSTD(1)),
	SrcAddr IPv6 CODEC(ZSTD(1)),
	DstAddr IPv6 CODEC(ZSTD(1)),
	SrcAS UInt32 CODEC(ZSTD(1)),
	DstAS UInt32 CODEC(ZSTD(1)),
	EType UInt16 CODEC(ZSTD(1)),
	Proto UInt8 CODEC(ZSTD(1)),
	SrcPort UInt16 CODEC(ZSTD(1)),
	DstPort UInt16 CODEC(ZSTD(1)),
	Bytes UInt64 CODEC(T64, ZSTD(1)),
	Packets UInt64 CODEC(T64, ZSTD(1)),
	Type UInt16 CODEC(ZSTD(1)),
	NextHop IPv6 CODEC(ZSTD(1)),
	NextHopAS UInt32 CODEC(ZSTD(1)),
	SrcNet UInt8 CODEC(ZSTD(1)),
	DstNet UInt8 CODEC(ZSTD(1)),
	InIf UInt32 CODEC(ZSTD(1)),
	OutIf UInt32 CODEC(ZSTD(1)),
	IpTos UInt8 CODEC(ZSTD(1)),
	ForwardingStatus UInt8 CODEC(ZSTD(1)),
	IpTtl UInt8 CODEC(ZSTD(1)),
	TcpFlags UInt16 CODEC(ZSTD(1)),
	SrcMac UInt64 CODEC(ZSTD(1)),
	DstMac UInt64 CODEC(ZSTD(1)),
	VlanId UInt16 CODEC(ZSTD(1)),
	IcmpType UInt8 CODEC(ZSTD(1)),
	IcmpCode UInt8 CODEC(ZSTD(1)),
	SrcVlan UInt16 CODEC(ZSTD(1)),
	DstVlan UInt16 CODEC(ZSTD(1)),
	FragmentId UInt32 CODEC(ZSTD(1)),
	FragmentOffset UInt16 CODEC(ZSTD(1)),
	Ipv6FlowLabel UInt32 CODEC(ZSTD(1)),
	IpFlags UInt8 CODEC(ZSTD(1)),
	ObservationDomainId UInt32 CODEC(ZSTD(1)),
	ObservationPointId UInt32 CODEC(ZSTD(1)),
	MplsTtl Array(UInt32) CODEC(ZSTD(1)),
	MplsLabel Array(UInt32) CODEC(ZSTD(1)),
	MplsIp Array(IPv6) CODEC(ZSTD(1)),
	BgpNextHop IPv6 CODEC(ZSTD(1)),
	BgpCommunities Array(UInt32) CODEC(ZSTD(1)),
	ASPath Array(UInt32) CODEC(ZSTD(1)),
	LayerStack Array(UInt32) CODEC(ZSTD(1)),
	LayerSize Array(UInt32) CODEC(ZSTD(1)),
	Ipv6RoutingHeaderAddresses Array(IPv6) CODEC(ZSTD(1)),
	Ipv6RoutingHeaderSegLeft UInt8 CODEC(ZSTD(1)),
	TimeReceivedNs UInt64 CODEC(DoubleDelta, ZSTD(1)),
	TimeFlowStartNs UInt64 CODEC(Delta, ZSTD(1)),
	TimeFlowEndNs UInt64 CODEC(Delta, ZSTD(1)),
	SrcCountry LowCardinality(String),
	DstCountry LowCardinality(String),
	PostNatSrcAddr IPv6 CODEC(ZSTD(1)),
	PostNatDstAddr IPv6 CODEC(ZSTD(1)),
	PostNatSrcPort UInt16 CODEC(ZSTD(1)),
	PostNatDstPort UInt16 CODEC(ZSTD(1)),
	NatEvent UInt8 CODEC(ZSTD(1)),
	FirewallEvent UInt8 CODEC(ZSTD(1)),
	FirewallExtEvent UInt16 CODEC(ZSTD(1)),
	FlowDirection UInt8 CODEC(ZSTD(1)),
	FlowEndReason UInt8 CODEC(ZSTD(1)),
	BiflowDirection UInt8 CODEC(ZSTD(1)),
	ReverseBytes UInt64 CODEC(T64, ZSTD(1)),
	ReversePackets UInt64 CODEC(T64, ZSTD(1)),
	FlowId UInt64 CODEC(ZSTD(1)),
	FlowCount UInt64 CODEC(ZSTD(1)),
	InVrfId UInt32 CODEC(ZSTD(1)),
	OutVrfId UInt32 CODEC(ZSTD(1)),
	VrfName LowCardinality(String),
	InIfName LowCardinality(String),
	OutIfName LowCardinality(String),
	ApplicationId UInt64 CODEC(ZSTD(1)),
	ApplicationName LowCardinality(String),
	CustomerVlanId UInt16 CODEC(ZSTD(1)),
	PostSrcMac UInt64 CODEC(ZSTD(1)),
	PostDstMac UInt64 CODEC(ZSTD(1)),
	PostIpTos UInt8 CODEC(ZSTD(1)),
	PostBytes UInt64 CODEC(T64, ZSTD(1)),
	PostPackets UInt64 CODEC(T64, ZSTD(1)),
	DroppedBytes UInt64 CODEC(T64, ZSTD(1)),
	DroppedPackets UInt64 CODEC(T64, ZSTD(1)),
	MaxTtl UInt8 CODEC(ZSTD(1)),
	MinPacketLength UInt32 CODEC(ZSTD(1)),
	MaxPacketLength UInt32 CODEC(ZSTD(1)),
	SelectorId UInt64 CODEC(ZSTD(1)),
	IgmpType UInt8 CODEC(ZSTD(1)),
	EngineType UInt8 CODEC(ZSTD(1)),
	EngineId UInt32 CODEC(ZSTD(1)),
	BgpNextAdjacentAS UInt32 CODEC(ZSTD(1)),
	BgpPrevAdjacentAS UInt32 CODEC(ZSTD(1)),
	InPhysIf UInt32 CODEC(ZSTD(1)),
	OutPhysIf UInt32 CODEC(ZSTD(1)),
	InnerSrcAddr IPv6 CODEC(ZSTD(1)),
	InnerDstAddr IPv6 CODEC(ZSTD(1)),
	InnerProto UInt8 CODEC(ZSTD(1)),
	InnerSrcPort UInt16 CODEC(ZSTD(1)),
	InnerDstPort UInt16 CODEC(ZSTD(1)),
	InnerEType UInt16 CODEC(ZSTD(1)),
	InnerTcpFlags UInt16 CODEC(ZSTD(1)),
	InnerIpTos UInt8 CODEC(ZSTD(1)),
	InnerIpTtl UInt8 CODEC(ZSTD(1)),
	InnerSrcMac UInt64 CODEC(ZSTD(1)),
	InnerDstMac UInt64 CODEC(ZSTD(1)),
	InnerVlanId UInt16 CODEC(ZSTD(1)),
	InnerIcmpType UInt8 CODEC(ZSTD(1)),
	InnerIcmpCode UInt8 CODEC(ZSTD(1)),
	TunnelType UInt8 CODEC(ZSTD(1)),
	TunnelId UInt64 CODEC(ZSTD(1)),
	DropReason UInt16 CODEC(ZSTD(1)),
	UserName String CODEC(ZSTD(1)),
	Url String CODEC(ZSTD(1)),
	LocalPref UInt32 CODEC(ZSTD(1)),
	PortRangeStart UInt16 CODEC(ZSTD(1)),
	PortRangeEnd UInt16 CODEC(ZSTD(1)),
	PortRangeStep UInt16 CODEC(ZSTD(1)),
	PortRangeSize UInt16 CODEC(ZSTD(1)),
	NatPoolId UInt32 CODEC(ZSTD(1)),
	SrcNetwork LowCardinality(String),
	DstNetwork LowCardinality(String),
	SrcCustomer LowCardinality(String),
	DstCustomer LowCardinality(String),
	TimeFlowEnd DateTime ALIAS toDateTime(least(intDiv(TimeFlowEndNs, 1000000000), 4294967295)),
	BytesScaled UInt64 ALIAS Bytes * greatest(SamplingRate, 1),
	PacketsScaled UInt64 ALIAS Packets * greatest(SamplingRate, 1),
	KafkaPartition UInt32 CODEC(ZSTD(1)),
	KafkaOffset UInt64 CODEC(Delta, ZSTD(1)),
	Collector UInt64 CODEC(ZSTD(1)),
	Epoch UInt64 CODEC(ZSTD(1)),
	Sequence UInt64 CODEC(Delta, ZSTD(1)),
	INDEX SrcAddrIndex SrcAddr TYPE bloom_filter(0.001) GRANULARITY 4,
	INDEX DstAddrIndex DstAddr TYPE bloom_filter(0.001) GRANULARITY 4,
	INDEX SrcPortIndex SrcPort TYPE bloom_filter(0.001) GRANULARITY 4,
	INDEX DstPortIndex DstPort TYPE bloom_filter(0.001) GRANULARITY 4
)
ENGINE = MergeTree
PARTITION BY Date
ORDER BY (toStartOfFiveMinutes(TimeReceived), SamplerAddress, InIf, OutIf)
SETTINGS ttl_only_drop_parts = 1;
ALTER TABLE flows_raw MODIFY SETTING materialize_ttl_recalculate_only = 1;
ALTER TABLE flows_raw MODIFY TTL TimeReceived + INTERVAL ${RAW_DAYS:-30} DAY;

-- What came out of Kafka passes through here on its way into flows_raw or flows_errors; nothing is stored.
DROP TABLE IF EXISTS flows_queue;
CREATE TABLE flows_queue AS flows_raw ENGINE = Null;
ALTER TABLE flows_queue
	ADD COLUMN Topic String, ADD COLUMN Error String, ADD COLUMN RawMessage String;

-- A collector that was killed sends again what had not been acknowledged, under the same (Collector, Epoch, Sequence)
-- and to the same partition: docs/kafka.md. Sequences of the last while are remembered, so that the second copy of a
-- message can be left out, and with it its share of every sum, for they all hang on flows_raw.
CREATE TABLE IF NOT EXISTS flows_seen
(
	Collector UInt64,
	Epoch UInt64,
	Sequence UInt64,
	Time DateTime
)
ENGINE = MergeTree
PARTITION BY toStartOfHour(Time)
ORDER BY (Collector, Epoch, Sequence)
SETTINGS ttl_only_drop_parts = 1;
ALTER TABLE flows_seen MODIFY SETTING materialize_ttl_recalculate_only = 1;
ALTER TABLE flows_seen MODIFY TTL Time + INTERVAL ${DEDUP_MINUTES:-60} MINUTE + INTERVAL 1 HOUR;

-- Within a block the copy with the smallest offset stays. Messages without the header (Collector = 0) all do. (flows_queue inside
-- IN is the block too. A window function was here first: it sorts all columns of the block, for 0.3 us a flow.)
CREATE MATERIALIZED VIEW flows_raw_view TO flows_raw AS
SELECT * EXCEPT (Topic, Error, RawMessage)
FROM flows_queue
WHERE Error = '' AND (Collector = 0
	OR ((Collector, Epoch, Sequence, KafkaOffset) IN
			(SELECT Collector, Epoch, Sequence, min(KafkaOffset) FROM flows_queue WHERE Error = '' GROUP BY Collector, Epoch, Sequence)
		AND (Collector, Epoch, Sequence) NOT IN
			(SELECT Collector, Epoch, Sequence FROM flows_seen WHERE Time > now() - INTERVAL ${DEDUP_MINUTES:-60} MINUTE)));

DROP VIEW IF EXISTS flows_seen_view;
CREATE MATERIALIZED VIEW flows_seen_view TO flows_seen AS
SELECT DISTINCT Collector, Epoch, Sequence, now() AS Time FROM flows_raw WHERE Collector != 0;
