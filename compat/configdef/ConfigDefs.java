import java.io.ByteArrayInputStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import kafka.docker.KafkaDockerWrapper$;
import kafka.server.ConfigHelper;
import kafka.server.KafkaConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.ConfigKey;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.message.DescribeConfigsRequestData.DescribeConfigsResource;
import org.apache.kafka.common.message.DescribeConfigsResponseData.DescribeConfigsResult;
import org.apache.kafka.coordinator.group.GroupConfig;
import org.apache.kafka.metadata.ConfigRepository;
import org.apache.kafka.metadata.MetadataCache;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.server.config.QuotaConfig;
import org.apache.kafka.server.metrics.ClientMetricsConfigs;
import org.apache.kafka.storage.internals.log.LogConfig;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Holds our table of settings and what is done with it against the classes of Apache Kafka.
 *
 *   ConfigDefs PEER SEED
 *
 * Prints "ok NAME: N of M" and "not ok NAME: N of M", and before it, after a #, what differed.
 */
public final class ConfigDefs {
	private static final String BASE = "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
		+ "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.bootstrap.servers=localhost:9093\n";
	/** Their texts are for those who start a node; no client sees them. */
	private static final Set<String> OWN_WORDS = Set.of("controller.quorum.voters", "controller.quorum.bootstrap.servers");

	private final Peer peer;
	private final Random random;
	private int right;
	private int asked;
	private int complaints;

	private ConfigDefs(Peer peer, long seed) {
		this.peer = peer;
		this.random = new Random(seed);
	}

	public static void main(String[] args) throws Exception {
		Peer peer = new Peer(args[0]);
		ConfigDefs program = new ConfigDefs(peer, Long.parseLong(args[1]));
		program.compareRows();
		program.compareValues();
		program.compareTopics();
		program.compareBrokers();
		program.compareGroups();
		program.compareMetrics();
		program.compareFiles();
		program.compareListeners();
		program.compareDescriptions();
		program.compareProperties();
		program.compareVariables();
		peer.close();
	}

	// ---- counting ----

	private void judge(String what, Object expected, Object found) {
		asked++;
		if (String.valueOf(expected).equals(String.valueOf(found))) {
			right++;
			return;
		}
		if (complaints++ < 25)
			System.out.println("# " + what.replace('\n', ' ') + ": expected " + expected + ", found " + found);
	}

	private void finish(String name) {
		System.out.println((right == asked && asked > 0 ? "ok " : "not ok ") + name + ": " + right + " of " + asked);
		right = asked = complaints = 0;
	}

	private static String message(Throwable t) {
		return t.getMessage();
	}

	// ---- definitions ----

	private static Map<String, ConfigDef> definitions() {
		Map<String, ConfigDef> all = new LinkedHashMap<>();
		ConfigDef node = new ConfigDef(AbstractKafkaConfig.CONFIG_DEF);
		QuotaConfig.brokerQuotaConfigs().configKeys().values().forEach(key -> {
			if (!node.configKeys().containsKey(key.name))
				node.define(key);
		});
		all.put("node", node);
		all.put("topic", LogConfig.configDefCopy());
		all.put("group", GroupConfig.CONFIG_DEF);
		all.put("metrics", ClientMetricsConfigs.configDef());
		ConfigDef quota = new ConfigDef(QuotaConfig.userAndClientQuotaConfigs());
		QuotaConfig.ipConfigs().configKeys().values().forEach(key -> {
			if (!quota.configKeys().containsKey(key.name))
				quota.define(key);
		});
		all.put("quota", quota);
		return all;
	}

	private static String text(Object value, ConfigDef.Type type) {
		return ConfigDef.convertToString(value, type);
	}

