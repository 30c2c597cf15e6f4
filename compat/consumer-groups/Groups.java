import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Groups as their users see them: what is printed must be the same on every broker. */
public final class Groups {
	private static String bootstrap;
	private static Admin admin;

	/** A consumer that is polled by the one thread there is. */
	static final class Member {
		final KafkaConsumer<String, String> consumer;
		final List<String> got = new ArrayList<>();
		Set<TopicPartition> assigned = new HashSet<>();

		Member(String group, String protocol, String... settings) {
			Properties p = new Properties();
			p.put("bootstrap.servers", bootstrap);
			p.put("group.id", group);
			p.put("group.protocol", protocol);
			p.put("auto.offset.reset", "earliest");
			p.put("enable.auto.commit", "false");
			for (int i = 0; i + 1 < settings.length; i += 2)
				p.put(settings[i], settings[i + 1]);
			consumer = new KafkaConsumer<>(p, new StringDeserializer(), new StringDeserializer());
		}

		void poll() {
			for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(20)))
				got.add(r.value());
			assigned = consumer.assignment();
		}
	}

	public static void main(String[] args) throws Exception {
		bootstrap = args[0];
		admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
		admin.createTopics(List.of(new NewTopic("six", 6, (short) 1), new NewTopic("two", 2, (short) 1))).all().get();
		produce("six", 60);
		rebalances();
		range();
		statics();
		patterns();
		growth();
		migration();
		refusals();
		settings();
		commits();
		System.out.println("end");
		System.exit(0);
	}

	private static void say(String what) {
		System.out.println(what);
	}

	private static void produce(String topic, int n) throws Exception {
		try (KafkaProducer<String, String> p = new KafkaProducer<>(Map.of("bootstrap.servers", (Object) bootstrap), new StringSerializer(),
			new StringSerializer())) {
			for (int i = 0; i < n; i++)
				p.send(new ProducerRecord<>(topic, i % 6, null, topic + i));
			p.flush();
		}
	}

	private static void until(String what, BooleanSupplier done, Member... members) {
		long end = System.currentTimeMillis() + 30000;
		while (!done.getAsBoolean()) {
			if (System.currentTimeMillis() > end) {
				say("TOO LONG: " + what + Arrays.stream(members).map(m -> m.assigned.toString()).collect(Collectors.toList()));
				return;
			}
			for (Member m : members)
				m.poll();
		}
	}

	private static boolean counts(Collection<Member> members, int... sizes) {
		Set<TopicPartition> all = new HashSet<>();
		int[] have = members.stream().mapToInt(m -> m.assigned.size()).sorted().toArray();
		members.forEach(m -> all.addAll(m.assigned));
		return Arrays.equals(have, sizes) && all.size() == Arrays.stream(sizes).sum();
	}

	private static void balanced(String what, List<Member> members, int... sizes) {
		until(what, () -> counts(members, sizes), members.toArray(new Member[0]));
		say(what + ": " + Arrays.toString(members.stream().mapToInt(m -> m.assigned.size()).sorted().toArray()));
	}

	private static void describe(String what, String group) throws Exception {
		try {
			ConsumerGroupDescription d = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
			int partitions = 0;
			TreeSet<String> types = new TreeSet<>();
			for (MemberDescription m : d.members()) {
				partitions += m.assignment().topicPartitions().size();
				types.add(m.upgraded().map(u -> u ? "consumer" : "classic").orElse("-") + (m.memberEpoch().isPresent() ? "+epoch" : "")
					+ (m.targetAssignment().isPresent() ? "+target" : ""));
			}
			say(what + ": " + d.groupState() + " " + d.type() + " assignor=" + d.partitionAssignor() + " members=" + d.members().size() + types
				+ " partitions=" + partitions + epochs(what, d) + " simple="
				+ d.isSimpleConsumerGroup() + " hosts=" + d.members().stream().map(MemberDescription::host).distinct().toList());
		} catch (ExecutionException e) {
			say(what + ": " + e.getCause());
		}
	}

	/** That of a group that was classic depends on how often it has rebalanced. */
	private static String epochs(String what, ConsumerGroupDescription d) {
		return what.equals("mixed") ? "" : " epoch=" + d.groupEpoch() + " target=" + d.targetAssignmentEpoch();
	}

	private static String listed(String group) throws Exception {
		for (GroupListing g : admin.listGroups().all().get())
			if (g.groupId().equals(group))
				return g.type().map(Object::toString).orElse("-") + " " + g.protocol() + " " + g.groupState().map(Object::toString).orElse("-");
		return "not listed";
	}

	// ---- stories ----

	private static void rebalances() throws Exception {
		List<Member> m = new ArrayList<>();
		m.add(new Member("g1", "consumer"));
		m.get(0).consumer.subscribe(List.of("six"));
		balanced("one member", m, 6);
		until("all is read", () -> m.get(0).got.size() == 60, m.get(0));
		say("read: " + m.get(0).got.size() + ", each once: " + (new HashSet<>(m.get(0).got).size() == 60));
		describe("alone", "g1");
		m.get(0).consumer.commitSync();
		m.add(new Member("g1", "consumer"));
		m.get(1).consumer.subscribe(List.of("six"));
		balanced("two members", m, 3, 3);
		m.add(new Member("g1", "consumer"));
		m.get(2).consumer.subscribe(List.of("six"));
		balanced("three members", m, 2, 2, 2);
		m.add(new Member("g1", "consumer"));
		m.get(3).consumer.subscribe(List.of("six", "two"));
		until("four members", () -> m.stream().mapToInt(x -> x.assigned.size()).sum() == 8, m.toArray(new Member[0]));
		say("four members, two subscriptions: " + Arrays.toString(m.stream().mapToInt(x -> x.assigned.size()).sorted().toArray()));
		for (int i = 0; i < 200 && !listed("g1").endsWith("Stable"); i++)
			m.forEach(Member::poll);
		say("listed: " + listed("g1"));
		m.remove(3).consumer.close();
		m.remove(1).consumer.close();
		balanced("two have left", m, 3, 3);
		produce("six", 12);
		until("more is read", () -> m.stream().mapToInt(x -> x.got.size()).sum() >= 72, m.toArray(new Member[0]));
		say("read again by the second: " + (m.get(1).got.size() <= 12));
		for (Member x : m)
			x.consumer.close();
		describe("all have left", "g1");
		say("deleted: " + admin.deleteConsumerGroups(List.of("g1")).all().get());
		describe("deleted", "g1");
		say("listed: " + listed("g1"));
	}

	private static void range() throws Exception {
		List<Member> m = List.of(new Member("g2", "consumer", "group.remote.assignor", "range"),
			new Member("g2", "consumer", "group.remote.assignor", "range"));
		for (Member x : m)
			x.consumer.subscribe(List.of("six", "two"));
		balanced("range", m, 4, 4);
		for (Member x : m)
			say("a range: " + x.assigned.stream().sorted((a, b) -> a.toString().compareTo(b.toString())).collect(Collectors.groupingBy(
				TopicPartition::topic, java.util.TreeMap::new, Collectors.counting())));
		describe("range", "g2");
		for (Member x : m)
			x.consumer.close();
	}

	private static void statics() throws Exception {
		List<Member> m = new ArrayList<>(List.of(new Member("g3", "consumer", "group.instance.id", "i1"),
			new Member("g3", "consumer", "group.instance.id", "i2")));
		for (Member x : m)
			x.consumer.subscribe(List.of("six"));
		balanced("static", m, 3, 3);
		Set<TopicPartition> had = new HashSet<>(m.get(1).assigned);
		m.remove(1).consumer.close();
		describe("one static member is away", "g3");
		m.add(new Member("g3", "consumer", "group.instance.id", "i2"));
		m.get(1).consumer.subscribe(List.of("six"));
		balanced("it is back", m, 3, 3);
		say("with the same partitions: " + had.equals(m.get(1).assigned));
		Member twin = new Member("g3", "consumer", "group.instance.id", "i1");
		twin.consumer.subscribe(List.of("six"));
		try {
			for (int i = 0; i < 200; i++)
				twin.poll();
			say("the twin was not refused");
		} catch (Exception e) {
			say("the twin: " + e.getClass().getSimpleName());
		}
		for (Member x : m)
			x.consumer.close();
		twin.consumer.close();
	}

	private static void patterns() throws Exception {
		Member m = new Member("g4", "consumer");
		m.consumer.subscribe(new SubscriptionPattern("s.x|tw.*"));
		balanced("a pattern", List.of(m), 8);
		admin.createTopics(List.of(new NewTopic("twelve", 3, (short) 1), new NewTopic("ztw", 3, (short) 1))).all().get();
		balanced("a new topic matches", List.of(m), 11);
		describe("with a pattern", "g4");
		m.consumer.unsubscribe();
		m.consumer.subscribe(List.of("two"));
		balanced("names instead", List.of(m), 2);
		m.consumer.close();
		Member bad = new Member("g5", "consumer");
		bad.consumer.subscribe(new SubscriptionPattern("a("));
		try {
			for (int i = 0; i < 200; i++)
				bad.poll();
			say("the pattern was not refused");
		} catch (Exception e) {
			say("a bad pattern: " + e);
		}
		bad.consumer.close();
		say("listed: " + listed("g5"));
	}

	private static void growth() throws Exception {
		admin.createTopics(List.of(new NewTopic("growing", 1, (short) 1))).all().get();
		Member m = new Member("g6", "consumer", "allow.auto.create.topics", "false");
		m.consumer.subscribe(List.of("growing", "to-come"));
		balanced("one partition", List.of(m), 1);
		admin.createPartitions(Map.of("growing", NewPartitions.increaseTo(3))).all().get();
		balanced("three partitions", List.of(m), 3);
		admin.createTopics(List.of(new NewTopic("to-come", 2, (short) 1))).all().get();
		balanced("the topic that was missing", List.of(m), 5);
		admin.deleteTopics(List.of("to-come")).all().get();
		balanced("it is gone", List.of(m), 3);
		m.consumer.close();
	}

	private static void migration() throws Exception {
		List<Member> m = new ArrayList<>();
		String strategy = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
		m.add(new Member("g7", "classic", "partition.assignment.strategy", strategy, "heartbeat.interval.ms", "100"));
		m.add(new Member("g7", "classic", "partition.assignment.strategy", strategy, "heartbeat.interval.ms", "100"));
		for (Member x : m)
			x.consumer.subscribe(List.of("six"));
		balanced("classic", m, 3, 3);
		describe("classic", "g7");
		m.get(0).consumer.commitSync();
		m.add(new Member("g7", "consumer"));
		m.get(2).consumer.subscribe(List.of("six"));
		balanced("a member of the new protocol joins", m, 2, 2, 2);
		describe("mixed", "g7");
		say("listed: " + listed("g7"));
		produce("six", 12);
		m.remove(0).consumer.close();
		balanced("a classic one leaves", m, 3, 3);
		m.remove(1).consumer.close();
		balanced("the new one leaves", m, 6);
		describe("classic again", "g7");
		say("listed: " + listed("g7"));
		m.get(0).consumer.close();
		Member last = new Member("g7", "consumer");
		last.consumer.subscribe(List.of("six"));
		balanced("a new one in the empty group", List.of(last), 6);
		describe("consumer", "g7");
		last.consumer.close();
		Member classic = new Member("g7", "classic");
		classic.consumer.subscribe(List.of("six"));
		balanced("a classic one in the empty group", List.of(classic), 6);
		describe("classic", "g7");
		classic.consumer.close();
	}

	private static void refusals() throws Exception {
		Member m = new Member("g8", "consumer", "group.remote.assignor", "none-such");
		m.consumer.subscribe(List.of("six"));
		try {
			for (int i = 0; i < 200; i++)
				m.poll();
			say("the assignor was not refused");
		} catch (Exception e) {
			say("an unknown assignor: " + e);
		}
		m.consumer.close();
	}

	private static void settings() throws Exception {
		ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, "g9");
		for (String[] s : new String[][] {{"consumer.heartbeat.interval.ms", "6000"}, {"consumer.session.timeout.ms", "1"},
			{"consumer.session.timeout.ms", "50000"}, {"consumer.assignment.interval.ms", "500"}, {"no.such", "1"}}) {
			try {
				admin.incrementalAlterConfigs(Map.of(group, List.of(new AlterConfigOp(new ConfigEntry(s[0], s[1]), AlterConfigOp.OpType.SET))))
					.all().get();
				say("set " + s[0] + "=" + s[1]);
			} catch (ExecutionException e) {
				say("set " + s[0] + "=" + s[1] + ": " + e.getCause());
			}
		}
		admin.describeConfigs(List.of(group)).all().get().get(group).entries().stream().filter(e -> e.name().startsWith("consumer"))
			.map(e -> e.name() + "=" + e.value() + " " + e.source()).sorted().forEach(Groups::say);
	}

	private static void commits() throws Exception {
		Member m = new Member("g9", "consumer");
		m.consumer.subscribe(List.of("six"));
		until("something is read", () -> m.got.size() > 20, m);
		m.consumer.commitSync();
		long committed = m.consumer.committed(m.assigned).values().stream().mapToLong(o -> o.offset()).sum();
		say("what is read is committed: " + (committed == m.got.size())); // how much that is depends on how much an answer has
		m.consumer.close();
		try {
			say("listed offsets: " + admin.listConsumerGroupOffsets("g9").partitionsToOffsetAndMetadata().get().size());
			admin.alterConsumerGroupOffsets("g9", Map.of(new TopicPartition("six", 0),
				new org.apache.kafka.clients.consumer.OffsetAndMetadata(0))).all().get();
			say("offsets altered");
			admin.deleteConsumerGroupOffsets("g9", Set.of(new TopicPartition("six", 1))).all().get();
			say("listed offsets: " + admin.listConsumerGroupOffsets("g9").partitionsToOffsetAndMetadata().get().size());
		} catch (ExecutionException e) {
			say("offsets: " + e.getCause());
		}
	}
}
