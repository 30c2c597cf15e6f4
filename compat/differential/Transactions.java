import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.function.IntFunction;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.message.AddPartitionsToTxnRequestData.AddPartitionsToTxnTopic;
import org.apache.kafka.common.message.AddPartitionsToTxnRequestData.AddPartitionsToTxnTopicCollection;
import org.apache.kafka.common.message.AddPartitionsToTxnRequestData.AddPartitionsToTxnTransaction;
import org.apache.kafka.common.message.AddPartitionsToTxnRequestData.AddPartitionsToTxnTransactionCollection;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogKey;
import org.apache.kafka.coordinator.transaction.generated.TransactionLogValue;

/** Transactions: a producer of old (KIP-98) and one whose epoch grows with each transaction (KIP-890); what is refused of both. */
final class Transactions {
	private static final String TOPIC = "t-topic";
	private final String host;
	private final int port;
	private final Wire.Names names;
	private Wire wire;
	private Uuid topicId;
	private String id; // of the producer whose turn it is
	private long producer;
	private short epoch;

	Transactions(String host, int port, Wire.Names names) throws IOException {
		this.host = host;
		this.port = port;
		this.names = names;
		wire = new Wire(host, port);
	}

	private ApiMessage ask(ApiKeys api, int version, ApiMessage body) throws IOException {
		ApiMessage answer = wire.call(api, (short) version, body, "differential");
		if (answer == null) {
			wire.close();
			wire = new Wire(host, port);
		}
		return answer;
	}

	private ApiMessage say(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
		try {
			ApiMessage answer = ask(api, version, body);
			System.out.println(what + " | " + api.name + " v" + version + " => "
				+ (answer == null ? "closed" : names.normal("", Wire.json(api, false, answer, (short) version)).toString()));
			return answer;
		} catch (UnsupportedVersionException e) {
			return null; // this version cannot say it
		}
	}

	private void each(String what, ApiKeys api, IntFunction<ApiMessage> body) throws IOException {
		for (int v = api.oldestVersion(); v <= api.latestVersion(false); v++)
			say(what, api, v, body.apply(v));
	}

