// A complete consumer in Go: flows and bytes by IP protocol; the sums stand at its end.
//
//	go run . localhost:9092 flows
//
// The schema is goflow2's: its own generated package reads weir's topic. Offsets are committed only once a
// message's flows are counted.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	flowpb "github.com/netsampler/goflow2/v2/pb"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protodelim"
)

type sum struct{ flows, bytes uint64 }

// A message is 1 to N flows, each behind its length as a varint.
func count(message []byte, sums map[uint32]*sum) error {
	in := bytes.NewReader(message)
	for {
		flow := &flowpb.FlowMessage{}
		if err := protodelim.UnmarshalFrom(in, flow); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if sums[flow.Proto] == nil {
			sums[flow.Proto] = &sum{}
		}
		sums[flow.Proto].flows++
		sums[flow.Proto].bytes += flow.Bytes * max(flow.SamplingRate, 1)
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: consumer BROKERS TOPIC")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.ConsumerGroup("example-go"),
		kgo.ConsumeTopics(os.Args[2]), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sums := map[uint32]*sum{}
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) {
			if err := count(r.Value, sums); err != nil {
				fmt.Fprintf(os.Stderr, "partition %d, offset %d: %v\n", r.Partition, r.Offset, err)
			}
		})
		if err := client.CommitUncommittedOffsets(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, err)
		}
		var total uint64
		for _, s := range sums {
			total += s.flows
		}
		fmt.Println(total, "flows")
	}
	client.Close()
	for proto, s := range sums {
		fmt.Printf("proto %d flows %d bytes %d\n", proto, s.flows, s.bytes)
	}
}