	private void compareRows() throws Exception {
		List<String> answer = peer.ask("settings");
		Map<String, List<String>> rows = new TreeMap<>();
		for (int i = 1; i + 6 < answer.size(); i += 7)
			rows.put(answer.get(i) + " " + answer.get(i + 1), answer.subList(i + 2, i + 7));
		Map<String, String> modes = DynamicBrokerConfig.dynamicConfigUpdateModes();
		for (Map.Entry<String, ConfigDef> definition : definitions().entrySet()) {
			for (ConfigKey key : definition.getValue().configKeys().values()) {
				String name = definition.getKey() + " " + key.name;
				List<String> expected = new ArrayList<>();
				expected.add(key.type.toString());
				expected.add(key.hasDefault() ? text(key.defaultValue, key.type) : "(required)");
				expected.add(key.importance.toString());
				expected.add(key.internalConfig ? "internal" : "public");
				expected.add(definition.getKey().equals("node") ? modes.getOrDefault(key.name, "read-only") : "cluster-wide");
				judge(name, expected, rows.remove(name));
			}
		}
		rows.keySet().removeIf(name -> name.startsWith("node odradek.") || name.startsWith("topic odradek."));
		judge("settings that Kafka does not have", Set.of(), rows.keySet());
		finish("rows of the table");
	}

	// ---- values ----

	private static final List<String> TEXTS = List.of("", " ", "0", "1", "-1", "-2", "-3", "+1", "007", " 5 ", "1.0", "abc", "10", "100", "1000",
		"1048576", "2147483647", "2147483648", "-2147483648", "-2147483649", "32767", "32768", "9223372036854775807", "9223372036854775808",
		"true", "TRUE", " False ", "yes", "0.5", ".5", "5.", "1e3", "1E-5", "12345678.9", "NaN", "Infinity", "-0.0", "0x1p1", "0x1", "1d", "1e",
		"inf", "a,b", "a,,b", " a , b ", "a,a", ",", "a,", "*", "0:1", "0:1,2:3", "0:1,*", "0:", "delete", "compact", "compact,delete",
		"Delete", "1@a:1", "1@[::1]:9,2@b:2", "a:1", "a", "1@a", "latest", "earliest", "by_duration:PT1H", "by_duration:P1DT2H3M4.5S",
		"by_duration:-PT1H", "by_duration:1h", "by_duration:P", "none", "\u00e9", "a\tb", "INFO");

	private static List<String> textsFor(ConfigKey key) {
		Set<String> texts = new TreeSet<>(TEXTS);
		if (key.hasDefault() && key.defaultValue != null)
			texts.add(text(key.defaultValue, key.type));
		String legal = key.validator == null ? "" : key.validator.toString();
		for (String word : legal.split("[^A-Za-z0-9_.-]+")) {
			texts.add(word);
			texts.add(word.toUpperCase());
			texts.add(word.toLowerCase() + "," + word);
			try {
				long bound = Long.parseLong(word);
				texts.add(String.valueOf(bound - 1));
				texts.add(String.valueOf(bound + 1));
			} catch (NumberFormatException e) {
				continue;
			}
		}
		return new ArrayList<>(texts);
	}

	private static List<String> judgeValue(ConfigKey key, String text) {
		try {
			Object value = new ConfigDef().define(key).parse(Map.of(key.name, text)).get(key.name);
			return List.of("ok", text(value, key.type));
		} catch (Exception e) {
			return List.of("bad", message(e));
		}
	}

	private void compareValues() throws Exception {
		for (Map.Entry<String, ConfigDef> definition : definitions().entrySet()) {
			for (ConfigKey key : definition.getValue().configKeys().values()) {
				for (String text : textsFor(key)) {
					// classes cannot be loaded here: any name is taken
					if (key.type == ConfigDef.Type.CLASS && !text.trim().isEmpty())
						continue;
					List<String> expected = judgeValue(key, text);
					List<String> found = peer.ask("value", definition.getKey(), key.name, text);
					boolean own = OWN_WORDS.contains(key.name) && expected.get(0).equals("bad");
					judge(key.name + "=" + text, own ? "bad" : expected, own ? found.get(0) : found);
				}
			}
		}
		finish("single values");
	}

	// ---- sets of values ----

	private interface Check {
		void run(Map<String, String> set) throws Exception;
	}

	private List<String> askSet(String scope, Map<String, String> set) throws Exception {
		List<String> question = new ArrayList<>(List.of("check", scope));
		set.forEach((name, value) -> {
			question.add(name);
			question.add(value);
		});
		return peer.ask(question.toArray(new String[0]));
	}

