CREATE TABLE IF NOT EXISTS orders (
    order_id   INTEGER PRIMARY KEY,
    order_date TEXT NOT NULL,
    customer   TEXT,
    country    TEXT NOT NULL,
    product    TEXT NOT NULL,
    quantity   INTEGER NOT NULL,
    unit_price NUMERIC NOT NULL
);

CREATE TABLE IF NOT EXISTS rejected_orders (
    order_date TEXT NOT NULL,
    line       INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (order_date, line)
);

CREATE TABLE IF NOT EXISTS daily_summary (
    order_date TEXT NOT NULL,
    country    TEXT NOT NULL,
    orders     INTEGER NOT NULL,
    items      INTEGER NOT NULL,
    revenue    NUMERIC NOT NULL,
    PRIMARY KEY (order_date, country)
);