	void run() throws IOException {
		CreateTopicsRequestData create = new CreateTopicsRequestData();
		create.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(TOPIC).setNumPartitions(2).setReplicationFactor((short) 1));
		CreateTopicsResponseData made = (CreateTopicsResponseData) ask(ApiKeys.CREATE_TOPICS, 7, create);
		topicId = made.topics().find(TOPIC).topicId();
		names.name("uuid", topicId.toString());
		settle();
		begins();
		adds();
		offsets();
		writes();
		ends();
		markers();
		several();
		log();
	}

	// ---- requests of the producer whose turn it is ----

	private InitProducerIdRequestData init(String name) {
		return new InitProducerIdRequestData().setTransactionalId(name).setTransactionTimeoutMs(60000);
	}

	/** Asks for the coordinator, which makes its topic, and waits until it is there. */
	private void settle() throws IOException {
		long end = System.nanoTime() + 30_000_000_000L;
		while (((FindCoordinatorResponseData) ask(ApiKeys.FIND_COORDINATOR, 3, new FindCoordinatorRequestData().setKey("t-settle").setKeyType((byte) 1)))
			.errorCode() != 0)
			if (System.nanoTime() > end)
				throw new IOException("nobody is the coordinator");
		while (((InitProducerIdResponseData) ask(ApiKeys.INIT_PRODUCER_ID, 5, init("t-settle"))).errorCode() != 0)
			if (System.nanoTime() > end)
				throw new IOException("the coordinator never came");
	}

	private void turn(String name) throws IOException {
		InitProducerIdResponseData r = (InitProducerIdResponseData) say(name + " begins", ApiKeys.INIT_PRODUCER_ID, 5, init(name));
		id = name;
		producer = r.producerId();
		epoch = r.producerEpoch();
	}

	private static AddPartitionsToTxnTopicCollection topics(String topic, Integer... partitions) {
		AddPartitionsToTxnTopicCollection t = new AddPartitionsToTxnTopicCollection();
		t.add(new AddPartitionsToTxnTopic().setName(topic).setPartitions(List.of(partitions)));
		return t;
	}

	/** As a producer asks (to version 3), or as a broker does for one. */
	private AddPartitionsToTxnRequestData add(int version, boolean verify, String topic, Integer... partitions) {
		if (version < 4)
			return new AddPartitionsToTxnRequestData().setV3AndBelowTransactionalId(id).setV3AndBelowProducerId(producer)
				.setV3AndBelowProducerEpoch(epoch).setV3AndBelowTopics(topics(topic, partitions));
		AddPartitionsToTxnTransactionCollection all = new AddPartitionsToTxnTransactionCollection();
		all.add(new AddPartitionsToTxnTransaction().setTransactionalId(id).setProducerId(producer).setProducerEpoch(epoch).setVerifyOnly(verify)
			.setTopics(topics(topic, partitions)));
		return new AddPartitionsToTxnRequestData().setTransactions(all);
	}

	private EndTxnRequestData end(boolean commit) {
		return new EndTxnRequestData().setTransactionalId(id).setProducerId(producer).setProducerEpoch(epoch).setCommitted(commit);
	}

	/** Ends the transaction, and waits until its markers are written. */
	private void ended(String what, int version, boolean commit) throws IOException {
		EndTxnResponseData r = (EndTxnResponseData) say(what, ApiKeys.END_TXN, version, end(commit));
		if (version >= 5 && r.errorCode() == 0) {
			producer = r.producerId();
			epoch = r.producerEpoch();
		}
		long end = System.nanoTime() + 30_000_000_000L;
		while (state().startsWith("Prepare"))
			if (System.nanoTime() > end)
				throw new IOException("it never ended: " + what);
	}

	private String state() throws IOException {
		DescribeTransactionsResponseData r = (DescribeTransactionsResponseData) ask(ApiKeys.DESCRIBE_TRANSACTIONS, 0,
			new DescribeTransactionsRequestData().setTransactionalIds(List.of(id)));
		return r.transactionStates().get(0).transactionState();
	}

	private AddOffsetsToTxnRequestData addOffsets(String group) {
		return new AddOffsetsToTxnRequestData().setTransactionalId(id).setProducerId(producer).setProducerEpoch(epoch).setGroupId(group);
	}

	private TxnOffsetCommitRequestData commit(int version, String group, long offset) {
		TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic t = new TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic();
		if (version >= 6)
			t.setTopicId(topicId);
		else
			t.setName(TOPIC);
		t.partitions().add(new TxnOffsetCommitRequestData.TxnOffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(offset)
			.setCommittedMetadata("m"));
		return new TxnOffsetCommitRequestData().setTransactionalId(id).setGroupId(group).setProducerId(producer).setProducerEpoch(epoch)
			.setTopics(List.of(t));
	}

	private ProduceRequestData produce(int version, int partition, int sequence) {
		MemoryRecords records = MemoryRecords.withTransactionalRecords(Compression.NONE, producer, epoch, sequence,
			new SimpleRecord(1_700_000_000_000L, null, ("t" + sequence).getBytes()));
		ProduceRequestData.TopicProduceData t = new ProduceRequestData.TopicProduceData();
		if (version >= 13)
			t.setTopicId(topicId);
		else
			t.setName(TOPIC);
		t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(partition).setRecords(records));
		ProduceRequestData r = new ProduceRequestData().setTransactionalId(id).setAcks((short) -1).setTimeoutMs(10000);
		r.topicData().add(t);
		return r;
	}

	// ---- what is seen of it ----

	private void described(String what, String name) throws IOException {
		each(what, ApiKeys.DESCRIBE_TRANSACTIONS, v -> new DescribeTransactionsRequestData().setTransactionalIds(List.of(name)));
	}

	private void offsetsSeen(String what, String group) throws IOException {
		for (boolean stable : new boolean[] {false, true})
			say(what + (stable ? ", what is stable" : ""), ApiKeys.OFFSET_FETCH, 9, new OffsetFetchRequestData().setRequireStable(stable).setGroups(List.of(
				new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId(group).setTopics(List.of(
					new OffsetFetchRequestData.OffsetFetchRequestTopics().setName(TOPIC).setPartitionIndexes(List.of(0)))))));
	}

	/** The records, and where they end, as who reads all and as who reads what is committed. */
	private void read(String what, int partition) throws IOException {
		for (byte level = 0; level <= 1; level++) {
			FetchRequestData f = new FetchRequestData().setMaxWaitMs(10).setMinBytes(1).setMaxBytes(1 << 20).setSessionEpoch(-1).setIsolationLevel(level);
			f.topics().add(new FetchRequestData.FetchTopic().setTopicId(topicId).setPartitions(List.of(new FetchRequestData.FetchPartition()
				.setPartition(partition).setPartitionMaxBytes(1 << 20).setCurrentLeaderEpoch(-1).setLastFetchedEpoch(-1))));
			say(what + ", isolation " + level, ApiKeys.FETCH, 17, f);
			say(what + ", isolation " + level, ApiKeys.LIST_OFFSETS, 10, new ListOffsetsRequestData().setReplicaId(-1).setIsolationLevel(level).setTopics(
				List.of(new ListOffsetsRequestData.ListOffsetsTopic().setName(TOPIC).setPartitions(
					List.of(new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(partition).setTimestamp(-1))))));
		}
		each(what, ApiKeys.DESCRIBE_PRODUCERS, v -> {
			DescribeProducersRequestData r = new DescribeProducersRequestData();
			r.topics().add(new DescribeProducersRequestData.TopicRequest().setName(TOPIC).setPartitionIndexes(List.of(partition)));
			return r;
		});
	}

	// ---- the story ----

	private void begins() throws IOException {
		each("coordinator", ApiKeys.FIND_COORDINATOR, v -> v < 4 ? new FindCoordinatorRequestData().setKey("t").setKeyType((byte) (v == 0 ? 0 : 1))
			: new FindCoordinatorRequestData().setKeyType((byte) 1).setCoordinatorKeys(List.of("t", "")));
		each("begins", ApiKeys.INIT_PRODUCER_ID, v -> init("t-" + v));
		each("begins again", ApiKeys.INIT_PRODUCER_ID, v -> init("t-" + v));
		each("without a name", ApiKeys.INIT_PRODUCER_ID, v -> init(""));
		for (int timeout : new int[] {0, -1, Integer.MAX_VALUE})
			each("timeout " + timeout, ApiKeys.INIT_PRODUCER_ID, v -> init("t-timeout").setTransactionTimeoutMs(timeout));
		turn("t-known");
		each("an epoch alone", ApiKeys.INIT_PRODUCER_ID, v -> init(id).setProducerEpoch((short) 0));
		each("an id alone", ApiKeys.INIT_PRODUCER_ID, v -> init(id).setProducerId(producer));
		each("another's id", ApiKeys.INIT_PRODUCER_ID, v -> init(id).setProducerId(producer + 500).setProducerEpoch((short) 0));
		each("an epoch to come", ApiKeys.INIT_PRODUCER_ID, v -> init(id).setProducerId(producer).setProducerEpoch((short) 90));
		each("the first epoch", ApiKeys.INIT_PRODUCER_ID, v -> init(id).setProducerId(producer).setProducerEpoch((short) 0));
		described("begun", "t-known");
	}

	private void adds() throws IOException {
		turn("t-adds");
		each("adds", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, TOPIC, 0, 1));
		each("verifies", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, v >= 4, TOPIC, 0));
		each("adds of nothing", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, "nothing", 0));
		each("adds what is internal", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, "__transaction_state", 0));
		described("added", id);
		short real = epoch;
		epoch = (short) (real + 1);
		each("adds with an epoch to come", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, TOPIC, 0));
		epoch = real;
		producer += 500;
		each("adds with another id", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, TOPIC, 0));
		each("verifies with another id", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, v >= 4, TOPIC, 0));
		producer -= 500;
		ended("aborts what was added", 4, false);
		each("verifies when all is over", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> v < 4 ? new AddPartitionsToTxnRequestData() : add(v, true, TOPIC, 0));
		id = "t-unknown";
		each("adds to nothing", ApiKeys.ADD_PARTITIONS_TO_TXN, v -> add(v, false, TOPIC, 0));
	}

	private void offsets() throws IOException {
		turn("t-offsets");
		each("adds offsets", ApiKeys.ADD_OFFSETS_TO_TXN, v -> addOffsets("t-group"));
		each("adds offsets of no group", ApiKeys.ADD_OFFSETS_TO_TXN, v -> addOffsets(""));
		for (int v = 0; v <= 4; v++)
			say("offsets", ApiKeys.TXN_OFFSET_COMMIT, v, commit(v, "t-group", 10 + v));
		for (int v = 3; v <= 4; v++) {
			say("offsets of a stranger", ApiKeys.TXN_OFFSET_COMMIT, v, commit(v, "t-group", 50).setMemberId("x").setGenerationIdOrMemberEpoch(3));
			say("offsets of an unknown instance", ApiKeys.TXN_OFFSET_COMMIT, v, commit(v, "t-group", 50).setGroupInstanceId("i"));
		}
		offsetsSeen("open", "t-group");
		ended("commits offsets", 4, true);
		offsetsSeen("committed", "t-group");
		for (int v = 5; v <= ApiKeys.TXN_OFFSET_COMMIT.latestVersion(false); v++)
			say("offsets without adding", ApiKeys.TXN_OFFSET_COMMIT, v, commit(v, "t-group", 30 + v));
		described("offsets without adding", id);
		ended("aborts offsets", 5, false);
		offsetsSeen("aborted", "t-group");
	}

	private void writes() throws IOException {
		turn("t-writes");
		for (int v = 3; v <= 11; v += 4)
			say("not added", ApiKeys.PRODUCE, v, produce(v, 0, 0));
		say("adds", ApiKeys.ADD_PARTITIONS_TO_TXN, 3, add(3, false, TOPIC, 0));
		for (int v = 3; v <= 11; v++)
			say("added", ApiKeys.PRODUCE, v, produce(v, 0, v - 3));
		read("open", 0);
		each("listed", ApiKeys.LIST_TRANSACTIONS, v -> new ListTransactionsRequestData().setStateFilters(List.of("Ongoing")));
		ended("commits", 4, true);
		read("committed", 0);
		turn("t-writes");
		for (int v = 12; v <= 13; v++)
			say("without adding", ApiKeys.PRODUCE, v, produce(v, 1, v - 12));
		described("without adding", id);
		ended("aborts", 5, false);
		read("aborted", 1);
		say("the next", ApiKeys.PRODUCE, 12, produce(12, 1, 0));
		turn("t-writes"); // it comes back: what was open is aborted
	}

	private void ends() throws IOException {
		for (int v = 0; v <= 5; v++) {
			turn("t-ends-" + v);
			ended("commits nothing", v, true);
			ended("aborts nothing", v, false);
			say("adds", ApiKeys.ADD_PARTITIONS_TO_TXN, 3, add(3, false, TOPIC, 0));
			ended("commits", v, true);
			ended("commits again", v, true);
			ended("aborts what is committed", v, false);
			described("ended", id);
			epoch += 7;
			say("an epoch to come", ApiKeys.END_TXN, v, end(true));
			id = "t-unknown";
			say("of nothing", ApiKeys.END_TXN, v, end(true));
		}
	}

	private WriteTxnMarkersRequestData marker(String topic, int partition, int coordinatorEpoch, int epochAhead) {
		return new WriteTxnMarkersRequestData().setMarkers(List.of(new WriteTxnMarkersRequestData.WritableTxnMarker().setProducerId(producer)
			.setProducerEpoch((short) (epoch + epochAhead)).setTransactionResult(false).setCoordinatorEpoch(coordinatorEpoch).setTopics(List.of(
				new WriteTxnMarkersRequestData.WritableTxnMarkerTopic().setName(topic).setPartitionIndexes(List.of(partition))))));
	}

	private void markers() throws IOException {
		turn("t-marked");
		turn("t-marked"); // so that there is an epoch before
		say("without adding", ApiKeys.PRODUCE, 12, produce(12, 0, 0));
		each("marker of nothing", ApiKeys.WRITE_TXN_MARKERS, v -> marker("nothing", 0, 0, 0));
		each("marker of no partition", ApiKeys.WRITE_TXN_MARKERS, v -> marker(TOPIC, 9, 0, 0));
		each("marker of an epoch that is gone", ApiKeys.WRITE_TXN_MARKERS, v -> marker(TOPIC, 0, 0, -1));
		each("marker", ApiKeys.WRITE_TXN_MARKERS, v -> marker(TOPIC, 0, 0, 0));
		each("marker of a later coordinator", ApiKeys.WRITE_TXN_MARKERS, v -> marker(TOPIC, 0, 5, 1));
		each("marker of a coordinator before", ApiKeys.WRITE_TXN_MARKERS, v -> marker(TOPIC, 0, 4, 1));
		read("marked", 0);
	}

	// ---- what is written of it ----

	private static final int TOPICS = 7, PARTITIONS = 8, LOGS = 50;

	private static String topic(int i) {
		return "t-several" + (i == 0 ? "" : Integer.toString(i * 7919, 36));
	}

	/** Transactions of many partitions of several topics: added by the client, and by the broker that is written to. */
	private void several() throws IOException {
		CreateTopicsRequestData create = new CreateTopicsRequestData();
		for (int i = 0; i < TOPICS; i++)
			create.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(topic(i)).setNumPartitions(PARTITIONS).setReplicationFactor((short) 1));
		ask(ApiKeys.CREATE_TOPICS, 7, create);
		long end = System.nanoTime() + 30_000_000_000L;
		while (!severalAreLed())
			if (System.nanoTime() > end)
				throw new IOException("nobody leads them");
		for (int round = 1; round <= 3; round++) {
			turn("t-several-" + round);
			for (int part = 0; part < 2; part++) {
				AddPartitionsToTxnTopicCollection all = new AddPartitionsToTxnTopicCollection();
				for (int i = part; i < TOPICS; i += round)
					all.add(new AddPartitionsToTxnTopic().setName(topic(i)).setPartitions(List.of((i + part) % PARTITIONS, (3 * i + round + 1) % PARTITIONS)));
				say("adds several", ApiKeys.ADD_PARTITIONS_TO_TXN, 3, new AddPartitionsToTxnRequestData().setV3AndBelowTransactionalId(id)
					.setV3AndBelowProducerId(producer).setV3AndBelowProducerEpoch(epoch).setV3AndBelowTopics(all));
				described("several", id);
			}
			ended("commits several", 4, true);
			turn("t-several-" + round);
			ProduceRequestData r = new ProduceRequestData().setTransactionalId(id).setAcks((short) -1).setTimeoutMs(10000);
			for (int i = 0; i < TOPICS; i += round)
				r.topicData().add(batches(topic(i), i, round));
			ask(ApiKeys.PRODUCE, 12, r); // answered in the order of a hash table
			described("several without adding", id);
			ended("commits several", 5, true);
		}
	}

	private boolean severalAreLed() throws IOException {
		ListOffsetsRequestData l = new ListOffsetsRequestData().setReplicaId(-1);
		for (int i = 0; i < TOPICS; i++) {
			ListOffsetsRequestData.ListOffsetsTopic t = new ListOffsetsRequestData.ListOffsetsTopic().setName(topic(i));
			for (int p = 0; p < PARTITIONS; p++)
				t.partitions().add(new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(p).setTimestamp(-1));
			l.topics().add(t);
		}
		return ((ListOffsetsResponseData) ask(ApiKeys.LIST_OFFSETS, 10, l)).topics().stream().allMatch(
			t -> t.partitions().stream().allMatch(p -> p.errorCode() == 0));
	}

	private ProduceRequestData.TopicProduceData batches(String topic, int i, int round) {
		ProduceRequestData.TopicProduceData t = new ProduceRequestData.TopicProduceData().setName(topic);
		for (int p = 0; p < PARTITIONS; p += 1 + (i + round) % 3)
			t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(p).setRecords(MemoryRecords.withTransactionalRecords(
				Compression.NONE, producer, epoch, 0, new SimpleRecord(1_700_000_000_000L, null, "s".getBytes()))));
		return t;
	}

	private long named(long producerId) {
		return producerId < 0 ? producerId : Long.parseLong(names.name("producer", Long.toString(producerId)).replaceAll("\\D", ""));
	}

	/** A record's bytes; of its times it is said whether there is one, of its producers which they are. */
	private String written(Record r) throws IOException {
		ByteBuffer key = r.key();
		key.getShort();
		String of = new TransactionLogKey(new ByteBufferAccessor(key), (short) 0).transactionalId();
		if (!r.hasValue())
			return of + " is gone";
		ByteBuffer bytes = r.value();
		short version = bytes.getShort(bytes.position());
		ByteBuffer rest = bytes.duplicate().position(bytes.position() + 2);
		TransactionLogValue v = new TransactionLogValue(new ByteBufferAccessor(rest), version);
		if (!ByteBuffer.wrap(MessageUtil.toVersionPrefixedBytes(version, v)).equals(bytes))
			return of + " is written as Kafka does not";
		v.setProducerId(named(v.producerId())).setPreviousProducerId(named(v.previousProducerId())).setNextProducerId(
			named(v.nextProducerId())).setTransactionLastUpdateTimestampMs(Math.min(v.transactionLastUpdateTimestampMs(), 1))
			.setTransactionStartTimestampMs(Math.min(v.transactionStartTimestampMs(), 1));
		return of + " " + HexFormat.of().formatHex(MessageUtil.toVersionPrefixedBytes(version, v)) + " " + v;
	}

	/** All of __transaction_state. */
	private void log() throws IOException {
		for (int p = 0; p < LOGS; p++) {
			FetchRequestData f = new FetchRequestData().setMaxWaitMs(10).setMinBytes(0).setMaxBytes(1 << 24).setSessionEpoch(-1);
			f.topics().add(new FetchRequestData.FetchTopic().setTopic("__transaction_state").setPartitions(List.of(
				new FetchRequestData.FetchPartition().setPartition(p).setPartitionMaxBytes(1 << 24).setCurrentLeaderEpoch(-1).setLastFetchedEpoch(-1))));
			FetchResponseData r = (FetchResponseData) ask(ApiKeys.FETCH, 12, f);
			for (RecordBatch batch : ((MemoryRecords) r.responses().get(0).partitions().get(0).records()).batches())
				for (Record record : batch)
					System.out.println("log | " + p + " " + record.offset() + " => "
						+ (batch.isControlBatch() ? "a marker" : written(record)));
		}
	}
}
