import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.InitProducerIdRequestData;
import org.apache.kafka.common.message.InitProducerIdResponseData;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.ProduceResponseData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Leaves transactions on a broker: "done" is committed, "open" is not, and a producer that has asked for an id writes to partition 0 of the
 * topic without telling its coordinator, twenty minutes ago, so that this transaction hangs (transaction.partition.verification.enable has to
 * be false). Prints the offset at which the one that hangs begins.
 *
 *	java Transactions HOST PORT TOPIC ID
 */
final class Transactions {
	private static final short BEFORE_TV2 = 11; // a newer Produce adds its partition to the transaction

	private static void write(String bootstrap, String topic, String id, boolean commit) {
		KafkaProducer<String, String> producer = new KafkaProducer<>(Map.of("bootstrap.servers", bootstrap, "transactional.id", id,
			"transaction.timeout.ms", 600000), new StringSerializer(), new StringSerializer());
		producer.initTransactions();
		producer.beginTransaction();
		producer.send(new ProducerRecord<>(topic, 1, null, id));
		producer.flush();
		if (commit)
			producer.commitTransaction();
	}

	private static long hang(Wire wire, String topic, String id) throws Exception {
		InitProducerIdResponseData given = null;
		while (given == null || given.errorCode() != 0) // its coordinator may be loading
			given = (InitProducerIdResponseData) wire.call(ApiKeys.INIT_PRODUCER_ID, (short) 4,
				new InitProducerIdRequestData().setTransactionalId(id).setTransactionTimeoutMs(60000), "c");
		MemoryRecords records = MemoryRecords.withTransactionalRecords(Compression.NONE, given.producerId(), given.producerEpoch(), 0,
			new SimpleRecord(System.currentTimeMillis() - 20 * 60000, "hangs".getBytes()));
		ProduceRequestData request = new ProduceRequestData().setTransactionalId(id).setAcks((short) -1).setTimeoutMs(10000);
		request.topicData().add(new ProduceRequestData.TopicProduceData().setName(topic).setPartitionData(
			List.of(new ProduceRequestData.PartitionProduceData().setIndex(0).setRecords(records))));
		ProduceResponseData.PartitionProduceResponse answer = ((ProduceResponseData) wire.call(ApiKeys.PRODUCE, BEFORE_TV2, request, "c"))
			.responses().iterator().next().partitionResponses().get(0);
		if (answer.errorCode() != 0)
			throw new IllegalStateException("error " + answer.errorCode());
		return answer.baseOffset();
	}

	public static void main(String[] args) throws Exception {
		String bootstrap = args[0] + ":" + args[1];
		write(bootstrap, args[2], "done", true);
		write(bootstrap, args[2], "open", false);
		try (Wire wire = new Wire(args[0], Integer.parseInt(args[1]))) {
			System.out.println(hang(wire, args[2], args[3]));
		}
		System.out.flush();
		Runtime.getRuntime().halt(0); // without closing "open", which would abort it
	}
}
