#!/bin/sh
exec java -Xmx128m -cp "/opt/kafka/libs/*" -Dlog4j.configuration=file:/opt/kafka/config/log4j.properties org.apache.kafka.tools.BrokerApiVersionsCommand "$@"
