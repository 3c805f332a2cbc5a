//! Moves of the cursor in as few bytes as they take. Never relies on what only some terminals know.
//!
//! Hundreds of them stand in one frame, so they are written without the machinery of formats and without texts of
//! their own.

/// To a place from anywhere.
pub(super) fn place(out: &mut String, x: u16, y: u16) {
    out.push_str("\x1b[");
    number(out, y + 1);
    if x > 0 {
        out.push(';');
        number(out, x + 1);
    }
    out.push('H');
}

/// How many bytes that takes.
pub(super) fn length_of_place(x: u16, y: u16) -> usize {
    3 + digits(y + 1) + if x > 0 { 1 + digits(x + 1) } else { 0 }
}

/// From one line to another; the column stays. A line feed moves so on every terminal that is in raw mode, and what is
/// above the last line never scrolls.
pub(super) fn down(out: &mut String, from: u16, to: u16) {
    match (to.saturating_sub(from), from.saturating_sub(to)) {
        (by @ 0..=3, 0) => out.extend(std::iter::repeat_n('\n', usize::from(by))),
        (by, 0) => by_so_many(out, by, 'B'),
        (_, by) => by_so_many(out, by, 'A'),
    }
}

/// From one column to another in the same line.
pub(super) fn across(out: &mut String, from: u16, to: u16) {
    let (by, code) = match (to.saturating_sub(from), from.saturating_sub(to)) {
        (0, 0) => return,
        (by, 0) => (by, 'C'),
        (_, _) if to == 0 => return out.push('\r'),
        (_, by @ ..=3) => return out.extend(std::iter::repeat_n('\x08', usize::from(by))),
        (_, by) => (by, 'D'),
    };
    if by == 1 || digits(by) < digits(to + 1) {
        by_so_many(out, by, code);
    } else {
        by_so_many(out, to + 1, 'G');
    }
}

/// One is what is meant where no number stands, except for columns, whose first has a shorter way.
fn by_so_many(out: &mut String, by: u16, code: char) {
    out.push_str("\x1b[");
    if by > 1 {
        number(out, by);
    }
    out.push(code);
}

fn digits(n: u16) -> usize {
    match n {
        0..=9 => 1,
        10..=99 => 2,
        100..=999 => 3,
        1_000..=9_999 => 4,
        _ => 5,
    }
}

/// In decimal digits.
pub(super) fn number(out: &mut String, n: u16) {
    if n >= 10 {
        number(out, n / 10);
    }
    out.extend(char::from_digit(u32::from(n % 10), 10));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    fn place(x: u16, y: u16) -> String {
        written(|out| super::place(out, x, y))
    }

    #[test]
    fn a_place_is_told_from_one_on_and_without_what_goes_without_saying() {
        assert_eq!(place(0, 0), "\x1b[1H");
        assert_eq!(place(0, 59), "\x1b[60H");
        assert_eq!(place(199, 9), "\x1b[10;200H");
    }

    #[test]
    fn how_long_a_place_is_is_known_before_it_is_written() {
        for n in [0, 8, 9, 98, 99, 998, 999, 9_998, 9_999, u16::MAX - 1] {
            for (x, y) in [(0, n), (n, 0), (n, n)] {
                assert_eq!(length_of_place(x, y), place(x, y).len(), "{x} {y}");
            }
        }
    }

    #[test]
    fn the_shorter_of_two_ways_is_taken() {
        let ways =
            [(5, 5), (5, 6), (5, 40), (150, 5), (9, 0), (9, 7), (120, 100), (199, 99), (0, 9), (95, 99)];
        let taken = ways.map(|(from, to)| written(|out| across(out, from, to)));
        let expected = [
            "",
            "\x1b[C",
            "\x1b[41G",
            "\x1b[6G",
            "\r",
            "\x08\x08",
            "\x1b[20D",
            "\x1b[100G",
            "\x1b[9C",
            "\x1b[4C",
        ];
        assert_eq!(taken, expected);
    }

    #[test]
    fn lines_are_fed_down_and_counted_up() {
        let ways =
            [(3, 3), (3, 5), (3, 9), (9, 8), (9, 3)].map(|(from, to)| written(|out| down(out, from, to)));
        assert_eq!(ways, ["", "\n\n", "\x1b[6B", "\x1b[A", "\x1b[6A"]);
    }
}
