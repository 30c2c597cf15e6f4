// The matrix through kafka-go (segmentio). What a program of the matrix does: package feature.
package main

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	. "odradek/compat/go/feature"
)

var ctx = context.Background()

// The client keeps what it knows of topics for a while; new ones are made here all the time.
var transport = &kafka.Transport{ClientID: "matrix", MetadataTTL: 200 * time.Millisecond}

func client(bootstrap string) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(bootstrap), Timeout: time.Minute, Transport: transport}
}

// outcome is the number and name of Kafka's error.
func outcome(err error) string {
	var known kafka.Error
	if errors.As(err, &known) {
		return fmt.Sprintf("%d %s", int(known), known.Title())
	}
	return Outcome(err)
}

func topicConfig(topic string, partitions, replicas int, configs ...string) kafka.TopicConfig {
	c := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: replicas}
	for i := 0; i < len(configs); i += 2 {
		c.ConfigEntries = append(c.ConfigEntries, kafka.ConfigEntry{ConfigName: configs[i], ConfigValue: configs[i+1]})
	}
	return c
}

func create(bootstrap, topic string, partitions int, configs ...string) (*kafka.Client, error) {
	cl := client(bootstrap)
	answer, err := cl.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topicConfig(topic, partitions, 1, configs...)}})
	if err == nil {
		err = answer.Errors[topic]
	}
	if err != nil {
		return nil, err
	}
	visible(cl, topic, partitions)
	return cl, nil
}

func metadata(cl *kafka.Client, topic string) (kafka.Topic, error) {
	meta, err := cl.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return kafka.Topic{}, err
	}
	if len(meta.Topics) == 0 {
		return kafka.Topic{}, fmt.Errorf("no topic")
	}
	return meta.Topics[0], nil
}

func visible(cl *kafka.Client, topic string, partitions int) {
	Until(func() bool {
		t, err := metadata(cl, topic)
		if err != nil || len(t.Partitions) != partitions {
			return false
		}
		for _, p := range t.Partitions {
			if p.Error != nil || p.Leader.ID < 1 {
				return false
			}
		}
		return true
	})
}

func write(bootstrap, topic string, partition int, given []Record, timed bool, change func(*kafka.Writer)) error {
	w := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: topic, Transport: transport, MaxAttempts: 5, BatchBytes: 4000000, BatchTimeout: 5 * time.Millisecond,
		RequiredAcks: kafka.RequireAll, BatchSize: 1000,
		Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return partition })}
	if change != nil {
		change(w)
	}
	defer w.Close()
	messages := []kafka.Message{}
	for _, r := range given {
		m := kafka.Message{Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
		if timed {
			m.Time = time.UnixMilli(r.Millis)
		}
		messages = append(messages, m)
	}
	err := w.WriteMessages(ctx, messages...)
	var many kafka.WriteErrors
	if errors.As(err, &many) {
		for _, e := range many {
			if e != nil {
				return e
			}
		}
	}
	return err
}

func converted(m kafka.Message) Record {
	out := Record{Partition: int32(m.Partition), Offset: m.Offset, Key: m.Key, Value: m.Value, Millis: m.Time.UnixMilli()}
	for _, h := range m.Headers {
		out.Headers = append(out.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return out
}

func collect(r *kafka.Reader, n int, wait time.Duration) ([]Record, []kafka.Message, error) {
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	out, raw := []Record{}, []kafka.Message{}
	for len(out) < n {
		m, err := r.FetchMessage(limit)
		if limit.Err() != nil {
			return out, raw, nil
		}
		if err != nil {
			return out, raw, err
		}
		out, raw = append(out, converted(m)), append(raw, m)
	}
	return out, raw, nil
}

func reader(bootstrap, topic string) *kafka.Reader {
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, Partition: 0, MaxWait: 200 * time.Millisecond,
		MaxBytes: 10000000, ReadBackoffMin: 20 * time.Millisecond, OffsetOutOfRangeError: true, MaxAttempts: 1})
}

