-- Who knocks at many doors? Small flows to many ports of a host, or to many hosts.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT replaceRegexpOne(IPv6NumToString(SrcAddr), '^::ffff:(\\d)', '\\1') AS Source, uniqExact(DstAddr) AS Hosts, uniqExact(DstAddr, DstPort) AS Doors, count() AS Flows
FROM flows_raw
WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime} AND Packets <= 3 AND Proto IN (6, 17)
GROUP BY SrcAddr
HAVING Doors >= 100
ORDER BY Doors DESC, Source
LIMIT 50
