// What the Java program of the matrix shares with the others: the text it prints, what is written and how it is shown.
// compat/README.md has the protocol and what each feature is; clients/python/features.py is its twin.

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

final class Features {
    static final long T0 = 1700000000000L; // the timestamp of the first record where timestamps are given

    interface Say {
        void line(String text);
    }

    interface Play {
        void play(Say say, String topic) throws Exception;
    }

    static final class Header {
        final String key;
        final byte[] value;

        Header(String key, byte[] value) {
            this.key = key;
            this.value = value;
        }
    }

    static final class Given {
        byte[] key, value;
        List<Header> headers = new ArrayList<>();
        Long timestamp;

        Given(byte[] key, byte[] value) {
            this.key = key;
            this.value = value;
        }

        Given with(String name, byte[] data) {
            headers.add(new Header(name, data));
            return this;
        }

        Given at(long millis) {
            timestamp = millis;
            return this;
        }
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    static List<Given> shapes() {
        return List.of(new Given(null, bytes("no key")), new Given(bytes("no value"), null), new Given(bytes(""), bytes("")),
            new Given(bytes("key"), bytes("headers")).with("h", bytes("v")).with("null", null).with("empty", bytes("")).with("h", bytes("again")),
            new Given(bytes("schl\u00fcssel-\u9375"), bytes("\u03a9\u03b4\u03c1\u03b1\u03b4\u03ad\u03ba \ud83e\uddf5")).with("k\u00f6pfe", bytes("\u00fc")),
            new Given(new byte[] {0, (byte) 0xff, (byte) 0xfe}, new byte[] {(byte) 0xc3, 0x28, 0}));
    }

    static List<Given> codecRecords() {
        List<Given> out = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            out.add(new Given(bytes("" + i), bytes("record " + i + " " + "odradek ".repeat(i % 50))));
        }
        return out;
    }

    static List<Given> numbers(int n) {
        List<Given> out = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            out.add(new Given(null, bytes("" + i)));
        }
        return out;
    }

    static List<Given> timed(int n) {
        List<Given> out = numbers(n);
        for (int i = 0; i < n; i++) {
            out.get(i).at(T0 + i);
        }
        return out;
    }

    static List<Given> large() {
        byte[] value = new byte[1048000];
        for (int i = 0; i < value.length; i++) {
            value[i] = (byte) (i * 7 + i / 251);
        }
        return List.of(new Given(bytes("large"), value));
    }

    static String hex(byte[] data) {
        StringBuilder out = new StringBuilder();
        for (byte b : data) {
            out.append(String.format("%02x", b));
        }
        return out.toString();
    }

    static String digest(byte[] data) {
        try {
            return hex(MessageDigest.getInstance("SHA-256").digest(data)).substring(0, 16);
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    static String show(byte[] data) {
        if (data == null) {
            return "null";
        }
        return data.length <= 40 ? "0x" + hex(data) : data.length + " bytes " + digest(data);
    }

    static String showTime(long millis) {
        if (millis >= T0 && millis < T0 + 1000) {
            return "" + (millis - T0);
        }
        return Math.abs(System.currentTimeMillis() - millis) < 60000 ? "now" : "" + millis;
    }

    static String sorted(Collection<?> things) {
        return new TreeSet<>(things.stream().map(String::valueOf).collect(Collectors.toList())).toString();
    }

    static void tell(String line) {
        synchronized (System.out) {
            System.out.write(bytes(line + "\n"), 0, bytes(line + "\n").length);
            System.out.flush();
        }
    }

    static boolean until(java.util.concurrent.Callable<Boolean> condition) throws Exception {
        for (long end = System.currentTimeMillis() + 60000; System.currentTimeMillis() < end; Thread.sleep(20)) {
            if (condition.call()) {
                return true;
            }
        }
        return false;
    }
}
