use proptest::prelude::*;

use super::*;

fn is_harmless(s: &str) -> bool {
    s.chars().all(|c| !c.is_control() && !is_invisible(c) && !('\u{fe00}'..='\u{fe0f}').contains(&c))
}

fn lines(pieces: &[&[u8]]) -> Vec<String> {
    let mut liner = Liner::new();
    let mut out = Vec::new();
    for piece in pieces {
        liner.feed(piece, |line| out.push(line.into_string()));
    }
    out.extend(liner.finish().map(Clean::into_string));
    out
}

#[test]
fn ids_that_differ_never_look_the_same() {
    let shown = |text: &str| unmistakable(text).into_string();
    assert_eq!(shown("ana-1@example.org"), "ana-1@example.org");
    assert_eq!(shown("\u{430}na"), "\\u{430}na");
    assert_eq!(shown("e\u{301} \u{e9}"), "e\\u{301} \\u{e9}");
    assert_eq!(shown("a\u{202e}b\u{200b}\u{1b}[2J\n"), "a\\u{202e}b\\u{200b}\\u{1b}[2J\\u{a}");
    assert_eq!(shown("\\u{430}na"), "\\\\u{430}na", "what is written so is not what is shown so");
    assert_eq!(unmistakable(b"\xff\xfea").as_str(), "\\xff\\xfea");
}

#[test]
fn what_a_reader_would_not_see_is_found() {
    for found in ['\u{200b}', '\u{202e}', '\u{1b}', '\u{fe0f}', '\u{ad}', '\u{2066}'] {
        assert_eq!(hidden(&format!("a{found}b")), Some(found));
    }
    assert_eq!(hidden("Zoë Müller 李雷 Jose\u{301}"), None);
}