func read(bootstrap, topic string, at int64, n int, wait time.Duration) ([]Record, error) {
	r := reader(bootstrap, topic)
	defer r.Close()
	if err := r.SetOffset(at); err != nil {
		return nil, err
	}
	got, _, err := collect(r, n, wait)
	return got, err
}

func writeAndRead(given []Record, codec kafka.Compression) func(Say, string, string) error {
	return func(say Say, bootstrap, topic string) error {
		if _, err := create(bootstrap, topic, 1); err != nil {
			return err
		}
		say("written %s", outcome(write(bootstrap, topic, 0, given, false, func(w *kafka.Writer) { w.Compression = codec })))
		got, err := read(bootstrap, topic, kafka.FirstOffset, len(given), time.Minute)
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
	create(bootstrap, topic, 1)
	create(bootstrap, topic+"-append", 1, "message.timestamp.type", "LogAppendTime")
	for _, name := range []string{topic, topic + "-append"} {
		write(bootstrap, name, 0, Numbers(3), true, nil)
		got, err := read(bootstrap, name, kafka.FirstOffset, 3, time.Minute)
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
	create(bootstrap, topic, 4)
	given := []Record{}
	for i := 0; i < 40; i++ {
		given = append(given, Record{Key: []byte(fmt.Sprintf("key %d", i)), Value: []byte("v")})
	}
	if err := write(bootstrap, topic, 0, given, false, func(w *kafka.Writer) { w.Balancer = &kafka.Murmur2Balancer{} }); err != nil {
		return err
	}
	cl := client(bootstrap)
	words := []string{}
	for p := 0; p < 4; p++ {
		answer, err := cl.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(p)}}})
		if err != nil {
			return err
		}
		words = append(words, fmt.Sprint(answer.Topics[topic][0].LastOffset))
	}
	say("murmur2 %s", strings.Join(words, " "))
	return nil
}

func acks(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1)
	for _, wanted := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
		say("%d: %s", wanted, outcome(write(bootstrap, topic, 0, Numbers(1), false, func(w *kafka.Writer) { w.RequiredAcks = wanted })))
	}
	got, err := read(bootstrap, topic, kafka.FirstOffset, 3, time.Minute)
	say("%s", ShowAll(got))
	return err
}

func times(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), true, nil)
	for _, at := range []int64{-5, 0, 4, 9, 10} {
		answer, err := cl.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			topic: {kafka.TimeOffsetOf(0, time.UnixMilli(T0+at))}}})
		if err != nil {
			return err
		}
		p := answer.Topics[topic][0]
		words := []string{}
		for offset, when := range p.Offsets {
			shown := "none"
			if when.UnixMilli() >= T0 {
				shown = ShowTime(when.UnixMilli())
			}
			words = append(words, fmt.Sprintf("%d %s", offset, shown))
		}
		say("after %d: %s %s", at, strings.Join(words, " "), outcome(p.Error))
	}
	answer, err := cl.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
	if err != nil {
		return err
	}
	for _, p := range answer.Topics[topic] {
		say("first %d last %d %s", p.FirstOffset, p.LastOffset, outcome(p.Error))
	}
	r := reader(bootstrap, topic)
	defer r.Close()
	if err := r.SetOffsetAt(ctx, time.UnixMilli(T0+6)); err != nil {
		return err
	}
	got, _, err := collect(r, 4, time.Minute)
	say("%s", ShowAll(got))
	return err
}

func seek(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1)
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	r := reader(bootstrap, topic)
	defer r.Close()
	for _, at := range []int64{5, 0, 9, kafka.FirstOffset} {
		if err := r.SetOffset(at); err != nil {
			return err
		}
		got, _, err := collect(r, 1, time.Minute)
		if err != nil || len(got) == 0 {
			return fmt.Errorf("at %d: %v", at, err)
		}
		say("at %d: %s", at, Show(got[0].Value))
	}
	lag, err := r.ReadLag(ctx)
	say("lag %d %s", lag, outcome(err))
	return nil
}

