-- 999_version.sql -- reached only when all before went well.
INSERT INTO weir_schema (Version) VALUES (2);
