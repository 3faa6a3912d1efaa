-- Who at home downloads the most, and from where?
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT
	if(clientIPv6 = toIPv6('::'), IPv4NumToString(clientIPv4), IPv6NumToString(clientIPv6)) AS Client,
	sum(bytes) AS Bytes,
	uniqExact(serverIPv4, serverIPv6) AS Servers,
	count() AS Flows
FROM home_flows
WHERE is_download AND insertionTime >= {since:DateTime} AND insertionTime < {until:DateTime}
GROUP BY clientIPv4, clientIPv6
ORDER BY Bytes DESC, Client
LIMIT 50
