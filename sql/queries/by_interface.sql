-- What does each interface of each exporter carry? Names as exporters told them, else from interface_list.
-- Parameters: since, until (times, UTC). How to run it: sql/queries/README.md.
SELECT replaceRegexpOne(IPv6NumToString(SamplerAddress), '^::ffff:(\\d)', '\\1') AS Exporter, Interface,
	if(max(Name) != '', max(Name), dictGetOrDefault('interfaces', 'name', (SamplerAddress, Interface), '')) AS Name,
	sum(In) AS BytesIn, sum(Out) AS BytesOut
FROM
(
	SELECT SamplerAddress, InIf AS Interface, InIfName AS Name, BytesScaled AS In, 0 AS Out FROM flows_raw WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
	UNION ALL
	SELECT SamplerAddress, OutIf, OutIfName, 0, BytesScaled FROM flows_raw WHERE TimeReceived >= {since:DateTime} AND TimeReceived < {until:DateTime}
)
GROUP BY SamplerAddress, Interface
ORDER BY Exporter, Interface
