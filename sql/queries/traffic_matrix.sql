-- From where to where inside? Bytes between /24 and /48 networks.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT
	if(isIPAddressInRange(IPv6NumToString(SrcAddr), '::ffff:0:0/96'), concat(replaceRegexpOne(IPv6NumToString(tupleElement(IPv6CIDRToRange(SrcAddr, 120), 1)), '^::ffff:(\\d)', '\\1'), '/24'),
		concat(IPv6NumToString(tupleElement(IPv6CIDRToRange(SrcAddr, 48), 1)), '/48')) AS Source,
	if(isIPAddressInRange(IPv6NumToString(DstAddr), '::ffff:0:0/96'), concat(replaceRegexpOne(IPv6NumToString(tupleElement(IPv6CIDRToRange(DstAddr, 120), 1)), '^::ffff:(\\d)', '\\1'), '/24'),
		concat(IPv6NumToString(tupleElement(IPv6CIDRToRange(DstAddr, 48), 1)), '/48')) AS Destination,
	sum(BytesScaled) AS Bytes
FROM flows_raw
WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
GROUP BY Source, Destination
ORDER BY Bytes DESC, Source, Destination
LIMIT 100
