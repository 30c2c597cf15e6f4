/*
 * source: which token is used, and which login waits for another one; for a file, and for a server
 * that accepts connections and stays silent.
 */
#include "oauth/oauth.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "env/env.h"
#include "tests/base/cm.h"

enum { HOUR_MS = 3600000, PATIENCE_MS = 60000 };

static struct diag diag = {.level = DIAG_ERROR};

static struct {
	struct env *env;
	char path[64], url[80];
	double window;
	struct token_times times; /* of each token that is checked */
	struct token_source *source;
	struct buf token, why;
} t;

static struct str no_option(const void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return STR_NULL;
}

static const char *look(const void *claims, struct str token, struct arena *a, struct token_times *out)
{
	(void)claims;
	(void)token;
	(void)a;
	*out = t.times;
	return NULL;
}

static void open_at(const char *url)
{
	struct oauth_endpoint e = {
		.url = str_of(url),
		.headers = STR(""),
		.body = STR(""),
		.option = no_option,
		.look = look,
		.connect_ms = 10 * PATIENCE_MS,
		.read_ms = 10 * PATIENCE_MS,
		.backoff_max_ms = 10 * PATIENCE_MS,
		.window = t.window,
	};

	t.source = oauth_source_new(t.env, &e, &t.why);
	assert_non_null(t.source);
}

static enum token_state take(struct token_wish *wish)
{
	t.token.len = 0;
	return t.source->ops->take(t.source, wish, 0, &t.token);
}

static enum token_state take_anew(void)
{
	return take(&(struct token_wish){0});
}

static enum token_fetched fetch(struct token_wish *wish)
{
	t.why.len = 0;
	return t.source->ops->fetch(t.source, wish, t.env, &t.why);
}

static enum token_fetched fetch_anew(void)
{
	return fetch(&(struct token_wish){0});
}

static void write_token(const char *token)
{
	FILE *f = fopen(t.path, "w");

	assert_non_null(f);
	assert_true(fputs(token, f) > 0);
	assert_int_equal(fclose(f), 0);
}

static int up(void **state)
{
	int fd;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.env = env_real_new(&diag);
	t.window = 0.5;
	strcpy(t.path, "/tmp/odradek-source-XXXXXX");
	fd = mkstemp(t.path);
	assert_true(fd >= 0);
	close(fd);
	snprintf(t.url, sizeof(t.url), "file://%s", t.path);
	t.times = (struct token_times){env_wall_ms(t.env), env_wall_ms(t.env) + HOUR_MS};
	return 0;
}

static int down(void **state)
{
	(void)state;
	unlink(t.path);
	token_source_free(t.source);
	buf_fini(&t.token);
	buf_fini(&t.why);
	env_real_free(t.env);
	return 0;
}

/* ---- tests ---- */

static void one_token_serves_until_it_is_to_be_got_anew(void **state)
{
	(void)state;
	open_at(t.url);
	write_token("one\n");
	assert_int_equal(take_anew(), TOKEN_NONE);
	assert_int_equal(t.token.len, 0);
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
	write_token("two\n");
	assert_int_equal(fetch_anew(), TOKEN_FETCHED); /* it was already there */
	assert_int_equal(take_anew(), TOKEN_GOOD);
	assert_true(str_is(buf_str(&t.token), "one"));
}

static void an_old_one_is_shown_on_while_there_is_no_other(void **state)
{
	(void)state;
	open_at(t.url);
	write_token("one");
	t.times.begin_ms -= 10 * HOUR_MS; /* the share of its lifetime has passed */
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
	assert_int_equal(take_anew(), TOKEN_OLD);
	assert_true(str_is(buf_str(&t.token), "one"));
	unlink(t.path);
	assert_int_equal(fetch_anew(), TOKEN_FAILED);
	assert_true(t.why.len > 0);
	assert_int_equal(take_anew(), TOKEN_GOOD); /* no immediate retry */
	assert_true(str_is(buf_str(&t.token), "one"));
}

static void none_is_shown_behind_its_end(void **state)
{
	enum token_state token;
	int64_t began_ms = env_mono_ms(t.env), now_ms;

	(void)state;
	open_at(t.url);
	write_token("one");
	t.times.expiry_ms = env_wall_ms(t.env) + 300;
	if (fetch_anew() != TOKEN_FETCHED) { /* the machine has slept */
		assert_true(str_is(buf_str(&t.why), "the token that was given out cannot be used: it has expired"));
		return;
	}
	do {
		now_ms = env_wall_ms(t.env);
		token = take_anew();
		assert_true(token == TOKEN_NONE || now_ms < t.times.expiry_ms);
	} while (token != TOKEN_NONE && env_mono_ms(t.env) - began_ms < PATIENCE_MS);
	assert_int_equal(token, TOKEN_NONE);
	assert_true(env_wall_ms(t.env) >= t.times.expiry_ms);
}

