#!/bin/sh
exec java -Xmx128m -cp "/opt/kafka/libs/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn kafka.admin.BrokerApiVersionsCommand "$@"
