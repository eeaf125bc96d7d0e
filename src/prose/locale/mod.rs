//! Languages: every word that a person reads.

mod en;
mod ja;
mod slips;
mod verb;
mod words;

use std::time::Duration;

pub use verb::Verb;
pub use words::{Change, Column, Command, Happened, Label, Note, Per, Scene, Subject, Words};

use crate::watch::Locale;

impl Locale {
    /// Its words.
    pub fn words(self) -> &'static dyn Words {
        match self {
            Self::En => &en::English,
            Self::Ja => &ja::Japanese,
        }
    }
}

/// The two largest units of a duration, in whole seconds, without one that is zero: `1 h 3 min`.
fn two_units(duration: Duration, units: [&str; 4], gap: &str) -> String {
    let total = duration.as_secs();
    let counts = [total / 86_400, total / 3_600 % 24, total / 60 % 60, total % 60];
    let first = counts.iter().position(|count| *count > 0).unwrap_or(3);
    let parts: Vec<String> = counts
        .iter()
        .zip(units)
        .enumerate()
        .filter(|(index, (count, _))| *index == first || (*index == first + 1 && **count > 0))
        .map(|(_, (count, unit))| format!("{count}{unit}"))
        .collect();
    parts.join(gap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Problem, ProblemKind};

    #[test]
    fn a_problem_has_its_remedy_in_every_language() {
        for (why, en, ja) in [
            (
                ProblemKind::OtherService { service: "firestore".to_owned() },
                "Belongs to the service firestore. Set \"service\": \"firestore\".",
                "サービスfirestoreのものです。\"service\": \"firestore\" を指定して下さい。",
            ),
            (
                ProblemKind::Misplaced { with: "start".to_owned() },
                "Has no effect together with \"start\". Remove it.",
                "\"start\" と一緒に指定しても無効です。削除して下さい。",
            ),
            (ProblemKind::Form { form: "true".to_owned() }, "Must be true.", "次の値にして下さい: true"),
        ] {
            let problem = Problem::new("", why);
            assert_eq!(Locale::En.words().problem(&problem), en);
            assert_eq!(Locale::Ja.words().problem(&problem), ja);
        }
    }

    #[test]
    fn durations_as_people_say_them() {
        let say = |locale: Locale, seconds| locale.words().duration(Duration::from_secs(seconds));
        assert_eq!(say(Locale::En, 0), "0 s");
        assert_eq!(say(Locale::En, 59), "59 s");
        assert_eq!(say(Locale::En, 60), "1 min");
        assert_eq!(say(Locale::En, 3_780), "1 h 3 min");
        assert_eq!(say(Locale::En, 3_601), "1 h");
        assert_eq!(say(Locale::En, 187_200), "2 d 4 h");
        assert_eq!(say(Locale::Ja, 3_780), "1時間3分");
        assert_eq!(say(Locale::Ja, 42), "42秒");
    }
}
