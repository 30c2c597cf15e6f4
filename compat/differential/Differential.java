import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.function.IntFunction;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.record.TimestampType;

/**
 * The same requests, in every version, to a broker that has just been formatted; one line an answer. Run once against Apache Kafka and once
 * against Odradek, the two outputs are held against each other line by line (compat/differential).
 *
 *   java Differential HOST PORT CONTROLLER_PORT
 */
public final class Differential {
	private final String host;
	private final int port;
	private final Wire.Names names = new Wire.Names();
	private Wire wire;
	private String cluster = "none yet";

	private Differential(String host, int port) throws IOException {
		this.host = host;
		this.port = port;
		wire = new Wire(host, port);
	}

	private String prefix = ""; // of every line: "controller: " on its listener

	private void print(String label, String text) {
		System.out.println(prefix + label + " => " + text);
	}

	private ApiMessage call(ApiKeys api, int version, ApiMessage body, String clientId) throws IOException {
		ApiMessage answer = wire.call(api, (short) version, body, clientId);
		if (answer == null) {
			wire.close();
			wire = new Wire(host, port);
		}
		return answer;
	}

	private ApiMessage say(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
		String label = what + " | " + api.name + " v" + version;
		try {
			ApiMessage answer = call(api, version, body, "differential");
			print(label, answer == null ? "closed" : names.normal("", Wire.json(api, false, answer, (short) version)).toString()
				.replace(cluster, "<this cluster>"));
			return answer;
		} catch (UnsupportedVersionException e) {
			return null; // this version cannot say it
		} catch (java.net.SocketTimeoutException e) {
			print(label, "no answer");
			wire.close();
			wire = new Wire(host, port);
			return null;
		}
	}

	private interface Condition {
		boolean holds() throws IOException;
	}

	/** Kafka's brokers follow the metadata log at their own pace: asks until they have. */
	private void settle(String what, Condition condition) throws IOException {
		long end = System.nanoTime() + 20_000_000_000L;
		while (!condition.holds())
			if (System.nanoTime() > end)
				throw new IOException("never came: " + what);
	}

	private int partitionsOf(String topic) throws IOException {
		MetadataResponseData m = (MetadataResponseData) call(ApiKeys.METADATA, 12, metadata(topic).setAllowAutoTopicCreation(false), "differential");
		return m.topics().find(topic).partitions().size();
	}

	/** The same in every version of Kafka 4.4 (and, where said, the ones it dropped). */
	private void each(String what, ApiKeys api, IntFunction<ApiMessage> body) throws IOException {
		for (int v = api.oldestVersion(); v <= api.latestVersion(false); v++)
			say(what, api, v, body.apply(v));
	}

	// ---- handshake ----

	private void advertised() throws IOException {
		for (int v = 0; v <= ApiKeys.API_VERSIONS.latestVersion(); v++) {
			ApiMessage answer = call(ApiKeys.API_VERSIONS, v,
				new ApiVersionsRequestData().setClientSoftwareName("differential").setClientSoftwareVersion("1.0"), "differential");
			JsonNode json = names.normal("", Wire.json(ApiKeys.API_VERSIONS, false, answer, (short) v));
			for (JsonNode row : json.get("apiKeys"))
				print("advertised " + ApiKeys.forId(row.get("apiKey").asInt()).name + " | ApiVersions v" + v, row.toString());
			((ObjectNode) json).remove("apiKeys");
			print("rest | ApiVersions v" + v, json.toString());
		}
	}

	private void versions() throws IOException {
		advertised();
		say("bad name", ApiKeys.API_VERSIONS, 3, new ApiVersionsRequestData().setClientSoftwareName("a b").setClientSoftwareVersion("1"));
		say("empty name", ApiKeys.API_VERSIONS, 4, new ApiVersionsRequestData().setClientSoftwareName("").setClientSoftwareVersion("1"));
		raw("unknown version | ApiVersions v99", header(18, 99, true));
		raw("unknown api | 500", header(500, 0, false));
		raw("removed version | Produce v2", header(0, 2, false));
		raw("removed version | Fetch v3", header(1, 3, false));
		raw("removed api | LeaderAndIsr v7", header(4, 7, true));
		raw("controller only | Vote v2", header(52, 2, true));
		raw("empty frame", new byte[0]);
		raw("half a header", new byte[] {0, 3, 0});
		raw("no body | Metadata v9", header(3, 9, true));
		raw("negative version | Metadata", header(3, -1, false));
	}

	private static byte[] header(int api, int version, boolean flexible) {
		ByteBuffer b = ByteBuffer.allocate(64);
		b.putShort((short) api).putShort((short) version).putInt(77).putShort((short) 4).put("test".getBytes());
		if (flexible)
			b.put((byte) 0);
		return Arrays.copyOf(b.array(), b.position());
	}

	private void raw(String label, byte[] frame) throws IOException {
		try (Wire own = new Wire(host, port)) {
			own.sendRaw(frame);
			ByteBuffer answer = own.receive();
			StringBuilder hex = new StringBuilder();
			while (answer != null && answer.hasRemaining())
				hex.append(String.format("%02x", answer.get()));
			print(label, answer == null ? "closed" : hex.toString());
		}
	}

	// ---- topics ----

