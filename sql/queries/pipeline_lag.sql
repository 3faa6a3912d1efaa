-- How old is the newest flow, how many came lately, what could not be read?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT
	(SELECT dateDiff('second', max(TimeReceived), {until:DateTime}) FROM flows_raw) AS NewestFlowAgeSeconds,
	(SELECT count() FROM flows_raw WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}) AS Flows,
	(SELECT uniqExact(KafkaPartition) FROM flows_raw
	 WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}) AS Partitions,
	(SELECT count() FROM flows_errors WHERE Time >= {since:DateTime} AND Time < {until:DateTime}) AS DamagedMessages
