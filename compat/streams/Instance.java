import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Stream;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.ThreadMetadata;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.InvalidStateStoreException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/** What would be a process of the application; several of them are in this one, each with a name and a directory. */
final class Instance implements StateRestoreListener {
	private final Path state;
	private final KafkaStreams streams;
	private final Map<String, Long> restored = new ConcurrentHashMap<>();
	private volatile Throwable failure;

	Instance(String bootstrap, Path state, Topology topology, Properties more) {
		Properties p = new Properties();
		p.put("application.id", "shop");
		p.put("bootstrap.servers", bootstrap);
		p.put("state.dir", state.toString());
		p.put("default.key.serde", Serdes.StringSerde.class.getName());
		p.put("default.value.serde", Serdes.StringSerde.class.getName());
		p.put("statestore.cache.max.bytes", "0"); // every update is sent
		p.put("commit.interval.ms", "100");
		p.put("num.standby.replicas", "1");
		p.put("producer.delivery.timeout.ms", "600000");
		p.putAll(more);
		this.state = state;
		streams = new KafkaStreams(topology, p);
		streams.setGlobalStateRestoreListener(this);
		streams.setUncaughtExceptionHandler(e -> {
			failure = e;
			return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
		});
		streams.start();
	}

	@Override
	public void onRestoreStart(TopicPartition p, String store, long from, long to) {
	}

	@Override
	public void onBatchRestored(TopicPartition p, String store, long end, long n) {
	}

	@Override
	public void onRestoreEnd(TopicPartition p, String store, long n) {
		restored.merge(store, n, Long::sum);
	}

	/** Records that came back by store; not of what is suppressed, which is logged as commits fall. */
	Map<String, Long> restored() {
		Map<String, Long> named = new TreeMap<>(restored);
		named.keySet().removeIf(name -> !name.endsWith("-store"));
		return named;
	}

	Throwable failure() {
		return failure;
	}

	KafkaStreams.State state() {
		return streams.state();
	}

	private int count(Function<ThreadMetadata, Integer> tasks) {
		return streams.metadataForLocalThreads().stream().mapToInt(tasks::apply).sum();
	}

	int active() {
		return count(thread -> thread.activeTasks().size());
	}

	int standby() {
		return count(thread -> thread.standbyTasks().size());
	}

	/** How many customers have their totals here, and the sum of these; null while tasks move. */
	long[] totals() {
		long[] all = new long[2];
		try {
			ReadOnlyKeyValueStore<String, Long> store = streams.store(StoreQueryParameters.fromNameAndType("totals-store",
				QueryableStoreTypes.<String, Long>keyValueStore()));
			try (KeyValueIterator<String, Long> i = store.all()) {
				for (; i.hasNext(); all[0]++)
					all[1] += i.next().value;
			}
			return all;
		} catch (InvalidStateStoreException e) {
			return null;
		}
	}

	/** Leaves the group, so that nobody waits for the session to end. */
	boolean close() {
		return streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP)
			.withTimeout(Duration.ofSeconds(30)));
	}

	void forget() throws IOException {
		try (Stream<Path> all = Files.walk(state)) {
			all.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
		}
	}
}
