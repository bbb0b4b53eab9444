-- What every database of the stand-in begins with: T-SQL's way to compare and to convert, and its catalogue views.
-- A table's and a column's T-SQL name and type stand in their comments, as JSON.
CREATE SCHEMA tsql;
CREATE SCHEMA sys;
CREATE SCHEMA ischema;
CREATE SCHEMA dbo;

-- Texts as SQL_Latin1_General_CP1_CI_AS compares them: without regard to case and to blanks at the end.
CREATE FUNCTION tsql.folded(text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.lower(pg_catalog.rtrim($1, ' ') COLLATE pg_catalog."pg_unicode_fast");
CREATE FUNCTION tsql.eq(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.=) tsql.folded($2);
CREATE FUNCTION tsql.ne(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.<>) tsql.folded($2);
CREATE FUNCTION tsql.lt(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.<) tsql.folded($2);
CREATE FUNCTION tsql.le(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.<=) tsql.folded($2);
CREATE FUNCTION tsql.gt(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.>) tsql.folded($2);
CREATE FUNCTION tsql.ge(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN tsql.folded($1) OPERATOR(pg_catalog.>=) tsql.folded($2);
CREATE FUNCTION tsql.is_like(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE
    RETURN pg_catalog.lower($1 COLLATE pg_catalog."pg_unicode_fast")
        OPERATOR(pg_catalog.~~) pg_catalog.lower($2 COLLATE pg_catalog."pg_unicode_fast");
CREATE FUNCTION tsql.joined(text, text) RETURNS text IMMUTABLE PARALLEL SAFE
    RETURN $1 OPERATOR(pg_catalog.||) $2;
CREATE OPERATOR tsql.= (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.eq, COMMUTATOR = OPERATOR(tsql.=));
CREATE OPERATOR tsql.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.ne, COMMUTATOR = OPERATOR(tsql.<>));
CREATE OPERATOR tsql.< (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.lt);
CREATE OPERATOR tsql.<= (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.le);
CREATE OPERATOR tsql.> (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.gt);
CREATE OPERATOR tsql.>= (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.ge);
CREATE OPERATOR tsql.~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.is_like);
CREATE OPERATOR tsql.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = tsql.joined);

-- A text becomes what it is compared with or put into, as T-SQL's order of types has it.
CREATE CAST (text AS smallint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS integer) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS bigint) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS numeric) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS double precision) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS uuid) WITH INOUT AS IMPLICIT;
CREATE CAST (text AS date) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS time) WITH INOUT AS ASSIGNMENT;
CREATE CAST (text AS timestamp) WITH INOUT AS ASSIGNMENT;

-- UTF-16, in which nvarchar is kept and its length counted.
CREATE FUNCTION tsql.units(text) RETURNS integer IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.length($1)
        + pg_catalog.length(pg_catalog.regexp_replace($1, '[^\U00010000-\U0010FFFF]', '', 'g'));
CREATE FUNCTION tsql.unit(integer) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.lpad(pg_catalog.to_hex((($1 & 255) << 8) | ($1 >> 8)), 4, '0');
CREATE FUNCTION tsql.utf16(text) RETURNS bytea IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT decode(coalesce(string_agg(CASE WHEN c < 65536 THEN tsql.unit(c)
               ELSE tsql.unit(55296 + ((c - 65536) >> 10)) || tsql.unit(56320 + ((c - 65536) & 1023)) END, '' ORDER BY n), ''), 'hex')
    FROM (SELECT ascii(letter) AS c, n FROM regexp_split_to_table($1, '') WITH ORDINALITY AS l(letter, n)
          WHERE letter OPERATOR(pg_catalog.<>) '') AS letters $$;
CREATE FUNCTION tsql.len(text) RETURNS integer IMMUTABLE STRICT PARALLEL SAFE
    RETURN tsql.units(pg_catalog.rtrim($1, ' '));
CREATE FUNCTION tsql.cut(text, integer) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.left($1, $2);
-- varchar: what code page 1252 does not know becomes a question mark for each of its units.
CREATE FUNCTION tsql.code_page(text) RETURNS text IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.regexp_replace(pg_catalog.regexp_replace($1, '[\U00010000-\U0010FFFF]', '??', 'g'),
        '[^\u0001-\u00FF\u20AC\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u017D\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u017E\u0178]', '?', 'g');

