//! For every rule a runbook that breaks it, and for many one that looks like it and does not.

use super::*;
use chrono::NaiveDate;

/// Rule, text of the full runbook, and what takes its place to break the rule.
#[rustfmt::skip]
const BAD: &[(&str, &str, &str)] = &[
    ("lint-irreversible-uncovered", "covers: [down]", "covers: [version]"),
    ("lint-irreversible-no-target", "        target: {run: [psql, -Atc, \"select current_database()\"], equals: orders}\n", ""),
    ("lint-approve-covers-nothing", "covers: [down]", "covers: []"),
    ("lint-approve-too-late", "covers: [down]", "covers: [down, baseline]"),
    ("lint-approve-before-measure", "      - id: down\n        run: [migrate, down, \"{{ params.migration }}\"]", "      - {id: m, measure: {run: [a]}, as: late}\n      - id: down\n        run: [migrate, down, \"{{ measurements.late }}\"]"),
    ("lint-approve-own-work", "separation_of_duties: [initiator, executor]", "separation_of_duties: []"),
    ("lint-approve-own-work", "separation_of_duties: [initiator, executor]", "separation_of_duties: [initiator]"),
    ("lint-suspended-never-resumed", "resumes: writes", "text: x"),
    ("lint-resumed-never-suspended", "suspends: writes", "text: x"),
    ("lint-suspended-after-abort", "        undo: [psql, -c, \"alter database orders reset default_transaction_read_only\"]\n", "      - {id: here, run: [thaw], timeout: 5s, role: dba, resumes: writes}\n      - id: not-in-always\n        check: {run: [a], expect: {max: 1}}\n"),
    ("lint-change-not-verified", "await: {run: [psql, -Atc, \"show default_transaction_read_only\"], expect: {equals: \"off\"}, within: 1m, every: 1s}", "manual: Look yourself."),
    ("lint-destructive", "run: [psql, -c, \"alter database orders set", "run: [psql, -c, \"DROP TABLE x; alter database orders set"),
    ("lint-destructive", "undo: [psql, -c, \"alter", "undo: [psql, -c, \"truncate t; alter"),
    ("lint-look-changes", "measure: {run: \"psql -Atc 'select id, total from orders' --csv\"}", "measure: {run: \"psql -Atc 'update orders set seen = true' --csv\"}"),
    ("lint-look-changes", "target: {run: [psql, -Atc, \"select current_database()\"]", "target: {run: [systemctl, restart, postgresql]"),
    ("lint-undo-contradicts", "irreversible: true", "irreversible: true\n        undo: [migrate, up]"),
    ("lint-undo-contradicts", "alter database orders reset default_transaction_read_only\"]\n        reconcile", "alter database orders set default_transaction_read_only = on\"]\n        reconcile"),
    ("lint-change-by-anybody", "set_aside: /var/tmp/orders.dump\n        role: dba", "set_aside: /var/tmp/orders.dump"),
    ("lint-target-not-asked", "target: {run: [psql, -Atc, \"select current_database()\"]", "target: {run: [echo, orders]"),
    ("lint-pipe-hides-failure", "[migrate, down, \"{{ params.migration }}\"]", "migrate down | tee log"),
    ("lint-failure-swallowed", "[migrate, down, \"{{ params.migration }}\"]", "migrate down || true"),
    ("lint-left-running", "[migrate, down, \"{{ params.migration }}\"]", "migrate down &"),
    ("lint-left-running", "[migrate, down, \"{{ params.migration }}\"]", "[nohup, migrate]"),
    ("lint-no-terminal", "[migrate, down, \"{{ params.migration }}\"]", "[sudo, migrate]"),
    ("lint-no-terminal", "[migrate, down, \"{{ params.migration }}\"]", "[tail, -f, log]"),
    ("lint-no-terminal", "[migrate, down, \"{{ params.migration }}\"]", "kubectl exec -it db -- sh"),
    ("lint-ssh-inside", "[migrate, down, \"{{ params.migration }}\"]", "[ssh, db1, migrate]"),
    ("lint-moving-target", "[migrate, down, \"{{ params.migration }}\"]", "[kubectl, rollout, undo, deploy/x]"),
    ("lint-moving-target", "[migrate, down, \"{{ params.migration }}\"]", "[docker, run, \"web:latest\"]"),
    ("lint-moving-target", "[migrate, down, \"{{ params.migration }}\"]", "[helm, rollback, web]"),
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "[psql, -c, \"select '{{ params.deployed_at }}'\"]"),
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "[sh, -c, \"migrate {{ measurements.orders_before }}\"]"),
    ("lint-secret-outside-env", "[migrate, down, \"{{ params.migration }}\"]", "[migrate, down, \"{{ params.dsn }}\"]"),
    ("lint-secret-written", "[migrate, down, \"{{ params.migration }}\"]", "[migrate, --password=hunter2]"),
    ("lint-secret-written", "PGSERVICE: orders", "PGPASSWORD: hunter2"),
    ("lint-secret-written", "Accept: application/json", "Authorization: Bearer abcdefghijklmnop"),
    ("lint-cleartext", "http: {url: \"https://orders.internal/schema/{{ params.migration }}\", headers: {Accept:", "http: {url: \"http://orders.internal/schema/{{ params.migration }}\", headers: {Authorization:"),
    ("lint-no-effect", "send: status", "send: status\n        timeout: 5s"),
    ("lint-not-supported", "set_aside: /var/tmp/orders.dump", "set_aside: /var/tmp/orders.dump\n        host: db1"),
    ("lint-host-unknown", "exit_codes: [0, 3]", "host: db1"),
    ("lint-goto-backward", "then: end}", "then: frozen}"),
    ("lint-needs-cycle", "needs: []", "needs: [frozen]"),
    ("lint-no-look-first", "send: status\n", "run: [touch, x]\n        timeout: 5s\n"),
    ("lint-check-too-early", "          count: 3\n          interval: 2s\n", ""),
    ("lint-check-cannot-fail", "expect: {max: 0.01}", "expect: {matches: \".*\"}"),
    ("lint-check-ignored", "on_no_data: fail", "on_no_data: pass"),
    ("lint-check-ignored", "on_no_data: fail", "on_failure: continue"),
    ("lint-blind-wait", "wait: {for: 10m, unless: {metric: error_rate, condition: \">= 0.05\"}}", "wait: 10m"),
    ("lint-bare-choice", "message: Is migration {{ params.migration }} reversible in place?\n          options:\n            - {name: in place", "message: All OK?\n          options:\n            - {name: \"yes\""),
    ("lint-one-option", "            - {name: leave it, then: end}\n", ""),
    ("lint-long-phase", "  - name: Act\n    steps:\n", ""),
    ("lint-title-twice", "- id: moved\n", "- id: moved\n        title: baseline\n"),
    ("lint-phase-name-twice", "name: Act", "name: Freeze"),
    ("lint-measured-beside", "      - id: down\n        run: [migrate, down, \"{{ params.migration }}\"]", "      - id: down\n        needs: []\n        run: [migrate, down, \"{{ measurements.orders_before }}\"]"),
    ("lint-measured-later", "as: orders_before", "as: orders_after\n      - id: x\n        check: {run: [a], expect: {same_as: orders_before}}\n      - id: late\n        measure: {run: [a]}\n        as: orders_before"),
    ("lint-restore-not-compared", "class: schema", "class: restore\nrestore_point: {prompt: When}"),
    ("lint-restore-point-unused", "class: schema", "class: data\nrestore_point: {prompt: When}"),
    ("lint-region", "region: eu-west-1\n        cwd", "region: us-east-1\n        cwd"),
    ("lint-does-not-undo", "does_not_undo: E-mails already sent; rows quarantined by step split-rows.", "does_not_undo: nothing"),
    ("lint-wording", "manual: Write down where the dump went.", "manual: Just write down where it went."),
    ("lint-wording", "manual: Write down where the dump went.", "manual: The dump should be there."),
    ("lint-unfinished", "manual: Write down where the dump went.", "manual: \"TODO: where?\""),
    ("lint-unfinished", "[migrate, down, \"{{ params.migration }}\"]", "[migrate, down, \"<migration>\"]"),
    ("lint-no-message", "send: status\n", "manual: Tell them.\n"),
    ("lint-late-message", "- id: announce\n        send: status\n", "- id: announce\n        run: [a]\n        timeout: 5s\n"),
    ("lint-cadence", "every: 20m", "every: 1m"),
    ("lint-cadence", "cadence: [{audience: customers", "cadence: [{audience: executives"),
    ("lint-review-stale", "owners: [team-orders]\n", "owners: [team-orders]\nreviewed: 2026-01-02\n"),
    ("lint-review-stale", "owners: [team-orders]\n", "owners: [team-orders]\nreviewed: 2027-01-02\n"),
    ("lint-window-too-short", "lasts: 24h", "lasts: 30m"),
    ("lint-unused", "expect: {csv: {key: [id], same_as: orders_before, except: [\"17\"]}}", "expect: {csv: {key: [id], rows: 3}}"),
    ("lint-unknown-channel", "channel: statuspage", "channel: pigeon"),
    ("lint-unknown-source", "source: prod", "source: stars"),
    ("lint-quorum-unreachable", "{role: dba, count: 2}", "{role: dba, count: 9}"),
    ("lint-role-apart", "communications: {}", "communications: {excludes: [astronaut]}"),
    ("lint-role-apart", "communications: {}", "communications: {excludes: [communications]}"),
    ("lint-role-vacant", "communications: {}", "communications: {}\n  astronaut: {}"),
    ("lint-await-never", "within: 2m", "within: 5s"),
    ("lint-deadline-too-short", "timeout: 10m", "timeout: 1m"),
    ("lint-retry-once", "max_attempts: 3", "max_attempts: 1"),
    ("lint-silence-expected", "expect: {max: 0.01}", "expect: {equals: ''}"),
    ("lint-unchanged-in-check", "expect: {max: 0.01}", "expect: {unchanged_for: 5s}"),
    ("lint-longer-than-rto", "within: 2m", "within: 2h"),
    ("lint-no-estimate", "        estimate: 6m\n", ""),
    ("lint-threshold-order", "warn: 0.01", "warn: 0.5"),
    ("lint-trigger-hasty", " for: 2m,", ""),
    ("lint-trigger-inverted", "condition: \"> 0.05\"", "condition: \"< 0.05\""),
];