static void a_life_without_end_overflows_nothing(void **state)
{
	(void)state;
	t.window = 1.25; /* including all of the jitter */
	open_at(t.url);
	write_token("one");
	t.times = (struct token_times){1, INT64_C(9000000000000000000)};
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
	assert_int_equal(take_anew(), TOKEN_GOOD);
}

static void a_failure_is_everybodys_who_has_waited_for_it(void **state)
{
	struct token_wish one = {0}, two = {0};

	(void)state;
	open_at(t.url);
	unlink(t.path);
	assert_int_equal(take(&one), TOKEN_NONE);
	assert_int_equal(take(&two), TOKEN_NONE);
	assert_int_equal(fetch(&one), TOKEN_FAILED);
	write_token("one");
	assert_int_equal(fetch(&two), TOKEN_FAILED);
	assert_true(t.why.len > 0);
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
}

/* ---- a server that is silent ---- */

struct asking {
	struct work work;
	struct token_wish wish;
	struct buf why;
	enum token_fetched end;
};

static void ask(struct work *w)
{
	struct asking *a = container_of(w, struct asking, work);

	a->end = t.source->ops->fetch(t.source, &a->wish, t.env, &a->why);
}

static void has_asked(struct work *w)
{
	loop_stop(w->loop);
}

static void begin(struct post *p);

static struct {
	struct post post;
	struct loop *loop;
	struct asking asking;
} job = {.post.run = begin};

static void begin(struct post *p)
{
	(void)p;
	env_work(job.loop, &job.asking.work);
}

static void nobody_connects(struct listener *l, void *arg)
{
	(void)l;
	(void)arg;
}

static void one_waits_for_a_silent_server_and_can_be_told_that_it_is_over(void **state)
{
	int64_t began_ms = env_mono_ms(t.env);
	struct loop *silent = loop_new(t.env, "silent");
	struct listener *listener;
	_Atomic bool over = false;
	struct addr at;
	char url[80];

	(void)state;
	assert_true(addr_parse("127.0.0.1", 0, &at));
	assert_int_equal(env_listen(silent, &at, 10, nobody_connects, NULL, &listener), 0);
	assert_int_equal(listener_addr(listener, &at), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", at.port);
	open_at(url);
	job.loop = loop_new(t.env, "asks");
	job.asking = (struct asking){.work = {.job = ask, .done = has_asked, .waits_for_others = true},
				     .wish = {.over = &over}};
	loop_thread(job.loop);
	loop_post(job.loop, &job.post);
	while (take_anew() != TOKEN_AWAITED && env_mono_ms(t.env) - began_ms < PATIENCE_MS)
		usleep(1000);
	assert_int_equal(take_anew(), TOKEN_AWAITED);
	assert_int_equal(fetch_anew(), TOKEN_BUSY);
	over = true;
	loop_free(job.loop);
	assert_true(env_mono_ms(t.env) - began_ms < PATIENCE_MS);
	assert_int_equal(job.asking.end, TOKEN_FAILED);
	assert_true(str_is(buf_str(&job.asking.why), "nobody wants it any more"));
	assert_int_equal(take_anew(), TOKEN_NONE);
	buf_fini(&job.asking.why);
	listener_close(listener);
	loop_free(silent);
}

/* ---- a server that is shown an assertion ---- */

static struct {
	int listener, connection;
	char request[4096];
	int n_made;
} shown;

/* Answers as many requests as there are. */
static void *answer(void *arg)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\none";

	(void)arg;
	while ((shown.connection = accept(shown.listener, NULL, NULL)) >= 0) {
		size_t len = 0;
		ssize_t n;

		memset(shown.request, 0, sizeof(shown.request));
		while (!strstr(shown.request, "&end")) {
			n = recv(shown.connection, shown.request + len, sizeof(shown.request) - 1 - len, 0);
			if (n <= 0)
				break;
			len += (size_t)n;
		}
		send(shown.connection, text, sizeof(text) - 1, MSG_NOSIGNAL);
		close(shown.connection);
	}
	return NULL;
}

