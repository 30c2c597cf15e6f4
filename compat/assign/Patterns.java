import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Patterns, good and bad ones, and topics, as the expressions that Kafka uses judge them. */
final class Patterns {
	private static final String[] PATTERNS = {"", "a", "a.*", "^a.*$", "(a|b)+", "topic-[0-9]{1,3}", "[[:alpha:]]+", "\\w+", "\\d*",
		"(?i)TOPIC.*", "(?s).", "(?m)^a$", "(?U)a+", "(?P<name>a)", "a{2}", "a{2,}", "a{1,1000}", "a{1001}", "a{3,2}", "x**",
		"x*?", "x{2}{3}", "a(?=b)", "(?<=a)b", "(?!a)", "(a)\\1", "\\", "a\\", "(", ")", "a)", "(a", "[", "[a", "]", "[z-a]",
		"[^a]", "*", "+a", "?", "{", "{1", "a{,2}", "\\p{Greek}", "\\pN", "\\p{Nope}", "\\q", "\\Qa.b\\E", "\\x41", "\\x{61}",
		"\\bfoo\\b", "\\A.*\\z", "\\Z", "(?<name>a)", "(?P<a>x)(?P<a>y)", "(?P<>a)", "(?z)a", "(?i", "[[:nope:]]", "[a-\\d]",
		"[\\d-z]", "\\C", "\\07", "\\8", "a|b|", "|", "()", "(?:)", "\\.dot", "a.b", "(((((((((a)))))))))", "\\u0061", "\\e", "$",
		"^", "a$b", "(?P=name)", "(?#x)a", "a++", "a?+", "\\h", "[[a]", "[]a]", "[^]a]", "[a&&b]", "\\X", "\\R", "ä.*", ".",
		"((a{100}){100}){100}", "((a{10}){10}){10}"};
	private static final String[] TOPICS = {"a", "b", "ab", "aa", "topic-1", "Topic-77", "topic-1234", "foo", "x.dot", "axb", "a.b", "A", "_",
		"", "abc123", "aab"};
	private static final String PIECES = "ab.*+?|()[]{}^$\\-12,dwpPQE:i<>=!";

	static List<String[]> all(Random random) {
		List<String[]> rows = new ArrayList<>();
		for (String pattern : PATTERNS)
			for (String topic : TOPICS)
				rows.add(new String[]{pattern, topic});
		for (int i = 0; i < 20000; i++) {
			StringBuilder pattern = new StringBuilder();
			int n = 1 + random.nextInt(10);
			for (int j = 0; j < n; j++)
				pattern.append(PIECES.charAt(random.nextInt(PIECES.length())));
			// Of two things that are wrong with them, another may be named: the third member says so.
			rows.add(new String[]{pattern.toString(), TOPICS[random.nextInt(TOPICS.length)], ""});
		}
		return rows;
	}

	static String expected(String pattern, String topic) {
		try {
			return Pattern.compile(pattern).matcher(topic).matches() ? "match" : "no";
		} catch (PatternSyntaxException e) {
			return "bad " + e.getDescription();
		}
	}

	/**
	 * Where RE2 and its Java twin are known to differ: a literal brace that is repeated, names of groups that are missing or there twice,
	 * a class of characters without a name at the end, and expressions of more memory than one is given.
	 */
	static boolean known(String pattern) {
		return pattern.matches("(?s).*\\{[*+?].*") || pattern.matches("(?s).*\\\\[pP]") || pattern.contains("(?<")
			&& !pattern.matches("(?s).*\\(\\?<\\w+>.*") || pattern.contains("(?P<a>x)(?P<a>y)") || pattern.contains("[[:]") || pattern.contains("100}){100}");
	}

	static String hex(String s) {
		StringBuilder out = new StringBuilder("x");
		for (byte b : s.getBytes(StandardCharsets.UTF_8))
			out.append(String.format("%02x", b));
		return out.toString();
	}

	private Patterns() {
	}
}
