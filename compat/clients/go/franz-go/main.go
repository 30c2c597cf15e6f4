// The matrix through franz-go (kgo and kadm). What a program of the matrix does: package feature.
package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	. "odradek/compat/go/feature"
)

var ctx = context.Background()

func client(bootstrap string, options ...kgo.Opt) *kgo.Client {
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.ClientID("matrix"), kgo.RetryTimeout(time.Minute),
		kgo.FetchMaxWait(200 * time.Millisecond)}, options...)...)
	if err != nil {
		panic(err)
	}
	return cl
}

func admin(bootstrap string) *kadm.Client { return kadm.NewClient(client(bootstrap)) }

// outcome is the name of Kafka's error.
func outcome(err error) string {
	var known *kerr.Error
	if errors.As(err, &known) {
		return known.Message
	}
	return Outcome(err)
}

func create(bootstrap, topic string, partitions int, configs map[string]*string) (*kadm.Client, error) {
	adm := admin(bootstrap)
	if _, err := adm.CreateTopic(ctx, int32(partitions), 1, configs, topic); err != nil {
		return nil, err
	}
	Until(func() bool {
		topics, err := adm.ListTopics(ctx, topic)
		if err != nil || len(topics[topic].Partitions) != partitions {
			return false
		}
		for _, p := range topics[topic].Partitions {
			if p.Leader < 0 {
				return false
			}
		}
		return true
	})
	return adm, nil
}

func records(topic string, partition int32, given []Record, timed bool) []*kgo.Record {
	out := []*kgo.Record{}
	for _, r := range given {
		made := &kgo.Record{Topic: topic, Partition: partition, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			made.Headers = append(made.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		if timed {
			made.Timestamp = time.UnixMilli(r.Millis)
		}
		out = append(out, made)
	}
	return out
}

func write(bootstrap, topic string, partition int32, given []Record, timed bool, options ...kgo.Opt) kgo.ProduceResults {
	options = append([]kgo.Opt{kgo.ProducerBatchMaxBytes(4000000), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)
	cl := client(bootstrap, options...)
	defer cl.Close()
	return cl.ProduceSync(ctx, records(topic, partition, given, timed)...)
}

func acknowledged(results kgo.ProduceResults) int {
	n := 0
	for _, r := range results {
		if r.Err == nil {
			n++
		}
	}
	return n
}

func reader(bootstrap, topic string, at kgo.Offset, options ...kgo.Opt) *kgo.Client {
	return client(bootstrap, append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: at}}))...)
}

func read(cl *kgo.Client, n int, wait time.Duration) ([]Record, error) {
	out := []Record{}
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for len(out) < n && limit.Err() == nil {
		fetches := cl.PollRecords(limit, n-len(out))
		for _, e := range fetches.Errors() {
			if limit.Err() == nil {
				return out, e.Err
			}
		}
		fetches.EachRecord(func(r *kgo.Record) { out = append(out, converted(r)) })
	}
	return out, nil
}

// readAll reads so many, however long it takes, and what comes behind them within a moment.
func readAll(cl *kgo.Client, n int) ([]Record, error) {
	out, err := read(cl, n, time.Minute)
	if err != nil {
		return out, err
	}
	more, err := read(cl, 1, time.Second)
	return append(out, more...), err
}

func converted(r *kgo.Record) Record {
	out := Record{Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, Millis: r.Timestamp.UnixMilli()}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return out
}

func readTopic(bootstrap, topic string, n int) ([]Record, error) {
	cl := reader(bootstrap, topic, kgo.NewOffset().AtStart())
	defer cl.Close()
	return read(cl, n, time.Minute)
}

func writeAndRead(given []Record, options ...kgo.Opt) func(Say, string, string) error {
	return func(say Say, bootstrap, topic string) error {
		if _, err := create(bootstrap, topic, 1, nil); err != nil {
			return err
		}
		say("%d acknowledged", acknowledged(write(bootstrap, topic, 0, given, false, options...)))
		got, err := readTopic(bootstrap, topic, len(given))
		if len(given) > 10 {
			say("%s", ShowAll(got))
			return err
		}
		for _, r := range got {
			say("%s", ShowRecord(r))
		}
		return err
	}
}

