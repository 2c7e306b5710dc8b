DELETE FROM daily_summary WHERE order_date = '{{ ds }}';

INSERT INTO daily_summary (order_date, country, orders, items, revenue)
SELECT order_date, country, COUNT(*), SUM(quantity), ROUND(SUM(quantity * unit_price), 2)
FROM orders
WHERE order_date = '{{ ds }}'
GROUP BY order_date, country;
