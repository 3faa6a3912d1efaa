#!/bin/bash
# capture-exporters.sh -- makes the captures of tests/golden with real exporters, from real traffic.
#
#   scripts/capture-exporters.sh [DIR]               DIR: where to put them, default tests/golden
#   scripts/capture-exporters.sh --only REGEX [DIR]  only these exporters, from the packets.pcap that is there
#
# Everything happens in network namespaces of its own, nothing leaves them: two clients (192.168.1.50, .51 and IPv6)
# behind a router, two servers beyond it, HTTP, DNS-like and QUIC-like datagrams, pings, fragments, refused connections.
# The router's inner interface is recorded (packets.pcap). Then each exporter meters that and its datagrams are recorded:
#   softflowd   NetFlow v1, v5, v9, IPFIX (also with MACs, both directions in one record, sampling)
#   pmacctd     its nfprobe plugin with v5, v9, IPFIX: the engine inside the EdgeRouter; sfprobe for sFlow
#   fprobe      NetFlow v1, v5, v7
#   ovs-vswitchd   its switch in user space (no kernel module): sFlow and IPFIX, each packet looked at
# Beside each capture its exporter's own log stays (NAME.log). Afterwards run tests/golden/run.py --approve to make the
# expected answers and tests/golden/judge.py to hold them against tshark, nfdump and these logs.
# Needs root (or: unshare -rnm), and softflowd, pmacct, fprobe, openvswitch-switch, tcpreplay, tshark, iproute2, iputils-ping,
# python3.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
only=
if [ "${1:-}" = --inside ]; then
	out=$2
	only=$3
else
	if [ "${1:-}" = --only ]; then
		only=$2
		shift 2
	fi
	for tool in softflowd pmacctd fprobe ovs-vswitchd tcpreplay dumpcap editcap ping python3; do
		if ! command -v $tool >/dev/null; then
			echo "capture-exporters: $tool is missing (scripts/setup test)" >&2
			exit 1
		fi
	done
	out=${1:-$here/tests/golden}
	mkdir -p "$out"
	exec unshare --net --mount --pid --fork --mount-proc "$0" --inside "$(cd "$out" && pwd)" "$only"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mount -t tmpfs none /run
mkdir -p /run/netns
ip link set lo up

# --- the home: client1, client2 -- router -- internet ---------------------------------------------------------------
lan() # NAMESPACE MAC HOST
{
	ip netns add "$1"
	ip -n router link add "$1" type veth peer name eth0 netns "$1"
	ip -n router link set "$1" master lan up
	ip -n "$1" link set eth0 address "$2"
	ip -n "$1" addr add 192.168.1."$3"/24 dev eth0
	ip -n "$1" addr add 2001:db8:1::"$3"/64 dev eth0 nodad
	ip -n "$1" link set lo up
	ip -n "$1" link set eth0 up
	ip netns exec "$1" sh -c 'ethtool -K eth0 tso off gso off gro off tx off >/dev/null 2>&1 || true'
	ip -n "$1" route add default via 192.168.1.1
	ip -6 -n "$1" route add default via 2001:db8:1::1
}

build_home()
{
	ip netns add router
	ip netns add internet
	ip -n router link set lo up
	ip -n internet link set lo up
	ip -n router link add lan address 02:00:5e:00:00:01 type bridge
	ip -n router addr add 192.168.1.1/24 dev lan
	ip -n router addr add 2001:db8:1::1/64 dev lan nodad
	ip -n router link set lan up
	ip -n router link add wan type veth peer name eth0 netns internet
	ip -n router addr add 192.0.2.1/24 dev wan
	ip -n router addr add 2001:db8::1/64 dev wan nodad
	ip -n router link set wan up
	ip -n internet addr add 192.0.2.2/24 dev eth0
	ip -n internet addr add 2001:db8::2/64 dev eth0 nodad
	ip -n internet link set eth0 up
	for server in 104.18.185.54/32 203.0.113.5/32 2001:db8:68::1/128 2001:db8:5::1/128; do
		ip -n internet addr add $server dev lo nodad 2>/dev/null || ip -n internet addr add $server dev lo
	done
	ip -n internet route add default via 192.0.2.1
	ip -6 -n internet route add default via 2001:db8::1
	ip -n router route add 104.18.185.54/32 via 192.0.2.2
	ip -n router route add 203.0.113.0/24 via 192.0.2.2
	ip -6 -n router route add 2001:db8:68::/48 via 2001:db8::2
	ip -6 -n router route add 2001:db8:5::/48 via 2001:db8::2
	ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	lan client1 e8:ff:1e:d5:f4:16 50
	lan client2 e8:ff:1e:d5:f4:17 51
}

