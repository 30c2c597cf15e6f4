import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourceType;

/**
 * The matrix: each thing that can be asked, in the first and the last version, by a principal that has all it needs, nothing, all but one
 * thing, what a deny takes away again ...; one line an answer, and at the end what has come of it all.
 *
 * Every case has an address of its own in 127.0.0.0/8, which its ACLs name and its client comes from: all ACLs are made beforehand, and none
 * is taken away. The address 127.0.0.1, of the node itself and of who makes all this, may do everything.
 *
 *   java Acls setup|run|super|everyone HOST PORT CONTROLLER_PORT [EVERY]     EVERY: one case of so many
 */
public final class Acls {
	/** What somebody needs: a resource and an operation on it. */
	record Need(ResourceType type, String name, AclOperation operation) {
		boolean isCluster() {
			return type == ResourceType.CLUSTER;
		}
	}

	interface Body {
		ApiMessage of(int version, String tag);
	}

	/** A question. tag: the case's own word, for names that no other case uses; "#" in a need's name stands for it. */
	record Question(String name, ApiKeys api, Way way, int first, int last, Body body, List<Need> needs) {}

	/** Where it is asked. ENVELOPE: a broker hands it to the controller, as from the case's address. */
	enum Way {
		BROKER(""), CONTROLLER("controller: "), ENVELOPE("envelope: ");

		final String label;

		Way(String label) {
			this.label = label;
		}
	}

	record Acl(Need need, PatternType pattern, AclPermissionType permission, String principal, String host) {}

	record Case(int number, Question question, int version, String how, List<Acl> acls) {
		String tag() {
			return "x" + number;
		}

		String host() {
			return hostOf(number, how);
		}

		String label() {
			return String.format("%04d %s%s v%d, %s", number, question.way.label, question.name, version, how);
		}
	}

	/** An address; of the cases with ranges one in four, so that each has a range of its own. */
	static String hostOf(int number, String how) {
		return how.contains("range") ? "127." + (5 + (number >> 14)) + "." + (number >> 6 & 255) + "." + ((number & 63) << 2 | 1)
			: "127.4." + (number >> 8) + "." + (number & 255);
	}

	// ---- from a question to its cases ----

	static AclOperation implying(AclOperation wanted) {
		return switch (wanted) {
			case DESCRIBE -> AclOperation.DELETE;
			case DESCRIBE_CONFIGS -> AclOperation.ALTER_CONFIGS;
			default -> AclOperation.ALL;
		};
	}

	/** Another operation on the same thing, which gives nothing that was asked for, or no more than to see it. */
	static AclOperation lesser(Need n) {
		if (n.operation == AclOperation.DESCRIBE || n.type == ResourceType.CLUSTER)
			return n.operation == AclOperation.CREATE ? AclOperation.ALTER : AclOperation.CREATE;
		return AclOperation.DESCRIBE;
	}

	private final List<Case> cases = new ArrayList<>();

	private static Acl allow(Need need, PatternType pattern, String host) {
		return new Acl(need, pattern, AclPermissionType.ALLOW, "User:ANONYMOUS", host);
	}

	private static Need named(Need n, String name) {
		return new Need(n.type, name, n.operation);
	}

	private static Need doing(Need n, AclOperation operation) {
		return new Need(n.type, n.name, operation);
	}

	private void add(Question q, int version, String how, java.util.function.BiFunction<List<Need>, String, List<Acl>> acls) {
		int number = cases.size() + 1;
		List<Need> own = q.needs.stream().map(n -> named(n, n.name.replace("#", "x" + number))).toList();
		cases.add(new Case(number, q, version, how, acls.apply(own, hostOf(number, how))));
	}

	private static List<Acl> each(List<Need> needs, java.util.function.Function<Need, Acl> acl) {
		return new ArrayList<>(needs.stream().map(acl).toList());
	}

	private static Acl wide(Need n, String host) {
		if (n.isCluster())
			return new Acl(n, PatternType.LITERAL, AclPermissionType.ALLOW, "User:*", host);
		return new Acl(named(n, "*"), PatternType.LITERAL, AclPermissionType.ALLOW, "User:*", host);
	}

	private static Acl prefixed(Need n, String host) {
		return allow(n.isCluster() ? n : named(n, n.name.substring(0, 4)), PatternType.PREFIXED, host);
	}

