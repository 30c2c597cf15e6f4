// The matrix through sarama. What a program of the matrix does: package feature.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"sort"
	"strings"
	"time"

	"github.com/IBM/sarama"
	. "odradek/compat/go/feature"
)

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = "matrix"
	c.Version = sarama.MaxVersion
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.MaxMessageBytes = 4000000
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Flush.Frequency = 5 * time.Millisecond
	c.Consumer.Return.Errors = true
	c.Consumer.MaxWaitTime = 200 * time.Millisecond
	c.Consumer.Offsets.AutoCommit.Enable = false
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Admin.Timeout = time.Minute
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Retry.Max = 1
	return c
}

// outcome is the name of Kafka's error.
func outcome(err error) string {
	var known sarama.KError
	if errors.As(err, &known) {
		return fmt.Sprintf("%d %s", int16(known), Outcome(known))
	}
	return Outcome(err)
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func admin(bootstrap string) sarama.ClusterAdmin {
	adm, err := sarama.NewClusterAdmin([]string{bootstrap}, config())
	if err != nil {
		panic(err)
	}
	return adm
}

func ptr(s string) *string { return &s }

func create(bootstrap, topic string, partitions int32, configs map[string]*string) (sarama.ClusterAdmin, error) {
	adm := admin(bootstrap)
	err := adm.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false)
	if err != nil {
		return nil, err
	}
	visible(adm, topic, int(partitions))
	return adm, nil
}

func visible(adm sarama.ClusterAdmin, topic string, partitions int) {
	Until(func() bool {
		topics, err := adm.DescribeTopics([]string{topic})
		if err != nil || len(topics[0].Partitions) != partitions {
			return false
		}
		for _, p := range topics[0].Partitions {
			if p.Err != sarama.ErrNoError {
				return false
			}
		}
		return true
	})
}

func message(topic string, partition int32, r Record, timed bool) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{Topic: topic, Partition: partition}
	if r.Key != nil {
		m.Key = sarama.ByteEncoder(r.Key)
	}
	if r.Value != nil {
		m.Value = sarama.ByteEncoder(r.Value)
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value})
	}
	if timed {
		m.Timestamp = time.UnixMilli(r.Millis)
	}
	return m
}

func write(bootstrap, topic string, partition int32, given []Record, timed bool, change func(*sarama.Config)) ([]*sarama.ProducerMessage, error) {
	c := config()
	if change != nil {
		change(c)
	}
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, c)
	if err != nil {
		return nil, err
	}
	defer producer.Close()
	messages := []*sarama.ProducerMessage{}
	for _, r := range given {
		messages = append(messages, message(topic, partition, r, timed))
	}
	err = producer.SendMessages(messages)
	var failures sarama.ProducerErrors
	if errors.As(err, &failures) && len(failures) > 0 {
		err = failures[0].Err
	}
	return messages, err
}

func converted(m *sarama.ConsumerMessage) Record {
	out := Record{Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Millis: m.Timestamp.UnixMilli()}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, Header{Key: string(h.Key), Value: h.Value})
	}
	return out
}

func read(bootstrap, topic string, at int64, n int, wait time.Duration) ([]Record, error) {
	return readBy(config(), bootstrap, topic, at, n, wait)
}

func readBy(c *sarama.Config, bootstrap, topic string, at int64, n int, wait time.Duration) ([]Record, error) {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, c)
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	partition, err := consumer.ConsumePartition(topic, 0, at)
	if err != nil {
		return nil, err
	}
	defer partition.AsyncClose()
	out := []Record{}
	limit := time.After(wait)
	for len(out) < n {
		select {
		case m := <-partition.Messages():
			out = append(out, converted(m))
		case err := <-partition.Errors():
			return out, err.Err
		case <-limit:
			return out, nil
		}
	}
	return out, nil
}

