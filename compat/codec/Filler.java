import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** Fills a generated message class with random values of what its schema of one version has; the rest stays at its default. */
final class Filler {
	private static final String[] PIECES = {"a", "Z", "0", ".", "-", " ", "\"", "\\", "\n", "\u0001", "\u007f", "\u00e9", "\u20ac", "\ud83c\udfb2"};
	private static final int[] LENGTHS = {0, 1, 126, 127, 128};
	private static final double[] DOUBLES = {0.0, 1.0, -1.5, 1e7, 0.001, Double.MAX_VALUE, Double.MIN_VALUE, 123456.789};
	private static final int STRING_MAX = 0x7fff;

	private final Random random;
	private int depth = 0;

	Filler(long seed) {
		random = new Random(seed);
	}

	/** The field that holds "topic_id" is topicId. */
	private static Field javaField(Class<?> c, String name) throws NoSuchFieldException {
		String letters = name.replace("_", "");
		for (Field field : c.getDeclaredFields())
			if (field.getName().equalsIgnoreCase(letters))
				return field;
		throw new NoSuchFieldException(name);
	}

	void fill(Object message, Schema schema) throws ReflectiveOperationException {
		depth++;
		for (BoundField bound : schema.fields()) {
			if (bound.def.type instanceof TaggedFields tagged) {
				for (org.apache.kafka.common.protocol.types.Field field : tagged.fields().values())
					if (random.nextInt(4) > 0)
						fillField(message, field);
			} else {
				fillField(message, bound.def);
			}
		}
		depth--;
	}

	private void fillField(Object message, org.apache.kafka.common.protocol.types.Field field) throws ReflectiveOperationException {
		Field java = javaField(message.getClass(), field.name);
		java.setAccessible(true);
		Object value = value(java.getGenericType(), field.type);
		// 32767 stands for -1 in the peer's memory; it is no error's number.
		if (field.name.endsWith("error_code") && value instanceof Short number && number == Short.MAX_VALUE)
			value = (short) -1;
		java.set(message, value);
	}

	private Object value(Type java, org.apache.kafka.common.protocol.types.Type type) throws ReflectiveOperationException {
		Class<?> c = java instanceof ParameterizedType p ? (Class<?>) p.getRawType() : (Class<?>) java;
		if (type.isNullable() && random.nextInt(5) == 0)
			return null;
		if (Collection.class.isAssignableFrom(c))
			return collection(java, c, type.arrayElementType().get());
		if (c == boolean.class || c == Boolean.class)
			return random.nextBoolean();
		if (c == byte.class || c == Byte.class)
			return (byte) integer(8);
		if (c == short.class || c == Short.class)
			return (short) integer(16);
		if (c == int.class || c == Integer.class) // uint16 lives in an int
			return type.toString().equals("UINT16") ? (int) (integer(16) & 0xffff) : (int) integer(32);
		if (c == long.class || c == Long.class) // uint32 in a long
			return type.toString().equals("UINT32") ? integer(32) & 0xffffffffL : integer(64);
		if (c == double.class)
			return number();
		if (c == Uuid.class)
			return random.nextInt(5) == 0 ? Uuid.ZERO_UUID : new Uuid(random.nextLong(), random.nextLong());
		if (c == String.class)
			return string();
		if (c == byte[].class)
			return bytes();
		if (c == ByteBuffer.class)
			return ByteBuffer.wrap(bytes());
		if (type instanceof Schema schema)
			return struct(c, schema);
		return MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
	}

	private Object struct(Class<?> c, Schema schema) throws ReflectiveOperationException {
		Constructor<?> constructor = c.getConstructor();
		Object out = constructor.newInstance();
		fill(out, schema);
		return out;
	}

	/** A list, or one of the generated collections, whose element is the class that they are nested in. */
	@SuppressWarnings({"unchecked", "rawtypes"})
	private Object collection(Type java, Class<?> c, org.apache.kafka.common.protocol.types.Type of) throws ReflectiveOperationException {
		Type element;
		Collection out;
		if (java instanceof ParameterizedType p) {
			element = p.getActualTypeArguments()[0];
			out = new ArrayList();
		} else {
			element = ((ParameterizedType) c.getGenericSuperclass()).getActualTypeArguments()[0];
			out = (Collection) c.getConstructor(int.class).newInstance(4);
		}
		int n = random.nextInt(depth > 2 ? 3 : 4);
		if (!(of instanceof Schema) && random.nextInt(30) == 0)
			n = 120 + random.nextInt(20);
		for (int i = 0; i < n; i++)
			out.add(value(element, of));
		return out;
	}

	private long integer(int bits) {
		long max = Long.MAX_VALUE >>> (64 - bits);
		switch (random.nextInt(8)) {
			case 0: return 0;
			case 1: return -1;
			case 2: return max;
			case 3: return -max - 1;
			case 4: return random.nextInt(300) & max;
			default: return random.nextLong() << (64 - bits) >> (64 - bits);
		}
	}

	private double number() {
		double d = Double.longBitsToDouble(random.nextLong());
		return Double.isFinite(d) && random.nextBoolean() ? d : DOUBLES[random.nextInt(DOUBLES.length)];
	}

	private int length() {
		if (random.nextInt(3) == 0)
			return LENGTHS[random.nextInt(LENGTHS.length)];
		return random.nextInt(random.nextInt(10) == 0 ? 300 : 12);
	}

	private String string() {
		int length = random.nextInt(2000) == 0 ? STRING_MAX : length();
		StringBuilder out = new StringBuilder();
		if (length == STRING_MAX)
			return "x".repeat(length);
		while (out.length() < length)
			out.append(PIECES[random.nextInt(PIECES.length)]);
		return out.toString();
	}

	private byte[] bytes() {
		byte[] out = new byte[length()];
		random.nextBytes(out);
		return out;
	}
}
