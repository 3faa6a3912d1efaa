#!/bin/sh
# The tool of that name as a Kafka image has it (settings of topics), for brokers that come as bare jar files.
exec java -Xmx128m -cp "/opt/kafka/libs/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn kafka.admin.ConfigCommand "$@"
