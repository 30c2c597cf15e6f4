/*
 * bearer: a client's login with OAUTHBEARER: what it sends, and which settings are refused. The
 * test is the source of tokens.
 */
#include "security/bearer.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "security/jvm_options.h"
#include "security/jwt.h"
#include "tests/base/cm.h"
#include "wire/login.h"
#include "wire/oauth.h"

#define MODULE "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
#define HANDLER "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
#define NOW_MS 1700000000000

static struct {
	const char *settings[12][2];
	struct jvm_options jvm;
	/* The source. */
	const char *token; /* the result of fetch(); NULL: none */
	bool has_token;
	enum token_state otherwise, good; /* TOKEN_NONE and TOKEN_GOOD when 0 */
	bool is_busy;
	int n_fetches;
	void *claims;
	char headers[2000], body[2000], body_rest[2000], option[200];
	struct oauth_assertion assertion; /* its strings are gone, but for these */
	char claims_set[200], key_file[100], template_file[100], passphrase[100], algorithm[10], file[100];
	bool is_open;
	struct buf why, out;
	struct login_method *method;
	struct login *login;
} t;

static struct str get(const void *arg, const char *name)
{
	(void)arg;
	for (int i = 0; t.settings[i][0]; i++)
		if (strcmp(t.settings[i][0], name) == 0)
			return str_of(t.settings[i][1]);
	return STR_NULL;
}

static enum token_state take(struct token_source *s, struct token_wish *wish, int64_t now_ms, struct buf *token)
{
	(void)s;
	(void)wish;
	assert_true(now_ms == NOW_MS);
	if (!t.has_token)
		return t.otherwise;
	buf_put_str(token, str_of(t.token));
	return t.good ? t.good : TOKEN_GOOD;
}

static enum token_fetched fetch(struct token_source *s, struct token_wish *wish, struct env *env, struct buf *why)
{
	(void)s;
	(void)wish;
	(void)env;
	t.n_fetches++;
	if (t.is_busy)
		return TOKEN_BUSY;
	t.has_token = t.token;
	if (!t.token)
		buf_put_str(why, STR("there is none"));
	return t.has_token ? TOKEN_FETCHED : TOKEN_FAILED;
}

static void close_source(struct token_source *s)
{
	(void)s;
	xfree(t.claims);
	t.is_open = false;
}

#define COPY(to, from) snprintf(to, sizeof(to), "%.*s", STR_ARG(from))

static void note_assertion(const struct oauth_endpoint *e)
{
	const struct oauth_assertion *a = e->assertion;

	t.assertion = a ? *a : (struct oauth_assertion){0};
	if (!a)
		return;
	COPY(t.body_rest, e->body_rest);
	COPY(t.claims_set, a->claims);
	COPY(t.key_file, a->key_file);
	COPY(t.template_file, a->template_file);
	COPY(t.passphrase, a->passphrase);
	COPY(t.algorithm, a->algorithm);
	COPY(t.file, a->file);
}

static struct token_source *open_source(struct env *env, const struct oauth_endpoint *e, struct buf *why)
{
	static const struct token_source_ops ops = {take, fetch, close_source};
	static struct token_source source = {&ops};

	(void)env;
	if (str_is(e->url, "https://no/")) {
		buf_put_str(why, STR("it cannot be opened"));
		return NULL;
	}
	t.claims = (void *)(uintptr_t)e->claims;
	t.is_open = true;
	snprintf(t.headers, sizeof(t.headers), "%.*s", STR_ARG(e->headers));
	snprintf(t.body, sizeof(t.body), "%.*s", STR_ARG(e->body));
	note_assertion(e);
	snprintf(t.option, sizeof(t.option), "%.*s", STR_ARG(e->option(e->option_arg, "ssl.truststore.location")));
	return &source;
}

static bool choose(const char *line)
{
	buf_fini(&t.why);
	t.why = (struct buf){0};
	t.method = bearer_choose(
		&(struct bearer_place){.line = str_of(line), .get = get, .jvm = &t.jvm, .open = open_source}, &t.why);
	return t.method;
}

static void begin(const char *line)
{
	struct login_start start = {.host = "there", .wall_ms = NOW_MS};

	if (!choose(line))
		print_error("%.*s\n", STR_ARG(buf_str(&t.why)));
	assert_non_null(t.method);
	assert_true(str_is(t.method->mechanism, "OAUTHBEARER"));
	t.login = login_begin(t.method, &start);
}

