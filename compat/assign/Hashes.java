import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.common.runtime.CoordinatorMetadataDelta;
import org.apache.kafka.coordinator.common.runtime.CoordinatorMetadataImage;
import org.apache.kafka.coordinator.group.Utils;

/** Random topics with racks, their text for the peer, and Kafka's hash of them. */
final class Hashes {
	static final class Question {
		private final Map<String, Topic> topics = new TreeMap<>();

		Question(Random random) {
			String[] racks = {"a", "b", "rack-one", "ein-längerer-Name", "\u65e5\u672c", "\ud83d\ude80", "x,y"};
			int n = random.nextInt(5);
			for (int i = 0; i < n; i++) {
				List<List<String>> partitions = new ArrayList<>();
				int count = 1 + random.nextInt(random.nextInt(8) == 0 ? 100 : 5);
				for (int p = 0; p < count; p++) {
					List<String> of = new ArrayList<>();
					int replicas = random.nextInt(4);
					for (int r = 0; r < replicas; r++)
						of.add(racks[random.nextInt(racks.length)]);
					partitions.add(of);
				}
				String name = "t" + random.nextInt(1 << 20);
				topics.put(name, new Topic(name, new Uuid(random.nextLong(), random.nextLong()), partitions));
			}
		}

		String text() {
			StringBuilder q = new StringBuilder("hash ").append(topics.size()).append(' ');
			for (Topic t : topics.values()) {
				q.append(t.name).append(' ').append(t.id).append(' ').append(t.partitions.size()).append(' ');
				for (List<String> racks : t.partitions) {
					q.append(racks.size()).append(' ');
					racks.forEach(rack -> q.append(Patterns.hex(rack)).append(' '));
				}
			}
			return q.toString();
		}

		String expected() {
			Map<String, Long> hashes = new HashMap<>();
			topics.keySet().forEach(name -> hashes.put(name, Utils.computeTopicHash(name, new Image(topics))));
			return Long.toString(Utils.computeGroupHash(hashes));
		}
	}

	static final class Topic implements CoordinatorMetadataImage.TopicMetadata {
		private final String name;
		private final Uuid id;
		private final List<List<String>> partitions;

		Topic(String name, Uuid id, List<List<String>> partitions) {
			this.name = name;
			this.id = id;
			this.partitions = partitions;
		}

		@Override
		public String name() {
			return name;
		}

		@Override
		public Uuid id() {
			return id;
		}

		@Override
		public int partitionCount() {
			return partitions.size();
		}

		@Override
		public List<String> partitionRacks(int partition) {
			return new ArrayList<>(partitions.get(partition));
		}
	}

	static final class Image implements CoordinatorMetadataImage {
		private final Map<String, Topic> topics;

		Image(Map<String, Topic> topics) {
			this.topics = topics;
		}

		@Override
		public Set<Uuid> topicIds() {
			throw new UnsupportedOperationException();
		}

		@Override
		public Set<String> topicNames() {
			return topics.keySet();
		}

		@Override
		public Optional<TopicMetadata> topicMetadata(String name) {
			return Optional.ofNullable(topics.get(name));
		}

		@Override
		public Optional<TopicMetadata> topicMetadata(Uuid id) {
			throw new UnsupportedOperationException();
		}

		@Override
		public CoordinatorMetadataDelta emptyDelta() {
			throw new UnsupportedOperationException();
		}

		@Override
		public long version() {
			return 0;
		}

		@Override
		public boolean isEmpty() {
			return topics.isEmpty();
		}
	}

	private Hashes() {
	}
}