	void cases(Question q, int version) {
		add(q, version, "nothing", (needs, host) -> List.of());
		if (q.needs.isEmpty())
			return;
		add(q, version, "all, literal", (needs, host) -> each(needs, n -> allow(n, PatternType.LITERAL, host)));
		add(q, version, "all, prefixed", (needs, host) -> each(needs, n -> prefixed(n, host)));
		add(q, version, "all, wildcards", (needs, host) -> each(needs, n -> wide(n, host)));
		add(q, version, "all, elsewhere", (needs, host) -> each(needs, n -> allow(n, PatternType.LITERAL, "127.3.3.3")));
		add(q, version, "all, of somebody else", (needs, host) -> each(needs, n ->
			new Acl(n, PatternType.LITERAL, AclPermissionType.ALLOW, "User:anonymous", host)));
		add(q, version, "all, implied", (needs, host) -> each(needs, n -> allow(doing(n, implying(n.operation)), PatternType.LITERAL, host)));
		add(q, version, "all, lesser", (needs, host) -> each(needs, n -> allow(doing(n, lesser(n)), PatternType.LITERAL, host)));
		add(q, version, "all, from a range", (needs, host) -> each(needs, n -> allow(n, PatternType.LITERAL, host + "/30")));
		add(q, version, "all, from another range", (needs, host) -> each(needs, n -> allow(n, PatternType.LITERAL, "127.3.0.0/16")));
		add(q, version, "all, denied a range", (needs, host) -> {
			List<Acl> acls = each(needs, n -> allow(n, PatternType.LITERAL, host));
			acls.addAll(each(needs, n -> new Acl(n, PatternType.LITERAL, AclPermissionType.DENY, "User:ANONYMOUS", host + "/30")));
			return acls;
		});
		for (int i = 0; i < q.needs.size(); i++) {
			int one = i;
			if (q.needs.size() > 1)
				add(q, version, "all but " + q.needs.get(i).operation + " of " + q.needs.get(i).type, (needs, host) -> {
					List<Acl> acls = each(needs, n -> allow(n, PatternType.LITERAL, host));
					acls.remove(one);
					return acls;
				});
			add(q, version, "all, denied " + q.needs.get(i).operation + " of " + q.needs.get(i).type, (needs, host) -> {
				List<Acl> acls = each(needs, n -> allow(n, PatternType.LITERAL, host));
				Need n = needs.get(one);
				acls.add(new Acl(n.isCluster() ? n : named(n, "acl-"), n.isCluster() ? PatternType.LITERAL : PatternType.PREFIXED,
					AclPermissionType.DENY, "User:*", host));
				return acls;
			});
		}
	}

	// ---- asking ----

	final String host;
	final int port;
	final int controllerPort;
	final Map<String, Uuid> ids = new TreeMap<>();
	private final Map<String, String> topics = new TreeMap<>(); // by id
	private final Wire.Names names = new Wire.Names();
	private Wire own;

	Acls(String host, int port, int controllerPort) throws IOException {
		this.host = host;
		this.port = port;
		this.controllerPort = controllerPort;
		own = new Wire(host, port);
	}

	/** By who may do everything, in the newest version. */
	ApiMessage own(ApiKeys api, ApiMessage body) throws IOException {
		return own(api, api.latestVersion(false), body);
	}

	ApiMessage own(ApiKeys api, int version, ApiMessage body) throws IOException {
		ApiMessage answer = own.call(api, (short) version, body, "acls");
		if (answer == null)
			throw new IOException(api + " was answered with a closed connection");
		return answer;
	}

	/** Ids by the names of their topics, so that two runs are alike; what is in no order is put into one. */
	private JsonNode named(String field, JsonNode node) {
		if (node instanceof ObjectNode object) {
			object.fields().forEachRemaining(member -> member.setValue(named(member.getKey(), member.getValue())));
			return object;
		}
		if (node instanceof ArrayNode array) {
			List<JsonNode> members = new ArrayList<>();
			array.forEach(m -> members.add(named(field, m)));
			if (UNORDERED.contains(field))
				members.sort(Comparator.comparing(JsonNode::toString));
			return array.removeAll().addAll(members);
		}
		if (node.isTextual() && node.asText().matches("[A-Za-z0-9_-]{22}") && !node.asText().equals(Uuid.ZERO_UUID.toString()))
			return new TextNode("<id of " + topics.getOrDefault(node.asText(), "something") + ">");
		return node;
	}

	private static final Set<String> UNORDERED = Set.of("resultsByTopicV3AndBelow", "topicResults", "transactionStates");

