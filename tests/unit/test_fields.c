/*
 * test_fields.c -- one contract in several places: fields.def, flow.proto (its protobuf-c descriptor), docs/fields.md, the
 * columns of ClickHouse's Kafka table. They are equal.
 */
#include "proto/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "proto/filter_sql.h"
#include "proto/flow.pb-c.h"

static const ProtobufCMessageDescriptor *descriptor(void)
{
	return &flowpb__flow_message__descriptor;
}

static bool is_enum(const struct flow_field_info *row)
{
	return row->render == FLOW_RENDER_TYPE || row->render == FLOW_RENDER_STACK || row->render == FLOW_RENDER_TUNNEL;
}

static void rows_are_flow_proto(void **state)
{
	(void)state;
	static const struct { ProtobufCType type; bool repeated; } kinds[] = {
		[FLOW_KIND_U32] = {PROTOBUF_C_TYPE_UINT32, false},
		[FLOW_KIND_U64] = {PROTOBUF_C_TYPE_UINT64, false},
		[FLOW_KIND_ADDR] = {PROTOBUF_C_TYPE_BYTES, false},
		[FLOW_KIND_U32S] = {PROTOBUF_C_TYPE_UINT32, true},
		[FLOW_KIND_ADDRS] = {PROTOBUF_C_TYPE_BYTES, true},
		[FLOW_KIND_STR] = {PROTOBUF_C_TYPE_STRING, false},
	};
	assert_int_equal(descriptor()->n_fields, FLOW_F_COUNT);
	for (uint32_t i = 0; i < FLOW_F_COUNT; i++) {
		const struct flow_field_info *row = &flow_fields[i];
		const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor(), row->number);
		if (!field)
			fail_msg("flow.proto has no field %u (%s)", row->number, row->name);
		assert_string_equal(field->name, row->name);
		assert_int_equal(field->type, is_enum(row) ? PROTOBUF_C_TYPE_ENUM : kinds[row->kind].type);
		assert_int_equal(field->label == PROTOBUF_C_LABEL_REPEATED, kinds[row->kind].repeated);
	}
}

static void numbers_ascend(void **state)
{
	(void)state;
	for (int i = 1; i < FLOW_F_COUNT; i++)
		assert_true(flow_fields[i - 1].number < flow_fields[i].number);
	assert_true(flow_fields[FLOW_F_COUNT - 1].number < 10000);
}

/* What goflow2's schema has under these numbers: written down once more, so that nobody renumbers both sides. */
static void goflow2_numbers(void **state)
{
	(void)state;
	static const struct { uint32_t number; const char *name; } fixed[] = {
		{1, "type"}, {110, "time_received_ns"}, {4, "sequence_num"}, {3, "sampling_rate"}, {11, "sampler_address"},
		{111, "time_flow_start_ns"}, {112, "time_flow_end_ns"}, {9, "bytes"}, {10, "packets"}, {6, "src_addr"},
		{7, "dst_addr"}, {30, "etype"}, {20, "proto"}, {21, "src_port"}, {22, "dst_port"}, {18, "in_if"},
		{19, "out_if"}, {27, "src_mac"}, {28, "dst_mac"}, {33, "src_vlan"}, {34, "dst_vlan"}, {29, "vlan_id"},
		{23, "ip_tos"}, {24, "forwarding_status"}, {25, "ip_ttl"}, {38, "ip_flags"}, {26, "tcp_flags"},
		{31, "icmp_type"}, {32, "icmp_code"}, {37, "ipv6_flow_label"}, {35, "fragment_id"},
		{36, "fragment_offset"}, {14, "src_as"}, {15, "dst_as"}, {12, "next_hop"}, {13, "next_hop_as"},
		{16, "src_net"}, {17, "dst_net"}, {100, "bgp_next_hop"}, {101, "bgp_communities"}, {102, "as_path"},
		{80, "mpls_ttl"}, {81, "mpls_label"}, {82, "mpls_ip"}, {70, "observation_domain_id"},
		{71, "observation_point_id"}, {103, "layer_stack"}, {104, "layer_size"},
		{105, "ipv6_routing_header_addresses"}, {106, "ipv6_routing_header_seg_left"},
		{1000, "src_country"}, {1001, "dst_country"}};
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		int f = flow_field_by_name(fixed[i].name);
		assert_true(f >= 0);
		assert_int_equal(flow_fields[f].number, fixed[i].number);
	}
	assert_int_equal(flow_field_by_name("src_mac "), -1);
	assert_int_equal(flow_field_by_name(""), -1);
}

/* The value behind the enum's name in flow.proto is the one that our table gives that name. */
static void check_enum(const ProtobufCEnumDescriptor *d, const char *(*name_of)(uint32_t), const char *prefix)
{
	for (unsigned i = 0; i < d->n_values; i++) {
		assert_memory_equal(d->values[i].name, prefix, strlen(prefix));
		const char *name = name_of((uint32_t)d->values[i].value);
		assert_non_null(name);
		assert_string_equal(name, d->values[i].name + strlen(prefix));
	}
	/* And there is no other. */
	for (uint32_t v = 0; v < 5000; v++)
		assert_int_equal(name_of(v) != NULL, protobuf_c_enum_descriptor_get_value(d, (int)v) != NULL);
	assert_null(name_of(UINT32_MAX));
}

