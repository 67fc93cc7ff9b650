//! `?sql=`: the subset that Microsoft's Python SDK documents, and refusals of all else.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Api, Emulated};

fn path(set: &str, sql: &str) -> String {
    let encoded: String =
        percent_encoding::utf8_percent_encode(sql, percent_encoding::NON_ALPHANUMERIC).collect();
    format!("{set}?sql={encoded}")
}

/// The rows, each as its values in the order of the columns.
async fn rows(us: &Api<'_>, set: &str, sql: &str) -> Vec<Vec<Json>> {
    let answer = us.get(&path(set, sql)).await;
    assert_eq!(answer.status, 200, "{sql}: {}", answer.text);
    let body = answer.json();
    let row = |row: &Json| row.as_object().unwrap().values().cloned().collect();
    body["value"].as_array().unwrap().iter().map(row).collect()
}

/// The first column of an account query as texts.
async fn names(us: &Api<'_>, sql: &str) -> Vec<String> {
    let rows = rows(us, "accounts", sql).await;
    rows.iter()
        .map(|row| row[0].as_str().unwrap_or("-").to_owned())
        .collect()
}

async fn firms() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let firms = [
        (
            1,
            json!({"name": "Acme", "address1_city": "Berlin", "revenue": 10.5, "numberofemployees": 3}),
        ),
        (
            2,
            json!({"name": "Bolt", "address1_city": "Paris", "revenue": 1.25, "numberofemployees": 4}),
        ),
        (
            3,
            json!({"name": "O'Core", "address1_city": "paris", "numberofemployees": 4, "creditonhold": true}),
        ),
        (4, json!({"name": "Dune"})),
    ];
    for (number, row) in firms {
        us.account(&id(number), row).await;
    }
    for (number, account, name) in [(11, 1, "Ada"), (12, 1, "Bob"), (13, 2, "Cid")] {
        let body = json!({"contactid": id(number), "lastname": name,
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(account))});
        assert_eq!(us.post("contacts", body).await.status, 204);
    }
    emulated
}

#[tokio::test]
async fn conditions_are_those_of_sql() {
    let emulated = firms().await;
    let us = emulated.us();
    let cases: &[(&str, &[&str])] = &[
        ("name = 'acme'", &["Acme"]),
        ("name = N'O''Core'", &["O'Core"]),
        ("numberofemployees > 3", &["Bolt", "O'Core"]),
        (
            "numberofemployees >= 3 AND address1_city <> 'Paris'",
            &["Acme"],
        ),
        // What is null is neither equal nor unequal, nor like, nor in.
        ("address1_city != 'Berlin'", &["Bolt", "O'Core"]),
        ("NOT (address1_city = 'Berlin')", &["Bolt", "O'Core"]),
        ("address1_city NOT LIKE 'B%'", &["Bolt", "O'Core"]),
        ("address1_city NOT IN ('Berlin')", &["Bolt", "O'Core"]),
        ("address1_city IS NULL", &["Dune"]),
        ("address1_city IS NOT NULL AND revenue IS NULL", &["O'Core"]),
        ("name LIKE '%o%'", &["Bolt", "O'Core"]),
        ("name IN ('Acme', 'Dune')", &["Acme", "Dune"]),
        ("numberofemployees BETWEEN 3 AND 3", &["Acme"]),
        ("numberofemployees NOT BETWEEN 3 AND 3", &["Bolt", "O'Core"]),
        ("revenue > -1 AND revenue < 2.5", &["Bolt"]),
        ("creditonhold = 1", &["O'Core"]),
        (
            "statecode = 0 AND (name = 'Acme' OR (name = 'Bolt' AND numberofemployees = 4))",
            &["Acme", "Bolt"],
        ),
        (
            "name = 'Acme' OR name = 'Bolt' AND numberofemployees = 3",
            &["Acme"],
        ),
        (
            "accountid = '00000000-0000-4000-8000-000000000002'",
            &["Bolt"],
        ),
        ("createdon >= '2001-01-01' AND name = address1_city", &[]),
    ];
    for (condition, expected) in cases {
        let sql = format!("SELECT name FROM account WHERE {condition} ORDER BY accountid");
        assert_eq!(names(&us, &sql).await, *expected, "{condition}");
    }
}

