import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.zip.CRC32;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KafkaStreams;

/**
 * What users of Kafka Streams do with one application, the shop: what is printed must be the same on every broker.
 *
 *   Streams stories BOOTSTRAP DIR              it starts, restores, shares its tasks, hands them over and ends; DIR is for its state
 *   Streams outage BOOTSTRAP DIR [KEY=VALUE]   its broker is killed; it says when, and waits for a line on standard input
 *   Streams refused BOOTSTRAP DIR KEY=VALUE    what becomes of it with this setting
 */
public final class Streams {
	private static final int PARTITIONS = 4;
	private static final int CUSTOMERS = 40;
	private static final int TASKS = 2 * PARTITIONS;
	private static final long STEP_MS = 100; // from one order to the next
	private static final int LIMIT_MS = 180000;
	private static final int OUTAGE_MS = 600000; // an outage may take this long, so that nothing is lost to it
	/** Orders begin half an hour ago, at a whole minute. */
	private static final long BASE = System.currentTimeMillis() / 60000 * 60000 - 1800000;

	private static String bootstrap;
	private static Path dir;
	private static Admin admin;
	private static KafkaProducer<String, String> producer;
	private static int orders;
	private static int paid;

	public static void main(String[] args) {
		bootstrap = args[1];
		dir = Path.of(args[2]);
		admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
		producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "delivery.timeout.ms", OUTAGE_MS, "max.block.ms", OUTAGE_MS),
			new StringSerializer(), new StringSerializer());
		try {
			topics();
			tell(args);
		} catch (Exception e) {
			e.printStackTrace();
			System.exit(1); // threads of Streams would go on
		}
		say("end");
		System.exit(0);
	}

	private static void tell(String[] args) throws Exception {
		switch (args[0]) {
		case "stories":
			stories();
			break;
		case "outage":
			outage(args.length > 3 ? setting(args[3]) : new Properties());
			break;
		case "refused":
			refused(args[3]);
			break;
		default:
			throw new IllegalArgumentException(args[0]);
		}
	}

	private static void say(String what) {
		System.out.println(what);
	}

	interface Condition {
		boolean holds() throws Exception;
	}

	private static void until(String what, Condition done) throws Exception {
		long end = System.currentTimeMillis() + LIMIT_MS;
		while (!done.holds()) {
			if (System.currentTimeMillis() > end)
				throw new IllegalStateException("too long: " + what);
			Thread.sleep(20); // between two looks
		}
	}

	private static Instance start(String name, Properties more) {
		return new Instance(bootstrap, dir.resolve(name), Shop.topology(BASE), more);
	}

	private static Properties setting(String pair) {
		Properties p = new Properties();
		p.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
		return p;
	}

	private static Instance start(String name) {
		return start(name, new Properties());
	}

	private static void close(Instance i) {
		say("closed: " + i.close());
	}

	// ---- what goes in ----

	private static void topics() throws Exception {
		List<NewTopic> topics = new ArrayList<>();
		for (String name : List.of("customers", "orders", "payments", "enriched", "totals", "minutes", "paid"))
			topics.add(new NewTopic(name, PARTITIONS, (short) 1));
		topics.add(new NewTopic("regions", 1, (short) 1));
		admin.createTopics(topics).all().get();
		for (int i = 0; i < 3; i++)
			producer.send(new ProducerRecord<>("regions", 0, BASE - STEP_MS, "r" + i, "region-" + i));
		for (int i = 0; i < CUSTOMERS; i++)
			producer.send(new ProducerRecord<>("customers", null, BASE - STEP_MS, "c" + i, "customer-" + i));
		producer.flush();
	}

	private static void order(long at, String customer, int amount) {
		producer.send(new ProducerRecord<>("orders", null, at, "o" + orders, customer + "," + amount));
		if (amount % 3 == 0) {
			producer.send(new ProducerRecord<>("payments", null, at + STEP_MS / 2, "o" + orders, "p" + orders));
			paid++;
		}
		orders++;
	}

	private static void next() {
		order(BASE + orders * STEP_MS, "c" + orders * 7 % CUSTOMERS, orders % 100 + 1);
	}

	private static void feed(int n) {
		for (int i = 0; i < n; i++)
			next();
		producer.flush();
	}

	/** Time goes on, in every partition, by more than what windows wait for. */
	private static void evening() {
		for (int i = 0; i < CUSTOMERS; i++)
			order(BASE + Shop.GRACE.toMillis() * 2, "c" + i, 1);
		producer.flush();
	}

	// ---- what comes out ----

	private static List<TopicPartition> partitions(String topic) {
		List<TopicPartition> all = new ArrayList<>();
		for (int i = 0; i < PARTITIONS; i++)
			all.add(new TopicPartition(topic, i));
		return all;
	}

	private static long size(String topic) throws Exception {
		Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
		partitions(topic).forEach(p -> ends.put(p, OffsetSpec.latest()));
		return admin.listOffsets(ends).all().get().values().stream().mapToLong(ListOffsetsResultInfo::offset).sum();
	}

	/** What is committed. */
	private static List<String> lines(String topic) throws Exception {
		List<String> lines = new ArrayList<>();
		try (KafkaConsumer<String, String> c = new KafkaConsumer<>(Map.of("bootstrap.servers", (Object) bootstrap,
			"isolation.level", "read_committed"), new StringDeserializer(), new StringDeserializer())) {
			c.assign(partitions(topic));
			c.seekToBeginning(c.assignment());
			Map<TopicPartition, Long> ends = c.endOffsets(c.assignment());
			until("records of " + topic, () -> {
				for (ConsumerRecord<String, String> r : c.poll(Duration.ofMillis(100)))
					lines.add(r.partition() + " " + r.key() + " " + r.value() + " " + (r.timestamp() - BASE));
				return ends.entrySet().stream().allMatch(e -> c.position(e.getKey()) >= e.getValue());
			});
		}
		Collections.sort(lines);
		return lines;
	}

	/** The size is looked at first: it is sooner known, but markers of transactions and what was aborted are in it. */
	private static boolean has(String topic, int n) throws Exception {
		return size(topic) >= n && lines(topic).size() >= n;
	}

	/** Prints how many records an output has, and their checksum, in whatever order they came. */
	private static void output(String topic) throws Exception {
		CRC32 crc = new CRC32();
		List<String> lines = lines(topic);
		for (String line : lines)
			crc.update((line + "\n").getBytes(StandardCharsets.UTF_8));
		say(topic + ": " + lines.size() + " records, " + Long.toHexString(crc.getValue()) + (lines.isEmpty() ? "" : ", the first " + lines.get(0)));
	}

	/** Waits for all that has been ordered to come out. A running total depends on the order between partitions: its records are counted. */
	private static void settled(Instance... running) throws Exception {
		until("the outputs of " + orders + " orders", () -> {
			alive(running);
			return has("enriched", orders) && has("totals", orders) && has("paid", paid);
		});
		output("enriched");
		output("paid");
		say("totals: " + lines("totals").size() + " records");
		stores(running);
	}

	private static void alive(Instance... running) {
		for (Instance i : running)
			if (i.failure() != null)
				throw new IllegalStateException(i.failure());
	}

	private static void stores(Instance... running) throws Exception {
		long[] all = new long[2];
		until("the totals of all customers", () -> {
			all[0] = all[1] = 0;
			for (Instance i : running) {
				long[] here = i.totals();
				if (here == null)
					return false;
				all[0] += here[0];
				all[1] += here[1];
			}
			return all[0] == CUSTOMERS;
		});
		say("stores: " + all[0] + " customers, " + all[1]);
	}

	private static boolean shared(Instance... running) {
		int tasks = 0;
		int standbys = 0;
		for (Instance i : running) {
			if (i.state() != KafkaStreams.State.RUNNING || i.active() == 0)
				return false;
			tasks += i.active();
			standbys += i.standby();
		}
		return tasks == TASKS && standbys == (running.length > 1 ? TASKS : 0);
	}

	private static void balanced(Instance... running) throws Exception {
		until("tasks to be shared", () -> {
			alive(running);
			return shared(running) && describe().groupState().toString().equals("Stable");
		});
		StringBuilder shares = new StringBuilder();
		for (Instance i : running)
			shares.append(" ").append(i.active()).append("+").append(i.standby());
		ConsumerGroupDescription d = describe();
		say("tasks and standbys:" + shares + ", " + d.type() + " group, assignor " + d.partitionAssignor() + ", members " + d.members().size());
	}

	private static ConsumerGroupDescription describe() throws Exception {
		return admin.describeConsumerGroups(List.of("shop")).describedGroups().get("shop").get();
	}

	/** The topics that Streams has made for itself, and how. */
	private static void topicsMade() throws Exception {
		for (String name : new TreeSet<>(admin.listTopics().names().get())) {
			if (!name.startsWith("shop-"))
				continue;
			ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
			say("topic " + name + ": " + admin.describeConfigs(List.of(topic)).all().get().get(topic).entries().stream()
				.filter(e -> e.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG)
				.map(e -> e.name() + "=" + e.value()).sorted().collect(Collectors.joining(" ")));
		}
	}

	// ---- stories ----

	private static void stories() throws Exception {
		say("-- it starts");
		Instance a = start("a");
		balanced(a);
		feed(800);
		settled(a);
		topicsMade();

		say("-- it comes back without its state");
		close(a);
		a.forget();
		feed(100);
		a = start("a");
		balanced(a);
		settled(a);
		say("restored: " + a.restored());

		say("-- a second one comes");
		Instance b = start("b");
		balanced(a, b);
		feed(400);
		settled(a, b);

		say("-- the first one goes");
		close(a);
		balanced(b);
		feed(100);
		settled(b);

		say("-- evening");
		output("minutes");
		long windows = CUSTOMERS * ((orders - 1) * STEP_MS / Shop.MINUTE.toMillis() + 1);
		evening();
		settled(b);
		until("windows to close", () -> size("minutes") >= windows);
		output("minutes");
		close(b);
	}

	private static void outage(Properties more) throws Exception {
		Instance a = start("a", more);
		Instance b = start("b", more);
		balanced(a, b);
		feed(400);
		settled(a, b);
		for (int i = 0; i < 2; i++) {
			say("kill the broker");
			feedUntilTold();
			balanced(a, b);
			settled(a, b);
		}
		close(a);
		close(b);
	}

	private static void feedUntilTold() throws IOException, InterruptedException {
		for (int i = 0; i < 400; i++) {
			next();
			Thread.sleep(2); // the pace of orders
		}
		System.in.read();
		producer.flush();
	}

	private static void refused(String setting) throws Exception {
		Instance a = start("a", setting(setting));
		until("an end", () -> a.state() == KafkaStreams.State.RUNNING || a.state() == KafkaStreams.State.ERROR);
		say(setting + ": " + a.state());
		for (Throwable e = a.failure(); e != null; e = e.getCause())
			say("  " + e.getClass().getName() + ": " + e.getMessage());
	}
}