func timestamps(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	create(bootstrap, topic+"-append", 1, map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime")})
	for _, name := range []string{topic, topic + "-append"} {
		write(bootstrap, name, 0, Numbers(3), true)
		cl := reader(bootstrap, name, kgo.NewOffset().AtStart())
		for n := 0; n < 3; {
			fetches := cl.PollFetches(ctx)
			fetches.EachRecord(func(r *kgo.Record) {
				say("%d type=%d %s", r.Offset, r.Attrs.TimestampType(), ShowTime(r.Timestamp.UnixMilli()))
				n++
			})
		}
		cl.Close()
	}
	return nil
}

func partitioner(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 4, nil)
	given := []Record{}
	for i := 0; i < 40; i++ {
		given = append(given, Record{Key: []byte(fmt.Sprintf("key %d", i)), Value: []byte("v")})
	}
	words := []string{}
	cl := client(bootstrap)
	defer cl.Close()
	for _, r := range cl.ProduceSync(ctx, records(topic, 0, given, false)...) {
		words = append(words, fmt.Sprint(string(r.Record.Key[4:]), ":", r.Record.Partition))
	}
	sort.Strings(words)
	say("%s", strings.Join(words, " "))
	return nil
}

func acks(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	for i, wanted := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		say("%d: %s", i, outcome(write(bootstrap, topic, 0, Numbers(1), false, kgo.RequiredAcks(wanted), kgo.DisableIdempotentWrite()).FirstErr()))
	}
	got, err := readTopic(bootstrap, topic, 3)
	say("%s", ShowAll(got))
	return err
}

func listed(offsets kadm.ListedOffsets, topic string) string {
	o, _ := offsets.Lookup(topic, 0)
	at := ""
	if o.Timestamp >= 0 {
		at = " " + ShowTime(o.Timestamp)
	}
	return fmt.Sprintf("%d%s %s", o.Offset, at, outcome(o.Err))
}

func times(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), true)
	for _, at := range []int64{-5, 0, 4, 9, 10} {
		offsets, err := adm.ListOffsetsAfterMilli(ctx, T0+at, topic)
		if err != nil {
			return err
		}
		say("after %d: %s", at, listed(offsets, topic))
	}
	start, _ := adm.ListStartOffsets(ctx, topic)
	end, _ := adm.ListEndOffsets(ctx, topic)
	say("start %s, end %s", listed(start, topic), listed(end, topic))
	maximum, err := adm.ListMaxTimestampOffsets(ctx, topic)
	if err != nil {
		return err
	}
	say("largest %s", listed(maximum, topic))
	cl := reader(bootstrap, topic, kgo.NewOffset().AfterMilli(T0+6))
	defer cl.Close()
	got, err := read(cl, 4, time.Minute)
	say("%s", ShowAll(got))
	return err
}

func seek(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	write(bootstrap, topic, 0, Numbers(10), false)
	cl := reader(bootstrap, topic, kgo.NewOffset().AtStart())
	defer cl.Close()
	if _, err := read(cl, 10, time.Minute); err != nil {
		return err
	}
	for _, at := range []int64{5, 0, 9} {
		cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: at}}})
		got, err := read(cl, 1, time.Minute)
		if err != nil || len(got) == 0 {
			return fmt.Errorf("at %d: %v", at, err)
		}
		say("at %d: %s", at, Show(got[0].Value))
	}
	return nil
}

func reset(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	write(bootstrap, topic, 0, Numbers(10), false)
	for i, policy := range []kgo.Offset{kgo.NewOffset().AtStart(), kgo.NewOffset().AtEnd(), kgo.NoResetOffset()} {
		cl := reader(bootstrap, topic, kgo.NewOffset().At(100), kgo.ConsumeResetOffset(policy))
		got, err := read(cl, 1, time.Duration(60-59*(i%2))*time.Second)
		say("%d: %d read %s", i, len(got), outcome(err))
		cl.Close()
	}
	return nil
}

