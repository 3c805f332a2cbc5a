//! The nearest colour a terminal has. Never refuses a colour.

use ratatui::style::Color;

use super::level::Level;

/// The sixteen named colours in ANSI order, as xterm draws them.
const NAMED: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// Steps of xterm's 6×6×6 cube.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The colour to use where `level` is all there is.
#[inline(always)]
pub fn fit(colour: Color, level: Level) -> Color {
    match (level, colour) {
        (Level::None, _) | (_, Color::Reset) => Color::Reset,
        (Level::True, any) => any,
        (Level::Ansi256, Color::Rgb(r, g, b)) => Color::Indexed(nearest_256([r, g, b])),
        (Level::Ansi16, Color::Rgb(r, g, b)) => nearest_16([r, g, b]),
        (Level::Ansi16, Color::Indexed(n)) => nearest_16(of_index(n)),
        (Level::Ansi256 | Level::Ansi16, named) => named,
    }
}

/// Red, green and blue of a colour as xterm draws it; `None` for the terminal's own default.
pub fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(n) => Some(of_index(n)),
        named => NAMED.iter().find(|(c, _)| *c == named).map(|(_, rgb)| *rgb),
    }
}

/// The number of a named colour, 0 to 15.
pub fn number(colour: Color) -> Option<u8> {
    NAMED.iter().position(|(c, _)| *c == colour).and_then(|n| u8::try_from(n).ok())
}

fn of_index(n: u8) -> [u8; 3] {
    if let Some((_, rgb)) = NAMED.get(usize::from(n)) {
        return *rgb;
    }
    if n >= 232 {
        let grey = 8 + (n - 232) * 10;
        return [grey; 3];
    }
    let n = n - 16;
    [n / 36, n / 6 % 6, n % 6].map(|step| CUBE.get(usize::from(step)).copied().unwrap_or(255))
}

fn nearest_256(rgb: [u8; 3]) -> u8 {
    // Each channel counts for itself, so the nearest of the cube has the nearest step in each.
    let step = |channel: u8| {
        let nearest = (0u8..).zip(CUBE).min_by_key(|(_, step)| step.abs_diff(channel));
        nearest.map_or(0, |(n, _)| n)
    };
    let [r, g, b] = rgb.map(step);
    let cube = 16 + 36 * r + 6 * g + b;
    std::iter::once(cube).chain(232..=255).min_by_key(|n| distance(rgb, of_index(*n))).unwrap_or(cube)
}

fn nearest_16(rgb: [u8; 3]) -> Color {
    let nearest = NAMED.iter().min_by_key(|(_, named)| distance(rgb, *named));
    nearest.map_or(Color::Reset, |(colour, _)| *colour)
}

// Weighted by how much the eye makes of each channel; good enough to choose among sixteen.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let [r, g, b] = std::array::from_fn(|i| {
        let channel = |c: [u8; 3]| c.get(i).copied().unwrap_or(0);
        u32::from(channel(a).abs_diff(channel(b))).pow(2)
    });
    2 * r + 4 * g + 3 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_only_gets_colours_it_has() {
        for r in (0..=255).step_by(51) {
            for g in (0..=255).step_by(51) {
                let colour = Color::Rgb(r, g, 77);
                assert_eq!(fit(colour, Level::True), colour);
                assert!(matches!(fit(colour, Level::Ansi256), Color::Indexed(16..)));
                assert!(number(fit(colour, Level::Ansi16)).is_some());
                assert_eq!(fit(colour, Level::None), Color::Reset);
            }
        }
        for n in 0..=255 {
            assert!(number(fit(Color::Indexed(n), Level::Ansi16)).is_some());
        }
    }

    #[test]
    fn a_strong_colour_keeps_its_name() {
        assert_eq!(fit(Color::Rgb(210, 10, 10), Level::Ansi16), Color::Red);
        assert_eq!(fit(Color::Rgb(250, 250, 250), Level::Ansi16), Color::White);
        assert_eq!(fit(Color::Rgb(95, 135, 175), Level::Ansi256), Color::Indexed(67));
    }

    #[test]
    fn the_nearest_of_256_is_nearer_than_every_other() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(17) {
                for b in (0..=255).step_by(5) {
                    let all = (16..=255).min_by_key(|n| distance([r, g, b], of_index(*n)));
                    assert_eq!(Some(nearest_256([r, g, b])), all, "{r} {g} {b}");
                }
            }
        }
    }
}