#[test]
fn colours_and_titles_go_and_the_words_stay() {
    assert_eq!(line("\u{1b}[1;31mred\u{1b}[0m").as_str(), "red");
    assert_eq!(line("\u{1b}]0;owned\u{7}title").as_str(), "title");
    assert_eq!(line("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\").as_str(), "link");
    assert_eq!(line("\u{1b}Pq#0;2\u{1b}\\after\u{1b}(B\u{1b}7").as_str(), "after");
}

#[test]
fn an_unfinished_sequence_hides_nothing() {
    assert_eq!(line("a\u{1b}]0;rest of it").as_str(), "a^[]0;rest of it");
    assert_eq!(text("\u{1b}]0;x\nnext\u{7}").as_str(), "^[]0;x\nnext^G");
    assert_eq!(line("\u{1b}").as_str(), "^[");
    assert_eq!(line("\u{1b}[12").as_str(), "^[[12");
    assert_eq!(line("\u{1b}\u{1b}[0m").as_str(), "^[");
}

#[test]
fn controls_bidi_and_zero_width_become_visible() {
    assert_eq!(line("a\0b\u{7f}\u{85}\u{9b}").as_str(), "a^@b^?\\u{85}\\u{9b}");
    assert_eq!(line("db\u{202e}dorp\u{200b}\u{feff}").as_str(), "db\\u{202e}dorp\\u{200b}\\u{feff}");
    assert_eq!(line("x\u{e0041}\u{2066}").as_str(), "x\\u{e0041}\\u{2066}");
    assert_eq!(line("warn\u{fe0f}!").as_str(), "warn!");
}

#[test]
fn a_line_is_one_line_and_a_text_keeps_its_lines() {
    assert_eq!(line("a\r\nb\tc").as_str(), "a b c");
    assert_eq!(text("a\r\nb\tc\rd").as_str(), "a\nb c^Md");
}

#[test]
fn a_name_hides_nothing_at_all() {
    assert_eq!(visible_name("db1\u{1b}[8m\u{202e}\n").as_str(), "db1^[[8m\\u{202e}^J");
}

#[test]
fn broken_utf8_is_replaced_and_letters_of_the_world_stay() {
    assert_eq!(line(b"a\xff\xfeb\xe2\x82").as_str(), "a\u{fffd}\u{fffd}b\u{fffd}");
    assert_eq!(line("Größe 東京 🎉 é").as_str(), "Größe 東京 🎉 é");
}

#[test]
fn clean_pads_like_a_string() {
    assert_eq!(format!("{:>4}|", line("ab")), "  ab|");
    assert_eq!(Clean::join([&line("a"), &line("b")], ", ").as_str(), "a, b");
}

#[test]
fn a_progress_bar_ends_as_its_last_state() {
    assert_eq!(lines(&[b" 10%\r 50%\r100%\ndone\n"]), ["100%", "done"]);
    assert_eq!(lines(&[b"long text\rab\x1b[K\n"]), ["ab"]);
    assert_eq!(lines(&[b"old\x1b[2K\rnew\n"]), ["new"]);
    assert_eq!(lines(&[b"abc\x08\x08X\n"]), ["aXc"]);
    assert_eq!(lines(&[b"windows\r\nlines\r\n"]), ["windows", "lines"]);
}

#[test]
fn tabs_keep_columns_apart() {
    assert_eq!(lines(&[b"id\tname\n12345678\tx\n"]), ["id      name", "12345678        x"]);
}

#[test]
fn pieces_may_be_cut_inside_a_character_and_inside_a_sequence() {
    let whole = "a\u{1b}[31m€\u{1b}]0;t\u{7}z\n".as_bytes();
    for cut in 0..whole.len() {
        let (left, right) = whole.split_at(cut);
        assert_eq!(lines(&[left, right]), ["a€z"], "cut at {cut}");
    }
}

#[test]
fn the_row_in_progress_can_be_seen() {
    let mut liner = Liner::new();
    liner.feed(b"first\nPassword: ", |_| {});
    assert_eq!(liner.current().as_str(), "Password: ");
    assert_eq!(liner.finish().unwrap().as_str(), "Password: ");
    assert_eq!(liner.finish(), None);
}

#[test]
fn a_character_cut_off_by_the_end_is_not_lost_silently() {
    assert_eq!(lines(&[b"ok\xe2\x82"]), ["ok\u{fffd}"]);
    assert_eq!(lines(&[b"ok\xe2\x82\nnext\n"]), ["ok\u{fffd}", "next"]);
}

#[test]
fn an_unended_title_swallows_its_own_line_only() {
    assert_eq!(lines(&[b"\x1b]0;never ended\nvisible\n"]), ["", "visible"]);
}

#[test]
fn an_endless_sequence_does_not_fill_the_memory() {
    let mut liner = Liner::new();
    liner.feed(b"\x1b]0;", |_| {});
    for _ in 0..1000 {
        liner.feed(&[b'x'; 1000], |_| panic!("no line ended"));
    }
    let shown = liner.current();
    assert!(shown.as_str().starts_with("xxx"), "the parser gave up on the sequence");
    assert!(shown.as_str().len() <= LINE_CAP + 40);
}

#[test]
fn the_rest_of_an_overlong_line_is_counted() {
    let mut bytes = vec![b'x'; LINE_CAP + 123];
    bytes.push(b'\n');
    let out = lines(&[&bytes, b"next\n"]);
    assert!(out[0].ends_with("x… 123 bytes more"));
    assert_eq!(out[0].len(), LINE_CAP + "… 123 bytes more".len());
    assert_eq!(out[1], "next");
}

#[test]
fn cursor_movement_costs_no_memory() {
    let mut liner = Liner::new();
    for _ in 0..1000 {
        liner.feed(b"\x1b[65535C", |_| {});
    }
    liner.feed(b"x", |_| {});
    assert!(liner.current().as_str().len() <= LINE_CAP + 40);
}

#[test]
fn a_jump_to_a_column_leaves_a_gap() {
    assert_eq!(lines(&[b"unit\x1b[8G ok\r\x1b[2CX\n"]), ["unXt    ok"]);
}

proptest! {
    #[test]
    fn whatever_goes_in_only_harmless_text_comes_out(bytes in proptest::collection::vec(hostile(), 0..400)) {
        let bytes: Vec<u8> = bytes.concat();
        prop_assert!(is_harmless(line(&bytes).as_str()));
        prop_assert!(is_harmless(visible_name(&bytes).as_str()));
        prop_assert!(text(&bytes).as_str().split('\n').all(is_harmless));
        prop_assert!(lines(&[&bytes]).iter().all(|l| is_harmless(l)));
    }

    #[test]
    fn cleaning_twice_is_cleaning_once(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let once = text(&bytes);
        prop_assert_eq!(text(once.as_str()), once);
    }

    #[test]
    fn how_the_stream_is_cut_does_not_matter(
        bytes in proptest::collection::vec(hostile(), 0..200), size in 1usize..40
    ) {
        let bytes: Vec<u8> = bytes.concat();
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(lines(&pieces), lines(&[&bytes]));
    }
}

/// Bytes a hostile program would send, mixed with any others.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<u8>().prop_map(|b| vec![b]),
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        prop_oneof![
            Just("\u{1b}["),
            Just("\u{1b}]"),
            Just("\u{1b}P"),
            Just("\u{1b}\\"),
            Just("\u{9b}"),
            Just("\u{9d}"),
            Just("\u{7}"),
            Just("\r"),
            Just("\n"),
            Just("\u{8}"),
            Just("\u{202e}"),
            Just("\u{200d}"),
            Just("\u{1b}[K"),
            Just("\u{1b}[5C"),
            Just("\u{1b}[2D"),
            Just("52;c;"),
            Just("m")
        ]
        .prop_map(|s| s.as_bytes().to_vec()),
    ]
}

#[test]
fn json_says_the_same_without_a_character_that_a_terminal_acts_on() {
    let said = "a\u{9b}31m \u{202e}b \u{e0041} \u{7f} \u{1b}[2J café 漢 \u{10ffff} \"q\"";
    let raw = serde_json::to_string(&[said]).unwrap();
    let shown = json(&raw);
    assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [said]);
    assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)), "{shown:?}");
    assert!(
        shown.contains("\\u009b31m") && shown.contains("café 漢") && shown.contains("\\udb40\\udc41"),
        "{shown}"
    );
    assert_eq!(json("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}");
}
