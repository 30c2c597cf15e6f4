/*
 * release: what this program is.
 */
#ifndef ODRADEK_CLI_RELEASE_H
#define ODRADEK_CLI_RELEASE_H

#define KAFKA_LEVEL "4.4"

const char *release_name(void);	  /* "0.1.0" */
void release_print_of_tool(void); /* "4.4.0 (odradek 0.1.0)": Kafka's level first, as its scripts say it */
/* Release, commit, Kafka level and libraries, to stdout. */
void release_print(void);

#endif
