// Runs Apache Kafka's command line tools one after the other in one JVM and prints what each said.
//
//   java -cp TOOLS Tools COMMANDS BOOTSTRAP CONTROLLER DATA WORK
//   java -cp TOOLS Tools --programs ELSEWHERE COMMANDS
//
// The second form looks for the programs in Kafka's jars (classes with a main) and says how many of them the commands run; one that no
// command runs and that is not in ELSEWHERE (a class, a tab, the reason) is an error.
//
// COMMANDS has a command a line, as a person types it ("kafka-topics --bootstrap-server $B --list"); a line that begins with "<" is
// the standard input of the next command (\n, \t as usual), one with ">FILE " is text for WORK/FILE. $B is the broker, $C the
// controller, $D the data directory, $W the work directory. A line of "? " before a command asks until its output has the text
// that follows, for what a broker shows a little later; "! " waits until the output has the text, also when the tool has gone
// on in threads of its own, and no longer, for tools that do not end by themselves. What tools keep in statics (the console consumer
// its count) goes on counting, on both sides alike.
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
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

import org.apache.kafka.common.utils.internals.Exit;

public final class Tools {
    static final Map<String, String> CLASSES = Map.ofEntries(Map.entry("kafka-topics", "TopicCommand"), Map.entry("kafka-configs", "ConfigCommand"),
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
        Map.entry("kafka-share-groups", "consumer.group.ShareGroupCommand"), Map.entry("kafka-streams-groups", "streams.StreamsGroupCommand"),
        Map.entry("kafka-console-share-consumer", "consumer.ConsoleShareConsumer"),
        Map.entry("kafka-share-consumer-perf-test", "ShareConsumerPerformance"),
        Map.entry("kafka-verifiable-share-consumer", "VerifiableShareConsumer"),
        Map.entry("kafka-streams-application-reset", "StreamsResetter"), Map.entry("kafka-storage", "kafka.tools.StorageTool"),
        Map.entry("connect-internal-topics", "ConnectInternalTopics"));

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

    // The class of a command: of a script by its name, of a program without one by its own.
    static String className(String command) {
        String name = CLASSES.getOrDefault(command, command);
        return name.startsWith("kafka.") ? name : "org.apache.kafka.tools." + name;
    }

    // How the tool ended: by itself, when it had said enough, or not in time.
    static String end(CompletableFuture<Integer> end, BooleanSupplier enough) throws Exception {
        for (long late = System.currentTimeMillis() + 180000; System.currentTimeMillis() < late; Thread.sleep(20)) {
            if (enough == null ? end.isDone() : enough.getAsBoolean()) {
                return end.isDone() ? "status " + end.get() : "went on";
            }
        }
        return "did not end in time";
    }

    static String run(List<String> command, byte[] input, String enough) throws Exception {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(said, true, "UTF-8");
        String status = run(command, input, stream, stream, enough == null ? null : () -> said.toString(StandardCharsets.UTF_8).contains(enough));
        String text = said.toString("UTF-8");
        return text + (text.isEmpty() || text.endsWith("\n") ? "" : "\n") + status + "\n";
    }

    static String run(List<String> command, byte[] input, PrintStream out, PrintStream err, BooleanSupplier enough) throws Exception {
        CompletableFuture<Integer> end = ended = new CompletableFuture<>();
        String status;
        Class<?> tool = Class.forName(className(command.get(0)));
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
            status = end(end, enough);
            if (!end.isDone()) {
                GIVEN_UP.add(thread);
                thread.interrupt();
            }
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
                OUT.println(run(words.subList(3, words.size()), Files.readAllBytes(Path.of(words.get(0))), out, err, null));
            }
            OUT.flush();
        }
    }

    static boolean isProgram(String name) {
        try {
            return (Class.forName(name, false, Tools.class.getClassLoader()).getMethod("main", String[].class).getModifiers() & Modifier.STATIC) != 0;
        } catch (ReflectiveOperationException | LinkageError e) {
            return false;
        }
    }

    // The classes with a main in the jars that have Kafka's programs.
    static TreeSet<String> programs() throws Exception {
        TreeSet<String> found = new TreeSet<>();
        for (Class<?> one : List.of(org.apache.kafka.tools.TopicCommand.class, kafka.Kafka.class)) {
            try (ZipFile jar = new ZipFile(Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI()).toFile())) {
                jar.stream().map(ZipEntry::getName).filter(n -> n.endsWith(".class") && !n.contains("$"))
                    .map(n -> n.substring(0, n.length() - 6).replace('/', '.')).filter(Tools::isProgram).forEach(found::add);
            }
        }
        return found;
    }

    static int coverage(Path elsewhere, Path commands) throws Exception {
        TreeSet<String> programs = programs(), missing = new TreeSet<>(programs);
        Files.readAllLines(commands).stream().filter(l -> l.matches("[A-Za-z].*")).forEach(l -> missing.remove(className(l.split(" ")[0])));
        int played = programs.size() - missing.size();
        for (String line : Files.readAllLines(elsewhere)) {
            if (!line.startsWith("#") && !missing.remove(line.split("\t")[0])) {
                OUT.println("is no program, or has commands: " + line);
                return 1;
            }
        }
        missing.forEach(m -> OUT.println("no command runs it: " + m));
        OUT.println(played + " of " + programs.size() + " programs in Kafka's jars have commands, " + (programs.size() - played - missing.size())
            + " have none for a reason, " + missing.size() + " lack them");
        return missing.isEmpty() ? 0 : 1;
    }

    public static void main(String[] args) throws Exception {
        String input = "", wanted = null, enough = null;
        if (args[0].equals("--programs")) {
            System.exit(coverage(Path.of(args[1]), Path.of(args[2])));
        }
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
                Files.writeString(Path.of(args[4], line.substring(1, space)), line.substring(space + 1).replace("\\n", "\n") + "\n");
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
            if (line.startsWith("! ")) {
                enough = line.substring(2);
                continue;
            }
            String text = run(words(line), input.getBytes(StandardCharsets.UTF_8), enough);
            for (long end = System.currentTimeMillis() + 15000; wanted != null && !text.contains(wanted) && System.currentTimeMillis() < end;) {
                text = run(words(line), input.getBytes(StandardCharsets.UTF_8), enough);
            }
            OUT.println("== " + shown);
            OUT.print(text);
            OUT.flush();
            input = "";
            wanted = null;
            enough = null;
        }
        Runtime.getRuntime().halt(0); // what tools want done at the end of the process they want of the thread that has left
    }
}