func joined(bootstrap, topic string) *kgo.Client {
	return client(bootstrap, kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

func commit(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false)
	write(bootstrap, topic, 1, Numbers(10), false)
	cl := joined(bootstrap, topic)
	got, err := read(cl, 20, time.Minute)
	say("first run read %d %s", len(got), outcome(err))
	failed := make(chan error, 1)
	cl.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: 7}, 1: {Epoch: -1, Offset: 3}}},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			if err == nil {
				err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
			}
			failed <- err
		})
	say("commit %s", outcome(<-failed))
	cl.Close()
	cl = joined(bootstrap, topic)
	got, err = read(cl, 10, time.Minute)
	say("second run read %s %s", ShowRead(got), outcome(err))
	say("commit %s", outcome(cl.CommitUncommittedOffsets(ctx)))
	cl.Close()
	cl = joined(bootstrap, topic)
	got, _ = read(cl, 1, 2*time.Second)
	say("third run read %d", len(got))
	cl.Close()
	return offsets(say, adm, topic)
}

func transactional(id string) []kgo.Opt {
	return []kgo.Opt{kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner())}
}

func transaction(cl *kgo.Client, topic string, n int, end kgo.TransactionEndTry) error {
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	err := cl.ProduceSync(ctx, records(topic, 0, Numbers(n), false)...).FirstErr()
	if ended := cl.EndTransaction(ctx, end); err == nil {
		err = ended
	}
	return err
}

// levels says what who reads only what is committed sees, and who reads all.
func levels(say Say, what, bootstrap, topic string, committed, all int) {
	for _, level := range []struct {
		name string
		opt  kgo.IsolationLevel
		n    int
	}{{"committed", kgo.ReadCommitted(), committed}, {"all", kgo.ReadUncommitted(), all}} {
		cl := reader(bootstrap, topic, kgo.NewOffset().AtStart(), kgo.FetchIsolationLevel(level.opt))
		got, err := readAll(cl, level.n)
		say("%s, %s %s %s", what, level.name, ShowRead(got), outcome(err))
		cl.Close()
	}
}

func transactions(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	cl := client(bootstrap, transactional(topic)...)
	defer cl.Close()
	say("commit %s", outcome(transaction(cl, topic, 3, kgo.TryCommit)))
	say("abort %s", outcome(transaction(cl, topic, 2, kgo.TryAbort)))
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	say("open %s", outcome(cl.ProduceSync(ctx, records(topic, 0, Numbers(2), false)...).FirstErr()))
	levels(say, "open", bootstrap, topic, 3, 7)
	say("commit %s", outcome(cl.EndTransaction(ctx, kgo.TryCommit)))
	levels(say, "ended", bootstrap, topic, 5, 7)
	newer := client(bootstrap, transactional(topic)...)
	defer newer.Close()
	say("the newer one %s", outcome(transaction(newer, topic, 1, kgo.TryCommit)))
	say("the older one %s", outcome(transaction(cl, topic, 1, kgo.TryCommit)))
	levels(say, "fenced", bootstrap, topic, 6, 8)
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		if err := copied(say, bootstrap, topic, end); err != nil {
			return err
		}
	}
	found, err := adm.FetchOffsets(ctx, topic)
	if o, there := found.Lookup(topic, 0); there {
		say("committed %d", o.At)
	}
	return err
}

// copied reads what is committed, as a member of a group, and writes it to another topic with the offsets in one transaction.
func copied(say Say, bootstrap, topic string, end kgo.TransactionEndTry) error {
	session, err := kgo.NewGroupTransactSession(append(transactional(topic+"-copier"), kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(topic),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.AllowAutoTopicCreation(), kgo.FetchMaxWait(200*time.Millisecond))...)
	if err != nil {
		return err
	}
	defer session.Close()
	got, err := read(session.Client(), 6, time.Minute)
	if err == nil {
		err = session.Begin()
	}
	if err != nil {
		return err
	}
	err = session.ProduceSync(ctx, records(topic+"-copy", 0, got, false)...).FirstErr()
	done, ended := session.End(ctx, end)
	say("copied %d %s, committed %v %s", len(got), outcome(err), done, outcome(ended))
	return nil
}

