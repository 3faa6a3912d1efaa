-- The flow-pipeline's table `flows`, partitioned by day, a 5-minute rollup, and the inserter's own book-keeping.
-- Idempotent: weir-inserter postgres runs this file whenever it connects (--postgres.create=false: it does not).
-- All times are UTC.

CREATE SEQUENCE IF NOT EXISTS flows_id_seq CACHE 1000;

CREATE TABLE IF NOT EXISTS flows (
    id            bigint    NOT NULL DEFAULT nextval('flows_id_seq'),
    date_inserted timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    time_flow     timestamp,
    type          integer,
    sampling_rate bigint,
    src_as        bigint,
    dst_as        bigint,
    src_ip        inet,
    dst_ip        inet,
    bytes         bigint,
    packets       bigint,
    etype         integer,
    proto         integer,
    src_port      integer,
    dst_port      integer,
    PRIMARY KEY (id, date_inserted)
) PARTITION BY RANGE (date_inserted);

CREATE INDEX IF NOT EXISTS flows_date_inserted ON flows USING brin (date_inserted);

-- Sums of 5 minutes by the time of reception; bytes and packets as exported, not scaled.
CREATE TABLE IF NOT EXISTS flows_5m (
    timeslot timestamp NOT NULL,
    src_as   bigint    NOT NULL,
    dst_as   bigint    NOT NULL,
    etype    integer   NOT NULL,
    bytes    numeric   NOT NULL,
    packets  numeric   NOT NULL,
    count    bigint    NOT NULL,
    PRIMARY KEY (timeslot, src_as, dst_as, etype)
);

-- Up to where each partition of the topic is stored; moves in the transaction that stores the flows.
CREATE TABLE IF NOT EXISTS weir_offsets (
    topic       text    NOT NULL,
    part        integer NOT NULL,
    next_offset bigint  NOT NULL,
    PRIMARY KEY (topic, part)
);

-- Messages that were stored, by what their collector called them: a second copy of one is dropped.
CREATE TABLE IF NOT EXISTS weir_seen (
    collector bigint  NOT NULL,
    epoch     bigint  NOT NULL,
    sequence  bigint  NOT NULL,
    part      integer NOT NULL,
    off       bigint  NOT NULL,
    seen_at   timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
    PRIMARY KEY (collector, epoch, sequence)
);

CREATE INDEX IF NOT EXISTS weir_seen_at ON weir_seen USING brin (seen_at);

-- Makes the partitions of today and the next two days; drops days older than keep_flows, sums older than
-- keep_sums, and forgets messages seen before keep_seen. NULL keeps for ever.
CREATE OR REPLACE FUNCTION weir_maintain(keep_flows interval, keep_sums interval, keep_seen interval) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    utc   timestamp := now() AT TIME ZONE 'UTC';
    today date := utc::date;
    old   record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('weir_maintain'));
    FOR i IN 0..2 LOOP
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF flows FOR VALUES FROM (%L) TO (%L)',
                       'flows_' || to_char(today + i, 'YYYYMMDD'), today + i, today + i + 1);
    END LOOP;
    IF keep_flows IS NOT NULL THEN
        FOR old IN
            SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
            WHERE inhparent = 'flows'::regclass AND c.relname ~ '^flows_[0-9]{8}$'
              AND c.relname < 'flows_' || to_char(utc - keep_flows, 'YYYYMMDD')
        LOOP
            EXECUTE format('DROP TABLE %I', old.relname);
        END LOOP;
    END IF;
    DELETE FROM flows_5m WHERE timeslot < utc - keep_sums;
    DELETE FROM weir_seen WHERE seen_at < utc - keep_seen;
END
$$;
