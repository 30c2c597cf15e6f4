import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.protocol.types.Schema;

/**
 * Exchanges random values of every message that the jars on the class path know with the peer, in every version and both directions.
 *
 *   Codec PEER VALUES SEED [GOLDEN]
 *
 * VALUES are made on each side; GOLDEN is a file that gets a short one of Java's for each message and version, for tests/wire.
 * What the jars know is found by looking through them: every class that is a Message with versions. Prints lines "ok NAME" and
 * "not ok NAME", and what differed.
 */
public final class Codec {
	private static final int GOLDEN_LENGTH = 120;
	private static final byte[] DAMAGE = {0, 1, 2, 3, 4, 9, 0x7e, 0x7f, (byte) 0x80, (byte) 0xfe, (byte) 0xff};

	private record Kind(Class<?> type, String name, short first, short last, Schema[] schemas) { }

	private record Answer(int status, byte[] bytes, String json) { }

	private final Process process;
	private final DataOutputStream toPeer;
	private final DataInputStream fromPeer;
	private final ObjectMapper mapper = new ObjectMapper();
	private int complaints = 0;
	private String golden; // the first short value of this message and version, or the shortest
	private int goldenLength;

	private Codec(String peer) throws IOException {
		process = new ProcessBuilder(peer).redirectError(ProcessBuilder.Redirect.INHERIT).start();
		toPeer = new DataOutputStream(new java.io.BufferedOutputStream(process.getOutputStream(), 1 << 16));
		fromPeer = new DataInputStream(new java.io.BufferedInputStream(process.getInputStream(), 1 << 16));
	}

	// ---- the pipe ----

	private byte[] ask(char command, int version, String name, byte[] rest) throws IOException {
		byte[] text = name.getBytes(StandardCharsets.UTF_8);
		toPeer.writeInt(5 + text.length + rest.length);
		toPeer.writeByte(command);
		toPeer.writeShort(version);
		toPeer.writeShort(text.length);
		toPeer.write(text);
		toPeer.write(rest);
		toPeer.flush();
		return fromPeer.readNBytes(fromPeer.readInt());
	}

	private Answer value(char command, int version, String name, byte[] rest) throws IOException {
		ByteBuffer b = ByteBuffer.wrap(ask(command, version, name, rest));
		int status = b.getInt();
		byte[] bytes = new byte[b.getInt()];
		b.get(bytes);
		byte[] json = new byte[b.remaining()];
		b.get(json);
		return new Answer(status, bytes, new String(json, StandardCharsets.UTF_8));
	}

	private List<String[]> table(char command, String separator) throws IOException {
		List<String[]> rows = new ArrayList<>();
		for (String line : new String(ask(command, 0, "", new byte[0]), StandardCharsets.UTF_8).split("\n"))
			rows.add(line.split(separator, -1));
		return rows;
	}

	// ---- what there is ----

	/** "FetchRequestData" of a class is "FetchRequest" in the schema, but DefaultPrincipalData is called so. */
	private static String schemaName(String simpleName, Set<String> known) {
		if (known.contains(simpleName) || !simpleName.endsWith("Data"))
			return simpleName;
		return simpleName.substring(0, simpleName.length() - 4);
	}

