-- The schema as it was at version 1: sql/clickhouse/ of then, in one file and without its comments. The upgrade test begins with it.
CREATE TABLE IF NOT EXISTS weir_schema
(
	Version UInt32,
	Applied DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY Version;
DROP VIEW IF EXISTS flows_consumer;
DROP VIEW IF EXISTS flows_errors_view;
DROP VIEW IF EXISTS flows_raw_view;
DROP TABLE IF EXISTS flows;

CREATE TABLE flows
(
	type UInt32,
	sampling_rate UInt64,
	sequence_num UInt32,
	src_addr String,
	dst_addr String,
	bytes UInt64,
	packets UInt64,
	sampler_address String,
	next_hop String,
	next_hop_as UInt32,
	src_as UInt32,
	dst_as UInt32,
	src_net UInt32,
	dst_net UInt32,
	in_if UInt32,
	out_if UInt32,
	proto UInt32,
	src_port UInt32,
	dst_port UInt32,
	ip_tos UInt32,
	forwarding_status UInt32,
	ip_ttl UInt32,
	tcp_flags UInt32,
	src_mac UInt64,
	dst_mac UInt64,
	vlan_id UInt32,
	etype UInt32,
	icmp_type UInt32,
	icmp_code UInt32,
	src_vlan UInt32,
	dst_vlan UInt32,
	fragment_id UInt32,
	fragment_offset UInt32,
	ipv6_flow_label UInt32,
	ip_flags UInt32,
	observation_domain_id UInt32,
	observation_point_id UInt32,
	mpls_ttl Array(UInt32),
	mpls_label Array(UInt32),
	mpls_ip Array(String),
	bgp_next_hop String,
	bgp_communities Array(UInt32),
	as_path Array(UInt32),
	layer_stack Array(UInt32),
	layer_size Array(UInt32),
	ipv6_routing_header_addresses Array(String),
	ipv6_routing_header_seg_left UInt32,
	time_received_ns UInt64,
	time_flow_start_ns UInt64,
	time_flow_end_ns UInt64,
	src_country String,
	dst_country String,
	post_nat_src_addr String,
	post_nat_dst_addr String,
	post_nat_src_port UInt32,
	post_nat_dst_port UInt32,
	nat_event UInt32,
	firewall_event UInt32,
	firewall_ext_event UInt32,
	flow_direction UInt32,
	flow_end_reason UInt32,
	biflow_direction UInt32,
	reverse_bytes UInt64,
	reverse_packets UInt64,
	flow_id UInt64,
	flow_count UInt64,
	in_vrf_id UInt32,
	out_vrf_id UInt32,
	vrf_name String,
	in_if_name String,
	out_if_name String,
	application_id UInt64,
	application_name String,
	customer_vlan_id UInt32,
	post_src_mac UInt64,
	post_dst_mac UInt64,
	post_ip_tos UInt32,
	post_bytes UInt64,
	post_packets UInt64,
	dropped_bytes UInt64,
	dropped_packets UInt64,
	max_ttl UInt32,
	min_packet_length UInt32,
	max_packet_length UInt32,
	selector_id UInt64,
	igmp_type UInt32,
	engine_type UInt32,
	engine_id UInt32,
	bgp_next_adjacent_as UInt32,
	bgp_prev_adjacent_as UInt32,
	in_phys_if UInt32,
	out_phys_if UInt32,
	inner_src_addr String,
	inner_dst_addr String,
	inner_proto UInt32,
	inner_src_port UInt32,
	inner_dst_port UInt32,
	inner_etype UInt32,
	inner_tcp_flags UInt32,
	inner_ip_tos UInt32,
	inner_ip_ttl UInt32,
	inner_src_mac UInt64,
	inner_dst_mac UInt64,
	inner_vlan_id UInt32,
	inner_icmp_type UInt32,
	inner_icmp_code UInt32,
	tunnel_type UInt32,
	tunnel_id UInt64,
	drop_reason UInt32,
	user_name String,
	url String,
	local_pref UInt32,
	port_range_start UInt32,
	port_range_end UInt32,
	port_range_step UInt32,
	port_range_size UInt32,
	nat_pool_id UInt32,
	src_network String,
	dst_network String,
	src_customer String,
	dst_customer String
)
ENGINE = Kafka
SETTINGS
	kafka_broker_list = '${KAFKA_BROKERS:-localhost:9092}',
	kafka_topic_list = '${KAFKA_TOPIC:-flows}',
	kafka_group_name = '${KAFKA_GROUP:-clickhouse}',
	kafka_format = 'Protobuf',
	kafka_schema = '${KAFKA_SCHEMA:-flow.proto:FlowMessage}',
	kafka_num_consumers = ${KAFKA_CONSUMERS:-1},
	kafka_thread_per_consumer = 1,
	kafka_max_block_size = ${KAFKA_BLOCK_ROWS:-524288},
	kafka_flush_interval_ms = ${KAFKA_FLUSH_MS:-1000},
	kafka_handle_error_mode = 'stream';
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
TTL TimeReceived + INTERVAL ${RAW_DAYS:-30} DAY
SETTINGS ttl_only_drop_parts = 1;

DROP TABLE IF EXISTS flows_queue;
CREATE TABLE flows_queue AS flows_raw ENGINE = Null;
ALTER TABLE flows_queue
	ADD COLUMN Topic String, ADD COLUMN Error String, ADD COLUMN RawMessage String;

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
TTL Time + INTERVAL 2 HOUR
SETTINGS ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW flows_raw_view TO flows_raw AS
SELECT * EXCEPT (Topic, Error, RawMessage, FirstOffset)
FROM
(
	SELECT *, min(KafkaOffset) OVER (PARTITION BY Collector, Epoch, Sequence) AS FirstOffset
	FROM flows_queue
	WHERE Error = ''
)
WHERE Collector = 0 OR (KafkaOffset = FirstOffset AND (Collector, Epoch, Sequence) NOT IN
	(SELECT Collector, Epoch, Sequence FROM flows_seen WHERE Time > now() - INTERVAL ${DEDUP_MINUTES:-60} MINUTE));

DROP VIEW IF EXISTS flows_seen_view;
CREATE MATERIALIZED VIEW flows_seen_view TO flows_seen AS
SELECT DISTINCT Collector, Epoch, Sequence, now() AS Time FROM flows_raw WHERE Collector != 0;
CREATE TABLE IF NOT EXISTS flows_errors
(
	Time DateTime DEFAULT now(),
	Topic LowCardinality(String),
	Partition UInt32,
	Offset UInt64,
	Error String,
	RawMessage String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY Time
TTL Time + INTERVAL ${ERRORS_DAYS:-7} DAY;

CREATE MATERIALIZED VIEW flows_errors_view TO flows_errors AS
SELECT now() AS Time, Topic, KafkaPartition AS Partition, KafkaOffset AS Offset, Error, RawMessage
FROM flows_queue WHERE Error != '';
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
ORDER BY (Resolution, Timeslot, SrcAS, DstAS)
TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_as_view;
CREATE MATERIALIZED VIEW rollup_as_view TO rollup_as AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(toUnixTimestamp(TimeReceived), Resolution) * Resolution) AS Timeslot,
	SrcAS,
	DstAS,
	sum(r.Bytes * greatest(SamplingRate, 1)) AS Bytes,
	sum(r.Packets * greatest(SamplingRate, 1)) AS Packets,
	count() AS Flows
FROM flows_raw AS r
GROUP BY Resolution, Timeslot, SrcAS, DstAS;

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
ORDER BY (Resolution, Timeslot, SamplerAddress, InIf, OutIf)
TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_interface_view;
CREATE MATERIALIZED VIEW rollup_interface_view TO rollup_interface AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(toUnixTimestamp(TimeReceived), Resolution) * Resolution) AS Timeslot,
	SamplerAddress,
	InIf,
	OutIf,
	sum(r.Bytes * greatest(SamplingRate, 1)) AS Bytes,
	sum(r.Packets * greatest(SamplingRate, 1)) AS Packets,
	count() AS Flows