func reset(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1)
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	got, err := read(bootstrap, topic, 100, 1, time.Minute)
	say("past the end: %d %s", len(got), outcome(err))
	return nil
}

func joined(bootstrap, topic string, options map[string]string) *kafka.Reader {
	balancer := kafka.GroupBalancer(kafka.RangeGroupBalancer{})
	return kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, GroupID: topic, GroupTopics: []string{topic}, MaxWait: 200 * time.Millisecond,
		StartOffset: kafka.FirstOffset, SessionTimeout: 45 * time.Second, RebalanceTimeout: 5 * time.Second, HeartbeatInterval: 300 * time.Millisecond,
		GroupBalancers: []kafka.GroupBalancer{balancer}, JoinGroupBackoff: 100 * time.Millisecond})
}

func commit(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 2)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	write(bootstrap, topic, 1, Numbers(10), false, nil)
	r := joined(bootstrap, topic, nil)
	got, raw, err := collect(r, 20, time.Minute)
	say("first run read %d %s", len(got), outcome(err))
	for _, m := range raw {
		if m.Partition == 0 && m.Offset == 6 || m.Partition == 1 && m.Offset == 2 {
			say("commit %s", outcome(r.CommitMessages(ctx, m)))
		}
	}
	r.Close()
	r = joined(bootstrap, topic, nil)
	got, raw, err = collect(r, 10, time.Minute)
	say("second run read %s %s", ShowRead(got), outcome(err))
	say("commit %s", outcome(r.CommitMessages(ctx, raw...)))
	r.Close()
	r = joined(bootstrap, topic, nil)
	got, _, err = collect(r, 1, 2*time.Second)
	say("third run read %d %s", len(got), outcome(err))
	r.Close()
	return offsets(say, cl, topic, topic)
}

func offsets(say Say, cl *kafka.Client, group, topic string) error {
	answer, err := cl.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: {0, 1, 7}}})
	if err != nil {
		return err
	}
	found := answer.Topics[topic]
	sort.Slice(found, func(i, j int) bool { return found[i].Partition < found[j].Partition })
	for _, p := range found {
		say("committed %d %d metadata=%q %s", p.Partition, p.CommittedOffset, p.Metadata, outcome(p.Error))
	}
	return nil
}

func adminTopics(say Say, bootstrap, topic string) error {
	cl := client(bootstrap)
	for _, only := range []bool{true, false} {
		answer, err := cl.CreateTopics(ctx, &kafka.CreateTopicsRequest{ValidateOnly: only,
			Topics: []kafka.TopicConfig{topicConfig(topic, 3, 1, "retention.ms", "3600000")}})
		if err != nil {
			return err
		}
		say("create %s", outcome(answer.Errors[topic]))
	}
	visible(cl, topic, 3)
	t, err := metadata(cl, topic)
	if err != nil {
		return err
	}
	sort.Slice(t.Partitions, func(i, j int) bool { return t.Partitions[i].ID < t.Partitions[j].ID })
	for _, p := range t.Partitions {
		say("partition %d leader=%d replicas=%d isr=%d", p.ID, p.Leader.ID, len(p.Replicas), len(p.Isr))
	}
	answer, err := cl.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	say("delete %s", outcome(answer.Errors[topic]))
	return nil
}

func described(cl *kafka.Client, kind kafka.ResourceType, name string, names ...string) string {
	answer, err := cl.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{IncludeSynonyms: true,
		Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kind, ResourceName: name, ConfigNames: names}}})
	if err != nil {
		return outcome(err)
	}
	words := []string{outcome(answer.Resources[0].Error)}
	for _, e := range answer.Resources[0].ConfigEntries {
		words = append(words, fmt.Sprintf("%s=%s,source=%d,type=%d,readonly=%v,synonyms=%d", e.ConfigName, e.ConfigValue, e.ConfigSource, e.ConfigType, e.ReadOnly, len(e.ConfigSynonyms)))
	}
	sort.Strings(words)
	return strings.Join(words, " ")
}

