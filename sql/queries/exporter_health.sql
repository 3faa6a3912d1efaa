-- Is every exporter there, what sampling does it tell, what of it got lost on the way here?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
-- v9 (3) numbers datagrams; v5 (2) and IPFIX (4) number flows: the last one's number and its flows less the first's.
SELECT
	replaceRegexpOne(IPv6NumToString(SamplerAddress), '^::ffff:(\\d)', '\\1') AS Exporter, ObservationDomainId AS Domain, Type,
	sum(N) AS Flows, max(Rate) AS SamplingRate, max(Last) AS LastSeen,
	multiIf(
		Type = 3, max(SequenceNum) - min(SequenceNum) + 1 - count(),
		Type IN (2, 4), max(SequenceNum) - min(SequenceNum) + argMax(N, SequenceNum) - sum(N),
		0) AS Missing
FROM
(
	SELECT SamplerAddress, ObservationDomainId, Type, SequenceNum, count() AS N,
		max(SamplingRate) AS Rate, max(TimeReceived) AS Last
	FROM flows_raw
	WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
	GROUP BY SamplerAddress, ObservationDomainId, Type, SequenceNum
)
GROUP BY SamplerAddress, Domain, Type
ORDER BY Exporter, Domain, Type
