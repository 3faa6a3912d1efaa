module weir.example/consumer

go 1.23.0

require (
	github.com/netsampler/goflow2/v2 v2.2.6
	github.com/twmb/franz-go v1.18.1
	google.golang.org/protobuf v1.36.11
)

require (
	github.com/klauspost/compress v1.18.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.22 // indirect
	github.com/twmb/franz-go/pkg/kmsg v1.9.0 // indirect
)
