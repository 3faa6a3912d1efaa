-- How much goes between which AS?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT SrcAS, DstAS, sum(Bytes) AS Bytes, sum(Packets) AS Packets, sum(Flows) AS Flows
FROM rollup_as
WHERE Resolution = 60 AND Timeslot >= {since:DateTime} AND Timeslot < {until:DateTime}
GROUP BY SrcAS, DstAS
ORDER BY Bytes DESC, SrcAS, DstAS
LIMIT 50