/// Rule, text of the full runbook, and something that looks like a break of the rule and is none.
#[rustfmt::skip]
const GOOD: &[(&str, &str, &str)] = &[
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "[psql, -c, \"select '{{ params.migration }}'\"]"),
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "[psql, -v, \"x={{ params.deployed_at }}\", -f, down.sql]"),
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "migrate {{ params.deployed_at }}"),
    ("lint-value-in-code", "[migrate, down, \"{{ params.migration }}\"]", "[sh, -c, \"{{ params.deployed_at }}\"]"),
    ("lint-destructive", "run: [psql, -c, \"alter database orders set", "run: [psql, -c, \"select dropped; alter database orders set"),
    ("lint-look-changes", "select id, total from orders", "select id, last_update from orders"),
    ("lint-look-changes", "target: {run: [psql, -Atc, \"select current_database()\"]", "target: {run: [kubectl, auth, can-i, patch, deployments]"),
    ("lint-pipe-hides-failure", "[migrate, down, \"{{ params.migration }}\"]", "migrate down || migrate status"),
    ("lint-pipe-hides-failure", "[migrate, down, \"{{ params.migration }}\"]", "migrate 'a|b' # a | b"),
    ("lint-pipe-hides-failure", "[migrate, down, \"{{ params.migration }}\"]", "[bash, -c, \"set -eo pipefail; a | b\"]"),
    ("lint-failure-swallowed", "[migrate, down, \"{{ params.migration }}\"]", "test -d x || migrate down"),
    ("lint-left-running", "[migrate, down, \"{{ params.migration }}\"]", "migrate down > log 2>&1 && migrate status"),
    ("lint-no-terminal", "[migrate, down, \"{{ params.migration }}\"]", "[sudo, -n, -u, postgres, migrate]"),
    ("lint-no-terminal", "[migrate, down, \"{{ params.migration }}\"]", "[tail, -n, \"5\", /var/log/further]"),
    ("lint-ssh-inside", "[migrate, down, \"{{ params.migration }}\"]", "[migrate, --ssh-key, /etc/key]"),
    ("lint-moving-target", "[migrate, down, \"{{ params.migration }}\"]", "[kubectl, rollout, undo, deploy/x, --to-revision=7]"),
    ("lint-moving-target", "[migrate, down, \"{{ params.migration }}\"]", "[helm, rollback, web, \"7\"]"),
    ("lint-secret-written", "[migrate, down, \"{{ params.migration }}\"]", "[migrate, --password-file, /run/secrets/x]"),
    ("lint-secret-written", "PGSERVICE: orders", "PGPASSFILE: /run/secrets/pgpass"),
    ("lint-cleartext", "https://orders.internal/schema", "http://orders.internal/schema"),
    ("lint-check-too-early", "          count: 3\n          interval: 2s\n", "          count: 2\n"),
    ("lint-check-cannot-fail", "expect: {max: 0.01}", "expect: {matches: \".+\"}"),
    ("lint-bare-choice", "{name: leave it, then: end}", "{name: \"no\", then: end}"),
    ("lint-restore-not-compared", "class: schema", "class: restore\nrestore_point: {prompt: When}\n# the check moves before the point of no return\n"),
    ("lint-restore-point-unused", "class: schema", "class: data\nrestore_point: {prompt: \"{{ incident.restore_point }}\"}"),
    ("lint-wording", "manual: Write down where the dump went.", "manual: Write it down just before you leave."),
    ("lint-wording", "manual: Write down where the dump went.", "manual: Adjust the simplify flag and write it down."),
    ("lint-unfinished", "manual: Write down where the dump went.", "manual: Write 1 < 2 > 0 in the todo list."),
    ("lint-review-stale", "owners: [team-orders]\n", "owners: [team-orders]\nreviewed: 2026-10-02\n"),
    ("lint-no-message", "environment: production", "environment: staging"),
    ("lint-change-by-anybody", "send: status\n        role: communications", "send: status"),
    ("lint-deadline-too-short", "timeout: 10m", "timeout: 6m"),
];

