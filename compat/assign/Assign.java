import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordHelpers;
import org.apache.kafka.coordinator.group.api.assignor.ConsumerGroupPartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.RangeAssignor;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.generated.ConsumerGroupTargetAssignmentMemberValue;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

/** Lets random groups live, and asks the peer (peer.c) what it would have assigned. */
public final class Assign {
	static final class Member {
		String instance;
		List<String> names = new ArrayList<>();
		ConsumerGroupTargetAssignmentMemberValue record = new ConsumerGroupTargetAssignmentMemberValue();
	}

	static final class Group implements SubscribedTopicDescriber {
		final Map<String, Uuid> ids = new TreeMap<>();
		final Map<Uuid, Integer> partitions = new HashMap<>();
		final Map<String, Member> members = new TreeMap<>();

		@Override
		public int numPartitions(Uuid id) {
			return partitions.getOrDefault(id, -1);
		}

		@Override
		public Set<String> racksForPartition(Uuid id, int partition) {
			return Set.of();
		}
	}

	private final Random random;
	private final OutputStream to;
	private final BufferedReader from;

	Assign(String peer, long seed) throws IOException {
		random = new Random(seed);
		Process process = new ProcessBuilder(peer).redirectError(ProcessBuilder.Redirect.INHERIT).start();
		to = process.getOutputStream();
		from = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
	}

	public static void main(String[] args) throws Exception {
		Assign a = new Assign(args[0], Long.parseLong(args[1]));
		int groups = Integer.parseInt(args[2]);

		a.assignments(groups);
		a.hashes(groups);
		a.patterns();
	}

	private String ask(String question) throws IOException {
		to.write((question + "\n").getBytes(StandardCharsets.UTF_8));
		to.flush();
		String answer = from.readLine();
		if (answer == null)
			throw new IOException("the peer has gone at: " + question);
		return answer;
	}

	private static void report(String what, int n, int wrong) {
		System.out.println((wrong == 0 ? "ok " : "not ok ") + what + ": " + n + " compared, " + wrong + " different");
	}

	// ---- assignments ----

	private void assignments(int groups) throws IOException {
		int[] n = new int[4];
		int[] wrong = new int[4];
		for (int i = 0; i < groups; i++) {
			Group g = new Group();
			boolean range = random.nextInt(4) == 0;
			int scale = 1 << random.nextInt(7);
			boolean alike = random.nextBoolean();
			for (int round = 0; round < 6; round++) {
				change(g, scale, alike);
				boolean same = same(g);
				int kind = (range ? 2 : 0) + (same ? 0 : 1);
				n[kind]++;
				if (!assign(g, range, same))
					wrong[kind]++;
			}
		}
		String[] names = {"uniform, one subscription", "uniform, several subscriptions", "range, one subscription",
			"range, several subscriptions"};
		for (int kind = 0; kind < 4; kind++)
			report(names[kind], n[kind], wrong[kind]);
	}

	private void change(Group g, int scale, boolean alike) {
		while (g.ids.isEmpty() || random.nextInt(3) == 0) {
			Uuid id = Uuid.randomUuid();
			byte[] raw = new byte[16];
			random.nextBytes(raw);
			java.nio.ByteBuffer b = java.nio.ByteBuffer.wrap(raw);
			id = new Uuid(b.getLong(), b.getLong());
			g.ids.put("topic-" + Integer.toString(random.nextInt(1 << 20), 36), id);
			g.partitions.put(id, 1 + random.nextInt(scale * 2));
		}
		for (Uuid id : g.partitions.keySet())
			if (random.nextInt(8) == 0)
				g.partitions.merge(id, random.nextInt(3), Integer::sum);
		if (!g.members.isEmpty() && random.nextInt(2) == 0)
			for (String member : new ArrayList<>(g.members.keySet()))
				if (random.nextInt(4) == 0)
					g.members.remove(member);
		int joining = g.members.isEmpty() ? 1 + random.nextInt(scale) : random.nextInt(3);
		List<String> shared = subscription(g);
		for (int i = 0; i < joining; i++) {
			Member m = new Member();
			m.instance = random.nextInt(4) == 0 ? "instance-" + random.nextInt(1 << 20) : null;
			m.names = alike ? shared : subscription(g);
			g.members.put(Integer.toHexString(random.nextInt()) + "-" + random.nextInt(100), m);
		}
		for (Member m : g.members.values()) {
			if (alike)
				m.names = shared;
			else if (random.nextInt(5) == 0)
				m.names = subscription(g);
		}
	}

	private List<String> subscription(Group g) {
		List<String> names = new ArrayList<>();
		for (String name : g.ids.keySet())
			if (random.nextInt(3) > 0)
				names.add(name);
		if (random.nextInt(6) == 0)
			names.add("no-such-topic");
		Collections.shuffle(names, random);
		return names;
	}

	private static boolean same(Group g) {
		Set<Set<String>> all = new HashSet<>();
		for (Member m : g.members.values())
			all.add(new HashSet<>(m.names));
		return all.size() <= 1;
	}