	String normal(ApiKeys api, int version, ApiMessage answer) {
		return names.normal("", named("", Wire.json(api, false, answer, (short) version))).toString()
			.replaceAll("Request (Request\\(.*?\\)|[A-Za-z]+Request) needs", "Request <it> needs")
			.replaceAll("acls-[0-9a-f-]{36}", "<member>")
			.replaceAll("<(uuid|producer|path) \\d+>", "<$1>")
			.replaceAll("cluster id \\\\\"[A-Za-z0-9_-]{22}", "cluster id <uuid>");
	}

	/** What somebody would ask again about: a coordinator that loads, a topic that is being made. */
	private static boolean isPassing(ApiMessage answer) {
		if (answer instanceof InitProducerIdResponseData a)
			return a.errorCode() == 14 || a.errorCode() == 15 || a.errorCode() == 16;
		if (answer instanceof MetadataResponseData a)
			return a.topics().stream().anyMatch(t -> t.name() != null && t.name().startsWith("acl-made-") && (t.errorCode() == 3 || t.errorCode() == 5
				|| t.partitions().stream().anyMatch(p -> p.leaderId() < 0)));
		return false;
	}

	private static byte[] joined(byte[]... parts) {
		java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
		for (byte[] p : parts)
			all.writeBytes(p);
		return all.toByteArray();
	}

