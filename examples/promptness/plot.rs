//! The table as a picture: how late people hear of an end.

use std::fmt::Write as _;

/// Bars: mean and p95 of the lateness.
pub(crate) fn draw(rows: &[(&str, f64, f64)]) -> String {
    let height = 30 + 34 * rows.len();
    let longest = rows.iter().map(|row| row.2).fold(1.0, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {height}\" font-family=\"sans-serif\" font-size=\"13\" \
         role=\"img\" aria-label=\"Seconds from an operation's end to its Slack message\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"18\">Seconds from an operation's end to its Slack message: mean (dark) and 95th percentile (light)</text>\n"
    );
    for (index, (name, mean, most)) in rows.iter().enumerate() {
        let y = 30 + 34 * index;
        let wide = |value: f64| value / longest * 440.0;
        let _ = writeln!(
            svg,
            "<text x=\"300\" y=\"{0}\" text-anchor=\"end\">{name}</text>\
             <rect x=\"310\" y=\"{1}\" width=\"{2:.1}\" height=\"20\" fill=\"#b9d7ea\"/>\
             <rect x=\"310\" y=\"{1}\" width=\"{3:.1}\" height=\"20\" fill=\"#1d6fa5\"/>\
             <text x=\"{4:.1}\" y=\"{0}\" fill=\"#444\">{mean:.1} / {most:.1}</text>",
            y + 19,
            y + 4,
            wide(*most),
            wide(*mean),
            316.0 + wide(*most)
        );
    }
    svg + "</svg>\n"
}
