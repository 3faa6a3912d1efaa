/*
 * driver.c -- a fuzz target without libFuzzer, for ctest and any compiler: runs the files of the folders given, each as it is
 * and in ROUNDS variants of it (bytes changed, cut, doubled), always the same ones.
 *
 *     fuzz_NAME ROUNDS FOLDER...
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 16 };

static uint64_t state = 1;

static uint32_t below(uint32_t n)
{
	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)(state >> 33) % n;
}

/* The target gets memory that ends where its input ends, so that a sanitizer sees a read behind it. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	if (!copy)
		abort();
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static size_t change(uint8_t *data, size_t len)
{
	static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
	for (uint32_t n = below(4) + 1; n && len; n--) {
		uint32_t at = below((uint32_t)len);
		switch (below(5)) {
		case 0: data[at] = edges[below(sizeof(edges))]; break;
		case 1: data[at] ^= (uint8_t)(1 << below(8)); break;
		case 2: data[at] = (uint8_t)below(256); break;
		case 3: len = at; break;
		default:
			if (len + (len - at) <= INPUT_MAX) {
				memmove(data + len, data + at, len - at);
				len += len - at;
			}
		}
	}
	return len;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size)
{
	static uint8_t room[INPUT_MAX];
	memcpy(room, data, size);
	size_t len = change(room, size);
	len = len < max_size ? len : max_size;
	memcpy(data, room, len);
	return len;
}

/* Every other variant by the target's own mutator, where it has one. */
static size_t variant_of(uint8_t *data, size_t len, int round)
{
	if (LLVMFuzzerCustomMutator && round % 2)
		return LLVMFuzzerCustomMutator(data, len, INPUT_MAX, below(UINT32_MAX));
	return change(data, len);
}

static int run_file(const char *path, int rounds)
{
	static uint8_t data[INPUT_MAX], variant[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	if (!file)
		return 0;
	size_t len = fread(data, 1, sizeof(data), file);
	fclose(file);
	run(data, len);
	for (int i = 0; i < rounds; i++) {
		memcpy(variant, data, len);
		run(variant, variant_of(variant, len, i));
	}
	return 1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
	int files = 0;
	for (int i = 2; i < argc; i++) {
		struct dirent **names;
		int n = scandir(argv[i], &names, NULL, alphasort);
		if (n < 0) {
			perror(argv[i]);
			return 1;
		}
		for (int k = 0; k < n; k++) {
			char path[1024];
			snprintf(path, sizeof(path), "%s/%s", argv[i], names[k]->d_name);
			files += names[k]->d_name[0] != '.' && run_file(path, rounds);
			free(names[k]);
		}
		free(names);
	}
	printf("%d inputs, each in %d variants\n", files, rounds);
	return files == 0;
}