	private static List<Kind> kinds(Set<String> known) throws Exception {
		Map<String, Kind> found = new TreeMap<>();
		for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
			if (!path.endsWith(".jar"))
				continue;
			try (JarFile jar = new JarFile(path)) {
				for (var entry : (Iterable<java.util.jar.JarEntry>) jar.stream()::iterator) {
					String name = entry.getName();
					if (!name.startsWith("org/apache/kafka/") || !name.endsWith(".class") || name.contains("$"))
						continue;
					Kind kind = kind(name.substring(0, name.length() - 6).replace('/', '.'), known);
					if (kind != null)
						found.put(kind.type.getName(), kind);
				}
			}
		}
		return new ArrayList<>(found.values());
	}

	/** The kind of a class; null when it is no message, or one without versions. */
	private static Kind kind(String className, Set<String> known) throws Exception {
		Class<?> type;
		try {
			type = Class.forName(className, false, Codec.class.getClassLoader());
			if (!Message.class.isAssignableFrom(type) || type.isInterface() || Modifier.isAbstract(type.getModifiers()))
				return null;
			Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
			short first = type.getField("LOWEST_SUPPORTED_VERSION").getShort(null);
			short last = type.getField("HIGHEST_SUPPORTED_VERSION").getShort(null);
			return last < first ? null : new Kind(type, schemaName(type.getSimpleName(), known), first, last, schemas);
		} catch (NoSuchFieldException | LinkageError e) {
			return null;
		}
	}

	// ---- Java's side of a message ----

	static byte[] write(Message message, short version) {
		ObjectSerializationCache cache = new ObjectSerializationCache();
		ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
		message.write(new ByteBufferAccessor(buffer), cache, version);
		if (buffer.hasRemaining())
			throw new IllegalStateException("shorter than it said");
		return buffer.array();
	}

	private static Message read(Kind kind, byte[] bytes, short version) throws Exception {
		Constructor<?> constructor = kind.type.getConstructor(Readable.class, short.class);
		ByteBuffer buffer = ByteBuffer.wrap(bytes);
		Message message = (Message) constructor.newInstance(new ByteBufferAccessor(buffer), version);
		if (buffer.hasRemaining())
			throw new IllegalStateException(buffer.remaining() + " bytes are left over");
		return message;
	}

	/** Kafka's own JSON of it; null when the jars have no converter for the class. */
	private static JsonNode json(Kind kind, Message message, short version) throws Exception {
		try {
			Class<?> converter = Class.forName(kind.type.getName() + "JsonConverter");
			return (JsonNode) converter.getMethod("write", kind.type, short.class, boolean.class).invoke(null, message, version, false);
		} catch (ClassNotFoundException e) {
			return null;
		}
	}

	/** Text is compared, or, since Java 17 does not print the shortest text of every double, what it says. */
	private boolean sameJson(JsonNode java, String ours) throws IOException {
		return java == null || java.toString().equals(ours) || mapper.readTree(java.toString()).equals(mapper.readTree(ours));
	}

	// ---- the exchange ----

	private boolean complain(Kind kind, short version, String what, byte[] bytes) {
		if (complaints++ < 20)
			System.out.println("# " + kind.name + " v" + version + ": " + what + " " + HexFormat.of().formatHex(bytes, 0, Math.min(bytes.length, 400)));
		return false;
	}

	/** Java makes the value, the peer reads it and writes it again. */
	private boolean javaFirst(Kind kind, short version, Filler filler) throws Exception {
		Message message = (Message) kind.type.getConstructor().newInstance();
		filler.fill(message, kind.schemas[version]);
		byte[] bytes = write(message, version);
		Answer answer = value('d', version, kind.name, bytes);
		JsonNode json = json(kind, message, version);
		if (answer.status != 0)
			return complain(kind, version, "the peer says " + answer.status + " to", bytes);
		if (!Arrays.equals(bytes, answer.bytes))
			return complain(kind, version, "the peer writes " + HexFormat.of().formatHex(answer.bytes) + " for", bytes);
		if (!sameJson(json, answer.json))
			return complain(kind, version, "JSON " + json + " is with the peer " + answer.json + " for", bytes);
		if (json != null && json.toString().equals(answer.json) && bytes.length < goldenLength) {
			golden = kind.name + "\t" + version + "\t" + HexFormat.of().formatHex(bytes) + "\t" + json;
			goldenLength = bytes.length < GOLDEN_LENGTH ? 0 : bytes.length;
		}
		return true;
	}

	/** The peer makes the value, Java reads it and writes it again. */
	private boolean peerFirst(Kind kind, short version, long seed) throws Exception {
		Answer answer = value('r', version, kind.name, ByteBuffer.allocate(8).putLong(seed).array());
		if (answer.status != 0)
			return complain(kind, version, "the peer makes no value: " + answer.status, new byte[0]);
		try {
			Message message = read(kind, answer.bytes, version);
			byte[] bytes = write(message, version);
			if (!Arrays.equals(bytes, answer.bytes))
				return complain(kind, version, "Java writes " + HexFormat.of().formatHex(bytes) + " for", answer.bytes);
			if (!sameJson(json(kind, message, version), answer.json))
				return complain(kind, version, "JSON of the peer " + answer.json + " is not Java's", answer.bytes);
			return true;
		} catch (InvocationTargetException | RuntimeException e) {
			return complain(kind, version, "Java says " + (e.getCause() != null ? e.getCause() : e) + " to", answer.bytes);
		}
	}

	/**
	 * Java's bytes, damaged: both sides take them or both refuse them. Java lets a message have a tail, here that is refused by the same
	 * call; and it takes lengths that are negative as an int (beyond 2 GiB as they are meant) for null.
	 */
	private boolean damaged(Kind kind, short version, Filler filler, Random random) throws Exception {
		Message message = (Message) kind.type.getConstructor().newInstance();
		filler.fill(message, kind.schemas[version]);
		byte[] bytes = write(message, version);
		if (bytes.length == 0)
			return true;
		for (int n = 1 + random.nextInt(2); n > 0; n--)
			bytes[random.nextInt(bytes.length)] = DAMAGE[random.nextInt(DAMAGE.length)];
		if (random.nextInt(4) == 0)
			bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
		Answer answer = value('d', version, kind.name, bytes);
		boolean refused = false;
		String why = "";
		try {
			read(kind, bytes, version);
		} catch (InvocationTargetException | RuntimeException e) {
			refused = true;
			why = " (" + (e.getCause() != null ? e.getCause() : e) + ")";
		}
		return refused == (answer.status != 0) || complain(kind, version, (refused ? "Java refuses" + why : "the peer refuses") + " what the other takes:", bytes);
	}

	private boolean exchange(Kind kind, short version, int values, long seed, PrintStream out) throws Exception {
		Filler filler = new Filler(seed ^ kind.name.hashCode() * 31L + version);
		boolean same = true;
		goldenLength = Integer.MAX_VALUE;
		for (int i = 0; i < values && same; i++)
			same = javaFirst(kind, version, filler) && peerFirst(kind, version, seed + i);
		if (out != null)
			out.println(golden);
		return same;
	}

	private static void result(String name, int n, int of) {
		System.out.println((n == of ? "ok " : "not ok ") + name + ": " + n + " of " + of);
	}

	private void damage(int values, long seed) throws Exception {
		Set<String> ours = new TreeSet<>();
		for (String[] row : table('m', " "))
			ours.add(row[0]);
		int n = 0, of = 0;
		for (Kind kind : kinds(ours)) {
			for (short version = kind.first; ours.contains(kind.name) && version <= kind.last; version++) {
				Filler filler = new Filler(seed + kind.name.hashCode() * 31L + version);
				Random random = new Random(seed + version);
				for (int i = 0; i < values; i++, of++)
					if (damaged(kind, version, filler, random))
						n++;
			}
		}
		result("damaged messages that both sides take or both refuse", n, of);
	}

	private void messages(int values, long seed, PrintStream golden) throws Exception {
		Map<String, String[]> ours = new TreeMap<>();
		for (String[] row : table('m', " "))
			ours.put(row[0], row);
		List<Kind> kinds = kinds(ours.keySet());
		Set<String> named = new TreeSet<>();
		int versions = 0, same = 0, present = 0;
		for (Kind kind : kinds) {
			String[] row = ours.get(kind.name);
			named.add(kind.name);
			if (row != null && kind.first == Integer.parseInt(row[3]) && kind.last == Integer.parseInt(row[4]))
				present++;
			else
				System.out.println("# " + kind.type.getName() + " " + kind.first + "-" + kind.last + ": ours " + Arrays.toString(row));
			for (short version = kind.first; version <= kind.last; version++) {
				versions++;
				if (row != null && exchange(kind, version, values, seed, golden))
					same++;
			}
		}
		result("messages of the jars that are known here in the same versions", present, kinds.size());
		result("(message, version) pairs with identical bytes both ways, " + values + " values each way", same, versions);
		ours.keySet().removeAll(named);
		if (!ours.isEmpty())
			System.out.println("# known here, but not in the jars: " + ours.keySet());
		result("messages known here that the jars know", named.size(), named.size() + ours.size());
	}

	// ---- the tables ----

	private void compare(String what, Set<String> java, List<String[]> peer, String separator) {
		Set<String> ours = new TreeSet<>();
		for (String[] row : peer)
			ours.add(String.join(separator, row));
		int of = java.size();
		Set<String> missing = new TreeSet<>(java);
		missing.removeAll(ours);
		missing.forEach(row -> System.out.println("# only in Java: " + row));
		ours.removeAll(java);
		ours.forEach(row -> System.out.println("# only here: " + row));
		result(what, of - missing.size(), of + ours.size());
	}

	private void apis() throws IOException {
		Set<String> java = new TreeSet<>();
		for (ApiKeys api : ApiKeys.values()) {
			if (!api.hasValidVersion())
				continue;
			ApiMessageType type = api.messageType;
			StringBuilder row = new StringBuilder();
			row.append(api.id).append(' ').append(api.name).append(' ').append(type.lowestSupportedVersion()).append(' ');
			row.append(type.highestSupportedVersion(true)).append(' ').append(type.latestVersionUnstable() ? 1 : 0).append(' ');
			row.append(api.inScope(ApiMessageType.ListenerType.BROKER) ? "b" : "");
			row.append(api.inScope(ApiMessageType.ListenerType.CONTROLLER) ? "c" : "");
			for (short version = type.lowestSupportedVersion(); version <= type.highestSupportedVersion(true); version++)
				row.append(' ').append(api.requestHeaderVersion(version)).append('/').append(api.responseHeaderVersion(version));
			java.add(row.toString());
		}
		compare("APIs with the same key, versions, listeners and header versions", java, table('a', " "), " ");
	}

	private void errors() throws IOException {
		Set<String> java = new TreeSet<>();
		for (Errors error : Errors.values())
			java.add(String.join("\t", error.name(), "" + error.code(), error.exception() instanceof RetriableException ? "1" : "0",
				error.exception() instanceof InvalidMetadataException ? "1" : "0", "" + (error.exception() == null ? null : error.message())));
		compare("errors with the same number, name, text, retriability", java, table('e', "\t"), "\t");
	}

	/** The types of records: their numbers, by the enums that Kafka reads them with. */
	private void recordTypes() throws Exception {
		Map<String, String> ours = new TreeMap<>();
		for (String[] row : table('m', " "))
			ours.put(row[0], row[2]);
		int n = 0, of = 0;
		for (String name : List.of("org.apache.kafka.common.metadata.MetadataRecordType",
				"org.apache.kafka.coordinator.group.generated.CoordinatorRecordType",
				"org.apache.kafka.coordinator.transaction.generated.CoordinatorRecordType",
				"org.apache.kafka.coordinator.share.generated.CoordinatorRecordType")) {
			Class<?> type = Class.forName(name);
			for (Object constant : type.getEnumConstants()) {
				String id = "" + type.getMethod("id").invoke(constant);
				for (String method : List.of("newMetadataRecord", "newRecordKey", "newRecordValue")) {
					if (Arrays.stream(type.getMethods()).noneMatch(m -> m.getName().equals(method)))
						continue;
					String message = type.getMethod(method).invoke(constant).getClass().getSimpleName();
					of++;
					if (id.equals(ours.get(message)))
						n++;
					else
						System.out.println("# " + message + " is " + id + " in Java, here " + ours.get(message));
				}
			}
		}
		result("types of records with the same number", n, of);
	}

	public static void main(String[] args) throws Exception {
		Codec codec = new Codec(args[0]);
		try (PrintStream golden = args.length > 3 ? new PrintStream(args[3], StandardCharsets.UTF_8) : null) {
			codec.errors();
			codec.apis();
			codec.recordTypes();
			codec.messages(Integer.parseInt(args[1]), Long.parseLong(args[2]), golden);
			codec.damage(Integer.parseInt(args[1]) / 2, Long.parseLong(args[2]));
		} finally {
			codec.toPeer.close();
		}
		codec.process.waitFor();
	}
}
