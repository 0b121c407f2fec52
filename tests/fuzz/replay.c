/* SPDX-License-Identifier: MIT */
/* replay.c - runs a fuzz entry point over every file of a corpus, once */

/*
 * Linked in place of libFuzzer, so that what a fuzzer once found stays fixed:
 * `fuzz_NAME FOLDER` prints one line of TAP a file.  A crash or a sanitizer
 * report ends the process; the name of the file at fault is the last one on
 * stderr.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_die(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * The buffer has exactly the size of the file, so that AddressSanitizer sees a
 * read of one byte beyond it.
 */
static void replay_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	size_t size;
	FILE *f = fopen(path, "rb");

	if (!f || fstat(fileno(f), &st) != 0)
		replay_die(path);
	size = (size_t)st.st_size;
	data = malloc(size ? size : 1);
	if (!data || fread(data, 1, size, f) != size)
		replay_die(path);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

static int replay_by_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	char path[4096];
	int i, n;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	n = scandir(argv[1], &entries, replay_by_name, alphasort);
	if (n < 0)
		replay_die(argv[1]);
	printf("1..%d\n", n);
	for (i = 0; i < n; i++) {
		int len = snprintf(path, sizeof(path), "%s/%s", argv[1],
				   entries[i]->d_name);

		if (len < 0 || (size_t)len >= sizeof(path))
			replay_die(argv[1]);
		fprintf(stderr, "# %s\n", path);
		replay_file(path);
		printf("ok %d - %s\n", i + 1, path);
		fflush(stdout);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
