//! What was measured, as a table and as a picture.

use std::fmt::Write as _;
use std::path::Path;

use crate::process::{Cores, Kind};
use crate::pushes::Case;
use crate::{Load, Measured, Sample};

const MEBIBYTE: f64 = 1_048_576.0;

/// The report of one run.
pub struct Report {
    pub markdown: String,
    pub within: bool,
    rows: Vec<Row>,
}

/// A measure with its budget.
struct Row {
    what: &'static str,
    figures: [String; 2],
    ratio: Spread,
    /// The median of opwatch's own values.
    own: f64,
    budget: Budget,
}

/// What a measure must keep to.
#[derive(Clone, Copy)]
enum Budget {
    /// At most so many times the floor's.
    AtMost(f64),
    /// At least so many times the floor's.
    AtLeast(f64),
    /// At most so many MiB, whatever the floor takes.
    Mebibytes(f64),
}

impl Budget {
    /// Its mark among the ratios.
    fn ratio(self) -> Option<f64> {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) => Some(bound),
            Self::Mebibytes(_) => None,
        }
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "≤ {bound} ×"),
            Self::AtLeast(bound) => write!(f, "≥ {bound} ×"),
            Self::Mebibytes(bound) => write!(f, "≤ {bound} MiB"),
        }
    }
}

/// The median of all rounds, and the lowest and the highest of them.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    low: f64,
    high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { median: median(&values), low: values[0], high: values[values.len() - 1] }
    }

    /// Of the ratios of each round.
    fn of_ratios(floor: &[f64], opwatch: &[f64]) -> Self {
        Self::of(floor.iter().zip(opwatch).map(|(floor, opwatch)| opwatch / floor).collect())
    }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

impl Row {
    fn is_within(&self) -> bool {
        // As they are printed.
        let ratio = (self.ratio.median * 100.0).round() / 100.0;
        match self.budget {
            Budget::AtMost(bound) => ratio <= bound,
            Budget::AtLeast(bound) => ratio >= bound,
            Budget::Mebibytes(bound) => (self.own / MEBIBYTE * 10.0).round() / 10.0 <= bound,
        }
    }

    fn line(&self) -> String {
        let [floor, opwatch] = &self.figures;
        let Spread { median, low, high } = self.ratio;
        let verdict = if self.is_within() { "kept" } else { "**missed**" };
        format!(
            "| {} | {floor} | {opwatch} | {median:.2} × ({low:.2}–{high:.2}) | {} | {verdict} |\n",
            self.what, self.budget
        )
    }
}

impl Report {
    pub fn of(measured: &Measured, cores: Cores) -> Self {
        let rows = rows(measured);
        let (answered, ended) = measured.terminated;
        let size = measured.binary[&Kind::Opwatch] / MEBIBYTE;
        let drained = answered == crate::IN_FLIGHT && ended;
        let within = rows.iter().all(Row::is_within) && size <= 10.0 && drained;
        let word = |kept| if kept { "kept" } else { "**missed**" };
        let mut text = String::new();
        let _ = writeln!(text, "# One push, compared with the floor\n");
        let _ = writeln!(text, "Written by `benches/run`{}; [how and what](README.md).\n", quick(measured));
        let _ = writeln!(text, "{}\n", machine(measured, cores));
        let _ = writeln!(text, "| budget | floor | opwatch | ratio (lowest–highest round) | budget | |");
        let _ = writeln!(text, "| --- | ---: | ---: | ---: | ---: | --- |");
        for row in &rows {
            text += &row.line();
        }
        let floor_size = measured.binary[&Kind::Floor] / MEBIBYTE;
        let _ = writeln!(
            text,
            "| binary, stripped | {floor_size:.1} MiB | {size:.1} MiB | | ≤ 10 MiB | {} |",
            word(size <= 10.0)
        );
        let _ = writeln!(
            text,
            "| answered of {0} in flight at SIGTERM | | {answered} | | {0} | {1} |\n",
            crate::IN_FLIGHT,
            word(drained)
        );
        if !measured.quick {
            let _ = writeln!(text, "![The ratios](ratios.svg)\n");
        }
        text += &cases(measured);
        Self { markdown: text, within, rows }
    }

