//! The orders runbook against a real PostgreSQL: first its SQL by itself.

mod walk;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Place, Postgres, repository, wait_for};

const DATABASE: &str = "orders";

/// The shop's database after migration 0003 and a while of use.
struct Shop {
    postgres: Postgres,
    _place: Place,
}

impl Shop {
    fn open() -> Option<Shop> {
        let place = Place::new();
        let postgres = Postgres::start(&place)?;
        postgres.sql("postgres", "create database orders").unwrap();
        let shop = Shop { postgres, _place: place };
        for file in ["before", "up", "new-rows"] {
            shop.fixture(file).unwrap();
        }
        Some(shop)
    }

    fn fixture(&self, name: &str) -> Result<String, String> {
        self.postgres.file(DATABASE, &repository().join(format!("tests/it/orders/{name}.sql")))
    }

    fn sql(&self, statement: &str) -> String {
        self.postgres.sql(DATABASE, statement).unwrap()
    }

    /// Runs one of the runbook's files as the runbook does.
    fn step(&self, name: &str) -> Result<String, String> {
        let file = repository().join(format!("runbooks/orders/{name}.sql"));
        let mut psql = self.postgres.psql(DATABASE);
        let output = psql.args(["-A", "-t", "--csv", "-f"]).arg(file).output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8(output.stderr).unwrap())
        }
    }

    /// Opens a session that has done `statement` in a transaction and stays there.
    fn session(&self, statement: &str) -> Session {
        let mut psql = self.postgres.psql(DATABASE);
        psql.args(["-A", "-t"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = psql.spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "begin; {statement}; select 'there';").unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "there"), "the session came up");
        Session(child)
    }
}

/// An open session; ends when dropped.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_naive_down_migration_loses_data_and_then_fails_half_way() {
    let Some(shop) = Shop::open() else { return };
    let why = shop.fixture("naive-down").unwrap_err();
    assert!(why.contains("column \"customer\" of relation \"orders\" contains null values"), "{why}");
    let left = shop.sql("select count(*) from information_schema.columns where column_name = 'guest_email'");
    assert_eq!(left, "0", "the addresses are gone");
    assert_eq!(
        shop.sql("select count(*) from schema_migrations where version = '0003'"),
        "1",
        "and yet not down"
    );
}

#[test]
fn every_row_is_afterwards_in_the_table_or_in_the_quarantine() {
    let Some(shop) = Shop::open() else { return };
    shop.step("suspend-writes").unwrap();
    let before = shop.step("fingerprint-before").unwrap();
    let counts: Vec<&str> = before.lines().map(|line| line.rsplit_once(',').unwrap().0).collect();
    assert_eq!(counts, ["orders,3", "order_items,3", "orders set aside,3", "order_items set aside,4"]);

    assert_eq!(shop.step("quarantine").unwrap().trim(), "3");
    assert_eq!(shop.step("fingerprint-before").unwrap(), before, "a fingerprint taken again says the same");
    shop.step("down").unwrap();
    assert_eq!(shop.step("fingerprint-after").unwrap(), before);

    assert_eq!(shop.step("health").unwrap().trim(), "ok");
    assert_eq!(shop.sql("select count(*) from orders"), "3", "the health check left no order");
    let kept = shop.sql("select string_agg(guest_email, ' ' order by id) from quarantine.orders_0003");
    assert_eq!(kept, "guest@example.com other@example.com");
    let refused = shop
        .postgres
        .sql(DATABASE, "insert into orders (customer, status, amount_cents) values ('x', 'refunded', 1)");
    assert!(refused.unwrap_err().contains("orders_status_known"), "the older schema is back");
}

#[test]
fn a_changed_row_changes_the_fingerprint() {
    let Some(shop) = Shop::open() else { return };
    let before = shop.step("fingerprint-before").unwrap();
    shop.step("quarantine").unwrap();
    shop.step("down").unwrap();
    shop.sql("update orders set amount_cents = amount_cents + 1 where customer = 'kim'");
    let after = shop.step("fingerprint-after").unwrap();
    let differ: Vec<&str> =
        before.lines().zip(after.lines()).filter(|(b, a)| b != a).map(|(_, a)| a).collect();
    assert_eq!(differ.len(), 1, "{before}\n{after}");
    assert!(differ[0].starts_with("orders,3,"), "{differ:?}");

    shop.sql(
        "update quarantine.orders_0003 set guest_email = 'lost' where guest_email = 'guest@example.com'",
    );
    let after = shop.step("fingerprint-after").unwrap();
    assert_ne!(before.lines().nth(2), after.lines().nth(2), "what is set aside is watched as well");
}

