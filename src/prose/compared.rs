//! How a run compares with the one before, in words.

use super::number::grouped;
use super::{Text, Writer};
use crate::ledger::Comparison;
use crate::prose::locale::{Change, Words};

impl Writer<'_> {
    /// A line about the run before, and one for each thing to worry about.
    pub(super) fn compared(&self, comparison: &Comparison) -> Vec<Text> {
        let day = comparison.day.with_timezone(&self.zone).format("%Y/%m/%d").to_string();
        compared(self.words, comparison, &day).into_iter().map(Text::Plain).collect()
    }
}

/// The lines; `day` is that of the run before.
pub fn compared(words: &'static dyn Words, comparison: &Comparison, day: &str) -> Vec<String> {
    let change = Change { day, percent: comparison.percent(), longer: comparison.difference() };
    let mut lines = vec![words.change(change)];
    if let Some((now, then)) = comparison.entities.filter(|_| comparison.has_halved()) {
        lines.push(words.halved(&grouped(now), &grouped(then)));
    }
    if comparison.has_tripled() {
        let (now, then) = comparison.took;
        lines.push(words.tripled(&words.duration(now), &words.duration(then)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;

    use super::*;
    use crate::watch::Locale;

    fn lines(locale: Locale, entities: Option<(u64, u64)>, took: (u64, u64)) -> Vec<String> {
        let took = (Duration::from_secs(took.0), Duration::from_secs(took.1));
        let comparison = Comparison { day: DateTime::UNIX_EPOCH, entities, took };
        compared(locale.words(), &comparison, "2026/11/22")
    }

    #[test]
    fn a_run_beside_the_one_before() {
        let english = |entities, took| lines(Locale::En, entities, took).join(" ");
        assert_eq!(
            english(Some((112, 100)), (780, 600)),
            "Compared with 2026/11/22: 12% more entities, 3 min longer."
        );
        assert_eq!(
            english(Some((90, 100)), (540, 600)),
            "Compared with 2026/11/22: 10% fewer entities, 1 min shorter."
        );
        assert_eq!(
            english(Some((7, 7)), (60, 60)),
            "Compared with 2026/11/22: same number of entities, same duration."
        );
        assert_eq!(english(None, (90, 60)), "Compared with 2026/11/22: 30 s longer.");
        assert_eq!(
            english(Some((1_000, 2_001)), (1_801, 600)),
            "Compared with 2026/11/22: 50% fewer entities, 20 min 1 s longer. \
             Warning: the number of entities fell by more than half, from 2,001 to 1,000. \
             Warning: took more than three times as long, 30 min 1 s instead of 10 min."
        );
    }

    #[test]
    fn the_same_in_japanese() {
        let japanese = |entities, took| lines(Locale::Ja, entities, took).join(" ");
        assert_eq!(
            japanese(Some((112, 100)), (780, 600)),
            "前回 (2026/11/22) との比較: Entity数は12%増、所要時間は3分増。"
        );
        assert_eq!(
            japanese(Some((1, 3)), (40, 10)),
            "前回 (2026/11/22) との比較: Entity数は67%減、所要時間は30秒増。 \
             警告: Entity数が半分未満に減りました (3 → 1)。 \
             警告: 所要時間が3倍を超えました (10秒 → 40秒)。"
        );
        assert_eq!(japanese(None, (60, 60)), "前回 (2026/11/22) との比較: 所要時間は同じ。");
    }
}
