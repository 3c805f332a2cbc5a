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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
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
