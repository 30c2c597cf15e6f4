/* release: the program's version. */
#ifndef ODRADEK_CLI_RELEASE_H
#define ODRADEK_CLI_RELEASE_H

#define KAFKA_LEVEL "4.4"

const char *release_name(void);	  /* "0.1.0" */
void release_print_of_tool(void); /* "4.4.0 (odradek 0.1.0)": Kafka's version first, as its scripts print it */
/* Prints release, commit, Kafka version and libraries to stdout. */
void release_print(void);

#endif