static void enums_are_flow_proto(void **state)
{
	(void)state;
	check_enum(&flowpb__flow_message__flow_type__descriptor, flow_type_name, "");
	check_enum(&flowpb__flow_message__layer_stack__descriptor, flow_layer_name, "");
	check_enum(&flowpb__flow_message__tunnel_type__descriptor, flow_tunnel_name, "TUNNEL_");
}

static void protocol_names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 256; i++)
		assert_non_null(flow_proto_name(i));
	assert_string_equal(flow_proto_name(0), "HOPOPT");
	assert_string_equal(flow_proto_name(6), "TCP");
	assert_string_equal(flow_proto_name(132), "SCTP");
	assert_null(flow_proto_name(256));
}

/* A file of the source tree, or NULL; NUL-terminated, free() it. */
static char *slurp(const char *path)
{
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	enum { MAX = 1 << 20 };
	char *text = malloc(MAX);
	assert_non_null(text);
	size_t len = fread(text, 1, MAX - 1, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

static const char *proto_type(const struct flow_field_info *row)
{
	static const char *const kinds[] = {
		[FLOW_KIND_U32] = "uint32", [FLOW_KIND_U64] = "uint64", [FLOW_KIND_ADDR] = "bytes",
		[FLOW_KIND_U32S] = "repeated uint32", [FLOW_KIND_ADDRS] = "repeated bytes", [FLOW_KIND_STR] = "string"};
	switch (row->render) {
	case FLOW_RENDER_TYPE: return "FlowType";
	case FLOW_RENDER_TUNNEL: return "TunnelType";
	case FLOW_RENDER_STACK: return "repeated LayerStack";
	default: return kinds[row->kind];
	}
}

static void docs_have_every_row(void **state)
{
	(void)state;
	char *page = slurp(TEST_DATA "/../docs/fields.md");
	assert_non_null(page);
	const char *at = strstr(page, "|---|\n");
	assert_non_null(at);
	at += strlen("|---|\n");
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		const struct flow_field_info *row = &flow_fields[i];
		char begin[128], end[256];
		snprintf(begin, sizeof(begin), "| %u | `%s` | %s | ", row->number, row->name, proto_type(row));
		snprintf(end, sizeof(end), " | %s |\n", row->what);
		if (strncmp(at, begin, strlen(begin)) != 0 || !strstr(at, end) || strstr(at, end) > strchr(at, '\n'))
			fail_msg("docs/fields.md: row %s is missing or old: run scripts/make-fields-doc", row->name);
		at = strchr(at, '\n') + 1;
	}
	assert_int_equal(*at, '\n');
	free(page);
}

/* The Kafka table has a column a field, in the order of fields.def, of the type that protobuf has. */
static void kafka_table_has_every_field(void **state)
{
	(void)state;
	static const char *const types[] = {
		[FLOW_KIND_U32] = "UInt32", [FLOW_KIND_U64] = "UInt64", [FLOW_KIND_ADDR] = "String",
		[FLOW_KIND_U32S] = "Array(UInt32)", [FLOW_KIND_ADDRS] = "Array(String)", [FLOW_KIND_STR] = "String"};
	char *sql = slurp(TEST_DATA "/../sql/clickhouse/010_kafka.sql");
	assert_non_null(sql);
	const char *at = strstr(sql, "CREATE TABLE flows\n(\n");
	assert_non_null(at);
	at = strchr(at, '(') + 2;
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		char line[128];
		snprintf(line, sizeof(line), "\t%s %s%s\n", flow_fields[i].name, types[flow_fields[i].kind],
			 i + 1 < FLOW_F_COUNT ? "," : "");
		if (strncmp(at, line, strlen(line)) != 0)
			fail_msg("sql/clickhouse/010_kafka.sql: no column '%s' where it should be", flow_fields[i].name);
		at += strlen(line);
	}
	assert_int_equal(*at, ')');
	free(sql);
}

/* flows_raw has one for each, too, under the name that filters in SQL use. */
static void raw_table_has_every_field(void **state)
{
	(void)state;
	char *sql = slurp(TEST_DATA "/../sql/clickhouse/020_flows_raw.sql");
	assert_non_null(sql);
	for (int i = 0; i < FLOW_F_COUNT; i++) {
		char column[FILTER_SQL_COLUMN_MAX], line[FILTER_SQL_COLUMN_MAX + 8];
		filter_sql_column(flow_fields[i].name, column);
		snprintf(line, sizeof(line), "\n\t%s ", column);
		if (!strstr(sql, line))
			fail_msg("sql/clickhouse/020_flows_raw.sql: no column %s for %s", column, flow_fields[i].name);
	}
	free(sql);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_flow_proto),
		cmocka_unit_test(numbers_ascend),
		cmocka_unit_test(goflow2_numbers),
		cmocka_unit_test(enums_are_flow_proto),
		cmocka_unit_test(protocol_names),
		cmocka_unit_test(docs_have_every_row),
		cmocka_unit_test(kafka_table_has_every_field),
		cmocka_unit_test(raw_table_has_every_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