static void end(void)
{
	login_free(t.login);
	login_method_free(t.method);
	buf_fini(&t.out);
	buf_fini(&t.why);
	assert_false(t.is_open);
	memset(&t, 0, sizeof(t));
}

static enum login_turn step(const char *in)
{
	t.out.len = 0;
	return login_step(t.login, str_of(in), &t.out);
}

static void assert_said(const char *text)
{
	assert_int_equal(t.out.len, strlen(text));
	assert_memory_equal(t.out.p, text, strlen(text));
}

static void assert_refused(const char *line, const char *why)
{
	assert_false(choose(line));
	if (!str_is(buf_str(&t.why), why))
		print_error("%.*s\n", STR_ARG(buf_str(&t.why)));
	assert_true(str_is(buf_str(&t.why), why));
	buf_fini(&t.why);
	t.why = (struct buf){0};
}

static void oidc(void)
{
	memset(&t, 0, sizeof(t));
	t.jvm.allowed_urls = STR("file:///x, https://a/t ,https://no/");
	t.settings[0][0] = "sasl.login.callback.handler.class";
	t.settings[0][1] = HANDLER;
	t.settings[1][0] = "sasl.oauthbearer.token.endpoint.url";
	t.settings[1][1] = "https://a/t";
	t.settings[2][0] = "sasl.oauthbearer.client.credentials.client.id";
	t.settings[2][1] = "me:o";
	t.settings[3][0] = "sasl.oauthbearer.client.credentials.client.secret";
	t.settings[3][1] = " p w ";
}

/* ---- tokens that nobody signs ---- */

static void a_token_is_made_of_the_line(void **state)
{
	struct jwt_unsecured_rules rules = {
		.principal_claim = STR("sub"), .scope_claim = STR("scope"), .scopes = &STR("b c"), .n_scopes = 1};
	struct jwt jwt;
	struct arena a;
	struct str said;

	(void)state;
	arena_init(&a, 1 << 20);
	memset(&t, 0, sizeof(t));
	begin(MODULE "unsecuredLoginStringClaim_sub=\"al \\\" \xc3\xa4\" unsecuredLoginListClaim_scope=\"|a|b c\" "
		     "unsecuredLoginNumberClaim_n=\"1.5\" unsecuredLoginLifetimeSeconds=\"60\" "
		     "unsecuredLoginExtension_traceId=\"12\";");
	assert_int_equal(step(""), LOGIN_SAY);
	said = arena_str(&a, buf_str(&t.out));
	assert_memory_equal(said.p, "n,,\1auth=Bearer ", 16);
	assert_memory_equal(said.p + said.len - 13, "\1traceId=12\1\1", 13);
	said = (struct str){said.p + 16, said.len - 29};
	assert_int_equal(jwt_read_unsecured(said, &rules, NOW_MS, &a, &jwt), JWT_GOOD);
	assert_true(str_is(jwt.subject, "al \" \xc3\xa4"));
	assert_true(jwt.expiry_ms == NOW_MS + 60000);
	assert_int_equal(step(""), LOGIN_DONE);
	arena_fini(&a);
	end();
}

static void lines_without_a_token_are_refused(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	assert_refused(MODULE ";",
		       "a token names somebody: unsecuredLoginStringClaim_sub was expected in the JAAS line");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=\" \";",
		       "a token names somebody: unsecuredLoginStringClaim_sub was expected in the JAAS line");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginPrincipalClaimName=b;",
		       "a token names somebody: unsecuredLoginStringClaim_b was expected in the JAAS line");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginNumberClaim_exp=\"1\";",
		       "Cannot explicitly set the 'exp' claim");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginNumberClaim_n=x;",
		       "unsecuredLoginNumberClaim_n cannot be a claim's value");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginLifetimeSeconds=x;",
		       "unsecuredLoginLifetimeSeconds is not a number of seconds");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginExtension_auth=x;",
		       "Extension name auth is invalid");
	assert_refused(MODULE "unsecuredLoginStringClaim_sub=a unsecuredLoginExtension_a=\"\xc3\xa4\";",
		       "Extension value for extension a is invalid");
	assert_refused("x.Y required;", "the login module of OAUTHBEARER is "
					"org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule, not x.Y");
}