FROM flows_raw AS r
GROUP BY Resolution, Timeslot, SamplerAddress, InIf, OutIf;

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
ORDER BY (Resolution, Timeslot, Proto, Port)
TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_port_view;
CREATE MATERIALIZED VIEW rollup_port_view TO rollup_port AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(toUnixTimestamp(TimeReceived), Resolution) * Resolution) AS Timeslot,
	Proto,
	if(least(SrcPort, DstPort) = 0, greatest(SrcPort, DstPort), least(SrcPort, DstPort)) AS Port,
	sum(r.Bytes * greatest(SamplingRate, 1)) AS Bytes,
	sum(r.Packets * greatest(SamplingRate, 1)) AS Packets,
	count() AS Flows
FROM flows_raw AS r
GROUP BY Resolution, Timeslot, Proto, Port;

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
ORDER BY (Resolution, Timeslot, SrcCountry, DstCountry)
TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_country_view;
CREATE MATERIALIZED VIEW rollup_country_view TO rollup_country AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(toUnixTimestamp(TimeReceived), Resolution) * Resolution) AS Timeslot,
	SrcCountry,
	DstCountry,
	sum(r.Bytes * greatest(SamplingRate, 1)) AS Bytes,
	sum(r.Packets * greatest(SamplingRate, 1)) AS Packets,
	count() AS Flows