	/** What we refuse beyond Kafka ends in one of these. */
	private static boolean isOurs(String message) {
		return message != null && (message.endsWith("is not served yet") || message.endsWith("are not enforced yet")
			|| message.endsWith("would be taken literally") || message.endsWith("read at the start only, for now") || message.endsWith("cannot be loaded, so connections would be given to other users than intended"));
	}

	private void compareSet(String scope, Map<String, String> set, Check check) throws Exception {
		String expected = null;
		try {
			check.run(set);
		} catch (Exception e) {
			expected = message(e);
		}
		List<String> found = askSet(scope, set);
		String message = found.get(0).equals("ok") ? null : found.get(2);
		if (expected == null && isOurs(message))
			message = null;
		judge(scope + " " + set, expected, message);
	}

	/** Sets of one to three of the names, with texts that are likely to matter. */
	private Map<String, String> randomSet(List<ConfigKey> keys, int max) {
		Map<String, String> set = new LinkedHashMap<>();
		for (int n = 1 + random.nextInt(max); n > 0; n--) {
			ConfigKey key = keys.get(random.nextInt(keys.size()));
			List<String> texts = textsFor(key);
			if (key.type != ConfigDef.Type.CLASS)
				set.put(key.name, texts.get(random.nextInt(texts.size())));
		}
		return set;
	}