    /// Writes the table and the picture into `folder`.
    pub fn write(&self, folder: &Path) {
        for (name, text) in [("RESULTS.md", &self.markdown), ("ratios.svg", &picture(&self.rows))] {
            std::fs::write(folder.join(name), text.trim_end().to_owned() + "\n")
                .expect("the report is written");
        }
    }
}

fn quick(measured: &Measured) -> &'static str {
    if measured.quick { " --quick" } else { "" }
}

fn rows(measured: &Measured) -> Vec<Row> {
    let start = &measured.cold_start;
    let of = |load, kind, field: fn(&Sample) -> f64| -> Vec<f64> {
        measured.windows[&(Case::GoesOn, load, kind)].iter().map(field).collect()
    };
    let row = |what, floor: &[f64], opwatch: &[f64], unit: fn(f64) -> String, budget| {
        let medians = [floor, opwatch].map(|values| Spread::of(values.to_vec()).median);
        Row {
            what,
            figures: medians.map(unit),
            ratio: Spread::of_ratios(floor, opwatch),
            own: medians[1],
            budget,
        }
    };
    let window = |what, load, kind, field: fn(&Sample) -> f64, unit, budget| {
        row(what, &of(load, Kind::Floor, field), &of(load, kind, field), unit, budget)
    };
    let cpu = |sample: &Sample| sample.cpu;
    let rate = |sample: &Sample| sample.per_second;
    let p50 = |sample: &Sample| sample.p50;
    let [cold_floor, cold] = [Kind::Floor, Kind::Opwatch].map(|kind| start[&kind].as_slice());
    let [idle_floor, idle] = [Kind::Floor, Kind::Opwatch].map(|kind| measured.idle[&kind].as_slice());
    let [peak_floor, peak] = [Kind::Floor, Kind::Opwatch].map(|kind| measured.peak[&kind].as_slice());
    let (busy, own) = (Load::Busy(80), Kind::Opwatch);
    vec![
        row("cold start: process to first 204", cold_floor, cold, ms, Budget::AtMost(2.0)),
        row("idle memory", idle_floor, idle, mb, Budget::Mebibytes(8.5)),
        row("peak memory", peak_floor, peak, mb, Budget::Mebibytes(16.5)),
        window("CPU a push, 80 connections", busy, own, cpu, us, Budget::AtMost(2.0)),
        window("the same with OIDC verification", busy, Kind::Verifying, cpu, us, Budget::AtMost(2.1)),
        window("throughput, upstreams of 40 ms", Load::Slow, own, rate, per_second, Budget::AtLeast(0.95)),
        window("throughput, instant upstreams", busy, own, rate, per_second, Budget::AtLeast(0.4)),
        window("p50 at 100 pushes a second", Load::Steady, own, p50, us, Budget::AtMost(1.5)),
    ]
}

fn ms(value: f64) -> String {
    format!("{value:.1} ms")
}

fn us(value: f64) -> String {
    format!("{value:.0} µs")
}

fn mb(value: f64) -> String {
    format!("{:.1} MiB", value / MEBIBYTE)
}

fn per_second(value: f64) -> String {
    format!("{value:.0} /s")
}

/// All windows.
fn cases(measured: &Measured) -> String {
    let mut text = String::from(
        "All cases: medians of floor → opwatch; the ratio is of the CPU time.\n\n\
         | case | load | CPU a push, µs | ratio | pushes a second | p50, µs | p99, µs |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for ((case, load, kind), samples) in &measured.windows {
        if *kind == Kind::Floor {
            continue;
        }
        let floor = &measured.windows[&(*case, *load, Kind::Floor)];
        let of = |field: fn(&Sample) -> f64| {
            let [floor, own] =
                [floor, samples].map(|samples| samples.iter().map(field).collect::<Vec<f64>>());
            let pair =
                format!("{:.0} → {:.0}", Spread::of(floor.clone()).median, Spread::of(own.clone()).median);
            (pair, Spread::of_ratios(&floor, &own))
        };
        let (cpu, Spread { median, low, high }) = of(|sample| sample.cpu);
        let [rate, p50, p99] =
            [of(|sample| sample.per_second), of(|sample| sample.p50), of(|sample| sample.p99)]
                .map(|pair| pair.0);
        let (case, load) = (name(*case, *kind), load_name(*load));
        let _ = writeln!(
            text,
            "| {case} | {load} | {cpu} | {median:.2} × ({low:.2}–{high:.2}) | {rate} | {p50} | {p99} |"
        );
    }
    let floor = &measured.windows[&(Case::GoesOn, Load::Busy(80), Kind::Floor)];
    let own = Spread::of(floor.iter().map(|sample| sample.own).collect()).median;
    let [floor, opwatch] =
        [Kind::Floor, Kind::Opwatch].map(|kind| Spread::of(measured.start_cpu[&kind].clone()).median);
    let _ = writeln!(
        text,
        "\nUp to the first 204 the floor takes {floor:.1} ms of CPU, opwatch {opwatch:.1} ms. Load and upstreams took \
         {own:.0} µs of their own core for a push to the floor at 80 connections."
    );
    text
}

