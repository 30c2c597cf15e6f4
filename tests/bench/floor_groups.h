/*
 * floor_groups: what the floor broker answers members of groups with. It knows nothing but who asks:
 * answers are as long as a broker's, and each request gets what lets crowd.c and many.c go on, at
 * once. Nobody waits for anybody.
 */
#ifndef ODRADEK_TESTS_BENCH_FLOOR_GROUPS_H
#define ODRADEK_TESTS_BENCH_FLOOR_GROUPS_H

#include <stdbool.h>

#include "tests/bench/raw.h"

struct floor_member { /* one per connection, of a consumer group; zeroed at its beginning */
	int n_beats;  /* since it has joined */
	int n_given;  /* partitions */
};

struct floor_groups {
	int port;
	bool keeps; /* commits and changes of members are written to a log, as they have come */
	int n_members;
	char leader[64];
	int n_due; /* partitions that each member of a consumer group is to have */
};

/*
 * Answers the request `in`, from behind its client id, by what comes behind the correlation id. False: an
 * API of something else.
 */
bool floor_groups_answer(struct floor_groups *g, int key, struct floor_member *m, struct bytes_in in,
			 struct bytes_out *out);

#endif
