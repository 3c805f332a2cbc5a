//! Moves of the cursor in as few bytes as they take. Never relies on what only some terminals know.

/// To a place from anywhere.
pub(super) fn place(x: u16, y: u16) -> String {
    let mut code = begun();
    number(&mut code, y + 1);
    if x > 0 {
        code.push(';');
        number(&mut code, x + 1);
    }
    code.push('H');
    code
}

/// From one line to another; the column stays. A line feed moves so on every terminal that is in raw mode, and what is
/// above the last line never scrolls.
pub(super) fn down(from: u16, to: u16) -> String {
    match (to.saturating_sub(from), from.saturating_sub(to)) {
        (by @ 0..=3, 0) => "\n".repeat(usize::from(by)),
        (by, 0) => by_so_many(by, 'B'),
        (_, by) => by_so_many(by, 'A'),
    }
}

/// From one column to another in the same line.
pub(super) fn across(from: u16, to: u16) -> String {
    let way = match (to.saturating_sub(from), from.saturating_sub(to)) {
        (0, 0) => return String::new(),
        (by, 0) => by_so_many(by, 'C'),
        (_, _) if to == 0 => return "\r".to_owned(),
        (_, by @ ..=3) => "\x08".repeat(usize::from(by)),
        (_, by) => by_so_many(by, 'D'),
    };
    let column = by_so_many(to + 1, 'G');
    if way.len() < column.len() { way } else { column }
}

/// One is what is meant where no number stands, except for columns, whose first has a shorter way.
fn by_so_many(by: u16, code: char) -> String {
    let mut out = begun();
    if by > 1 {
        number(&mut out, by);
    }
    out.push(code);
    out
}

fn begun() -> String {
    let mut code = String::with_capacity(16);
    code.push_str("\x1b[");
    code
}

/// Hundreds of them stand in one frame, so they are written without the machinery of formats.
fn number(out: &mut String, n: u16) {
    if n >= 10 {
        number(out, n / 10);
    }
    out.extend(char::from_digit(u32::from(n % 10), 10));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_from_one_on_and_without_what_goes_without_saying() {
        assert_eq!(place(0, 0), "\x1b[1H");
        assert_eq!(place(0, 59), "\x1b[60H");
        assert_eq!(place(199, 9), "\x1b[10;200H");
    }

    #[test]
    fn the_shorter_of_two_ways_is_taken() {
        let ways = [(5, 5), (5, 6), (5, 40), (150, 5), (9, 0), (9, 7), (120, 100), (199, 99)];
        let taken = ways.map(|(from, to)| across(from, to));
        assert_eq!(taken, ["", "\x1b[C", "\x1b[41G", "\x1b[6G", "\r", "\x08\x08", "\x1b[20D", "\x1b[100G"]);
    }

    #[test]
    fn lines_are_fed_down_and_counted_up() {
        assert_eq!(
            [(3, 3), (3, 5), (3, 9), (9, 8), (9, 3)].map(|(from, to)| down(from, to)),
            ["", "\n\n", "\x1b[6B", "\x1b[A", "\x1b[6A"]
        );
    }
}