func writeAndRead(given []Record, change func(*sarama.Config)) func(Say, string, string) error {
	return func(say Say, bootstrap, topic string) error {
		if _, err := create(bootstrap, topic, 1, nil); err != nil {
			return err
		}
		_, err := write(bootstrap, topic, 0, given, false, change)
		say("written %s", outcome(err))
		got, err := read(bootstrap, topic, sarama.OffsetOldest, len(given), time.Minute)
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

func codec(which sarama.CompressionCodec) func(*sarama.Config) {
	return func(c *sarama.Config) { c.Producer.Compression = which }
}

func timestamps(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	create(bootstrap, topic+"-append", 1, map[string]*string{"message.timestamp.type": ptr("LogAppendTime")})
	for _, name := range []string{topic, topic + "-append"} {
		write(bootstrap, name, 0, Numbers(3), true, nil)
		got, err := read(bootstrap, name, sarama.OffsetOldest, 3, time.Minute)
		if err != nil {
			return err
		}
		for _, r := range got {
			say("%d %s", r.Offset, ShowTime(r.Millis))
		}
	}
	return nil
}

func partitioner(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 4, nil)
	given := []Record{}
	for i := 0; i < 40; i++ {
		given = append(given, Record{Key: []byte(fmt.Sprintf("key %d", i)), Value: []byte("v")})
	}
	for name, which := range map[string]sarama.PartitionerConstructor{"hash": sarama.NewHashPartitioner} {
		sent, err := write(bootstrap, topic, 0, given, false, func(c *sarama.Config) { c.Producer.Partitioner = which })
		if err != nil {
			return err
		}
		words := []string{}
		for _, m := range sent {
			words = append(words, fmt.Sprint(m.Partition))
		}
		say("%s %s", name, strings.Join(words, " "))
	}
	return nil
}

func acks(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	for _, wanted := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		_, err := write(bootstrap, topic, 0, Numbers(1), false, func(c *sarama.Config) { c.Producer.RequiredAcks = wanted })
		say("%d: %s", wanted, outcome(err))
	}
	got, err := read(bootstrap, topic, sarama.OffsetOldest, 3, time.Minute)
	say("%s", ShowAll(got))
	return err
}

func times(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), true, nil)
	client, err := sarama.NewClient([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	for _, at := range []int64{-5, 0, 4, 9, 10} {
		offset, err := client.GetOffset(topic, 0, T0+at)
		say("after %d: %d %s", at, offset, outcome(err))
	}
	for _, at := range []int64{sarama.OffsetOldest, sarama.OffsetNewest} {
		offset, err := client.GetOffset(topic, 0, at)
		say("%d: %d %s", at, offset, outcome(err))
	}
	for _, at := range []int64{sarama.OffsetOldest, sarama.OffsetNewest, -3, T0 + 3} {
		found, err := adm.ListOffsets(map[string]map[int32]int64{topic: {0: at}}, &sarama.ListOffsetsOptions{})
		if err != nil {
			return err
		}
		o := found[topic][0]
		shown := "none"
		if o.Timestamp >= 0 {
			shown = ShowTime(o.Timestamp)
		}
		say("listed %d %s %s", o.Offset, shown, outcome(o.Err))
	}
	offset, _ := client.GetOffset(topic, 0, T0+6)
	got, err := read(bootstrap, topic, offset, 4, time.Minute)
	say("%s", ShowAll(got))
	return err
}

func seek(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	for _, at := range []int64{5, 0, 9} {
		got, err := read(bootstrap, topic, at, 1, time.Minute)
		if err != nil || len(got) == 0 {
			return fmt.Errorf("at %d: %v", at, err)
		}
		say("at %d: %s", at, Show(got[0].Value))
	}
	got, err := read(bootstrap, topic, sarama.OffsetNewest, 1, time.Second)
	say("newest: %d %s", len(got), outcome(err))
	return nil
}

func reset(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, nil)
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	_, err := read(bootstrap, topic, 100, 1, 5*time.Second)
	say("past the end: %s", outcome(err))
	return nil
}

// handler is one membership: it reads until it has what it wants.
type handler struct {
	say    func(m *sarama.ConsumerMessage, session sarama.ConsumerGroupSession)
	setup  func(session sarama.ConsumerGroupSession)
	ending func(session sarama.ConsumerGroupSession)
}

func (h handler) Setup(s sarama.ConsumerGroupSession) error {
	if h.setup != nil {
		h.setup(s)
	}
	return nil
}

