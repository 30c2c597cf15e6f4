/*
 * fake_gss: a library of GSS-API that a test can see through, for the simulator.
 *
 *	client: "T" and its principal -> server: "R", or nothing when the principal's name begins with a dash -> both are established
 *	wrapped: "W" and the message
 *
 * "X" is a token of a ticket that has expired, "Y" of one that is not valid yet, "S" of one whose answer is longer than may be; all else is garbage.
 */
#ifndef ODRADEK_TESTS_KERBEROS_FAKE_GSS_H
#define ODRADEK_TESTS_KERBEROS_FAKE_GSS_H

/* For sim_library(). */
void (*fake_gss_find(const char *symbol))(void);
/* Contexts, names and credentials that are not given back. */
int fake_gss_held(void);

#endif
