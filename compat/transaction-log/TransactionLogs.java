import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.coordinator.transaction.TransactionLog;
import org.apache.kafka.coordinator.transaction.TransactionMetadata;
import org.apache.kafka.coordinator.transaction.TransactionState;
import org.apache.kafka.coordinator.transaction.TxnTransitMetadata;
import org.apache.kafka.server.common.TransactionVersion;

/** Lets random transactions live, and asks the peer (peer.c) what it would have written of them. */
public final class TransactionLogs {
	private final Random random;
	private final OutputStream to;
	private final BufferedReader from;
	private int records;
	private int wrongRecords;
	private int orders;
	private int wrongOrders;

	TransactionLogs(String peer, long seed) throws IOException {
		random = new Random(seed);
		Process process = new ProcessBuilder(peer).redirectError(ProcessBuilder.Redirect.INHERIT).start();
		to = process.getOutputStream();
		from = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
	}

	public static void main(String[] args) throws Exception {
		TransactionLogs t = new TransactionLogs(args[0], Long.parseLong(args[1]));
		int n = Integer.parseInt(args[2]);
		int asked = 0;
		int wrongAsked = 0;

		for (int i = 0; i < n; i++)
			t.live();
		for (int i = 0; i < n; i++, asked++)
			wrongAsked += t.ask() ? 0 : 1;
		report("records", t.records, t.wrongRecords);
		report("partitions of a transaction, in their order", t.orders, t.wrongOrders);
		report("partitions that a coordinator is told of", asked, wrongAsked);
	}

	private static void report(String what, int n, int wrong) {
		System.out.println((wrong == 0 ? "ok " : "not ok ") + what + ": " + n + " compared, " + wrong + " different");
	}

	private String say(String question) throws IOException {
		to.write((question + "\n").getBytes(StandardCharsets.UTF_8));
		to.flush();
		String answer = from.readLine();
		if (answer == null)
			throw new IOException("the peer has gone at: " + question);
		return answer.trim();
	}

	private static String text(Collection<TopicPartition> partitions) {
		StringBuilder s = new StringBuilder();
		for (TopicPartition p : partitions)
			s.append(p.topic()).append(' ').append(p.partition()).append(' ');
		return s.toString().trim();
	}

	private static String counted(String what, Collection<TopicPartition> partitions) {
		return (what + " " + partitions.size() + " " + text(partitions)).trim();
	}

	// ---- a transaction's life ----

	private String[] topics() {
		String[] names = new String[1 << random.nextInt(6)];
		for (int i = 0; i < names.length; i++)
			names[i] = switch (random.nextInt(3)) {
				case 0 -> "t" + random.nextInt(1000);
				case 1 -> "orders.of-the_" + Integer.toString(random.nextInt(1 << 20), 36);
				default -> Long.toString(random.nextLong(), 36).replace('-', '_');
			};
		return names;
	}

	private List<TopicPartition> some(String[] topics, int partitions) {
		Set<TopicPartition> all = new LinkedHashSet<>();
		int n = 1 + random.nextInt(1 << random.nextInt(6));
		for (int i = 0; i < n; i++)
			all.add(new TopicPartition(topics[random.nextInt(topics.length)], random.nextInt(partitions)));
		return new ArrayList<>(all);
	}

	private void record(String question, TxnTransitMetadata transit, TransactionVersion version, TransactionMetadata t) throws IOException {
		String expected = HexFormat.of().formatHex(TransactionLog.valueToBytes(transit, version));
		String answer = say(question);
		records++;
		if (!answer.equals(expected) && wrongRecords++ < 5)
			System.out.println("# " + question + "\n#   ours   " + answer + "\n#   Kafka  " + expected);
		t.completeTransitionTo(transit);
	}

	private void show(TransactionMetadata t) throws IOException {
		String expected = text(t.topicPartitions());
		String answer = say("show");
		orders++;
		if (!answer.equals(expected) && wrongOrders++ < 5)
			System.out.println("#   ours   " + answer + "\n#   Kafka  " + expected);
	}

	/** As KafkaApis gathers them for the coordinator. */
	private static HashSet<TopicPartition> gathered(List<TopicPartition> partitions) {
		HashSet<TopicPartition> set = new HashSet<>();
		partitions.forEach(set::add);
		return set;
	}

	private TransactionMetadata loaded(TxnTransitMetadata transit, TransactionVersion version) {
		return ((TransactionLog.TxnRecord) TransactionLog.read(ByteBuffer.wrap(TransactionLog.keyToBytes("peer")),
			ByteBuffer.wrap(TransactionLog.valueToBytes(transit, version)))).metadata();
	}

	private void live() throws IOException {
		TransactionVersion version = random.nextBoolean() ? TransactionVersion.TV_0 : TransactionVersion.TV_1;
		TransactionMetadata t = new TransactionMetadata("peer", 1000, -1, -1, (short) 3, (short) -1, 60000, TransactionState.EMPTY, Set.of(), -1,
			0, TransactionVersion.TV_0);
		String[] topics = topics();
		int partitions = 1 << random.nextInt(8);
		TxnTransitMetadata transit = null;

		say("begin " + version.featureLevel());
		for (int n = 1 + random.nextInt(4); n > 0; n--) {
			List<TopicPartition> added = some(topics, partitions);
			transit = t.prepareAddPartitions(gathered(added), t.txnStartTimestamp() == -1 ? 5 : 7, TransactionVersion.TV_0);
			transit = new TxnTransitMetadata(transit.producerId(), transit.prevProducerId(), transit.nextProducerId(), transit.producerEpoch(),
				transit.lastProducerEpoch(), transit.txnTimeoutMs(), transit.txnState(), transit.topicPartitions(), 5, 7,
				transit.clientTransactionVersion());
			record(counted("add", added), transit, version, t);
			if (random.nextInt(4) == 0) {
				say("load");
				t = loaded(transit, version);
			}
			show(t);
		}
		transit = t.prepareAbortOrCommit(TransactionState.PREPARE_COMMIT, TransactionVersion.TV_0, -1, 7, false);
		record("prepare", transit, version, t);
		if (random.nextInt(2) == 0) {
			say("load");
			t = loaded(transit, version);
		}
		for (TopicPartition p : new ArrayList<>(t.topicPartitions())) {
			if (random.nextInt(3) != 0)
				continue;
			t.removePartition(p);
			say("marked " + p.topic() + " " + p.partition());
		}
		show(t);
	}

	// ---- what a coordinator is told ----

	/** As ReplicaManager and AddPartitionsToTxnManager put them together. */
	private boolean ask() throws IOException {
		List<TopicPartition> wanted = some(topics(), 1 << random.nextInt(8));
		scala.collection.mutable.HashMap<TopicPartition, Integer> guards = new scala.collection.mutable.HashMap<>();
		Map<String, List<TopicPartition>> topics = new LinkedHashMap<>();
		wanted.forEach(p -> guards.put(p, 1));
		scala.collection.Iterator<TopicPartition> keys = guards.keysIterator();
		while (keys.hasNext()) {
			TopicPartition p = keys.next();
			topics.computeIfAbsent(p.topic(), ignored -> new ArrayList<>()).add(p);
		}
		List<TopicPartition> expected = new ArrayList<>();
		topics.values().forEach(expected::addAll);
		return say(counted("ask", wanted)).equals(text(expected));
	}
}
