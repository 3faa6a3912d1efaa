-- The 95th percentile of five-minute rates, bit/s, by ingress interface, as transit is billed.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT replaceRegexpOne(IPv6NumToString(SamplerAddress), '^::ffff:(\\d)', '\\1') AS Exporter, InIf, quantileExact(0.95)(Rate) AS Percentile95, max(Rate) AS Peak
FROM
(
	-- Slots without traffic count as 0: they are filled in to the number of slots asked about.
	SELECT SamplerAddress, InIf, arrayJoin(arrayResize(groupArray(SlotRate),
		toUInt32(intDiv(dateDiff('second', {since:DateTime}, {until:DateTime}), 300)), 0)) AS Rate
	FROM
	(
		SELECT SamplerAddress, InIf, Timeslot, intDiv(sum(Bytes) * 8, 300) AS SlotRate
		FROM rollup_interface
		WHERE Resolution = 300 AND Timeslot >= {since:DateTime} AND Timeslot < {until:DateTime}
		GROUP BY SamplerAddress, InIf, Timeslot
	)
	GROUP BY SamplerAddress, InIf
)
GROUP BY SamplerAddress, InIf
ORDER BY Percentile95 DESC, Exporter, InIf