fn name(case: Case, kind: Kind) -> &'static str {
    match case {
        Case::GoesOn if kind == Kind::Verifying => "a check that goes on, OIDC verified",
        Case::GoesOn => "a check that goes on",
        Case::Ends => "a check that ends",
        Case::Report => "a report, to the webhook",
    }
}

fn load_name(load: Load) -> String {
    match load {
        Load::Busy(1) => "1 connection".to_owned(),
        Load::Busy(count) => format!("{count} connections"),
        Load::Slow => "80 connections, upstreams of 40 ms".to_owned(),
        Load::Steady => "100 a second".to_owned(),
    }
}

fn machine(measured: &Measured, cores: Cores) -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{}, {}; {} rounds. {} cores of {}, Linux {}: the server on core {}, load and upstreams on core {}; \
         load average at the end {}.",
        chrono::Utc::now().format("%Y-%m-%d %H:%M UTC"),
        measured.revision,
        measured.rounds,
        cpuinfo.matches("processor\t").count(),
        model.map_or("an unknown model", |(_, model)| model),
        kernel.trim(),
        cores.server,
        cores.load,
        load.split(' ').next().unwrap_or_default(),
    )
}

const LEFT: f64 = 250.0;
const UNIT: f64 = 220.0;
const STEP: f64 = 34.0;

/// The ratios as bars, the spread as a line in them, the budget as a mark.
fn picture(rows: &[Row]) -> String {
    let most =
        rows.iter().map(|row| row.ratio.high.max(row.budget.ratio().unwrap_or(0.0))).fold(2.0, f64::max);
    let (width, height) = (LEFT + most * UNIT + 70.0, 60.0 + STEP * rows.len() as f64);
    let x = |ratio: f64| LEFT + ratio * UNIT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\" aria-label=\"opwatch compared with the floor, as ratios, with their budgets\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for step in 0..=(most * 2.0) as usize {
        let ratio = step as f64 / 2.0;
        let colour = if step == 2 { "#888" } else { "#e4e4e4" };
        let _ = writeln!(
            svg,
            "<path d=\"M{0:.1} 30V{1:.1}\" stroke=\"{colour}\"/><text x=\"{0:.1}\" y=\"22\" text-anchor=\"middle\" \
             fill=\"#666\">{ratio} ×</text>",
            x(ratio),
            height - 24.0
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let (y, Spread { median, low, high }) = (40.0 + STEP * index as f64, row.ratio);
        let colour = if row.is_within() { "#2eb67d" } else { "#e8912d" };
        let (label, text, middle) = (LEFT - 10.0, y + 14.0, y + 9.0);
        let (length, low, end) = (median * UNIT, x(low), x(high));
        let _ = writeln!(
            svg,
            "<text x=\"{label}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"18\" fill=\"{colour}\"/>\
             <path d=\"M{low:.1} {middle:.1}H{end:.1}\" stroke=\"#333\"/>",
            row.what,
        );
        let bound = row.budget.ratio();
        if let Some(bound) = bound {
            let _ = writeln!(
                svg,
                "<path d=\"M{:.1} {:.1}v26\" stroke=\"#e01e5a\" stroke-width=\"2\"/>",
                x(bound),
                y - 4.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{text:.1}\" fill=\"#333\">{median:.2}</text>",
            x(high.max(bound.unwrap_or(0.0))) + 8.0,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\" fill=\"#666\">opwatch ÷ floor; black: lowest to highest round; red: the budget \
         (throughput: at least, else: at most)</text>\n</svg>",
        height - 8.0
    );
    svg
}
