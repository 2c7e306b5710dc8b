-- Every day whose answers are complete; those without a score are counted as blank, and otherwise left out.
WITH counted AS (
    SELECT
        answered_at::date AS day,
        count(score) AS answers,
        count(*) FILTER (WHERE score >= 9) AS promoters,
        count(*) FILTER (WHERE score BETWEEN 7 AND 8) AS passives,
        count(*) FILTER (WHERE score <= 6) AS detractors,
        count(*) FILTER (WHERE score IS NULL) AS blank
    FROM nps.answers
    GROUP BY 1
    HAVING count(*) >= {{ params.least_answers }}
),
scored AS (
    SELECT *, round(100.0 * (promoters - detractors) / nullif(answers, 0), 1) AS nps
    FROM counted
)
SELECT
    scored.*,
    targets.target,
    scored.nps >= targets.target AS reached
FROM scored
LEFT JOIN LATERAL (
    SELECT target FROM nps.targets WHERE valid_from <= scored.day ORDER BY valid_from DESC LIMIT 1
) AS targets ON true
ORDER BY scored.day
