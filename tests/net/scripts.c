/*
 * scripts: see scripts.h.
 */
#include "tests/net/scripts.h"

#include "tests/base/cm.h"

void says_half_a_length(struct peer *p, uint64_t *chance)
{
	peer_says(p, "\0\0", 2);
	p->lingers = true;
}

void says_half_a_frame(struct peer *p, uint64_t *chance)
{
	peer_says(p, "\0\0\1\0half", 8);
	p->lingers = true;
}

void says_half_a_large_frame(struct peer *p, uint64_t *chance)
{
	uint8_t b[70000] = {0, 0x0f, 0, 0}; /* 983040 bytes */

	peer_says(p, b, sizeof(b));
	p->lingers = true;
}

void asks_once(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'e', 100);
	p->lingers = true;
}

void asks_and_does_not_listen(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 20; i++)
		peer_asks_bytes(p, 300000);
	p->deaf = true;
}

void asks_to_be_muted(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'm', 100); /* for 258 ms */
	peer_asks(p, 'e', 100);
}

void says_half_a_frame_and_is_muted(struct peer *p, uint64_t *chance)
{
	static const char frame[] = "\0\0\0\5m\xff\xff.."; /* for 65535 ms */

	peer_says(p, frame, 9);
	buf_put(&p->expected, frame, 9);
	says_half_a_frame(p, chance);
}

void says_half_a_frame_and_is_held(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'h', 5);
	says_half_a_frame(p, chance);
}

void says_part_of_a_secret(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 's', 5);
	peer_says(p, "\0\0\1\0opensesame", 14);
	p->lingers = true;
}

void asks_for_the_file(struct peer *p, uint64_t *chance)
{
	peer_asks_file(p, 0, ECHO_FILE_LEN);
	peer_asks_file(p, 1000, ECHO_FILE_LEN - 2000);
}

void asks_many_things(struct peer *p, uint64_t *chance)
{
	static const char kinds[] = "eeepqm";
	int n = 20 + (int)(cm_random(chance) % 40);

	for (int i = 0; i < n; i++) {
		uint64_t r = cm_random(chance);
		size_t len = 3 + (size_t)(cm_random(chance) % (r % 16 == 0 ? 200000 : r % 4 == 0 ? 20000 : 300));

		switch (r >> 32 & 7) {
		case 0:
			peer_asks_file(p, (uint32_t)(r % 1000), (uint32_t)(len / 2));
			break;
		case 1:
			peer_asks_bytes(p, (uint32_t)len);
			break;
		default:
			peer_asks(p, kinds[(r >> 40) % 6], len);
		}
	}
	if (cm_random(chance) % 4 == 0)
		p->pace = 1 + (size_t)(cm_random(chance) % 200);
}

void asks_large_things(struct peer *p, uint64_t *chance)
{
	static const size_t lens[] = {70000, 70000, 70001, 69000, 200000, 200000, 131072, 131068, 3, 400000, 70000};

	for (int i = 0; i < 40; i++) {
		uint64_t r = cm_random(chance);

		peer_asks(p, 'e', r % 4 ? lens[(r >> 8) % (sizeof(lens) / sizeof(lens[0]))] : 3 + (r >> 8) % 30000);
	}
}

void says_garbage(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 100; i++) {
		uint64_t r = cm_random(chance);

		peer_says(p, &r, sizeof(r));
	}
}

void says_a_length_that_lies(struct peer *p, uint64_t *chance)
{
	peer_says(p, cm_random(chance) % 2 ? "\x7f\xff\xff\xff..." : "\xff\xff\xff\xff...", 7);
}

void asks_to_be_held(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'h', 50000);
	p->lingers = true;
}

void says_byte_by_byte(struct peer *p, uint64_t *chance)
{
	peer_asks(p, 'e', 3000);
	p->pace = 1;
}

void sends_a_flood(struct peer *p, uint64_t *chance)
{
	for (int i = 0; i < 5000; i++)
		peer_asks(p, 'e', 20);
}