	/** As TargetAssignmentBuilder does it, then by way of the record, as a coordinator that reads its log. */
	private boolean assign(Group g, boolean range, boolean same) throws IOException {
		Map<String, MemberSubscriptionAndAssignmentImpl> specs = new HashMap<>();
		Map<Uuid, Map<Integer, String>> inverted = new HashMap<>();
		for (Map.Entry<String, Member> e : g.members.entrySet()) {
			Set<Uuid> ids = new LinkedHashSet<>();
			for (String name : new HashSet<>(e.getValue().names))
				if (g.ids.containsKey(name))
					ids.add(g.ids.get(name));
			Assignment old = Assignment.fromRecord(e.getValue().record);
			old.partitions().forEach((id, set) -> set.forEach(p ->
				inverted.computeIfAbsent(id, k -> new HashMap<>()).put(p, e.getKey())));
			specs.put(e.getKey(), new MemberSubscriptionAndAssignmentImpl(Optional.empty(),
				Optional.ofNullable(e.getValue().instance), new Counted(ids, new HashSet<>(e.getValue().names).size()), old));
		}
		String question = question(g, range, same);
		ConsumerGroupPartitionAssignor assignor = range ? new RangeAssignor() : new UniformAssignor();
		Map<String, MemberAssignment> result = assignor.assign(new GroupSpecImpl(Collections.unmodifiableMap(specs),
			same ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS, inverted), g).members();
		StringBuilder expected = new StringBuilder();
		for (Map.Entry<String, Member> e : g.members.entrySet()) {
			MemberAssignment a = result.get(e.getKey());
			e.getValue().record = (ConsumerGroupTargetAssignmentMemberValue) GroupCoordinatorRecordHelpers
				.newConsumerGroupTargetAssignmentRecord("g", e.getKey(), a == null ? Map.of() : a.partitions())
				.value().message();
			text(expected, e.getValue().record);
		}
		String answer = ask(question);
		if (answer.equals(expected.toString()))
			return true;
		System.out.println("# " + question + "\n#   kafka " + expected + "\n#   peer  " + answer);
		return false;
	}

	/** A set whose size() counts names of topics that do not exist too, as Kafka's TopicIds. */
	static final class Counted extends LinkedHashSet<Uuid> {
		private static final long serialVersionUID = 1;
		private final int size;

		Counted(Set<Uuid> ids, int size) {
			super(ids);
			this.size = size;
		}

		@Override
		public int size() {
			return size;
		}
	}

	private static void text(StringBuilder out, ConsumerGroupTargetAssignmentMemberValue record) {
		out.append(record.topicPartitions().size()).append(' ');
		for (ConsumerGroupTargetAssignmentMemberValue.TopicPartition t : record.topicPartitions()) {
			out.append(t.topicId()).append(' ').append(t.partitions().size()).append(' ');
			for (int p : t.partitions())
				out.append(p).append(' ');
		}
	}

	private static String question(Group g, boolean range, boolean same) {
		StringBuilder q = new StringBuilder("assign ").append(range ? "range " : "uniform ").append(same ? "1 " : "0 ");
		q.append(g.ids.size()).append(' ');
		g.ids.forEach((name, id) ->
			q.append(name).append(' ').append(id).append(' ').append(g.partitions.get(id)).append(' '));
		q.append(g.members.size()).append(' ');
		g.members.forEach((id, m) -> {
			q.append(id).append(' ').append(m.instance == null ? "-" : m.instance).append(' ');
			q.append(m.names.size()).append(' ');
			m.names.forEach(name -> q.append(name).append(' '));
			text(q, m.record);
		});
		return q.toString();
	}

	// ---- hashes: filled by Hashes.java ----

	private void hashes(int n) throws IOException {
		int wrong = 0;
		for (int i = 0; i < n; i++) {
			Hashes.Question q = new Hashes.Question(random);
			String answer = ask(q.text());
			if (answer.equals(q.expected()))
				continue;
			wrong++;
			System.out.println("# " + q.text() + "\n#   kafka " + q.expected() + "\n#   peer  " + answer);
		}
		report("hashes of metadata", n, wrong);
	}

	// ---- patterns ----

	private void patterns() throws IOException {
		int n = 0;
		int wrong = 0;
		for (String[] row : Patterns.all(random)) {
			if (Patterns.known(row[0]))
				continue;
			String answer = ask("pattern " + Patterns.hex(row[0]) + " " + Patterns.hex(row[1]));
			String expected = Patterns.expected(row[0], row[1]);
			n++;
			if (answer.equals(expected) || row.length > 2 && answer.startsWith("bad") && expected.startsWith("bad"))
				continue;
			wrong++;
			System.out.println("# pattern " + row[0] + " of " + row[1] + "\n#   kafka " + expected + "\n#   peer  " + answer);
		}
		report("patterns", n, wrong);
	}
}
