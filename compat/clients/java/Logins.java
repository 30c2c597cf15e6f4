import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.auth.SaslExtensionsCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerTokenCallback;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Logins through Java's client: each case writes a record, reads it again, and says so, or why not. sasl/run has what a case is. */
public final class Logins {
    private static final String MODULES = "org.apache.kafka.common.security.";
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private record Case(String name, String address, String protocol, String mechanism, String user, String password, String token, String ca,
        String own, String topic) {
        static Case of(String line) {
            String[] f = line.split("\t", -1);
            for (int i = 0; i < f.length; i++)
                if (f[i].equals("-"))
                    f[i] = "";
            return new Case(f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]);
        }
    }

    /** Gives the token of the options, whatever is in it. */
    public static final class Token implements AuthenticateCallbackHandler {
        private String value;

        @Override
        public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {
            value = (String) entries.get(0).getOptions().get("token");
        }

        @Override
        public void handle(Callback[] callbacks) {
            for (Callback c : callbacks)
                if (c instanceof OAuthBearerTokenCallback wanted)
                    wanted.token(token());
                else if (!(c instanceof SaslExtensionsCallback))
                    throw new IllegalArgumentException(c.getClass().getName());
        }

        private OAuthBearerToken token() {
            long now = System.currentTimeMillis();
            String token = value;
            return new OAuthBearerToken() {
                @Override public String value() { return token; }
                @Override public Set<String> scope() { return Set.of(); }
                @Override public long lifetimeMs() { return now + 300000; }
                @Override public String principalName() { return "alice"; }
                @Override public Long startTimeMs() { return now; }
            };
        }

        @Override
        public void close() { }
    }

    private static String jaas(Case c) {
        if (!c.token.isEmpty())
            return MODULES + "oauthbearer.OAuthBearerLoginModule required token=\"" + c.token + "\";";
        String module = c.mechanism.equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
        String byToken = c.name.contains("delegation") ? " tokenauth=\"true\"" : "";
        return MODULES + module + " required username=\"" + c.user + "\" password=\"" + c.password + "\"" + byToken + ";";
    }

    private static Map<String, Object> settings(Case c) {
        Map<String, Object> s = new HashMap<>(Map.of("bootstrap.servers", c.address, "security.protocol", c.protocol, "max.block.ms", "30000",
            "request.timeout.ms", "20000", "delivery.timeout.ms", "30000", "default.api.timeout.ms", "30000"));
        if (!c.mechanism.isEmpty()) {
            s.put("sasl.mechanism", c.mechanism);
            s.put("sasl.jaas.config", jaas(c));
        }
        if (!c.token.isEmpty())
            s.put("sasl.login.callback.handler.class", Token.class.getName());
        if (!c.ca.isEmpty()) {
            s.put("ssl.truststore.type", "PEM");
            s.put("ssl.truststore.location", c.ca);
        }
        if (!c.own.isEmpty()) {
            s.put("ssl.keystore.type", "PEM");
            s.put("ssl.keystore.location", c.own + ".pem");
        }
        return s;
    }

    private static String login(Case c) throws Exception {
        String value = "java " + c.name;
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings(c), new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(c.topic, value)).get();
        }
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings(c), new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> all = List.of(new TopicPartition(c.topic, 0));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            for (long end = System.nanoTime() + PATIENCE.toNanos(); System.nanoTime() < end;)
                for (ConsumerRecord<String, String> r : consumer.poll(Duration.ofMillis(200)))
                    if (r.value().equals(value))
                        return "let in";
        }
        return "its record is not there";
    }

    /** The innermost words of Kafka's: what lies below is the JDK's. */
    private static String said(Throwable e) {
        Throwable of = e;
        while (of.getCause() != null && of.getCause().getClass().getName().startsWith("org.apache.kafka"))
            of = of.getCause();
        return of.getClass().getSimpleName() + ": " + of.getMessage();
    }

    private static String outcome(Case c) {
        try {
            return login(c);
        } catch (Exception e) {
            return said(e);
        }
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Case> cases = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0])))
            cases.add(Case.of(line));
        List<Callable<String>> calls = new ArrayList<>();
        for (Case c : cases)
            calls.add(() -> outcome(c));
        List<Future<String>> all = pool.invokeAll(calls);
        for (int i = 0; i < cases.size(); i++)
            System.out.println("java, " + cases.get(i).name + ": " + all.get(i).get());
        pool.shutdown();
    }
}