#[test]
fn the_down_migration_refuses_rows_it_would_lose() {
    let Some(shop) = Shop::open() else { return };
    let before = shop.step("fingerprint-before").unwrap();
    let why = shop.step("down").unwrap_err();
    assert!(why.contains("cannot hold: run quarantine.sql"), "{why}");
    assert_eq!(shop.step("fingerprint-before").unwrap(), before, "nothing has changed");

    shop.step("quarantine").unwrap();
    shop.step("down").unwrap();
    let again = shop.step("down").unwrap_err();
    assert!(again.contains("migration 0003 is not applied"), "{again}");
}

#[test]
fn a_reader_in_the_way_is_named_and_the_migration_gives_up_soon() {
    let Some(shop) = Shop::open() else { return };
    shop.step("quarantine").unwrap();
    assert_eq!(shop.step("busy").unwrap(), "nobody\n");

    let reader = shop.session("select count(*) from orders");
    let busy = shop.step("busy").unwrap();
    assert!(busy.contains("idle in transaction") && busy.contains("postgres"), "{busy}");
    let begun = Instant::now();
    let why = shop.step("down").unwrap_err();
    assert!(why.contains("canceling statement due to lock timeout"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(60), "it gave up by itself");
    assert_eq!(shop.sql("select count(*) from schema_migrations where version = '0003'"), "1");

    drop(reader);
    wait_for("the reader is gone", Duration::from_secs(20), || match shop.step("busy").unwrap() {
        busy if busy == "nobody\n" => Ok(()),
        busy => Err(busy),
    });
    shop.step("down").unwrap();
}

#[test]
fn the_quarantine_runs_again_without_harm_and_can_be_taken_back() {
    let Some(shop) = Shop::open() else { return };
    let untouched = shop.sql("select o::text from orders o order by id");
    assert_eq!(shop.step("quarantine").unwrap().trim(), "3");
    assert_eq!(shop.step("quarantine").unwrap().trim(), "3", "the second time finds nothing to move");
    shop.sql("insert into orders (guest_email, status, amount_cents) values ('late@example.com', 'new', 5)");
    assert_eq!(shop.step("quarantine").unwrap().trim(), "4", "a late row follows the others");
    shop.sql("delete from quarantine.orders_0003 where guest_email = 'late@example.com'");

    shop.step("put-back").unwrap();
    assert_eq!(shop.sql("select o::text from orders o order by id"), untouched);
    assert_eq!(shop.sql("select count(*) from order_items"), "7");
    assert_eq!(shop.sql("select count(*) from quarantine.orders_0003"), "0");
}

#[test]
fn suspended_writes_end_open_sessions_and_keep_new_ones_out() {
    let Some(shop) = Shop::open() else { return };
    let writer = || {
        let mut psql = shop.postgres.psql(DATABASE);
        psql.env("PGUSER", "orders_writer").args(["-A", "-t"]);
        psql
    };
    let mut open = writer();
    open.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut open = open.spawn().unwrap();
    writeln!(open.stdin.as_mut().unwrap(), "select 'there';").unwrap();
    let mut first = String::new();
    BufReader::new(open.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, "there\n");

    assert_eq!(shop.step("suspend-writes").unwrap().trim(), "1", "one session was ended");
    let _ = writeln!(open.stdin.as_mut().unwrap(), "select 'still there';");
    assert!(!open.wait().unwrap().success(), "the open session is gone");
    let late = writer().args(["-c", "select 1"]).output().unwrap();
    let said = String::from_utf8_lossy(&late.stderr).into_owned();
    assert!(said.contains("too many connections for role \"orders_writer\""), "{said}");

    shop.step("resume-writes").unwrap();
    assert!(writer().args(["-c", "select 1"]).output().unwrap().status.success());
}
