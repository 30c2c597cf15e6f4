import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * One connection that speaks in Kafka's own message classes, and prints answers as JSON in which what differs from run to run (ids, times,
 * addresses) is replaced by a name that counts: the first topic id becomes <uuid 1>, the second <uuid 2>, in each run alike.
 */
final class Wire implements AutoCloseable {
	private final Socket socket = new Socket();
	private int correlation = 0;

	Wire(String host, int port) throws IOException {
		this(host, port, null);
	}

	/** from: the address to come from; null: any. */
	Wire(String host, int port, String from) throws IOException {
		if (from != null)
			socket.bind(new InetSocketAddress(from, 0));
		socket.connect(new InetSocketAddress(host, port), 60000);
		socket.setSoTimeout(15000);
		socket.setTcpNoDelay(true);
	}

	static byte[] bytes(Message message, short version) {
		ObjectSerializationCache cache = new ObjectSerializationCache();
		ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
		message.write(new ByteBufferAccessor(buffer), cache, version);
		return buffer.array();
	}

	void sendRaw(byte[] frame) throws IOException {
		ByteBuffer out = ByteBuffer.allocate(4 + frame.length);
		out.putInt(frame.length).put(frame);
		socket.getOutputStream().write(out.array());
		socket.getOutputStream().flush();
	}

	void send(ApiKeys api, short version, ApiMessage body, String clientId) throws IOException {
		RequestHeaderData header = new RequestHeaderData().setRequestApiKey(api.id).setRequestApiVersion(version)
			.setCorrelationId(++correlation).setClientId(clientId);
		byte[] head = bytes(header, api.requestHeaderVersion(version));
		byte[] rest = bytes(body, version);
		ByteBuffer frame = ByteBuffer.allocate(head.length + rest.length);
		sendRaw(frame.put(head).put(rest).array());
	}

	/** The next frame, or null when the connection was closed. */
	ByteBuffer receive() throws IOException {
		try {
			DataInputStream in = new DataInputStream(socket.getInputStream());
			byte[] frame = new byte[in.readInt()];
			in.readFully(frame);
			return ByteBuffer.wrap(frame);
		} catch (EOFException | SocketException e) {
			return null;
		}
	}

	/** Sends and returns the answer; null when the connection was closed instead. */
	ApiMessage call(ApiKeys api, short version, ApiMessage body, String clientId) throws IOException {
		send(api, version, body, clientId);
		ByteBuffer frame = receive();
		if (frame == null)
			return null;
		ResponseHeaderData header = new ResponseHeaderData(new ByteBufferAccessor(frame), api.responseHeaderVersion(version));
		if (header.correlationId() != correlation)
			throw new IOException("correlation id " + header.correlationId() + " instead of " + correlation);
		ApiMessage answer = api.messageType.newResponse();
		answer.read(new ByteBufferAccessor(frame), version);
		if (frame.hasRemaining())
			throw new IOException(frame.remaining() + " bytes after the " + api + " answer of version " + version);
		return answer;
	}

	static JsonNode json(ApiKeys api, boolean request, ApiMessage message, short version) {
		String name = message.getClass().getName();
		try {
			return (JsonNode) Class.forName(name + "JsonConverter")
				.getMethod("write", message.getClass(), short.class, boolean.class).invoke(null, message, version, false);
		} catch (ReflectiveOperationException e) {
			throw new IllegalStateException(e);
		}
	}

	@Override
	public void close() throws IOException {
		socket.close();
	}

	/** Replaces what cannot be equal in two runs. */
	static final class Names {
		private static final Pattern TIME = Pattern.compile("\\b1[6-9]\\d{11}\\b");
		/** Arrays whose order is that of a hash table in Kafka. */
		private static final Set<String> UNORDERED = Set.of("configResources", "configs", "topics", "brokers", "supportedFeatures",
			"finalizedFeatures", "responses", "results", "entries", "groups", "members", "replicaElectionResults", "unknownStateFilters", "activeProducers");

		private final Map<String, String> seen = new LinkedHashMap<>();
		private final Map<String, Integer> counts = new TreeMap<>();

		String name(String kind, String value) {
			return seen.computeIfAbsent(kind + value, k -> "<" + kind + " " + counts.merge(kind, 1, Integer::sum) + ">");
		}

		private static ArrayNode sorted(ArrayNode array) {
			List<JsonNode> members = new ArrayList<>();
			array.forEach(members::add);
			members.sort(Comparator.comparing(JsonNode::toString));
			return array.removeAll().addAll(members);
		}

		JsonNode normal(String field, JsonNode node) {
			if (node instanceof ObjectNode object) {
				for (Iterator<Map.Entry<String, JsonNode>> it = object.fields(); it.hasNext();) {
					Map.Entry<String, JsonNode> member = it.next();
					member.setValue(normal(member.getKey(), member.getValue()));
				}
				return object;
			}
			if (node instanceof ArrayNode array) {
				for (int i = 0; i < array.size(); i++)
					array.set(i, normal(field, array.get(i)));
				return UNORDERED.contains(field) ? sorted(array) : array;
			}
			String text = node.asText();
			if (node.isTextual() && text.matches("[A-Za-z0-9_-]{22}"))
				return new TextNode(text.equals("AAAAAAAAAAAAAAAAAAAAAA") ? text : name("uuid", text));
			if (node.isTextual() && TIME.matcher(text).find())
				return new TextNode(TIME.matcher(text).replaceAll("<time>"));
			if (node.isTextual() && text.startsWith("/"))
				return new TextNode(name("path", text));
			if (field.equals("producerId") && node.asLong() >= 0)
				return new TextNode(name("producer", text)); // brokers have blocks of them, and may have several at once
			if (field.equals("port") || field.equals("sessionId"))
				return text.equals("0") ? node : new TextNode("<" + field + ">");
			if (node.isNumber() && node.asLong() > 1_600_000_000_000L && node.asLong() < 4_000_000_000_000L)
				return new TextNode("<time>");
			if (field.matches("totalBytes|usableBytes|brokerEpoch|finalizedFeaturesEpoch|throttleTimeMs"))
				return node instanceof LongNode || node instanceof IntNode ? new TextNode("<" + field + ">") : node;
			return node;
		}
	}
}
