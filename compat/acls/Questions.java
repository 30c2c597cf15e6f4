import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.resource.ResourceType;

/** What is asked, and what it needs: the table of operations of Kafka's documentation, in requests. */
final class Questions {
	/** What is made for each case of a question beforehand. */
	static final Map<String, List<String>> TOPICS = Map.of(
		"DeleteTopics by name", List.of("acl-gone-#"),
		"DeleteTopics by id", List.of("acl-gone-#"),
		"DeleteTopics of the cluster", List.of("acl-gone-#"),
		"DeleteTopics", List.of("acl-gone-#"),
		"CreatePartitions", List.of("acl-grown-#"),
		"Produce", List.of("acl-log-#"),
		"AlterConfigs of a topic", List.of("acl-set-#"),
		"IncrementalAlterConfigs of a topic", List.of("acl-set-#"));
	static final Map<String, List<String>> GROUPS = Map.of(
		"DeleteGroups", List.of("acl-gone-#"),
		"OffsetDelete", List.of("acl-gone-#"),
		"OffsetCommit", List.of("acl-read-#"));

	private static final AclOperation READ = AclOperation.READ, WRITE = AclOperation.WRITE, CREATE = AclOperation.CREATE,
		DELETE = AclOperation.DELETE, ALTER = AclOperation.ALTER, DESCRIBE = AclOperation.DESCRIBE,
		CLUSTER_ACTION = AclOperation.CLUSTER_ACTION, DESCRIBE_CONFIGS = AclOperation.DESCRIBE_CONFIGS,
		ALTER_CONFIGS = AclOperation.ALTER_CONFIGS, IDEMPOTENT_WRITE = AclOperation.IDEMPOTENT_WRITE;

	private final Acls acls;
	private final List<Acls.Question> all = new ArrayList<>();

	Questions(Acls acls) {
		this.acls = acls;
	}

	private static Acls.Need topic(AclOperation op, String name) {
		return new Acls.Need(ResourceType.TOPIC, name, op);
	}

	private static Acls.Need topic(AclOperation op) {
		return topic(op, "acl-topic");
	}

	private static Acls.Need group(AclOperation op, String name) {
		return new Acls.Need(ResourceType.GROUP, name, op);
	}

	private static Acls.Need transaction(AclOperation op, String name) {
		return new Acls.Need(ResourceType.TRANSACTIONAL_ID, name, op);
	}

	private static Acls.Need cluster(AclOperation op) {
		return new Acls.Need(ResourceType.CLUSTER, "kafka-cluster", op);
	}

	private void ask(String name, ApiKeys api, int first, int last, Acls.Body body, Acls.Need... needs) {
		all.add(new Acls.Question(name, api, Acls.Way.BROKER, first, last, body, List.of(needs)));
	}

	private void ask(String name, ApiKeys api, Acls.Body body, Acls.Need... needs) {
		ask(name, api, api.oldestVersion(), api.latestVersion(false), body, needs);
	}

	private void askController(String name, ApiKeys api, Acls.Body body, Acls.Need... needs) {
		all.add(new Acls.Question(name, api, Acls.Way.CONTROLLER, api.latestVersion(false), api.latestVersion(false), body, List.of(needs)));
	}

	private void askEnveloped(String name, ApiKeys api, Acls.Body body, Acls.Need... needs) {
		all.add(new Acls.Question(name, api, Acls.Way.ENVELOPE, api.latestVersion(false), api.latestVersion(false), body, List.of(needs)));
	}

	private Uuid id(String topic) {
		return acls.ids.getOrDefault(topic, new Uuid(1, 77));
	}

	/** An id that no topic has. */
	private static final Uuid NOBODY = new Uuid(7, 77);

	// ---- records and what lies in them ----

