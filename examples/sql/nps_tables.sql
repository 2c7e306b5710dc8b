CREATE SCHEMA IF NOT EXISTS nps;

CREATE TABLE IF NOT EXISTS nps.targets (
    valid_from date PRIMARY KEY,
    target numeric(5, 1) NOT NULL
);

CREATE TABLE IF NOT EXISTS nps.answers (
    response_id bigint PRIMARY KEY,
    customer text,
    channel text NOT NULL,
    score smallint CHECK (score BETWEEN 0 AND 10),
    comment text,
    answered_at timestamp NOT NULL,
    received_at timestamp NOT NULL
);

CREATE INDEX IF NOT EXISTS answers_by_day ON nps.answers (answered_at);

CREATE TABLE IF NOT EXISTS nps.by_day (
    day date PRIMARY KEY,
    answers integer NOT NULL,
    promoters integer NOT NULL,
    passives integer NOT NULL,
    detractors integer NOT NULL,
    blank integer NOT NULL,
    nps numeric(5, 1),
    target numeric(5, 1),
    reached boolean
);
