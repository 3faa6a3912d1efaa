/*
 * weirflow.h -- libweirflow: weir's flows for programs of your own. `pkg-config --cflags --libs weirflow`
 *
 *     #include <weirflow.h>
 *
 *     struct flow_iter it;
 *     static struct flow flow;
 *     flow_iter_message(&it, message->payload, message->len);    // a Kafka message: 1 to N flows
 *     int got;
 *     while ((got = flow_iter_next(&it, &flow)) != 0) {
 *             if (got < 0)
 *                     count_damaged(got);                      // -ERR_BAD_RECORD: that flow; -ERR_TRUNCATED: the rest
 *             else if (filter_match(filter, &flow))
 *                     fwrite(line, flow_json(&flow, line), 1, stdout);
 *     }
 *
 * Ownership. struct flow is 6 KB, has no pointers and belongs to whoever declares it; flow_iter_next() copies into it, so the
 * message may go at once. Lines and packed records are written into the caller's memory (FLOW_JSON_MAX, FLOW_TEXT_MAX,
 * FLOW_PACK_MAX say how much). The one thing that is allocated is a struct filter: filter_free() it.
 *
 * Errors. Functions that can fail return 0 or a negative number: -ERR_x of common/err.h (err_text() says it in words) or a
 * negative errno where their header says so. Nothing is logged, printed or thrown.
 *
 * Threads. There is no global state: functions may be called at once from any number of threads, each with its own memory; one
 * compiled filter may be shared.
 *
 * The headers below say the rest, function by function; docs/fields.md says what the members of struct flow mean. The
 * layout of struct flow grows with the contract: a program is built against the header of the library that it runs with,
 * and the library's soname changes when the layout does.
 */
#ifndef WEIR_PROTO_WEIRFLOW_H
#define WEIR_PROTO_WEIRFLOW_H

#include "common/err.h"   /* reasons, err_text() */
#include "common/ip.h"    /* struct ip_addr, ip_format(), ip_prefix_has() */
#include "proto/filter.h" /* filter_compile(), filter_match(), filter_free() */
#include "proto/flow.h"   /* struct flow, flow_fields[], names of enum values */
#include "proto/json.h"   /* flow_json() */
#include "proto/pack.h"   /* flow_pack() */
#include "proto/text.h"   /* flow_text() */
#include "proto/unpack.h" /* flow_iter_init(), flow_iter_message(), flow_iter_next(), flow_unpack() */

#endif
