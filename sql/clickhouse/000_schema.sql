-- 000_schema.sql -- which version the tables have, and since when.
--
-- Every file may be applied again at any time, to tables of any earlier version: CREATE TABLE IF NOT EXISTS makes what is not there, an
-- ALTER behind it (ADD COLUMN IF NOT EXISTS, MODIFY TTL, MODIFY SETTING) brings older tables up, and all views are made anew. A
-- change of the shape of a table takes the next number, here and in 999_version.sql, and tests/e2e/ keeps the schema before it.
-- Files older than the tables are refused: they would take away what they do not know.
CREATE TABLE IF NOT EXISTS weir_schema
(
	Version UInt32,
	Applied DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY Version;
SELECT throwIf(max(Version) > 2, 'these tables were made by a newer weir: apply its sql/clickhouse, not this one') FROM weir_schema;