	static ProduceRequestData produce(int version, String topic, Uuid id, String transactionalId) {
		SimpleRecord record = new SimpleRecord(1000L, "k".getBytes(), "v".getBytes());
		MemoryRecords records = transactionalId == null ? MemoryRecords.withRecords(Compression.NONE, record)
			: MemoryRecords.withTransactionalRecords(Compression.NONE, 4711, (short) 0, 0, record);
		ProduceRequestData.TopicProduceData t = version >= 13 ? new ProduceRequestData.TopicProduceData().setTopicId(id)
			: new ProduceRequestData.TopicProduceData().setName(topic);
		t.partitionData().add(new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records));
		ProduceRequestData body = new ProduceRequestData().setAcks((short) 1).setTimeoutMs(5000).setTransactionalId(transactionalId);
		body.topicData().add(t);
		return body;
	}

	private ApiMessage produce(int version, String topic, String transactionalId) {
		return produce(version, topic, topic.equals("acl-missing") ? NOBODY : id(topic), transactionalId);
	}

	private ApiMessage fetch(int version, String topic, int replica) {
		FetchRequestData.FetchTopic t = version >= 13 ? new FetchRequestData.FetchTopic().setTopicId(topic.equals("acl-missing") ? NOBODY : id(topic))
			: new FetchRequestData.FetchTopic().setTopic(topic);
		t.partitions().add(new FetchRequestData.FetchPartition().setPartition(0).setFetchOffset(0).setPartitionMaxBytes(1000));
		FetchRequestData body = new FetchRequestData().setMaxWaitMs(0).setMinBytes(1).setTopics(new ArrayList<>(List.of(t)));
		if (version >= 15)
			return body.setReplicaState(new FetchRequestData.ReplicaState().setReplicaId(replica).setReplicaEpoch(-1));
		return body.setReplicaId(replica);
	}

	private void askRecords() {
		ask("Produce", ApiKeys.PRODUCE, (v, tag) -> produce(v, "acl-log-" + tag, null), topic(WRITE, "acl-log-#"));
		ask("Produce to what is not there", ApiKeys.PRODUCE, (v, tag) -> produce(v, "acl-missing", null), topic(WRITE, "acl-missing"));
		ask("Produce in a transaction", ApiKeys.PRODUCE, (v, tag) -> produce(v, "acl-topic", "acl-nobody"), topic(WRITE), transaction(WRITE, "acl-nobody"));
		ask("Fetch", ApiKeys.FETCH, (v, tag) -> fetch(v, "acl-topic", -1), topic(READ));
		ask("Fetch of what is not there", ApiKeys.FETCH, (v, tag) -> fetch(v, "acl-missing", -1), topic(READ, "acl-missing"));
		ask("Fetch of a replica", ApiKeys.FETCH, (v, tag) -> fetch(v, "acl-topic", 99), cluster(CLUSTER_ACTION), topic(READ));
		ask("Fetch of a debugger", ApiKeys.FETCH, (v, tag) -> fetch(v, "acl-topic", -2), topic(READ));
		for (String name : List.of("acl-topic", "acl-missing"))
			ask("ListOffsets of " + name, ApiKeys.LIST_OFFSETS, (v, tag) -> new ListOffsetsRequestData().setReplicaId(-1).setTopics(List.of(
				new ListOffsetsRequestData.ListOffsetsTopic().setName(name).setPartitions(List.of(
					new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(0).setTimestamp(-2))))), topic(DESCRIBE, name));
		for (String name : List.of("acl-topic", "acl-missing"))
			ask("OffsetForLeaderEpoch of " + name, ApiKeys.OFFSET_FOR_LEADER_EPOCH, (v, tag) -> {
				OffsetForLeaderEpochRequestData body = new OffsetForLeaderEpochRequestData().setReplicaId(-1);
				body.topics().add(new OffsetForLeaderEpochRequestData.OffsetForLeaderTopic().setTopic(name).setPartitions(List.of(
					new OffsetForLeaderEpochRequestData.OffsetForLeaderPartition().setPartition(0).setLeaderEpoch(0).setCurrentLeaderEpoch(-1))));
				return body;
			}, name.equals("acl-topic") ? topic(DESCRIBE) : cluster(CLUSTER_ACTION));
		for (String name : List.of("acl-topic", "acl-missing"))
			ask("DeleteRecords of " + name, ApiKeys.DELETE_RECORDS, (v, tag) -> new DeleteRecordsRequestData().setTimeoutMs(5000).setTopics(List.of(
				new DeleteRecordsRequestData.DeleteRecordsTopic().setName(name).setPartitions(List.of(
					new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex(0).setOffset(0))))), topic(DELETE, name));
		for (String name : List.of("acl-topic", "acl-missing"))
			ask("DescribeProducers of " + name, ApiKeys.DESCRIBE_PRODUCERS, (v, tag) -> {
				DescribeProducersRequestData body = new DescribeProducersRequestData();
				body.topics().add(new DescribeProducersRequestData.TopicRequest().setName(name).setPartitionIndexes(List.of(0)));
				return body;
			}, topic(READ, name));
	}

	// ---- metadata ----

	private static MetadataRequestData metadata(int version, boolean make, String... topics) {
		List<MetadataRequestData.MetadataRequestTopic> list = new ArrayList<>();
		for (String t : topics)
			list.add(new MetadataRequestData.MetadataRequestTopic().setName(t));
		return new MetadataRequestData().setTopics(list).setAllowAutoTopicCreation(make || version < 4)
			.setIncludeTopicAuthorizedOperations(version >= 8).setIncludeClusterAuthorizedOperations(version >= 8 && version <= 10);
	}

	private void askMetadata() {
		ask("Metadata of everything", ApiKeys.METADATA, 1, 13, (v, tag) -> metadata(v, false).setTopics(null), topic(DESCRIBE));
		ask("Metadata", ApiKeys.METADATA, 4, 13, (v, tag) -> metadata(v, false, "acl-topic", "acl-missing"), topic(DESCRIBE), topic(DESCRIBE, "acl-missing"));
		ask("Metadata with operations", ApiKeys.METADATA, 8, 10, (v, tag) -> metadata(v, false, "acl-topic"), topic(DESCRIBE), cluster(DESCRIBE));
		ask("Metadata that makes a topic", ApiKeys.METADATA, (v, tag) -> metadata(v, true, "acl-made-" + tag), topic(DESCRIBE, "acl-made-#"),
			topic(CREATE, "acl-made-#"));
		ask("Metadata that makes a topic in the cluster", ApiKeys.METADATA, (v, tag) -> metadata(v, true, "acl-made-" + tag),
			topic(DESCRIBE, "acl-made-#"), cluster(CREATE));
		ask("Metadata by id", ApiKeys.METADATA, 12, 13, (v, tag) -> new MetadataRequestData().setAllowAutoTopicCreation(false).setTopics(List.of(
			new MetadataRequestData.MetadataRequestTopic().setName(null).setTopicId(id("acl-topic")),
			new MetadataRequestData.MetadataRequestTopic().setName(null).setTopicId(NOBODY))), topic(DESCRIBE));
		ask("DescribeTopicPartitions", ApiKeys.DESCRIBE_TOPIC_PARTITIONS, (v, tag) -> new DescribeTopicPartitionsRequestData().setTopics(List.of(
			new DescribeTopicPartitionsRequestData.TopicRequest().setName("acl-missing"),
			new DescribeTopicPartitionsRequestData.TopicRequest().setName("acl-topic"))), topic(DESCRIBE), topic(DESCRIBE, "acl-missing"));
		ask("DescribeTopicPartitions of everything", ApiKeys.DESCRIBE_TOPIC_PARTITIONS, (v, tag) -> new DescribeTopicPartitionsRequestData()
			.setResponsePartitionLimit(5), topic(DESCRIBE));
		ask("DescribeCluster", ApiKeys.DESCRIBE_CLUSTER, (v, tag) -> new DescribeClusterRequestData().setIncludeClusterAuthorizedOperations(true),
			cluster(DESCRIBE));
		ask("DescribeCluster without operations", ApiKeys.DESCRIBE_CLUSTER, (v, tag) -> new DescribeClusterRequestData());
	}

	// ---- groups ----

	private ApiMessage offsetCommit(int version, String group) {
		List<OffsetCommitRequestData.OffsetCommitRequestTopic> topics = new ArrayList<>();
		for (String name : List.of("acl-topic", "acl-missing")) {
			OffsetCommitRequestData.OffsetCommitRequestTopic t = new OffsetCommitRequestData.OffsetCommitRequestTopic().setPartitions(List.of(
				new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(2)));
			topics.add(version >= 10 ? t.setTopicId(name.equals("acl-topic") ? id(name) : NOBODY) : t.setName(name));
		}
		return new OffsetCommitRequestData().setGroupId(group).setTopics(topics);
	}

	private ApiMessage offsetFetch(int version, boolean everything) {
		if (version < 8)
			return new OffsetFetchRequestData().setGroupId("acl-group").setTopics(everything ? null : List.of(
				new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("acl-topic").setPartitionIndexes(List.of(0)),
				new OffsetFetchRequestData.OffsetFetchRequestTopic().setName("acl-missing").setPartitionIndexes(List.of(0))));
		OffsetFetchRequestData.OffsetFetchRequestTopics known = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(List.of(0));
		OffsetFetchRequestData.OffsetFetchRequestTopics unknown = new OffsetFetchRequestData.OffsetFetchRequestTopics().setPartitionIndexes(List.of(0));
		if (version >= 10) {
			known.setTopicId(id("acl-topic"));
			unknown.setTopicId(NOBODY);
		} else {
			known.setName("acl-topic");
			unknown.setName("acl-missing");
		}
		return new OffsetFetchRequestData().setGroups(List.of(
			new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("acl-group").setTopics(everything ? null : List.of(known, unknown)),
			new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("acl-nogroup").setTopics(List.of(known.duplicate()))));
	}

	private static ApiMessage coordinator(int version, int type, String key) {
		FindCoordinatorRequestData body = new FindCoordinatorRequestData().setKeyType((byte) type);
		return version >= 4 ? body.setCoordinatorKeys(List.of(key)) : body.setKey(key);
	}

	private static ApiMessage join(String group) {
		JoinGroupRequestData.JoinGroupRequestProtocolCollection protocols = new JoinGroupRequestData.JoinGroupRequestProtocolCollection();
		protocols.add(new JoinGroupRequestData.JoinGroupRequestProtocol().setName("range").setMetadata(new byte[] {0, 0}));
		return new JoinGroupRequestData().setGroupId(group).setSessionTimeoutMs(10000).setRebalanceTimeoutMs(10000).setMemberId("")
			.setProtocolType("consumer").setProtocols(protocols);
	}

	private void askGroups() {
		ask("OffsetCommit", ApiKeys.OFFSET_COMMIT, (v, tag) -> offsetCommit(v, "acl-read-" + tag), group(READ, "acl-read-#"), topic(READ),
			topic(READ, "acl-missing"));
		ask("OffsetCommit by name", ApiKeys.OFFSET_COMMIT, 9, 9, (v, tag) -> offsetCommit(v, "acl-new-" + tag), group(READ, "acl-new-#"), topic(READ),
			topic(READ, "acl-missing"));
		ask("OffsetFetch", ApiKeys.OFFSET_FETCH, (v, tag) -> offsetFetch(v, false), group(DESCRIBE, "acl-group"), topic(DESCRIBE),
			topic(DESCRIBE, "acl-missing"));
		ask("OffsetFetch by groups", ApiKeys.OFFSET_FETCH, 7, 9, (v, tag) -> offsetFetch(v, false), group(DESCRIBE, "acl-group"), topic(DESCRIBE));
		ask("OffsetFetch of everything", ApiKeys.OFFSET_FETCH, 2, 10, (v, tag) -> offsetFetch(v, true), group(DESCRIBE, "acl-group"), topic(DESCRIBE));
		ask("FindCoordinator of a group", ApiKeys.FIND_COORDINATOR, (v, tag) -> coordinator(v, 0, "acl-group"), group(DESCRIBE, "acl-group"));
		ask("FindCoordinator of a transaction", ApiKeys.FIND_COORDINATOR, 1, 6, (v, tag) -> coordinator(v, 1, "acl-transaction"),
			transaction(DESCRIBE, "acl-transaction"));
		ask("FindCoordinator of a share", ApiKeys.FIND_COORDINATOR, 6, 6, (v, tag) -> coordinator(v, 2, "no such key"), cluster(CLUSTER_ACTION));
		ask("JoinGroup", ApiKeys.JOIN_GROUP, 4, 9, (v, tag) -> join("acl-join-" + tag), group(READ, "acl-join-#"));
		ask("JoinGroup of nobody", ApiKeys.JOIN_GROUP, 9, 9, (v, tag) -> join(""), group(READ, "acl-join-#"));
		ask("SyncGroup", ApiKeys.SYNC_GROUP, (v, tag) -> new SyncGroupRequestData().setGroupId("acl-group").setMemberId("m")
			.setProtocolType(v >= 5 ? "consumer" : null).setProtocolName(v >= 5 ? "range" : null), group(READ, "acl-group"));
		ask("SyncGroup without a protocol", ApiKeys.SYNC_GROUP, 5, 5, (v, tag) -> new SyncGroupRequestData().setGroupId("acl-group").setMemberId("m"),
			group(READ, "acl-group"));
		ask("Heartbeat", ApiKeys.HEARTBEAT, (v, tag) -> new HeartbeatRequestData().setGroupId("acl-group").setMemberId("m"), group(READ, "acl-group"));
		ask("LeaveGroup", ApiKeys.LEAVE_GROUP, (v, tag) -> v < 3 ? new LeaveGroupRequestData().setGroupId("acl-group").setMemberId("m")
			: new LeaveGroupRequestData().setGroupId("acl-group").setMembers(List.of(new LeaveGroupRequestData.MemberIdentity().setMemberId("m"))),
			group(READ, "acl-group"));
		ask("DescribeGroups", ApiKeys.DESCRIBE_GROUPS, (v, tag) -> new DescribeGroupsRequestData().setGroups(List.of("acl-nogroup", "acl-group"))
			.setIncludeAuthorizedOperations(v >= 3), group(DESCRIBE, "acl-group"), group(DESCRIBE, "acl-nogroup"));
		ask("ConsumerGroupDescribe", ApiKeys.CONSUMER_GROUP_DESCRIBE, (v, tag) -> new ConsumerGroupDescribeRequestData()
			.setGroupIds(List.of("acl-nogroup", "acl-consumers")).setIncludeAuthorizedOperations(true), group(DESCRIBE, "acl-consumers"),
			group(DESCRIBE, "acl-nogroup"), topic(DESCRIBE));
		ask("ConsumerGroupHeartbeat", ApiKeys.CONSUMER_GROUP_HEARTBEAT, (v, tag) -> new ConsumerGroupHeartbeatRequestData().setGroupId("acl-kip848-" + tag)
			.setMemberId("m").setMemberEpoch(0).setRebalanceTimeoutMs(60000).setSubscribedTopicNames(List.of("acl-topic", "acl-missing"))
			.setTopicPartitions(List.of()), group(READ, "acl-kip848-#"), topic(DESCRIBE), topic(DESCRIBE, "acl-missing"));
		ask("ConsumerGroupHeartbeat that is wrong", ApiKeys.CONSUMER_GROUP_HEARTBEAT, 1, 1, (v, tag) -> new ConsumerGroupHeartbeatRequestData()
			.setGroupId("acl-kip848-" + tag).setMemberId(""), group(READ, "acl-kip848-#"));
		ask("DeleteGroups", ApiKeys.DELETE_GROUPS, (v, tag) -> new DeleteGroupsRequestData().setGroupsNames(List.of("acl-gone-" + tag, "acl-nogroup")),
			group(DELETE, "acl-gone-#"), group(DELETE, "acl-nogroup"));
		ask("OffsetDelete", ApiKeys.OFFSET_DELETE, (v, tag) -> {
			OffsetDeleteRequestData body = new OffsetDeleteRequestData().setGroupId("acl-gone-" + tag);
			for (String name : List.of("acl-topic", "acl-missing"))
				body.topics().add(new OffsetDeleteRequestData.OffsetDeleteRequestTopic().setName(name).setPartitions(List.of(
					new OffsetDeleteRequestData.OffsetDeleteRequestPartition().setPartitionIndex(0))));
			return body;
		}, group(DELETE, "acl-gone-#"), topic(READ), topic(READ, "acl-missing"));
		ask("ListGroups of the cluster", ApiKeys.LIST_GROUPS, (v, tag) -> new ListGroupsRequestData(), cluster(DESCRIBE));
		ask("ListGroups", ApiKeys.LIST_GROUPS, (v, tag) -> new ListGroupsRequestData(), group(DESCRIBE, "acl-group"));
	}

	// ---- transactions ----

	private static ApiMessage addPartitions(int version) {
		AddPartitionsToTxnRequestData.AddPartitionsToTxnTopicCollection topics = new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopicCollection();
		for (String name : List.of("acl-topic", "acl-missing"))
			topics.add(new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopic().setName(name).setPartitions(List.of(0)));
		if (version < 4)
			return new AddPartitionsToTxnRequestData().setV3AndBelowTransactionalId("acl-nobody").setV3AndBelowProducerId(4711)
				.setV3AndBelowProducerEpoch((short) 0).setV3AndBelowTopics(topics);
		AddPartitionsToTxnRequestData body = new AddPartitionsToTxnRequestData();
		body.transactions().add(new AddPartitionsToTxnRequestData.AddPartitionsToTxnTransaction().setTransactionalId("acl-nobody").setProducerId(4711)
			.setProducerEpoch((short) 0).setTopics(topics));
		return body;
	}

	private ApiMessage txnOffsetCommit(int version) {
		List<TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic> topics = new ArrayList<>();
		for (String name : List.of("acl-topic", "acl-missing")) {
			TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic t = new TxnOffsetCommitRequestData.TxnOffsetCommitRequestTopic().setPartitions(
				List.of(new TxnOffsetCommitRequestData.TxnOffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(3)));
			topics.add(version >= 6 ? t.setTopicId(name.equals("acl-topic") ? id(name) : NOBODY) : t.setName(name));
		}
		return new TxnOffsetCommitRequestData().setTransactionalId("acl-nobody").setGroupId("acl-group").setProducerId(4711)
			.setProducerEpoch((short) 0).setTopics(topics);
	}

	private void askTransactions() {
		ask("InitProducerId", ApiKeys.INIT_PRODUCER_ID, (v, tag) -> new InitProducerIdRequestData().setTransactionalId(null), cluster(IDEMPOTENT_WRITE));
		ask("InitProducerId of who writes", ApiKeys.INIT_PRODUCER_ID, (v, tag) -> new InitProducerIdRequestData().setTransactionalId(null), topic(WRITE));
		ask("InitProducerId of a transaction", ApiKeys.INIT_PRODUCER_ID, (v, tag) -> new InitProducerIdRequestData().setTransactionalId("acl-own-" + tag)
			.setTransactionTimeoutMs(60000), transaction(WRITE, "acl-own-#"));
		ask("AddPartitionsToTxn", ApiKeys.ADD_PARTITIONS_TO_TXN, 0, 3, (v, tag) -> addPartitions(v), transaction(WRITE, "acl-nobody"), topic(WRITE),
			topic(WRITE, "acl-missing"));
		ask("AddPartitionsToTxn of nodes", ApiKeys.ADD_PARTITIONS_TO_TXN, 4, 5, (v, tag) -> addPartitions(v), cluster(CLUSTER_ACTION));
		ask("AddOffsetsToTxn", ApiKeys.ADD_OFFSETS_TO_TXN, (v, tag) -> new AddOffsetsToTxnRequestData().setTransactionalId("acl-nobody")
			.setGroupId("acl-group").setProducerId(4711), transaction(WRITE, "acl-nobody"), group(READ, "acl-group"));
		ask("EndTxn", ApiKeys.END_TXN, (v, tag) -> new EndTxnRequestData().setTransactionalId("acl-nobody").setProducerId(4711).setCommitted(true),
			transaction(WRITE, "acl-nobody"));
		ask("TxnOffsetCommit", ApiKeys.TXN_OFFSET_COMMIT, (v, tag) -> txnOffsetCommit(v), transaction(WRITE, "acl-nobody"), group(READ, "acl-group"),
			topic(READ), topic(READ, "acl-missing"));
		for (AclOperation op : List.of(ALTER, CLUSTER_ACTION))
			ask("WriteTxnMarkers, " + op, ApiKeys.WRITE_TXN_MARKERS, (v, tag) -> new WriteTxnMarkersRequestData().setMarkers(List.of(
				new WriteTxnMarkersRequestData.WritableTxnMarker().setProducerId(4711).setProducerEpoch((short) 0).setTopics(List.of(
					new WriteTxnMarkersRequestData.WritableTxnMarkerTopic().setName("acl-missing").setPartitionIndexes(List.of(0)))))), cluster(op));
		ask("DescribeTransactions", ApiKeys.DESCRIBE_TRANSACTIONS, (v, tag) -> new DescribeTransactionsRequestData().setTransactionalIds(List.of(
			"acl-nobody", "acl-transaction")), transaction(DESCRIBE, "acl-transaction"), transaction(DESCRIBE, "acl-nobody"), topic(DESCRIBE));
		ask("ListTransactions", ApiKeys.LIST_TRANSACTIONS, (v, tag) -> new ListTransactionsRequestData(), transaction(DESCRIBE, "acl-transaction"));
	}

	// ---- topics and their settings ----

	private static CreateTopicsRequestData create(String... names) {
		CreateTopicsRequestData body = new CreateTopicsRequestData().setTimeoutMs(10000);
		for (String name : names)
			body.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(2).setReplicationFactor((short) 1));
		return body;
	}

	private ApiMessage deleteById(String... names) {
		List<DeleteTopicsRequestData.DeleteTopicState> topics = new ArrayList<>();
		for (String name : names)
			topics.add(new DeleteTopicsRequestData.DeleteTopicState().setName(null).setTopicId(name.equals("acl-missing") ? NOBODY : id(name)));
		return new DeleteTopicsRequestData().setTimeoutMs(10000).setTopics(topics);
	}

	private static ApiMessage deleteByName(int version, String... names) {
		DeleteTopicsRequestData body = new DeleteTopicsRequestData().setTimeoutMs(10000);
		if (version < 6)
			return body.setTopicNames(List.of(names));
		for (String name : names)
			body.topics().add(new DeleteTopicsRequestData.DeleteTopicState().setName(name));
		return body;
	}

	private static ApiMessage grow(String... names) {
		CreatePartitionsRequestData body = new CreatePartitionsRequestData().setTimeoutMs(10000);
		for (String name : names)
			body.topics().add(new CreatePartitionsRequestData.CreatePartitionsTopic().setName(name).setCount(3).setAssignments(null));
		return body;
	}

	private static ApiMessage describeConfigs(int type, String... names) {
		DescribeConfigsRequestData body = new DescribeConfigsRequestData();
		for (String name : names)
			body.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) type).setResourceName(name)
				.setConfigurationKeys(List.of("retention.ms", "log.retention.ms", "consumer.session.timeout.ms")));
		return body;
	}

	private static ApiMessage alterConfigs(int type, String key, String value, String... names) {
		AlterConfigsRequestData body = new AlterConfigsRequestData();
		for (String name : names) {
			AlterConfigsRequestData.AlterConfigsResource r = new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) type).setResourceName(name);
			r.configs().add(new AlterConfigsRequestData.AlterableConfig().setName(key).setValue(value));
			body.resources().add(r);
		}
		return body;
	}

	private static ApiMessage incrementalAlterConfigs(int type, String key, String value, String... names) {
		IncrementalAlterConfigsRequestData body = new IncrementalAlterConfigsRequestData();
		for (String name : names) {
			IncrementalAlterConfigsRequestData.AlterConfigsResource r = new IncrementalAlterConfigsRequestData.AlterConfigsResource()
				.setResourceType((byte) type).setResourceName(name);
			r.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setName(key).setValue(value));
			body.resources().add(r);
		}
		return body;
	}

	private void askTopics() {
		ask("CreateTopics", ApiKeys.CREATE_TOPICS, (v, tag) -> create("acl-new-" + tag, "acl-more-" + tag), topic(CREATE, "acl-new-#"),
			topic(CREATE, "acl-more-#"), topic(DESCRIBE_CONFIGS, "acl-new-#"));
		ask("CreateTopics of the cluster", ApiKeys.CREATE_TOPICS, (v, tag) -> create("acl-new-" + tag), cluster(CREATE));
		ask("CreateTopics of what is there", ApiKeys.CREATE_TOPICS, 7, 7, (v, tag) -> create("acl-topic", "__cluster_metadata"), topic(CREATE));
		ask("CreatePartitions", ApiKeys.CREATE_PARTITIONS, (v, tag) -> grow("acl-grown-" + tag, "acl-missing"), topic(ALTER, "acl-grown-#"),
			topic(ALTER, "acl-missing"));
		ask("DescribeConfigs of topics", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(2, "acl-missing", "acl-topic"), topic(DESCRIBE_CONFIGS),
			topic(DESCRIBE_CONFIGS, "acl-missing"));
		ask("DescribeConfigs of a group", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(32, "acl-group"), group(DESCRIBE_CONFIGS, "acl-group"));
		ask("DescribeConfigs of a broker", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(4, "1"), cluster(DESCRIBE_CONFIGS));
		ask("DescribeConfigs of loggers", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(8, "1"), cluster(DESCRIBE_CONFIGS));
		ask("DescribeConfigs of metrics", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(16, "acl-metrics"), cluster(DESCRIBE_CONFIGS));
		ask("AlterConfigs of a topic", ApiKeys.ALTER_CONFIGS, (v, tag) -> alterConfigs(2, "retention.ms", "1234567", "acl-set-" + tag, "acl-missing"),
			topic(ALTER_CONFIGS, "acl-set-#"), topic(ALTER_CONFIGS, "acl-missing"));
		ask("AlterConfigs of a broker", ApiKeys.ALTER_CONFIGS, (v, tag) -> alterConfigs(4, "log.cleaner.threads", "1", "1"), cluster(ALTER_CONFIGS));
		ask("IncrementalAlterConfigs of a topic", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(2, "retention.ms", "1234567",
			"acl-set-" + tag, "acl-missing"), topic(ALTER_CONFIGS, "acl-set-#"), topic(ALTER_CONFIGS, "acl-missing"));
		ask("IncrementalAlterConfigs of a group", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(32,
			"consumer.session.timeout.ms", "50000", "acl-other"), group(ALTER_CONFIGS, "acl-other"));
		ask("IncrementalAlterConfigs of a broker", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(4, "log.cleaner.threads", "1",
			"1"), cluster(ALTER_CONFIGS));
		ask("IncrementalAlterConfigs of a wrong value", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(4, "log.cleaner.threads",
			"no number", "1"), cluster(ALTER_CONFIGS));
		ask("IncrementalAlterConfigs of loggers", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(8, "root", "INFO", "1"),
			cluster(ALTER_CONFIGS));
		ask("ListConfigResources", ApiKeys.LIST_CONFIG_RESOURCES, (v, tag) -> new ListConfigResourcesRequestData().setResourceTypes(v == 0 ? List.of()
			: List.of((byte) 4)), cluster(DESCRIBE_CONFIGS));
		ask("DeleteTopics by name", ApiKeys.DELETE_TOPICS, (v, tag) -> deleteByName(v, "acl-gone-" + tag, "acl-missing"), topic(DELETE, "acl-gone-#"),
			topic(DELETE, "acl-missing"));
		ask("DeleteTopics by id", ApiKeys.DELETE_TOPICS, 6, 6, (v, tag) -> deleteById("acl-gone-" + tag, "acl-missing"), topic(DELETE, "acl-gone-#"));
		ask("DeleteTopics of the cluster", ApiKeys.DELETE_TOPICS, (v, tag) -> deleteByName(v, "acl-gone-" + tag, "acl-missing"), cluster(DELETE));
	}

	// ---- the cluster ----

	private static CreateAclsRequestData.AclCreation acl(String tag) {
		return new CreateAclsRequestData.AclCreation().setResourceType((byte) 2).setResourceName("acl-given-" + tag).setPrincipal("User:nobody")
			.setHost("*").setOperation((byte) 3).setPermissionType((byte) 3);
	}

	private void askCluster() {
		ask("DescribeAcls", ApiKeys.DESCRIBE_ACLS, (v, tag) -> new DescribeAclsRequestData().setResourceTypeFilter((byte) 1).setPatternTypeFilter((byte) 3)
			.setPrincipalFilter("User:nobody").setOperation((byte) 1).setPermissionType((byte) 1), cluster(DESCRIBE));
		ask("CreateAcls", ApiKeys.CREATE_ACLS, (v, tag) -> new CreateAclsRequestData().setCreations(List.of(acl(tag))), cluster(ALTER));
		ask("DeleteAcls", ApiKeys.DELETE_ACLS, (v, tag) -> new DeleteAclsRequestData().setFilters(List.of(new DeleteAclsRequestData.DeleteAclsFilter()
			.setResourceTypeFilter((byte) 2).setResourceNameFilter("acl-none").setPatternTypeFilter((byte) 3).setOperation((byte) 1)
			.setPermissionType((byte) 1))), cluster(ALTER));
		ask("DescribeClientQuotas", ApiKeys.DESCRIBE_CLIENT_QUOTAS, (v, tag) -> new DescribeClientQuotasRequestData().setStrict(true).setComponents(List.of(
			new DescribeClientQuotasRequestData.ComponentData().setEntityType("user").setMatchType((byte) 0).setMatch("acl-nobody"))),
			cluster(DESCRIBE_CONFIGS));
		ask("AlterClientQuotas", ApiKeys.ALTER_CLIENT_QUOTAS, (v, tag) -> quota("acl-" + tag, "producer_byte_rate"), cluster(ALTER_CONFIGS));
		ask("AlterClientQuotas of what is none", ApiKeys.ALTER_CLIENT_QUOTAS, (v, tag) -> quota("acl-" + tag, "nothing"), cluster(ALTER_CONFIGS));
		ask("DescribeUserScramCredentials", ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS, (v, tag) -> new DescribeUserScramCredentialsRequestData().setUsers(
			List.of(new DescribeUserScramCredentialsRequestData.UserName().setName("acl-nobody"))), cluster(DESCRIBE));
		ask("AlterUserScramCredentials", ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, (v, tag) -> credential("acl-" + tag), cluster(ALTER));
		ask("AlterUserScramCredentials that are not there", ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, (v, tag) -> new AlterUserScramCredentialsRequestData()
			.setDeletions(List.of(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName("acl-nobody").setMechanism((byte) 1))),
			cluster(ALTER));
		ask("AlterReplicaLogDirs", ApiKeys.ALTER_REPLICA_LOG_DIRS, (v, tag) -> {
			AlterReplicaLogDirsRequestData.AlterReplicaLogDir dir = new AlterReplicaLogDirsRequestData.AlterReplicaLogDir().setPath("/nowhere");
			dir.topics().add(new AlterReplicaLogDirsRequestData.AlterReplicaLogDirTopic().setName("acl-topic").setPartitions(List.of(0)));
			AlterReplicaLogDirsRequestData body = new AlterReplicaLogDirsRequestData();
			body.dirs().add(dir);
			return body;
		}, cluster(ALTER));
		ask("DescribeLogDirs", ApiKeys.DESCRIBE_LOG_DIRS, (v, tag) -> {
			DescribeLogDirsRequestData body = new DescribeLogDirsRequestData().setTopics(new DescribeLogDirsRequestData.DescribableLogDirTopicCollection());
			body.topics().add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic("acl-missing").setPartitions(List.of(0)));
			return body;
		}, cluster(DESCRIBE));
		ask("ElectLeaders", ApiKeys.ELECT_LEADERS, (v, tag) -> elect(), cluster(ALTER));
		ask("AlterPartitionReassignments", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, (v, tag) -> reassign(), cluster(ALTER));
		ask("ListPartitionReassignments", ApiKeys.LIST_PARTITION_REASSIGNMENTS, (v, tag) -> new ListPartitionReassignmentsRequestData().setTopics(null),
			cluster(DESCRIBE));
		ask("DescribeQuorum", ApiKeys.DESCRIBE_QUORUM, (v, tag) -> new DescribeQuorumRequestData().setTopics(List.of(
			new DescribeQuorumRequestData.TopicData().setTopicName("acl-nothing").setPartitions(List.of(
				new DescribeQuorumRequestData.PartitionData().setPartitionIndex(0))))), cluster(DESCRIBE));
		ask("UpdateFeatures", ApiKeys.UPDATE_FEATURES, 1, 2, (v, tag) -> features(), cluster(ALTER));
		ask("UnregisterBroker", ApiKeys.UNREGISTER_BROKER, (v, tag) -> new UnregisterBrokerRequestData().setBrokerId(999), cluster(ALTER));
		ask("UnregisterController", ApiKeys.UNREGISTER_CONTROLLER, (v, tag) -> new UnregisterControllerRequestData().setControllerId(999), cluster(ALTER));
		ask("AddRaftVoter", ApiKeys.ADD_RAFT_VOTER, (v, tag) -> new AddRaftVoterRequestData().setClusterId("another").setVoterId(9)
			.setVoterDirectoryId(NOBODY), cluster(ALTER));
		ask("RemoveRaftVoter", ApiKeys.REMOVE_RAFT_VOTER, (v, tag) -> new RemoveRaftVoterRequestData().setClusterId("another").setVoterId(9)
			.setVoterDirectoryId(NOBODY), cluster(ALTER));
	}

	private static ApiMessage quota(String user, String key) {
		return new AlterClientQuotasRequestData().setEntries(List.of(new AlterClientQuotasRequestData.EntryData()
			.setEntity(List.of(new AlterClientQuotasRequestData.EntityData().setEntityType("user").setEntityName(user)))
			.setOps(List.of(new AlterClientQuotasRequestData.OpData().setKey(key).setValue(1000000)))));
	}

	private static ApiMessage credential(String user) {
		return new AlterUserScramCredentialsRequestData().setUpsertions(List.of(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion()
			.setName(user).setMechanism((byte) 1).setIterations(4096).setSalt(new byte[] {1}).setSaltedPassword(new byte[32])));
	}

	private static ApiMessage elect() {
		ElectLeadersRequestData body = new ElectLeadersRequestData().setTimeoutMs(10000);
		body.setTopicPartitions(new ElectLeadersRequestData.TopicPartitionsCollection());
		body.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("acl-topic").setPartitions(List.of(0)));
		return body;
	}

	private static ApiMessage reassign() {
		return new AlterPartitionReassignmentsRequestData().setTimeoutMs(10000).setTopics(List.of(
			new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("acl-missing").setPartitions(List.of(
				new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(List.of(1))))));
	}

	private static ApiMessage features() {
		UpdateFeaturesRequestData body = new UpdateFeaturesRequestData().setValidateOnly(true).setTimeoutMs(10000);
		body.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature("no.such").setMaxVersionLevel((short) 1).setUpgradeType((byte) 1));
		return body;
	}

	// ---- the controller's listener ----

	private void askTheController() {
		askController("CreateTopics", ApiKeys.CREATE_TOPICS, (v, tag) -> create("acl-new-" + tag), topic(CREATE, "acl-new-#"));
		askController("CreatePartitions", ApiKeys.CREATE_PARTITIONS, (v, tag) -> grow("acl-missing"), topic(ALTER, "acl-missing"));
		askController("DeleteTopics", ApiKeys.DELETE_TOPICS, (v, tag) -> deleteById("acl-gone-" + tag), topic(DELETE, "acl-gone-#"));
		askController("AlterConfigs", ApiKeys.ALTER_CONFIGS, (v, tag) -> alterConfigs(2, "retention.ms", "1234567", "acl-missing"),
			topic(ALTER_CONFIGS, "acl-missing"));
		askController("IncrementalAlterConfigs", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(2, "retention.ms", "1234567",
			"acl-missing"), topic(ALTER_CONFIGS, "acl-missing"));
		askController("IncrementalAlterConfigs of loggers", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(8, "root", "INFO", "1"),
			cluster(CLUSTER_ACTION));
		askController("ElectLeaders", ApiKeys.ELECT_LEADERS, (v, tag) -> elect(), cluster(ALTER));
		askController("AlterPartitionReassignments", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, (v, tag) -> reassign(), cluster(ALTER));
		askController("ListPartitionReassignments", ApiKeys.LIST_PARTITION_REASSIGNMENTS, (v, tag) -> new ListPartitionReassignmentsRequestData()
			.setTopics(null), cluster(DESCRIBE));
		askController("DescribeCluster", ApiKeys.DESCRIBE_CLUSTER, (v, tag) -> new DescribeClusterRequestData().setEndpointType((byte) 2)
			.setIncludeClusterAuthorizedOperations(true), cluster(ALTER));
		askController("DescribeAcls", ApiKeys.DESCRIBE_ACLS, (v, tag) -> new DescribeAclsRequestData().setResourceTypeFilter((byte) 1)
			.setPatternTypeFilter((byte) 3).setPrincipalFilter("User:nobody").setOperation((byte) 1).setPermissionType((byte) 1), cluster(DESCRIBE));
		askController("DescribeConfigs", ApiKeys.DESCRIBE_CONFIGS, (v, tag) -> describeConfigs(2, "acl-missing"), topic(DESCRIBE_CONFIGS, "acl-missing"));
		askController("UpdateFeatures", ApiKeys.UPDATE_FEATURES, (v, tag) -> features(), cluster(ALTER));
		askController("UnregisterBroker", ApiKeys.UNREGISTER_BROKER, (v, tag) -> new UnregisterBrokerRequestData().setBrokerId(999), cluster(ALTER));
		askNodes();
	}

	private void askNodes() {
		askController("Fetch", ApiKeys.FETCH, (v, tag) -> new FetchRequestData().setClusterId("another"), cluster(CLUSTER_ACTION));
		askController("FetchSnapshot", ApiKeys.FETCH_SNAPSHOT, (v, tag) -> new FetchSnapshotRequestData().setClusterId("another"), cluster(CLUSTER_ACTION));
		askController("Vote", ApiKeys.VOTE, (v, tag) -> new VoteRequestData().setClusterId("another"), cluster(CLUSTER_ACTION));
		askController("BeginQuorumEpoch", ApiKeys.BEGIN_QUORUM_EPOCH, (v, tag) -> new BeginQuorumEpochRequestData().setClusterId("another"),
			cluster(CLUSTER_ACTION));
		askController("EndQuorumEpoch", ApiKeys.END_QUORUM_EPOCH, (v, tag) -> new EndQuorumEpochRequestData().setClusterId("another"),
			cluster(CLUSTER_ACTION));
		askController("UpdateRaftVoter", ApiKeys.UPDATE_RAFT_VOTER, (v, tag) -> new UpdateRaftVoterRequestData().setClusterId("another"),
			cluster(CLUSTER_ACTION));
		askController("AllocateProducerIds", ApiKeys.ALLOCATE_PRODUCER_IDS, (v, tag) -> new AllocateProducerIdsRequestData().setBrokerId(1).setBrokerEpoch(-7),
			cluster(CLUSTER_ACTION));
		askController("AlterPartition", ApiKeys.ALTER_PARTITION, (v, tag) -> new AlterPartitionRequestData().setBrokerId(1).setBrokerEpoch(-7)
			.setTopics(List.of(new AlterPartitionRequestData.TopicData().setTopicId(NOBODY))),
			cluster(CLUSTER_ACTION));
		askController("AssignReplicasToDirs", ApiKeys.ASSIGN_REPLICAS_TO_DIRS, (v, tag) -> new AssignReplicasToDirsRequestData().setBrokerId(1)
			.setBrokerEpoch(-7), cluster(CLUSTER_ACTION));
		askController("BrokerHeartbeat", ApiKeys.BROKER_HEARTBEAT, (v, tag) -> new BrokerHeartbeatRequestData().setBrokerId(999).setBrokerEpoch(-7),
			cluster(CLUSTER_ACTION));
		askController("BrokerRegistration", ApiKeys.BROKER_REGISTRATION, (v, tag) -> new BrokerRegistrationRequestData().setBrokerId(999)
			.setClusterId("another"), cluster(CLUSTER_ACTION));
		askController("Envelope", ApiKeys.ENVELOPE, (v, tag) -> new EnvelopeRequestData().setRequestData(java.nio.ByteBuffer.wrap(new byte[] {1, 2}))
			.setRequestPrincipal(new byte[] {9, 9}).setClientHostAddress(new byte[] {127, 0, 0, 1}), cluster(CLUSTER_ACTION));
	}

	private void askInEnvelopes() {
		askEnveloped("CreateTopics", ApiKeys.CREATE_TOPICS, (v, tag) -> create("acl-new-" + tag), topic(CREATE, "acl-new-#"));
		askEnveloped("CreatePartitions", ApiKeys.CREATE_PARTITIONS, (v, tag) -> grow("acl-missing"), topic(ALTER, "acl-missing"));
		askEnveloped("DeleteTopics", ApiKeys.DELETE_TOPICS, (v, tag) -> deleteById("acl-gone-" + tag), topic(DELETE, "acl-gone-#"));
		askEnveloped("AlterConfigs", ApiKeys.ALTER_CONFIGS, (v, tag) -> alterConfigs(2, "retention.ms", "1234567", "acl-missing"),
			topic(ALTER_CONFIGS, "acl-missing"));
		askEnveloped("IncrementalAlterConfigs of a broker", ApiKeys.INCREMENTAL_ALTER_CONFIGS, (v, tag) -> incrementalAlterConfigs(4,
			"log.cleaner.threads", "1", "1"), cluster(ALTER_CONFIGS));
		askEnveloped("ElectLeaders", ApiKeys.ELECT_LEADERS, (v, tag) -> elect(), cluster(ALTER));
		askEnveloped("AlterPartitionReassignments", ApiKeys.ALTER_PARTITION_REASSIGNMENTS, (v, tag) -> reassign(), cluster(ALTER));
		askEnveloped("DescribeQuorum", ApiKeys.DESCRIBE_QUORUM, (v, tag) -> new DescribeQuorumRequestData().setTopics(List.of(
			new DescribeQuorumRequestData.TopicData().setTopicName("acl-nothing").setPartitions(List.of(
				new DescribeQuorumRequestData.PartitionData().setPartitionIndex(0))))), cluster(DESCRIBE));
		askEnveloped("AlterClientQuotas", ApiKeys.ALTER_CLIENT_QUOTAS, (v, tag) -> quota("acl-" + tag, "producer_byte_rate"), cluster(ALTER_CONFIGS));
		askEnveloped("AlterUserScramCredentials", ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, (v, tag) -> credential("acl-" + tag), cluster(ALTER));
		askEnveloped("CreateAcls", ApiKeys.CREATE_ACLS, (v, tag) -> new CreateAclsRequestData().setCreations(List.of(acl(tag))), cluster(ALTER));
		askEnveloped("UnregisterBroker", ApiKeys.UNREGISTER_BROKER, (v, tag) -> new UnregisterBrokerRequestData().setBrokerId(999), cluster(ALTER));
		askEnveloped("what no broker hands on", ApiKeys.METADATA, (v, tag) -> metadata(v, false, "acl-topic"), topic(DESCRIBE));
	}

	private void askTokens() {
		ask("CreateDelegationToken", ApiKeys.CREATE_DELEGATION_TOKEN, (v, tag) -> new CreateDelegationTokenRequestData());
		ask("DescribeDelegationToken", ApiKeys.DESCRIBE_DELEGATION_TOKEN, (v, tag) -> new DescribeDelegationTokenRequestData());
		ask("RenewDelegationToken", ApiKeys.RENEW_DELEGATION_TOKEN, (v, tag) -> new RenewDelegationTokenRequestData().setHmac(new byte[] {1}));
		ask("ExpireDelegationToken", ApiKeys.EXPIRE_DELEGATION_TOKEN, (v, tag) -> new ExpireDelegationTokenRequestData().setHmac(new byte[] {1}));
	}

	/** What lists everything comes before what makes more of it: nodes get to know new topics at their own pace. */
	List<Acls.Question> all() {
		askMetadata();
		askRecords();
		askGroups();
		askTransactions();
		askCluster();
		askTokens();
		askTheController();
		askInEnvelopes();
		askTopics();
		return all;
	}
}
