-- From where to where inside? Bytes between /24 and /48 networks.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT
	if(SourceV4, concat(replaceOne(IPv6NumToString(SourceNet), '::ffff:', ''), '/24'), concat(IPv6NumToString(SourceNet), '/48')) AS Source,
	if(DestinationV4, concat(replaceOne(IPv6NumToString(DestinationNet), '::ffff:', ''), '/24'), concat(IPv6NumToString(DestinationNet), '/48')) AS Destination,
	Bytes
FROM
(
	SELECT
		SrcAddr >= toIPv6('::ffff:0.0.0.0') AND SrcAddr <= toIPv6('::ffff:255.255.255.255') AS SourceV4,
		DstAddr >= toIPv6('::ffff:0.0.0.0') AND DstAddr <= toIPv6('::ffff:255.255.255.255') AS DestinationV4,
		tupleElement(IPv6CIDRToRange(SrcAddr, if(SourceV4, 120, 48)), 1) AS SourceNet,
		tupleElement(IPv6CIDRToRange(DstAddr, if(DestinationV4, 120, 48)), 1) AS DestinationNet,
		sum(BytesScaled) AS Bytes
	FROM flows_raw
	WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
	GROUP BY SourceV4, DestinationV4, SourceNet, DestinationNet
)
ORDER BY Bytes DESC, Source, Destination
LIMIT 100
