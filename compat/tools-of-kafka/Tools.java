// Runs Apache Kafka's command line tools one after the other in one JVM and prints what each said.
//
//   java -cp TOOLS Tools COMMANDS BOOTSTRAP CONTROLLER DATA WORK
//
// COMMANDS has a command a line, as a person types it ("kafka-topics --bootstrap-server $B --list"); a line that begins with "<" is
// the standard input of the next command (\n, \t as usual), one with ">FILE " is text for WORK/FILE. $B is the broker, $C the
// controller, $D the data directory, $W the work directory. A line of "? " before a command asks until its output has the text
// that follows, for what a broker shows a little later. What tools keep in statics (the console consumer its count) goes on counting,
// on both sides alike.
//
//   java -cp TOOLS Tools serve
//
// runs what it is told on standard input, a command a line: the files of its standard input, output and errors, then its words, all with tabs
// between; says "status N" when it has ended.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.apache.kafka.common.utils.Exit;

public final class Tools {
    static final Map<String, String> CLASSES = Map.ofEntries(Map.entry("kafka-topics", "TopicCommand"), Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-consumer-groups", "consumer.group.ConsumerGroupCommand"), Map.entry("kafka-groups", "GroupsCommand"),
        Map.entry("kafka-console-producer", "ConsoleProducer"), Map.entry("kafka-console-consumer", "consumer.ConsoleConsumer"),
        Map.entry("kafka-get-offsets", "GetOffsetShell"), Map.entry("kafka-delete-records", "DeleteRecordsCommand"),
        Map.entry("kafka-log-dirs", "LogDirsCommand"), Map.entry("kafka-broker-api-versions", "BrokerApiVersionsCommand"),
        Map.entry("kafka-features", "FeatureCommand"), Map.entry("kafka-cluster", "ClusterTool"),
        Map.entry("kafka-metadata-quorum", "MetadataQuorumCommand"), Map.entry("kafka-producer-perf-test", "ProducerPerformance"),
        Map.entry("kafka-consumer-perf-test", "ConsumerPerformance"), Map.entry("kafka-verifiable-producer", "VerifiableProducer"),
        Map.entry("kafka-verifiable-consumer", "VerifiableConsumer"), Map.entry("kafka-dump-log", "DumpLogSegments"),
        Map.entry("kafka-leader-election", "LeaderElectionCommand"), Map.entry("kafka-reassign-partitions", "reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-transactions", "TransactionsCommand"), Map.entry("kafka-client-metrics", "ClientMetricsCommand"),
        Map.entry("kafka-e2e-latency", "EndToEndLatency"), Map.entry("kafka-replica-verification", "ReplicaVerificationTool"),
        Map.entry("kafka-acls", "AclCommand"), Map.entry("kafka-delegation-tokens", "DelegationTokenCommand"),
        Map.entry("kafka-share-groups", "consumer.group.ShareGroupCommand"), Map.entry("kafka-streams-groups", "streams.StreamsGroupCommand"));

    static final PrintStream OUT = System.out;
    static final InputStream IN = System.in;

    static List<String> words(String line) {
        List<String> out = new ArrayList<>();
        StringBuilder word = null;
        char quote = 0;
        for (char c : line.toCharArray()) {
            if (quote == 0 && (c == '\'' || c == '"')) {
                quote = c;
                word = word == null ? new StringBuilder() : word;
            } else if (c == quote) {
                quote = 0;
            } else if (quote == 0 && c == ' ') {
                if (word != null) {
                    out.add(word.toString());
                }
                word = null;
            } else {
                (word = word == null ? new StringBuilder() : word).append(c);
            }
        }
        if (word != null) {
            out.add(word.toString());
        }
        return out;
    }

    static volatile CompletableFuture<Integer> ended;
    static final Set<Thread> GIVEN_UP = ConcurrentHashMap.newKeySet(); // tools that did not end in time; what they do later counts no more

    // The tools leave by Exit. Here the thread that does so says with which status and then waits for the end of the process.
    static void stop(int status, String message) {
        if (!GIVEN_UP.contains(Thread.currentThread())) {
            ended.complete(status);
        }
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static String run(List<String> command, byte[] input) throws Exception {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(said, true, "UTF-8");
        String status = run(command, input, stream, stream);
        String text = said.toString("UTF-8");
        return text + (text.isEmpty() || text.endsWith("\n") ? "" : "\n") + status + "\n";
    }

    static String run(List<String> command, byte[] input, PrintStream out, PrintStream err) throws Exception {
        String name = CLASSES.getOrDefault(command.get(0), command.get(0));
        CompletableFuture<Integer> end = ended = new CompletableFuture<>();
        String status;
        Class<?> tool = Class.forName(name.startsWith("kafka.") ? name : "org.apache.kafka.tools." + name);
        String[] args = command.subList(1, command.size()).toArray(new String[0]);
        Thread thread = new Thread(() -> {
            try {
                tool.getMethod("main", String[].class).invoke(null, (Object) args);
                end.complete(0);
            } catch (InvocationTargetException e) {
                err.println("thrown " + e.getCause());
                end.complete(1);
            } catch (ReflectiveOperationException e) {
                end.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        System.setOut(out);
        System.setErr(err);
        System.setIn(new ByteArrayInputStream(input));
        try {
            thread.start();
            status = "status " + end.get(60, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            GIVEN_UP.add(thread);
            thread.interrupt();
            status = "did not end in time";
        } finally {
            System.setOut(OUT);
            System.setIn(IN);
        }
        return status;
    }

    static void serve() throws Exception {
        BufferedReader commands = new BufferedReader(new InputStreamReader(IN, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            List<String> words = List.of(line.split("\t", -1));
            try (PrintStream out = new PrintStream(words.get(1), "UTF-8"); PrintStream err = new PrintStream(words.get(2), "UTF-8")) {
                OUT.println(run(words.subList(3, words.size()), Files.readAllBytes(Path.of(words.get(0))), out, err));
            }
            OUT.flush();
        }
    }

    public static void main(String[] args) throws Exception {
        String input = "", wanted = null;
        Exit.setExitProcedure(Tools::stop);
        Exit.setHaltProcedure(Tools::stop);
        if (args[0].equals("serve")) {
            serve();
            System.exit(0);
        }
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String shown = line;
            line = line.replace("$B", args[1]).replace("$C", args[2]).replace("$D", args[3]).replace("$W", args[4]);
            if (line.startsWith("#") || line.isBlank()) {
                continue;
            }
            if (line.startsWith(">")) {
                int space = line.indexOf(' ');
                Files.writeString(Path.of(args[4], line.substring(1, space)), line.substring(space + 1) + "\n");
                continue;
            }
            if (line.startsWith("<")) {
                input = line.substring(1).replace("\\n", "\n").replace("\\t", "\t");
                continue;
            }
            if (line.startsWith("? ")) {
                wanted = line.substring(2);
                continue;
            }
            String text = run(words(line), input.getBytes(StandardCharsets.UTF_8));
            for (long end = System.currentTimeMillis() + 15000; wanted != null && !text.contains(wanted) && System.currentTimeMillis() < end;) {
                text = run(words(line), input.getBytes(StandardCharsets.UTF_8));
            }
            OUT.println("== " + shown);
            OUT.print(text);
            OUT.flush();
            input = "";
            wanted = null;
        }
        System.exit(0);
    }
}