func (h handler) Cleanup(s sarama.ConsumerGroupSession) error {
	if h.ending != nil {
		h.ending(s)
	}
	return nil
}

func (h handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, open := <-claim.Messages():
			if !open {
				return nil
			}
			h.say(m, s)
		case <-s.Context().Done():
			return nil
		}
	}
}

// readInGroup reads n records as the only member of a group; last runs before the session ends.
func readInGroup(bootstrap, group string, n int, wait time.Duration, last func(sarama.ConsumerGroupSession)) ([]Record, error) {
	c := config()
	c.Consumer.Group.Session.Timeout = 45 * time.Second
	cg, err := sarama.NewConsumerGroup([]string{bootstrap}, group, c)
	if err != nil {
		return nil, err
	}
	defer cg.Close()
	go func() {
		for range cg.Errors() {
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	messages := make(chan Record, 1000)
	done := make(chan error, 1)
	go func() {
		done <- cg.Consume(ctx, []string{group}, handler{
			say: func(m *sarama.ConsumerMessage, s sarama.ConsumerGroupSession) {
				s.MarkMessage(m, "")
				messages <- converted(m)
			},
			ending: last,
		})
	}()
	out := []Record{}
	for len(out) < n {
		select {
		case r := <-messages:
			out = append(out, r)
		case err := <-done:
			return out, err
		}
	}
	cancel()
	return out, <-done
}

func commit(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	write(bootstrap, topic, 1, Numbers(10), false, nil)
	got, err := readInGroup(bootstrap, topic, 20, time.Minute, func(s sarama.ConsumerGroupSession) {
		s.ResetOffset(topic, 0, 7, "seven")
		s.ResetOffset(topic, 1, 3, "")
		s.Commit()
	})
	say("first run read %d %s", len(got), outcome(err))
	if err := offsets(say, adm, topic, topic); err != nil {
		return err
	}
	got, err = readInGroup(bootstrap, topic, 10, time.Minute, func(s sarama.ConsumerGroupSession) { s.Commit() })
	say("second run read %s %s", ShowRead(got), outcome(err))
	got, err = readInGroup(bootstrap, topic, 1, 2*time.Second, nil)
	say("third run read %d %s", len(got), outcome(err))
	return offsets(say, adm, topic, topic)
}

func offsets(say Say, adm sarama.ClusterAdmin, group, topic string) error {
	found, err := adm.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1, 7}})
	if err != nil {
		return err
	}
	for _, p := range []int32{0, 1, 7} {
		if b := found.GetBlock(topic, p); b != nil {
			say("committed %d %d metadata=%q %s", p, b.Offset, b.Metadata, outcome(b.Err))
		}
	}
	say("group %s", outcome(found.Err))
	return nil
}

func transactional(bootstrap, id string) (sarama.SyncProducer, error) {
	c := config()
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Transaction.ID = id
	return sarama.NewSyncProducer([]string{bootstrap}, c)
}

func begin(producer sarama.SyncProducer, topic string, n int) error {
	if err := producer.BeginTxn(); err != nil {
		return err
	}
	messages := []*sarama.ProducerMessage{}
	for _, r := range Numbers(n) {
		messages = append(messages, message(topic, 0, r, false))
	}
	err := producer.SendMessages(messages)
	var failures sarama.ProducerErrors
	if errors.As(err, &failures) && len(failures) > 0 {
		return failures[0].Err
	}
	return err
}

// ended begins a transaction and ends it.
func ended(producer sarama.SyncProducer, topic string, n int, end func() error) error {
	if err := begin(producer, topic, n); err != nil {
		return err
	}
	return end()
}

// levels says what who reads only what is committed sees, and who reads all.
func levels(say Say, what, bootstrap, topic string, committed, all int) {
	for _, level := range []struct {
		name      string
		isolation sarama.IsolationLevel
		n         int
	}{{"committed", sarama.ReadCommitted, committed}, {"all", sarama.ReadUncommitted, all}} {
		c := config()
		c.Consumer.IsolationLevel = level.isolation
		got, err := readBy(c, bootstrap, topic, sarama.OffsetOldest, level.n, time.Minute)
		if err == nil && len(got) > 0 { // what comes behind them within a moment
			var more []Record
			more, err = readBy(c, bootstrap, topic, got[len(got)-1].Offset+1, 1, time.Second)
			got = append(got, more...)
		}
		say("%s, %s %s %s", what, level.name, ShowRead(got), outcome(err))
	}
}

