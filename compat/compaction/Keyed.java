import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Writes a random history into a compacted topic: few keys, tombstones, headers, batches of one record and of many, every codec; plain,
 * idempotent and transactional producers, some of whose transactions are aborted.
 *
 *	Keyed BOOTSTRAP TOPIC SEED STEPS
 */
class Keyed {
	static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};

	public static void main(String[] args) throws Exception {
		String bootstrap = args[0], topic = args[1];
		Random random = new Random(Long.parseLong(args[2]));
		try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
			if (!admin.listTopics().names().get().contains(topic))
				admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1).configs(Map.of(
					"cleanup.policy", "compact", "segment.ms", "20000", "min.cleanable.dirty.ratio", "0.0",
					"delete.retention.ms", "0", "index.interval.bytes", "500", "file.delete.delay.ms", "0"))))
					.all().get();
		}
		long timestamp = System.currentTimeMillis() - 3_000_000;
		for (int i = 0; i < Integer.parseInt(args[3]); i++) {
			int kind = random.nextInt(4);
			Properties p = new Properties();
			p.put("bootstrap.servers", bootstrap);
			p.put("acks", "all");
			p.put("linger.ms", "50");
			p.put("max.in.flight.requests.per.connection", "1");
			p.put("compression.type", CODECS[random.nextInt(CODECS.length)]);
			p.put("enable.idempotence", kind > 0);
			if (kind > 1)
				p.put("transactional.id", "t" + random.nextInt(3));
			try (var producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
				if (kind > 1)
					producer.initTransactions();
				int rounds = 1 + random.nextInt(4);
				for (int k = 0; k < rounds; k++)
					timestamp = write(producer, topic, random, kind, timestamp);
			}
		}
	}

	static long write(KafkaProducer<String, String> producer, String topic, Random random, int kind, long timestamp) {
		int n = 1 + random.nextInt(12);
		if (kind > 1)
			producer.beginTransaction();
		for (int i = 0; i < n; i++) {
			String value = random.nextInt(6) == 0 ? null : "value " + random.nextInt() + " ".repeat(random.nextInt(60));
			var record = new ProducerRecord<>(topic, 0, timestamp + i, "key-" + random.nextInt(40), value);
			if (random.nextInt(4) == 0)
				record.headers().add("from", "keyed".getBytes());
			producer.send(record);
		}
		if (kind == 2)
			producer.commitTransaction();
		else if (kind == 3) {
			producer.flush();
			producer.abortTransaction();
		} else
			producer.flush();
		return timestamp + 1000 + random.nextInt(4000);
	}
}
