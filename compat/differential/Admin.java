import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;

/** Administration at its edges: what is named twice, empty, null, too large, contradictory or out of range; and what it has left behind. */
final class Admin {
	private final String host;
	private final int port;
	private final String prefix;
	private final Wire.Names names;
	private String cluster = "none";
	private Wire wire;

	Admin(String host, int port, String prefix, Wire.Names names) throws IOException {
		this.host = host;
		this.port = port;
		this.prefix = prefix;
		this.names = names;
		wire = new Wire(host, port);
	}

	private ApiMessage call(ApiKeys api, int version, ApiMessage body) throws IOException {
		ApiMessage answer = wire.call(api, (short) version, body, "differential");
		if (answer == null) {
			wire.close();
			wire = new Wire(host, port);
		}
		return answer;
	}

	private ApiMessage say(String what, ApiKeys api, int version, ApiMessage body) throws IOException {
		String label = prefix + "admin: " + what + " | " + api.name + " v" + version;
		try {
			ApiMessage answer = call(api, version, body);
			System.out.println(label + " => " + (answer == null ? "closed"
				: names.normal("", Wire.json(api, false, answer, (short) version)).toString().replace(cluster, "<this cluster>")));
			return answer;
		} catch (UnsupportedVersionException e) {
			return null; // this version cannot say it
		} catch (java.net.SocketTimeoutException e) {
			System.out.println(label + " => no answer");
			wire.close();
			wire = new Wire(host, port);
			return null;
		}
	}

	private void each(String what, ApiKeys api, IntFunction<ApiMessage> body) throws IOException {
		for (int v = api.oldestVersion(); v <= api.latestVersion(false); v++)
			say(what, api, v, body.apply(v));
	}

	private void last(String what, ApiKeys api, ApiMessage body) throws IOException {
		say(what, api, api.latestVersion(false), body);
	}

	// ---- topics ----

	private static CreateTopicsRequestData.CreatableTopic topic(String name, int partitions, int replicas, String... configs) {
		CreateTopicsRequestData.CreatableTopic t = new CreateTopicsRequestData.CreatableTopic().setName(name).setNumPartitions(partitions)
			.setReplicationFactor((short) replicas);
		for (int i = 0; i < configs.length; i += 2)
			t.configs().add(new CreateTopicsRequestData.CreatableTopicConfig().setName(configs[i]).setValue(configs[i + 1]));
		return t;
	}

	/** {partition, broker...} each. */
	private static CreateTopicsRequestData.CreatableTopic assigned(String name, int[]... partitions) {
		CreateTopicsRequestData.CreatableTopic t = topic(name, -1, -1);
		for (int[] p : partitions) {
			List<Integer> brokers = new ArrayList<>();
			for (int i = 1; i < p.length; i++)
				brokers.add(p[i]);
			t.assignments().add(new CreateTopicsRequestData.CreatableReplicaAssignment().setPartitionIndex(p[0]).setBrokerIds(brokers));
		}
		return t;
	}

	private static CreateTopicsRequestData create(CreateTopicsRequestData.CreatableTopic... topics) {
		return new CreateTopicsRequestData().setTimeoutMs(10000).setTopics(
			new CreateTopicsRequestData.CreatableTopicCollection(Arrays.asList(topics).iterator()));
	}

