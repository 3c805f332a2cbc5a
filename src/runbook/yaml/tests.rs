use super::*;
use crate::runbook::finding::{Paint, to_text};
use insta::assert_snapshot;

fn check(text: &str) -> String {
    match parse("r.yaml", text) {
        Ok(node) => format!("{node:?}"),
        Err(findings) => to_text(&findings, Paint::Plain),
    }
}

#[test]
fn a_typo_in_quotes() {
    assert_snapshot!(check("title: \"never closed\nid: x\n"), @r#"
    error[yaml-syntax]: a text in quotes started above and is still open here
     --> r.yaml:2:1
      |
    2 | id: x
      | ^
      |
      = help: add the closing quote above

    1 error, 0 warnings
    "#);
}

#[test]
fn a_tab_indents() {
    assert_snapshot!(check("phases:\n\t- name: x\n"), @r#"
    error[yaml-tab]: a tab where only spaces may stand
     --> r.yaml:2:2
      |
    2 |  - name: x
      |  ^
      |
      = help: indent with spaces

    1 error, 0 warnings
    "#);
}

#[test]
fn a_template_without_quotes() {
    assert_snapshot!(check("title: {{ params.x }} y\n"), @r#"
    error[yaml-template-unquoted]: `{{` without quotes starts a YAML mapping
     --> r.yaml:1:8
      |
    1 | title: {{ params.x }} y
      |        ^^^^^^^^^^^^^^^^
      |
      = help: quote it: "{{ params.x }} y"

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("run: [ln, {{ params.x }}, b]\n"), @r#"
    error[yaml-template-unquoted]: `{{` without quotes starts a YAML mapping
     --> r.yaml:1:11
      |
    1 | run: [ln, {{ params.x }}, b]
      |           ^^^^^^^^^^^^^^
      |
      = help: quote it: "{{ params.x }}"

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("run: {{ params.x }}\n"), @r#"
    error[yaml-template-unquoted]: `{{` without quotes starts a YAML mapping
     --> r.yaml:1:6
      |
    1 | run: {{ params.x }}
      |      ^^^^^^^^^^^^^^
      |
      = help: quote it: "{{ params.x }}"

    1 error, 0 warnings
    "#);
}

#[test]
fn the_same_key_twice() {
    assert_snapshot!(check("id: a\ntitle: b\nid: c\n"), @r#"
    error[yaml-duplicate-key]: key `id` is given twice; the first is on line 1
     --> r.yaml:3:1
      |
    3 | id: c
      | ^^
      |
      = help: keep one of them

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("params: {a: 1, a: 2}\n"), @r#"
    error[yaml-duplicate-key]: key `a` is given twice; the first is on line 1
     --> r.yaml:1:16
      |
    1 | params: {a: 1, a: 2}
      |                ^
      |
      = help: keep one of them

    1 error, 0 warnings
    "#);
}

#[test]
fn aliases_anchors_tags_and_merge_keys() {
    assert_snapshot!(check("a: &x 1\nb: *x\nc: !foo 2\nd:\n  <<: *x\n  e: 1\n"), @r#"
    error[yaml-alias]: anchors (`&name`) are not read
     --> r.yaml:1:7
      |
    1 | a: &x 1
      |       ^
      |
      = help: remove the anchor, or quote the value if it is text

    error[yaml-alias]: aliases (`*name`) are not read
     --> r.yaml:2:4
      |
    2 | b: *x
      |    ^^
      |
      = help: write the value out, or quote it if it is text

    error[yaml-tag]: tags (`!name`) are not read
     --> r.yaml:3:9
      |
    3 | c: !foo 2
      |         ^
      |
      = help: remove the tag, or quote the value if it is text

    error[yaml-merge-key]: merge keys (`<<`) are not read
     --> r.yaml:5:3
      |
    5 |   <<: *x
      |   ^^
      |
      = help: write the keys out

    error[yaml-alias]: aliases (`*name`) are not read
     --> r.yaml:5:7
      |
    5 |   <<: *x
      |       ^^
      |
      = help: write the value out, or quote it if it is text

    5 errors, 0 warnings
    "#);
    assert_snapshot!(check("run: *oncall\n"), @r#"
    error[yaml-alias]: aliases (`*name`) are not read
     --> r.yaml:1:6
      |
    1 | run: *oncall
      |      ^^^^^^^
      |
      = help: write the value out, or quote it if it is text

    1 error, 0 warnings
    "#);
}

#[test]
fn a_second_document() {
    assert_snapshot!(check("a: 1\n---\nb: 2\n"), @r#"
    error[yaml-documents]: a second document starts here; one file holds one document
     --> r.yaml:2:1
      |
    2 | ---
      | ^^^
      |
      = help: remove the `---` and what follows, or put it in a file of its own

    1 error, 0 warnings
    "#);
}

#[test]
fn bad_indentation_and_colons() {
    assert_snapshot!(check("title: a: b\n"), @r#"
    error[yaml-syntax]: a `: ` that does not belong here
     --> r.yaml:1:9
      |
    1 | title: a: b
      |         ^
      |
      = help: quote the text if it holds a `: `, or check the indentation

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("a:\n  b: 1\n c: 2\n"), @r#"
    error[yaml-syntax]: the indentation does not fit what stands above
     --> r.yaml:3:2
      |
    3 |  c: 2
      |  ^
      |
      = help: align it with the keys of the same mapping

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("run: @oncall\n"), @r#"
    error[yaml-syntax]: unquoted text cannot start with this character
     --> r.yaml:1:6
      |
    1 | run: @oncall
      |      ^
      |
      = help: quote it

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("run: [a, b\nid: c\n"), @r#"
    error[yaml-syntax]: a `:` that does not belong here
     --> r.yaml:2:3
      |
    2 | id: c
      |   ^
      |
      = help: close the bracket above, or quote the text

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("run: {a: b]\n"), @r#"
    error[yaml-syntax]: `{` is closed by `]`
     --> r.yaml:1:6
      |
    1 | run: {a: b]
      |      ^
      |
      = help: use the matching bracket

    1 error, 0 warnings
    "#);
}

#[test]
fn nothing_at_all() {
    assert_snapshot!(check(""), @r#"
    error[yaml-empty]: the file is empty
     --> r.yaml:1:1
      |
    1 |
      | ^
      |
      = help: write at least the required keys

    1 error, 0 warnings
    "#);
    assert_snapshot!(check("# only a comment\n"), @r#"
    error[yaml-empty]: the file is empty
     --> r.yaml:1:1
      |
    1 | # only a comment
      | ^
      |
      = help: write at least the required keys

    1 error, 0 warnings
    "#);
}

#[test]
fn keys_that_are_no_text() {
    assert_snapshot!(check("? [a, b]\n: c\n"), @r#"
    error[yaml-complex-key]: a list or mapping cannot be a key
     --> r.yaml:1:3
      |
    1 | ? [a, b]
      |   ^
      |
      = help: a key is plain text; quote it if it holds brackets or `{{ }}`

    1 error, 0 warnings
    "#);
}

#[test]
fn not_utf8_names_the_byte() {
    let found = parse_bytes("r.yaml", b"id: a\ntitle: caf\xe9\n").unwrap_err();
    assert_snapshot!(to_text(&found, Paint::Plain), @r#"
    error[yaml-encoding]: not UTF-8: byte 0xe9 at offset 16
     --> r.yaml:2:11
      |
    2 | title: caf�
      |           ^
      |
      = help: save the file as UTF-8

    1 error, 0 warnings
    "#);
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let shown = check("id: a\nti\u{1b}[31mtle: \u{202e}b: c\n");
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn bombs_are_refused_at_once() {
    let mut laughs = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for n in 1..10 {
        let (this, last) = (char::from(b'a' + n), char::from(b'a' + n - 1));
        laughs.push_str(&format!(
            "{this}: &{this} [*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last}]\n"
        ));
    }
    assert!(parse("r.yaml", &laughs).is_err());
    assert!(parse("r.yaml", &"[".repeat(100_000)).is_err());
    assert!(parse("r.yaml", &"- ".repeat(100_000)).is_err());
    assert!(parse("r.yaml", &"{a: ".repeat(100_000)).is_err());
    assert_eq!(parse("r.yaml", &"a".repeat(MAX_BYTES + 1)).unwrap_err()[0].code, "yaml-too-large");
}

#[test]
fn every_value_knows_its_place() {
    let node = parse("r.yaml", "a: 1\nb:\n  - x: ünï  # c\n    y: [p, 'q']\n  - |\n    text\n").unwrap();
    let at = |n: &Node| (n.at.line, n.at.column, n.at.len);
    let b = node.get("b").unwrap();
    assert_eq!(at(node.get("a").unwrap()), (1, 4, 1));
    assert_eq!(at(b), (3, 3, 1));
    assert_eq!(at(b.item(0).unwrap()), (3, 5, 1));
    assert_eq!(at(b.item(0).unwrap().get("x").unwrap()), (3, 8, 3));
    assert_eq!(at(b.item(0).unwrap().get("y").unwrap()), (4, 8, 8));
    assert_eq!(at(b.item(0).unwrap().get("y").unwrap().item(1).unwrap()), (4, 12, 3));
}

#[test]
fn scalars_keep_the_text_of_the_file() {
    let node = parse("r.yaml", "[1.10, 010, no, 2024-01-01, 22:30, 0x1F, 'it''s', \"a\\nb\"]\n").unwrap();
    let Value::List(items) = &node.value else { panic!("no list") };
    let texts: Vec<&str> = items
        .iter()
        .map(|n| match &n.value {
            Value::Scalar(s) => s.text.as_str(),
            _ => "?",
        })
        .collect();
    assert_eq!(texts, ["1.10", "010", "no", "2024-01-01", "22:30", "0x1F", "it's", "a\nb"]);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_end_in_a_tree_or_findings(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            match parse_bytes("r.yaml", &bytes) {
                Ok(_) => {}
                Err(findings) => prop_assert!(!findings.is_empty() && !to_text(&findings, Paint::Plain).is_empty()),
            }
        }

        #[test]
        fn yaml_like_text_never_panics(text in "[ \\n\\t\\-a-c:#\\[\\]{}|>'\"&*!%@,?é]{0,120}") {
            if let Err(findings) = parse("r.yaml", &text) {
                prop_assert!(!to_text(&findings, Paint::Plain).is_empty());
            }
        }
    }
}