func offsets(say Say, adm *kadm.Client, group string) error {
	found, err := adm.FetchOffsets(ctx, group)
	if err != nil {
		return err
	}
	for _, o := range found.Sorted() {
		text := o.Metadata
		if strings.HasPrefix(text, "matrix-") {
			text = "the member's" // the client's own commits carry the member id
		}
		say("committed %d %d metadata=%q %s", o.Partition, o.At, text, outcome(o.Err))
	}
	return nil
}

func adminTopics(say Say, bootstrap, topic string) error {
	adm := admin(bootstrap)
	hour := map[string]*string{"retention.ms": kadm.StringPtr("3600000")}
	checked, err := adm.ValidateCreateTopics(ctx, 3, 1, hour, topic)
	say("validate %s %s", outcome(err), outcome(checked[topic].Err))
	if _, err := create(bootstrap, topic, 3, hour); err != nil {
		return err
	}
	topics, err := adm.ListTopics(ctx, topic)
	if err != nil {
		return err
	}
	for _, p := range topics[topic].Partitions.Sorted() {
		say("partition %d leader=%d replicas=%v isr=%v", p.Partition, p.Leader, p.Replicas, p.ISR)
	}
	deleted, err := adm.DeleteTopics(ctx, topic)
	say("delete %s %s", outcome(err), outcome(deleted[topic].Err))
	gone := false
	Until(func() bool { t, err := adm.ListTopics(ctx); gone = err == nil && !t.Has(topic); return gone })
	say("gone %v", gone)
	return nil
}

func described(adm *kadm.Client, topic string, names ...string) string {
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return outcome(err)
	}
	words := []string{}
	for _, c := range configs[0].Configs {
		for _, name := range names {
			if c.Key == name {
				words = append(words, fmt.Sprintf("%s=%s,%s,%v,synonyms=%d", c.Key, c.MaybeValue(), c.Source, c.Sensitive, len(c.Synonyms)))
			}
		}
	}
	sort.Strings(words)
	return fmt.Sprintf("%d settings %s", len(configs[0].Configs), strings.Join(words, " "))
}

func adminConfigs(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, map[string]*string{"retention.ms": kadm.StringPtr("3600000")})
	if err != nil {
		return err
	}
	say("%s", described(adm, topic, "retention.ms", "cleanup.policy", "max.message.bytes"))
	for _, change := range []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("7200000")},
		{Op: kadm.DeleteConfig, Name: "retention.ms"},
		{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")},
		{Op: kadm.SubtractConfig, Name: "cleanup.policy", Value: kadm.StringPtr("delete")},
	} {
		look := func() string { return described(adm, topic, change.Name) }
		before := look()
		answer, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, topic)
		if err != nil {
			return err
		}
		say("%d %s: %s %s", change.Op, change.Name, outcome(answer[0].Err), answer[0].ErrMessage)
		say("%s", Changed(look, before))
	}
	return nil
}

func adminPartitions(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	for _, n := range []int{4, 2, 4, 5} {
		answer, err := adm.UpdatePartitions(ctx, n, topic)
		say("%d: %s %s %s", n, outcome(err), outcome(answer[topic].Err), answer[topic].ErrMessage)
	}
	Until(func() bool { t, err := adm.ListTopics(ctx, topic); return err == nil && len(t[topic].Partitions) == 5 })
	topics, err := adm.ListTopics(ctx, topic)
	say("has %d", len(topics[topic].Partitions))
	return err
}

func adminRecords(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false)
	for _, at := range []int64{4, -1, 99} {
		wanted := kadm.Offsets{}
		wanted.AddOffset(topic, 0, at, -1)
		answer, err := adm.DeleteRecords(ctx, wanted)
		got, _ := answer.Lookup(topic, 0)
		say("before %d: %s %s %d", at, outcome(err), outcome(got.Err), got.LowWatermark)
	}
	start, err := adm.ListStartOffsets(ctx, topic)
	say("start %s", listed(start, topic))
	return err
}