record_traffic()
{
	local server recorder
	ip netns exec internet python3 "$here/scripts/capture-traffic.py" serve \
		104.18.185.54 203.0.113.5 2001:db8:68::1 2001:db8:5::1 &
	server=$!
	ip netns exec router dumpcap -q -P -s 128 -i lan -w "$work/all.pcap" 2>/dev/null &
	recorder=$!
	sleep 2
	ip netns exec client1 python3 "$here/scripts/capture-traffic.py" use 104.18.185.54 2001:db8:68::1
	ip netns exec client2 python3 "$here/scripts/capture-traffic.py" use 203.0.113.5 2001:db8:5::1
	ip netns exec client1 ping -q -c 3 -i 0.2 104.18.185.54 >/dev/null
	ip netns exec client2 ping -q -c 2 -i 0.2 2001:db8:68::1 >/dev/null
	ip netns exec client2 ping -q -c 2 -i 0.2 -s 3000 203.0.113.5 >/dev/null
	sleep 1
	kill $recorder $server
	wait $recorder || true
	# Housekeeping of the network itself (ARP, neighbour discovery) is left in: exporters have to cope with it.
	editcap -F pcap "$work/all.pcap" "$out/packets.pcap"
}

# --- exporters: NAME, then the command; its datagrams to 127.0.0.1:2055 are recorded ----------------------------------
export_with()
{
	local name=$1 recorder
	shift
	[[ $name =~ $only ]] || return 0
	echo "capture-exporters: $name" >&2
	dumpcap -q -P -i lo -f 'udp dst port 2055' -w "$work/$name.pcap" 2>/dev/null &
	recorder=$!
	sleep 1.5
	"$@" >"$work/$name.log" 2>&1 || true
	sleep 1
	kill $recorder
	wait $recorder || true
	editcap -F pcap "$work/$name.pcap" "$out/$name.pcap"
	# What the exporter says of itself, less what differs at every run and says nothing: addresses in memory, paths.
	grep -avE 'Queuing flow|Finished scan|ADD FLOW|REMOVE|Starting expiry|^DEBUG.*(plugin_pipe|_Plugin|core)|--build=' "$work/$name.log" |
		sed -E "s,$out/,,g; s,$work/,,g; s,flows from .* to,flows from packets.pcap to,; s/ *\\(0x[0-9a-f]+\\)//; s/ *\\[(pid|id) [0-9]+\\]//" >"$out/$name.log" || true
}

softflow()
(
	cd "$out" # the file's name becomes the interface's name in its options data
	softflowd -d -r packets.pcap -c none -p "$work/softflowd.pid" -n 127.0.0.1:2055 "$@"
)

pmacct() # PLUGIN VERSION AGGREGATE [LINE]...
{
	local plugin=$1 version=$2 aggregate=$3
	shift 3
	{
		echo "daemonize: false"
		echo "debug: true"
		echo "pcap_savefile: $out/packets.pcap"
		echo "pcap_savefile_delay: 2"
		echo "aggregate: $aggregate"
		echo "plugins: ${plugin}[one]"
		echo "pmacctd_flow_lifetime: 5"
		echo "${plugin}_receiver: 127.0.0.1:2055"
		if [ "$plugin" = nfprobe ]; then
			echo "nfprobe_version: $version"
			echo "nfprobe_timeouts: tcp=5:tcp.rst=5:tcp.fin=5:udp=5:icmp=5:general=5:maxlife=10:expint=2"
			[ "$version" = 5 ] || echo "nfprobe_engine: 1"
		else
			echo "sfprobe_agentip: 192.168.1.1"
		fi
		printf '%s\n' "$@"
	} >"$work/pmacct.conf"
	timeout -s INT 30 pmacctd -f "$work/pmacct.conf"
}

fprobe_live() # VERSION
{
	local probe
	[ -e /proc/sys/net/ipv4/conf/probe0 ] || ip link add probe0 type veth peer name probe1
	ip link set probe0 up
	ip link set probe1 up
	sleep 0.5
	fprobe -i probe0 -n "$1" -s 1 -d 2 -e 10 -g 2 -l 2 127.0.0.1:2055 &
	probe=$!
	sleep 1
	tcpreplay -q --topspeed -i probe1 "$out/packets.pcap"
	sleep 6
	kill $probe
	wait $probe || true
}