/* ---- tokens that are given out ---- */

static void a_token_is_fetched_when_there_is_none(void **state)
{
	(void)state;
	oidc();
	t.token = "a.b.c";
	begin(MODULE "ssl.truststore.location=\"/ca\" extension_a=b;");
	assert_string_equal(t.body, "grant_type=client_credentials");
	assert_non_null(strstr(t.headers, "\r\nAuthorization: Basic bWU6bzpwIHc=\r\n"));
	assert_string_equal(t.option, "/ca");
	assert_int_equal(step(""), LOGIN_WORK);
	login_work(t.login);
	assert_int_equal(step(""), LOGIN_SAY);
	assert_said("n,,\1auth=Bearer a.b.c\1a=b\1\1");
	assert_int_equal(step(""), LOGIN_DONE);
	login_free(t.login);
	t.login = login_begin(t.method, &(struct login_start){.host = "there", .wall_ms = NOW_MS});
	assert_int_equal(step(""), LOGIN_SAY);
	assert_int_equal(t.n_fetches, 1);
	end();
}

static void without_a_token_it_fails(void **state)
{
	(void)state;
	oidc();
	begin(MODULE ";");
	assert_int_equal(step(""), LOGIN_WORK);
	login_work(t.login);
	assert_int_equal(step(""), LOGIN_FAIL);
	assert_string_equal(t.login->failure, "No token could be got: there is none");
	end();
}

static void who_finds_another_one_asking_waits_without_a_job(void **state)
{
	(void)state;
	oidc();
	t.token = "a.b.c";
	t.is_busy = true;
	begin(MODULE ";");
	assert_int_equal(step(""), LOGIN_WORK);
	login_work(t.login);
	t.otherwise = TOKEN_AWAITED;
	assert_int_equal(step(""), LOGIN_WAIT);
	assert_said("");
	assert_int_equal(step(""), LOGIN_WAIT);
	t.has_token = true;
	assert_int_equal(step(""), LOGIN_SAY);
	assert_said("n,,\1auth=Bearer a.b.c\1\1");
	assert_false(t.login->has_errand);
	assert_int_equal(t.n_fetches, 1);
	end();
}

static void an_old_token_is_shown_and_got_anew_behind_the_login(void **state)
{
	(void)state;
	oidc();
	t.token = "a.b.c";
	t.has_token = true;
	t.good = TOKEN_OLD;
	begin(MODULE ";");
	assert_int_equal(step(""), LOGIN_SAY);
	assert_said("n,,\1auth=Bearer a.b.c\1\1");
	assert_int_equal(step(""), LOGIN_DONE);
	assert_true(t.login->has_errand);
	login_work(t.login);
	assert_int_equal(t.n_fetches, 1);
	end();
}

static void a_server_that_does_not_take_it_is_told_so_and_never_believed(void **state)
{
	(void)state;
	oidc();
	t.token = "a.b.c";
	t.has_token = true;
	begin(MODULE ";");
	assert_int_equal(step(""), LOGIN_SAY);
	assert_int_equal(step("{\"status\":\"invalid_token\"}\x1b"), LOGIN_SAY);
	assert_said("\1");
	assert_int_equal(step(""), LOGIN_FAIL);
	assert_string_equal(t.login->failure, "The server does not take the token: {\"status\":\"invalid_token\"}?");
	end();
}

/* ---- an assertion instead of a secret ---- */

#define ASSERTION "sasl.oauthbearer.assertion."

static void put(int i, const char *name, const char *value)
{
	t.settings[i][0] = name;
	t.settings[i][1] = value;
}

static void asserts(void)
{
	oidc();
	t.jvm.allowed_files = STR("/key, /template,/ready");
	put(3, ASSERTION "claim.iss", "me & I");
	put(4, ASSERTION "private.key.file", "/key");
}

