use super::*;
use crate::runbook::load;
use crate::runbook::model::Command;
use insta::assert_snapshot;

const FULL: &str = include_str!("../../../tests/runbooks/full.yaml");

fn scope() -> Scope {
    let mut scope = Scope::default();
    for (name, value) in [("migration", "0042"), ("deployed_at", "2026-11-21T02:00:00Z"), ("empty", "")] {
        scope.params.insert(name.to_owned(), ParamValue::Plain(value.to_owned()));
    }
    scope.params.insert("dsn".to_owned(), ParamValue::Secret("postgres://u:hunter2@db".to_owned()));
    scope.measurements.insert("count".to_owned(), "17\n".to_owned());
    scope.incident.insert(Field::Environment, "production".to_owned());
    scope.incident.insert(Field::Id, "INC-7".to_owned());
    scope
}

fn value(name: &str, value: &str) -> Scope {
    let mut scope = Scope::default();
    scope.params.insert(name.to_owned(), ParamValue::Plain(value.to_owned()));
    scope
}

fn words(text: &str) -> Result<String, TemplateError> {
    fill(text, &scope(), Spot::Words)
}

#[test]
fn names_are_filled_and_literals_stay() {
    assert_eq!(words("undo {{ params.migration }} of {{incident.id}}").unwrap(), "undo 0042 of INC-7");
    assert_eq!(words("{{ measurements.count }} rows").unwrap(), "17 rows");
    assert_eq!(words("docker ps --format '{{ '{{' }}.Names}}'").unwrap(), "docker ps --format '{{.Names}}'");
    assert_eq!(words("no braces }}").unwrap(), "no braces }}");
}

#[test]
fn what_is_not_there_is_an_error_and_never_empty() {
    assert_eq!(words("{{ params.x }}"), Err(TemplateError::NoValue("params.x".to_owned())));
    assert_eq!(words("{{ measurements.x }}"), Err(TemplateError::NotYet("measurements.x".to_owned())));
    assert_eq!(words("{{ incident.severity }}"), Err(TemplateError::NoValue("incident.severity".to_owned())));
    assert!(matches!(words("{{ param.migration }}"), Err(TemplateError::Unknown { .. })));
    assert_eq!(words("{{ params.migration"), Err(TemplateError::Unclosed));
}

#[test]
fn a_secret_goes_into_the_environment_and_nowhere_else() {
    let refused = Err(TemplateError::SecretOutsideEnv("params.dsn".to_owned()));
    for spot in [Spot::Argument, Spot::Shell, Spot::Words, Spot::Pattern, Spot::Address, Spot::Header] {
        assert_eq!(fill("{{ params.dsn }}", &scope(), spot), refused);
    }
    assert_eq!(fill("{{ params.dsn }}", &scope(), Spot::Environment).unwrap(), "postgres://u:hunter2@db");
    assert!(!format!("{:?}", scope()).contains("hunter2"));
}

#[test]
fn a_value_stays_one_argument_whatever_it_holds() {
    let nasty = "-rf\n'$(reboot)' \"`x`\" ; é";
    let argv = Command::Argv(vec!["rm".to_owned(), "a{{ params.x }}b".to_owned()]);
    let resolved = command(&argv, &value("x", nasty)).unwrap();
    assert_eq!(resolved.argv, ["rm".to_owned(), format!("a{nasty}b")]);
    assert!(command(&argv, &value("x", "a\0b")).is_err());
}