	private static MetadataRequestData metadata(String... topics) {
		MetadataRequestData r = new MetadataRequestData().setAllowAutoTopicCreation(false);
		for (String t : topics)
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(t));
		return r;
	}

	/** Kafka's brokers follow at their own pace: asks until the topic is there, or is not. */
	private void settle(String topic, boolean there) throws IOException {
		long end = System.nanoTime() + 20_000_000_000L;
		while ((((MetadataResponseData) call(ApiKeys.METADATA, 12, metadata(topic))).topics().find(topic).errorCode() == 0) != there)
			if (System.nanoTime() > end)
				throw new IOException("never came: " + topic);
	}

	private Uuid make(String name) throws IOException {
		Uuid id = ((CreateTopicsResponseData) call(ApiKeys.CREATE_TOPICS, 7, create(topic(name, 2, 1)))).topics().find(name).topicId();
		settle(name, true);
		return id;
	}

	private static DeleteTopicsRequestData.DeleteTopicState gone(String name, Uuid id) {
		return new DeleteTopicsRequestData.DeleteTopicState().setName(name).setTopicId(id);
	}

	private static DeleteTopicsRequestData delete(DeleteTopicsRequestData.DeleteTopicState... topics) {
		return new DeleteTopicsRequestData().setTimeoutMs(10000).setTopics(Arrays.asList(topics));
	}

	private int barriers = 0;

	/** A broker of Kafka's follows the metadata in order, and late: asks until it shows a change that was made just now. */
	private void barrier() throws IOException {
		String value = "" + (1_000_000 + ++barriers);
		long end = System.nanoTime() + 20_000_000_000L;
		call(ApiKeys.INCREMENTAL_ALTER_CONFIGS, 1, alter(resource(2, "p", SET, "flush.ms", value)));
		while (!((DescribeConfigsResponseData) call(ApiKeys.DESCRIBE_CONFIGS, 4, describe(2, "p", List.of("flush.ms")))).results().get(0).configs().get(0)
				.value().equals(value))
			if (System.nanoTime() > end)
				throw new IOException("never came: " + value);
	}

	private void deletions() throws IOException {
		Uuid zero = Uuid.ZERO_UUID, id = make("edge-1");
		last("by id and by name", ApiKeys.DELETE_TOPICS, delete(gone(null, id), gone("edge-1", zero)));
		last("by name and by id", ApiKeys.DELETE_TOPICS, delete(gone("edge-1", zero), gone(null, id)));
		last("by id twice and by name", ApiKeys.DELETE_TOPICS, delete(gone(null, id), gone(null, id), gone("edge-1", zero)));
		last("by name twice and by id of another", ApiKeys.DELETE_TOPICS, delete(gone("edge-1", zero), gone("edge-1", zero), gone(null, new Uuid(9, 9))));
		last("by name and id at once", ApiKeys.DELETE_TOPICS, delete(gone("edge-1", id)));
		last("by neither", ApiKeys.DELETE_TOPICS, delete(gone(null, zero)));
		last("by neither twice", ApiKeys.DELETE_TOPICS, delete(gone(null, zero), gone(null, zero)));
		last("by an empty name", ApiKeys.DELETE_TOPICS, delete(gone("", zero)));
		last("by a bad name", ApiKeys.DELETE_TOPICS, delete(gone("a b", zero)));
		last("what is internal", ApiKeys.DELETE_TOPICS, delete(gone("__cluster_metadata", zero)));
		each("none", ApiKeys.DELETE_TOPICS, v -> new DeleteTopicsRequestData());
		for (int v = 1; v <= 5; v++)
			say("twice", ApiKeys.DELETE_TOPICS, v, new DeleteTopicsRequestData().setTimeoutMs(10000).setTopicNames(List.of("edge-1", "edge-1", "", "no")));
		barrier();
		last("what is left", ApiKeys.METADATA, metadata("edge-1"));
		last("by id and two names", ApiKeys.DELETE_TOPICS, delete(gone(null, id), gone("no-1", zero), gone("no-2", zero)));
		settle("edge-1", false);
		last("what is left", ApiKeys.METADATA, metadata("edge-1"));
	}

	private void creations() throws IOException {
		int v = 7;
		ApiKeys api = ApiKeys.CREATE_TOPICS;
		each("none", api, n -> create());
		say("a setting twice", api, v, create(topic("edge-2", 1, 1, "retention.ms", "1", "retention.ms", "2", "flush.ms", "3")));
		say("settings without values", api, v, create(topic("edge-3", 1, 1, "retention.ms", null, "flush.ms", null, "no.such", null)));
		say("a setting of no name", api, v, create(topic("edge-3", 1, 1, "", "1")));
		say("a large setting", api, v, create(topic("edge-3", 1, 1, "cleanup.policy", "x".repeat(32767))));
		say("settings at odds", api, v, create(topic("edge-3", 1, 1, "retention.bytes", "10", "local.retention.bytes", "20")));
		say("local retention beyond retention", api, v, create(topic("edge-3", 1, 1, "retention.ms", "10", "local.retention.ms", "20")));
		say("remote storage", api, v, create(topic("edge-3", 1, 1, "remote.storage.enable", "true")));
		say("lists", api, v, create(topic("edge-4", 1, 1, "cleanup.policy", " delete , compact ", "leader.replication.throttled.replicas", "*")));
		say("a list twice", api, v, create(topic("edge-3", 1, 1, "cleanup.policy", "delete,delete")));
		say("throttled badly", api, v, create(topic("edge-3", 1, 1, "leader.replication.throttled.replicas", "a:b")));
		say("two that collide", api, v, create(topic("edge.5", 1, 1), topic("edge_5", 1, 1)));
		say("one that collides", api, v, create(topic("edge_2.x", 1, 1), topic("edge.5", 1, 1)));
		say("too many partitions", api, v, create(topic("edge-6", 10001, 1)));
		say("too many partitions together", api, v, create(topic("edge-6", 5000, 1), topic("edge-7", 5001, 1)));
		say("very many partitions", api, v, create(topic("edge-6", Integer.MAX_VALUE, 1), topic("edge-7", Integer.MAX_VALUE, 1)));
		say("many replicas", api, v, create(topic("edge-6", 1, Short.MAX_VALUE)));
		say("all wrong at once", api, v, create(topic("a b", 0, 0, "no.such", "1")));
		say("no partitions, no replicas", api, v, create(topic("edge-6", 0, 0, "no.such", "1")));
		say("no partitions, no replicas", api, v, create(topic("edge-6", 0, 0)));
		say("the metadata twice", api, v, create(topic("__cluster_metadata", 1, 1), topic("__cluster_metadata", 1, 1)));
		say("the metadata", api, v, create(topic("__cluster_metadata", 1, 1)));
		say("internal", api, v, create(topic("__share_group_state", 1, 1)).setValidateOnly(true));
		say("good and bad", api, v, create(topic("edge-8", 1, 1), topic("edge-9", 1, 7), topic("edge-10", 1, 1, "no.such", "1")));
		say("good and bad to see", api, v, create(topic("edge-11", 1, 1), topic("edge-9", 1, 7)).setValidateOnly(true));
		say("twice, one of them there", api, v, create(topic("edge-8", 1, 1), topic("edge-8", 1, 1)));
		say("three times", api, v, create(topic("edge-12", 1, 1), topic("edge-12", 1, 1), topic("edge-12", 2, 1)));
		int[][][] assignments = {{{0, 1}, {0, 1}}, {{0, 1}, {2, 1}}, {{-1, 1}}, {{1, 1}}, {{0, 1}, {1, 1, 1}}, {{0, 1}, {1}}, {{0}}, {{0, 7}}, {{0, 1, 7}},
			{{0, -1}}, {{1, 1}, {0, 1}}};
		for (int[][] a : assignments)
			say("assigned " + Arrays.deepToString(a), api, v, create(assigned("edge-15", a)).setValidateOnly(true));
		say("assigned with partitions", api, v, create(assigned("edge-15", new int[] {0, 1}).setNumPartitions(1)));
		say("assigned with replicas", api, v, create(assigned("edge-15", new int[] {0, 1}).setReplicationFactor((short) 1)));
		say("assigned with both", api, v, create(assigned("edge-15", new int[] {0, 1}).setNumPartitions(0).setReplicationFactor((short) 0)));
		for (int n = 2; n <= 7; n++)
			say("wrong in many ways", api, n, create(topic("edge-16", 1, 5), topic("a b", 1, 1), topic("edge-8", 1, 1)));
	}

	private static CreatePartitionsRequestData.CreatePartitionsTopic more(String name, int count, int[]... brokers) {
		CreatePartitionsRequestData.CreatePartitionsTopic t = new CreatePartitionsRequestData.CreatePartitionsTopic().setName(name).setCount(count)
			.setAssignments(brokers.length == 0 ? null : new ArrayList<>());
		for (int[] b : brokers)
			if (b != null)
				t.assignments().add(new CreatePartitionsRequestData.CreatePartitionsAssignment().setBrokerIds(Arrays.stream(b).boxed().toList()));
		return t;
	}

	private static CreatePartitionsRequestData grow(CreatePartitionsRequestData.CreatePartitionsTopic... topics) {
		return new CreatePartitionsRequestData().setTimeoutMs(10000).setTopics(
			new CreatePartitionsRequestData.CreatePartitionsTopicCollection(Arrays.asList(topics).iterator()));
	}

	private void growth() throws IOException {
		ApiKeys api = ApiKeys.CREATE_PARTITIONS;
		make("edge-20");
		each("none", api, v -> grow());
		last("twice", api, grow(more("edge-20", 3), more("edge-20", 4), more("no", 2)));
		last("negative", api, grow(more("edge-20", -1)));
		last("to zero", api, grow(more("edge-20", 0)));
		last("of no name", api, grow(more("", 3)));
		last("far too many", api, grow(more("edge-20", 10003)));
		last("assigned to none", api, grow(more("edge-20", 3, new int[0])));
		last("assigned not at all", api, grow(more("edge-20", 3, (int[]) null)));
		last("assigned too few", api, grow(more("edge-20", 4, new int[] {1})));
		last("assigned too many", api, grow(more("edge-20", 3, new int[] {1}, new int[] {1})));
		last("assigned to nobody", api, grow(more("edge-20", 3, new int[] {7})));
		last("assigned twice", api, grow(more("edge-20", 3, new int[] {1, 1})));
		last("as many, assigned badly", api, grow(more("edge-20", 2, new int[] {7})));
		last("good and bad", api, grow(more("edge-20", 3, new int[] {1}), more("no", 2)));
		last("to see", api, grow(more("edge-20", 9)).setValidateOnly(true));
	}

	// ---- settings ----

	private static IncrementalAlterConfigsRequestData.AlterConfigsResource resource(int type, String name, Object... changes) {
		IncrementalAlterConfigsRequestData.AlterConfigsResource r = new IncrementalAlterConfigsRequestData.AlterConfigsResource()
			.setResourceType((byte) type).setResourceName(name);
		for (int i = 0; i < changes.length; i += 3)
			r.configs().add(new IncrementalAlterConfigsRequestData.AlterableConfig().setConfigOperation((byte) (int) changes[i])
				.setName((String) changes[i + 1]).setValue((String) changes[i + 2]));
		return r;
	}

	private static IncrementalAlterConfigsRequestData alter(IncrementalAlterConfigsRequestData.AlterConfigsResource... resources) {
		return new IncrementalAlterConfigsRequestData().setResources(
			new IncrementalAlterConfigsRequestData.AlterConfigsResourceCollection(Arrays.asList(resources).iterator()));
	}

	private static DescribeConfigsRequestData describe(Object... typesAndNames) {
		DescribeConfigsRequestData r = new DescribeConfigsRequestData();
		for (int i = 0; i < typesAndNames.length; i += 3)
			r.resources().add(new DescribeConfigsRequestData.DescribeConfigsResource().setResourceType((byte) (int) typesAndNames[i])
				.setResourceName((String) typesAndNames[i + 1]).setConfigurationKeys((List<String>) typesAndNames[i + 2]));
		return r;
	}

	/** Changes of the topic, and what each left. */
	private void changed(String what, Object... changes) throws IOException {
		last(what, ApiKeys.INCREMENTAL_ALTER_CONFIGS, alter(resource(2, "edge-4", changes)));
		barrier();
		last("after " + what, ApiKeys.DESCRIBE_CONFIGS, describe(2, "edge-4", List.of("cleanup.policy", "retention.ms")));
	}

	private static final int SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3;

	private void settings() throws IOException {
		ApiKeys api = ApiKeys.INCREMENTAL_ALTER_CONFIGS;
		for (boolean validate : new boolean[] {true}) {
			Object[][] cases = {{APPEND, "cleanup.policy", ""}, {APPEND, "cleanup.policy", ","}, {APPEND, "cleanup.policy", "compact"},
				{APPEND, "cleanup.policy", "compact,compact"}, {APPEND, "cleanup.policy", " compact"}, {APPEND, "cleanup.policy", "nonsense"},
				{SUBTRACT, "cleanup.policy", "delete"}, {SUBTRACT, "cleanup.policy", "compact,delete"}, {SUBTRACT, "cleanup.policy", ""},
				{SUBTRACT, "cleanup.policy", "nonsense"}, {APPEND, "cleanup.policy", null}, {APPEND, "no.such", "1"}, {DELETE, "no.such", null},
				{DELETE, "retention.ms", "5"}, {SET, "", "1"}, {DELETE, "", null}, {4, "retention.ms", "1"}, {-1, "retention.ms", "1"},
				{SET, "retention.ms", " 5 "}, {SET, "retention.ms", "+5"}, {SET, "retention.ms", "05"}, {SET, "retention.ms", "-1"}, {SET, "retention.ms", "-2"},
				{SET, "min.insync.replicas", "2147483648"}, {SET, "compression.type", "GZIP"}, {SET, "unclean.leader.election.enable", "yes"},
				{SET, "unclean.leader.election.enable", "TRUE"}, {SET, "min.cleanable.dirty.ratio", "NaN"}, {SET, "min.cleanable.dirty.ratio", "1.1"},
				{SET, "follower.replication.throttled.replicas", "1:2,3"}, {SET, "cleanup.policy", "x".repeat(32767)}};
			for (Object[] c : cases) {
				String what = Arrays.toString(c);
				last("topic " + (what.length() > 200 ? what.length() : what), api,
					alter(resource(2, "edge-4", c)).setValidateOnly(validate));
			}
		}
		changed("appending what is there", APPEND, "cleanup.policy", "compact");
		changed("subtracting what is not there", SUBTRACT, "cleanup.policy", "nonsense");
		changed("subtracting one", SUBTRACT, "cleanup.policy", "compact");
		changed("subtracting with blanks", SUBTRACT, "cleanup.policy", "delete");
		changed("deleting", DELETE, "cleanup.policy", null);
		changed("appending to the default", APPEND, "cleanup.policy", "compact");
		changed("one twice", SET, "retention.ms", "1", SET, "retention.ms", "2");
		changed("one twice, set and deleted", SET, "retention.ms", "1", DELETE, "retention.ms", null);
		changed("good and bad", SET, "retention.ms", "1", SET, "no.such", "2");
		changed("two without values", SET, "retention.ms", null, APPEND, "cleanup.policy", null, DELETE, "flush.ms", null);
		changed("nothing");
		each("none", api, v -> alter());
		last("one of two", api, alter(resource(2, "edge-4", SET, "retention.ms", "77"), resource(2, "no", SET, "retention.ms", "1"),
			resource(2, "edge-8", SET, "retention.ms", "x")));
		barrier();
		last("after one of two", ApiKeys.DESCRIBE_CONFIGS, describe(2, "edge-4", List.of("retention.ms")));
		last("the same twice", api, alter(resource(2, "edge-4", SET, "retention.ms", "78"), resource(2, "edge-4", SET, "flush.ms", "1"),
			resource(2, "edge-8", SET, "retention.ms", "79")));
		last("a type twice", api, alter(resource(99, "a"), resource(99, "a"), resource(0, "b"), resource(-1, "c"), resource(3, "d")));
		for (String name : List.of("-1", "+1", "01", " 1", "1 ", "2147483648", "1.0"))
			for (int type : new int[] {4, 8})
				last("of '" + name + "' of " + type, api, alter(resource(type, name, SET, "log.retention.ms", "100000")).setValidateOnly(true));
		last("of nothing of a broker", api, alter(resource(4, "1")).setValidateOnly(true));
		Object[][] brokers = {{"", SET, "log.retention.ms", "x"}, {"", SET, "log.retention.ms", "0"}, {"", SET, "log.retention.ms", "-7"}, {"1", SET, "log.roll.jitter.ms", "-1"}, {"", SET, "ssl.keystore.location", "x"},
			{"1", APPEND, "log.cleanup.policy", "compact"}, {"1", SUBTRACT, "log.cleanup.policy", "delete"}, {"1", APPEND, "log.retention.ms", "1"},
			{"1", APPEND, "no.such", "1"}, {"1", DELETE, "no.such", null}, {"1", DELETE, "log.retention.ms", null}, {"1", 9, "log.retention.ms", "1"},
			{"1", SET, "num.io.threads", "0"}, {"1", SET, "num.io.threads", "100"}, {"", SET, "num.io.threads", "7"}, {"1", SET, "log.retention.hours", "1"},
			{"1", SET, "log.retention.minutes", "1"}, {"", SET, "min.insync.replicas", "2"}, {"1", SET, "min.insync.replicas", "2"},
			{"", DELETE, "min.insync.replicas", null}, {"1", DELETE, "min.insync.replicas", null}, {"1", SET, "auto.create.topics.enable", "false"},
			{"1", SET, "leader.replication.throttled.rate", "-1"}, {"", SET, "leader.replication.throttled.rate", "10"},
			{"1", SET, "max.connections.per.ip", "-1"}, {"1", SET, "unclean.leader.election.enable", "x"},
			{"", SET, "max.connection.creation.rate", "0"}, {"1", SET, "max.connections", "0"}, {"1", SET, "max.connections", "5"},
			{"1", SET, "listener.name.plaintext.max.connections", "0"}, {"1", SET, "listener.name.nobody.max.connections", "0"},
			{"1", SET, "max.connections.per.ip", "0"}, {"1", SET, "max.connections.per.ip.overrides", "a:b"},
			{"1", SET, "max.connections.per.ip.overrides", "a b:1"}, {"", SET, "max.connections.per.ip.overrides", "127.0.0.1:5"},
			{"1", SET, "listener.name.plaintext.plain.sasl.jaas.config", "x required;"}, {"1", SET, "sasl.jaas.config", "x required;"},
			{"", SET, "listener.name.plaintext.plain.sasl.jaas.config", "x required;"}, {"", SET, "listener.name.x.no.such", "1"},
			{"", SET, "no.such", "1"}, {"1", SET, "listener.name.x.no.such", "1"},
			{"1", SET, "listener.name.other.max.connections", "x"}, {"1", SET, "log.roll.ms", "0"}, {"", SET, "log.segment.bytes", "5"},
			{"1", SET, "log.cleaner.threads", "9"}, {"1", SET, "num.network.threads", "7"}, {"1", SET, "broker.id", "1"}, {"1", SET, "", ""}};
		for (Object[] c : brokers)
			last("broker " + Arrays.toString(c), api, alter(resource(4, (String) c[0], c[1], c[2], c[3])).setValidateOnly(true));
		Object[][] others = {{16, "", SET, "interval.ms", "1000"}, {16, "m2", SET, "interval.ms", "1"}, {16, "m2", SET, "no.such", "1"}, {16, "m2", DELETE, "interval.ms", null},
			{16, "m2", APPEND, "metrics", "a"}, {16, "m2", SET, "match", "bad"}, {32, "", SET, "consumer.session.timeout.ms", "1"},
			{32, "g2", SET, "consumer.session.timeout.ms", "1"}, {32, "g2", SET, "no.such", "1"}, {32, "g2", SET, "consumer.heartbeat.interval.ms", "60000"},
			{32, "g2", APPEND, "share.auto.offset.reset", "latest"}, {32, "g2", DELETE, "no.such", null}, {32, "a b/c", SET, "consumer.session.timeout.ms", "50000"}};
		for (Object[] c : others)
			last("other " + Arrays.toString(c), api, alter(resource((int) c[0], (String) c[1], c[2], c[3], c[4])).setValidateOnly(true));
	}

	private static AlterConfigsRequestData.AlterConfigsResource whole(int type, String name, String... configs) {
		AlterConfigsRequestData.AlterConfigsResource r = new AlterConfigsRequestData.AlterConfigsResource().setResourceType((byte) type).setResourceName(name);
		for (int i = 0; i < configs.length; i += 2)
			r.configs().add(new AlterConfigsRequestData.AlterableConfig().setName(configs[i]).setValue(configs[i + 1]));
		return r;
	}

	private static AlterConfigsRequestData replace(AlterConfigsRequestData.AlterConfigsResource... resources) {
		return new AlterConfigsRequestData().setResources(new AlterConfigsRequestData.AlterConfigsResourceCollection(Arrays.asList(resources).iterator()));
	}

	private void replacements() throws IOException {
		ApiKeys api = ApiKeys.ALTER_CONFIGS;
		each("none", api, v -> replace());
		last("a setting twice", api, replace(whole(2, "edge-8", "flush.ms", "1", "flush.ms", "2")));
		last("without a value", api, replace(whole(2, "edge-8", "flush.ms", "1", "retention.ms", null)));
		last("a type", api, replace(whole(99, "a"), whole(8, "1", "root", "INFO"), whole(0, "")));
		last("good", api, replace(whole(2, "edge-8", "flush.ms", "1")));
		last("good to see", api, replace(whole(2, "edge-8")).setValidateOnly(true));
		barrier();
		last("after it", ApiKeys.DESCRIBE_CONFIGS, describe(2, "edge-8", List.of("flush.ms", "retention.ms")));
		last("to nothing", api, replace(whole(2, "edge-8")));
		barrier();
		last("after it", ApiKeys.DESCRIBE_CONFIGS, describe(2, "edge-8", List.of("flush.ms", "retention.ms")));
		last("of another broker", api, replace(whole(4, "2", "log.retention.ms", "1")));
		last("of no broker", api, replace(whole(4, "x", "log.retention.ms", "1")));
	}

	private void descriptions() throws IOException {
		ApiKeys api = ApiKeys.DESCRIBE_CONFIGS;
		last("none", api, describe());
		last("the same twice", api, describe(2, "edge-8", List.of("flush.ms"), 2, "edge-8", List.of("flush.ms", "flush.ms", "no.such")));
		last("a topic of a bad name", api, describe(2, "a b", null));
		last("a topic of no name", api, describe(2, "", null));
		for (String name : List.of("-1", "+1", "01", " 1", "2147483648"))
			last("broker '" + name + "'", api, describe(4, name, List.of("log.retention.ms"), 8, name, List.of("root")));
		for (int type : new int[] {0, 1, 3, -1, 64})
			last("a good one and one of type " + type, api, describe(2, "edge-8", List.of("flush.ms"), type, "x", null));
		ApiKeys list = ApiKeys.LIST_CONFIG_RESOURCES;
		last("two types twice", list, new ListConfigResourcesRequestData().setResourceTypes(List.of((byte) 4, (byte) 4, (byte) 8)));
		last("known and unknown types", list, new ListConfigResourcesRequestData().setResourceTypes(List.of((byte) 4, (byte) 0)));
	}

	// ---- features ----

	private static UpdateFeaturesRequestData features(boolean validate, Object... updates) {
		UpdateFeaturesRequestData r = new UpdateFeaturesRequestData().setTimeoutMs(5000).setValidateOnly(validate);
		for (int i = 0; i < updates.length; i += 3)
			r.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature((String) updates[i])
				.setMaxVersionLevel((short) (int) updates[i + 1]).setUpgradeType((byte) (int) updates[i + 2]));
		return r;
	}

	private short level(String feature) throws IOException {
		ApiVersionsResponseData v = (ApiVersionsResponseData) call(ApiKeys.API_VERSIONS, 4, new ApiVersionsRequestData().setClientSoftwareName("a")
			.setClientSoftwareVersion("1"));
		return v.finalizedFeatures().find(feature) == null ? 0 : v.finalizedFeatures().find(feature).maxVersionLevel();
	}

	private void features() throws IOException {
		ApiKeys api = ApiKeys.UPDATE_FEATURES;
		int metadata = level("metadata.version"), transaction = level("transaction.version");
		each("none", api, v -> features(false));
		each("what is so", api, v -> features(false, "metadata.version", metadata, 1));
		each("what is so, twice", api, v -> features(false, "metadata.version", metadata, 1, "transaction.version", transaction, 1));
		for (int allow = 0; allow <= 1; allow++)
			for (int level : new int[] {metadata, 99, 7, 0}) {
				UpdateFeaturesRequestData r = new UpdateFeaturesRequestData().setTimeoutMs(5000);
				r.featureUpdates().add(new UpdateFeaturesRequestData.FeatureUpdateKey().setFeature("metadata.version").setMaxVersionLevel((short) level)
					.setAllowDowngrade(allow == 1));
				say("metadata.version " + level + (allow == 1 ? " allowed" : ""), api, 0, r);
			}
		Object[][] cases = {{"metadata.version", metadata, 2}, {"metadata.version", metadata, 3}, {"metadata.version", metadata, 0}, {"metadata.version", metadata, 4},
			{"metadata.version", metadata, -1}, {"metadata.version", -1, 1}, {"metadata.version", metadata + 1, 2}, {"metadata.version", 7, 1}, {"metadata.version", 7, 2},
			{"metadata.version", 7, 3}, {"metadata.version", 6, 3}, {"metadata.version", metadata - 1, 2}, {"metadata.version", metadata - 1, 3}, {"metadata.version", 0, 2}, {"kraft.version", 0, 2}, {"kraft.version", 2, 1}, {"kraft.version", -1, 1},
			{"transaction.version", 3, 1}, {"transaction.version", 0, 2}, {"transaction.version", 0, 1}, {"transaction.version", 1, 3}, {"group.version", 0, 2}, {"group.version", 2, 1},
			{"eligible.leader.replicas.version", 0, 2}, {"eligible.leader.replicas.version", 1, 1}, {"eligible.leader.replicas.version", 2, 1}, {"eligible.leader.replicas.version", 0, 1},
			{"no.such", 0, 1}, {"no.such", 0, 2}, {"no.such", 1, 2}, {"", 1, 1}, {"share.version", 3, 1}, {"streams.version", 2, 1}};
		for (Object[] c : cases)
			for (int v = 1; v <= 2; v++)
				say(Arrays.toString(c).replace(", " + metadata + ",", ", now,"), api, v, features(true, c));
		last("good and bad", api, features(true, "transaction.version", transaction, 1, "no.such", 1, 1));
		last("needs more", api, features(true, "metadata.version", 22, 2, "eligible.leader.replicas.version", 1, 1));
	}

	// ---- partitions ----

	private void partitions() throws IOException {
		ApiKeys elect = ApiKeys.ELECT_LEADERS, move = ApiKeys.ALTER_PARTITION_REASSIGNMENTS, list = ApiKeys.LIST_PARTITION_REASSIGNMENTS;
		for (int type : new int[] {2, -1}) {
			ElectLeadersRequestData r = new ElectLeadersRequestData().setElectionType((byte) type).setTimeoutMs(5000);
			r.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("edge-20").setPartitions(List.of(0)));
			each("of type " + type, elect, v -> r);
		}
		ElectLeadersRequestData r = new ElectLeadersRequestData().setTimeoutMs(5000);
		r.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("edge-20").setPartitions(List.of(0, 0, -1)));
		r.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("edge-8").setPartitions(List.of()));
		r.topicPartitions().add(new ElectLeadersRequestData.TopicPartitions().setTopic("").setPartitions(List.of(0)));
		each("twice", elect, v -> r);
		each("none", elect, v -> new ElectLeadersRequestData());
		AlterPartitionReassignmentsRequestData.ReassignableTopic t = new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("edge-20");
		for (List<Integer> replicas : Arrays.asList(List.of(1), null, List.of(7), List.of(1, 7)))
			t.partitions().add(new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(replicas));
		t.partitions().add(new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(-1).setReplicas(List.of(1)));
		AlterPartitionReassignmentsRequestData twice = new AlterPartitionReassignmentsRequestData().setTimeoutMs(5000);
		twice.topics().add(t);
		twice.topics().add(new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("edge-20"));
		twice.topics().add(new AlterPartitionReassignmentsRequestData.ReassignableTopic().setName("").setPartitions(List.of(
			new AlterPartitionReassignmentsRequestData.ReassignablePartition().setPartitionIndex(0).setReplicas(null))));
		each("moved twice", move, v -> twice.duplicate());
		each("moved to other numbers", move, v -> twice.duplicate().setAllowReplicationFactorChange(false));
		each("no topics", list, v -> new ListPartitionReassignmentsRequestData().setTopics(List.of()));
	}

	private static DescribeTopicPartitionsRequestData pages(int limit, String cursor, int partition, String... topics) {
		DescribeTopicPartitionsRequestData r = new DescribeTopicPartitionsRequestData().setResponsePartitionLimit(limit);
		for (String t : topics)
			r.topics().add(new DescribeTopicPartitionsRequestData.TopicRequest().setName(t));
		return cursor == null ? r : r.setCursor(new DescribeTopicPartitionsRequestData.Cursor().setTopicName(cursor).setPartitionIndex(partition));
	}

	private void pages() throws IOException {
		barrier();
		ApiKeys api = ApiKeys.DESCRIBE_TOPIC_PARTITIONS;
		for (int limit : new int[] {0, -1, 1, 2, 3})
			say("at most " + limit, api, 0, pages(limit, null, 0, "edge-20", "edge-8", "no", "edge-20"));
		say("all, at most 2", api, 0, pages(2, null, 0));
		say("all from one that is not there", api, 0, pages(2, "edge-7x", 1));
		say("all from the end", api, 0, pages(2, "zzzz", 0));
		say("from another", api, 0, pages(9, "edge-8", 0, "edge-20"));
		say("from before the first", api, 0, pages(9, "edge-20", -1, "edge-20"));
		say("from behind the last", api, 0, pages(9, "edge-20", 99, "edge-20", "edge-8"));
		say("from the end of all", api, 0, pages(1, "edge-20", 3, "edge-20", "edge-8"));
		say("from nothing there", api, 0, pages(9, "no", 0, "no", "zz", "edge-8"));
		say("from no name", api, 0, pages(2, "", 0, "edge-20", ""));
	}

	// ---- directories, records ----

	private static AlterReplicaLogDirsRequestData dirs(Object... pathTopicPartition) {
		AlterReplicaLogDirsRequestData r = new AlterReplicaLogDirsRequestData();
		for (int i = 0; i < pathTopicPartition.length; i += 3) {
			AlterReplicaLogDirsRequestData.AlterReplicaLogDir d = r.dirs().find((String) pathTopicPartition[i]);
			if (d == null) {
				d = new AlterReplicaLogDirsRequestData.AlterReplicaLogDir().setPath((String) pathTopicPartition[i]);
				r.dirs().add(d);
			}
			d.topics().add(new AlterReplicaLogDirsRequestData.AlterReplicaLogDirTopic().setName((String) pathTopicPartition[i + 1])
				.setPartitions(List.of((Integer) pathTopicPartition[i + 2])));
		}
		return r;
	}

	private void directories() throws IOException {
		ApiKeys api = ApiKeys.ALTER_REPLICA_LOG_DIRS, describe = ApiKeys.DESCRIBE_LOG_DIRS;
		String own = ((DescribeLogDirsResponseData) call(describe, 4, new DescribeLogDirsRequestData().setTopics(
			new DescribeLogDirsRequestData.DescribableLogDirTopicCollection()))).results().get(0).logDir();
		each("where it is", api, v -> dirs(own, "p", 0));
		each("of nothing there", api, v -> dirs(own, "no", 0));
		each("of no partition", api, v -> dirs(own, "p", 77));
		each("of a bad name", api, v -> dirs(own, "a b", 0));
		each("of a long name", api, v -> dirs(own, "x".repeat(249), 0));
		each("of a long name, nowhere", api, v -> dirs("/no/such", "x".repeat(249), 0));
		each("nowhere", api, v -> dirs("", "p", 0));
		each("none", api, v -> new AlterReplicaLogDirsRequestData());
		DescribeLogDirsRequestData.DescribableLogDirTopicCollection topics = new DescribeLogDirsRequestData.DescribableLogDirTopicCollection();
		topics.add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic("p").setPartitions(List.of(0, 0, -1, 99)));
		topics.add(new DescribeLogDirsRequestData.DescribableLogDirTopic().setTopic("no").setPartitions(List.of(0)));
		each("twice", describe, v -> new DescribeLogDirsRequestData().setTopics(topics));
		each("none", describe, v -> new DescribeLogDirsRequestData().setTopics(new DescribeLogDirsRequestData.DescribableLogDirTopicCollection()));
	}

	private static DeleteRecordsRequestData records(String topic, long... partitionsAndOffsets) {
		DeleteRecordsRequestData.DeleteRecordsTopic t = new DeleteRecordsRequestData.DeleteRecordsTopic().setName(topic);
		for (int i = 0; i < partitionsAndOffsets.length; i += 2)
			t.partitions().add(new DeleteRecordsRequestData.DeleteRecordsPartition().setPartitionIndex((int) partitionsAndOffsets[i])
				.setOffset(partitionsAndOffsets[i + 1]));
		return new DeleteRecordsRequestData().setTimeoutMs(5000).setTopics(List.of(t));
	}

	/** Metadata may know a leader before he knows it himself. */
	private void settleLeader(String topic) throws IOException {
		long end = System.nanoTime() + 20_000_000_000L;
		int error;
		do {
			error = ((DeleteRecordsResponseData) call(ApiKeys.DELETE_RECORDS, 2, records(topic, 0, -2))).topics().find(topic).partitions().find(0)
				.errorCode();
			if (System.nanoTime() > end)
				throw new IOException("never led: " + topic);
		} while (error == 3 || error == 6);
	}

	private void records() throws IOException {
		ApiKeys api = ApiKeys.DELETE_RECORDS;
		call(ApiKeys.CREATE_TOPICS, 7, create(topic("edge-30", 1, 1, "cleanup.policy", "compact"), topic("edge-31", 2, 1)));
		for (String topic : List.of("edge-30", "edge-31"))
			settleLeader(topic);
		for (long offset : new long[] {0, -1, -2, 1, Long.MAX_VALUE, Long.MIN_VALUE})
			each("to " + offset, api, v -> records("edge-31", 0, offset));
		each("of what is compacted", api, v -> records("edge-30", 0, 0));
		each("of what is compacted, far", api, v -> records("edge-30", 0, 99));
		each("of nothing there", api, v -> records("no", 0, 0));
		each("of no partition", api, v -> records("edge-31", 9, 0, -1, 0));
		each("of what is internal", api, v -> records("__consumer_offsets", 0, 0));
		each("of what is internal and not there", api, v -> records("__share_group_state", 0, 0));
		each("none", api, v -> new DeleteRecordsRequestData());
		each("of no name", api, v -> records("", 0, 0));
	}

	// ---- quotas ----

	private static AlterClientQuotasRequestData.EntryData quota(Object[] entity, Object... ops) {
		AlterClientQuotasRequestData.EntryData e = new AlterClientQuotasRequestData.EntryData();
		for (int i = 0; i < entity.length; i += 2)
			e.entity().add(new AlterClientQuotasRequestData.EntityData().setEntityType((String) entity[i]).setEntityName((String) entity[i + 1]));
		for (int i = 0; i < ops.length; i += 2)
			e.ops().add(new AlterClientQuotasRequestData.OpData().setKey((String) ops[i]).setValue(ops[i + 1] == null ? 0 : ((Number) ops[i + 1]).doubleValue())
				.setRemove(ops[i + 1] == null));
		return e;
	}

	private void quotas(String what, AlterClientQuotasRequestData.EntryData... entries) throws IOException {
		last(what, ApiKeys.ALTER_CLIENT_QUOTAS, new AlterClientQuotasRequestData().setEntries(Arrays.asList(entries)));
	}

	private void described(String what, boolean strict, Object... components) throws IOException {
		DescribeClientQuotasRequestData r = new DescribeClientQuotasRequestData().setStrict(strict);
		for (int i = 0; i < components.length; i += 3)
			r.components().add(new DescribeClientQuotasRequestData.ComponentData().setEntityType((String) components[i])
				.setMatchType((byte) (int) components[i + 1]).setMatch((String) components[i + 2]));
		last(what, ApiKeys.DESCRIBE_CLIENT_QUOTAS, r);
	}

	private void quotas() throws IOException {
		Object[] edge = {"user", "edge"}, other = {"client-id", "edge"}, both = {"user", "edge", "client-id", "edge"};
		String produce = "producer_byte_rate", fetch = "consumer_byte_rate", share = "request_percentage", rate = "connection_creation_rate";
		each("none", ApiKeys.ALTER_CLIENT_QUOTAS, v -> new AlterClientQuotasRequestData());
		quotas("of nobody", quota(new Object[0], produce, 1e9));
		quotas("of what", quota(new Object[] {"what", "x"}, produce, 1e9));
		quotas("of no type", quota(new Object[] {"", "x"}, produce, 1e9));
		quotas("of no name", quota(new Object[] {"user", ""}, produce, 1e9));
		quotas("of a type twice", quota(new Object[] {"user", "edge", "user", "other"}, produce, 1e9));
		quotas("of an address and a user", quota(new Object[] {"user", "edge", "ip", "127.0.0.9"}, rate, 1e6));
		for (String ip : Arrays.asList("127.0.0.9", null, "::1", "no address at all", "300.1.1.1", ""))
			quotas("of address " + ip, quota(new Object[] {"ip", ip}, rate, 1e6), quota(new Object[] {"ip", ip, "user", "x"}, rate, 1e6));
		quotas("of addresses no more", quota(new Object[] {"ip", "127.0.0.9"}, rate, null), quota(new Object[] {"ip", null}, rate, null),
			quota(new Object[] {"ip", "::1"}, rate, null));
		for (double value : new double[] {0, -1, 1.5, 1e19, 9.3e18, 1e300, 0.0000001, 1.0000000001})
			for (String key : List.of(produce, share, "controller_mutation_rate", rate, "no.such", ""))
				last(key + " of " + value, ApiKeys.ALTER_CLIENT_QUOTAS, new AlterClientQuotasRequestData().setValidateOnly(true)
					.setEntries(List.of(quota(edge, key, value))));
		quotas("an address' rate", quota(new Object[] {"ip", "127.0.0.9"}, produce, 1e9), quota(new Object[] {"ip", "127.0.0.8"}, rate, 3e9));
		quotas("a key twice", quota(edge, produce, 1e9, produce, 2e9));
		quotas("a key set and removed", quota(edge, produce, 1e9, produce, null));
		quotas("an entity twice", quota(edge, produce, 1e9), quota(edge, fetch, 1e9));
		quotas("good and bad", quota(both, produce, 3e9, "no.such", 1), quota(other, fetch, 1e9));
		quotas("removing what is not there", quota(both, produce, null, "no.such", null));
		quotas("nothing", quota(edge));
		barrier();
		described("all", false);
		described("all strictly", true);
		described("users", false, "user", 2, null);
		described("users strictly", true, "user", 2, null);
		described("one", false, "user", 0, "edge");
		described("the default", false, "user", 1, null);
		described("both", true, "user", 0, "edge", "client-id", 2, null);
		described("nobody", false, "user", 0, "nobody");
		described("addresses", false, "ip", 2, null);
		Object[][] bad = {{"", 0, "x"}, {"what", 0, "x"}, {"user", 0, null}, {"user", 1, "x"}, {"user", 2, "x"}, {"user", 3, "x"}, {"user", -1, null}};
		for (Object[] b : bad)
			described("badly " + Arrays.toString(b), false, b);
		described("twice", false, "user", 2, null, "user", 0, "x");
		described("an address and a user", false, "ip", 2, null, "user", 2, null);
		quotas("no more", quota(edge, produce, null, fetch, null), quota(other, fetch, null));
		barrier();
		described("what is left", false);
	}

	// ---- credentials ----

	private void credentials() throws IOException {
		ApiKeys api = ApiKeys.ALTER_USER_SCRAM_CREDENTIALS, describe = ApiKeys.DESCRIBE_USER_SCRAM_CREDENTIALS;
		byte[] salt = {1, 2, 3}, salted = new byte[32];
		Object[][] upserts = {{"a", 1, 4095}, {"a", 1, 16385}, {"a", 1, -1}, {"a", 0, 4096}, {"a", 3, 4096}, {"", 1, 4096}, {"", 0, 1}, {"a", 1, 4096}, {"a", 2, 8192}};
		for (Object[] u : upserts) {
			AlterUserScramCredentialsRequestData r = new AlterUserScramCredentialsRequestData();
			r.upsertions().add(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion().setName((String) u[0]).setMechanism((byte) (int) u[1])
				.setIterations((int) u[2]).setSalt(salt).setSaltedPassword(salted));
			last("set " + Arrays.toString(u), api, r);
		}
		AlterUserScramCredentialsRequestData twice = new AlterUserScramCredentialsRequestData();
		for (int i = 0; i < 3; i++)
			twice.upsertions().add(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion().setName("b").setMechanism((byte) 1).setIterations(4096)
				.setSalt(salt).setSaltedPassword(salted));
		twice.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName("a").setMechanism((byte) 1));
		last("twice", api, twice);
		twice.upsertions().clear();
		twice.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName("a").setMechanism((byte) 2));
		last("deleted twice", api, twice);
		for (Object[] d : new Object[][] {{"a", 0}, {"a", 9}, {"", 1}, {"no", 1}, {"a", 2}, {"a", 2}}) {
			AlterUserScramCredentialsRequestData r = new AlterUserScramCredentialsRequestData();
			r.deletions().add(new AlterUserScramCredentialsRequestData.ScramCredentialDeletion().setName((String) d[0]).setMechanism((byte) (int) d[1]));
			last("deleted " + Arrays.toString(d), api, r);
		}
		AlterUserScramCredentialsRequestData empty = new AlterUserScramCredentialsRequestData();
		empty.upsertions().add(new AlterUserScramCredentialsRequestData.ScramCredentialUpsertion().setName("c").setMechanism((byte) 1).setIterations(4096)
			.setSalt(new byte[0]).setSaltedPassword(new byte[0]));
		last("without a password", api, empty);
		last("none", api, new AlterUserScramCredentialsRequestData());
		barrier();
		last("all", describe, new DescribeUserScramCredentialsRequestData().setUsers(null));
		last("none", describe, new DescribeUserScramCredentialsRequestData().setUsers(List.of()));
		List<DescribeUserScramCredentialsRequestData.UserName> users = new ArrayList<>();
		for (String name : List.of("a", "a", "no", ""))
			users.add(new DescribeUserScramCredentialsRequestData.UserName().setName(name));
		last("some", describe, new DescribeUserScramCredentialsRequestData().setUsers(users));
	}

	// ---- metadata ----

	private void metadata() throws IOException {
		barrier();
		ApiKeys api = ApiKeys.METADATA;
		Uuid id = ((MetadataResponseData) call(api, 12, metadata("edge-20"))).topics().find("edge-20").topicId();
		each("twice", api, v -> metadata("edge-20", "edge-20"));
		each("of no name", api, v -> metadata(""));
		for (int v = 10; v <= 13; v++) {
			MetadataRequestData r = new MetadataRequestData().setAllowAutoTopicCreation(true);
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setTopicId(id).setName(null));
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setTopicId(new Uuid(5, 5)).setName(null));
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setTopicId(id).setName("edge-8"));
			say("by id", api, v, r);
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setName("edge-8"));
			say("by id and by name", api, v, r);
			r.topics().clear();
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setName(null));
			say("by neither", api, v, r);
			r.topics().add(new MetadataRequestData.MetadataRequestTopic().setName("edge-8"));
			say("by neither and by name", api, v, r);
		}
		for (int v = 8; v <= 13; v++)
			say("operations of what is not there", api, v, metadata("no", "a b", "edge-20").setIncludeTopicAuthorizedOperations(true));
		for (int type : new int[] {0, -1, 1})
			each("of endpoints " + type, ApiKeys.DESCRIBE_CLUSTER, v -> new DescribeClusterRequestData().setEndpointType((byte) type).setIncludeFencedBrokers(v >= 2));
		last("without time", ApiKeys.CREATE_TOPICS, create(topic("edge-13", 1, 1)).setTimeoutMs(0).setValidateOnly(true));
		last("with less than no time", ApiKeys.CREATE_TOPICS, create(topic("edge-14", 1, 1)).setTimeoutMs(-1).setValidateOnly(true));
		each("broker -1", ApiKeys.UNREGISTER_BROKER, v -> new UnregisterBrokerRequestData().setBrokerId(-1));
	}

	void run() throws IOException {
		cluster = ((DescribeClusterResponseData) call(ApiKeys.DESCRIBE_CLUSTER, 1, new DescribeClusterRequestData())).clusterId();
		deletions();
		creations();
		growth();
		settings();
		replacements();
		descriptions();
		features();
		partitions();
		pages();
		directories();
		records();
		quotas();
		credentials();
		metadata();
	}

	// ---- on a controller's listener ----

	private BrokerRegistrationRequestData registration(int id) {
		BrokerRegistrationRequestData r = new BrokerRegistrationRequestData().setBrokerId(id).setClusterId(cluster).setIncarnationId(new Uuid(1, id))
			.setLogDirs(List.of(new Uuid(2000, id)));
		r.listeners().add(new BrokerRegistrationRequestData.Listener().setName("PLAINTEXT").setHost("localhost").setPort(1));
		r.features().add(new BrokerRegistrationRequestData.Feature().setName("metadata.version").setMinSupportedVersion((short) 7).setMaxSupportedVersion((short) 99));
		for (String f : List.of("group.version", "transaction.version", "eligible.leader.replicas.version", "share.version", "streams.version", "kraft.version"))
			r.features().add(new BrokerRegistrationRequestData.Feature().setName(f).setMinSupportedVersion((short) 0).setMaxSupportedVersion((short) 9));
		return r;
	}

	private void registrations() throws IOException {
		ApiKeys api = ApiKeys.BROKER_REGISTRATION;
		each("of another cluster", api, v -> registration(77).setClusterId("other"));
		each("of who is there", api, v -> registration(1));
		each("of ZooKeeper", api, v -> registration(77).setIsMigratingZkBroker(v >= 1));
		each("without directories", api, v -> registration(77).setLogDirs(List.of()));
		each("of no directory", api, v -> registration(77).setLogDirs(List.of(new Uuid(0, 5))));
		each("of one directory twice", api, v -> registration(77).setLogDirs(List.of(new Uuid(3, 3), new Uuid(3, 3))));
		each("of no features", api, v -> {
			BrokerRegistrationRequestData r = registration(77);
			r.features().clear();
			return r;
		});
		each("of features too old", api, v -> {
			BrokerRegistrationRequestData r = registration(77);
			r.features().find("metadata.version").setMaxSupportedVersion((short) 8);
			return r;
		});
		each("without one feature", api, v -> {
			BrokerRegistrationRequestData r = registration(77);
			r.features().remove(r.features().find("transaction.version"));
			return r;
		});
		ApiKeys beat = ApiKeys.BROKER_HEARTBEAT;
		each("of nobody", beat, v -> new BrokerHeartbeatRequestData().setBrokerId(77).setBrokerEpoch(5));
		each("of another epoch", beat, v -> new BrokerHeartbeatRequestData().setBrokerId(1).setBrokerEpoch(1_000_000_000_000L));
		AlterPartitionRequestData alter = new AlterPartitionRequestData().setBrokerId(77).setBrokerEpoch(5);
		each("of nobody", ApiKeys.ALTER_PARTITION, v -> alter);
		each("of nobody", ApiKeys.ASSIGN_REPLICAS_TO_DIRS, v -> new AssignReplicasToDirsRequestData().setBrokerId(77).setBrokerEpoch(5));
		each("of nobody", ApiKeys.ALLOCATE_PRODUCER_IDS, v -> new AllocateProducerIdsRequestData().setBrokerId(77).setBrokerEpoch(5));
	}

	void runController() throws IOException {
		cluster = ((DescribeClusterResponseData) call(ApiKeys.DESCRIBE_CLUSTER, 1, new DescribeClusterRequestData().setEndpointType((byte) 2))).clusterId();
		registrations();
		ApiKeys api = ApiKeys.INCREMENTAL_ALTER_CONFIGS;
		last("the same twice", api, alter(resource(2, "edge-8", SET, "retention.ms", "78"), resource(2, "edge-8", SET, "flush.ms", "1")).setValidateOnly(true));
		last("a type", api, alter(resource(99, "a"), resource(0, "b")));
		last("a key twice", api, alter(resource(2, "edge-8", SET, "retention.ms", "1", SET, "retention.ms", "2")).setValidateOnly(true));
		last("without a value", api, alter(resource(2, "edge-8", SET, "retention.ms", null)).setValidateOnly(true));
		last("of a broker that is not there", api, alter(resource(4, "77", SET, "log.retention.ms", "100000")).setValidateOnly(true));
		last("of a bad broker", api, alter(resource(4, "x", SET, "log.retention.ms", "100000")).setValidateOnly(true));
		last("of broker -1", api, alter(resource(4, "-1", SET, "log.retention.ms", "100000")).setValidateOnly(true));
		last("of broker 01", api, alter(resource(4, "01", SET, "log.retention.ms", "100000")).setValidateOnly(true));
		last("of nothing there", api, alter(resource(2, "no", SET, "retention.ms", "1")).setValidateOnly(true));
		last("cordoned", api, alter(resource(4, "1", SET, "cordoned.log.dirs", "/x")).setValidateOnly(true));
		last("twice", ApiKeys.CREATE_TOPICS, create(topic("edge-40", 1, 1), topic("edge-40", 1, 1), topic("__cluster_metadata", 1, 1)).setValidateOnly(true));
		last("grown to see", ApiKeys.CREATE_PARTITIONS, grow(more("edge-20", 9), more("no", 1)).setValidateOnly(true));
		last("by neither", ApiKeys.DELETE_TOPICS, delete(gone(null, Uuid.ZERO_UUID), gone("no", Uuid.ZERO_UUID)));
		last("quotas", ApiKeys.ALTER_CLIENT_QUOTAS, new AlterClientQuotasRequestData().setEntries(List.of(quota(new Object[] {"user", "x"}, "no.such", 1))));
		last("replaced", ApiKeys.ALTER_CONFIGS, replace(whole(99, "a"), whole(2, "edge-8", "flush.ms", "1")).setValidateOnly(true));
	}
}