func alter(cl *kafka.Client, kind kafka.ResourceType, name, key string, op kafka.ConfigOperation, value string) string {
	answer, err := cl.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
		ResourceType: kind, ResourceName: name, Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: key, Value: value, ConfigOperation: op}}}}})
	if err != nil {
		return outcome(err)
	}
	return Outcome(answer.Resources[0].Error)
}

func adminConfigs(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1, "retention.ms", "3600000")
	if err != nil {
		return err
	}
	say("%s", described(cl, kafka.ResourceTypeTopic, topic, "retention.ms", "cleanup.policy", "max.message.bytes"))
	for _, c := range []struct {
		key   string
		op    kafka.ConfigOperation
		value string
	}{{"retention.ms", kafka.ConfigOperationSet, "7200000"}, {"retention.ms", kafka.ConfigOperationDelete, ""},
		{"cleanup.policy", kafka.ConfigOperationAppend, "compact"}, {"cleanup.policy", kafka.ConfigOperationSubtract, "delete"}} {
		look := func() string { return described(cl, kafka.ResourceTypeTopic, topic, c.key) }
		before := look()
		say("%d %s %s", c.op, c.key, alter(cl, kafka.ResourceTypeTopic, topic, c.key, c.op, c.value))
		say("%s", Changed(look, before))
	}
	say("%s", described(cl, kafka.ResourceTypeBroker, "1", "node.id", "num.partitions", "log.retention.hours"))
	return nil
}

func adminPartitions(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 2)
	if err != nil {
		return err
	}
	for _, n := range []int32{4, 2, 4, 5} {
		answer, err := cl.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: n}}})
		if err != nil {
			return err
		}
		say("%d: %s", n, Outcome(answer.Errors[topic]))
	}
	visible(cl, topic, 5)
	t, err := metadata(cl, topic)
	say("has %d %s", len(t.Partitions), outcome(err))
	return nil
}

func adminCluster(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1)
	if err != nil {
		return err
	}
	meta, err := cl.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return err
	}
	say("brokers %d controller=%d cluster=%v", len(meta.Brokers), meta.Controller.ID, meta.ClusterID != "")
	elected, err := cl.ElectLeaders(ctx, &kafka.ElectLeadersRequest{Topic: topic, Partitions: []int{0}, Timeout: time.Minute})
	say("elect %s", outcome(err))
	if elected != nil {
		for _, r := range elected.PartitionResults {
			say("elected %d %s %s", r.Partition, outcome(r.Error), outcome(elected.Error))
		}
	}
	moves, err := cl.ListPartitionReassignments(ctx, &kafka.ListPartitionReassignmentsRequest{Timeout: time.Minute})
	say("reassignments %s", outcome(err))
	if moves != nil {
		say("%d %s", len(moves.Topics), outcome(moves.Error))
	}
	return nil
}

func adminGroups(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 2)
	if err != nil {
		return err
	}
	write(bootstrap, topic, 0, Numbers(10), false, nil)
	r := joined(bootstrap, topic, nil)
	_, raw, err := collect(r, 10, time.Minute)
	if err != nil {
		return err
	}
	r.CommitMessages(ctx, raw...)
	list, err := cl.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return err
	}
	for _, g := range list.Groups {
		if g.GroupID == topic {
			say("listed %s at %d", g.ProtocolType, g.Coordinator)
		}
	}
	describe := func() {
		answer, err := cl.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{topic}})
		if err != nil {
			say("described %s", outcome(err))
			return
		}
		for _, g := range answer.Groups {
			say("described %s state=%s", outcome(g.Error), g.GroupState)
			for _, m := range g.Members {
				say("member %s assigned %v", m.ClientHost, m.MemberAssignments.Topics)
			}
		}
	}
	remove := func(what string) {
		answer, err := cl.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{topic}})
		if err != nil {
			say("%s %s", what, outcome(err))
			return
		}
		say("%s %s", what, outcome(answer.Errors[topic]))
	}
	describe()
	remove("delete while in use")
	r.Close()
	describe()
	remove("delete")
	remove("delete again")
	describe()
	return nil
}

