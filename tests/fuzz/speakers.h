/*
 * speakers: clients of the fuzzed node that say what members of groups say, with the ids and epochs that they were told: what random bytes
 * never come to. Who speaks, of which group, in which version and with what mistake is the bytes' business.
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
	char id[SPEAKER_ID_MAX]; /* as a member; "": none yet */
	int32_t epoch;		 /* or generation */
	struct uuid topic_id;
	int32_t owns[SPEAKER_OWNS_MAX];
	int n_owns;
};

void speaker_init(struct speaker *s, struct loop *loop, const struct addr *to);
void speaker_fini(struct speaker *s);
/*
 * Speech 0..14. `how`: bit 0 is the group, bit 1 a static member, bit 2 an old version, bit 3 a wrong epoch, the rest a number that
 * something is made of.
 */
void speaker_speak(struct speaker *s, int speech, uint8_t how);

#endif
