//! A read model is rebuilt from its events, and a migration that was only expanded is left without losing a row.

use super::walk::{open, until_trouble, walk, workspace};
use crate::support::{Incident, Place, Postgres};

const EVENTS: &str = "
    create table events (position bigint primary key, account text, cents bigint);
    insert into events select n, 'account ' || n % 5, n from generate_series(1, 500) n;
    create table balances (account text primary key, cents bigint);
    insert into balances select account, sum(cents) * 2 from events group by account;";

struct Model {
    postgres: Postgres,
    _place: Place,
}

impl Model {
    fn wrong() -> Option<Model> {
        let place = Place::new();
        let postgres = Postgres::start(&place)?;
        postgres.sql("postgres", EVENTS).unwrap();
        Some(Model { postgres, _place: place })
    }

    fn open(&self, projection: &str) -> Option<Incident> {
        let own = Place::new();
        let team = workspace(&own, "event-sourced-rebuild", &["runbooks/events"], &[])?;
        own.write("ws/project.sql", projection);
        own.write(
            "ws/truth.sql",
            "select count(distinct account) as accounts, sum(cents) as cents from events where position <= :position;",
        );
        own.write("ws/summary.sql", "select count(*) as accounts, sum(cents) as cents from :model;");
        let params = [
            ("db", format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.postgres.port())),
            ("events", "events".to_owned()),
            ("model", "balances".to_owned()),
            ("project", "project.sql".to_owned()),
            ("truth", "truth.sql".to_owned()),
            ("summary", "summary.sql".to_owned()),
            ("pause", "touch paused".to_owned()),
            ("resume", "echo $POSITION > resumed".to_owned()),
        ];
        let room = open(own, team, "event-sourced-rebuild", Some("2026-11-20T10:00:00Z"), &params);
        walk(&room, &["cho send tell", "cho stop-projector", "- position"]);
        Some(room)
    }

    fn sql(&self, statement: &str) -> String {
        self.postgres.sql("postgres", statement).unwrap()
    }
}

#[test]
fn a_read_model_is_rebuilt_beside_the_wrong_one_and_the_wrong_one_is_kept() {
    let Some(model) = Model::wrong() else { return };
    let right = "insert into :rebuilt select account, sum(cents) from events where position <= :position group by account;";
    let Some(room) = model.open(right) else { return };
    walk(&room, &["ben rebuild", "- adds-up"]);
    assert_eq!(model.sql("select sum(cents) from balances"), "250500", "readers still see the old one");
    walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes", "cho switch"]);
    walk(
        &room,
        &["- adds-up-in-place", "cho start-projector", "- still-adds-up", "ben confirm not-wrong-again"],
    );
    assert_eq!(model.sql("select sum(cents) from balances"), "125250");
    assert_eq!(model.sql("select sum(cents) from balances_replaced"), "250500");
    assert_eq!(std::fs::read_to_string(room.file("resumed")).unwrap().trim(), "500");
    walk(&room, &["cho send say-so"]);
    room.close();
}

#[test]
fn a_rebuild_that_does_not_add_up_is_not_put_in_place() {
    let Some(model) = Model::wrong() else { return };
    let same_mistake = "insert into :rebuilt select account, sum(cents) * 2 from events where position <= :position group by account;";
    let Some(room) = model.open(same_mistake) else { return };
    room.until_step("rebuild", "ready");
    room.ok("ben", &["start", "rebuild"]);
    until_trouble(&room, "adds-up");
    assert_eq!(model.sql("select to_regclass('balances_replaced') is null"), "t");
}

#[test]
fn events_with_a_gap_are_not_built_from() {
    let Some(model) = Model::wrong() else { return };
    model.sql("delete from events where position = 77");
    let own = Place::new();
    let Some(team) = workspace(&own, "event-sourced-rebuild", &["runbooks/events"], &[]) else { return };
    let db = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", model.postgres.port());
    let params =
        [("db", db.as_str()), ("events", "events"), ("model", "balances"), ("project", "p"), ("truth", "t")];
    let more = [("summary", "s"), ("pause", "true"), ("resume", "true")];
    let params: Vec<_> = params.into_iter().chain(more).map(|(n, v)| (n, v.to_owned())).collect();
    let room = open(own, team, "event-sourced-rebuild", Some("2026-11-20T10:00:00Z"), &params);
    assert!(until_trouble(&room, "no-gaps").contains("1 missing"));
}

fn expanded(value: &str) -> Option<(Place, Postgres, Incident)> {
    let place = Place::new();
    let postgres = Postgres::start(&place)?;
    postgres.sql("postgres", "create database orders").unwrap();
    let tables = format!(
        "create table orders (id serial primary key, guest_email varchar(40), contact text);
         insert into orders (guest_email, contact) select 'old' || n || '@x', 'old' || n || '@x' from generate_series(1, 1500) n;
         insert into orders (contact) select 'new' || n || '@x' from generate_series(1, 1500) n;
         insert into orders (contact) values ('{value}')"
    );
    postgres.sql("orders", &tables).unwrap();
    let own = Place::new();
    let team = workspace(&own, "orders-schema-expand-contract", &["runbooks/orders"], &[])?;
    // The password is asked for from the environment; this server trusts everybody.
    let path = own.join("ws/runbooks/orders-schema-expand-contract.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("secret: true, env: ORDERS_PGPASSWORD, required: true", "default: none"),
    )
    .unwrap();
    let params = [
        ("port", postgres.port().to_string()),
        ("back", "touch went-back".to_owned()),
        ("forth", "rm went-back".to_owned()),
    ];
    let room = open(own, team, "orders-schema-expand-contract", None, &params);
    Some((place, postgres, room))
}

#[test]
fn an_expanded_schema_is_left_while_orders_keep_coming() {
    let Some((_place, postgres, room)) = expanded("last@x") else { return };
    walk(&room, &["cho send tell", "ben write-both"]);
    postgres.sql("orders", "insert into orders (contact) values ('while@x')").unwrap();
    walk(&room, &["ben copy-back", "- alike"]);
    walk(&room, &["ben approve two-pairs-of-eyes", "ana approve two-pairs-of-eyes", "cho switch"]);
    postgres.sql("orders", "insert into orders (guest_email) values ('after@x')").unwrap();
    postgres.sql("orders", "update orders set guest_email = 'changed@x' where id = 1").unwrap();
    walk(&room, &["- still-alike", "cho send say-so"]);
    let both =
        "select count(*), count(guest_email), count(*) filter (where guest_email = contact) from orders";
    assert_eq!(postgres.sql("orders", both).unwrap(), "3003|3003|3003");
    room.close();
}

#[test]
fn a_value_that_the_old_column_cannot_hold_stops_it_before_anything_is_changed() {
    let Some((_place, postgres, room)) =
        expanded("somebody.with.a.very.long.name@a.very.long.domain.example")
    else {
        return;
    };
    assert!(until_trouble(&room, "all-fit").contains("1 do not fit"));
    let copied = postgres.sql("orders", "select count(guest_email) from orders").unwrap();
    assert_eq!(copied, "1500");
}
