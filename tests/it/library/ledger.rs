//! A ledger is restored and replayed: every key once, every transaction adds up, or it does not go into service.

use super::cluster::{BIN, Cluster};
use super::walk::{machine, open, until_trouble, walk, workspace};
use crate::support::{Incident, Place, repository};

const BOOKS: &str = "
    create table ledger_accounts (id text primary key, cents bigint not null);
    create table ledger_transactions (key text primary key, booked_at timestamptz not null);
    create table ledger_postings (key text not null references ledger_transactions,
                                  account text not null references ledger_accounts, cents bigint not null);
    insert into ledger_accounts values ('ana', 0), ('ben', 0), ('bank', 0);
    create function book(k text, a text, b text, c bigint) returns void language sql as $$
      insert into ledger_transactions values (k, clock_timestamp());
      insert into ledger_postings values (k, a, -c), (k, b, c);
      update ledger_accounts set cents = cents - c where id = a;
      update ledger_accounts set cents = cents + c where id = b;
    $$;
    select book('pay-1', 'bank', 'ana', 10000), book('pay-2', 'bank', 'ben', 5000);";

/// What came in: `pay-3` is in the restored ledger already, `pay-4` twice on the way, `pay-6` does not add up, `pay-7`
/// goes to nobody. The run that booked interest twice is not in it.
const JOURNAL: &str = "key,line,booked_at,account,cents
pay-3,1,2026-11-20T10:00:00Z,ana,-700
pay-3,2,2026-11-20T10:00:00Z,ben,700
pay-4,1,2026-11-20T11:00:00Z,ana,-300
pay-4,2,2026-11-20T11:00:00Z,ben,300
pay-4,1,2026-11-20T11:00:00Z,ana,-300
pay-4,2,2026-11-20T11:00:00Z,ben,300
pay-5,1,2026-11-20T12:00:00Z,ben,-50
pay-5,2,2026-11-20T12:00:00Z,bank,50
pay-6,1,2026-11-20T13:00:00Z,ben,-50
pay-6,2,2026-11-20T13:00:00Z,bank,40
pay-7,1,2026-11-20T14:00:00Z,ben,-50
pay-7,2,2026-11-20T14:00:00Z,nobody,50
";

/// Restored, promoted, and the journal agreed on.
fn restored() -> Option<(Cluster, Place, Incident)> {
    let place = Place::new();
    let cluster = Cluster::start(&place, "db")?;
    cluster.sql("postgres", "create database bank");
    cluster.sql("bank", BOOKS);
    cluster.back_up("backup");
    cluster.sql("bank", "select book('pay-3', 'ana', 'ben', 700)");
    let balances = cluster.table("bank", &repository().join("runbooks/bank-ledger/balances.sql"));
    let target = cluster.moment();
    let later = "select book('pay-4', 'ana', 'ben', 300), book('interest-1', 'bank', 'ana', 99), book('interest-2', 'bank', 'ana', 99)";
    cluster.sql("bank", later);

    let own = Place::new();
    let along = ["runbooks/postgres", "runbooks/bank-ledger"];
    let team = workspace(&own, "bank-ledger-pitr", &along, &[("wait: 10m", "wait: 1s")])?;
    own.write("ws/balances.csv", balances);
    own.write("ws/journal.csv", JOURNAL);
    let params = [
        ("machine", machine()),
        ("data", cluster.at("data")),
        ("backup", cluster.at("backup")),
        ("archive", cluster.at("archive")),
        ("work", cluster.at("restore")),
        ("database", "bank".to_owned()),
        ("balances", "balances.csv".to_owned()),
        ("journal", "journal.csv".to_owned()),
        ("spare", "1000000".to_owned()),
        ("bin", BIN.to_owned()),
    ];
    let room = open(own, team, "bank-ledger-pitr", Some(&target), &params);
    walk(
        &room,
        &["ben archive-rest", "- stop-point", "cho send tell", "cho stop-service", "- original-before"],
    );
    walk(&room, &["ben copy", "ben recover"]);
    walk(
        &room,
        &["ben approve point-of-no-return", "ana approve point-of-no-return", "cho promote=restored"],
    );
    walk(&room, &["ben approve journal-agreed", "ana approve journal-agreed", "- journal-agreed"]);
    Some((cluster, place, room))
}

#[test]
fn a_ledger_goes_back_and_gets_every_good_key_once() {
    let Some((cluster, _place, room)) = restored() else { return };
    walk(
        &room,
        &["cho replay", "- audit-list", "cho stop-restored", "cho set-original-aside", "cho put-in-place"],
    );
    walk(&room, &["- in-place", &format!("cho open={}", machine()), "- audit-list-served", "- hold"]);
    let books =
        cluster.sql("bank", "select string_agg(id || '=' || cents, ' ' order by id) from ledger_accounts");
    assert_eq!(books, "ana=9000 bank=-14950 ben=5950", "interest is gone, pay-4 and pay-5 are booked once");
    let outcomes =
        "select string_agg(key || ' ' || split_part(outcome, ':', 1), ', ' order by key) from ledger_replay";
    let outcomes = cluster.sql("bank", outcomes);
    assert_eq!(outcomes, "pay-3 there already, pay-4 replayed, pay-5 replayed, pay-6 review, pay-7 review");

    walk(
        &room,
        &["ben confirm new-backup", "cho confirm audit", "cho send tell-supervisor", "cho send say-so"],
    );
    walk(&room, &["cho no-second-server", "- service-answers"]);
    let owing = "2 of ledger keys for review still to reconcile";
    room.refused("ana", &["close", "--reason", "over", "--yes"], owing);
    room.ok("ben", &["reconcile", "ledger keys for review", "2", "--reason", "returned to the senders"]);
    room.close();
}

#[test]
fn a_journal_that_changed_or_a_ledger_that_does_not_add_up_stops_it() {
    let Some((cluster, _place, room)) = restored() else { return };
    let more = format!("{JOURNAL}pay-8,1,2026-11-20T15:00:00Z,ana,-1\npay-8,2,2026-11-20T15:00:00Z,ben,1\n");
    std::fs::write(room.file("journal.csv"), more).unwrap();
    room.until_step("replay", "ready");
    room.ok("cho", &["start", "replay"]);
    until_trouble(&room, "replay");
    let socket = cluster.at("restore/run");
    let ask = |sql: &str| cluster.ask(&socket, "54329", "bank", sql);
    assert_eq!(ask("select count(*), to_regclass('ledger_replay') is null from ledger_transactions"), "3|t");

    // Somebody helps by hand, one-sidedly, and does the replay by hand too: the ledger still does not add up.
    ask("set transaction_read_only = off; update ledger_accounts set cents = cents + 1 where id = 'ana'");
    ask("set transaction_read_only = off; create table ledger_replay (key text, outcome text)");
    room.ok("ana", &["continue", "replay", "--reason", "let us see"]);
    let said = until_trouble(&room, "all-there");
    assert!(said.contains("5 keys of the journal are nowhere"), "{said}");
    room.ok("ana", &["continue", "all-there", "--reason", "let us see"]);
    let said = until_trouble(&room, "double-entry");
    assert!(said.contains("account ana shows"), "{said}");
    assert!(std::path::Path::new(&cluster.at("data/PG_VERSION")).exists(), "the original is where it was");
}