-- What a column keeps of a value, called by the trigger of its table. learn.microsoft.com: "datetime (Transact-SQL)",
-- "smalldatetime (Transact-SQL)", "char and varchar", "binary and varbinary", "MSSQLSERVER_2628".
CREATE FUNCTION tsql.fitted(value text, room integer, place text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF tsql.units(value) > room AND tsql.units(rtrim(value, ' ')) > room THEN
        RAISE EXCEPTION '%', place USING ERRCODE = '22001', DETAIL = left(value, room);
    END IF;
    RETURN CASE WHEN tsql.units(value) > room THEN left(value, room) ELSE value END;
END $$;
CREATE FUNCTION tsql.fitted(value bytea, room integer, place text) RETURNS bytea IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF length(value) > room THEN
        RAISE EXCEPTION '%', place USING ERRCODE = '22001', DETAIL = '';
    END IF;
    RETURN value;
END $$;
CREATE FUNCTION tsql.filled(value bytea, room integer) RETURNS bytea IMMUTABLE STRICT
    RETURN value OPERATOR(pg_catalog.||) pg_catalog.decode(pg_catalog.repeat('00', room - pg_catalog.length(value)), 'hex');
CREATE FUNCTION tsql.as_datetime(value timestamp) RETURNS timestamp IMMUTABLE STRICT LANGUAGE plpgsql AS $$
BEGIN
    IF value < '1753-01-01' OR value >= '9999-12-31 23:59:59.999' THEN
        RAISE EXCEPTION 'datetime' USING ERRCODE = '22008';
    END IF;
    RETURN date_trunc('minute', value)
        + round((extract(microseconds FROM value)::bigint * 3 + 5000) / 10000 * 10000 / 3.0)::bigint * interval '1 microsecond';
END $$;
CREATE FUNCTION tsql.as_smalldatetime(value timestamp) RETURNS timestamp IMMUTABLE STRICT LANGUAGE plpgsql AS $$
BEGIN
    IF value < '1900-01-01' OR value >= '2079-06-06 23:59:29.999' THEN
        RAISE EXCEPTION 'smalldatetime' USING ERRCODE = '22008';
    END IF;
    RETURN date_trunc('minute', tsql.as_datetime(value) + interval '30 seconds');
END $$;
CREATE FUNCTION tsql.as_tinyint(value integer) RETURNS smallint IMMUTABLE STRICT LANGUAGE plpgsql AS $$
BEGIN
    IF value NOT BETWEEN 0 AND 255 THEN
        RAISE EXCEPTION 'tinyint' USING ERRCODE = '22003';
    END IF;
    RETURN value;
END $$;
CREATE FUNCTION tsql.as_bit(value numeric) RETURNS smallint IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN value OPERATOR(pg_catalog.=) 0 THEN 0 ELSE 1 END;

-- The catalogue. learn.microsoft.com: "System catalog views", "System information schema views".
CREATE FUNCTION tsql.about(oid) RETURNS jsonb STABLE LANGUAGE sql AS $$
    SELECT obj_description($1, 'pg_class')::jsonb $$;
CREATE FUNCTION tsql.about(oid, integer) RETURNS jsonb STABLE LANGUAGE sql AS $$
    SELECT col_description($1, $2)::jsonb $$;
CREATE VIEW sys.schemas AS
    SELECT CASE nspname WHEN 'ischema' THEN 'INFORMATION_SCHEMA' ELSE nspname::text END AS name, oid::integer AS schema_id,
           1 AS principal_id
    FROM pg_namespace WHERE nspname IN ('dbo', 'sys', 'ischema') OR obj_description(oid, 'pg_namespace') = 'T-SQL';
CREATE VIEW sys.objects AS
    SELECT coalesce(tsql.about(c.oid) ->> 'name', c.relname) AS name, c.oid::integer AS object_id,
           NULL::integer AS principal_id, c.relnamespace::integer AS schema_id, 0 AS parent_object_id,
           CASE c.relkind WHEN 'v' THEN 'V ' ELSE 'U ' END AS type,
           CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'USER_TABLE' END AS type_desc, 0::smallint AS is_ms_shipped
    FROM pg_class c JOIN sys.schemas s ON s.schema_id = c.relnamespace::integer
    WHERE c.relkind IN ('r', 'v') AND s.name NOT IN ('sys', 'INFORMATION_SCHEMA');
CREATE VIEW sys.tables AS SELECT * FROM sys.objects WHERE type = 'U ';
CREATE VIEW sys.views AS SELECT * FROM sys.objects WHERE type = 'V ';
CREATE VIEW sys.sql_modules AS SELECT NULL::integer AS object_id, NULL::text AS definition WHERE false;
CREATE VIEW sys.columns AS
    SELECT a.attrelid::integer AS object_id, i.about ->> 'name' AS name, a.attnum::integer AS column_id,
           (i.about ->> 'type_id')::smallint AS system_type_id, (i.about ->> 'type_id')::integer AS user_type_id,
           (i.about ->> 'max_length')::smallint AS max_length, (i.about ->> 'precision')::smallint AS precision,
           (i.about ->> 'scale')::smallint AS scale, i.about ->> 'collation' AS collation_name,
           (NOT a.attnotnull)::integer::smallint AS is_nullable, (i.about -> 'identity' IS NOT NULL)::integer::smallint AS is_identity,
           0::smallint AS is_computed, coalesce(d.oid::integer, 0) AS default_object_id
    FROM pg_attribute a CROSS JOIN LATERAL (SELECT tsql.about(a.attrelid, a.attnum) AS about) AS i
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE i.about IS NOT NULL AND NOT a.attisdropped;
CREATE VIEW sys.identity_columns AS
    SELECT a.attrelid::integer AS object_id, i.about ->> 'name' AS name, a.attnum::integer AS column_id, 1::smallint AS is_identity,
           (i.about -> 'identity' ->> 0)::bigint AS seed_value, (i.about -> 'identity' ->> 1)::bigint AS increment_value
    FROM pg_attribute a CROSS JOIN LATERAL (SELECT tsql.about(a.attrelid, a.attnum) AS about) AS i
    WHERE i.about -> 'identity' IS NOT NULL AND NOT a.attisdropped;
CREATE VIEW sys.default_constraints AS
    SELECT oid::integer AS object_id, adrelid::integer AS parent_object_id, adnum::integer AS parent_column_id,
           '(' || pg_get_expr(adbin, adrelid) || ')' AS definition FROM pg_attrdef;
CREATE VIEW sys.computed_columns AS
    SELECT NULL::integer AS object_id, NULL::integer AS column_id, NULL::text AS definition, NULL::smallint AS is_persisted
    WHERE false;
CREATE VIEW sys.extended_properties AS
    SELECT 1::smallint AS class, NULL::text AS name, NULL::text AS value, 0 AS major_id, 0 AS minor_id WHERE false;
CREATE VIEW sys.indexes AS
    SELECT x.indrelid::integer AS object_id, c.relname::text AS name, x.indexrelid::integer AS index_id,
           CASE WHEN x.indisprimary THEN 1 ELSE 2 END::smallint AS type, x.indisunique::integer::smallint AS is_unique,
           x.indisprimary::integer::smallint AS is_primary_key, NULL::text AS filter_definition
    FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE c.relname NOT LIKE 'tsql\_%';
CREATE VIEW sys.index_columns AS
    SELECT x.indrelid::integer AS object_id, x.indexrelid::integer AS index_id, k.place::integer AS index_column_id,
           k.attnum::integer AS column_id, k.place::smallint AS key_ordinal, 0::smallint AS is_included_column,
           0::smallint AS is_descending_key
    FROM pg_index x CROSS JOIN LATERAL unnest(x.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place);
CREATE VIEW sys.key_constraints AS
    SELECT conname::text AS name, oid::integer AS object_id, conrelid::integer AS parent_object_id,
           connamespace::integer AS schema_id, CASE contype WHEN 'p' THEN 'PK' ELSE 'UQ' END AS type,
           conindid::integer AS unique_index_id
    FROM pg_constraint WHERE contype IN ('p', 'u');
CREATE TABLE sys.types (name text, system_type_id smallint, user_type_id integer);
CREATE VIEW sys.system_views AS SELECT 'dm_exec_sessions' AS name, -1 AS object_id;
CREATE VIEW ischema.schemata AS SELECT current_database()::text AS catalog_name, name AS schema_name FROM sys.schemas;
CREATE VIEW ischema.tables AS
    SELECT NULL::text AS table_catalog, s.name AS table_schema, o.name AS table_name,
           CASE o.type WHEN 'V ' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type
    FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id;
CREATE VIEW ischema.key_column_usage AS
    SELECT s.name AS constraint_schema, n.conname::text AS constraint_name, s.name AS table_schema, o.name AS table_name,
           i.about ->> 'name' AS column_name, k.place::integer AS ordinal_position
    FROM pg_constraint n JOIN sys.objects o ON o.object_id = n.conrelid::integer
         JOIN sys.schemas s ON s.schema_id = o.schema_id
         CROSS JOIN LATERAL unnest(n.conkey) WITH ORDINALITY AS k(attnum, place)
         CROSS JOIN LATERAL (SELECT tsql.about(n.conrelid, k.attnum) AS about) AS i
    WHERE n.contype IN ('p', 'u', 'f');
CREATE VIEW ischema.referential_constraints AS
    SELECT s.name AS constraint_schema, n.conname::text AS constraint_name, s.name AS unique_constraint_schema,
           u.conname::text AS unique_constraint_name, 'SIMPLE' AS match_option, 'NO ACTION' AS update_rule,
           CASE n.confdeltype WHEN 'c' THEN 'CASCADE' ELSE 'NO ACTION' END AS delete_rule
    FROM pg_constraint n JOIN pg_constraint u ON u.conindid = n.conindid AND u.contype IN ('p', 'u')
         JOIN sys.schemas s ON s.schema_id = n.connamespace::integer
    WHERE n.contype = 'f';
CREATE FUNCTION tsql.charindex(text, text) RETURNS integer IMMUTABLE STRICT PARALLEL SAFE
    RETURN pg_catalog.strpos(pg_catalog.lower($2), pg_catalog.lower($1));
