//! The operations that are watched, and what is known of their ends.

use crate::rng::Rng;
use crate::stage::Ms;

/// What is known of an end in one line of the table.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) settings: &'static [(&'static str, &'static str)],
    /// Whether the operation shows its progress.
    pub(crate) progress: bool,
    /// How far apart the logarithms of two runs of one work are; none without history.
    pub(crate) history: Option<f64>,
    /// Signals: the soonest and the latest after the end, in seconds, and the share that is lost.
    pub(crate) signals: Option<(f64, f64, f64)>,
}

/// One operation: its length, how its progress shows, and how long the run before took.
#[derive(Clone, Copy, Default)]
pub(crate) struct Work {
    pub(crate) lasts: Ms,
    pub(crate) curve: f64,
    pub(crate) begins: f64,
    pub(crate) stalls: f64,
    pub(crate) old: f64,
    pub(crate) estimate: f64,
    pub(crate) before: f64,
    pub(crate) signal: Option<Ms>,
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.unit()
}

fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.unit()).cos()
}

/// The middles of so many equally likely parts of the standard normal distribution: unlike random numbers, they have its mean.
fn quantiles(count: usize) -> Vec<f64> {
    let (step, mut below, mut z) = (1e-4_f64, 0.0_f64, -6.0_f64);
    let mut next = || {
        below += step * (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        z += step;
        (z, below)
    };
    let part = |index: usize| (index as f64 + 0.5) / count as f64;
    (0..count)
        .map(|index| std::iter::repeat_with(&mut next).find(|(z, below)| *below >= part(index) || *z > 6.0))
        .map(|found| found.map_or(6.0, |(z, _)| z))
        .collect()
}

/// The works of a scenario, with the same times for each: log-normal, median 12 min, σ 1.3, from 20 s to 6 h.
pub(crate) fn works(count: usize, scenario: &Scenario) -> Vec<Work> {
    let mut rng = Rng::new(17);
    let work = |z: f64| {
        let lasts = (720.0 * (1.3 * z).exp()).clamp(20.0, 21_600.0);
        let (soonest, latest, lost) = scenario.signals.unwrap_or((0.0, 0.0, 1.0));
        Work {
            lasts: (lasts * 1_000.0) as Ms,
            curve: (0.25 * normal(&mut rng)).exp(),
            begins: between(&mut rng, 0.0, 30.0).min(0.3 * lasts),
            stalls: between(&mut rng, 0.02, 0.25),
            old: between(&mut rng, 0.0, 30.0),
            estimate: (0.15 * normal(&mut rng)).exp(),
            before: lasts * (scenario.history.unwrap_or(0.0) * normal(&mut rng)).exp(),
            signal: {
                let late = between(&mut rng, soonest, latest);
                (!rng.chance(lost)).then_some((late * 1_000.0) as Ms)
            },
        }
    };
    quantiles(count).into_iter().map(work).collect()
}

impl Work {
    /// The whole percent that a look shows so long after the beginning.
    pub(crate) fn percent(&self, age: Ms) -> u64 {
        let (age, lasts) = (age as f64 / 1_000.0, self.lasts as f64 / 1_000.0);
        let moving = (lasts - self.begins) * (1.0 - self.stalls);
        let done = ((age - self.old - self.begins) / moving).clamp(0.0, 1.0);
        ((done.powf(self.curve) * self.estimate).clamp(0.0, 0.99) * 100.0) as u64
    }
}