func committing(cl *kafka.Client, group, topic string, offset int64, metadata string) string {
	answer, err := cl.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{topic: {{Partition: 0, Offset: offset, Metadata: metadata}}}})
	if err != nil {
		return outcome(err)
	}
	return outcome(answer.Topics[topic][0].Error)
}

func adminOffsets(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 2)
	if err != nil {
		return err
	}
	say("altered %s", committing(cl, topic, topic, 5, "five"))
	if err := offsets(say, cl, topic, topic); err != nil {
		return err
	}
	gone, err := cl.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: topic, Topics: map[string][]int{topic: {0}}})
	if err != nil {
		return err
	}
	say("deleted %s", outcome(gone.Error))
	for _, p := range gone.Topics[topic] {
		say("%d %s", p.Partition, outcome(p.Error))
	}
	if err := offsets(say, cl, topic, topic); err != nil {
		return err
	}
	say("of an unknown group:")
	return offsets(say, cl, "no-"+topic, topic)
}

func errorTopics(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what   string
		config kafka.TopicConfig
	}{{"exists", topicConfig(topic, 1, 1)}, {"no partitions", topicConfig(topic+"-a", 0, 1)}, {"negative partitions", topicConfig(topic+"-a", -5, 1)},
		{"too many replicas", topicConfig(topic+"-a", 1, 3)}, {"bad name", topicConfig("a topic with spaces", 1, 1)}, {"dots", topicConfig("..", 1, 1)},
		{"bad setting", topicConfig(topic+"-a", 1, 1, "retention.ms", "soon")}} {
		answer, err := cl.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{c.config}})
		if err != nil {
			return err
		}
		say("%s: %s", c.what, Outcome(answer.Errors[c.config.Topic]))
	}
	answer, err := cl.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{"no-" + topic}})
	if err != nil {
		return err
	}
	say("delete unknown: %s", outcome(answer.Errors["no-"+topic]))
	return nil
}

func errorConfigs(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1)
	if err != nil {
		return err
	}
	for _, c := range [][4]string{{"bad number", topic, "retention.ms", "soon"}, {"out of range", topic, "min.insync.replicas", "0"},
		{"bad word", topic, "cleanup.policy", "keep"}, {"unknown setting", topic, "no.such.setting", "1"},
		{"unknown topic", "no-" + topic, "retention.ms", "1"}} {
		say("%s: %s", c[0], alter(cl, kafka.ResourceTypeTopic, c[1], c[2], kafka.ConfigOperationSet, c[3]))
	}
	say("describe unknown: %s", described(cl, kafka.ResourceTypeTopic, "no-"+topic, "retention.ms"))
	return nil
}

func errorProduce(say Say, bootstrap, topic string) error {
	create(bootstrap, topic, 1, "max.message.bytes", "2000")
	for _, c := range []struct {
		what string
		size int
	}{{"too large", 3000}, {"fits", 1000}} {
		say("%s: %s", c.what, outcome(write(bootstrap, topic, 0, []Record{{Value: make([]byte, c.size)}}, false, nil)))
	}
	create(bootstrap, topic+"-c", 1, "cleanup.policy", "compact")
	say("no key on a compacted topic: %s", outcome(write(bootstrap, topic+"-c", 0, Numbers(1), false, nil)))
	say("unknown topic: %s", outcome(write(bootstrap, "no-"+topic, 0, Numbers(1), false, nil)))
	return nil
}

func errorConsume(say Say, bootstrap, topic string) error {
	_, err := kafka.DialLeader(ctx, "tcp", bootstrap, "bad name!", 0)
	say("bad name: %s", outcome(err))
	return nil
}