func transactions(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	producer, err := transactional(bootstrap, topic)
	if err != nil {
		return err
	}
	defer producer.Close()
	say("commit %s", outcome(ended(producer, topic, 3, producer.CommitTxn)))
	say("abort %s", outcome(ended(producer, topic, 2, producer.AbortTxn)))
	say("open %s", outcome(begin(producer, topic, 2)))
	levels(say, "open", bootstrap, topic, 3, 7)
	say("commit %s", outcome(producer.CommitTxn()))
	levels(say, "ended", bootstrap, topic, 5, 7)
	for at, end := range []func() error{producer.CommitTxn, producer.AbortTxn} {
		if err := begin(producer, topic, 1); err != nil {
			return err
		}
		added := producer.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{topic: {{Partition: 0, Offset: int64(5 + at)}}}, topic)
		say("offsets %s, end %s", outcome(added), outcome(end()))
		say("committed %d", committed(adm, topic))
	}
	return fenced(say, bootstrap, topic, producer)
}

// committed is where the group is: a transaction is decided before its offsets are the group's.
func committed(adm sarama.ClusterAdmin, topic string) int64 {
	at := int64(-1)
	Until(func() bool {
		found, err := adm.ListConsumerGroupOffsets(topic, map[string][]int32{topic: {0}})
		if err == nil && found.GetBlock(topic, 0) != nil {
			at = found.GetBlock(topic, 0).Offset
		}
		return at >= 0
	})
	return at
}

func fenced(say Say, bootstrap, topic string, older sarama.SyncProducer) error {
	newer, err := transactional(bootstrap, topic)
	if err != nil {
		return err
	}
	defer newer.Close()
	say("the older one %s", outcome(ended(older, topic, 1, older.CommitTxn)))
	say("the newer one %s", outcome(ended(newer, topic, 1, newer.CommitTxn)))
	levels(say, "fenced", bootstrap, topic, 7, 10)
	return nil
}

func adminTopics(say Say, bootstrap, topic string) error {
	adm := admin(bootstrap)
	detail := &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": ptr("3600000")}}
	say("validate %s", outcome(adm.CreateTopic(topic, detail, true)))
	say("create %s", outcome(adm.CreateTopic(topic, detail, false)))
	visible(adm, topic, 3)
	topics, err := adm.ListTopics()
	if err != nil {
		return err
	}
	t := topics[topic]
	say("listed partitions=%d replicas=%d settings=%d retention=%s", t.NumPartitions, t.ReplicationFactor, len(t.ConfigEntries), text(t.ConfigEntries["retention.ms"]))
	described, err := adm.DescribeTopics([]string{topic})
	if err != nil {
		return err
	}
	sort.Slice(described[0].Partitions, func(i, j int) bool { return described[0].Partitions[i].ID < described[0].Partitions[j].ID })
	for _, p := range described[0].Partitions {
		say("partition %d leader=%d replicas=%v isr=%v", p.ID, p.Leader, p.Replicas, p.Isr)
	}
	say("delete %s", outcome(adm.DeleteTopic(topic)))
	there := func() bool { t, err := adm.ListTopics(); _, found := t[topic]; return err != nil || found }
	Until(func() bool { return !there() })
	say("left %v", there())
	return nil
}