static struct str read_answer(struct str body, struct arena *a)
{
	(void)a;
	return body;
}

static const char *make(const struct oauth_assertion *a, const struct oauth_now *now, struct arena *arena,
			struct str *out)
{
	static const uint8_t none[16] = {0};

	assert_true(str_is(a->claims, "{}") && str_is(a->algorithm, "RS256") && str_is_null(a->passphrase));
	assert_true(now->wall_ms <= env_wall_ms(t.env) && memcmp(now->random, none, sizeof(none)) != 0);
	assert_true(str_is_null(now->file) && str_is_null(now->template));
	if (str_is(now->key, "bad"))
		return "its key is bad";
	*out = arena_printf(arena, "%.*s%d", STR_ARG(now->key), ++shown.n_made);
	return NULL;
}

static int listen_at(char url[80])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(url, 80, "http://127.0.0.1:%d/", ntohs(at.sin_port));
	return fd;
}

static bool opens_with_assertion(const char *url, const char *key_file)
{
	struct oauth_assertion assertion = {
		.key_file = str_of(key_file), .algorithm = STR("RS256"), .claims = STR("{}"), .make = make};
	struct oauth_endpoint e = {
		.url = str_of(url),
		.headers = STR("X: y\r\n"),
		.body = STR("assertion="),
		.assertion = &assertion,
		.body_rest = STR("&end"),
		.option = no_option,
		.read_answer = read_answer,
		.look = look,
		.connect_ms = PATIENCE_MS,
		.read_ms = PATIENCE_MS,
		.window = t.window,
	};

	t.source = oauth_source_new(t.env, &e, &t.why);
	return t.source;
}

static void files_of_an_assertion_have_to_be_there_at_the_start(void **state)
{
	(void)state;
	assert_false(opens_with_assertion("http://127.0.0.1:1/", "/tmp"));
	assert_true(str_is(buf_str(&t.why),
			   "The OAuth configuration option sasl.oauthbearer.assertion.private.key.file contains a "
			   "file (/tmp) that cannot be read: Is a directory"));
	unlink(t.path);
	t.why.len = 0;
	assert_false(opens_with_assertion("http://127.0.0.1:1/", t.path));
	assert_non_null(memmem(t.why.p, t.why.len, "No such file", 12));
	write_token("key");
	assert_true(opens_with_assertion("http://127.0.0.1:1/", t.path));
}

static void each_request_has_an_assertion_of_its_own(void **state)
{
	pthread_t server;
	char url[80];

	(void)state;
	memset(&shown, 0, sizeof(shown));
	shown.listener = listen_at(url);
	pthread_create(&server, NULL, answer, NULL);
	assert_true(opens_with_assertion(url, t.path));
	write_token("bad");
	assert_int_equal(fetch_anew(), TOKEN_FAILED);
	assert_true(str_is(buf_str(&t.why), "the assertion cannot be made: its key is bad"));
	write_token("key");
	t.times.begin_ms -= 10 * HOUR_MS;
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
	assert_non_null(strstr(shown.request, "\r\n\r\nassertion=key1&end"));
	assert_int_equal(take_anew(), TOKEN_OLD);
	assert_true(str_is(buf_str(&t.token), "one"));
	assert_int_equal(fetch_anew(), TOKEN_FETCHED);
	assert_non_null(strstr(shown.request, "\r\n\r\nassertion=key2&end"));
	unlink(t.path);
	assert_int_equal(fetch_anew(), TOKEN_FAILED);
	assert_non_null(memmem(t.why.p, t.why.len, t.path, strlen(t.path)));
	shutdown(shown.listener, SHUT_RDWR);
	pthread_join(server, NULL);
	close(shown.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_token_serves_until_it_is_to_be_got_anew, up, down),
		cmocka_unit_test_setup_teardown(an_old_one_is_shown_on_while_there_is_no_other, up, down),
		cmocka_unit_test_setup_teardown(none_is_shown_behind_its_end, up, down),
		cmocka_unit_test_setup_teardown(a_life_without_end_overflows_nothing, up, down),
		cmocka_unit_test_setup_teardown(a_failure_is_everybodys_who_has_waited_for_it, up, down),
		cmocka_unit_test_setup_teardown(files_of_an_assertion_have_to_be_there_at_the_start, up, down),
		cmocka_unit_test_setup_teardown(each_request_has_an_assertion_of_its_own, up, down),
		cmocka_unit_test_setup_teardown(one_waits_for_a_silent_server_and_can_be_told_that_it_is_over, up,
						down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
