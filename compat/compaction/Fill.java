import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Many small records for a compacted topic: Fill BOOTSTRAP TOPIC MB CODEC. A third of the keys is newest in the end. */
class Fill {
	public static void main(String[] args) throws Exception {
		long bytes = Long.parseLong(args[2]) << 20;
		try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
			admin.createTopics(List.of(new NewTopic(args[1], 1, (short) 1).configs(Map.of(
				"cleanup.policy", "compact", "segment.bytes", "20971520", "min.cleanable.dirty.ratio", "0.0"))))
				.all().get();
		}
		Random random = new Random(1);
		int keys = (int) (bytes / 130 / 3);
		try (var producer = new KafkaProducer<>(
			     Map.<String, Object>of("bootstrap.servers", args[0], "batch.size", "16384", "linger.ms", "20",
				     "compression.type", args[3]),
			     new StringSerializer(), new StringSerializer())) {
			for (long sent = 0; sent < bytes; sent += 130)
				producer.send(new ProducerRecord<>(args[1], "key-" + random.nextInt(keys),
					"value " + random.nextLong() + "x".repeat(80)));
		}
	}
}
