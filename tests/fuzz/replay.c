/*
 * replay: replaces libFuzzer in ordinary builds: gives every file of the directories named on the
 * command line to the fuzz target it is linked with, and damages each a little, the same way each
 * time. Ends when the target does.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20)
#define DAMAGED 64

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);

static void run(const uint8_t *p, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1); /* exact size, so that a sanitizer sees a read past the end */

	if (!exact)
		exit(1);
	memcpy(exact, p, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
}

static void run_damaged(uint8_t *p, size_t len)
{
	uint32_t state = (uint32_t)len;

	run(p, len);
	for (int i = 0; i < DAMAGED && len > 0; i++) {
		size_t at;
		uint8_t was;

		state = state * 1664525u + 1013904223u;
		at = (state >> 8) % len;
		was = p[at];
		p[at] = (uint8_t)(i % 2 ? was ^ 1u << state % 8 : 0xff);
		run(p, i % 8 ? len : at);
		p[at] = was;
	}
}

static int run_file(const char *dir, const char *name)
{
	static uint8_t bytes[FILE_MAX];
	char path[4096];
	FILE *in;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	in = fopen(path, "rb");
	if (!in) {
		perror(path);
		return 1;
	}
	len = fread(bytes, 1, sizeof(bytes), in);
	fclose(in);
	run_damaged(bytes, len);
	return 0;
}

static int run_dir(const char *path, int *n)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int status = 0;

	if (!dir) {
		perror(path);
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		status |= run_file(path, entry->d_name);
		++*n;
	}
	closedir(dir);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0, n = 0;

	for (int i = 1; i < argc; i++)
		status |= run_dir(argv[i], &n);
	printf("%d inputs\n", n);
	return status || n == 0;
}
