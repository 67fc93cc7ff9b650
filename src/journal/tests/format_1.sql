CREATE TABLE sessions (
    id BLOB PRIMARY KEY NOT NULL, started TEXT NOT NULL, mono INTEGER NOT NULL,
    who TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL, host TEXT NOT NULL
) STRICT;
CREATE TABLE operations (
    id BLOB PRIMARY KEY NOT NULL, session BLOB NOT NULL REFERENCES sessions (id),
    verb TEXT NOT NULL, link TEXT NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, asked TEXT NOT NULL
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES sessions (id),
    operation BLOB NOT NULL REFERENCES operations (id),
    entity TEXT, record BLOB, name TEXT, number TEXT, on_the_way INTEGER,
    stage TEXT NOT NULL, reason TEXT, etag TEXT, hash INTEGER, columns TEXT,
    wall TEXT NOT NULL, mono INTEGER NOT NULL, chain BLOB
) STRICT;
CREATE INDEX events_by_operation ON events (operation);
CREATE INDEX events_by_record ON events (operation, record, entity);
CREATE INDEX events_agreed ON events (entity, record) WHERE stage IN ('verified', 'altered');
CREATE TABLE forced (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session BLOB NOT NULL REFERENCES sessions (id),
    instance TEXT NOT NULL, is_forced INTEGER NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL, until TEXT,
    wall TEXT NOT NULL, mono INTEGER NOT NULL, chain BLOB
) STRICT;
CREATE TRIGGER sessions_no_UPDATE BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER sessions_no_DELETE BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER operations_no_UPDATE BEFORE UPDATE ON operations BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER operations_no_DELETE BEFORE DELETE ON operations BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_no_UPDATE BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER events_no_DELETE BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER forced_no_UPDATE BEFORE UPDATE ON forced BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER forced_no_DELETE BEFORE DELETE ON forced BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
INSERT INTO sessions VALUES (x'01890000000070008000000000000001', '2026-11-20T08:00:00.000Z', 0, 'kim', 7, '0.1.0', 'ops1');
INSERT INTO operations VALUES (x'01890000000070008000000000000002', x'01890000000070008000000000000001',
    'rehydrate', 'us-europe', 'INC-7', 'kim', '2026-11-20T08:00:01.000Z');
INSERT INTO events (session, operation, entity, record, name, number, on_the_way, stage, wall, mono)
VALUES (x'01890000000070008000000000000001', x'01890000000070008000000000000002', 'account',
    x'00000000000000000000000000000001', 'Company 1', 'C1', 0, 'accepted', '2026-11-20T08:00:01.000Z', 1000);
INSERT INTO forced (session, instance, is_forced, who, reason, wall, mono)
VALUES (x'01890000000070008000000000000001', 'europe', 1, 'kim', 'maintenance', '2026-11-20T08:00:02.000Z', 2000);
INSERT INTO events (session, operation, entity, record, name, number, on_the_way, stage, etag, wall, mono)
VALUES (x'01890000000070008000000000000001', x'01890000000070008000000000000002', 'account',
    x'00000000000000000000000000000001', 'Company 1', 'C1', 0, 'intended', 'W/"7"', '2026-11-20T08:00:03.000Z', 3000);
PRAGMA user_version = 1;
