/*
 * scripts: what peers say to a node, well behaved and otherwise. A script fills a peer before it
 * starts; what it draws comes from `chance` (cm_random).
 */
#ifndef ODRADEK_TESTS_NET_SCRIPTS_H
#define ODRADEK_TESTS_NET_SCRIPTS_H

#include "tests/net/peer.h"

/* The length of the file that the node of a story serves. */
enum { ECHO_FILE_LEN = 200 * 1024 };

typedef void script_fn(struct peer *p, uint64_t *chance);

script_fn says_half_a_length;
script_fn says_half_a_frame;
script_fn says_half_a_large_frame;
script_fn asks_once;
script_fn asks_and_does_not_listen;
script_fn asks_to_be_muted;
script_fn says_half_a_frame_and_is_muted; /* and has more to say, which is not read meanwhile */
script_fn says_half_a_frame_and_is_held;
script_fn says_part_of_a_secret;
script_fn asks_for_the_file;
script_fn asks_many_things;
script_fn asks_large_things; /* equal ones in a row, longer ones, and small ones where a large one is expected */
script_fn says_garbage;
script_fn says_a_length_that_lies;
script_fn asks_to_be_held;
script_fn says_byte_by_byte;
script_fn sends_a_flood;

#endif
