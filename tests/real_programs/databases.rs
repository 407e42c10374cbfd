//! sqlite3 and jq.

use std::fmt::Write;

use crate::job::Job;

const SQL: &str = "
CREATE TABLE sales(id INTEGER PRIMARY KEY, region TEXT, item TEXT, amount INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
INSERT INTO sales SELECT i, 'region ' || (i % 17), 'item ' || (i * 7919 % 1009), i * 31 % 997 FROM n;
CREATE INDEX by_item ON sales(item, amount);
SELECT region, count(*), sum(amount), group_concat(DISTINCT amount % 5) FROM sales GROUP BY region;
SELECT item, max(amount) FROM sales WHERE item LIKE 'item 10%' GROUP BY item ORDER BY 2 DESC, 1 LIMIT 5;
UPDATE sales SET item = upper(item) WHERE id % 10 = 0;
DELETE FROM sales WHERE amount < 100;
SELECT count(*), count(DISTINCT item), total(length(item)) FROM sales;
PRAGMA integrity_check;
";

const FILTER: &str = "
[.[] | select(.number % 3 == 0) | {tag: .tags[], number}] | group_by(.tag)
| map({tag: .[0].tag, count: length, sum: (map(.number) | add), first: .[0].number})
";

/// Some 5 MB.
fn json_records() -> String {
    let mut text = String::from("[");
    for number in 0..45_000_u64 {
        let separator = if number == 0 { "" } else { ",\n" };
        let name = number * 7919 % 10_007;
        let (tag, other) = (number % 7, number % 11);
        write!(
            text,
            "{separator}{{\"number\": {number}, \"name\": \"name {name}\", \"tags\": [\"t{tag}\", \
             \"u{other}\"], \"nested\": {{\"half\": {number}.5, \"none\": null, \"yes\": true}}}}"
        )
        .expect("writing to a string");
    }
    text + "]\n"
}

#[test]
fn sqlite3() {
    let job = Job::new("sqlite3", "sqlite3", "sqlite3");
    job.arguments(&["-batch", "sales.db", SQL]).does_the_same_on_every_backend();
}

#[test]
fn jq() {
    let job = Job::new("jq", "jq", "jq").file("records.json", json_records());
    job.arguments(&["-c", FILTER, "records.json"]).does_the_same_on_every_backend();
}