func adminCluster(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	brokers, err := adm.ListBrokers(ctx)
	say("brokers %v %s", brokers.NodeIDs(), outcome(err))
	meta, err := adm.BrokerMetadata(ctx)
	say("controller %d %s", meta.Controller, outcome(err))
	write(bootstrap, topic, 0, Numbers(1), false)
	dirs, err := adm.DescribeAllLogDirs(ctx, kadm.TopicsSet{topic: {0: {}}})
	say("log dirs %d %s", len(dirs), outcome(err))
	elected, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, kadm.TopicsSet{topic: {0: {}}})
	say("elect %s %s", outcome(err), outcome(elected[topic][0].Err))
	moves, err := adm.ListPartitionReassignments(ctx, nil)
	say("reassignments %d %s", len(moves), outcome(err))
	producers, err := adm.DescribeProducers(ctx, kadm.TopicsSet{topic: {0: {}}})
	say("producers %d %s", len(producers[topic].Partitions[0].ActiveProducers), outcome(err))
	_, err = adm.ListTransactions(ctx, nil, nil)
	say("transactions %s", outcome(err))
	quotas, err := adm.DescribeClientQuotas(ctx, false, nil)
	say("quotas %d %s", len(quotas), outcome(err))
	_, err = adm.DescribeUserSCRAMs(ctx)
	say("scram %s", outcome(err))
	return nil
}

func adminGroups(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false)
	cl := joined(bootstrap, topic)
	if _, err := read(cl, 10, time.Minute); err != nil {
		return err
	}
	cl.CommitUncommittedOffsets(ctx)
	list, err := adm.ListGroups(ctx)
	say("listed %s %s %s %s", list[topic].ProtocolType, list[topic].State, list[topic].GroupType, outcome(err))
	list, err = adm.ListGroups(ctx, "Empty")
	_, there := list[topic]
	say("listed as empty: %v %s", there, outcome(err))
	describe := func() {
		groups, err := adm.DescribeGroups(ctx, topic)
		g := groups[topic]
		say("described %s %s state=%s kind=%s assignor=%s", outcome(err), outcome(g.Err), g.State, g.ProtocolType, g.Protocol)
		for _, m := range g.Members {
			say("member client=%s host=%s assigned=%v", m.ClientID, m.ClientHost, g.AssignedPartitions()[topic])
		}
	}
	describe()
	deleted, err := adm.DeleteGroups(ctx, topic)
	say("delete while in use %s %s", outcome(err), outcome(deleted[topic].Err))
	lags, err := adm.Lag(ctx, topic)
	say("lag %d %s", lags[topic].Lag.Total(), outcome(err))
	cl.Close()
	describe()
	for _, what := range []string{"delete", "delete again"} {
		deleted, err := adm.DeleteGroups(ctx, topic)
		say("%s %s %s", what, outcome(err), outcome(deleted[topic].Err))
	}
	describe()
	return nil
}

func adminOffsets(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	wanted := kadm.Offsets{}
	wanted.Add(kadm.Offset{Topic: topic, Partition: 0, At: 5, LeaderEpoch: -1, Metadata: "five"})
	wanted.Add(kadm.Offset{Topic: topic, Partition: 1, At: 0, LeaderEpoch: -1})
	answer, err := adm.CommitOffsets(ctx, topic, wanted)
	say("altered %s %s", outcome(err), outcome(answer.Error()))
	if err := offsets(say, adm, topic); err != nil {
		return err
	}
	gone, err := adm.DeleteOffsets(ctx, topic, kadm.TopicsSet{topic: {0: {}}})
	say("deleted %s %s", outcome(err), outcome(gone.Error()))
	if err := offsets(say, adm, topic); err != nil {
		return err
	}
	say("of an unknown group:")
	return offsets(say, adm, "no-"+topic)
}