	/** The request in an Envelope (KIP-590), and what is in the answer's. */
	private ApiMessage callEnveloped(Wire wire, Case c) throws IOException {
		ApiKeys api = c.question.api;
		short version = (short) c.version;
		RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version).setCorrelationId(5).setClientId("acls");
		byte[] request = joined(Wire.bytes(header, api.requestHeaderVersion(version)), Wire.bytes(c.question.body.of(c.version, c.tag()), version));
		byte[] principal = joined(new byte[2], Wire.bytes(new DefaultPrincipalData().setType("User").setName("ANONYMOUS"), (short) 0));
		EnvelopeResponseData answer = (EnvelopeResponseData) wire.call(ApiKeys.ENVELOPE, (short) 0, new EnvelopeRequestData()
			.setRequestData(ByteBuffer.wrap(request)).setRequestPrincipal(principal)
			.setClientHostAddress(java.net.InetAddress.getByName(c.host()).getAddress()), "acls");
		if (answer == null || answer.errorCode() != 0)
			return answer;
		new ResponseHeaderData(new ByteBufferAccessor(answer.responseData()), api.responseHeaderVersion(version));
		ApiMessage inner = api.messageType.newResponse();
		inner.read(new ByteBufferAccessor(answer.responseData()), version);
		return inner;
	}

	private String ask(Case c) throws IOException {
		int to = c.question.way == Way.BROKER ? port : controllerPort;
		ApiMessage[] answer = new ApiMessage[1];
		try (Wire wire = new Wire(host, to, c.question.way == Way.ENVELOPE ? null : c.host())) {
			settle(c.label(), () -> {
				answer[0] = c.question.way == Way.ENVELOPE ? callEnveloped(wire, c) : wire.call(c.question.api, (short) c.version, c.question.body.of(c.version, c.tag()), "acls");
				return answer[0] == null || !isPassing(answer[0]);
			});
			if (answer[0] instanceof EnvelopeResponseData e && c.question.way == Way.ENVELOPE)
				return "envelope: " + e.errorCode();
			return answer[0] == null ? "closed" : normal(c.question.api, c.version, answer[0]);
		} catch (UnsupportedVersionException e) {
			return "cannot be said in this version";
		} catch (java.net.SocketTimeoutException e) {
			return "no answer";
		}
	}

	// ---- what there is beforehand ----

	private void makeAcls(List<Acl> acls) throws IOException {
		for (int at = 0; at < acls.size(); at += 500) {
			CreateAclsRequestData body = new CreateAclsRequestData();
			for (Acl a : acls.subList(at, Math.min(at + 500, acls.size())))
				body.creations().add(new CreateAclsRequestData.AclCreation().setResourceType(a.need.type.code())
					.setResourceName(a.need.name).setResourcePatternType(a.pattern.code()).setPrincipal(a.principal).setHost(a.host)
					.setOperation(a.need.operation.code()).setPermissionType(a.permission.code()));
			CreateAclsResponseData answer = (CreateAclsResponseData) own(ApiKeys.CREATE_ACLS, body);
			for (CreateAclsResponseData.AclCreationResult r : answer.results())
				if (r.errorCode() != 0)
					throw new IOException("an ACL is refused: " + r);
		}
	}

	private List<Acl> ownAcls() {
		List<Acl> acls = new ArrayList<>();
		for (ResourceType type : List.of(ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID))
			acls.add(allow(new Need(type, "*", AclOperation.ALL), PatternType.LITERAL, "127.0.0.1"));
		acls.add(allow(new Need(ResourceType.CLUSTER, "kafka-cluster", AclOperation.ALL), PatternType.LITERAL, "127.0.0.1"));
		return acls;
	}

	private void makeTopics(TreeSet<String> wanted) throws IOException {
		CreateTopicsRequestData body = new CreateTopicsRequestData().setTimeoutMs(30000);
		for (String name : wanted)
			body.topics().add(new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(1).setReplicationFactor((short) 1));
		for (CreateTopicsResponseData.CreatableTopicResult t : ((CreateTopicsResponseData) own(ApiKeys.CREATE_TOPICS, body)).topics())
			if (t.errorCode() != 0 && t.errorCode() != 36)
				throw new IOException("a topic is refused: " + t);
	}

	/** Asks until the answer is as it should be: coordinators and leaders take their time. */
	private interface Condition {
		boolean holds() throws IOException;
	}

	private static void settle(String what, Condition condition) throws IOException {
		long end = System.nanoTime() + 60_000_000_000L;
		while (!condition.holds())
			if (System.nanoTime() > end)
				throw new IOException("never came: " + what);
	}

	private void coordinator(byte type, String key) throws IOException {
		settle("coordinator of " + key, () -> ((FindCoordinatorResponseData) own(ApiKeys.FIND_COORDINATOR, new FindCoordinatorRequestData()
			.setKeyType(type).setCoordinatorKeys(List.of(key)))).coordinators().get(0).errorCode() == 0);
	}

	private void commit(String group, String topic) throws IOException {
		settle("offset of " + group, () -> ((OffsetCommitResponseData) own(ApiKeys.OFFSET_COMMIT, 9, new OffsetCommitRequestData().setGroupId(group)
			.setTopics(List.of(new OffsetCommitRequestData.OffsetCommitRequestTopic().setName(topic).setPartitions(List.of(
				new OffsetCommitRequestData.OffsetCommitRequestPartition().setPartitionIndex(0).setCommittedOffset(1))))))).topics().get(0)
			.partitions().get(0).errorCode() == 0);
	}

	private void transaction(String id) throws IOException {
		InitProducerIdResponseData[] producer = new InitProducerIdResponseData[1];
		coordinator((byte) 1, id);
		settle("producer of " + id, () -> {
			producer[0] = (InitProducerIdResponseData) own(ApiKeys.INIT_PRODUCER_ID, new InitProducerIdRequestData().setTransactionalId(id)
				.setTransactionTimeoutMs(900000));
			return producer[0].errorCode() == 0;
		});
		AddPartitionsToTxnRequestData.AddPartitionsToTxnTopicCollection topics = new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopicCollection();
		topics.add(new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopic().setName("acl-topic").setPartitions(List.of(0)));
		topics.add(new AddPartitionsToTxnRequestData.AddPartitionsToTxnTopic().setName("acl-other").setPartitions(List.of(0)));
		settle("transaction " + id, () -> ((AddPartitionsToTxnResponseData) own(ApiKeys.ADD_PARTITIONS_TO_TXN, 3, new AddPartitionsToTxnRequestData()
			.setV3AndBelowTransactionalId(id).setV3AndBelowProducerId(producer[0].producerId()).setV3AndBelowProducerEpoch(producer[0].producerEpoch())
			.setV3AndBelowTopics(topics))).resultsByTopicV3AndBelow().iterator().next().resultsByPartition().iterator().next()
			.partitionErrorCode() == 0);
	}

	private void setup() throws IOException {
		List<Acl> acls = ownAcls();
		cases.forEach(c -> acls.addAll(c.acls));
		prepare(acls);
	}

	private void prepare(List<Acl> acls) throws IOException {
		TreeSet<String> topics = new TreeSet<>(List.of("acl-topic", "acl-other"));
		for (Case c : cases)
			for (String made : Questions.TOPICS.getOrDefault(c.question.name, List.of()))
				topics.add(made.replace("#", c.tag()));
		makeTopics(topics);
		makeAcls(acls);
		for (String topic : List.of("acl-topic", "acl-other"))
			settle("leader of " + topic, () -> ((ProduceResponseData) own(ApiKeys.PRODUCE, 9, Questions.produce(9, topic, null, null)))
				.responses().find(topic, Uuid.ZERO_UUID).partitionResponses().get(0).errorCode() == 0);
		coordinator((byte) 0, "acl-group");
		commit("acl-group", "acl-topic");
		commit("acl-group", "acl-other");
		for (Case c : cases)
			for (String made : Questions.GROUPS.getOrDefault(c.question.name, List.of()))
				commit(made.replace("#", c.tag()), "acl-topic");
		transaction("acl-transaction");
		System.out.println(topics.size() + " topics, " + acls.size() + " ACLs, " + cases.size() + " cases");
	}

	private void learn() throws IOException {
		coordinator((byte) 0, "acl-group");
		coordinator((byte) 1, "acl-transaction");
		settle("topics", () -> {
			MetadataResponseData all = (MetadataResponseData) own(ApiKeys.METADATA, new MetadataRequestData().setTopics(null));
			all.topics().forEach(t -> {
				ids.put(t.name(), t.topicId());
				topics.put(t.topicId().toString(), t.name());
			});
			return all.topics().stream().allMatch(t -> t.partitions().stream().allMatch(p -> p.leaderId() >= 0)) && ids.containsKey("acl-topic");
		});
	}

	/** A member with an assignment, in the group that is described. */
	private void joinConsumerGroup() throws IOException {
		settle("a member", () -> {
			ConsumerGroupHeartbeatResponseData answer = (ConsumerGroupHeartbeatResponseData) own(ApiKeys.CONSUMER_GROUP_HEARTBEAT,
				new ConsumerGroupHeartbeatRequestData().setGroupId("acl-consumers").setMemberId("member-of-the-group").setMemberEpoch(0)
					.setRebalanceTimeoutMs(60000).setSubscribedTopicNames(List.of("acl-topic")).setTopicPartitions(List.of()));
			return answer.errorCode() == 0 && answer.assignment() != null && !answer.assignment().topicPartitions().isEmpty();
		});
	}

	// ---- what has come of it ----

	/** The node has followed all that was decided when it has followed what was decided last. */
	private void follow() throws IOException {
		makeTopics(new TreeSet<>(List.of("acl-last")));
		settle("the last topic", () -> ((MetadataResponseData) own(ApiKeys.METADATA, new MetadataRequestData().setTopics(null))).topics()
			.stream().anyMatch(t -> t.name().equals("acl-last") && t.partitions().stream().allMatch(p -> p.leaderId() >= 0)));
	}

	private void after() throws IOException {
		follow();
		MetadataResponseData all = (MetadataResponseData) own(ApiKeys.METADATA, new MetadataRequestData().setTopics(null));
		TreeMap<String, Integer> partitions = new TreeMap<>();
		all.topics().forEach(t -> partitions.put(t.name(), t.partitions().size()));
		ListOffsetsRequestData ends = new ListOffsetsRequestData().setReplicaId(-1);
		DescribeConfigsRequestData configs = new DescribeConfigsRequestData();
		partitions.forEach((name, n) -> {
			System.out.println("after: topic " + name + " has " + n);
			ends.topics().add(new ListOffsetsRequestData.ListOffsetsTopic().setName(name).setPartitions(List.of(
				new ListOffsetsRequestData.ListOffsetsPartition().setPartitionIndex(0).setTimestamp(-1))));
			if (name.startsWith("acl-"))
				configs.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 2).setResourceName(name));
		});
		for (String group : List.of("acl-group", "acl-other"))
			configs.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) 32).setResourceName(group));
		TreeSet<String> lines = new TreeSet<>();
		((ListOffsetsResponseData) own(ApiKeys.LIST_OFFSETS, ends)).topics().forEach(t -> {
			if (!t.name().startsWith("__"))
				lines.add("after: " + t.name() + " ends at " + t.partitions().get(0).offset());
		});
		((DescribeConfigsResponseData) own(ApiKeys.DESCRIBE_CONFIGS, configs)).results().forEach(r -> r.configs().forEach(c -> {
			if (c.configSource() == 1 || c.configSource() == 8)
				lines.add("after: " + r.resourceName() + " has " + c.name() + "=" + c.value());
		}));
		((ListGroupsResponseData) own(ApiKeys.LIST_GROUPS, new ListGroupsRequestData())).groups().forEach(g ->
			lines.add("after: group " + g.groupId() + " is " + g.groupState()));
		((ListTransactionsResponseData) own(ApiKeys.LIST_TRANSACTIONS, new ListTransactionsRequestData())).transactionStates().forEach(t ->
			lines.add("after: transaction " + t.transactionalId() + " is " + t.transactionState()));
		lines.forEach(System.out::println);
		DescribeAclsResponseData acls = (DescribeAclsResponseData) own(ApiKeys.DESCRIBE_ACLS, new DescribeAclsRequestData()
			.setResourceTypeFilter((byte) 1).setPatternTypeFilter((byte) 1).setOperation((byte) 1).setPermissionType((byte) 1));
		DescribeClientQuotasResponseData quotas = (DescribeClientQuotasResponseData) own(ApiKeys.DESCRIBE_CLIENT_QUOTAS, new DescribeClientQuotasRequestData()
			.setComponents(List.of()));
		System.out.println("after: " + quotas.entries().size() + " quotas");
		DescribeUserScramCredentialsResponseData users = (DescribeUserScramCredentialsResponseData) own(ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS,
			new DescribeUserScramCredentialsRequestData().setUsers(null));
		System.out.println("after: credentials of " + new TreeSet<>(users.results().stream().map(u -> u.user()).toList()));
		System.out.println("after: " + acls.resources().stream().mapToInt(r -> r.acls().size()).sum() + " ACLs");
		OffsetFetchResponseData offsets = (OffsetFetchResponseData) own(ApiKeys.OFFSET_FETCH, 9, new OffsetFetchRequestData().setGroups(List.of(
			new OffsetFetchRequestData.OffsetFetchRequestGroup().setGroupId("acl-group").setTopics(null))));
		System.out.println("after: acl-group " + normal(ApiKeys.OFFSET_FETCH, 9, offsets));
	}

	/** allow.everyone.if.no.acl.found: nothing has an ACL; then what half of the cases need has one, of somebody else's address. */
	private void everyone() throws IOException {
		cases.removeIf(c -> !c.how.equals("nothing"));
		prepare(List.of());
		learn();
		joinConsumerGroup();
		for (Case c : cases)
			System.out.println(c.label() + ", no ACLs => " + ask(c));
		// The node's own requests to its controller, which are no matter here, go on.
		List<Acl> acls = new ArrayList<>(List.of(allow(new Need(ResourceType.CLUSTER, "kafka-cluster", AclOperation.ALL), PatternType.LITERAL, "127.0.0.1")));
		for (Case c : cases)
			if (c.number % 2 == 0)
				acls.addAll(each(c.question.needs, n -> allow(named(n, n.name.replace("#", c.tag())), PatternType.LITERAL, "127.3.3.3")));
		makeAcls(acls);
		follow();
		for (Case c : cases)
			System.out.println(c.label() + ", ACLs of others => " + ask(c));
	}

	/** Of Kafka's APIs those that no question asks. */
	private void denominator() {
		TreeSet<String> asked = new TreeSet<>(), all = new TreeSet<>();
		cases.forEach(c -> asked.add(c.question.api.name));
		for (ApiKeys api : ApiKeys.values())
			if (api.hasValidVersion())
				all.add(api.name);
		TreeSet<String> missing = new TreeSet<>(all);
		missing.removeAll(asked);
		System.out.println("apis: " + asked.size() + " of " + all.size() + "; not asked: " + String.join(" ", missing));
	}

	public static void main(String[] args) throws IOException {
		Acls acls = new Acls(args[1], Integer.parseInt(args[2]), Integer.parseInt(args[3]));
		int every = args.length > 4 ? Integer.parseInt(args[4]) : 1;
		for (Question q : new Questions(acls).all())
			for (int version : q.first == q.last ? List.of(q.last) : List.of(q.first, q.last))
				acls.cases(q, version);
		acls.cases.removeIf(c -> c.number % every != 0);
		if (args[0].equals("setup")) {
			acls.setup();
			return;
		}
		if (args[0].equals("everyone")) {
			acls.everyone();
			return;
		}
		acls.learn();
		acls.joinConsumerGroup();
		for (Case c : acls.cases)
			System.out.println(c.label() + " => " + acls.ask(c));
		if (args[0].equals("run")) {
			acls.after();
			acls.denominator();
		}
	}
}