FROM flows_raw AS r
WHERE SrcCountry != '' OR DstCountry != ''
GROUP BY Resolution, Timeslot, SrcCountry, DstCountry;

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
ORDER BY (Resolution, Timeslot, SrcCustomer, DstCustomer)
TTL
	Timeslot + INTERVAL ${ROLLUP_MINUTE_DAYS:-7} DAY DELETE WHERE Resolution = 60,
	Timeslot + INTERVAL ${ROLLUP_5M_DAYS:-90} DAY DELETE WHERE Resolution = 300,
	Timeslot + INTERVAL ${ROLLUP_HOUR_DAYS:-730} DAY DELETE WHERE Resolution = 3600;

DROP VIEW IF EXISTS rollup_customer_view;
CREATE MATERIALIZED VIEW rollup_customer_view TO rollup_customer AS
SELECT
	arrayJoin([60, 300, 3600]) AS Resolution,
	toDateTime(intDiv(toUnixTimestamp(TimeReceived), Resolution) * Resolution) AS Timeslot,
	SrcCustomer,
	DstCustomer,
	sum(r.Bytes * greatest(SamplingRate, 1)) AS Bytes,
	sum(r.Packets * greatest(SamplingRate, 1)) AS Packets,
	count() AS Flows
FROM flows_raw AS r
WHERE SrcCustomer != '' OR DstCustomer != ''
GROUP BY Resolution, Timeslot, SrcCustomer, DstCustomer;

