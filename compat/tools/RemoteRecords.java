import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicIdPartition;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.server.log.remote.metadata.storage.RemoteLogSegmentMetadataSnapshot;
import org.apache.kafka.server.log.remote.metadata.storage.serialization.RemoteLogMetadataSerde;
import org.apache.kafka.server.log.remote.storage.RemoteLogMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentId;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadata.CustomMetadata;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentMetadataUpdate;
import org.apache.kafka.server.log.remote.storage.RemoteLogSegmentState;
import org.apache.kafka.server.log.remote.storage.RemotePartitionDeleteMetadata;
import org.apache.kafka.server.log.remote.storage.RemotePartitionDeleteState;

/**
 * Writes a segment of __remote_log_metadata with each kind of record.
 *
 *	java RemoteRecords FILE
 */
final class RemoteRecords {
	private static final long NOW = 1700000000000L;

	private static RemoteLogMetadata[] records() {
		TopicIdPartition partition = new TopicIdPartition(new Uuid(1, 2), new TopicPartition("tiered", 3));
		RemoteLogSegmentId id = new RemoteLogSegmentId(partition, new Uuid(3, 4));
		Optional<CustomMetadata> custom = Optional.of(new CustomMetadata(new byte[] {1, 2, 3}));
		Map<Integer, Long> epochs = Map.of(0, 100L, 2, 150L);
		return new RemoteLogMetadata[] {
			new RemoteLogSegmentMetadata(id, 100, 199, NOW, 1, NOW + 1, 4096, epochs),
			new RemoteLogSegmentMetadata(id, 100, 199, NOW, 1, NOW + 1, 4096, Map.of(7, 100L), true),
			new RemoteLogSegmentMetadataUpdate(id, NOW + 2, custom, RemoteLogSegmentState.COPY_SEGMENT_FINISHED, 1),
			new RemoteLogSegmentMetadataUpdate(id, NOW + 3, Optional.empty(), RemoteLogSegmentState.DELETE_SEGMENT_STARTED, 2),
			new RemoteLogSegmentMetadataSnapshot(new Uuid(5, 6), 100, 199, NOW, 1, NOW + 4, 4096, custom,
				RemoteLogSegmentState.DELETE_SEGMENT_FINISHED, epochs, false),
			new RemotePartitionDeleteMetadata(partition, RemotePartitionDeleteState.DELETE_PARTITION_MARKED, NOW + 5, 1),
			new RemotePartitionDeleteMetadata(partition, RemotePartitionDeleteState.DELETE_PARTITION_FINISHED, NOW + 6, 1),
		};
	}

	public static void main(String[] args) throws Exception {
		RemoteLogMetadataSerde serde = new RemoteLogMetadataSerde();
		SimpleRecord[] records = Arrays.stream(records()).map(r -> new SimpleRecord(NOW, null, serde.serialize(r))).toArray(SimpleRecord[]::new);
		try (FileChannel file = FileChannel.open(Path.of(args[0]), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
			MemoryRecords.withRecords(0L, Compression.NONE, records).writeFullyTo(file);
		}
	}
}
