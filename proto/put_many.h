/*
 * put_many.h -- arrays and texts of a protobuf record; see put.h.
 */
#ifndef WEIR_PROTO_PUT_MANY_H
#define WEIR_PROTO_PUT_MANY_H

#include "proto/put.h"

/* Most arrays are shorter than 128 bytes: the length gets one byte and, should that not do, the values move up. */
ROWS_INLINE uint8_t *put_u32s(uint8_t *o, struct put_tag tag, const uint32_t *values, uint32_t n, bool fast)
{
	uint8_t *const begin = put_tag(o, tag);
	o = begin + 1;
	for (uint32_t i = 0; i < n; i++) {
		*o = (uint8_t)values[i];
		o = values[i] < 128 ? o + 1 : put_varint(o, values[i], fast);
	}
	size_t len = (size_t)(o - begin - 1);
	*begin = (uint8_t)len;
	if (UNLIKELY(len >= 128)) {
		memmove(begin + 2, begin + 1, len);
		begin[0] = (uint8_t)(len | 128);
		begin[1] = (uint8_t)(len >> 7);
		o++;
	}
	return o;
}

ROWS_INLINE uint8_t *put_addrs(uint8_t *o, struct put_tag tag, const struct ip_addr *addrs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		o = put_addr(o, tag, &addrs[i]);
	return o;
}

ROWS_INLINE uint8_t *put_str(uint8_t *o, struct put_tag tag, const char *text, uint32_t n)
{
	o = put_tag(o, tag);
	o = put_varint(o, n, false);
	memcpy(o, text, n);
	return o + n;
}

#endif