#[tokio::test]
async fn rows_are_chosen_named_and_ordered() {
    let emulated = firms().await;
    let us = emulated.us();
    let sql = "select top 2 t.name as Firm, [t].numberofemployees headcount -- a comment\n from account as t /* all */ order by t.numberofemployees desc, Firm;";
    let answer = us.get(&path("accounts", sql)).await.json();
    assert_eq!(
        answer["value"],
        json!([{"Firm": "Bolt", "headcount": 4}, {"Firm": "O'Core", "headcount": 4}])
    );
    assert_eq!(
        rows(
            &us,
            "accounts",
            "SELECT revenue FROM account WHERE name = 'Dune'"
        )
        .await,
        [[Json::Null]]
    );
    assert_eq!(
        names(
            &us,
            "SELECT DISTINCT address1_city FROM account ORDER BY address1_city"
        )
        .await,
        ["-", "Berlin", "Paris"]
    );
    assert_eq!(
        names(
            &us,
            "SELECT DISTINCT TOP 2 address1_city FROM account ORDER BY address1_city DESC"
        )
        .await,
        ["Paris", "Berlin"]
    );
    assert_eq!(
        names(
            &us,
            "SELECT name FROM account ORDER BY name OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY"
        )
        .await,
        ["Bolt", "Dune"]
    );
    assert_eq!(
        names(&us, "SELECT name FROM account ORDER BY name OFFSET 3 ROWS").await,
        ["O'Core"]
    );
    assert!(
        names(&us, "SELECT TOP 0 name FROM account")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn tables_are_joined() {
    let emulated = firms().await;
    let us = emulated.us();
    let inner = "SELECT a.name, c.lastname FROM account a JOIN contact c ON a.accountid = c.parentcustomerid ORDER BY c.lastname DESC";
    assert_eq!(
        rows(&us, "accounts", inner).await,
        [["Bolt", "Cid"], ["Acme", "Bob"], ["Acme", "Ada"]]
    );
    let left = "SELECT a.name, c.lastname FROM account a LEFT OUTER JOIN contact c ON (c.parentcustomerid = a.accountid) WHERE c.contactid IS NULL ORDER BY a.name";
    assert_eq!(
        rows(&us, "accounts", left).await,
        [[json!("Dune"), Json::Null], [json!("O'Core"), Json::Null]]
    );
    let users = "SELECT TOP 1 a.name, maker.fullname AS made_by, owner.systemuserid AS owned_by FROM account a INNER JOIN systemuser maker ON a.createdby = maker.systemuserid INNER JOIN systemuser owner ON a.ownerid = owner.systemuserid ORDER BY a.name";
    let found = rows(&us, "accounts", users).await;
    assert_eq!(found[0][0], "Acme");
    assert!(found[0][1].is_string() && found[0][2].is_string());
    // A polymorphic lookup joins only the rows of the joined table.
    let teams = "SELECT a.name FROM account a INNER JOIN team t ON a.ownerid = t.teamid";
    assert!(rows(&us, "accounts", teams).await.is_empty());
    let grouped = "SELECT a.name, COUNT(c.contactid) AS cnt FROM account a LEFT JOIN contact c ON a.accountid = c.parentcustomerid GROUP BY a.name ORDER BY cnt DESC, a.name";
    assert_eq!(
        rows(&us, "accounts", grouped).await,
        [
            [json!("Acme"), json!(2)],
            [json!("Bolt"), json!(1)],
            [json!("Dune"), json!(0)],
            [json!("O'Core"), json!(0)],
        ]
    );
}

#[tokio::test]
async fn totals_are_taken() {
    let emulated = firms().await;
    let us = emulated.us();
    let all = "SELECT COUNT(*) as n, SUM(revenue) AS total, AVG(numberofemployees) AS mean, MIN(revenue) AS least, MAX(createdon) AS last, COUNT(DISTINCT address1_city) AS cities FROM account";
    let found = us.get(&path("accounts", all)).await.json()["value"][0].clone();
    assert_eq!(
        (
            &found["n"],
            &found["total"],
            &found["mean"],
            &found["least"],
            &found["cities"]
        ),
        (&json!(4), &json!(11.75), &json!(3), &json!(1.25), &json!(2))
    );
    let groups = "SELECT address1_city, COUNT(*) AS n FROM account WHERE address1_city IS NOT NULL GROUP BY address1_city ORDER BY n DESC";
    assert_eq!(
        rows(&us, "accounts", groups).await,
        [[json!("Paris"), json!(2)], [json!("Berlin"), json!(1)]]
    );
}

#[tokio::test]
async fn long_results_come_in_pages_with_different_cookies() {
    let emulated = firms().await;
    let us = emulated.us();
    let mut next = Some(path("accounts", "SELECT name FROM account ORDER BY name"));
    let (mut seen, mut links) = (Vec::new(), Vec::new());
    while let Some(link) = next {
        let page = us
            .send("GET", &link, &[("prefer", "odata.maxpagesize=2")], None)
            .await
            .json();
        seen.extend(
            page["value"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
        links.extend(next.clone());
    }
    assert_eq!(seen, ["Acme", "Bolt", "Dune", "O'Core"]);
    assert!(
        links
            .iter()
            .all(|link| link.starts_with(&us.url("accounts?sql="))),
        "{links:?}"
    );
}

#[tokio::test]
async fn everything_else_is_refused_with_the_reason() {
    let emulated = firms().await;
    let us = emulated.us();
    let deep = format!(
        "SELECT name FROM account WHERE {}name = 'x'{}",
        "(".repeat(100),
        ")".repeat(100)
    );
    let negated = format!(
        "SELECT name FROM account WHERE {}name = 'x'",
        "NOT ".repeat(100)
    );
    let cases: &[(&str, &str)] = &[
        ("SELECT * FROM account", "SELECT *"),
        ("SELECT a.* FROM account a", "SELECT *"),
        (
            "SELECT nothing FROM account",
            "Invalid column name 'nothing'",
        ),
        ("SELECT name FROM nothing", "not that of the collection"),
        ("SELECT name FROM contact", "not that of the collection"),
        ("SELECT z.name FROM account", "'z.name' could not be bound"),
        (
            "SELECT name FROM account a JOIN team t ON a.ownerid = t.teamid",
            "Ambiguous column name 'name'",
        ),
        (
            "SELECT a.name, t.name FROM account a JOIN team t ON a.ownerid = t.teamid",
            "more than once",
        ),
        (
            "SELECT a.name FROM account a JOIN team t ON a.name = t.teamid",
            "compares Edm.Guid with Edm.String",
        ),
        (
            "SELECT a.name FROM account a JOIN team t ON a.name = a.name",
            "earlier table",
        ),
        (
            "SELECT a.name FROM account a JOIN team t ON a.ownerid = t.teamid AND t.name = 'x'",
            "one comparison",
        ),
        (
            "SELECT a.name FROM account a RIGHT JOIN team t ON a.ownerid = t.teamid",
            "RIGHT is not supported",
        ),
        (
            "SELECT a.name FROM account a CROSS JOIN team t",
            "CROSS is not supported",
        ),
        ("SELECT a.name FROM account a, team t", "list of tables"),
        (
            "SELECT name FROM account UNION SELECT name FROM team",
            "UNION is not supported",
        ),
        (
            "SELECT name, COUNT(*) FROM account GROUP BY name HAVING COUNT(*) > 1",
            "HAVING is not supported",
        ),
        (
            "SELECT name, COUNT(*) FROM account",
            "neither in an aggregate",
        ),
        ("SELECT SUM(name) AS n FROM account", "no sum can be taken"),
        (
            "SELECT UPPER(name) FROM account",
            "'UPPER' is not supported",
        ),
        (
            "SELECT name FROM account WHERE LEN(name) > 1",
            "'LEN' is not supported",
        ),
        (
            "SELECT name FROM account WHERE accountid IN (SELECT accountid FROM account)",
            "Subqueries",
        ),
        ("SELECT name FROM (SELECT name FROM account)", "Subqueries"),
        (
            "WITH x AS (SELECT name FROM account) SELECT name FROM x",
            "WITH is not supported",
        ),
        ("DELETE FROM account", "DELETE is not supported"),
        (
            "SELECT name FROM account; SELECT name FROM account",
            "Incorrect syntax near 'SELECT'",
        ),
        (
            "SELECT name FROM account WHERE numberofemployees = 'many'",
            "'many' is not a value",
        ),
        ("SELECT TOP 5001 name FROM account", "0 to 5000"),
        (
            "SELECT TOP 1 name FROM account ORDER BY name OFFSET 1 ROWS",
            "OFFSET",
        ),
        (
            "SELECT name FROM account WHERE name = 'x",
            "A text has no end",
        ),
        ("SELECT name FROM account /* x", "A comment has no end"),
        ("SELECT name FROM account WHERE", "ends too early"),
        ("SELECT name FROM account WHERE name # 'x'", "near '#'"),
        ("", "ends too early"),
        (&deep, "nest too deep"),
        (&negated, "nest too deep"),
    ];
    for (sql, message) in cases {
        let answer = us.get(&path("accounts", sql)).await;
        assert_eq!(answer.status, 400, "{sql}: {}", answer.text);
        assert!(answer.text.contains(message), "{sql}: {}", answer.text);
    }
}
