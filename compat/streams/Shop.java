import java.time.Duration;

import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.GlobalKTable;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/**
 * A shop: its topology has a repartition topic, a table, a global table, a sum, a join of two streams and counts by the minute, each with its store and
 * changelog. An order is the customer's name and an amount, keyed by its number; a payment has the key of its order.
 */
final class Shop {
	static final Duration MINUTE = Duration.ofMinutes(1);
	/** Partitions are read in any order, so that records are late by as much as all orders span. */
	static final Duration GRACE = Duration.ofMinutes(10);

	private Shop() {
	}

	static String customer(String order) {
		return order.substring(0, order.indexOf(','));
	}

	static long amount(String order) {
		return Long.parseLong(order.substring(order.indexOf(',') + 1));
	}

	/** Times of windows are printed as milliseconds after base. */
	static Topology topology(long base) {
		StreamsBuilder b = new StreamsBuilder();
		KStream<String, String> orders = b.stream("orders");
		KStream<String, String> byCustomer = orders.selectKey((number, order) -> customer(order)).repartition(Repartitioned.as("by-customer"));
		enriched(b, byCustomer);
		totals(byCustomer.groupByKey(Grouped.with(Serdes.String(), Serdes.String())));
		minutes(byCustomer.groupByKey(Grouped.with(Serdes.String(), Serdes.String())), base);
		orders.join(b.<String, String>stream("payments"), (order, payment) -> order + "/" + payment,
			JoinWindows.ofTimeDifferenceAndGrace(MINUTE, GRACE), StreamJoined.as("paid")).to("paid");
		return b.build();
	}

	private static void totals(KGroupedStream<String, String> orders) {
		Materialized<String, Long, KeyValueStore<Bytes, byte[]>> store = Materialized.as("totals-store");
		orders.aggregate(() -> 0L, (customer, order, sum) -> sum + amount(order), store.withValueSerde(Serdes.Long())).toStream()
			.mapValues(String::valueOf).to("totals");
	}

	private static void minutes(KGroupedStream<String, String> orders, long base) {
		Materialized<String, Long, WindowStore<Bytes, byte[]>> store = Materialized.as("minutes-store");
		orders.windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, GRACE)).count(store)
			.suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())).toStream()
			.map((window, n) -> new KeyValue<>(window.key(), (window.window().start() - base) + "=" + n)).to("minutes");
	}

	private static void enriched(StreamsBuilder b, KStream<String, String> byCustomer) {
		KTable<String, String> customers = b.table("customers", Materialized.as("customers-store"));
		GlobalKTable<String, String> regions = b.globalTable("regions");
		byCustomer.join(customers, (order, name) -> name + " " + amount(order))
			.join(regions, (customer, text) -> "r" + Integer.parseInt(customer.substring(1)) % 3, (text, region) -> text + " " + region)
			.to("enriched");
	}
}