static void a_client_may_show_an_assertion_instead_of_a_secret(void **state)
{
	(void)state;
	asserts();
	put(5, ASSERTION "claim.aud", "you");
	put(6, ASSERTION "claim.sub", "it");
	put(7, ASSERTION "template.file", "/template");
	put(8, ASSERTION "private.key.passphrase", "open");
	begin(MODULE "scope=\"a b\";");
	assert_string_equal(t.headers, "Accept: application/json\r\nCache-Control: no-cache\r\n"
				       "Content-Type: application/x-www-form-urlencoded\r\n");
	assert_string_equal(t.body,
			    "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
			    "&client_assertion=");
	assert_string_equal(t.body_rest, "&grant_type=client_credentials&client_id=me%3Ao&scope=a+b");
	assert_string_equal(t.claims_set, "{\"aud\":\"you\",\"iss\":\"me & I\",\"sub\":\"it\"}");
	assert_string_equal(t.key_file, "/key");
	assert_string_equal(t.template_file, "/template");
	assert_string_equal(t.passphrase, "open");
	assert_string_equal(t.algorithm, "RS256");
	assert_true(t.assertion.valid_s == 300 && t.assertion.before_s == 60 && !t.assertion.has_id);
	end();
}

static void an_assertion_may_be_the_grant_itself(void **state)
{
	(void)state;
	asserts();
	put(3, "sasl.oauthbearer.jwt.retriever.class",
	    "org.apache.kafka.common.security.oauthbearer.JwtBearerJwtRetriever");
	put(5, ASSERTION "algorithm", "ES256");
	put(6, ASSERTION "claim.exp.seconds", "86400");
	put(7, ASSERTION "claim.nbf.seconds", "0");
	put(8, ASSERTION "claim.jti.include", "true");
	put(9, "sasl.oauthbearer.scope", "a&b");
	begin(MODULE "scope=c;");
	assert_string_equal(t.body, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
	assert_string_equal(t.body_rest, "&scope=a%26b");
	assert_string_equal(t.algorithm, "ES256");
	assert_string_equal(t.claims_set, "{}");
	assert_true(t.assertion.valid_s == 86400 && t.assertion.before_s == 0 && t.assertion.has_id);
	end();
}

static void a_file_that_holds_an_assertion_comes_before_the_other_settings(void **state)
{
	(void)state;
	asserts();
	put(5, ASSERTION "file", "/ready");
	begin(MODULE ";");
	assert_string_equal(t.file, "/ready");
	assert_string_equal(t.key_file, "");
	end();
}

#define NOT_ALLOWED(path)                                                                                              \
	"Invalid value " path " for configuration sasl.oauthbearer.assertion.private.key.file: The file cannot be "    \
	"accessed due to restrictions. Update the system property 'org.apache.kafka.sasl.oauthbearer.allowed.files' "  \
	"to allow the file to be accessed. (KAFKA_OPTS=-Dorg.apache.kafka.sasl.oauthbearer.allowed.files=PATH,...)"

/* Kafka compares what Java's File.getAbsoluteFile makes of it. */
static void files_are_allowed_by_their_absolute_paths(void **state)
{
	(void)state;
	asserts();
	t.jvm.allowed_files = STR("/here/key.pem,key,/here/sub/./key");
	put(4, ASSERTION "private.key.file", "key.pem");
	assert_refused(MODULE ";",
		       "sasl.oauthbearer.assertion.private.key.file=key.pem: an absolute path was expected");
	t.jvm.directory = STR("/here");
	begin(MODULE ";");
	assert_string_equal(t.key_file, "/here/key.pem");
	end();
	asserts();
	t.jvm.directory = STR("/here");
	t.jvm.allowed_files = STR("/here/key.pem,key,/here/sub/./key,/at/the/root");
	put(4, ASSERTION "private.key.file", "key");
	assert_refused(MODULE ";", NOT_ALLOWED("/here/key"));
	put(4, ASSERTION "private.key.file", "sub/../key.pem");
	assert_refused(MODULE ";", NOT_ALLOWED("/here/sub/../key.pem"));
	put(4, ASSERTION "private.key.file", "sub//.///key/");
	put(5, ASSERTION "template.file", "//at/the//root");
	begin(MODULE ";");
	assert_string_equal(t.key_file, "/here/sub/./key");
	assert_string_equal(t.template_file, "/at/the/root");
	end();
}

static void assertions_that_cannot_be_made_are_refused(void **state)
{
	(void)state;
	asserts();
	put(4, ASSERTION "private.key.file", "/other");
	assert_refused(MODULE ";", NOT_ALLOWED("/other"));
	put(4, ASSERTION "algorithm", "HS256");
	assert_refused(MODULE ";", "sasl.oauthbearer.assertion.algorithm=HS256: there are RS256 and ES256");
	put(4, ASSERTION "algorithm", "es256");
	assert_refused(MODULE ";",
		       "The OAuth configuration option sasl.oauthbearer.assertion.private.key.file value is required");
	put(4, ASSERTION "claim.exp.seconds", "86401");
	assert_refused(MODULE ";", "sasl.oauthbearer.assertion.claim.exp.seconds has to be from 0 to 86400");
	put(4, ASSERTION "claim.nbf.seconds", "x");
	assert_refused(MODULE ";", "sasl.oauthbearer.assertion.claim.nbf.seconds has to be from 0 to 3600");
}

static void settings_that_cannot_be_are_refused(void **state)
{
	(void)state;
	oidc();
	t.settings[1][1] = "https://b/t";
	assert_refused(
		MODULE ";",
		"Invalid value https://b/t for configuration sasl.oauthbearer.token.endpoint.url: The URL cannot be accessed "
		"due to restrictions. Update the system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls' to allow "
		"the URL to be accessed. (KAFKA_OPTS=-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=URL,...)");
	t.settings[1][1] = "https://no/";
	assert_refused(MODULE ";", "it cannot be opened");
	t.settings[1][1] = "https://a/t";
	t.settings[3][1] = "";
	assert_refused(MODULE ";", "sasl.oauthbearer.client.credentials.client.id and "
				   "sasl.oauthbearer.client.credentials.client.secret were expected");
	t.settings[4][0] = "sasl.login.retry.backoff.ms";
	t.settings[4][1] = "20000";
	assert_refused(MODULE ";", "sasl.login.retry.backoff.ms has to be from 0 to sasl.login.retry.backoff.max.ms");
	t.settings[4][1] = "nan";
	assert_refused(MODULE ";", "sasl.login.retry.backoff.ms has to be from 0 to sasl.login.retry.backoff.max.ms");
	t.settings[4][0] = "sasl.oauthbearer.jwt.retriever.class";
	t.settings[4][1] = "x.Y";
	assert_refused(MODULE ";", "sasl.oauthbearer.jwt.retriever.class=x.Y: there are DefaultJwtRetriever, "
				   "FileJwtRetriever, ClientCredentialsJwtRetriever and JwtBearerJwtRetriever");
	t.settings[0][1] = "x.Y";
	assert_refused(MODULE ";", "sasl.login.callback.handler.class=x.Y: there is " HANDLER);
	t.settings[0][1] = HANDLER;
	t.settings[1][1] = NULL;
	assert_refused(MODULE ";",
		       "The OAuth configuration option sasl.oauthbearer.token.endpoint.url value is required");
}

static void times_of_renewal_are_those_that_kafka_takes(void **state)
{
	static const struct {
		const char *name;
		const char *good[3], *bad[5], *range;
	} rows[] = {
		{"sasl.login.refresh.window.factor",
		 {"0.5", "1", "0.8"},
		 {"0.49", "1.01", "1e300", "nan", "x"},
		 "0.5 to 1"},
		{"sasl.login.refresh.window.jitter",
		 {"0", "0.25", "0.1"},
		 {"-0.1", "0.26", "inf", "nan", "0.1x"},
		 "0 to 0.25"},
		{"sasl.login.refresh.min.period.seconds",
		 {"0", "900", "60"},
		 {"-1", "901", "1e19", "-inf", "x"},
		 "0 to 900"},
		{"sasl.login.refresh.buffer.seconds",
		 {"0", "3600", "300"},
		 {"-1", "3601", "1e19", "nan", "-1e19"},
		 "0 to 3600"},
	};
	char why[120];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int k = 0; k < 3; k++) {
			oidc();
			t.settings[4][0] = rows[i].name;
			t.settings[4][1] = rows[i].good[k];
			begin(MODULE ";");
			end();
		}
		snprintf(why, sizeof(why), "%s has to be from %s", rows[i].name, rows[i].range);
		for (int k = 0; k < 5; k++) {
			oidc();
			t.settings[4][0] = rows[i].name;
			t.settings[4][1] = rows[i].bad[k];
			assert_refused(MODULE ";", why);
		}
	}
}

