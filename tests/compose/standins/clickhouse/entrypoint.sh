#!/bin/bash
# A server, then the init folder on it. Unlike the image's own it is open to others meanwhile, and runs the folder at each start
# whatever CLICKHOUSE_ALWAYS_RUN_INITDB_SCRIPTS says: the library forgets its Kafka tables. The server's config.d is not read
# by a library, so the place of the schema, which is in there, is said in words.
set -eo pipefail

export KAFKA_SCHEMA=/usr/share/weir/schemas/flow.proto:FlowMessage
weir-embedded --addr :8123 --sql /usr/share/weir/no-sql --proto /usr/share/weir/schemas/flow.proto --data /var/lib/clickhouse \
	--kafka.brokers "$KAFKA_BROKERS" &
server=$!
trap 'kill $server' TERM
until weir-embedded --health --addr :8123 2>/dev/null; do
	kill -0 $server || exit 1
	sleep 0.2
done
for file in /docker-entrypoint-initdb.d/*.sh; do
	echo "$0: running $file"
	"$file"
done
echo "$0: ready"
status=0
wait $server || status=$?
# The first wait ends with the signal, the second with the server.
[ $status -le 128 ] || wait $server