	private static CreateTopicsRequestData.CreatableTopic topic(String name, int partitions, int replicas, String... configs) {
		CreateTopicsRequestData.CreatableTopicConfigCollection list = new CreateTopicsRequestData.CreatableTopicConfigCollection();
		for (int i = 0; i < configs.length; i += 2)
			list.add(new CreateTopicsRequestData.CreatableTopicConfig().setName(configs[i]).setValue(configs[i + 1]));
		return new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions)
			.setReplicationFactor((short) replicas).setConfigs(list);
	}

	private static CreateTopicsRequestData create(boolean validateOnly, CreateTopicsRequestData.CreatableTopic... topics) {
		return new CreateTopicsRequestData().setTimeoutMs(10000).setValidateOnly(validateOnly)
			.setTopics(new CreateTopicsRequestData.CreatableTopicCollection(Arrays.asList(topics).iterator()));
	}

	private void topics() throws IOException {
		each("plain", ApiKeys.CREATE_TOPICS, v -> create(false, topic("plain-" + v, 2, 1)));
		each("again", ApiKeys.CREATE_TOPICS, v -> create(false, topic("plain-" + v, 2, 1)));
		each("only to see", ApiKeys.CREATE_TOPICS, v -> create(true, topic("seen-" + v, 3, 1, "retention.ms", "1000")));
		each("only to see, there", ApiKeys.CREATE_TOPICS, v -> create(true, topic("plain-" + v, 3, 1)));
		each("defaults", ApiKeys.CREATE_TOPICS, v -> create(false, topic("defaults-" + v, -1, -1)));
		String[][] configs = {{"retention.ms", "1234"}, {"no.such.config", "1"}, {"retention.ms", "abc"}, {"cleanup.policy", "bad"},
			{"segment.bytes", "10"}, {"max.message.bytes", "-1"}, {"compression.type", "zstd"}, {"min.insync.replicas", "0"},
			{"message.timestamp.type", "LogAppendTime"}, {"retention.ms", ""}, {"segment.ms", null}, {"flush.messages", "0"},
			{"message.format.version", "2.0"}, {"cleanup.policy", ""}, {"retention.bytes", "9223372036854775808"}};
		for (int i = 0; i < configs.length; i++)
			say("with " + String.join("=", Arrays.toString(configs[i])), ApiKeys.CREATE_TOPICS, 7,
				create(false, topic("configured-" + i, 1, 1, configs[i])));
		String[] bad = {"", ".", "..", "a b", "a/b", "ü", "x".repeat(250), "__cluster_metadata", "x".repeat(249), "plain.7", "plain_7", "a\u0000b"};
		for (int i = 0; i < bad.length; i++)
			say("name " + i, ApiKeys.CREATE_TOPICS, 7, create(false, topic(bad[i], 1, 1)));
		int[][] counts = {{0, 1}, {-2, 1}, {1, 0}, {1, -2}, {1, 2}, {1, 3}};
		for (int[] c : counts)
			say("counts " + Arrays.toString(c), ApiKeys.CREATE_TOPICS, 7, create(false, topic("counted", c[0], c[1])));
		say("twice in one", ApiKeys.CREATE_TOPICS, 7, create(false, topic("twice", 1, 1), topic("twice", 2, 1), topic("once", 1, 1)));
		CreateTopicsRequestData.CreatableTopic assigned = topic("assigned", -1, -1);
		assigned.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(List.of(1)));
		say("assigned", ApiKeys.CREATE_TOPICS, 7, create(false, assigned));
		for (List<Integer> brokers : List.of(List.of(2), List.of(1, 1), List.<Integer>of())) {
			CreateTopicsRequestData.CreatableTopic t = topic("assigned-badly", -1, -1);
			t.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(brokers));
			say("assigned " + brokers, ApiKeys.CREATE_TOPICS, 7, create(false, t));
		}
		CreateTopicsRequestData.CreatableTopic both = topic("assigned-both", 1, 1);
		both.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(0).setBrokerIds(List.of(1)));
		say("assigned and counted", ApiKeys.CREATE_TOPICS, 7, create(false, both));

		each("more partitions", ApiKeys.CREATE_PARTITIONS, v -> partitions("plain-" + (v + 2), 4, false));
		each("as many", ApiKeys.CREATE_PARTITIONS, v -> partitions("plain-" + (v + 2), 4, false));
		each("fewer", ApiKeys.CREATE_PARTITIONS, v -> partitions("plain-" + (v + 2), 1, false));
		each("of nothing", ApiKeys.CREATE_PARTITIONS, v -> partitions("nothing", 4, false));
		each("only to see", ApiKeys.CREATE_PARTITIONS, v -> partitions("plain-" + (v + 2), 9, true));
	}

	private static CreatePartitionsRequestData partitions(String name, int count, boolean validateOnly) {
		CreatePartitionsRequestData.CreatePartitionsTopicCollection list = new CreatePartitionsRequestData.CreatePartitionsTopicCollection();
		list.add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(name).setCount(count).setAssignments(null));
		return new CreatePartitionsRequestData().setTopics(list).setTimeoutMs(10000).setValidateOnly(validateOnly);
	}

	private static MetadataRequestData metadata(String... topics) {
		List<MetadataRequestData.MetadataRequestTopic> list = new ArrayList<>();
		for (String t : topics)
			list.add(new MetadataRequestData.MetadataRequestTopic().setName(t));
		return new MetadataRequestData().setTopics(list).setAllowAutoTopicCreation(true);
	}

	private void topicMetadata() throws IOException {
		settle("the partitions of plain-5", () -> partitionsOf("plain-5") == 4);
		each("no topics", ApiKeys.METADATA, v -> metadata());
		each("of one", ApiKeys.METADATA, v -> metadata("plain-7"));
		each("two and a bad name", ApiKeys.METADATA, v -> metadata("plain-6", "a b", "plain-7"));
		for (int v = 4; v <= 13; v++)
			say("not made", ApiKeys.METADATA, v, metadata("missing").setAllowAutoTopicCreation(false));
		for (int v = 8; v <= 13; v++)
			say("operations", ApiKeys.METADATA, v, metadata("plain-7").setIncludeTopicAuthorizedOperations(true)
				.setIncludeClusterAuthorizedOperations(v <= 10));
		for (int v = 10; v <= 13; v++)
			say("by an unknown id", ApiKeys.METADATA, v, new MetadataRequestData().setTopics(List.of(
				new MetadataRequestData.MetadataRequestTopic().setTopicId(new Uuid(7, 7)).setName(null))));
		each("cluster", ApiKeys.DESCRIBE_CLUSTER, v -> new DescribeClusterRequestData().setIncludeClusterAuthorizedOperations(true));
		say("cluster of controllers", ApiKeys.DESCRIBE_CLUSTER, 1, new DescribeClusterRequestData().setEndpointType((byte) 2));
		say("cluster of what", ApiKeys.DESCRIBE_CLUSTER, 1, new DescribeClusterRequestData().setEndpointType((byte) 9));
		DescribeTopicPartitionsRequestData d = new DescribeTopicPartitionsRequestData();
		for (String t : List.of("plain-7", "missing", "plain-6", "a b"))
			d.topics().add(new DescribeTopicPartitionsRequestData.TopicRequest().setName(t));
		say("some", ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0, d);
		say("a page", ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0, d.duplicate().setResponsePartitionLimit(3));
		say("from a cursor", ApiKeys.DESCRIBE_TOPIC_PARTITIONS, 0, d.duplicate().setCursor(
			new DescribeTopicPartitionsRequestData.Cursor().setTopicName("plain-7").setPartitionIndex(1)));
		each("coordinator", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v -> epochs("plain-7", 0, -1, 0));
		each("epoch of the future", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v -> epochs("plain-7", 0, -1, 9));
		each("unknown epoch", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v -> epochs("plain-7", 0, 9, 0));
		each("of nothing", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v -> epochs("nothing", 0, -1, 0));
	}

	private static OffsetForLeaderEpochRequestData epochs(String topic, int partition, int current, int epoch) {
		OffsetForLeaderEpochRequestData r = new OffsetForLeaderEpochRequestData().setReplicaId(-1);
		OffsetForLeaderEpochRequestData.OffsetForLeaderTopic t = new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(topic);
		t.partitions().add(new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(partition)
			.setCurrentLeaderEpoch(current).setLeaderEpoch(epoch));
		r.topics().add(t);
		return r;
	}

	// ---- records ----

	private Uuid idOf(String topic) throws IOException {
		MetadataResponseData m = (MetadataResponseData) call(ApiKeys.METADATA, 12, metadata(topic), "differential");
		return m.topics().find(topic).topicId();
	}

	private ProduceRequestData produce(int version, String topic, int partition, int acks, MemoryRecords records) throws IOException {
		ProduceRequestData r = new ProduceRequestData().setAcks((short) acks).setTimeoutMs(10000);
		ProduceRequestData.TopicProduceData t = new ProduceRequestData.TopicProduceData();
		if (version >= 13)
			t.setTopicId(topic.equals("nothing") ? new Uuid(9, 9) : idOf(topic));
		else
			t.setName(topic);
		t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(partition).setRecords(records));
		r.topicData().add(t);
		return r;
	}

	private void produceEach(String what, String topic, int partition, int acks, MemoryRecords records) throws IOException {
		for (int v = 3; v <= 13; v++)
			say(what, ApiKeys.PRODUCE, v, produce(v, topic, partition, acks, copy(records)));
	}

	private static MemoryRecords copy(MemoryRecords records) {
		ByteBuffer to = ByteBuffer.allocate(records.sizeInBytes());
		to.put(records.buffer().duplicate()).flip();
		return MemoryRecords.readableRecords(to);
	}

	private static MemoryRecords patched(MemoryRecords records, int at, int... values) {
		MemoryRecords r = copy(records);
		for (int i = 0; i < values.length; i++)
			r.buffer().put(at + i, (byte) values[i]);
		return r;
	}

	private static MemoryRecords records(Compression compression, int n) {
		SimpleRecord[] v = new SimpleRecord[n];
		for (int i = 0; i < n; i++)
			v[i] = new SimpleRecord(1_700_000_000_000L + i, ("key" + i).getBytes(), ("value" + i).getBytes());
		return MemoryRecords.withRecords(compression, v);
	}

	private static MemoryRecords sequenced(long producer, int epoch, int sequence, int n) {
		SimpleRecord[] v = new SimpleRecord[n];
		for (int i = 0; i < n; i++)
			v[i] = new SimpleRecord(1_700_000_000_000L, null, ("s" + sequence + i).getBytes());
		return MemoryRecords.withIdempotentRecords(Compression.NONE, producer, (short) epoch, sequence, v);
	}

	private void produce() throws IOException {
		say("topic", ApiKeys.CREATE_TOPICS, 7, create(false, topic("p", 1, 1), topic("append", 1, 1, "message.timestamp.type", "LogAppendTime"),
			topic("small", 1, 1, "max.message.bytes", "200"), topic("window", 1, 1, "message.timestamp.before.max.ms", "1000"),
			topic("zipped", 1, 1, "compression.type", "gzip"), topic("keyed", 1, 1, "cleanup.policy", "compact")));
		MemoryRecords plain = records(Compression.NONE, 3);
		produceEach("plain", "p", 0, 1, plain);
		produceEach("all", "p", 0, -1, plain);
		produceEach("gzip", "p", 0, -1, records(Compression.gzip().build(), 3));
		produceEach("zstd", "p", 0, -1, records(Compression.zstd().build(), 3));
		produceEach("acks 2", "p", 0, 2, plain);
		produceEach("no such partition", "p", 5, 1, plain);
		produceEach("negative partition", "p", -1, 1, plain);
		produceEach("no such topic", "nothing", 0, 1, plain);
		produceEach("no records", "p", 0, 1, MemoryRecords.EMPTY);
		produceEach("append time", "append", 0, 1, plain);
		produceEach("too large", "small", 0, 1, records(Compression.NONE, 50));
		produceEach("too old", "window", 0, 1, plain);
		produceEach("recompressed", "zipped", 0, 1, records(Compression.NONE, 20));
		produceEach("bad crc", "p", 0, 1, patched(plain, plain.sizeInBytes() - 2, 99));
		produceEach("magic 1", "p", 0, 1, patched(plain, 16, 1));
		produceEach("magic 3", "p", 0, 1, patched(plain, 16, 3));
		produceEach("lying length", "p", 0, 1, patched(plain, 8, 0, 0, 0, 49));
		produceEach("long length", "p", 0, 1, patched(plain, 8, 0, 0, 9, 0));
		produceEach("base offset", "p", 0, 1, patched(plain, 7, 5));
		produceEach("half a batch", "p", 0, 1, half(plain));
		produceEach("two batches", "p", 0, 1, two(plain));
		produceEach("without keys", "keyed", 0, 1, MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(1_700_000_000_000L, "k".getBytes(), null),
			new SimpleRecord(1_700_000_000_000L, null, "v".getBytes())));
		settle("a block of producer ids", () -> ((InitProducerIdResponseData) call(ApiKeys.INIT_PRODUCER_ID, 4, producerId(), "differential"))
			.errorCode() == 0);
		InitProducerIdResponseData id = null;
		for (int v = 0; v <= 5; v++)
			id = (InitProducerIdResponseData) say("producer", ApiKeys.INIT_PRODUCER_ID, v, producerId());
		long pid = id.producerId();
		int[][] steps = {{0, 0, 2}, {0, 2, 1}, {0, 2, 1}, {0, 0, 2}, {0, 9, 1}, {0, 3, 3}, {1, 5, 1}, {1, 0, 1}, {0, 6, 1}, {1, 1, 1}, {1, 0, 1}, {0, 2, 1}};
		for (int[] s : steps)
			say("sequence " + Arrays.toString(s), ApiKeys.PRODUCE, 11, produce(11, "p", 0, -1, sequenced(pid, s[0], s[1], s[2])));
		say("unknown producer", ApiKeys.PRODUCE, 11, produce(11, "p", 0, -1, sequenced(pid + 5000, 0, 77, 1)));
	}

	private static InitProducerIdRequestData producerId() {
		return new InitProducerIdRequestData().setTransactionalId(null).setTransactionTimeoutMs(60000);
	}

	private static MemoryRecords half(MemoryRecords r) {
		ByteBuffer b = copy(r).buffer();
		b.limit(b.limit() - 5);
		return MemoryRecords.readableRecords(b.slice());
	}

	private static MemoryRecords two(MemoryRecords r) {
		ByteBuffer b = ByteBuffer.allocate(2 * r.sizeInBytes());
		b.put(r.buffer().duplicate()).put(r.buffer().duplicate()).flip();
		return MemoryRecords.readableRecords(b);
	}

	private FetchRequestData fetch(int version, String topic, long offset, int maxBytes) throws IOException {
		FetchRequestData r = new FetchRequestData().setMaxWaitMs(10).setMinBytes(1).setMaxBytes(1 << 20).setSessionEpoch(-1);
		FetchRequestData.FetchTopic t = new FetchRequestData.FetchTopic();
		if (version >= 13)
			t.setTopicId(topic.equals("nothing") ? new Uuid(9, 9) : idOf(topic));
		else
			t.setTopic(topic);
		t.partitions().add(new FetchRequestData.FetchPartition().setPartition(0).setFetchOffset(offset).setPartitionMaxBytes(maxBytes)
			.setCurrentLeaderEpoch(-1).setLastFetchedEpoch(-1));
		r.topics().add(t);
		return r;
	}

	private void fetchEach(String what, String topic, long offset, int maxBytes) throws IOException {
		for (int v = 4; v <= 17; v++) {
			FetchRequestData body = fetch(v, topic, offset, maxBytes);
			FetchResponseData answer = (FetchResponseData) say(what, ApiKeys.FETCH, v, body);
			if (answer == null || v % 4 != 0)
				continue;
			for (FetchResponseData.FetchableTopicResponse t : answer.responses())
				for (FetchResponseData.PartitionData p : t.partitions())
					for (RecordBatch b : ((MemoryRecords) p.records()).batches())
						print(what + " | Fetch v" + v, "batch " + b.baseOffset() + "-" + b.lastOffset() + " epoch "
							+ b.partitionLeaderEpoch() + " " + b.compressionType() + " size " + (b.timestampType() == TimestampType.CREATE_TIME ? b.sizeInBytes() : 0)
							+ " " + b.timestampType() + " sequence " + b.baseSequence() + " valid " + b.isValid());
		}
	}

	/** What is named twice in one request, at two places. */
	private void twice() throws IOException {
		for (int v = 4; v <= 17; v++) {
			FetchRequestData r = fetch(v, "p", 0, 100);
			r.topics().get(0).partitions().add(fetch(v, "p", 1_000_000, 100).topics().get(0).partitions().get(0));
			say("twice", ApiKeys.FETCH, v, r);
		}
		each("twice", ApiKeys.OFFSET_FOR_LEADER_EPOCH, v -> {
			OffsetForLeaderEpochRequestData r = epochs("p", 0, -1, 0);
			r.topics().iterator().next().partitions().add(epochs("p", 0, -1, 9).topics().iterator().next().partitions().get(0).duplicate());
			return r;
		});
		for (int v = 3; v <= 13; v++) {
			ProduceRequestData r = produce(v, "window", 0, -1, records(Compression.NONE, 1));
			r.topicData().iterator().next().partitionData().add(
				produce(v, "window", 0, -1, records(Compression.NONE, 2)).topicData().iterator().next().partitionData().get(0));
			say("twice", ApiKeys.PRODUCE, v, r);
		}
		DeleteRecordsRequestData d = deleteRecords("p", 1);
		d.topics().get(0).setPartitions(List.of(d.topics().get(0).partitions().get(0), deleteRecords("p", 2).topics().get(0).partitions().get(0)));
		each("twice", ApiKeys.DELETE_RECORDS, v -> d.duplicate());
	}

	/** By then coordinators have made their topics. */
	private void produceToCoordinators() throws IOException {
		for (String topic : List.of("__consumer_offsets", "__transaction_state"))
			produceEach("to " + topic, topic, 0, -1, records(Compression.NONE, 1));
	}

	private void fetch() throws IOException {
		fetchEach("from the start", "p", 0, 1 << 20);
		fetchEach("one byte", "p", 0, 1);
		fetchEach("in the middle of a batch", "p", 1, 200);
		fetchEach("beyond the end", "p", 1_000_000, 1 << 20);
		fetchEach("negative", "p", -7, 1 << 20);
		fetchEach("of nothing", "nothing", 0, 1 << 20);
		fetchEach("recompressed", "zipped", 0, 1 << 20);
		for (int v = 9; v <= 17; v++) {
			FetchRequestData future = fetch(v, "p", 0, 100);
			future.topics().get(0).partitions().get(0).setCurrentLeaderEpoch(7);
			say("an epoch of the future", ApiKeys.FETCH, v, future);
		}
		for (int v = 7; v <= 17; v++) {
			FetchRequestData open = fetch(v, "p", 0, 100).setSessionEpoch(0);
			FetchResponseData first = (FetchResponseData) say("session opened", ApiKeys.FETCH, v, open);
			int session = first.sessionId();
			say("nothing new but the same", ApiKeys.FETCH, v, fetch(v, "p", 0, 100).setSessionId(session).setSessionEpoch(1));
			FetchRequestData rest = fetch(v, "p", 0, 100).setSessionId(session).setSessionEpoch(2);
			rest.topics().clear();
			say("the rest", ApiKeys.FETCH, v, rest);
			say("wrong epoch", ApiKeys.FETCH, v, rest.duplicate().setSessionEpoch(9));
			say("unknown session", ApiKeys.FETCH, v, rest.duplicate().setSessionId(session + 1));
			say("closed", ApiKeys.FETCH, v, rest.duplicate().setSessionEpoch(-1));
		}
		long[] times = {-1, -2, -3, -4, -5, -6, -7, 0, 1_700_000_000_000L, 1_700_000_000_002L, 4_000_000_000_000L};
		for (long time : times)
			each("time " + time, ApiKeys.LIST_OFFSETS, v -> offsets("p", 0, time));
		each("of nothing", ApiKeys.LIST_OFFSETS, v -> offsets("nothing", 0, -1));
		each("of no partition", ApiKeys.LIST_OFFSETS, v -> offsets("p", 9, -1));
		each("twice", ApiKeys.LIST_OFFSETS, v -> {
			ListOffsetsRequestData r = offsets("p", 0, -1);
			r.topics().get(0).setPartitions(List.of(r.topics().get(0).partitions().get(0), offsets("p", 0, -2).topics().get(0).partitions().get(0)));
			return r;
		});
		long[] deletes = {2, 1, -1, 1_000_000, -5};
		for (long offset : deletes)
			say("delete to " + offset, ApiKeys.DELETE_RECORDS, 2, deleteRecords("zipped", offset));
		each("delete of nothing", ApiKeys.DELETE_RECORDS, v -> deleteRecords("nothing", 0));
		fetchEach("deleted", "zipped", 0, 1 << 20);
		each("earliest after", ApiKeys.LIST_OFFSETS, v -> offsets("zipped", 0, -2));
	}

	private static ListOffsetsRequestData offsets(String topic, int partition, long time) {
		return new ListOffsetsRequestData().setReplicaId(-1).setTopics(List.of(new ListOffsetsRequestData.ListOffsetsTopic().setName(topic)
			.setPartitions(List.of(new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(partition).setTimestamp(time)))));
	}

	private static DeleteRecordsRequestData deleteRecords(String topic, long offset) {
		return new DeleteRecordsRequestData().setTimeoutMs(5000).setTopics(List.of(new DeleteRecordsRequestData.DeleteRecordsTopic()
			.setName(topic).setPartitions(List.of(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(0).setOffset(offset)))));
	}

	// ---- configuration ----

	private static DescribeConfigsRequestData describe(int type, String name, List<String> keys, boolean synonyms, boolean docs) {
		return new DescribeConfigsRequestData().setIncludeSynonyms(synonyms).setIncludeDocumentation(docs).setResources(List.of(
			new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) type).setResourceName(name).setConfigurationKeys(keys)));
	}

	/** One line a setting, by name; the documentation is ours, so that only its presence is compared. */
	private void describeAll(String what, int type, String name, boolean synonyms, int version) throws IOException {
		DescribeConfigsResponseData answer = (DescribeConfigsResponseData) call(ApiKeys.DESCRIBE_CONFIGS, version,
			describe(type, name, null, synonyms, false), "differential");
		JsonNode json = Wire.json(ApiKeys.DESCRIBE_CONFIGS, false, answer, (short) version);
		TreeSet<String> lines = new TreeSet<>();
		for (JsonNode result : json.get("results")) {
			for (JsonNode entry : result.get("configs"))
				if (!entry.get("name").asText().matches("log.dirs?|.*listeners|controller.quorum.*|metadata.log.dir"))
					lines.add(entry.toString());
			((ObjectNode) result).set("configs", new ArrayNode(JsonNodeFactory.instance));
			print(what + " | DescribeConfigs v" + version, result.toString());
		}
		for (String line : lines)
			print(what + " | DescribeConfigs v" + version, line);
	}

	private static IncrementalAlterConfigsRequestData alter(int type, String name, int op, String key, String value, boolean validateOnly) {
		IncrementalAlterConfigsRequestData.AlterableConfigCollection configs = new IncrementalAlterConfigsRequestData.AlterableConfigCollection();
		configs.add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(key).setConfigOperation((byte) op).setValue(value));
		IncrementalAlterConfigsRequestData r = new IncrementalAlterConfigsRequestData().setValidateOnly(validateOnly);
		r.resources().add(new IncrementalAlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) type).setResourceName(name).setConfigs(configs));
		return r;
	}

	/** Loggers, metrics subscriptions and groups have settings too. */
	private void otherConfigs() throws IOException {
		Object[][] changes = {{16, "m", 0, "interval.ms", "1000"}, {16, "m", 0, "metrics", "org.apache.kafka.,a"}, {16, "m", 0, "match", "client_id=x"},
			{16, "m", 0, "match", "bad"}, {16, "m", 0, "match", "no_such=x"}, {16, "m", 0, "match", "client_id=["}, {16, "m", 0, "interval.ms", "1"},
			{16, "m", 0, "interval.ms", "x"}, {16, "m", 0, "interval.ms", "99999999"}, {16, "m", 0, "nope", "1"}, {16, "", 0, "interval.ms", "1000"},
			{16, "m", 1, "interval.ms", null}, {16, "m", 2, "metrics", "b"}, {16, "m", 3, "metrics", "a"}, {16, "m", 0, "metrics", ""},
			{32, "g", 0, "consumer.session.timeout.ms", "50000"}, {32, "g", 0, "consumer.session.timeout.ms", "1"}, {32, "g", 0, "nope", "1"},
			{32, "g", 0, "consumer.heartbeat.interval.ms", "x"}, {32, "", 0, "consumer.session.timeout.ms", "50000"},
			{32, "g", 1, "consumer.session.timeout.ms", null}, {8, "1", 0, "kafka.test", "DEBUG"}, {8, "1", 0, "kafka.test", "NOPE"},
			{8, "1", 0, "no.such.logger", "DEBUG"}, {8, "1", 1, "kafka.test", null}, {8, "1", 2, "kafka.test", "INFO"}, {8, "1", 1, "root", null}, {8, "1", 0, "root", "NOPE"}, {8, "1", 0, "root", "INFO"}, {8, "1", 9, "root", "INFO"},
			{8, "2", 0, "kafka.test", "INFO"}, {8, "x", 0, "kafka.test", "INFO"}, {8, "", 0, "kafka.test", "INFO"}, {0, "x", 0, "a", "b"}};
		for (boolean validate : new boolean[] {true, false})
			for (Object[] c : changes)
				for (int v = 0; v <= 1; v++)
					say("change " + Arrays.toString(c) + (validate ? " to see" : ""), ApiKeys.INCREMENTAL_ALTER_CONFIGS, v,
						alter((int) c[0], (String) c[1], (int) c[2], (String) c[3], (String) c[4], validate));
		say("a subscription", ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1, alter(16, "m", 0, "interval.ms", "2000", false));
		say("a group", ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1, alter(32, "g", 0, "consumer.session.timeout.ms", "50000", false));
		for (int v = 0; v <= 2; v++)
			for (Object[] c : new Object[][] {{16, "m", "interval.ms", "3000"}, {32, "g", "consumer.session.timeout.ms", "51000"}, {8, "1", "kafka.test", "INFO"}}) {
				AlterConfigsRequestData.AlterableConfigCollection configs = new AlterConfigsRequestData.AlterableConfigCollection();
				configs.add(new AlterConfigsRequestData.AlterableConfig().setName((String) c[2]).setValue((String) c[3]));
				AlterConfigsRequestData r = new AlterConfigsRequestData();
				r.resources().add(new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) (int) c[0]).setResourceName((String) c[1])
					.setConfigs(configs));
				say("all at once " + c[0], ApiKeys.ALTER_CONFIGS, v, r);
			}
		settle("the subscription", () -> ((DescribeConfigsResponseData) call(ApiKeys.DESCRIBE_CONFIGS, 4, describe(16, "m", List.of("interval.ms"), false,
			false), "differential")).results().get(0).configs().stream().anyMatch(c -> "3000".equals(c.value())));
		describeAll("subscription", 16, "m", true, 4);
		describeAll("no subscription", 16, "nothing", true, 4);
		describeAll("subscription without a name", 16, "", true, 4);
		describeAll("group", 32, "g", true, 4);
		describeAll("no group", 32, "nothing", true, 4);
		describeAll("group without a name", 32, "", true, 4);
		each("a setting of a subscription", ApiKeys.DESCRIBE_CONFIGS, v -> describe(16, "m", List.of("interval.ms"), true, false));
		each("a setting of a group", ApiKeys.DESCRIBE_CONFIGS, v -> describe(32, "g", List.of("consumer.session.timeout.ms"), true, false));
		each("a logger that is not there", ApiKeys.DESCRIBE_CONFIGS, v -> describe(8, "1", List.of("no.such.logger"), true, false));
		each("the root logger", ApiKeys.DESCRIBE_CONFIGS, v -> describe(8, "1", List.of("root"), true, false));
		for (String name : List.of("2", "x", ""))
			each("loggers of '" + name + "'", ApiKeys.DESCRIBE_CONFIGS, v -> describe(8, name, List.of("root"), true, false));
		each("resources", ApiKeys.LIST_CONFIG_RESOURCES, v -> new ListConfigResourcesRequestData());
	}

	private void configs() throws IOException {
		describeAll("topic", 2, "p", false, 4);
		describeAll("topic", 2, "configured-0", true, 4);
		describeAll("broker", 4, "1", true, 4);
		describeAll("all brokers", 4, "", true, 4);
		each("one key", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "configured-0", List.of("retention.ms"), true, false));
		each("no key", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "p", List.of(), true, false));
		each("unknown key", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "p", List.of("no.such"), true, false));
		each("of nothing", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "nothing", null, false, false));
		each("of another broker", ApiKeys.DESCRIBE_CONFIGS, v -> describe(4, "2", null, false, false));
		each("of no broker", ApiKeys.DESCRIBE_CONFIGS, v -> describe(4, "x", null, false, false));
		each("of what", ApiKeys.DESCRIBE_CONFIGS, v -> describe(99, "x", null, false, false));
		Object[][] changes = {{2, "p", 0, "retention.ms", "5000"}, {2, "p", 0, "retention.ms", "x"}, {2, "p", 1, "retention.ms", null},
			{2, "p", 2, "cleanup.policy", "delete"}, {2, "p", 3, "cleanup.policy", "delete"}, {2, "p", 2, "retention.ms", "1"},
			{2, "p", 0, "no.such", "1"}, {2, "p", 9, "retention.ms", "1"}, {2, "nothing", 0, "retention.ms", "1"}, {2, "", 0, "retention.ms", "1"},
			{4, "1", 0, "message.max.bytes", "2000000"}, {4, "", 0, "log.retention.ms", "86400000"}, {4, "1", 0, "node.id", "5"},
			{4, "2", 0, "message.max.bytes", "1"}, {4, "x", 0, "message.max.bytes", "1"}, {4, "1", 0, "no.such", "1"},
			{2, "p", 0, "retention.ms", null}, {99, "p", 0, "a", "b"}, {2, "p", 0, "segment.bytes", "5"}, {4, "", 1, "log.retention.ms", null}};
		for (boolean validate : new boolean[] {true, false})
			for (Object[] c : changes)
				for (int v = 0; v <= 1; v++)
					say("change " + Arrays.toString(c) + (validate ? " to see" : ""), ApiKeys.INCREMENTAL_ALTER_CONFIGS, v,
						alter((int) c[0], (String) c[1], (int) c[2], (String) c[3], (String) c[4], validate));
		settle("the end of log.retention.ms", () -> ((DescribeConfigsResponseData) call(ApiKeys.DESCRIBE_CONFIGS, 4, describe(4, "1",
			List.of("log.retention.ms"), false, false), "differential")).results().get(0).configs().stream().allMatch(c -> c.value() == null));
		describeAll("broker changed", 4, "1", true, 4);
		describeAll("topic changed", 2, "p", true, 4);
		for (int v = 0; v <= 2; v++) {
			AlterConfigsRequestData.AlterableConfigCollection configs = new AlterConfigsRequestData.AlterableConfigCollection();
			configs.add(new AlterConfigsRequestData.AlterableConfig().setName("flush.ms").setValue("" + (1000 + v)));
			AlterConfigsRequestData r = new AlterConfigsRequestData();
			r.resources().add(new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) 2).setResourceName("p").setConfigs(configs));
			say("all at once", ApiKeys.ALTER_CONFIGS, v, r);
		}
		settle("the last flush.ms", () -> ((DescribeConfigsResponseData) call(ApiKeys.DESCRIBE_CONFIGS, 4, describe(2, "p",
			List.of("flush.ms"), false, false), "differential")).results().get(0).configs().stream().anyMatch(c -> "1002".equals(c.value())));
		describeAll("topic replaced", 2, "p", true, 4);
		each("resources", ApiKeys.LIST_CONFIG_RESOURCES, v -> new ListConfigResourcesRequestData());
		say("resources of topics", ApiKeys.LIST_CONFIG_RESOURCES, 1, new ListConfigResourcesRequestData().setResourceTypes(List.of((byte) 2)));
		say("resources of what", ApiKeys.LIST_CONFIG_RESOURCES, 1, new ListConfigResourcesRequestData().setResourceTypes(List.of((byte) 77)));
	}

	// ---- the rest ----

	private void rest() throws IOException {
		each("log dirs", ApiKeys.DESCRIBE_LOG_DIRS, v -> {
			DescribeLogDirsRequestData.DescribableLogDirTopicCollection topics = new DescribeLogDirsRequestData.DescribableLogDirTopicCollection();
			topics.add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic("p").setPartitions(List.of(0)));
			return new DescribeLogDirsRequestData().setTopics(topics);
		});
		each("to no directory", ApiKeys.ALTER_REPLICA_LOG_DIRS, v -> {
			AlterReplicaLogDirsRequestData r = new AlterReplicaLogDirsRequestData();
			AlterReplicaLogDirsRequestData.AlterReplicaLogDir dir = new AlterReplicaLogDirsRequestData.AlterReplicaLogDir().setPath("/no/such");
			dir.topics().add(new AlterReplicaLogDirsRequestData.AlterReplicaLogDirTopic().setName("p").setPartitions(List.of(0)));
			r.dirs().add(dir);
			return r;
		});
		for (int v = 0; v <= 2; v++) {
			UpdateFeaturesRequestData r = new UpdateFeaturesRequestData().setTimeoutMs(5000).setValidateOnly(v > 0);
			r.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature("no.such.feature").setMaxVersionLevel((short) 1));
			say("unknown feature", ApiKeys.UPDATE_FEATURES, v, r);
			r = new UpdateFeaturesRequestData().setTimeoutMs(5000).setValidateOnly(v > 0);
			r.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature("metadata.version").setMaxVersionLevel((short) 99));
			say("metadata.version of the future", ApiKeys.UPDATE_FEATURES, v, r);
			r = new UpdateFeaturesRequestData().setTimeoutMs(5000).setValidateOnly(v > 0);
			r.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature("metadata.version").setMaxVersionLevel((short) 20));
			say("metadata.version of the past", ApiKeys.UPDATE_FEATURES, v, r);
		}
		each("deleted", ApiKeys.DELETE_TOPICS, v -> v < 6
			? new DeleteTopicsRequestData().setTimeoutMs(10000).setTopicNames(List.of("defaults-" + (v + 1), "nothing"))
			: new DeleteTopicsRequestData().setTimeoutMs(10000).setTopics(List.of(
				new DeleteTopicsRequestData.DeleteTopicState().setName("defaults-7"), new DeleteTopicsRequestData.DeleteTopicState().setName("nothing"),
				new DeleteTopicsRequestData.DeleteTopicState().setName(null).setTopicId(new Uuid(3, 3)))));
		say("deleted twice", ApiKeys.DELETE_TOPICS, 6, new DeleteTopicsRequestData().setTimeoutMs(10000).setTopics(List.of(
			new DeleteTopicsRequestData.DeleteTopicState().setName("plain-2"), new DeleteTopicsRequestData.DeleteTopicState().setName("plain-2"))));
		settle("the end of defaults-7", () -> partitionsOf("defaults-7") == 0);
		for (int v = 4; v <= 13; v++)
			say("after", ApiKeys.METADATA, v, metadata("defaults-7").setAllowAutoTopicCreation(false));
		each("made", ApiKeys.METADATA, v -> metadata("made-" + v));
	}

	// ---- administration ----

	private static ElectLeadersRequestData elect(int type, String topic, int... partitions) {
		ElectLeadersRequestData r = new ElectLeadersRequestData().setElectionType((byte) type).setTimeoutMs(5000);
		if (topic == null)
			return r.setTopicPartitions(null);
		ElectLeadersRequestData.TopicPartitionsCollection topics = new ElectLeadersRequestData.TopicPartitionsCollection();
		List<Integer> list = new ArrayList<>();
		for (int p : partitions)
			list.add(p);
		topics.add(new ElectLeadersRequestData.TopicPartitions().setTopic(topic).setPartitions(list));
		return r.setTopicPartitions(topics);
	}

	private static AlterPartitionReassignmentsRequestData reassign(String topic, int partition, List<Integer> replicas) {
		AlterPartitionReassignmentsRequestData.ReassignableTopic t = new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName(topic);
		t.partitions().add(new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(partition).setReplicas(replicas));
		return new AlterPartitionReassignmentsRequestData().setTimeoutMs(5000).setTopics(List.of(t));
	}

	private static DescribeProducersRequestData producersOf(String topic, Integer... partitions) {
		DescribeProducersRequestData r = new DescribeProducersRequestData();
		r.topics().add(new DescribeProducersRequestData.TopicRequest().setName(topic).setPartitionIndexes(List.of(partitions)));
		return r;
	}

	private static DescribeQuorumRequestData quorum(String topic, int partition) {
		DescribeQuorumRequestData.TopicData t = new DescribeQuorumRequestData.TopicData().setTopicName(topic);
		t.partitions().add(new DescribeQuorumRequestData.PartitionData().setPartitionIndex(partition));
		return new DescribeQuorumRequestData().setTopics(List.of(t));
	}

	private static AddRaftVoterRequestData addVoter(String cluster, int id, Uuid directory, String listener) {
		AddRaftVoterRequestData.ListenerCollection listeners = new AddRaftVoterRequestData.ListenerCollection();
		listeners.add(new AddRaftVoterRequestData.Listener().setName(listener).setHost("127.0.0.1").setPort(1));
		return new AddRaftVoterRequestData().setClusterId(cluster).setTimeoutMs(1000).setVoterId(id).setVoterDirectoryId(directory)
			.setListeners(listeners);
	}

	/** The quorum that is there: what counts up or is drawn by chance is masked. */
	private void quorumItself() throws IOException {
		for (int v = 0; v <= ApiKeys.DESCRIBE_QUORUM.latestVersion(false); v++) {
			ApiMessage answer = call(ApiKeys.DESCRIBE_QUORUM, v, quorum("__cluster_metadata", 0), "differential");
			print("quorum | DescribeQuorum v" + v, names.normal("", Wire.json(ApiKeys.DESCRIBE_QUORUM, false, answer, (short) v)).toString()
				.replaceAll("\"(leaderEpoch|highWatermark|logEndOffset|last[A-Za-z]*Timestamp|port)\":[\"<>a-zA-Z0-9-]+", "\"$1\":0"));
		}
	}

	private void administration() throws IOException {
		quorumItself();
		cluster = ((DescribeClusterResponseData) call(ApiKeys.DESCRIBE_CLUSTER, 1, new DescribeClusterRequestData(), "differential")).clusterId();
		each("preferred", ApiKeys.ELECT_LEADERS, v -> elect(0, "p", 0, 1, 7));
		each("preferred of nothing", ApiKeys.ELECT_LEADERS, v -> elect(0, "nothing", 0));
		each("unclean", ApiKeys.ELECT_LEADERS, v -> elect(v == 0 ? 0 : 1, "p", 0));
		each("preferred everywhere", ApiKeys.ELECT_LEADERS, v -> elect(0, null));
		each("unclean everywhere", ApiKeys.ELECT_LEADERS, v -> elect(v == 0 ? 0 : 1, null));
		for (List<Integer> replicas : Arrays.asList(null, List.<Integer>of(), List.of(1), List.of(2), List.of(1, 1), List.of(1, 2), List.of(-1)))
			each("to " + replicas, ApiKeys.ALTER_PARTITION_REASSIGNMENTS, v -> reassign("p", 0, replicas));
		each("of nothing", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, v -> reassign("nothing", 0, List.of(1)));
		each("of no partition", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, v -> reassign("p", 99, List.of(1)));
		say("of a fixed size", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, 1, reassign("p", 0, List.of(1)).setAllowReplicationFactorChange(false));
		each("none asked", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, v -> new AlterPartitionReassignmentsRequestData().setTimeoutMs(1000));
		each("all", ApiKeys.LIST_PARTITION_REASSIGNMENTS, v -> new ListPartitionReassignmentsRequestData().setTopics(null));
		each("some", ApiKeys.LIST_PARTITION_REASSIGNMENTS, v -> new ListPartitionReassignmentsRequestData().setTopics(List.of(
			new ListPartitionReassignmentsRequestData.ListPartitionReassignmentsTopics().setName("p").setPartitionIndexes(List.of(0, 9)),
			new ListPartitionReassignmentsRequestData.ListPartitionReassignmentsTopics().setName("nothing").setPartitionIndexes(List.of(0)))));
		for (String topic : List.of("zipped", "nothing", "a b", "", "__cluster_metadata"))
			each("of " + topic, ApiKeys.DESCRIBE_PRODUCERS, v -> producersOf(topic, 0, 77, -1));
		each("no topics", ApiKeys.DESCRIBE_PRODUCERS, v -> new DescribeProducersRequestData());
		each("all", ApiKeys.LIST_TRANSACTIONS, v -> new ListTransactionsRequestData());
		each("of states", ApiKeys.LIST_TRANSACTIONS, v -> new ListTransactionsRequestData().setStateFilters(
			List.of("Ongoing", "bad", "Empty", "PrepareEpochFence", "Dead", "bad", "ongoing", "")));
		each("some", ApiKeys.DESCRIBE_TRANSACTIONS, v -> new DescribeTransactionsRequestData().setTransactionalIds(List.of("a", "", "b")));
		each("none", ApiKeys.DESCRIBE_TRANSACTIONS, v -> new DescribeTransactionsRequestData());
		each("acls", ApiKeys.DESCRIBE_ACLS, v -> new DescribeAclsRequestData().setResourceTypeFilter((byte) 1).setPatternTypeFilter((byte) 3)
			.setOperation((byte) 1).setPermissionType((byte) 1));
		each("acls", ApiKeys.CREATE_ACLS, v -> new CreateAclsRequestData().setCreations(List.of(new CreateAclsRequestData.AclCreation()
			.setResourceType((byte) 2).setResourceName("t").setResourcePatternType((byte) 3).setPrincipal("User:a").setHost("*").setOperation((byte) 3)
			.setPermissionType((byte) 3))));
		each("no acls", ApiKeys.CREATE_ACLS, v -> new CreateAclsRequestData());
		each("acls", ApiKeys.DELETE_ACLS, v -> new DeleteAclsRequestData().setFilters(List.of(new DeleteAclsRequestData.DeleteAclsFilter()
			.setResourceTypeFilter((byte) 2).setPatternTypeFilter((byte) 3).setOperation((byte) 1).setPermissionType((byte) 1))));
		each("a broker that is not there", ApiKeys.UNREGISTER_BROKER, v -> new UnregisterBrokerRequestData().setBrokerId(77));
		each("a controller that is not there", ApiKeys.UNREGISTER_CONTROLLER, v -> new UnregisterControllerRequestData().setControllerId(77));
		each("another topic's quorum", ApiKeys.DESCRIBE_QUORUM, v -> quorum("p", 0));
		each("another partition's quorum", ApiKeys.DESCRIBE_QUORUM, v -> quorum("__cluster_metadata", 1));
		each("nobody's quorum", ApiKeys.DESCRIBE_QUORUM, v -> new DescribeQuorumRequestData());
		each("another cluster", ApiKeys.ADD_RAFT_VOTER, v -> addVoter("other", 2, new Uuid(1, 2), "CONTROLLER"));
		each("nobody", ApiKeys.ADD_RAFT_VOTER, v -> addVoter(null, -1, new Uuid(1, 2), "CONTROLLER"));
		each("no directory", ApiKeys.ADD_RAFT_VOTER, v -> addVoter(null, 2, Uuid.ZERO_UUID, "CONTROLLER"));
		each("a voter", ApiKeys.ADD_RAFT_VOTER, v -> addVoter(null, 2, new Uuid(1, 2), "CONTROLLER"));
		each("another cluster", ApiKeys.REMOVE_RAFT_VOTER, v -> new RemoveRaftVoterRequestData().setClusterId("other").setVoterId(1)
			.setVoterDirectoryId(new Uuid(1, 2)));
		each("nobody", ApiKeys.REMOVE_RAFT_VOTER, v -> new RemoveRaftVoterRequestData().setClusterId(null).setVoterId(-1).setVoterDirectoryId(new Uuid(1, 2)));
		each("no directory", ApiKeys.REMOVE_RAFT_VOTER, v -> new RemoveRaftVoterRequestData().setClusterId(null).setVoterId(1));
		each("a voter", ApiKeys.REMOVE_RAFT_VOTER, v -> new RemoveRaftVoterRequestData().setClusterId(null).setVoterId(1).setVoterDirectoryId(new Uuid(1, 2)));
	}

	/** What a controller's listener serves to tools (KIP-919). */
	private void controller() throws IOException {
		prefix = "controller: ";
		advertised();
		raw("broker only | Produce v11", header(0, 11, true));
		raw("broker only | Metadata v9", header(3, 9, true));
		each("cluster", ApiKeys.DESCRIBE_CLUSTER, v -> new DescribeClusterRequestData().setEndpointType((byte) 2));
		each("cluster of brokers", ApiKeys.DESCRIBE_CLUSTER, v -> new DescribeClusterRequestData().setEndpointType((byte) 1));
		quorumItself();
		each("quorum of another topic", ApiKeys.DESCRIBE_QUORUM, v -> quorum("p", 0));
		each("one key", ApiKeys.DESCRIBE_CONFIGS, v -> describe(4, "1", List.of("message.max.bytes"), true, false));
		each("key of all", ApiKeys.DESCRIBE_CONFIGS, v -> describe(4, "", List.of("message.max.bytes"), true, false));
		each("key of another", ApiKeys.DESCRIBE_CONFIGS, v -> describe(4, "2", List.of("message.max.bytes"), true, false));
		each("key of a topic", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "p", List.of("retention.ms"), true, false));
		each("key of nothing", ApiKeys.DESCRIBE_CONFIGS, v -> describe(2, "nothing", List.of("retention.ms"), true, false));
		for (int v = 0; v <= 1; v++) {
			say("change of a topic to see", ApiKeys.INCREMENTAL_ALTER_CONFIGS, v, alter(2, "p", 0, "retention.ms", "7000", true));
			say("change of all to see", ApiKeys.INCREMENTAL_ALTER_CONFIGS, v, alter(4, "", 0, "log.retention.ms", "86400000", true));
			say("change of a logger to see", ApiKeys.INCREMENTAL_ALTER_CONFIGS, v, alter(8, "1", 0, "no.such.logger", "INFO", true));
		}
		each("only to see", ApiKeys.CREATE_TOPICS, v -> create(true, topic("seen-" + v, 3, 1)));
		each("preferred", ApiKeys.ELECT_LEADERS, v -> elect(0, "p", 0));
		each("all", ApiKeys.LIST_PARTITION_REASSIGNMENTS, v -> new ListPartitionReassignmentsRequestData().setTopics(null));
		each("acls", ApiKeys.DESCRIBE_ACLS, v -> new DescribeAclsRequestData().setResourceTypeFilter((byte) 1).setPatternTypeFilter((byte) 3)
			.setOperation((byte) 1).setPermissionType((byte) 1));
		each("a broker that is not there", ApiKeys.UNREGISTER_BROKER, v -> new UnregisterBrokerRequestData().setBrokerId(77));
		each("nobody", ApiKeys.ADD_RAFT_VOTER, v -> addVoter(null, -1, new Uuid(1, 2), "CONTROLLER"));
	}

	public static void main(String[] args) throws IOException {
		Differential d = new Differential(args[0], Integer.parseInt(args[1]));
		d.versions();
		d.topics();
		d.topicMetadata();
		d.produce();
		d.fetch();
		d.twice();
		d.configs();
		d.otherConfigs();
		d.administration();
		d.rest();
		new Differential(args[0], Integer.parseInt(args[2])).controller();
		new Groups(args[0], Integer.parseInt(args[1]), new Wire.Names()).run();
		new ConsumerGroups(args[0], Integer.parseInt(args[1]), new Wire.Names()).run();
		new Transactions(args[0], Integer.parseInt(args[1]), new Wire.Names()).run();
		new Differential(args[0], Integer.parseInt(args[1])).produceToCoordinators();
		new Admin(args[0], Integer.parseInt(args[1]), "", new Wire.Names()).run();
		new Admin(args[0], Integer.parseInt(args[2]), "controller: ", new Wire.Names()).runController();
	}
}
