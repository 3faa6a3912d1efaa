#!/bin/sh
# postgres_server.sh start|stop|restart DIR PORT -- a PostgreSQL 15 of its own for a test: data in DIR, on 127.0.0.1:PORT.
# PostgreSQL refuses to run as root; root becomes the user postgres for it. Exit 77: there is no server here.
set -eu
bin=/usr/lib/postgresql/15/bin
command=$1 dir=$2 port=$3
[ -x $bin/postgres ] || exit 77
as=
if [ "$(id -u)" = 0 ]; then
	as="runuser -u postgres --"
	mkdir -p "$dir"
	chown postgres "$dir"
fi
cd /
case $command in
start)
	$as $bin/initdb -D "$dir/data" -A trust -U weir --no-sync -E UTF8 --locale=C >"$dir/initdb.log"
	$as $bin/pg_ctl -D "$dir/data" -w -s -l "$dir/data/server.log" \
		-o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off" start
	;;
stop)
	$as $bin/pg_ctl -D "$dir/data" -w -s -m fast stop
	;;
restart)
	$as $bin/pg_ctl -D "$dir/data" -w -s -l "$dir/data/server.log" -m immediate restart
	;;
esac