static void options_of_old_serve_and_headers_may_be_encoded(void **state)
{
	(void)state;
	oidc();
	t.settings[2][0] = "sasl.oauthbearer.header.urlencode";
	t.settings[2][1] = "true";
	t.settings[3][0] = NULL;
	t.token = "a.b.c";
	begin(MODULE "clientId=\"a b\" clientSecret=\"\xc3\xa4:\" scope=\"x y\";");
	assert_string_equal(t.body, "grant_type=client_credentials&scope=x+y");
	assert_non_null(strstr(t.headers, "\r\nAuthorization: Basic YStiOiVDMyVBNCUzQQ==\r\n")); /* a+b:%C3%A4%3A */
	end();
}

/* ---- what is looked at ---- */

static void assert_look(const char *claims, const char *why)
{
	struct bearer_claims names = {"scope", "sub"};
	struct token_times times;
	char text[600], token[800];
	struct arena a;
	const char *said;

	arena_init(&a, 1 << 20);
	text[base64_put(BASE64_URL, claims, strlen(claims), text)] = 0;
	snprintf(token, sizeof(token), "eyJhIjoxfQ.%s.c2ln", text);
	said = bearer_look(&names, str_of(token), &a, &times);
	if (why)
		assert_string_equal(said, why);
	else
		assert_null(said);
	if (!why)
		assert_true(times.expiry_ms == 2000 && times.begin_ms == 1000);
	arena_fini(&a);
}

