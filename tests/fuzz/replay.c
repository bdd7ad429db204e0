/* Runs a fuzz target over the files of the folders it is given: the seeds, and what was found. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fuzz.h"

static bool replay_file(const char *path)
{
	AUTO_FREE uint8_t *data = NULL;
	struct stat st;
	size_t size;
	FILE *f;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return true;
	f = fopen(path, "rb");
	if (!f)
		return false;
	/* Exactly as large as the input, so that a sanitizer sees the byte behind it. */
	data = xmalloc((size_t)st.st_size);
	size = fread(data, 1, (size_t)st.st_size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	return size == (size_t)st.st_size;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;

		while (folder && (entry = readdir(folder))) {
			AUTO_FREE char *path = xasprintf("%s/%s", argv[i], entry->d_name);

			if (entry->d_name[0] == '.')
				continue;
			*(replay_file(path) ? &passed : &failed) += 1;
		}
		if (folder)
			closedir(folder);
		else
			failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0 || passed == 0;
}
