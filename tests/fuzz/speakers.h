/*
 * speakers: clients of the fuzzed node that send what group members send, with the ids and epochs
 * they were given, which random bytes would never hit. The input determines which one speaks, for
 * which group, in which version and with which mistake.
 */
#ifndef ODRADEK_TESTS_FUZZ_SPEAKERS_H
#define ODRADEK_TESTS_FUZZ_SPEAKERS_H

#include <stdint.h>

#include "base/uuid.h"
#include "env/env.h"
#include "tests/sim/client.h"

enum { SPEAKERS = 4, SPEECHES = 15, SPEAKER_ID_MAX = 80, SPEAKER_OWNS_MAX = 8 };

struct speaker {
	struct client client;
	char id[SPEAKER_ID_MAX]; /* member id; "": none yet */
	int32_t epoch;		 /* or generation */
	struct uuid topic_id;
	int32_t owns[SPEAKER_OWNS_MAX];
	int n_owns;
};

void speaker_init(struct speaker *s, struct loop *loop, const struct addr *to);
void speaker_fini(struct speaker *s);
/*
 * Sends speech 0..14. `how`: bit 0 selects the group, bit 1 a static member, bit 2 an old version,
 * bit 3 a wrong epoch; the rest is a number that contents are made from.
 */
void speaker_speak(struct speaker *s, int speech, uint8_t how);

#endif
