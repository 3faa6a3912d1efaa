-- 025_flows_errors.sql -- messages that could not be read, whole, for a week: what was lost, where, and why.
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
ORDER BY Time;
ALTER TABLE flows_errors MODIFY TTL Time + INTERVAL ${ERRORS_DAYS:-7} DAY;

CREATE MATERIALIZED VIEW flows_errors_view TO flows_errors AS
SELECT now() AS Time, Topic, KafkaPartition AS Partition, KafkaOffset AS Offset, Error, RawMessage
FROM flows_queue WHERE Error != '';