fn codes(text: &str) -> Vec<String> {
    let people = ["ann", "bob", "cyd", "dan"].map(|id| {
        person(id, if id == "ann" { &["commander", "communications"] } else { &["dba", "executive"] })
    });
    let context = Context {
        people: Some(people.to_vec()),
        channels: Some(["statuspage".to_owned()].into()),
        sources: Some(["prod".to_owned()].into()),
        today: NaiveDate::from_ymd_opt(2026, 11, 21),
    };
    match load("r.yaml", text.as_bytes()) {
        Ok(loaded) => lint(&loaded, &context).iter().map(|f| f.code.to_owned()).collect(),
        Err(findings) => vec![format!("unreadable: {}", to_text(&findings, Paint::Plain))],
    }
}

#[test]
fn every_rule_has_an_example_that_breaks_it() {
    assert_eq!(codes(FULL), Vec::<String>::new(), "the full runbook breaks nothing");
    let mut missed = Vec::new();
    for (code, from, to) in BAD {
        assert!(FULL.contains(from), "{code}: {from}");
        let mut text = FULL.replacen(from, to, 1);
        if *code == "lint-no-message" || *code == "lint-late-message" {
            text = text.replacen(
                "cadence: [{audience: customers, every: 20m, template: status}]",
                "cadence: []",
                1,
            );
        }
        if *code == "lint-suspended-after-abort" {
            text = text.replacen("resumes: writes\n    idempotent", "idempotent", 1);
        }
        if *code == "lint-late-message" {
            text.push_str("  - {id: at-last, send: status, role: communications, estimate: 1s}\n");
        }
        let found = codes(&text);
        if !found.iter().any(|f| f == code) {
            missed.push(format!("{code}: {to}: {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    let unproved: Vec<&str> =
        RULES.iter().map(|r| r.code).filter(|code| !BAD.iter().any(|(bad, ..)| bad == code)).collect();
    assert!(unproved.is_empty(), "no example breaks {unproved:?}");
}

#[test]
fn what_only_looks_like_a_break_is_none() {
    let mut wrong = Vec::new();
    for (code, from, to) in GOOD {
        assert!(FULL.contains(from), "{code}: {from}");
        let mut text = FULL.replacen(from, to, 1);
        if *code == "lint-restore-not-compared" {
            let early = "      - {id: early, check: {run: [a], expect: {equals: \"{{ params.migration }}\"}}}\n      - id: baseline\n";
            text = text.replacen("      - id: baseline\n", early, 1);
        }
        if *code == "lint-restore-point-unused" {
            text = text.replacen("Write down where", "Write down for {{ incident.restore_point }} where", 1);
        }
        if codes(&text).iter().any(|f| f == code || f.starts_with("unreadable")) {
            wrong.push(format!("{code}: {to}: {:?}", codes(&text)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