#[test]
fn shell_lines_refuse_names_where_quoting_would_not_hold() {
    let refused = [
        "echo \"{{ params.x }}\"",
        "echo '{{ params.x }}'",
        "echo `cat {{ params.x }}`",
        "echo \"$(echo \" {{ params.x }} \")\"",
        "echo \"${a:-\" {{ params.x }} \"}\"",
        "echo $'it\\'s {{ params.x }}'",
        "cat <<EOF\n{{ params.x }}\nEOF",
        "true # {{ params.x }}",
        "# {{ params.x }}",
        "echo \\{{ params.x }}",
        "echo ${{ params.x }}",
    ];
    for text in refused {
        let error = fill(text, &value("x", "v"), Spot::Shell).unwrap_err();
        assert!(matches!(error, TemplateError::ShellSpot { .. }), "{text}: {error}");
        assert_eq!(super::fill::check_shell(text), Err(error));
    }
    for text in [
        "echo {{ params.x }}",
        "a=$(cat {{ params.x }})",
        "echo 'a'{{ params.x }}\"b\"",
        "echo a#{{ params.x }}",
    ] {
        assert!(fill(text, &value("x", "v"), Spot::Shell).is_ok(), "{text}");
    }
}

#[test]
fn patterns_and_addresses_take_values_literally() {
    let scope = value("x", "1.4/2 é");
    assert_eq!(fill("^{{ params.x }}$", &scope, Spot::Pattern).unwrap(), "^1\\.4/2 é$");
    assert_eq!(fill("http://h/{{ params.x }}", &scope, Spot::Address).unwrap(), "http://h/1.4%2F2%20%C3%A9");
    assert_eq!(fill("{{ params.x }}/y", &value("x", "http://h"), Spot::Address).unwrap(), "http://h/y");
    assert!(fill("{{ params.x }}", &value("x", "a\r\nHost: b"), Spot::Header).is_err());
}

#[test]
fn a_host_cannot_become_an_option_of_ssh() {
    for good in ["db1", "root@db1.example", "10.0.0.1", "a@[::1]"] {
        assert!(is_host(good), "{good}");
    }
    for bad in ["-oProxyCommand=x", "a@-b", "", "a b", "a;b", "a@b@c", "@"] {
        assert!(!is_host(bad), "{bad}");
    }
}

#[test]
fn when_compares_or_asks_for_truth() {
    let yes = |text: &str| when(text, &scope()).unwrap();
    assert!(yes("{{ params.migration }} == 0042"));
    assert!(!yes("{{ params.migration }} != 0042"));
    assert!(yes("{{ params.migration }}") && yes("{{ params.migration }} == '0042'"));
    assert!(!yes("{{ params.empty }}") && !yes("no") && !yes("false") && !yes("0"));
    assert!(when("{{ params.zzz }}", &scope()).is_err());
    assert!(!when("{{ params.x }} == b", &value("x", "a == a")).unwrap());
}

fn resolved(id: &str, scope: &Scope) -> Resolved {
    let loaded = load("full.yaml", FULL.as_bytes()).unwrap();
    resolve(loaded.runbook.step(id).unwrap(), scope).unwrap()
}

fn shown(resolved: &Resolved) -> String {
    resolved.lines.iter().map(|(k, t)| format!("{k}: {t}\n")).collect()
}

