//! For terminals that have no more than ASCII: every glyph has a twin, each one cell wide. It draws nothing of its own.

use ratatui::buffer::Buffer;

/// The glyphs of the mock-ups and their twins.
const TWINS: [(&str, &str); 46] = [
    ("●", "*"),
    ("▲", "!"),
    ("▼", "X"),
    ("○", "o"),
    ("□", "_"),
    ("≈", "~"),
    ("≠", "#"),
    ("≡", "="),
    ("◊", "^"),
    ("⊘", "%"),
    ("»", ">"),
    ("►", ">"),
    ("■", "*"),
    ("√", "v"),
    ("×", "x"),
    ("·", "."),
    ("→", ">"),
    ("…", "~"),
    ("–", "-"),
    ("≥", ">"),
    ("░", ":"),
    ("▓", "#"),
    ("─", "-"),
    ("│", "|"),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("┬", "+"),
    ("┴", "+"),
    ("├", "+"),
    ("┤", "+"),
    ("┼", "+"),
    ("▁", "_"),
    ("▂", "."),
    ("▃", "-"),
    ("▄", "-"),
    ("▅", "="),
    ("▆", "="),
    ("▇", "%"),
    ("█", "#"),
    ("▒", "x"),
    ("’", "'"),
    ("“", "\""),
    ("”", "\""),
    ("\u{a0}", " "),
];

/// Puts the twins in place; a letter that has none becomes `?`.
#[expect(
    clippy::disallowed_methods,
    reason = "the twins are printable ASCII: nothing of a record gets past here"
)]
pub fn only(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.is_ascii() {
            continue;
        }
        let twin = TWINS.iter().find(|(glyph, _)| *glyph == symbol);
        let twin = twin.map_or("?", |(_, twin)| *twin);
        cell.set_symbol(twin);
    }
}