func errorTopics(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what, name string
		partitions int32
		replicas   int16
	}{{"exists", topic, 1, 1}, {"no partitions", topic + "-a", 0, 1}, {"negative partitions", topic + "-a", -5, 1},
		{"too many replicas", topic + "-a", 1, 3}, {"no replicas", topic + "-a", 1, 0}, {"bad name", "a topic with spaces", 1, 1},
		{"dots", "..", 1, 1}, {"long name", strings.Repeat("x", 250), 1, 1}} {
		answer, err := adm.CreateTopics(ctx, c.partitions, c.replicas, nil, c.name)
		say("%s: %s %s %s", c.what, outcome(err), outcome(answer[c.name].Err), answer[c.name].ErrMessage)
	}
	deleted, err := adm.DeleteTopics(ctx, "no-"+topic)
	say("delete unknown: %s %s", outcome(err), outcome(deleted["no-"+topic].Err))
	topics, err := adm.ListTopics(ctx, "no-"+topic)
	say("describe unknown: %s %s", outcome(err), outcome(topics["no-"+topic].Err))
	return nil
}

func errorConfigs(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	for _, c := range [][4]string{{"bad number", topic, "retention.ms", "soon"}, {"out of range", topic, "min.insync.replicas", "0"},
		{"bad word", topic, "cleanup.policy", "keep"}, {"unknown setting", topic, "no.such.setting", "1"},
		{"unknown topic", "no-" + topic, "retention.ms", "1"}} {
		answer, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Name: c[2], Value: kadm.StringPtr(c[3])}}, c[1])
		if err != nil {
			return err
		}
		say("%s: %s %s", c[0], outcome(answer[0].Err), answer[0].ErrMessage)
	}
	answer, err := adm.AlterBrokerConfigs(ctx, []kadm.AlterConfig{{Name: "node.id", Value: kadm.StringPtr("2")}}, 1)
	if err != nil {
		return err
	}
	say("read-only: %s %s", outcome(answer[0].Err), answer[0].ErrMessage)
	configs, err := adm.DescribeTopicConfigs(ctx, "no-"+topic)
	if err != nil {
		return err
	}
	say("describe unknown: %s", outcome(configs[0].Err))
	return nil
}

func errorProduce(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, map[string]*string{"max.message.bytes": kadm.StringPtr("2000")})
	for _, c := range []struct {
		what      string
		partition int32
		size      int
	}{{"too large", 0, 3000}, {"no partition", 5, 1}, {"fits", 0, 1000}} {
		answer := write(bootstrap, topic, c.partition, []Record{{Value: make([]byte, c.size)}}, false)
		say("%s: %s", c.what, outcome(answer.FirstErr()))
	}
	create(bootstrap, topic+"-c", 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact")})
	say("no key on a compacted topic: %s", outcome(write(bootstrap, topic+"-c", 0, Numbers(1), false).FirstErr()))
	say("unknown topic: %s", outcome(write(bootstrap, "no-"+topic, 0, Numbers(1), false, kgo.UnknownTopicRetries(1)).FirstErr()))
	return nil
}

func errorConsume(say Say, bootstrap, topic string) error {
	cl := reader(bootstrap, topic, kgo.NewOffset().AtStart(), kgo.UnknownTopicRetries(1))
	defer cl.Close()
	got, err := read(cl, 1, 3*time.Second)
	say("unknown topic: %d %s", len(got), outcome(err))
	return nil
}

func errorGroups(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	groups, err := adm.DescribeGroups(ctx, "no-"+topic)
	say("describe unknown: %s %s %s", outcome(err), outcome(groups["no-"+topic].Err), groups["no-"+topic].State)
	deleted, err := adm.DeleteGroups(ctx, "no-"+topic)
	say("delete unknown: %s %s", outcome(err), outcome(deleted["no-"+topic].Err))
	cl := joined(bootstrap, topic)
	Until(func() bool { g, err := adm.DescribeGroups(ctx, topic); return err == nil && g[topic].State == "Stable" })
	wanted := kadm.Offsets{}
	wanted.AddOffset(topic, 0, 4, -1)
	answer, err := adm.CommitOffsets(ctx, topic, wanted)
	say("commit into a group in use: %s %s", outcome(err), outcome(answer.Error()))
	cl.Close()
	wanted = kadm.Offsets{}
	wanted.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4, LeaderEpoch: -1, Metadata: strings.Repeat("m", 5000)})
	answer, err = adm.CommitOffsets(ctx, topic, wanted)
	say("large metadata: %s %s", outcome(err), outcome(answer.Error()))
	return nil
}

