// Lines through franz-go: text produce|consume BOOTSTRAP TOPIC CODEC|COUNT, from standard input or to standard output.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func produce(bootstrap, topic, codec string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ProducerBatchCompression(codecs[codec]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(20*time.Millisecond),
		kgo.MaxBufferedRecords(1000000), kgo.AllowAutoTopicCreation())
	if err != nil {
		fail(err)
	}
	var failed atomic.Int64
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		value := append([]byte{}, lines.Bytes()...)
		client.Produce(context.Background(), &kgo.Record{Topic: topic, Partition: 0, Value: value},
			func(_ *kgo.Record, err error) {
				if err != nil {
					failed.Add(1)
				}
			})
	}
	if err := client.Flush(context.Background()); err != nil {
		fail(err)
	}
	client.Close()
	if n := failed.Load(); n > 0 {
		fail(fmt.Errorf("%d records failed", n))
	}
}

func consume(bootstrap, topic, count string) {
	left, err := strconv.Atoi(count)
	if err != nil {
		fail(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumePartitions(
		map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		fail(err)
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for left > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		fetches := client.PollFetches(ctx)
		cancel()
		if errs := fetches.Errors(); len(errs) > 0 {
			fail(errs[0].Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			out.Write(r.Value)
			out.WriteByte('\n')
			left--
		})
	}
	out.Flush()
	client.Close()
}

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("usage: text produce|consume BOOTSTRAP TOPIC CODEC|COUNT"))
	}
	switch os.Args[1] {
	case "produce":
		produce(os.Args[2], os.Args[3], os.Args[4])
	case "consume":
		consume(os.Args[2], os.Args[3], os.Args[4])
	}
}
