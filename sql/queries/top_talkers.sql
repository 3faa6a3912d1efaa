-- Who sends the most?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT replaceRegexpOne(IPv6NumToString(SrcAddr), '^::ffff:(\\d)', '\\1') AS Source, sum(BytesScaled) AS Bytes, sum(PacketsScaled) AS Packets, count() AS Flows
FROM flows_raw
WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
GROUP BY SrcAddr
ORDER BY Bytes DESC, Source
LIMIT 20
