-- What became of a mail goes with the mail; until then it is not changed
-- depends: notifier-0001-mails

-- migrate: apply
CREATE TRIGGER append_only BEFORE UPDATE ON mail_history
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mail_history EXECUTE FUNCTION append_only();

-- migrate: rollback
