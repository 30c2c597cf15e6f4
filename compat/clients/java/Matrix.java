// The matrix through Apache Kafka's Java client, from 2.8 on. What a program of the matrix does: Features.java, compat/README.md.

import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Matrix {
    static String bootstrap;
    static final List<AutoCloseable> OPENED = new ArrayList<>();

    static <T extends AutoCloseable> T opened(T thing) {
        OPENED.add(thing);
        return thing;
    }

    // ---- clients ----

    static Properties base(String... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", bootstrap);
        p.put("client.id", "matrix");
        p.put("reconnect.backoff.max.ms", "100");
        for (int i = 0; i < more.length; i += 2) {
            p.put(more[i], more[i + 1]);
        }
        return p;
    }

    static Admin admin() {
        return opened(Admin.create(base("default.api.timeout.ms", "60000", "request.timeout.ms", "30000")));
    }

    static KafkaConsumer<byte[], byte[]> consumer(String... more) {
        Properties p = base("enable.auto.commit", "false", "auto.offset.reset", "earliest", "fetch.max.wait.ms", "200");
        p.putAll(pairs(more));
        return opened(new KafkaConsumer<>(p, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    }

    static Map<String, String> pairs(String... words) {
        Map<String, String> out = new LinkedHashMap<>();
        for (int i = 0; i < words.length; i += 2) {
            out.put(words[i], words[i + 1]);
        }
        return out;
    }

    static String name(Throwable error) {
        while ((error instanceof ExecutionException || error instanceof InvocationTargetException) && error.getCause() != null) {
            error = error.getCause();
        }
        return error.getClass().getSimpleName();
    }

    static String text(Throwable error) {
        while ((error instanceof ExecutionException || error instanceof InvocationTargetException) && error.getCause() != null) {
            error = error.getCause();
        }
        return error.getClass().getSimpleName() + " " + String.valueOf(error.getMessage()).split("\n")[0];
    }

    static String outcome(Future<?> future) {
        try {
            future.get(60, TimeUnit.SECONDS);
            return "ok";
        } catch (Exception e) {
            return text(e);
        }
    }

    static Map<String, TopicDescription> describe(Admin admin, String topic) throws Exception {
        Object result = admin.describeTopics(List.of(topic));
        String all;
        try {
            result.getClass().getMethod("allTopicNames");
            all = "allTopicNames"; // since 3.1; the older name has gone in 4.0
        } catch (NoSuchMethodException e) {
            all = "all";
        }
        @SuppressWarnings("unchecked")
        KafkaFuture<Map<String, TopicDescription>> future =
            (KafkaFuture<Map<String, TopicDescription>>) DescribeTopicsResult.class.getMethod(all).invoke(result);
        return future.get(60, TimeUnit.SECONDS);
    }

    static boolean visible(Admin admin, String topic, int partitions) throws Exception {
        return Features.until(() -> {
            try {
                TopicDescription d = describe(admin, topic).get(topic);
                return d.partitions().size() == partitions && d.partitions().stream().allMatch(p -> p.leader() != null && !p.leader().isEmpty());
            } catch (ExecutionException e) {
                return false;
            }
        });
    }

    static Admin create(String topic, int partitions, String... configs) throws Exception {
        Admin admin = admin();
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(pairs(configs)))).all().get(60, TimeUnit.SECONDS);
        visible(admin, topic, partitions);
        return admin;
    }

    static List<String> write(String topic, Integer partition, List<Features.Given> records, String... configs) {
        Properties p = base("linger.ms", "5", "max.request.size", "4000000", "max.block.ms", "60000", "delivery.timeout.ms", "60000",
            "request.timeout.ms", "30000", "retry.backoff.ms", "20");
        p.putAll(pairs(configs));
        List<String> told = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (Features.Given r : records) {
                ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, partition, r.timestamp, r.key, r.value);
                r.headers.forEach(h -> record.headers().add(h.key, h.value));
                sent.add(producer.send(record));
            }
            producer.flush();
            for (Future<RecordMetadata> f : sent) {
                try {
                    told.add("" + f.get().partition());
                } catch (Exception e) {
                    told.add(name(e));
                }
            }
        } catch (RuntimeException e) {
            told.add(name(e));
        }
        return told;
    }

    static String acknowledged(List<String> told) {
        return told.stream().filter(t -> t.matches("[0-9]+")).count() + " acknowledged";
    }

    static String fate(List<String> told) {
        return told.get(0).matches("[0-9]+") ? "ok" : told.get(0);
    }

    static KafkaConsumer<byte[], byte[]> reader(String topic, long offset, String... more) {
        KafkaConsumer<byte[], byte[]> c = consumer(more);
        TopicPartition tp = new TopicPartition(topic, 0);
        c.assign(List.of(tp));
        c.seek(tp, offset);
        return c;
    }

    static List<ConsumerRecord<byte[], byte[]>> read(KafkaConsumer<byte[], byte[]> c, int n, long wait) {
        List<ConsumerRecord<byte[], byte[]>> out = new ArrayList<>();
        for (long end = System.currentTimeMillis() + wait; out.size() < n && System.currentTimeMillis() < end;) {
            c.poll(Duration.ofMillis(100)).forEach(out::add);
        }
        return out;
    }

    /** So many, however long it takes, and what comes behind them within a moment. */
    static List<ConsumerRecord<byte[], byte[]>> readAll(KafkaConsumer<byte[], byte[]> c, int n) {
        List<ConsumerRecord<byte[], byte[]>> out = read(c, n, 60000);
        out.addAll(read(c, 1, 1000));
        return out;
    }

    static String show(ConsumerRecord<byte[], byte[]> r) {
        List<String> headers = new ArrayList<>();
        for (Header h : r.headers()) {
            headers.add(h.key() + "=" + Features.show(h.value()));
        }
        return r.offset() + " key=" + Features.show(r.key()) + " value=" + Features.show(r.value()) + " headers=[" + String.join(" ", headers) + "]";
    }

    static String showAll(List<ConsumerRecord<byte[], byte[]>> records) throws java.io.IOException {
        if (records.isEmpty()) {
            return "0 records";
        }
        java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
        for (ConsumerRecord<byte[], byte[]> r : records) {
            all.write(Features.bytes(r.offset() + " "));
            all.write(r.key() == null ? new byte[0] : r.key());
            all.write(' ');
            all.write(r.value() == null ? new byte[0] : r.value());
            all.write('\n');
        }
        return records.size() + " records from " + records.get(0).offset() + " to " + records.get(records.size() - 1).offset() + " "
            + Features.digest(all.toByteArray());
    }

    static String showRead(List<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().sorted(Comparator.<ConsumerRecord<byte[], byte[]>>comparingInt(ConsumerRecord::partition).thenComparingLong(ConsumerRecord::offset))
            .map(r -> r.partition() + ":" + r.offset()).collect(Collectors.joining(" "));
    }

    // ---- records ----

    static Features.Play writeAndRead(List<Features.Given> records, String... configs) {
        return (say, topic) -> {
            create(topic, 1);
            say.line(acknowledged(write(topic, 0, records, configs)));
            List<ConsumerRecord<byte[], byte[]>> got = read(reader(topic, 0), records.size(), 60000);
            if (records.size() > 10) {
                say.line(showAll(got));
            } else {
                got.forEach(r -> say.line(show(r)));
            }
        };
    }

    static void timestamps(Features.Say say, String topic) throws Exception {
        create(topic, 1);
        create(topic + "-append", 1, "message.timestamp.type", "LogAppendTime");
        for (String name : List.of(topic, topic + "-append")) {
            write(name, 0, Features.timed(3));
            read(reader(name, 0), 3, 60000).forEach(r -> say.line(r.offset() + " " + r.timestampType() + " " + Features.showTime(r.timestamp())));
        }
    }

    static void partitioner(Features.Say say, String topic) throws Exception {
        create(topic, 4);
        List<Features.Given> records = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            records.add(new Features.Given(Features.bytes("key " + i), Features.bytes("v")));
        }
        say.line(String.join(" ", write(topic, null, records)));
    }

    static void acks(Features.Say say, String topic) throws Exception {
        create(topic, 1);
        for (String acks : List.of("0", "1", "all")) {
            say.line(acks + " " + fate(write(topic, 0, Features.numbers(1), "acks", acks, "enable.idempotence", "false")));
        }
        say.line(showAll(read(reader(topic, 0), 3, 60000)));
    }

    static void times(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        write(topic, 0, Features.timed(10));
        TopicPartition tp = new TopicPartition(topic, 0);
        KafkaConsumer<byte[], byte[]> c = reader(topic, 0);
        for (long at : new long[] {-5, 0, 4, 9, 10}) {
            OffsetAndTimestamp found = c.offsetsForTimes(Map.of(tp, Features.T0 + at)).get(tp);
            say.line("after " + at + ": " + (found == null ? "none" : found.offset() + " " + (found.timestamp() - Features.T0) + " " + found.leaderEpoch().orElse(-1)));
        }
        say.line("first " + c.beginningOffsets(List.of(tp)).get(tp) + " end " + c.endOffsets(List.of(tp)).get(tp));
        Map<String, OffsetSpec> specs = new LinkedHashMap<>();
        specs.put("earliest", OffsetSpec.earliest());
        specs.put("latest", OffsetSpec.latest());
        specs.put("timestamp", OffsetSpec.forTimestamp(Features.T0 + 3));
        for (String later : List.of("maxTimestamp", "earliestLocal", "latestTiered")) {
            try {
                specs.put(later, (OffsetSpec) OffsetSpec.class.getMethod(later).invoke(null));
            } catch (NoSuchMethodException e) {
                say.line(later + " is not in this version");
            }
        }
        for (Map.Entry<String, OffsetSpec> spec : specs.entrySet()) {
            Future<ListOffsetsResult.ListOffsetsResultInfo> f = admin.listOffsets(Map.of(tp, spec.getValue())).partitionResult(tp);
            String what = outcome(f);
            say.line("list " + spec.getKey() + " " + what + (what.equals("ok") ? " " + f.get().offset() : ""));
        }
        c.seek(tp, c.offsetsForTimes(Map.of(tp, Features.T0 + 6)).get(tp).offset());
        say.line(showAll(read(c, 4, 60000)));
    }

    static void seek(Features.Say say, String topic) throws Exception {
        create(topic, 1);
        write(topic, 0, Features.numbers(10));
        TopicPartition tp = new TopicPartition(topic, 0);
        KafkaConsumer<byte[], byte[]> c = reader(topic, 0, "max.poll.records", "1");
        for (long at : new long[] {5, 0, 9}) {
            c.seek(tp, at);
            say.line("at " + at + ": " + Features.show(read(c, 1, 60000).get(0).value()));
        }
        c.seekToBeginning(List.of(tp));
        say.line("beginning: " + Features.show(read(c, 1, 60000).get(0).value()));
        c.seekToEnd(List.of(tp));
        say.line("end: " + read(c, 1, 500).size() + " at " + c.position(tp));
        c.seek(tp, 3);
        c.pause(List.of(tp));
        say.line("paused: " + read(c, 1, 500).size());
        c.resume(List.of(tp));
        say.line("resumed: " + Features.show(read(c, 1, 60000).get(0).value()) + " position " + c.position(tp));
    }

    static void reset(Features.Say say, String topic) throws Exception {
        create(topic, 1);
        write(topic, 0, Features.numbers(10));
        TopicPartition tp = new TopicPartition(topic, 0);
        say.line("earliest: " + read(reader(topic, 100), 1, 60000).get(0).offset());
        KafkaConsumer<byte[], byte[]> late = reader(topic, 100, "auto.offset.reset", "latest");
        say.line("latest: " + read(late, 1, 1000).size() + " read, at " + late.position(tp));
        try {
            say.line("none: " + read(reader(topic, 100, "auto.offset.reset", "none"), 1, 60000).size());
        } catch (RuntimeException e) {
            say.line("none: " + name(e));
        }
    }

    static KafkaConsumer<byte[], byte[]> joined(String topic) {
        KafkaConsumer<byte[], byte[]> c = consumer("group.id", topic, "session.timeout.ms", "45000", "heartbeat.interval.ms", "300", "max.poll.records", "100");
        c.subscribe(List.of(topic));
        return c;
    }

    static void committed(Features.Say say, KafkaConsumer<byte[], byte[]> c, String topic) {
        Map<TopicPartition, OffsetAndMetadata> found = c.committed(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1)));
        new TreeMap<>(found.entrySet().stream().collect(Collectors.toMap(e -> e.getKey().partition(), Map.Entry::getValue)))
            .forEach((p, o) -> say.line("committed " + p + " " + o.offset() + " metadata='" + o.metadata() + "'"));
    }

    static void commit(Features.Say say, String topic) throws Exception {
        create(topic, 2);
        write(topic, 0, Features.numbers(10));
        write(topic, 1, Features.numbers(10));
        KafkaConsumer<byte[], byte[]> one = joined(topic);
        say.line("first run read " + read(one, 20, 60000).size());
        one.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(7, "seven"), new TopicPartition(topic, 1), new OffsetAndMetadata(3)));
        committed(say, one, topic);
        one.close();
        KafkaConsumer<byte[], byte[]> two = joined(topic);
        say.line("second run read " + showRead(read(two, 10, 60000)));
        two.commitSync();
        two.close();
        KafkaConsumer<byte[], byte[]> three = joined(topic);
        say.line("third run read " + read(three, 1, 2000).size());
        committed(say, three, topic);
        three.close();
    }

    // ---- transactions ----

    static KafkaProducer<byte[], byte[]> transactional(String id) {
        Properties p = base("transactional.id", id, "max.block.ms", "60000", "retry.backoff.ms", "20");
        KafkaProducer<byte[], byte[]> producer = opened(new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer()));
        producer.initTransactions();
        return producer;
    }

    static void begin(KafkaProducer<byte[], byte[]> producer, String topic, int n) {
        producer.beginTransaction();
        for (Features.Given r : Features.numbers(n)) {
            producer.send(new ProducerRecord<>(topic, 0, r.key, r.value));
        }
        producer.flush();
    }

    /** What who reads only what is committed sees, and who reads all. */
    static void levels(Features.Say say, String what, String topic, int committed, int all) {
        say.line(what + ", committed " + showRead(readAll(reader(topic, 0, "isolation.level", "read_committed"), committed)));
        say.line(what + ", all " + showRead(readAll(reader(topic, 0), all)));
    }

    static void transactions(Features.Say say, String topic) throws Exception {
        create(topic, 1);
        KafkaProducer<byte[], byte[]> producer = transactional(topic);
        begin(producer, topic, 3);
        producer.commitTransaction();
        begin(producer, topic, 2);
        producer.abortTransaction();
        begin(producer, topic, 2);
        levels(say, "open", topic, 3, 7);
        producer.commitTransaction();
        levels(say, "ended", topic, 5, 7);
        for (int offset = 5; offset <= 6; offset++) {
            begin(producer, topic, 1);
            producer.sendOffsetsToTransaction(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(offset, "m")), new ConsumerGroupMetadata(topic));
            if (offset == 5) {
                producer.commitTransaction();
            } else {
                producer.abortTransaction();
            }
            TopicPartition tp = new TopicPartition(topic, 0);
            say.line("committed " + consumer("group.id", topic).committed(Set.of(tp)).get(tp).offset());
        }
        fenced(say, producer, topic);
    }

    static void fenced(Features.Say say, KafkaProducer<byte[], byte[]> older, String topic) {
        KafkaProducer<byte[], byte[]> newer = transactional(topic);
        try {
            begin(older, topic, 1);
            older.commitTransaction();
            say.line("the older one commits");
        } catch (RuntimeException e) {
            say.line("the older one: " + name(e));
        }
        begin(newer, topic, 1);
        newer.commitTransaction();
        levels(say, "fenced", topic, 7, 10);
    }

    // ---- admin ----

    static void adminTopics(Features.Say say, String topic) throws Exception {
        Admin admin = admin();
        NewTopic wanted = new NewTopic(topic, 3, (short) 1).configs(pairs("retention.ms", "3600000"));
        for (boolean only : new boolean[] {true, false}) {
            CreateTopicsResult made = admin.createTopics(List.of(wanted), new CreateTopicsOptions().validateOnly(only));
            say.line("create " + outcome(made.all()) + " " + made.numPartitions(topic).get() + " " + made.replicationFactor(topic).get() + " "
                + made.config(topic).get().get("retention.ms").value());
        }
        say.line("defaults " + outcome(admin.createTopics(List.of(new NewTopic(topic + "-b", Optional.empty(), Optional.empty()))).all()));
        visible(admin, topic, 3);
        visible(admin, topic + "-b", 1);
        say.line("listed " + admin.listTopics().names().get().stream().filter(t -> t.startsWith(topic)).count());
        TopicDescription d = describe(admin, topic).get(topic);
        say.line("described internal=" + d.isInternal() + " operations=" + d.authorizedOperations());
        for (TopicPartitionInfo p : d.partitions()) {
            say.line("partition " + p.partition() + " leader=" + p.leader().id() + " replicas=" + p.replicas().size() + " isr=" + p.isr().size());
        }
        for (String t : List.of(topic, topic + "-b")) {
            say.line("delete " + outcome(admin.deleteTopics(List.of(t)).all()));
        }
        say.line("gone " + Features.until(() -> admin.listTopics().names().get().stream().noneMatch(t -> t.startsWith(topic))));
    }

    static String configs(Admin admin, ConfigResource.Type type, String name, String... keys) {
        try {
            ConfigResource resource = new ConfigResource(type, name);
            Config config = admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true)).all().get().get(resource);
            List<String> words = new ArrayList<>();
            for (String key : keys) {
                ConfigEntry e = config.get(key);
                words.add(key + "=" + e.value() + "," + e.source() + "," + e.type() + ",readonly=" + e.isReadOnly() + ",synonyms="
                    + e.synonyms().stream().map(s -> s.name() + "=" + s.value() + "/" + s.source()).collect(Collectors.toList()));
            }
            return String.join(" ", words);
        } catch (Exception e) {
            return name(e);
        }
    }

    static String alter(Admin admin, ConfigResource.Type type, String name, String key, AlterConfigOp.OpType op, String value) {
        Collection<AlterConfigOp> ops = List.of(new AlterConfigOp(new ConfigEntry(key, value), op));
        return outcome(admin.incrementalAlterConfigs(Map.of(new ConfigResource(type, name), ops)).all());
    }

    static void adminConfigs(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1, "retention.ms", "3600000");
        say.line(configs(admin, ConfigResource.Type.TOPIC, topic, "retention.ms", "cleanup.policy", "max.message.bytes"));
        Object[][] changes = {{"retention.ms", AlterConfigOp.OpType.SET, "7200000"}, {"retention.ms", AlterConfigOp.OpType.DELETE, null},
            {"cleanup.policy", AlterConfigOp.OpType.APPEND, "compact"}, {"cleanup.policy", AlterConfigOp.OpType.SUBTRACT, "delete"}};
        for (Object[] c : changes) {
            String key = (String) c[0];
            String before = configs(admin, ConfigResource.Type.TOPIC, topic, key);
            say.line(c[1] + " " + alter(admin, ConfigResource.Type.TOPIC, topic, key, (AlterConfigOp.OpType) c[1], (String) c[2]));
            Features.until(() -> !configs(admin, ConfigResource.Type.TOPIC, topic, key).equals(before));
            say.line(configs(admin, ConfigResource.Type.TOPIC, topic, key));
        }
        say.line(configs(admin, ConfigResource.Type.BROKER, "1", "node.id", "num.partitions", "log.retention.hours"));
        say.line("cluster-wide " + alter(admin, ConfigResource.Type.BROKER, "", "log.retention.ms", AlterConfigOp.OpType.SET, "86400000"));
        Features.until(() -> configs(admin, ConfigResource.Type.BROKER, "1", "log.retention.ms").startsWith("log.retention.ms=86400000"));
        say.line(configs(admin, ConfigResource.Type.BROKER, "1", "log.retention.ms"));
        say.line("back " + alter(admin, ConfigResource.Type.BROKER, "", "log.retention.ms", AlterConfigOp.OpType.DELETE, null));
        Features.until(() -> !configs(admin, ConfigResource.Type.BROKER, "1", "log.retention.ms").startsWith("log.retention.ms=86400000"));
        say.line(configs(admin, ConfigResource.Type.BROKER, "1", "log.retention.ms"));
    }

    static void adminPartitions(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 2);
        for (int n : new int[] {4, 2, 4, 5}) {
            say.line(n + ": " + outcome(admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(n))).all()));
        }
        say.line("unknown: " + outcome(admin.createPartitions(Map.of("no-" + topic, NewPartitions.increaseTo(4))).all()));
        say.line("five " + visible(admin, topic, 5));
    }

    static void adminRecords(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        write(topic, 0, Features.numbers(10));
        TopicPartition tp = new TopicPartition(topic, 0);
        for (long at : new long[] {4, -1, 99}) {
            Future<DeletedRecords> f = admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(at))).lowWatermarks().get(tp);
            String what = outcome(f);
            say.line("before " + at + ": " + what + (what.equals("ok") ? " " + f.get().lowWatermark() : ""));
        }
        say.line("first " + reader(topic, 0).beginningOffsets(List.of(tp)).get(tp));
    }

    static void adminCluster(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        TopicPartition tp = new TopicPartition(topic, 0);
        write(topic, 0, Features.numbers(1));
        DescribeClusterResult cluster = admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true));
        say.line("nodes " + cluster.nodes().get().size() + " controller=" + cluster.controller().get().id() + " operations=" + Features.sorted(cluster.authorizedOperations().get()));
        say.line("log dirs " + outcome(admin.describeLogDirs(List.of(1)).descriptions().get(1)));
        say.line("replica log dirs " + outcome(admin.describeReplicaLogDirs(List.of(new org.apache.kafka.common.TopicPartitionReplica(topic, 0, 1))).all()));
        Future<Map<TopicPartition, Optional<Throwable>>> elected = admin.electLeaders(ElectionType.PREFERRED, Set.of(tp)).partitions();
        say.line("elect " + outcome(elected) + (outcome(elected).equals("ok") ? " " + elected.get().get(tp).map(Matrix::name).orElse("none") : ""));
        say.line("reassignments " + outcome(admin.listPartitionReassignments().reassignments()));
        say.line("reassign " + outcome(admin.alterPartitionReassignments(Map.of(tp, Optional.of(new NewPartitionReassignment(List.of(9))))).all()));
        say.line("quotas " + outcome(admin.describeClientQuotas(ClientQuotaFilter.all()).entities()));
        say.line("scram " + outcome(admin.describeUserScramCredentials().all()));
        say.line("acls " + outcome(admin.describeAcls(AclBindingFilter.ANY).values()));
        say.line("tokens " + outcome(admin.describeDelegationToken().delegationTokens()));
        say.line("features " + outcome(admin.describeFeatures().featureMetadata()));
        reflected(say, admin, "quorum", "describeMetadataQuorum", "quorumInfo");
        reflected(say, admin, "transactions", "listTransactions", "all");
        reflected(say, admin, "client metrics", "listClientMetricsResources", "all");
        reflected(say, admin, "all groups", "listGroups", "all");
        try {
            Object result = Admin.class.getMethod("describeProducers", Collection.class).invoke(admin, List.of(tp));
            say.line("producers " + outcome((Future<?>) DescribeProducersResult_all(result)));
        } catch (NoSuchMethodException e) {
            say.line("producers are not in this version");
        }
    }

    static Object DescribeProducersResult_all(Object result) throws Exception {
        return result.getClass().getMethod("all").invoke(result);
    }

    // A call that older clients do not have.
    static void reflected(Features.Say say, Admin admin, String what, String method, String future) throws Exception {
        try {
            Object result = Admin.class.getMethod(method).invoke(admin);
            say.line(what + " " + outcome((Future<?>) result.getClass().getMethod(future).invoke(result)));
        } catch (NoSuchMethodException e) {
            say.line(what + " is not in this version");
        }
    }

    static void describeGroup(Features.Say say, Admin admin, String group) throws Exception {
        Future<ConsumerGroupDescription> f = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group);
        String what = outcome(f);
        say.line("described " + what);
        if (!what.equals("ok")) {
            return;
        }
        ConsumerGroupDescription d = f.get();
        say.line("state=" + d.getClass().getMethod("state").invoke(d) + " assignor=" + d.partitionAssignor() + " simple=" + d.isSimpleConsumerGroup()
            + " coordinator=" + d.coordinator().id() + " operations=" + d.authorizedOperations());
        for (MemberDescription m : d.members()) {
            say.line("member " + m.clientId() + " " + m.host() + " " + Features.sorted(m.assignment().topicPartitions().stream().map(TopicPartition::partition).collect(Collectors.toList())));
        }
    }

    static void adminGroups(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 2);
        write(topic, 0, Features.numbers(10));
        KafkaConsumer<byte[], byte[]> c = joined(topic);
        read(c, 10, 60000);
        c.commitSync();
        for (ConsumerGroupListing g : admin.listConsumerGroups().all().get()) {
            if (g.groupId().equals(topic)) {
                say.line("listed simple=" + g.isSimpleConsumerGroup() + " " + g.state());
            }
        }
        describeGroup(say, admin, topic);
        say.line("delete while in use " + outcome(admin.deleteConsumerGroups(List.of(topic)).all()));
        say.line("delete offsets while in use " + outcome(admin.deleteConsumerGroupOffsets(topic, Set.of(new TopicPartition(topic, 0))).all()));
        say.line("remove members " + outcome(admin.removeMembersFromConsumerGroup(topic, new RemoveMembersFromConsumerGroupOptions()).all()));
        c.close();
        describeGroup(say, admin, topic);
        say.line("delete " + outcome(admin.deleteConsumerGroups(List.of(topic)).all()));
        say.line("delete again " + outcome(admin.deleteConsumerGroups(List.of(topic)).all()));
        describeGroup(say, admin, topic);
    }

    static void listOffsets(Features.Say say, Admin admin, String group) throws Exception {
        Future<Map<TopicPartition, OffsetAndMetadata>> f = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata();
        String what = outcome(f);
        say.line("listed " + what + (what.equals("ok") ? " " + new TreeMap<>(f.get().entrySet().stream().collect(Collectors.toMap(e -> e.getKey().partition(),
            e -> e.getValue().offset() + "/" + e.getValue().metadata()))) : ""));
    }

    static void adminOffsets(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 2);
        TopicPartition zero = new TopicPartition(topic, 0);
        say.line("altered " + outcome(admin.alterConsumerGroupOffsets(topic, Map.of(zero, new OffsetAndMetadata(5, "five"), new TopicPartition(topic, 1), new OffsetAndMetadata(0))).all()));
        listOffsets(say, admin, topic);
        say.line("deleted " + outcome(admin.deleteConsumerGroupOffsets(topic, Set.of(zero)).all()));
        say.line("deleted what is not there " + outcome(admin.deleteConsumerGroupOffsets(topic, Set.of(new TopicPartition(topic, 7))).all()));
        listOffsets(say, admin, topic);
        listOffsets(say, admin, "no-" + topic);
    }

    // ---- errors ----

    static void errorTopics(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        Map<String, NewTopic> cases = new LinkedHashMap<>();
        cases.put("exists", new NewTopic(topic, 1, (short) 1));
        cases.put("no partitions", new NewTopic(topic + "-a", 0, (short) 1));
        cases.put("negative partitions", new NewTopic(topic + "-a", -5, (short) 1));
        cases.put("too many replicas", new NewTopic(topic + "-a", 1, (short) 3));
        cases.put("no replicas", new NewTopic(topic + "-a", 1, (short) 0));
        cases.put("bad name", new NewTopic("a topic with spaces", 1, (short) 1));
        cases.put("dots", new NewTopic("..", 1, (short) 1));
        cases.put("long name", new NewTopic("x".repeat(250), 1, (short) 1));
        cases.put("bad broker", new NewTopic(topic + "-a", Map.of(0, List.of(9))));
        cases.put("gap in the assignment", new NewTopic(topic + "-a", Map.of(1, List.of(1))));
        cases.put("bad setting", new NewTopic(topic + "-a", 1, (short) 1).configs(pairs("retention.ms", "soon")));
        cases.forEach((what, wanted) -> say.line(what + ": " + outcome(admin.createTopics(List.of(wanted)).all())));
        say.line("collides: " + outcome(admin.createTopics(List.of(new NewTopic(topic.replace('-', '_') + ".x", 1, (short) 1))).all())
            + " " + outcome(admin.createTopics(List.of(new NewTopic(topic.replace('-', '_') + "_x", 1, (short) 1))).all()).replaceAll("'[^']*' (.*topic: ).*", "... $1..."));
        say.line("delete unknown: " + outcome(admin.deleteTopics(List.of("no-" + topic)).all()));
        try {
            describe(admin, "no-" + topic);
        } catch (ExecutionException e) {
            say.line("describe unknown: " + name(e));
        }
    }

    static void errorConfigs(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        String[][] cases = {{"bad number", topic, "retention.ms", "soon"}, {"out of range", topic, "min.insync.replicas", "0"},
            {"bad word", topic, "cleanup.policy", "keep"}, {"unknown setting", topic, "no.such.setting", "1"}, {"unknown topic", "no-" + topic, "retention.ms", "1"}};
        for (String[] c : cases) {
            say.line(c[0] + ": " + alter(admin, ConfigResource.Type.TOPIC, c[1], c[2], AlterConfigOp.OpType.SET, c[3]));
        }
        say.line("append to what is no list: " + alter(admin, ConfigResource.Type.TOPIC, topic, "retention.ms", AlterConfigOp.OpType.APPEND, "1"));
        say.line("read-only: " + alter(admin, ConfigResource.Type.BROKER, "1", "node.id", AlterConfigOp.OpType.SET, "2"));
        say.line("describe unknown: " + configs(admin, ConfigResource.Type.TOPIC, "no-" + topic, "retention.ms"));
    }

    static void errorProduce(Features.Say say, String topic) throws Exception {
        create(topic, 1, "max.message.bytes", "2000");
        say.line("too large: " + fate(write(topic, 0, List.of(new Features.Given(null, new byte[3000])))));
        say.line("fits: " + fate(write(topic, 0, List.of(new Features.Given(null, new byte[1000])))));
        say.line("no partition: " + fate(write(topic, 5, Features.numbers(1), "max.block.ms", "3000")));
        create(topic + "-c", 1, "cleanup.policy", "compact");
        say.line("no key on a compacted topic: " + fate(write(topic + "-c", 0, Features.numbers(1))));
        say.line("bad name: " + fate(write("bad name!", 0, Features.numbers(1))));
        create(topic + "-time", 1, "message.timestamp.after.max.ms", "1000");
        say.line("from the future: " + fate(write(topic + "-time", 0, List.of(new Features.Given(null, new byte[1]).at(System.currentTimeMillis() + 86400000)))));
    }

    static void errorConsume(Features.Say say, String topic) throws Exception {
        KafkaConsumer<byte[], byte[]> c = consumer("allow.auto.create.topics", "false", "default.api.timeout.ms", "2000");
        try {
            c.beginningOffsets(List.of(new TopicPartition("no-" + topic, 0)));
            say.line("offsets of an unknown topic: ok");
        } catch (RuntimeException e) {
            say.line("offsets of an unknown topic: " + name(e));
        }
        say.line("partitions of an unknown topic: " + c.partitionsFor("no-" + topic));
        try {
            c.assign(List.of(new TopicPartition("bad name!", 0)));
            c.poll(Duration.ofMillis(2000));
            say.line("bad name: ok");
        } catch (RuntimeException e) {
            say.line("bad name: " + name(e));
        }
    }

    static void errorGroups(Features.Say say, String topic) throws Exception {
        Admin admin = create(topic, 1);
        TopicPartition tp = new TopicPartition(topic, 0);
        describeGroup(say, admin, "no-" + topic);
        say.line("delete unknown: " + outcome(admin.deleteConsumerGroups(List.of("no-" + topic)).all()));
        say.line("delete offsets of unknown: " + outcome(admin.deleteConsumerGroupOffsets("no-" + topic, Set.of(tp)).all()));
        KafkaConsumer<byte[], byte[]> outside = consumer("group.id", topic);
        outside.assign(List.of(tp));
        outside.commitSync(Map.of(tp, new OffsetAndMetadata(3)));
        say.line("commit without membership: " + outside.committed(Set.of(tp)).get(tp).offset());
        KafkaConsumer<byte[], byte[]> member = joined(topic);
        Features.until(() -> {
            member.poll(Duration.ofMillis(50));
            return !member.assignment().isEmpty();
        });
        try {
            outside.commitSync(Map.of(tp, new OffsetAndMetadata(4)));
            say.line("commit into a group in use: ok");
        } catch (RuntimeException e) {
            say.line("commit into a group in use: " + name(e));
        }
        try {
            member.commitSync(Map.of(tp, new OffsetAndMetadata(4, "m".repeat(5000))));
            say.line("large metadata: ok");
        } catch (RuntimeException e) {
            say.line("large metadata: " + name(e));
        }
        say.line("alter offsets in use: " + outcome(admin.alterConsumerGroupOffsets(topic, Map.of(tp, new OffsetAndMetadata(1))).all()));
    }

    // ---- the modes ----

    static Map<String, Features.Play> features() {
        Map<String, Features.Play> all = new HashMap<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            all.put("codec-" + codec, writeAndRead(Features.codecRecords(), "compression.type", codec));
        }
        all.put("shapes", writeAndRead(Features.shapes()));
        all.put("large", writeAndRead(Features.large()));
        all.put("idempotent", writeAndRead(Features.codecRecords(), "enable.idempotence", "true", "acks", "all"));
        all.put("timestamps", Matrix::timestamps);
        all.put("partitioner", Matrix::partitioner);
        all.put("acks", Matrix::acks);
        all.put("times", Matrix::times);
        all.put("seek", Matrix::seek);
        all.put("reset", Matrix::reset);
        all.put("commit", Matrix::commit);
        all.put("transactions", Matrix::transactions);
        all.put("admin-topics", Matrix::adminTopics);
        all.put("admin-configs", Matrix::adminConfigs);
        all.put("admin-partitions", Matrix::adminPartitions);
        all.put("admin-records", Matrix::adminRecords);
        all.put("admin-cluster", Matrix::adminCluster);
        all.put("admin-groups", Matrix::adminGroups);
        all.put("admin-offsets", Matrix::adminOffsets);
        all.put("error-topics", Matrix::errorTopics);
        all.put("error-configs", Matrix::errorConfigs);
        all.put("error-produce", Matrix::errorProduce);
        all.put("error-consume", Matrix::errorConsume);
        all.put("error-groups", Matrix::errorGroups);
        return all;
    }

    // What the client does not have, with the reason.
    static final Map<String, String> ABSENT = Map.of("eof", "its consumer has no event for the end of a partition");

    static void run(String nonce, List<String> names) {
        Map<String, Features.Play> all = features();
        for (String name : names) {
            if (ABSENT.containsKey(name)) {
                Features.tell(name + ": skip " + ABSENT.get(name));
                continue;
            }
            String topic = name + "-" + nonce;
            Features.Say say = text -> Features.tell(name + ": " + text.replace(topic, "TOPIC").split("\n")[0]);
            Features.tell(name + ": begin");
            try {
                all.get(name).play(say, topic);
            } catch (Exception e) {
                if (System.getenv("MATRIX_TRACE") != null) {
                    e.printStackTrace();
                }
                say.line("failed " + text(e));
            }
            for (AutoCloseable thing : OPENED) {
                try {
                    thing.close();
                } catch (Exception e) {
                    // what a feature left behind
                }
            }
            OPENED.clear();
            Features.tell(name + ": done");
        }
    }

    static void setup(String topic, int partitions, int count) throws Exception {
        create(topic, partitions);
        for (int p = 0; p < partitions; p++) {
            write(topic, p, Features.numbers(count));
        }
    }

    static void member(String group, String topic, Map<String, String> options) throws Exception {
        Map<String, String> config = new LinkedHashMap<>(pairs("group.id", group));
        if ("consumer".equals(options.get("protocol"))) {
            config.put("group.protocol", "consumer");
        } else {
            config.putAll(pairs("session.timeout.ms", options.getOrDefault("session", "1500"), "heartbeat.interval.ms", "300"));
            config.put("partition.assignment.strategy", "org.apache.kafka.clients.consumer."
                + ("sticky".equals(options.get("strategy")) ? "CooperativeStickyAssignor" : "RangeAssignor"));
        }
        if (options.containsKey("instance")) {
            config.put("group.instance.id", options.get("instance"));
        }
        List<String> words = new ArrayList<>();
        config.forEach((k, v) -> words.addAll(List.of(k, v)));
        KafkaConsumer<byte[], byte[]> c = consumer(words.toArray(new String[0]));
        c.subscribe(List.of(topic));
        String last = null;
        while (System.in.available() == 0) {
            for (ConsumerRecord<byte[], byte[]> r : c.poll(Duration.ofMillis(50))) {
                Features.tell("got " + r.partition() + " " + r.offset());
            }
            try {
                c.commitSync();
            } catch (RuntimeException e) {
                Features.tell("commit failed " + name(e));
            }
            String now = c.assignment().stream().map(TopicPartition::partition).sorted().map(String::valueOf).collect(Collectors.joining(","));
            if (!now.equals(last)) {
                Features.tell("assigned " + now);
                last = now;
            }
        }
        c.close();
        Features.tell("left");
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[1];
        switch (args[0]) {
            case "run":
                run(args[2], Arrays.asList(args).subList(3, args.length));
                break;
            case "setup":
                setup(args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
                break;
            case "member":
                Map<String, String> options = new HashMap<>();
                for (String word : Arrays.asList(args).subList(4, args.length)) {
                    options.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
                }
                member(args[2], args[3], options);
                break;
            default:
                System.exit(2);
        }
        System.exit(0);
    }
}
