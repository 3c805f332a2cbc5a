//! How well colours can be told apart, by the published formulas. Never changes a colour.

/// Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance).
pub fn ratio(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn linear(channel: u8) -> f64 {
    let c = f64::from(channel) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

/// The colour as somebody without green receptors sees it, in linear light (Machado, Oliveira, Fernandes 2009, severity 1).
fn deuteranopia(rgb: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = rgb.map(linear);
    [
        0.367_322 * r + 0.860_646 * g - 0.227_968 * b,
        0.280_085 * r + 0.672_501 * g + 0.047_413 * b,
        -0.011_820 * r + 0.042_940 * g + 0.968_881 * b,
    ]
}

/// Colour difference (CIE76 ΔE) between two colours for somebody without green receptors.
pub fn difference_without_green(a: [u8; 3], b: [u8; 3]) -> f64 {
    let ([l1, a1, b1], [l2, a2, b2]) = (lab(deuteranopia(a)), lab(deuteranopia(b)));
    ((l1 - l2).powi(2) + (a1 - a2).powi(2) + (b1 - b2).powi(2)).sqrt()
}

/// CIE L*a*b* under D65.
fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
    let x = (0.412_456 * r + 0.357_576 * g + 0.180_438 * b) / 0.950_47;
    let y = 0.212_673 * r + 0.715_152 * g + 0.072_175 * b;
    let z = (0.019_334 * r + 0.119_192 * g + 0.950_304 * b) / 1.088_83;
    let [x, y, z] = [x, y, z].map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::super::{MONO, NAMES, Role, Theme, shipped};
    use super::*;
    use crate::console::gate::colour;
    use ratatui::style::{Modifier, Style};

    fn pair(theme: &Theme, style: Style) -> ([u8; 3], [u8; 3]) {
        let fg = style.fg.and_then(colour::rgb).unwrap_or(theme.text);
        let bg = style.bg.and_then(colour::rgb).unwrap_or(theme.background);
        if style.add_modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
    }

    #[test]
    fn the_known_ends_of_the_scale_are_right() {
        assert!((ratio([0; 3], [255; 3]) - 21.0).abs() < 0.01);
        assert!((ratio([90, 1, 7], [90, 1, 7]) - 1.0).abs() < 0.01);
        assert!(difference_without_green([255, 0, 0], [0, 0, 255]) > 50.0);
    }

    #[test]
    fn every_shipped_theme_can_be_read() {
        for name in NAMES {
            let exact = shipped(name).unwrap();
            for theme in [exact.clone(), exact.named()] {
                for (role, role_name) in Role::ALL {
                    let (fg, bg) = pair(&theme, theme.style(role));
                    let least = match role {
                        Role::Base
                        | Role::Title
                        | Role::Attention
                        | Role::EnvProd
                        | Role::Selection
                        | Role::Field => 4.5,
                        _ => 3.0,
                    };
                    let ratio = ratio(fg, bg);
                    assert!(ratio >= least, "{name}: {role_name} has {ratio:.1}, needs {least}");
                }
            }
        }
    }

    #[test]
    fn text_in_exact_colours_is_easy_to_read() {
        for name in ["default-dark", "default-light", "high-contrast", "colour-blind-safe"] {
            let theme = shipped(name).unwrap();
            for role in
                [Role::Muted, Role::Key, Role::Ok, Role::Warn, Role::Waiting, Role::Running, Role::Unknown]
            {
                let (fg, bg) = pair(&theme, theme.style(role));
                assert!(ratio(fg, bg) >= 4.5, "{name}: {role:?} has {:.1}", ratio(fg, bg));
            }
        }
    }

    #[test]
    fn good_bad_and_doubtful_differ_for_people_without_green_receptors() {
        let theme = shipped("colour-blind-safe").unwrap();
        let roles = [Role::Ok, Role::Warn, Role::Fail];
        for a in roles {
            for b in roles.into_iter().filter(|b| *b != a) {
                let (a_fg, _) = pair(&theme, theme.style(a));
                let (b_fg, _) = pair(&theme, theme.style(b));
                let difference = difference_without_green(a_fg, b_fg);
                assert!(difference >= 25.0, "{a:?} and {b:?} differ by {difference:.0}");
            }
        }
        assert_ne!(MONO, theme.name);
    }
}
