-- What only the owner of a table may do, for the role that the service runs as
-- depends: etablissement-0010-whose-right-once

-- migrate: apply
CREATE FUNCTION count_directory() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
BEGIN
    ANALYZE public.directory_line;
END
$$;
COMMENT ON FUNCTION count_directory IS
    'ANALYZE of directory_line, once a file of all schools is in it.';

CREATE FUNCTION tidy_words() RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
    SELECT gin_clean_pending_list('public.school_words')
$$;
COMMENT ON FUNCTION tidy_words IS
    'Sorts into the index of the search what a file of all schools has left beside it.';

-- migrate: rollback
