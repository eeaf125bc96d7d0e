//! The table as a picture: how long people wait for the word that their operation has ended.

use std::fmt::Write as _;

use crate::outcome::Outcome;

const COLOURS: [&str; 9] =
    ["#e01e5a", "#e8912d", "#111111", "#d37ab5", "#2eb67d", "#1d9bd1", "#7c4dbd", "#4a4a4a", "#a0792c"];
const MARKS: [(f64, &str); 6] = [
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (86_400.0, "1 d"),
    (864_000.0, "10 d"),
];

/// Draws the median by the hour in which an operation ended, on a scale of powers.
pub(crate) fn draw(lines: &[(&'static str, Outcome)]) -> String {
    let (left, top, width, height) = (60.0, 34.0, 560.0, 300.0);
    let [low, high] = [10_f64, 864_000.0].map(f64::ln);
    let x = |hour: usize| left + hour as f64 / 23.0 * width;
    let y = |seconds: f64| top + height - (seconds.max(10.0).ln() - low) / (high - low) * height;
    let bottom = top + height;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 390\" font-family=\"sans-serif\" font-size=\"13\" \
         role=\"img\" aria-label=\"Time from an operation's end to its Slack message, by hour of the day\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{left}\" y=\"18\">From an operation's end to its Slack message, median by the hour of the end</text>\n"
    );
    for (seconds, name) in MARKS {
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {0:.1}h{width}\" stroke=\"#e4e4e4\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\" \
             fill=\"#666\">{name}</text>",
            y(seconds),
            left - 6.0,
            y(seconds) + 4.0
        );
    }
    for hour in (0..24).step_by(4) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\">{hour}:00</text>",
            x(hour),
            bottom + 20.0
        );
    }
    for (index, (name, outcome)) in lines.iter().enumerate() {
        let points: Vec<String> = outcome
            .told_by_hour
            .iter()
            .enumerate()
            .filter(|(_, told)| !told.is_empty())
            .map(|(hour, told)| format!("{:.1},{:.1}", x(hour), y(told.at(0.5))))
            .collect();
        let (colour, legend) = (COLOURS[index % COLOURS.len()], top + 20.0 + 24.0 * index as f64);
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <path d=\"M640 {legend:.1}h20\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"668\" y=\"{:.1}\">{name}</text>",
            points.join(" "),
            legend + 4.0
        );
    }
    svg + "</svg>\n"
}