func described(adm sarama.ClusterAdmin, kind sarama.ConfigResourceType, name string, names ...string) string {
	entries, err := adm.DescribeConfig(sarama.ConfigResource{Type: kind, Name: name, ConfigNames: names})
	if err != nil {
		return outcome(err)
	}
	words := []string{}
	for _, e := range entries {
		words = append(words, fmt.Sprintf("%s=%s,source=%d,default=%v,readonly=%v,synonyms=%d", e.Name, e.Value, e.Source, e.Default, e.ReadOnly, len(e.Synonyms)))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

func adminConfigs(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, map[string]*string{"retention.ms": ptr("3600000")})
	if err != nil {
		return err
	}
	say("%s", described(adm, sarama.TopicResource, topic, "retention.ms", "cleanup.policy", "max.message.bytes"))
	for _, c := range []struct {
		name  string
		op    sarama.IncrementalAlterConfigsOperation
		value *string
	}{{"retention.ms", sarama.IncrementalAlterConfigsOperationSet, ptr("7200000")}, {"retention.ms", sarama.IncrementalAlterConfigsOperationDelete, nil},
		{"cleanup.policy", sarama.IncrementalAlterConfigsOperationAppend, ptr("compact")},
		{"cleanup.policy", sarama.IncrementalAlterConfigsOperationSubtract, ptr("delete")}} {
		look := func() string { return described(adm, sarama.TopicResource, topic, c.name) }
		before := look()
		err := adm.IncrementalAlterConfig(sarama.TopicResource, topic, map[string]sarama.IncrementalAlterConfigsEntry{c.name: {Operation: c.op, Value: c.value}}, false)
		say("%d %s %s", c.op, c.name, outcome(err))
		say("%s", Changed(look, before))
	}
	look := func() string { return described(adm, sarama.TopicResource, topic, "segment.bytes", "cleanup.policy") }
	before := look()
	say("replace %s", outcome(adm.AlterConfig(sarama.TopicResource, topic, map[string]*string{"segment.bytes": ptr("1048576")}, false)))
	say("%s", Changed(look, before))
	say("%s", described(adm, sarama.BrokerResource, "1", "node.id", "num.partitions", "log.retention.hours"))
	return nil
}

func adminPartitions(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	for _, n := range []int32{4, 2, 4, 5} {
		say("%d: %s", n, outcome(adm.CreatePartitions(topic, n, nil, false)))
	}
	visible(adm, topic, 5)
	topics, err := adm.DescribeTopics([]string{topic})
	say("has %d %s", len(topics[0].Partitions), outcome(err))
	say("unknown: %s", outcome(adm.CreatePartitions("no-"+topic, 4, nil, false)))
	return nil
}

func adminRecords(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	for _, at := range []int64{4, -1, 99} {
		say("before %d: %s", at, Outcome(adm.DeleteRecords(topic, map[int32]int64{0: at})))
	}
	client, err := sarama.NewClient([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	offset, err := client.GetOffset(topic, 0, sarama.OffsetOldest)
	say("oldest %d %s", offset, outcome(err))
	return nil
}

func adminCluster(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	brokers, controller, err := adm.DescribeCluster()
	say("brokers %d controller=%d %s", len(brokers), controller, outcome(err))
	dirs, err := adm.DescribeLogDirs([]int32{1})
	say("log dirs %d %s", len(dirs[1]), outcome(err))
	elected, err := adm.ElectLeaders(sarama.PreferredElection, map[string][]int32{topic: {0}})
	say("elect %s", outcome(err))
	for _, r := range elected[topic] {
		say("elected %s", outcome(r.ErrorCode))
	}
	moves, err := adm.ListPartitionReassignments(topic, []int32{0})
	say("reassignments %d %s", len(moves), outcome(err))
	_, err = adm.DescribeClientQuotas(nil, false)
	say("quotas %s", outcome(err))
	_, err = adm.DescribeUserScramCredentials([]string{"nobody"})
	say("scram %s", outcome(err))
	return nil
}

func adminGroups(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	describe := func() {
		groups, err := adm.DescribeConsumerGroups([]string{topic})
		if err != nil {
			say("described %s", outcome(err))
			return
		}
		g := groups[0]
		say("described %s state=%s kind=%s assignor=%s", outcome(g.Err), g.State, g.ProtocolType, g.Protocol)
		for _, m := range g.Members {
			assigned, err := m.GetMemberAssignment()
			say("member client=%s host=%s %s", m.ClientId, m.ClientHost, outcome(err))
			if assigned != nil {
				say("assigned %v", assigned.Topics[topic])
			}
		}
	}
	_, err = readInGroup(bootstrap, topic, 10, time.Minute, func(s sarama.ConsumerGroupSession) {
		list, err := adm.ListConsumerGroups()
		say("listed %q %s", list[topic], outcome(err))
		describe()
		say("delete while in use %s", outcome(adm.DeleteConsumerGroup(topic)))
		s.Commit()
	})
	if err != nil {
		return err
	}
	describe()
	say("delete %s", outcome(adm.DeleteConsumerGroup(topic)))
	say("delete again %s", outcome(adm.DeleteConsumerGroup(topic)))
	describe()
	return nil
}

func adminOffsets(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 2, nil)
	if err != nil {
		return err
	}
	answer, err := adm.AlterConsumerGroupOffsets(topic, map[string]map[int32]sarama.OffsetAndMetadata{
		topic: {0: {Offset: 5, Metadata: "five", LeaderEpoch: -1}, 1: {Offset: 0, LeaderEpoch: -1}}}, nil)
	say("altered %s", outcome(err))
	if answer != nil {
		for p := int32(0); p < 2; p++ {
			say("%d %s", p, outcome(answer.Errors[topic][p]))
		}
	}
	if err := offsets(say, adm, topic, topic); err != nil {
		return err
	}
	say("deleted %s", outcome(adm.DeleteConsumerGroupOffset(topic, topic, 0)))
	if err := offsets(say, adm, topic, topic); err != nil {
		return err
	}
	say("of an unknown group:")
	return offsets(say, adm, "no-"+topic, topic)
}

func errorTopics(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what, name string
		detail     sarama.TopicDetail
	}{{"exists", topic, sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}},
		{"no partitions", topic + "-a", sarama.TopicDetail{NumPartitions: 0, ReplicationFactor: 1}},
		{"too many replicas", topic + "-a", sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3}},
		{"bad name", "a topic with spaces", sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}},
		{"bad broker", topic + "-a", sarama.TopicDetail{NumPartitions: -1, ReplicationFactor: -1, ReplicaAssignment: map[int32][]int32{0: {9}}}},
		{"bad setting", topic + "-a", sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": ptr("soon")}}}} {
		say("%s: %s", c.what, Outcome(adm.CreateTopic(c.name, &c.detail, false)))
	}
	say("delete unknown: %s", outcome(adm.DeleteTopic("no-"+topic)))
	topics, err := adm.DescribeTopics([]string{"no-" + topic})
	if err != nil {
		return err
	}
	say("describe unknown: %s", outcome(topics[0].Err))
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
		err := adm.IncrementalAlterConfig(sarama.TopicResource, c[1], map[string]sarama.IncrementalAlterConfigsEntry{
			c[2]: {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: ptr(c[3])}}, false)
		say("%s: %s", c[0], Outcome(err))
	}
	say("describe unknown: %s", described(adm, sarama.TopicResource, "no-"+topic, "retention.ms"))
	return nil
}