	/** As Kafka opens a file: its bytes are ISO-8859-1. */
	private static Properties load(String text) throws Exception {
		Properties properties = new Properties();
		properties.load(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
		return properties;
	}

	/** What a node checks as it starts. */
	private static KafkaConfig kafka(String text) throws Exception {
		KafkaConfig config = KafkaConfig.fromProps(load(text), false);
		LogConfig.validateBrokerLogConfigValues(config.extractLogConfigMap(),
			config.remoteLogManagerConfig().isRemoteStorageSystemEnabled());
		return config;
	}

	private void compareTopics() throws Exception {
		KafkaConfig config = kafka(BASE);
		List<ConfigKey> keys = new ArrayList<>(LogConfig.configKeys().values());
		Check check = set -> LogConfig.validate(Map.of(), set, config.extractLogConfigMap(), false);
		peer.ask("load", BASE);
		for (int i = 0; i < 3000; i++) {
			Map<String, String> set = randomSet(keys, 2);
			if (set.size() == 1 || set.keySet().stream().allMatch(name -> name.contains("compaction.lag")))
				compareSet("topic", set, check);
		}
		for (String lag : List.of("0", "1", "5", "9223372036854775807"))
			compareSet("topic", Map.of("min.compaction.lag.ms", lag, "max.compaction.lag.ms", "5"), check);
		compareSet("topic", Map.of("no.such.name", "1"), check);
		compareSet("topic", Map.of(), check);
		finish("settings of topics");
	}

	private static final Set<String> REQUIREMENTS = Set.of("log.roll.ms", "log.roll.jitter.ms", "log.retention.ms");

	private void compareBrokers() throws Exception {
		List<ConfigKey> keys = new ArrayList<>(definitions().get("node").configKeys().values());
		for (int i = 0; i < 3000; i++) {
			boolean perBroker = random.nextBoolean();
			Map<String, String> one = randomSet(keys, 1), set = new LinkedHashMap<>();
			boolean prefixed = random.nextInt(8) == 0;
			one.forEach((name, value) -> set.put(prefixed ? "listener.name.internal." + name : name, value));
			if (set.isEmpty() || OWN_WORDS.contains(one.keySet().iterator().next()))
				continue;
			// Kafka reads only dynamic settings of a single listener; we read them all
			if (prefixed && !DynamicBrokerConfig.ALL_DYNAMIC_CONFIGS.containsAll(one.keySet()))
				continue;
			compareSet(perBroker ? "node" : "brokers", set, values -> {
				Properties properties = new Properties();
				properties.putAll(values);
				DynamicBrokerConfig.validateConfigs(new Properties(), properties, perBroker);
				for (Map.Entry<String, String> e : values.entrySet()) // what a broker makes of it: requirements of the whole
					if (REQUIREMENTS.contains(e.getKey()))
						kafka(BASE + "\n" + e.getKey() + "=" + e.getValue() + "\n");
			});
		}
		finish("dynamic settings of brokers");
	}

	private void compareGroups() throws Exception {
		KafkaConfig config = kafka(BASE);
		List<ConfigKey> keys = new ArrayList<>(GroupConfig.CONFIG_DEF.configKeys().values());
		Check check = set -> GroupConfig.validate(set, config.groupCoordinatorConfig(), config.shareGroupConfig());
		List<String> numbers = List.of("4999", "5000", "15000", "15001", "44999", "45000", "60000", "60001", "2", "3", "20", "21", "1");
		for (ConfigKey key : keys)
			for (String number : numbers)
				compareSet("group", Map.of(key.name, number), check);
		for (int i = 0; i < 1000; i++) {
			Map<String, String> set = randomSet(keys, 1);
			compareSet("group", set, check);
		}
		for (String tags : List.of("a,b", "a,a", "a , a", "", " , "))
			compareSet("group", Map.of("streams.rack.aware.assignment.tags", tags), check);
		finish("settings of groups");
	}

	private void compareMetrics() throws Exception {
		Check check = set -> ClientMetricsConfigs.validate("x", set);
		for (String interval : List.of("99", "100", "3600000", "3600001", "x", "-1"))
			compareSet("metrics", Map.of("interval.ms", interval), check);
		for (String match : List.of("client_id=a", "client_id = a.*", "client_id=", "client_id", "=a", "id=a", "client_id=a=b", "",
				"client_id=a,client_source_port=1", "client_id=a,client_id=a"))
			compareSet("metrics", Map.of("match", match), check);
		for (String metrics : List.of("*", "", "a,b", "a,,b", "a,a"))
			compareSet("metrics", Map.of("metrics", metrics), check);
		compareSet("metrics", Map.of("metric", "1"), check);
		finish("settings of metrics subscriptions");
	}

	// ---- whole files ----

	private void compareFile(String what, String text) throws Exception {
		KafkaConfig config = null;
		String error = "";
		try {
			config = kafka(text);
		} catch (Throwable t) {
			error = " (" + t.getMessage() + ")";
		}
		List<String> found = peer.ask("load", text);
		boolean legal = !found.get(0).equals("bad");
		judge(what + error, config != null, legal);
		if (config == null || !found.get(0).equals("ok"))
			return;
		List<String> values = peer.ask("effective");
		for (int i = 1; i + 1 < values.size(); i += 2) {
			ConfigKey key = AbstractKafkaConfig.CONFIG_DEF.configKeys().get(values.get(i));
			if (key != null)
				judge(what + ": " + key.name, text(config.values().get(key.name), key.type), values.get(i + 1));
		}
	}

	private void compareFiles() throws Exception {
		for (ConfigKey key : AbstractKafkaConfig.CONFIG_DEF.configKeys().values()) {
			List<String> texts = textsFor(key);
			for (int i = 0; i < 6 && key.type != ConfigDef.Type.CLASS; i++) {
				String value = texts.get(random.nextInt(texts.size())).replace("\\", "\\\\");
				// listeners are compared on their own; assignors are classes
				if (!key.name.contains("listener") && !key.name.endsWith(".assignors") && !value.startsWith(" "))
					compareFile(key.name + "=" + value, BASE + key.name + "=" + value + "\n");
			}
		}
		finish("files with one more line");
	}

	private static final List<String> NETWORKS = List.of(
		"", "listeners=PLAINTEXT://:9092", "listeners=CONTROLLER://:9093", "listeners=PLAINTEXT://:9092,CONTROLLER://:9092",
		"listeners=PLAINTEXT://:0,CONTROLLER://:0", "listeners=PLAINTEXT://[::1]:9092,CONTROLLER://127.0.0.1:9092",
		"listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9092", "listeners=PLAINTEXT://a:9092,CONTROLLER://127.0.0.1:9092",
		"listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093", "listeners=PLAINTEXT://:9092,CONTROLLER://0.0.0.0:9093",
		"listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093\nadvertised.listeners=PLAINTEXT://a:1",
		"advertised.listeners=PLAINTEXT://0.0.0.0:1", "advertised.listeners=PLAINTEXT://a:1,CONTROLLER://b:1",
		"advertised.listeners=CONTROLLER://b:1", "advertised.listeners=OTHER://b:1", "advertised.listeners=PLAINTEXT://a:1,PLAINTEXT://b:2",
		"listeners=A://:1,CONTROLLER://:9093",
		"listeners=A://:1,CONTROLLER://:9093\nlistener.security.protocol.map=A:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"listeners=A://:1,CONTROLLER://:9093\nlistener.security.protocol.map=A:PLAINTEXT,CONTROLLER:PLAINTEXT\ninter.broker.listener.name=A",
		"listeners=a://:1,CONTROLLER://:9093\nlistener.security.protocol.map=a:plaintext,CONTROLLER:PLAINTEXT\ninter.broker.listener.name=a",
		"listeners=A://:1,CONTROLLER://:9093\nlistener.security.protocol.map=A:PLAINTEXT\ninter.broker.listener.name=A",
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT", "listener.security.protocol.map=", "listener.security.protocol.map=A",
		"listener.security.protocol.map=PLAINTEXT:X,CONTROLLER:PLAINTEXT", "inter.broker.listener.name=CONTROLLER",
		"inter.broker.listener.name=NONE", "inter.broker.listener.name=plaintext", "security.inter.broker.protocol=SSL",
		"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT", "controller.listener.names=controller",
		"controller.listener.names=CONTROLLER,PLAINTEXT", "controller.listener.names=CONTROLLER,NONE", "controller.listener.names=NONE",
		"controller.quorum.voters=1@a:9093", "controller.quorum.voters=2@a:9093", "controller.quorum.voters=1@0.0.0.0:9093",
		"controller.quorum.bootstrap.servers=", "controller.quorum.bootstrap.servers=\ncontroller.quorum.voters=1@a:9093",
		"process.roles=controller", "process.roles=controller\nlisteners=CONTROLLER://:9093", "process.roles=broker",
		"process.roles=broker\nlisteners=PLAINTEXT://:9092", "process.roles=broker\nlisteners=PLAINTEXT://:9092\ncontroller.quorum.voters=1@a:1",
		"process.roles=broker\nlisteners=PLAINTEXT://:9092\ncontroller.quorum.auto.join.enable=true",
		"process.roles=broker,broker,controller", "broker.id=1", "broker.id=2", "node.id=-1", "listeners=PLAINTEXT://a b:1,CONTROLLER://:9093",
		"listeners=PLAINTEXT://:,CONTROLLER://:9093", "listeners=PLAINTEXT://a/b:1,CONTROLLER://:9093", "listeners=PLAINTEXT:9092,CONTROLLER://:9093",
		"listeners=PLAINTEXT://[::1:9092,CONTROLLER://:9093", "listeners=PLAINTEXT://::1:9092,CONTROLLER://:9093",
		"listeners=PLAINTEXT://:9092,PLAINTEXT://:9094,CONTROLLER://:9093", "listeners=SSL://:9092,CONTROLLER://:9093",
		"listeners=SSL://:9092,CONTROLLER://:9093\nsecurity.inter.broker.protocol=SSL",
		"listeners=SSL://:9092,CONTROLLER://:9093\nsecurity.inter.broker.protocol=SSL\n"
			+ "listener.security.protocol.map=SSL:SSL,CONTROLLER:PLAINTEXT",
		"early.start.listeners=PLAINTEXT", "early.start.listeners=NONE", "early.start.listeners=", "max.connections.per.ip=0",
		"max.connections.per.ip=0\nmax.connections.per.ip.overrides=127.0.0.1:5", "max.connections.per.ip.overrides=a:b",
		"max.connections.per.ip.overrides=a b:1", "max.connections.per.ip.overrides=::1:5,a:1,b:2", "max.connections.per.ip.overrides=a",
		"max.connections.per.ip.overrides=,a:1", "max.connections.per.ip.overrides=a:1,", "queued.max.request.bytes=1",
		"queued.max.request.bytes=104857600", "queued.max.request.bytes=0", "connections.max.idle.ms=100", "connections.max.idle.ms=101",
		"connections.max.idle.ms=-1", "log.dirs=/a,/b\ncordoned.log.dirs=/b", "log.dirs=/a\ncordoned.log.dirs=/b", "cordoned.log.dirs=*",
		"log.dirs=/a\ncordoned.log.dirs=*,/a", "log.roll.ms=0", "log.roll.jitter.ms=-1", "log.retention.ms=0", "log.retention.minutes=0",
		"log.retention.hours=0", "log.retention.ms=-7", "log.retention.hours=0\nlog.retention.ms=5", "log.cleaner.threads=0",
		"log.cleaner.threads=128", "log.cleaner.dedupe.buffer.size=1048576", "log.cleaner.dedupe.buffer.size=1048577",
		"replica.fetch.wait.max.ms=30001", "replica.lag.time.max.ms=499", "replica.socket.timeout.ms=499",
		"group.coordinator.rebalance.protocols=consumer", "group.coordinator.rebalance.protocols=classic",
		"group.coordinator.rebalance.protocols=classic,share", "group.consumer.session.timeout.ms=44999",
		"group.consumer.heartbeat.interval.ms=15001", "group.share.max.size=1000\ngroup.share.max.share.sessions=999",
		"group.share.record.lock.duration.ms=60001", "group.share.delivery.count.limit=10\ngroup.share.max.delivery.count.limit=9",
		"group.streams.num.standby.replicas=3", "group.streams.rack.aware.assignment.tags=a,b",
		"log.cleaner.min.compaction.lag.ms=6\nlog.cleaner.max.compaction.lag.ms=5", "metadata.log.dir=/m", "log.dir=/a,/b",
		"remote.log.storage.system.enable=true", "authorizer.class.name=x.Y", "log.cleanup.policy=compact", "broker.rack=r",
		"zookeeper.connect=z", "unknown.name=1", "node.id= 7", "num.partitions=\\u0035");

	private void compareListeners() throws Exception {
		for (String more : NETWORKS) {
			// what a setting with a class or remote storage needs beyond the values is not looked at
			if (!more.startsWith("authorizer") && !more.startsWith("remote"))
				compareFile(more, BASE + more + "\n");
		}
		finish("listeners, roles, and what contradicts each other");
	}

	// ---- DescribeConfigs ----

	private static final String TOPIC = "t";

	/** A cache that knows every topic, and a repository with what each resource has. */
	private static MetadataCache cache() {
		return (MetadataCache) Proxy.newProxyInstance(ConfigDefs.class.getClassLoader(), new Class<?>[] {MetadataCache.class},
			(proxy, method, args) -> method.getReturnType() == boolean.class ? true : null);
	}

	private static ConfigRepository repository(Map<ConfigResource.Type, Properties> all) {
		return resource -> all.getOrDefault(resource.type(), new Properties());
	}

	private static String show(DescribeConfigsResult result) {
		Map<String, String> entries = new TreeMap<>();
		result.configs().forEach(e -> {
			StringBuilder s = new StringBuilder();
			s.append(Peer.encode(e.value())).append('|').append(e.configSource()).append('|').append(e.configType()).append('|')
				.append(e.isSensitive() ? 1 : 0).append('|').append(e.readOnly() ? 1 : 0).append('|');
			e.synonyms().forEach(synonym -> s.append(Peer.encode(synonym.name())).append('=').append(Peer.encode(synonym.value()))
				.append('@').append(synonym.source()).append(';'));
			entries.put(e.name(), s.toString());
		});
		return entries.toString();
	}

	private static Map<String, String> parse(List<String> answer) {
		Map<String, String> entries = new TreeMap<>();
		for (String field : answer.subList(1, answer.size())) {
			int bar = field.indexOf('|');
			entries.put(Peer.decode(field.substring(0, bar)), field.substring(bar + 1));
		}
		return entries;
	}

	private void compareEntries(String what, DescribeConfigsResult expected, List<String> answer) {
		Map<String, String> found = parse(answer);
		found.keySet().removeIf(name -> name.startsWith("odradek."));
		judge(what + " error", 0, (int) expected.errorCode());
		Set<String> names = new TreeSet<>(found.keySet());
		expected.configs().forEach(e -> {
			String entry = names.remove(e.name()) ? found.get(e.name()) : "nothing";
			judge(what + " " + e.name(), show(new DescribeConfigsResult().setConfigs(List.of(e))), "{" + e.name() + "=" + entry + "}");
		});
		judge(what + " names beyond Kafka's", Set.of(), names);
	}

	private void addLayer(int source, Map<?, ?> values) throws Exception {
		List<String> question = new ArrayList<>(List.of("layer", String.valueOf(source)));
		values.forEach((name, value) -> {
			question.add((String) name);
			question.add((String) value);
		});
		peer.askRaw(question);
	}

	private void describe(String text, Properties own, ConfigResource.Type type, Properties broker, Properties brokers) throws Exception {
		KafkaConfig config = kafka(text);
		config.dynamicConfig().initialize(scala.Option.empty());
		config.dynamicConfig().updateDefaultConfig(brokers, false);
		config.dynamicConfig().updateBrokerConfig(1, broker, false);
		ConfigHelper helper = new ConfigHelper(cache(), config, repository(Map.of(type, own)));
		String scope = Map.of(ConfigResource.Type.TOPIC, "topic", ConfigResource.Type.BROKER, "node", ConfigResource.Type.GROUP, "group",
			ConfigResource.Type.CLIENT_METRICS, "metrics").get(type);
		int source = Map.of("topic", 1, "node", 0, "group", 8, "metrics", 7).get(scope);
		DescribeConfigsResource resource = new DescribeConfigsResource().setResourceType(type.id())
			.setResourceName(type == ConfigResource.Type.BROKER ? "1" : TOPIC);
		List<DescribeConfigsResult> results = CollectionConverters.asJava(helper.describeConfigs(
			CollectionConverters.asScala(List.of(resource)).toList(), true, false));

		peer.ask("load", text);
		peer.ask("layers");
		if (source != 0)
			addLayer(source, own);
		addLayer(2, broker);
		addLayer(3, brokers);
		compareEntries(scope, results.get(0), peer.askRaw(List.of("describe", scope)));
		if (type != ConfigResource.Type.BROKER)
			return;
		List<DescribeConfigsResult> all = CollectionConverters.asJava(helper.describeConfigs(
			CollectionConverters.asScala(List.of(resource.duplicate().setResourceName(""))).toList(), true, false));
		peer.ask("layers");
		addLayer(3, brokers);
		compareEntries("brokers", all.get(0), peer.askRaw(List.of("describe", "brokers")));
	}

	private static Properties properties(String... pairs) {
		Properties properties = new Properties();
		for (int i = 0; i < pairs.length; i += 2)
			properties.put(pairs[i], pairs[i + 1]);
		return properties;
	}

	private void compareDescriptions() throws Exception {
		Properties none = new Properties();
		String file = BASE + "log.retention.hours=5\nlog.segment.bytes= 2097152 \nssl.key.password=x\nunknown.name=y\n"
			+ "internal.metadata.delete.delay.millis=5\nlistener.name.plaintext.ssl.protocol=TLSv1.3\nlog.roll.jitter.hours=3\n"
			+ "group.consumer.assignor.offload.enable=false\ngroup.streams.num.warmup.replicas=1\n";
		Properties broker = properties("log.retention.ms", "1000", "message.max.bytes", " 5 ", "min.insync.replicas", "2");
		Properties brokers = properties("log.retention.ms", "2000", "log.flush.interval.ms", "9", "compression.type", "zstd",
			"log.cleaner.min.cleanable.ratio", "0.25");
		for (String text : List.of(BASE, file)) {
			for (ConfigResource.Type type : List.of(ConfigResource.Type.BROKER, ConfigResource.Type.TOPIC, ConfigResource.Type.GROUP)) {
				describe(text, none, type, none, none);
				describe(text, none, type, broker, none);
				describe(text, none, type, none, brokers);
				describe(text, none, type, broker, brokers);
			}
			describe(text, properties("retention.ms", " 7 ", "compression.type", "lz4", "cleanup.policy", "delete , compact",
				"min.cleanable.dirty.ratio", ".5"), ConfigResource.Type.TOPIC, broker, brokers);
			describe(text, properties("internal.segment.bytes", "5", "segment.ms", "5"), ConfigResource.Type.TOPIC, none, brokers);
			describe(text, properties("consumer.session.timeout.ms", "50000", "share.isolation.level", "read_committed",
				"streams.num.warmup.replicas", "3"), ConfigResource.Type.GROUP, broker, brokers);
			describe(text, properties("interval.ms", "1000"), ConfigResource.Type.CLIENT_METRICS, none, none);
			describe(text, none, ConfigResource.Type.CLIENT_METRICS, none, none);
		}
		finish("descriptions");
	}

	// ---- properties files, variables ----

	private static final String[] PIECES = {"a", "b", "=", ":", " ", "\t", "\f", "\n", "\r", "\r\n", "\\", "\\\\", "\\\n", "\\\r\n", "#", "!",
		"\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\u12", "\\t", "\\n", "\\x", "\\ ", "\\=", "."};

	/** What becomes of it in UTF-8: half of a surrogate pair is a question mark. */
	private static String written(String s) {
		return new String(s.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
	}

	private void compareProperties() throws Exception {
		for (int i = 0; i < 20000; i++) {
			StringBuilder text = new StringBuilder();
			for (int n = random.nextInt(14); n > 0; n--)
				text.append(PIECES[random.nextInt(PIECES.length)]);
			Map<String, String> expected = new TreeMap<>();
			try {
				load(text.toString()).forEach((name, value) -> expected.put(written((String) name), written((String) value)));
			} catch (IllegalArgumentException e) {
				expected.clear();
				expected.put("malformed", "");
			}
			List<String> answer = peer.ask("properties", text.toString());
			Map<String, String> found = new TreeMap<>();
			for (int k = 1; k + 1 < answer.size(); k += 2)
				found.put(answer.get(k), answer.get(k + 1));
			if (answer.size() % 2 == 0) {
				found.clear();
				found.put("malformed", "");
			}
			judge(Peer.encode(text.toString()), expected, found);
		}
		finish("properties files");
	}

	private void compareVariables() throws Exception {
		List<String> names = new ArrayList<>(List.of("KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_VERSION", "KAFKA_JMX_OPTS", "KAFKA_LOG4J_OPTS",
			"KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_GC_LOG_OPTS", "KAFKA_LOG4J_ROOT_LOGLEVEL", "KAFKA_LOG4J_LOGGERS", "KAFKA_TOOLS_LOG4J_LOGLEVEL",
			"KAFKA_JMX_HOSTNAME", "HOME", "KAFKA", "kafka_node_id", "KAFKA_LOG_DIRS", "KAFKA_KAFKA_METRICS_REPORTERS", "KAFKA_a_B"));
		for (int i = 0; i < 500; i++) {
			StringBuilder name = new StringBuilder("KAFKA_");
			for (int n = 1 + random.nextInt(12); n > 0; n--)
				name.append(random.nextInt(2) == 0 ? '_' : (char) ('A' + random.nextInt(26)));
			names.add(name.toString());
		}
		for (String name : names) {
			scala.collection.immutable.Map<String, String> environment = scala.collection.immutable.Map.from(
				CollectionConverters.asScala(Map.of(name, "x")));
			List<String> lines = CollectionConverters.asJava(KafkaDockerWrapper$.MODULE$.getServerConfigsFromEnv(environment));
			String expected = lines.isEmpty() ? null : lines.get(0).substring(0, lines.get(0).length() - 2);
			judge(name, expected, peer.ask("variable", name).get(1));
		}
		finish("variables of the environment");
	}
}
