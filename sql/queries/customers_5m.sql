-- What did each customer use, five minutes by five minutes?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT Timeslot, Customer, sum(In) AS BytesIn, sum(Out) AS BytesOut
FROM
(
	SELECT Timeslot, DstCustomer AS Customer, Bytes AS In, 0 AS Out FROM rollup_customer WHERE Resolution = 300 AND Timeslot >= {since:DateTime} AND Timeslot < {until:DateTime}
	UNION ALL
	SELECT Timeslot, SrcCustomer, 0, Bytes FROM rollup_customer WHERE Resolution = 300 AND Timeslot >= {since:DateTime} AND Timeslot < {until:DateTime}
)
WHERE Customer != ''
GROUP BY Timeslot, Customer
ORDER BY Timeslot, Customer