func errorProduce(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, map[string]*string{"max.message.bytes": ptr("2000")})
	for _, c := range []struct {
		what      string
		partition int32
		size      int
	}{{"too large", 0, 3000}, {"no partition", 5, 1}, {"fits", 0, 1000}} {
		_, err := write(bootstrap, topic, c.partition, []Record{{Value: make([]byte, c.size)}}, false, nil)
		say("%s: %s", c.what, outcome(err))
	}
	create(bootstrap, topic+"-c", 1, map[string]*string{"cleanup.policy": ptr("compact")})
	_, err := write(bootstrap, topic+"-c", 0, Numbers(1), false, nil)
	say("no key on a compacted topic: %s", outcome(err))
	_, err = write(bootstrap, "no-"+topic, 0, Numbers(1), false, nil)
	say("unknown topic: %s", outcome(err))
	return nil
}

func errorConsume(say Say, bootstrap, topic string) error {
	_, err := read(bootstrap, topic, 0, 1, 3*time.Second)
	say("unknown topic: %s", outcome(err))
	create(bootstrap, topic, 1, nil)
	client, err := sarama.NewClient([]string{bootstrap}, config())
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = client.GetOffset(topic, 5, sarama.OffsetNewest)
	say("unknown partition: %s", outcome(err))
	return nil
}

