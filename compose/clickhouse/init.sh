#!/bin/bash
# Makes weir's tables, or brings them up to date: the image runs it at each start, before the server is open to others.
set -euo pipefail
/usr/share/weir/scripts/clickhouse-apply --dry-run | clickhouse-client --multiquery
