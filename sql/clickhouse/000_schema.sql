-- 000_schema.sql -- which files have been applied, and when. Every file may be applied again at any time.
CREATE TABLE IF NOT EXISTS weir_schema
(
	Version UInt32,
	Applied DateTime DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY Version;