CREATE TABLE IF NOT EXISTS protocol_list
(
	number UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (number);
TRUNCATE TABLE protocol_list;
INSERT INTO protocol_list VALUES
	(1, 'ICMP'), (2, 'IGMP'), (4, 'IPIP'), (6, 'TCP'), (17, 'UDP'), (27, 'RDP'), (33, 'DCCP'), (41, 'IPv6'),
	(46, 'RSVP'), (47, 'GRE'), (50, 'ESP'), (51, 'AH'), (58, 'ICMPv6'), (88, 'EIGRP'), (89, 'OSPF'), (94, 'IPIP'),
	(97, 'EtherIP'), (103, 'PIM'), (108, 'IPComp'), (112, 'VRRP'), (115, 'L2TP'), (124, 'IS-IS'), (132, 'SCTP'),
	(136, 'UDPLite'), (137, 'MPLS');
CREATE DICTIONARY IF NOT EXISTS protocols
(
	number UInt64,
	name String DEFAULT ''
)
PRIMARY KEY number
SOURCE(CLICKHOUSE(TABLE 'protocol_list' DB '${DATABASE:-default}'))
LAYOUT(FLAT())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS port_list
(
	protocol UInt8,
	port UInt16,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (protocol, port);
TRUNCATE TABLE port_list;
INSERT INTO port_list VALUES
	(6, 20, 'ftp-data'), (6, 21, 'ftp'), (6, 22, 'ssh'), (6, 23, 'telnet'), (6, 25, 'smtp'), (6, 53, 'domain'),
	(17, 53, 'domain'), (17, 67, 'dhcp'), (17, 68, 'dhcp'), (17, 69, 'tftp'), (6, 80, 'http'), (6, 110, 'pop3'),
	(17, 123, 'ntp'), (6, 139, 'netbios'), (6, 143, 'imap'), (17, 161, 'snmp'), (17, 162, 'snmptrap'),
	(6, 179, 'bgp'), (6, 389, 'ldap'), (6, 443, 'https'), (17, 443, 'quic'), (6, 445, 'smb'),
	(6, 465, 'submissions'), (17, 500, 'ike'), (17, 514, 'syslog'), (6, 587, 'submission'), (6, 636, 'ldaps'),
	(6, 853, 'dns-tls'), (6, 873, 'rsync'), (6, 993, 'imaps'), (6, 995, 'pop3s'), (17, 1194, 'openvpn'),
	(6, 1433, 'mssql'), (6, 1521, 'oracle'), (6, 1883, 'mqtt'), (17, 1900, 'ssdp'), (6, 2049, 'nfs'),
	(17, 2055, 'netflow'), (6, 3306, 'mysql'), (6, 3389, 'rdp'), (17, 3478, 'stun'), (17, 4500, 'ipsec-nat'),
	(17, 4739, 'ipfix'), (6, 5060, 'sip'), (17, 5060, 'sip'), (6, 5222, 'xmpp'), (17, 5353, 'mdns'),
	(6, 5432, 'postgresql'), (6, 5900, 'vnc'), (6, 6379, 'redis'), (17, 6343, 'sflow'), (6, 6443, 'kubernetes'),
	(6, 6881, 'bittorrent'), (6, 8080, 'http-alt'), (6, 8123, 'clickhouse'), (6, 8443, 'https-alt'),
	(6, 9092, 'kafka'), (6, 9100, 'printer'), (6, 11211, 'memcached'), (6, 27017, 'mongodb'),
	(17, 51820, 'wireguard');
CREATE DICTIONARY IF NOT EXISTS ports
(
	protocol UInt8,
	port UInt16,
	name String DEFAULT ''
)
PRIMARY KEY protocol, port
SOURCE(CLICKHOUSE(TABLE 'port_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS tcp_flag_list
(
	flags UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (flags);
TRUNCATE TABLE tcp_flag_list;
INSERT INTO tcp_flag_list SELECT number,
	arrayStringConcat(arrayMap((letter, bit) -> if(bitTest(number, bit), letter, '.'),
		['C', 'E', 'U', 'A', 'P', 'R', 'S', 'F'], [7, 6, 5, 4, 3, 2, 1, 0]))
FROM numbers(256);
CREATE DICTIONARY IF NOT EXISTS tcp_flags
(
	flags UInt64,
	name String DEFAULT ''
)
PRIMARY KEY flags
SOURCE(CLICKHOUSE(TABLE 'tcp_flag_list' DB '${DATABASE:-default}'))
LAYOUT(FLAT())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS as_list
(
	asn UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (asn);
CREATE DICTIONARY IF NOT EXISTS as_names
(
	asn UInt64,
	name String DEFAULT ''
)
PRIMARY KEY asn
SOURCE(CLICKHOUSE(TABLE 'as_list' DB '${DATABASE:-default}'))
LAYOUT(HASHED())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS network_list
(
	prefix String,
	name String,
	customer String
)
ENGINE = ReplacingMergeTree
ORDER BY (prefix);
CREATE DICTIONARY IF NOT EXISTS networks
(
	prefix String,
	name String DEFAULT '',
	customer String DEFAULT ''
)
PRIMARY KEY prefix
SOURCE(CLICKHOUSE(TABLE 'network_list' DB '${DATABASE:-default}'))
LAYOUT(IP_TRIE())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS exporter_list
(
	address IPv6,
	name String,
	site String
)
ENGINE = ReplacingMergeTree
ORDER BY (address);
CREATE DICTIONARY IF NOT EXISTS exporters
(
	address IPv6,
	name String DEFAULT '',
	site String DEFAULT ''
)
PRIMARY KEY address
SOURCE(CLICKHOUSE(TABLE 'exporter_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);

CREATE TABLE IF NOT EXISTS interface_list
(
	exporter IPv6,
	number UInt32,
	name String,
	speed UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (exporter, number);
CREATE DICTIONARY IF NOT EXISTS interfaces
(
	exporter IPv6,
	number UInt32,
	name String DEFAULT '',
	speed UInt64 DEFAULT 0
)
PRIMARY KEY exporter, number
SOURCE(CLICKHOUSE(TABLE 'interface_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);
CREATE MATERIALIZED VIEW flows_consumer TO flows_queue AS
WITH
	-- 4 or 16 bytes on the wire; anything else is absent. IPv4 is mapped, not padded.
	(a -> CAST(toFixedString(
		multiIf(length(a) = 16, a, length(a) = 4, concat(unhex('00000000000000000000FFFF'), a), ''), 16) AS IPv6)) AS addr,
	(ns -> toDateTime(least(intDiv(ns, 1000000000), 4294967295))) AS seconds,
	-- The message header: version 1, then, from the ninth byte on, three little-endian numbers of 8 bytes.
	_headers.value[indexOf(_headers.name, 'weir')] AS header,
	(from -> if(startsWith(header, '\x01'), reinterpretAsUInt64(substring(header, from, 8)), 0)) AS number
SELECT
	toDate(seconds(time_received_ns), 'UTC') AS Date,
	seconds(time_received_ns) AS TimeReceived,
	seconds(time_flow_start_ns) AS TimeFlowStart,
	sequence_num AS SequenceNum,
	sampling_rate AS SamplingRate,
	addr(sampler_address) AS SamplerAddress,
	addr(src_addr) AS SrcAddr,
	addr(dst_addr) AS DstAddr,
	src_as AS SrcAS,
	dst_as AS DstAS,
	toUInt16(etype) AS EType,
	toUInt8(proto) AS Proto,
	toUInt16(src_port) AS SrcPort,
	toUInt16(dst_port) AS DstPort,
	bytes AS Bytes,
	packets AS Packets,
	toUInt16(type) AS Type,
	addr(next_hop) AS NextHop,
	next_hop_as AS NextHopAS,
	toUInt8(src_net) AS SrcNet,
	toUInt8(dst_net) AS DstNet,
	in_if AS InIf,
	out_if AS OutIf,
	toUInt8(ip_tos) AS IpTos,
	toUInt8(forwarding_status) AS ForwardingStatus,
	toUInt8(ip_ttl) AS IpTtl,
	toUInt16(tcp_flags) AS TcpFlags,
	src_mac AS SrcMac,
	dst_mac AS DstMac,
	toUInt16(vlan_id) AS VlanId,
	toUInt8(icmp_type) AS IcmpType,
	toUInt8(icmp_code) AS IcmpCode,
	toUInt16(src_vlan) AS SrcVlan,
	toUInt16(dst_vlan) AS DstVlan,
	fragment_id AS FragmentId,
	toUInt16(fragment_offset) AS FragmentOffset,
	ipv6_flow_label AS Ipv6FlowLabel,
	toUInt8(ip_flags) AS IpFlags,
	observation_domain_id AS ObservationDomainId,
	observation_point_id AS ObservationPointId,
	mpls_ttl AS MplsTtl,
	mpls_label AS MplsLabel,
	arrayMap(a -> addr(a), mpls_ip) AS MplsIp,
	addr(bgp_next_hop) AS BgpNextHop,
	bgp_communities AS BgpCommunities,
	as_path AS ASPath,
	layer_stack AS LayerStack,
	layer_size AS LayerSize,
	arrayMap(a -> addr(a), ipv6_routing_header_addresses) AS Ipv6RoutingHeaderAddresses,
	toUInt8(ipv6_routing_header_seg_left) AS Ipv6RoutingHeaderSegLeft,
	time_received_ns AS TimeReceivedNs,
	time_flow_start_ns AS TimeFlowStartNs,
	time_flow_end_ns AS TimeFlowEndNs,
	src_country AS SrcCountry,
	dst_country AS DstCountry,
	addr(post_nat_src_addr) AS PostNatSrcAddr,
	addr(post_nat_dst_addr) AS PostNatDstAddr,
	toUInt16(post_nat_src_port) AS PostNatSrcPort,
	toUInt16(post_nat_dst_port) AS PostNatDstPort,
	toUInt8(nat_event) AS NatEvent,
	toUInt8(firewall_event) AS FirewallEvent,
	toUInt16(firewall_ext_event) AS FirewallExtEvent,
	toUInt8(flow_direction) AS FlowDirection,
	toUInt8(flow_end_reason) AS FlowEndReason,
	toUInt8(biflow_direction) AS BiflowDirection,
	reverse_bytes AS ReverseBytes,
	reverse_packets AS ReversePackets,
	flow_id AS FlowId,
	flow_count AS FlowCount,
	in_vrf_id AS InVrfId,
	out_vrf_id AS OutVrfId,
	vrf_name AS VrfName,
	in_if_name AS InIfName,
	out_if_name AS OutIfName,
	application_id AS ApplicationId,
	application_name AS ApplicationName,
	toUInt16(customer_vlan_id) AS CustomerVlanId,
	post_src_mac AS PostSrcMac,
	post_dst_mac AS PostDstMac,
	toUInt8(post_ip_tos) AS PostIpTos,
	post_bytes AS PostBytes,
	post_packets AS PostPackets,
	dropped_bytes AS DroppedBytes,
	dropped_packets AS DroppedPackets,
	toUInt8(max_ttl) AS MaxTtl,
	min_packet_length AS MinPacketLength,
	max_packet_length AS MaxPacketLength,
	selector_id AS SelectorId,
	toUInt8(igmp_type) AS IgmpType,
	toUInt8(engine_type) AS EngineType,
	engine_id AS EngineId,
	bgp_next_adjacent_as AS BgpNextAdjacentAS,
	bgp_prev_adjacent_as AS BgpPrevAdjacentAS,
	in_phys_if AS InPhysIf,
	out_phys_if AS OutPhysIf,
	addr(inner_src_addr) AS InnerSrcAddr,
	addr(inner_dst_addr) AS InnerDstAddr,
	toUInt8(inner_proto) AS InnerProto,
	toUInt16(inner_src_port) AS InnerSrcPort,
	toUInt16(inner_dst_port) AS InnerDstPort,
	toUInt16(inner_etype) AS InnerEType,
	toUInt16(inner_tcp_flags) AS InnerTcpFlags,
	toUInt8(inner_ip_tos) AS InnerIpTos,
	toUInt8(inner_ip_ttl) AS InnerIpTtl,
	inner_src_mac AS InnerSrcMac,
	inner_dst_mac AS InnerDstMac,
	toUInt16(inner_vlan_id) AS InnerVlanId,
	toUInt8(inner_icmp_type) AS InnerIcmpType,
	toUInt8(inner_icmp_code) AS InnerIcmpCode,
	toUInt8(tunnel_type) AS TunnelType,
	tunnel_id AS TunnelId,
	toUInt16(drop_reason) AS DropReason,
	user_name AS UserName,
	url AS Url,
	local_pref AS LocalPref,
	toUInt16(port_range_start) AS PortRangeStart,
	toUInt16(port_range_end) AS PortRangeEnd,
	toUInt16(port_range_step) AS PortRangeStep,
	toUInt16(port_range_size) AS PortRangeSize,
	nat_pool_id AS NatPoolId,
	src_network AS SrcNetwork,
	dst_network AS DstNetwork,
	src_customer AS SrcCustomer,
	dst_customer AS DstCustomer,
	toUInt32(_partition) AS KafkaPartition,
	_offset AS KafkaOffset,
	number(9) AS Collector,
	number(17) AS Epoch,
	number(25) AS Sequence,
	_topic AS Topic,
	_error AS Error,
	_raw_message AS RawMessage
FROM flows;
INSERT INTO weir_schema (Version) VALUES (1);