#[test]
fn a_resolved_step_says_all_that_will_happen_and_no_secret() {
    assert_snapshot!(shown(&resolved("down", &scope())), @r#"
    title: down
    run: migrate down 0042
    exit codes: 0, 3
    role: dba
    region: eu-west-1
    cwd: migrations
    env: DSN=«secret»
    timeout: 10m
    irreversible: yes
    target: psql -Atc 'select current_database()'
    target answers: orders
    counts: psql -Atc 'select count(*) from quarantine'
    backlog: quarantined rows
    on failure: abort
    "#);
    assert_snapshot!(shown(&resolved("freeze-writes", &scope())), @r#"
    title: freeze-writes
    run: psql -c 'alter database orders set default_transaction_read_only = on'
    role: dba
    env: DSN=«secret»
    env: PGSERVICE=orders
    timeout: 30s
    suspends: writes
    undo: psql -c 'alter database orders reset default_transaction_read_only'
    reconcile: an unknown outcome is settled by
    look at: psql -Atc 'show default_transaction_read_only'
    expect: equals "on"
    "#);
    assert_snapshot!(shown(&resolved("version", &scope())), @r#"
    title: version
    look at: GET https://orders.internal/schema/0042
    header: Accept: application/json
    status: 200
    expect: JSON ($.version does not equal "0042"; $.healthy equals "true")
    times: 3, 2s apart
    "#);
    assert_snapshot!(shown(&resolved("frozen", &scope())), @r#"
    title: frozen
    look at: psql -Atc 'select count(*) from pg_stat_activity where state = '\''active'\'''
    expect: any of (equals "0"; all of (unchanged for 5s; at most 3))
    every: 2s
    within: 2m
    hold for: 10s
    fail on: matches "FATAL"
    "#);
    assert_snapshot!(shown(&resolved("baseline", &scope())), @r#"
    title: baseline
    look at (sh -eu): psql -Atc 'select id, total from orders' --csv
    as: orders_before
    timeout: 2m
    "#);
}

#[test]
fn a_console_without_the_secret_reads_the_same_lines() {
    let mut without = scope();
    without.params.insert("dsn".to_owned(), ParamValue::SecretNotHere);
    assert_eq!(resolved("down", &without), resolved("down", &scope()));
}

#[test]
fn the_plan_digest_changes_with_any_value_and_only_then() {
    let digest = |scope: &Scope| plan_digest(&[resolved("down", scope)]);
    let mut other = scope();
    assert_eq!(digest(&scope()), digest(&other));
    other.params.insert("migration".to_owned(), ParamValue::Plain("0043".to_owned()));
    assert_ne!(digest(&scope()), digest(&other));
    let two = [resolved("down", &scope()), resolved("version", &scope())];
    let swapped = [two[1].clone(), two[0].clone()];
    assert_ne!(plan_digest(&two), plan_digest(&swapped));
}

#[test]
fn different_commands_never_look_the_same() {
    let show = |words: &[&str]| shown_argv(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_ne!(show(&["a b"]), show(&["a", "b"]));
    assert_ne!(show(&["a\nb"]), show(&["a\\nb"]));
    assert_ne!(show(&["$'a'"]), show(&["a"]));
    assert_eq!(
        show(&["rm", "-rf", "it's", "", "a\u{202e}b\u{1b}"]),
        r"rm -rf 'it'\''s' '' $'a\u{202e}b\u{1b}'"
    );
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn printed_by_sh(line: &str) -> Vec<u8> {
        std::process::Command::new(SHELL[0]).args(&SHELL[1..]).arg(line).output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn any_value_comes_out_of_the_shell_as_it_went_in(text in "[^\\x00]{0,40}") {
            let line = Command::Shell("printf '%s|' a{{ params.x }}b $(printf %s c){{ params.x }}".to_owned());
            let resolved = command(&line, &value("x", &text)).unwrap();
            prop_assert_eq!(printed_by_sh(&resolved.argv[3]), format!("a{text}b|c{text}|").into_bytes());
        }

        #[test]
        fn no_text_makes_filling_panic(text in "[{}'\" .a-z$`#<\\\\\\n]{0,40}", spot in 0usize..3) {
            let spot = [Spot::Shell, Spot::Argument, Spot::Address][spot];
            let _ = fill(&text, &scope(), spot);
        }

        /// What the refusals promise: where a line is accepted, a hostile value never runs.
        #[test]
        fn an_accepted_line_never_runs_its_value(before in "[\"'`$(){} a\\\\#<]{0,12}", after in "[\"'`$() a\\\\]{0,8}") {
            let line = Command::Shell(format!("{before}{{{{ params.x }}}}{after}"));
            let folder = tempfile::tempdir().unwrap();
            let run = format!("touch {}/ran", folder.path().display());
            let hostile = format!("$({run})`{run}`\n{run}\n\"; {run}; '; {run}; \\'; {run}; '\\''");
            if let Ok(resolved) = command(&line, &value("x", &hostile)) {
                for shell in ["/bin/sh", "/bin/bash"].into_iter().filter(|s| std::path::Path::new(s).exists()) {
                    std::process::Command::new(shell).args(["-c", &resolved.argv[3]]).output().unwrap();
                    prop_assert!(!folder.path().join("ran").exists(), "{shell}: {}", resolved.argv[3]);
                }
            }
        }
    }
}