func errorGroups(say Say, bootstrap, topic string) error {
	cl, err := create(bootstrap, topic, 1)
	if err != nil {
		return err
	}
	groups, err := cl.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{"no-" + topic}})
	if err != nil {
		return err
	}
	say("describe unknown: %s %s", outcome(groups.Groups[0].Error), groups.Groups[0].GroupState)
	deleted, err := cl.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{"no-" + topic}})
	if err != nil {
		return err
	}
	say("delete unknown: %s", outcome(deleted.Errors["no-"+topic]))
	say("large metadata: %s", committing(cl, topic, topic, 4, strings.Repeat("m", 5000)))
	return nil
}

func setup(bootstrap, topic string, partitions, count int) error {
	if _, err := create(bootstrap, topic, partitions); err != nil {
		return err
	}
	for p := 0; p < partitions; p++ {
		if err := write(bootstrap, topic, p, Numbers(count), false, nil); err != nil {
			return err
		}
	}
	return nil
}

// member uses the ConsumerGroup type, which shows generations.
func member(bootstrap, group, topic string, options map[string]string) error {
	cg, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: []string{bootstrap}, Topics: []string{topic},
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}}, HeartbeatInterval: 300 * time.Millisecond, SessionTimeout: Session(options),
		RebalanceTimeout: 5 * time.Second, JoinGroupBackoff: 100 * time.Millisecond, StartOffset: kafka.FirstOffset})
	if err != nil {
		return err
	}
	limit, cancel := context.WithCancel(ctx)
	stop := Stop()
	go func() { <-stop; cancel() }()
	for limit.Err() == nil {
		gen, err := cg.Next(limit)
		if err != nil {
			continue
		}
		now := []int32{}
		for _, a := range gen.Assignments[topic] {
			now = append(now, int32(a.ID))
			partition, offset := a.ID, a.Offset
			gen.Start(func(ctx context.Context) {
				r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: topic, Partition: partition, MaxWait: 200 * time.Millisecond})
				defer r.Close()
				r.SetOffset(offset)
				for {
					m, err := r.ReadMessage(ctx)
					if err != nil {
						return
					}
					Tell("got %d %d", m.Partition, m.Offset)
					if err := gen.CommitOffsets(map[string]map[int]int64{topic: {m.Partition: m.Offset + 1}}); err != nil && ctx.Err() == nil {
						Tell("commit failed %s", outcome(err))
					}
				}
			})
		}
		Assigned(now)
	}
	return cg.Close()
}

func main() {
	none := kafka.Compression(0)
	absent := map[string]string{
		"eof":           "its reader has no event for the end of a partition",
		"idempotent":    "its writer is not idempotent",
		"admin-records": "it has no DeleteRecords",
	}
	Program{Setup: setup, Member: member, Absent: absent, Features: map[string]func(Say, string, string) error{
		"codec-none":   writeAndRead(CodecRecords(), none),
		"codec-gzip":   writeAndRead(CodecRecords(), kafka.Gzip),
		"codec-snappy": writeAndRead(CodecRecords(), kafka.Snappy),
		"codec-lz4":    writeAndRead(CodecRecords(), kafka.Lz4),
		"codec-zstd":   writeAndRead(CodecRecords(), kafka.Zstd),
		"shapes":       writeAndRead(Shapes, none), "large": writeAndRead(Large(), none),
		"timestamps": timestamps, "partitioner": partitioner, "acks": acks, "times": times, "seek": seek, "reset": reset,
		"commit": commit, "admin-topics": adminTopics, "admin-configs": adminConfigs, "admin-partitions": adminPartitions,
		"admin-cluster": adminCluster, "admin-groups": adminGroups, "admin-offsets": adminOffsets,
		"error-topics": errorTopics, "error-configs": errorConfigs, "error-produce": errorProduce, "error-consume": errorConsume,
		"error-groups": errorGroups,
	}}.Main()
}
