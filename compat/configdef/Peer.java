import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The other side of the pipe: a question is a line, its answer a line; see peer.c. */
final class Peer {
	private final Process process;
	private final OutputStream to;
	private final BufferedReader from;

	Peer(String path) throws IOException {
		process = new ProcessBuilder(path).redirectError(ProcessBuilder.Redirect.INHERIT).start();
		to = process.getOutputStream();
		from = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
	}

	static String encode(String s) {
		if (s == null)
			return "%N";
		StringBuilder out = new StringBuilder();
		for (char c : s.toCharArray())
			out.append(c < ' ' || "%|;=@".indexOf(c) >= 0 ? String.format("%%%02X", (int) c) : String.valueOf(c));
		return out.toString();
	}

	static String decode(String s) {
		if (s.equals("%N"))
			return null;
		StringBuilder out = new StringBuilder();
		for (int i = 0; i < s.length(); i++) {
			if (s.charAt(i) == '%') {
				out.append((char) Integer.parseInt(s.substring(i + 1, i + 3), 16));
				i += 2;
			} else {
				out.append(s.charAt(i));
			}
		}
		return out.toString();
	}

	/** The fields of the answer, as they stand in the line. */
	List<String> askRaw(List<String> fields) throws IOException {
		StringBuilder line = new StringBuilder();
		for (String field : fields)
			line.append(line.length() > 0 ? "\t" : "").append(encode(field));
		to.write(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
		to.flush();
		String answer = from.readLine();
		if (answer == null)
			throw new IOException("the peer has gone at: " + line);
		return new ArrayList<>(List.of(answer.split("\t", -1)));
	}

	List<String> ask(String... fields) throws IOException {
		List<String> question = new ArrayList<>();
		for (String field : fields)
			question.add(field);
		List<String> answer = askRaw(question);
		answer.replaceAll(Peer::decode);
		return answer;
	}

	void close() throws IOException, InterruptedException {
		to.close();
		if (process.waitFor() != 0)
			throw new IOException("the peer ended with " + process.exitValue());
	}
}
