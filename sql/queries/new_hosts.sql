-- Which sources were seen in this time and not in the week before it?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT replaceRegexpOne(IPv6NumToString(SrcAddr), '^::ffff:(\\d)', '\\1') AS Source, min(TimeReceived) AS FirstSeen, sum(BytesScaled) AS Bytes
FROM flows_raw
WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime} AND SrcAddr NOT IN
	(SELECT SrcAddr FROM flows_raw
	 WHERE TimeReceived >= {since:DateTime} - INTERVAL 7 DAY AND TimeReceived < {since:DateTime})
GROUP BY SrcAddr
ORDER BY FirstSeen, Source
LIMIT 100