func errorGroups(say Say, bootstrap, topic string) error {
	adm, err := create(bootstrap, topic, 1, nil)
	if err != nil {
		return err
	}
	groups, err := adm.DescribeConsumerGroups([]string{"no-" + topic})
	if err != nil {
		return err
	}
	say("describe unknown: %s %s", outcome(groups[0].Err), groups[0].State)
	say("delete unknown: %s", outcome(adm.DeleteConsumerGroup("no-"+topic)))
	say("delete an offset of an unknown group: %s", outcome(adm.DeleteConsumerGroupOffset("no-"+topic, topic, 0)))
	answer, err := adm.AlterConsumerGroupOffsets(topic, map[string]map[int32]sarama.OffsetAndMetadata{
		topic: {0: {Offset: 5, Metadata: strings.Repeat("m", 5000), LeaderEpoch: -1}}}, nil)
	say("large metadata: %s", outcome(err))
	if answer != nil {
		say("%s", outcome(answer.Errors[topic][0]))
	}
	return nil
}

func setup(bootstrap, topic string, partitions, count int) error {
	if _, err := create(bootstrap, topic, int32(partitions), nil); err != nil {
		return err
	}
	for p := 0; p < partitions; p++ {
		if _, err := write(bootstrap, topic, int32(p), Numbers(count), false, nil); err != nil {
			return err
		}
	}
	return nil
}

func member(bootstrap, group, topic string, options map[string]string) error {
	c := config()
	c.Consumer.Group.Session.Timeout = Session(options)
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	c.Consumer.Group.Rebalance.Timeout = 5 * time.Second
	c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	if options["strategy"] == "sticky" {
		c.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	}
	c.Consumer.Group.InstanceId = options["instance"]
	cg, err := sarama.NewConsumerGroup([]string{bootstrap}, group, c)
	if err != nil {
		return err
	}
	go func() {
		for range cg.Errors() {
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	stop := Stop()
	go func() { <-stop; cancel() }()
	h := handler{
		setup: func(s sarama.ConsumerGroupSession) { Assigned(append([]int32{}, s.Claims()[topic]...)) },
		say: func(m *sarama.ConsumerMessage, s sarama.ConsumerGroupSession) {
			Tell("got %d %d", m.Partition, m.Offset)
			s.MarkMessage(m, "")
			s.Commit()
		},
	}
	for ctx.Err() == nil {
		cg.Consume(ctx, []string{topic}, h)
	}
	return cg.Close()
}

func main() {
	sarama.Logger = log.New(io.Discard, "", 0)
	idempotent := func(c *sarama.Config) {
		c.Producer.Idempotent = true
		c.Net.MaxOpenRequests = 1
	}
	absent := map[string]string{"eof": "its consumer has no event for the end of a partition"}
	Program{Setup: setup, Member: member, Absent: absent, Features: map[string]func(Say, string, string) error{
		"codec-none":   writeAndRead(CodecRecords(), nil),
		"codec-gzip":   writeAndRead(CodecRecords(), codec(sarama.CompressionGZIP)),
		"codec-snappy": writeAndRead(CodecRecords(), codec(sarama.CompressionSnappy)),
		"codec-lz4":    writeAndRead(CodecRecords(), codec(sarama.CompressionLZ4)),
		"codec-zstd":   writeAndRead(CodecRecords(), codec(sarama.CompressionZSTD)),
		"shapes":       writeAndRead(Shapes, nil), "large": writeAndRead(Large(), nil), "idempotent": writeAndRead(CodecRecords(), idempotent),
		"timestamps": timestamps, "partitioner": partitioner, "acks": acks, "times": times, "seek": seek, "reset": reset,
		"commit": commit, "transactions": transactions, "admin-topics": adminTopics, "admin-configs": adminConfigs, "admin-partitions": adminPartitions,
		"admin-records": adminRecords, "admin-cluster": adminCluster, "admin-groups": adminGroups, "admin-offsets": adminOffsets,
		"error-topics": errorTopics, "error-configs": errorConfigs, "error-produce": errorProduce, "error-consume": errorConsume,
		"error-groups": errorGroups,
	}}.Main()
}
