#include "atrest/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "atrest/xaes.h"
#include "base/err.h"
#include "env/env.h"
#include "tests/base/cm.h"

#define KEY_A "0101010101010101010101010101010101010101010101010101010101010101"
#define KEY_B "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="

static struct env *env;

/* ---- XAES-256-GCM: the vectors of C2SP ---- */

static const struct vector {
	uint8_t key; /* repeated 32 times */
	const char *k1;
	const char *aad;
	const char *sealed;
} vectors[] = {
	{1, "e531954aca063d5b8d9c47a47d4cc6f0", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
	{3, NULL, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
};

static void to_hex(const uint8_t *p, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void xaes_gives_what_its_specification_says(void **state)
{
	static const char plain[] = "XAES-256-GCM";

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		uint8_t key[32], k1[16], bytes[12 + XAES_TAG_SIZE];
		char text[2 * sizeof(bytes) + 1];
		struct xaes x = {.key = key,
				 .k1 = k1,
				 .nonce = (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX",
				 .aad = (const uint8_t *)v->aad,
				 .aad_len = strlen(v->aad)};

		memset(key, v->key, sizeof(key));
		xaes_subkey(key, k1);
		to_hex(k1, sizeof(k1), text);
		if (v->k1)
			assert_string_equal(text, v->k1);
		memcpy(bytes, plain, 12);
		xaes_seal(&x, bytes, 12, bytes + 12);
		to_hex(bytes, sizeof(bytes), text);
		assert_string_equal(text, v->sealed);
		assert_true(xaes_open(&x, bytes, 12, bytes + 12));
		assert_memory_equal(bytes, plain, 12);
	}
}

static void xaes_seals_nothing_at_all(void **state)
{
	uint8_t key[32] = {9}, k1[16], tag[XAES_TAG_SIZE], none[1];
	struct xaes x = {
		.key = key, .k1 = k1, .nonce = (const uint8_t *)"ABCDEFGHIJKLMNOPQRSTUVWX", .aad = key, .aad_len = 32};

	(void)state;
	xaes_subkey(key, k1);
	xaes_seal(&x, none, 0, tag);
	assert_true(xaes_open(&x, none, 0, tag));
	tag[15] ^= 1;
	assert_false(xaes_open(&x, none, 0, tag));
}

/* ---- keys ---- */

static int read_text(struct atrest_keys *k, struct str text, const char *why_wanted)
{
	struct buf why = {0};
	int added = -1;
	int err = atrest_keys_read(k, text, &added, &why);

	assert_true(str_eq(buf_str(&why), str_of(why_wanted)));
	buf_fini(&why);
	return err ? err : added;
}

static int read_keys(struct atrest_keys *k, const char *text, const char *why_wanted)
{
	return read_text(k, str_of(text), why_wanted);
}

static void the_last_key_of_a_list_seals_and_all_open(void **state)
{
	struct atrest_keys k = {0};
	uint8_t first[ATREST_KEY_ID_SIZE];

	(void)state;
	assert_null(atrest_keys_current(&k));
	assert_int_equal(read_keys(&k, "# the first\n\n  " KEY_A " \r\n", ""), 1);
	memcpy(first, atrest_keys_current(&k)->id, sizeof(first));
	assert_int_equal(read_keys(&k, KEY_A "\n" KEY_B, ""), 1);
	assert_memory_not_equal(atrest_keys_current(&k)->id, first, sizeof(first));
	assert_int_equal(atrest_keys_current(&k)->key[31], 3);
	assert_int_equal(atrest_keys_find(&k, first)->key[0], 1);
	/* A key that comes again encrypts again, and the other one is not forgotten. */
	assert_int_equal(read_keys(&k, KEY_A, ""), 0);
	assert_memory_equal(atrest_keys_current(&k)->id, first, sizeof(first));
	assert_int_equal(k.n, 2);
}

static void a_list_that_is_none_changes_nothing(void **state)
{
	static const uint8_t zeros[sizeof(struct atrest_key)];
	struct atrest_keys k = {0};

	(void)state;
	assert_int_equal(read_keys(&k, "", "there is no key in it"), -EINVAL);
	assert_int_equal(read_keys(&k, "# none\n", "there is no key in it"), -EINVAL);
	assert_null(atrest_keys_current(&k));
	assert_int_equal(read_keys(&k, KEY_A, ""), 1);
	assert_int_equal(read_keys(&k, KEY_B "\n" KEY_A "0\n",
				   "line 2 is not a key: 64 hexadecimal digits, or the base64 of 32 bytes"),
			 -EINVAL);
	assert_int_equal(read_keys(&k, "0101", "line 1 is not a key: 64 hexadecimal digits, or the base64 of 32 bytes"),
			 -EINVAL);
	assert_int_equal(k.n, 1);
	assert_int_equal(atrest_keys_current(&k)->key[0], 1);
	assert_memory_equal(&k.v[1], zeros, sizeof(zeros));
}

static void there_are_no_more_keys_than_fit(void **state)
{
	struct atrest_keys k = {0};
	struct buf text = {0};

	(void)state;
	for (int i = 0; i < ATREST_KEYS_MAX; i++)
		buf_printf(&text, "%064x\n", i);
	assert_int_equal(read_text(&k, buf_str(&text), ""), ATREST_KEYS_MAX);
	assert_int_equal(read_keys(&k, KEY_A, "more than 64 keys since the start"), -EINVAL);
	assert_int_equal(atrest_keys_current(&k)->key[31], ATREST_KEYS_MAX - 1);
	atrest_keys_wipe(&k);
	assert_null(atrest_keys_current(&k));
	buf_fini(&text);
}

/* ---- batches ---- */

static const struct seal_place PLACE = {.topic_id = {{1, 2, 3}}, .partition = 7};

static size_t make_batch(struct buf *out, struct batch_header *h)
{
	struct batch_options o = BATCH_OPTIONS_NONE;
	struct batch_builder b;

	o.base_offset = 42;
	o.leader_epoch = 3;
	batch_begin(&b, out, &o);
	batch_add(&b, 1000, (struct bytes){(const uint8_t *)"key", 3}, (struct bytes){(const uint8_t *)"secret", 6});
	batch_add(&b, 1001, (struct bytes){0}, (struct bytes){(const uint8_t *)"", 0});
	size_t size = batch_end(&b);
	assert_int_equal(batch_header_read(out->p, out->len, h), 0);
	return size;
}

static void seal(const struct atrest_keys *k, struct buf *clear, struct buf *sealed, struct batch_header *h)
{
	make_batch(clear, h);
	assert_int_equal(seal_batch(env, k, &PLACE, clear->p, h, sealed), 0);
}

static void a_batch_is_sealed_and_opened(void **state)
{
	struct atrest_keys k = {0};
	struct buf clear = {0}, sealed = {0};
	struct batch_header h, read;
	uint8_t id[ATREST_KEY_ID_SIZE];

	(void)state;
	read_keys(&k, KEY_A, "");
	seal(&k, &clear, &sealed, &h);
	assert_int_equal(sealed.len, clear.len + SEAL_OVERHEAD);
	assert_null(memmem(sealed.p, sealed.len, "secret", 6));
	assert_int_equal(batch_header_read(sealed.p, sealed.len, &read), 0);
	assert_int_equal(batch_size(&read), sealed.len);
	assert_true(batch_is_sealed(&read) && batch_crc_ok(sealed.p, &read));
	assert_int_equal(batch_last_offset(&read), 43);
	assert_int_equal(read.crc, h.crc);
	assert_int_equal(seal_open(&k, &PLACE, sealed.p, &read, id), 0);
	assert_int_equal(batch_size(&read), clear.len);
	assert_memory_equal(sealed.p, clear.p, clear.len);
	buf_fini(&clear);
	buf_fini(&sealed);
}

static void a_batch_is_never_sealed_twice_alike(void **state)
{
	struct atrest_keys k = {0};
	struct buf clear = {0}, one = {0}, other = {0};
	struct batch_header h, g;

	(void)state;
	read_keys(&k, KEY_A, "");
	make_batch(&clear, &h);
	g = h;
	assert_int_equal(seal_batch(env, &k, &PLACE, clear.p, &h, &one), 0);
	assert_int_equal(seal_batch(env, &k, &PLACE, clear.p, &g, &other), 0);
	assert_memory_not_equal(one.p + BATCH_HEADER_SIZE, other.p + BATCH_HEADER_SIZE, SEAL_HEAD);
	buf_fini(&clear);
	buf_fini(&one);
	buf_fini(&other);
}

/* Opens a copy of `sealed` in which one byte differs; its header is read from the copy, as from a disk. */
static int open_altered(const struct atrest_keys *k, const struct seal_place *place, const struct buf *sealed,
			size_t at)
{
	struct buf copy = {0};
	struct batch_header h;
	uint8_t id[ATREST_KEY_ID_SIZE];
	int err;

	buf_put(&copy, sealed->p, sealed->len);
	if (at < sealed->len)
		copy.p[at] ^= 0x40;
	err = batch_header_read(copy.p, copy.len, &h);
	if (!err && (batch_size(&h) != (int64_t)copy.len || !batch_is_sealed(&h)))
		err = ERR_CORRUPT_MESSAGE;
	if (!err)
		err = seal_open(k, place, copy.p, &h, id);
	buf_fini(&copy);
	return err;
}

static void a_batch_in_which_any_byte_differs_is_refused(void **state)
{
	struct atrest_keys k = {0};
	struct buf clear = {0}, sealed = {0};
	struct batch_header h;

	(void)state;
	read_keys(&k, KEY_A, "");
	seal(&k, &clear, &sealed, &h);
	assert_int_equal(open_altered(&k, &PLACE, &sealed, SIZE_MAX), 0);
	for (size_t i = 0; i < sealed.len; i++) {
		int err = open_altered(&k, &PLACE, &sealed, i);

		if (i >= BATCH_AT_CRC && i < BATCH_AT_ATTRIBUTES) /* left to recovery */
			assert_int_equal(err, 0);
		else if (i >= BATCH_HEADER_SIZE && i < BATCH_HEADER_SIZE + ATREST_KEY_ID_SIZE)
			assert_int_equal(err, -ENOKEY);
		else
			assert_int_equal(err, ERR_CORRUPT_MESSAGE);
	}
	buf_fini(&clear);
	buf_fini(&sealed);
}

static void a_batch_opens_only_where_it_was_appended(void **state)
{
	struct seal_place partition = PLACE, topic = PLACE;
	struct atrest_keys k = {0}, other = {0};
	struct buf clear = {0}, sealed = {0};
	struct batch_header h;

	(void)state;
	partition.partition++;
	topic.topic_id.b[15] = 1;
	read_keys(&k, KEY_A, "");
	read_keys(&other, KEY_B, "");
	seal(&k, &clear, &sealed, &h);
	assert_int_equal(open_altered(&k, &partition, &sealed, SIZE_MAX), ERR_CORRUPT_MESSAGE);
	assert_int_equal(open_altered(&k, &topic, &sealed, SIZE_MAX), ERR_CORRUPT_MESSAGE);
	assert_int_equal(open_altered(&other, &PLACE, &sealed, SIZE_MAX), -ENOKEY);
	assert_int_equal(open_altered(NULL, &PLACE, &sealed, SIZE_MAX), -ENOKEY);
	read_keys(&other, KEY_A, "");
	assert_int_equal(open_altered(&other, &PLACE, &sealed, SIZE_MAX), 0);
	buf_fini(&clear);
	buf_fini(&sealed);
}

static void a_batch_that_is_too_short_to_be_sealed_is_refused(void **state)
{
	struct atrest_keys k = {0};
	struct buf b = {0};
	uint8_t id[ATREST_KEY_ID_SIZE];

	(void)state;
	read_keys(&k, KEY_A, "");
	for (size_t more = 0; more < SEAL_OVERHEAD; more++) {
		struct batch_header h = {.magic = BATCH_MAGIC, .attributes = BATCH_SEALED, .count = 1};

		b.len = 0;
		buf_reserve(&b, BATCH_HEADER_SIZE + SEAL_OVERHEAD);
		memset(b.p, 0, BATCH_HEADER_SIZE + SEAL_OVERHEAD);
		batch_header_write(b.p, BATCH_HEADER_SIZE + more, &h);
		assert_int_equal(seal_open(&k, &PLACE, b.p, &h, id), ERR_CORRUPT_MESSAGE);
	}
	buf_fini(&b);
}

static void without_a_key_nothing_is_sealed(void **state)
{
	struct atrest_keys k = {0};
	struct buf clear = {0}, sealed = {0};
	struct batch_header h;

	(void)state;
	make_batch(&clear, &h);
	assert_int_equal(seal_batch(env, &k, &PLACE, clear.p, &h, &sealed), -ENOKEY);
	assert_int_equal(sealed.len, 0);
	assert_false(batch_is_sealed(&h));
	buf_fini(&clear);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xaes_gives_what_its_specification_says),
		cmocka_unit_test(xaes_seals_nothing_at_all),
		cmocka_unit_test(the_last_key_of_a_list_seals_and_all_open),
		cmocka_unit_test(a_list_that_is_none_changes_nothing),
		cmocka_unit_test(there_are_no_more_keys_than_fit),
		cmocka_unit_test(a_batch_is_sealed_and_opened),
		cmocka_unit_test(a_batch_is_never_sealed_twice_alike),
		cmocka_unit_test(a_batch_in_which_any_byte_differs_is_refused),
		cmocka_unit_test(a_batch_opens_only_where_it_was_appended),
		cmocka_unit_test(a_batch_that_is_too_short_to_be_sealed_is_refused),
		cmocka_unit_test(without_a_key_nothing_is_sealed),
	};
	static struct diag diag;

	env = env_real_new(&diag);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	env_real_free(env);
	return failed;
}
