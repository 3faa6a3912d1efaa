/*
 * fuzz.h -- a fuzz target is a file fuzz_NAME.c with one function, libFuzzer's. It looks at SIZE bytes, must not crash, hang or
 * leak, and aborts where a property does not hold. Its inputs are corpus/NAME/; a crash that was found stays there.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Optional, in mutate_NAME.c: makes a new input of an old one, in place. What it may call for bytes without structure is below. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed) __attribute__((weak));
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

#define FUZZ_ASSERT(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

#endif