func setup(bootstrap, topic string, partitions, count int) error {
	if _, err := create(bootstrap, topic, partitions, nil); err != nil {
		return err
	}
	for p := 0; p < partitions; p++ {
		if err := write(bootstrap, topic, int32(p), Numbers(count), false).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func member(bootstrap, group, topic string, options map[string]string) error {
	var lock sync.Mutex
	owned := map[int32]bool{}
	report := func() {
		now := []int32{}
		for p := range owned {
			now = append(now, p)
		}
		Assigned(now)
	}
	change := func(add bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			lock.Lock()
			defer lock.Unlock()
			for _, p := range changed[topic] {
				if add {
					owned[p] = true
				} else {
					delete(owned, p)
				}
			}
			report()
		}
	}
	opts := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(Session(options)), kgo.HeartbeatInterval(300 * time.Millisecond),
		kgo.RebalanceTimeout(5 * time.Second), kgo.OnPartitionsAssigned(change(true)), kgo.OnPartitionsRevoked(change(false)),
		kgo.OnPartitionsLost(change(false))}
	switch {
	case options["protocol"] == "consumer":
		opts = append(opts, kgo.ServerSideBalancer())
	case options["strategy"] == "sticky":
		opts = append(opts, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	default:
		opts = append(opts, kgo.Balancers(kgo.RangeBalancer()))
	}
	if instance := options["instance"]; instance != "" {
		opts = append(opts, kgo.InstanceID(instance))
	}
	cl := client(bootstrap, opts...)
	limit, cancel := context.WithCancel(ctx)
	stop := Stop()
	go func() { <-stop; cancel() }()
	for limit.Err() == nil {
		fetches := cl.PollFetches(limit)
		fetches.EachRecord(func(r *kgo.Record) { Tell("got %d %d", r.Partition, r.Offset) })
		if err := cl.CommitUncommittedOffsets(limit); err != nil && limit.Err() == nil {
			Tell("commit failed %s", outcome(err))
		}
	}
	cl.Close()
	return nil
}

func main() {
	absent := map[string]string{"eof": "its consumer has no event for the end of a partition"}
	Program{Setup: setup, Member: member, Absent: absent, Features: map[string]func(Say, string, string) error{
		"codec-none":   writeAndRead(CodecRecords()),
		"codec-gzip":   writeAndRead(CodecRecords(), kgo.ProducerBatchCompression(kgo.GzipCompression())),
		"codec-snappy": writeAndRead(CodecRecords(), kgo.ProducerBatchCompression(kgo.SnappyCompression())),
		"codec-lz4":    writeAndRead(CodecRecords(), kgo.ProducerBatchCompression(kgo.Lz4Compression())),
		"codec-zstd":   writeAndRead(CodecRecords(), kgo.ProducerBatchCompression(kgo.ZstdCompression())),
		"shapes":       writeAndRead(Shapes), "large": writeAndRead(Large()), "idempotent": writeAndRead(CodecRecords()),
		"timestamps": timestamps, "partitioner": partitioner, "acks": acks, "times": times, "seek": seek, "reset": reset,
		"commit": commit, "transactions": transactions, "admin-topics": adminTopics, "admin-configs": adminConfigs, "admin-partitions": adminPartitions,
		"admin-records": adminRecords, "admin-cluster": adminCluster, "admin-groups": adminGroups, "admin-offsets": adminOffsets,
		"error-topics": errorTopics, "error-configs": errorConfigs, "error-produce": errorProduce, "error-consume": errorConsume,
		"error-groups": errorGroups,
	}}.Main()
}
