-- 060_dictionaries.sql -- names for numbers and addresses: dictGet('protocols', 'name', Proto).
--
-- Each dictionary reads a table beside it, ..._list, every few minutes. Protocols, ports and TCP flags come filled; the
-- others are the operator's, by INSERT or from a file:
--     curl 'http://localhost:8123/?query=INSERT+INTO+as_list+FORMAT+CSV' --data-binary @as.csv

-- IP protocols.
CREATE TABLE IF NOT EXISTS protocol_list
(
	number UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (number);
TRUNCATE TABLE protocol_list;
INSERT INTO protocol_list VALUES
	(1, 'ICMP'), (2, 'IGMP'), (4, 'IPIP'), (6, 'TCP'), (17, 'UDP'), (27, 'RDP'), (33, 'DCCP'), (41, 'IPv6'),
	(46, 'RSVP'), (47, 'GRE'), (50, 'ESP'), (51, 'AH'), (58, 'ICMPv6'), (88, 'EIGRP'), (89, 'OSPF'), (94, 'IPIP'),
	(97, 'EtherIP'), (103, 'PIM'), (108, 'IPComp'), (112, 'VRRP'), (115, 'L2TP'), (124, 'IS-IS'), (132, 'SCTP'),
	(136, 'UDPLite'), (137, 'MPLS');
CREATE DICTIONARY IF NOT EXISTS protocols
(
	number UInt64,
	name String DEFAULT ''
)
PRIMARY KEY number
SOURCE(CLICKHOUSE(TABLE 'protocol_list' DB '${DATABASE:-default}'))
LAYOUT(FLAT())
LIFETIME(MIN 60 MAX 300);

-- Well-known ports.
CREATE TABLE IF NOT EXISTS port_list
(
	protocol UInt8,
	port UInt16,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (protocol, port);
TRUNCATE TABLE port_list;
INSERT INTO port_list VALUES
	(6, 20, 'ftp-data'), (6, 21, 'ftp'), (6, 22, 'ssh'), (6, 23, 'telnet'), (6, 25, 'smtp'), (6, 53, 'domain'),
	(17, 53, 'domain'), (17, 67, 'dhcp'), (17, 68, 'dhcp'), (17, 69, 'tftp'), (6, 80, 'http'), (6, 110, 'pop3'),
	(17, 123, 'ntp'), (6, 139, 'netbios'), (6, 143, 'imap'), (17, 161, 'snmp'), (17, 162, 'snmptrap'),
	(6, 179, 'bgp'), (6, 389, 'ldap'), (6, 443, 'https'), (17, 443, 'quic'), (6, 445, 'smb'),
	(6, 465, 'submissions'), (17, 500, 'ike'), (17, 514, 'syslog'), (6, 587, 'submission'), (6, 636, 'ldaps'),
	(6, 853, 'dns-tls'), (6, 873, 'rsync'), (6, 993, 'imaps'), (6, 995, 'pop3s'), (17, 1194, 'openvpn'),
	(6, 1433, 'mssql'), (6, 1521, 'oracle'), (6, 1883, 'mqtt'), (17, 1900, 'ssdp'), (6, 2049, 'nfs'),
	(17, 2055, 'netflow'), (6, 3306, 'mysql'), (6, 3389, 'rdp'), (17, 3478, 'stun'), (17, 4500, 'ipsec-nat'),
	(17, 4739, 'ipfix'), (6, 5060, 'sip'), (17, 5060, 'sip'), (6, 5222, 'xmpp'), (17, 5353, 'mdns'),
	(6, 5432, 'postgresql'), (6, 5900, 'vnc'), (6, 6379, 'redis'), (17, 6343, 'sflow'), (6, 6443, 'kubernetes'),
	(6, 6881, 'bittorrent'), (6, 8080, 'http-alt'), (6, 8123, 'clickhouse'), (6, 8443, 'https-alt'),
	(6, 9092, 'kafka'), (6, 9100, 'printer'), (6, 11211, 'memcached'), (6, 27017, 'mongodb'),
	(17, 51820, 'wireguard');
CREATE DICTIONARY IF NOT EXISTS ports
(
	protocol UInt8,
	port UInt16,
	name String DEFAULT ''
)
PRIMARY KEY protocol, port
SOURCE(CLICKHOUSE(TABLE 'port_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);

-- TCP control bits, the low eight, as letters.
CREATE TABLE IF NOT EXISTS tcp_flag_list
(
	flags UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (flags);
TRUNCATE TABLE tcp_flag_list;
INSERT INTO tcp_flag_list SELECT number,
	arrayStringConcat(arrayMap((letter, bit) -> if(bitTest(number, bit), letter, '.'),
		['C', 'E', 'U', 'A', 'P', 'R', 'S', 'F'], [7, 6, 5, 4, 3, 2, 1, 0]))
FROM numbers(256);
CREATE DICTIONARY IF NOT EXISTS tcp_flags
(
	flags UInt64,
	name String DEFAULT ''
)
PRIMARY KEY flags
SOURCE(CLICKHOUSE(TABLE 'tcp_flag_list' DB '${DATABASE:-default}'))
LAYOUT(FLAT())
LIFETIME(MIN 60 MAX 300);

-- Names of autonomous systems.
CREATE TABLE IF NOT EXISTS as_list
(
	asn UInt64,
	name String
)
ENGINE = ReplacingMergeTree
ORDER BY (asn);
CREATE DICTIONARY IF NOT EXISTS as_names
(
	asn UInt64,
	name String DEFAULT ''
)
PRIMARY KEY asn
SOURCE(CLICKHOUSE(TABLE 'as_list' DB '${DATABASE:-default}'))
LAYOUT(HASHED())
LIFETIME(MIN 60 MAX 300);

-- Networks: the longest prefix counts.
CREATE TABLE IF NOT EXISTS network_list
(
	prefix String,
	name String,
	customer String
)
ENGINE = ReplacingMergeTree
ORDER BY (prefix);
CREATE DICTIONARY IF NOT EXISTS networks
(
	prefix String,
	name String DEFAULT '',
	customer String DEFAULT ''
)
PRIMARY KEY prefix
SOURCE(CLICKHOUSE(TABLE 'network_list' DB '${DATABASE:-default}'))
LAYOUT(IP_TRIE())
LIFETIME(MIN 60 MAX 300);

-- Exporters by address (::ffff:192.0.2.1 for IPv4).
CREATE TABLE IF NOT EXISTS exporter_list
(
	address IPv6,
	name String,
	site String
)
ENGINE = ReplacingMergeTree
ORDER BY (address);
CREATE DICTIONARY IF NOT EXISTS exporters
(
	address IPv6,
	name String DEFAULT '',
	site String DEFAULT ''
)
PRIMARY KEY address
SOURCE(CLICKHOUSE(TABLE 'exporter_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);

-- Interfaces by exporter and ifIndex; speed in bit/s.
CREATE TABLE IF NOT EXISTS interface_list
(
	exporter IPv6,
	number UInt32,
	name String,
	speed UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY (exporter, number);
CREATE DICTIONARY IF NOT EXISTS interfaces
(
	exporter IPv6,
	number UInt32,
	name String DEFAULT '',
	speed UInt64 DEFAULT 0
)
PRIMARY KEY exporter, number
SOURCE(CLICKHOUSE(TABLE 'interface_list' DB '${DATABASE:-default}'))
LAYOUT(COMPLEX_KEY_HASHED())
LIFETIME(MIN 60 MAX 300);
