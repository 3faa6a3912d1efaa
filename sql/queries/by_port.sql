-- Which applications? By protocol and the smaller port.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT Proto, Port, sum(Bytes) AS Bytes, sum(Packets) AS Packets, sum(Flows) AS Flows
FROM rollup_port
WHERE Resolution = 60 AND Timeslot >= {since:DateTime} AND Timeslot < {until:DateTime}
GROUP BY Proto, Port
ORDER BY Bytes DESC, Proto, Port
LIMIT 50