static void what_a_token_says_of_itself(void **state)
{
	(void)state;
	assert_look("{\"sub\":\"a\",\"exp\":2,\"iat\":1}", NULL);
	assert_look("{\"sub\":\"a\",\"exp\":2.5,\"iat\":1.5,\"scope\":[\"a\"]}", NULL);
	assert_look("{\"sub\":\"a\",\"iat\":1}", "its exp is missing or no time");
	assert_look("{\"sub\":\"a\",\"exp\":-2}", "its exp is missing or no time");
	assert_look("{\"sub\":\"a\",\"exp\":2,\"iat\":\"1\"}", "its iat is not a time");
	assert_look("{\"sub\":\" \",\"exp\":2}", "it names no subject");
	assert_look("{\"sub\":\"a\",\"exp\":2,\"scope\":[\"a\",\" \"]}", "one of its scopes is empty or no string");
	assert_look("[]", "its claims are no JSON object");
}

static void the_token_in_an_answer_is_found(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_true(str_is(bearer_read_answer(STR("{\"access_token\":\" a \",\"id_token\":\"b\"}"), &a), "a"));
	assert_true(str_is(bearer_read_answer(STR("{\"access_token\":\" \",\"id_token\":\"b\"}"), &a), "b"));
	assert_true(str_is_null(bearer_read_answer(STR("{\"access_token\":1}"), &a)));
	assert_true(str_is_null(bearer_read_answer(STR("[\"access_token\"]"), &a)));
	assert_true(str_is_null(bearer_read_answer(STR(""), &a)));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_is_made_of_the_line),
		cmocka_unit_test(lines_without_a_token_are_refused),
		cmocka_unit_test(a_token_is_fetched_when_there_is_none),
		cmocka_unit_test(without_a_token_it_fails),
		cmocka_unit_test(who_finds_another_one_asking_waits_without_a_job),
		cmocka_unit_test(an_old_token_is_shown_and_got_anew_behind_the_login),
		cmocka_unit_test(a_server_that_does_not_take_it_is_told_so_and_never_believed),
		cmocka_unit_test(a_client_may_show_an_assertion_instead_of_a_secret),
		cmocka_unit_test(an_assertion_may_be_the_grant_itself),
		cmocka_unit_test(a_file_that_holds_an_assertion_comes_before_the_other_settings),
		cmocka_unit_test(files_are_allowed_by_their_absolute_paths),
		cmocka_unit_test(assertions_that_cannot_be_made_are_refused),
		cmocka_unit_test(settings_that_cannot_be_are_refused),
		cmocka_unit_test(times_of_renewal_are_those_that_kafka_takes),
		cmocka_unit_test(options_of_old_serve_and_headers_may_be_encoded),
		cmocka_unit_test(what_a_token_says_of_itself),
		cmocka_unit_test(the_token_in_an_answer_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