# The switch wants to be heard: where nobody listens, every other of its datagrams is lost to the port's refusal.
openvswitch() # TABLE COLUMN=VALUE...
{
	local db=unix:$work/ovs/db sink table=$1
	shift
	rm -rf "$work/ovs"
	mkdir "$work/ovs"
	[ -e /proc/sys/net/ipv4/conf/ovs0 ] || ip link add ovs0 type veth peer name ovs1
	[ -e /proc/sys/net/ipv4/conf/ovs2 ] || ip link add ovs2 type veth peer name ovs3
	for port in ovs0 ovs1 ovs2 ovs3; do ip link set $port up; done
	python3 -c 'import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 2055)); time.sleep(60)' &
	sink=$!
	export OVS_RUNDIR=$work/ovs
	ovsdb-tool create "$work/ovs/conf" /usr/share/openvswitch/vswitch.ovsschema
	ovsdb-server "$work/ovs/conf" --remote="p$db" --pidfile="$work/ovs/db.pid" --unixctl="$work/ovs/db.ctl" --detach
	ovs-vsctl --db="$db" --no-wait init
	ovs-vswitchd "$db" --disable-system --pidfile="$work/ovs/switch.pid" --unixctl="$work/ovs/switch.ctl" --detach
	ovs-vsctl --db="$db" add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 ovs1 -- add-port br0 ovs2 -- \
		--id=@x create "$table" "$@" -- set bridge br0 "$table"=@x
	sleep 2
	tcpreplay -q --pps 60 -i ovs0 "$out/packets.pcap"
	sleep 6
	kill "$(cat "$work/ovs/switch.pid")" "$(cat "$work/ovs/db.pid")" $sink
	wait $sink || true
}

if [ -z "$only" ]; then
	build_home
	record_traffic
fi
export_with softflowd-v1 softflow -v 1
export_with softflowd-v5 softflow -v 5
export_with softflowd-v9 softflow -v 9 -6
export_with softflowd-v9-ether softflow -v 9 -6 -T ether
export_with softflowd-ipfix softflow -v 10 -6
export_with softflowd-ipfix-ether softflow -v 10 -6 -T ether -A milli
export_with softflowd-ipfix-nano softflow -v 10 -6 -A nano
export_with softflowd-ipfix-micro softflow -v 10 -6 -A micro
export_with softflowd-ipfix-biflow softflow -v 10 -6 -b
export_with softflowd-v9-sampled softflow -v 9 -6 -s 3
export_with softflowd-ipfix-sampled softflow -v 10 -6 -s 3
export_with softflowd-psamp softflow -v psamp -s 20

all=src_host,dst_host,src_port,dst_port,proto,tos,tcpflags,src_mac,dst_mac,vlan
export_with pmacctd-v5 pmacct nfprobe 5 "$all"
export_with pmacctd-v9 pmacct nfprobe 9 "$all"
export_with pmacctd-ipfix pmacct nfprobe 10 "$all"
export_with pmacctd-ipfix-sampled pmacct nfprobe 10 "$all" 'sampling_rate: 4'
export_with pmacctd-sflow pmacct sfprobe 5 "$all" 'sampling_rate: 4'

# The same with a routing table (of a file): AS numbers, prefix lengths, interfaces, direction, a tag of pmacct's own.
printf '65001,%s\n' 192.168.1.0/24 2001:db8:1::/48 >"$work/networks"
printf '65002,%s\n' 104.16.0.0/12 2001:db8:68::/48 >>"$work/networks"
printf '65003,%s\n' 203.0.113.0/24 2001:db8:5::/48 >>"$work/networks"
routes=("networks_file: $work/networks" 'pmacctd_as: file' 'pmacctd_net: file' 'post_tag: 7' 'nfprobe_direction[one]: in'
	'nfprobe_ifindex[one]: 5')
export_with pmacctd-v5-routes pmacct nfprobe 5 "$all,src_as,dst_as,src_mask,dst_mask" "${routes[@]}"
export_with pmacctd-v9-routes pmacct nfprobe 9 "$all,src_as,dst_as,src_mask,dst_mask,tag" "${routes[@]}"
export_with pmacctd-ipfix-routes pmacct nfprobe 10 "$all,src_as,dst_as,src_mask,dst_mask,tag" "${routes[@]}"
export_with pmacctd-sflow-routes pmacct sfprobe 5 "$all,src_as,dst_as,src_mask,dst_mask,tag" "networks_file: $work/networks" \
	'pmacctd_as: file' 'pmacctd_net: file' 'sfprobe_ifindex[one]: 5' 'sfprobe_direction[one]: in' 'sfprobe_ifspeed: 1000000000'

export_with fprobe-v1 fprobe_live 1
export_with fprobe-v5 fprobe_live 5
export_with fprobe-v7 fprobe_live 7
export_with openvswitch-sflow openvswitch sflow agent=lo 'target="127.0.0.1:2055"' header=128 sampling=1 polling=2
export_with openvswitch-ipfix openvswitch ipfix 'targets="127.0.0.1:2055"' sampling=1 obs_domain_id=7 obs_point_id=9 \
	cache_active_timeout=3 cache_max_flows=64
ls -l "$out"/*.pcap >&2
