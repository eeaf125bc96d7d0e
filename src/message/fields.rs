//! Reads the fields of a message: strictly what a person wrote, leniently what opwatch passed on.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::MAX_TITLE_CHARS;
use super::wire::{Field, Form, Text};
use crate::text;
use crate::watch::{Problem, ProblemKind};

/// Why a text can't be the title of a watch, if it can't.
pub(crate) fn title_problem(title: &str) -> Option<ProblemKind> {
    let fits = !title.trim().is_empty() && title.chars().count() <= MAX_TITLE_CHARS;
    if fits { hidden(title) } else { Some(ProblemKind::Length { most: MAX_TITLE_CHARS }) }
}

/// What is wrong with a text that must be one line.
fn hidden(text: &str) -> Option<ProblemKind> {
    text::hidden(text).map(|hidden| ProblemKind::Character { code: format!("U+{:04X}", u32::from(hidden)) })
}

/// How the fields of one object are read. What was read is taken out of its field.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// What the names of the fields have before them in a problem.
    pub(super) prefix: &'static str,
    /// Clamp rather than refuse, keep what is unknown.
    pub(super) lenient: bool,
}

impl Rules {
    fn problem(self, name: &str, why: ProblemKind) -> Problem {
        Problem::new(&format!("{}{name}", self.prefix), why)
    }

    /// A list of one or more of `allowed`, each once. What a newer version wrote stays in its field, to be passed on.
    pub(super) fn list(
        self,
        name: &str,
        field: &mut Field<Vec<Text<'_>>>,
        allowed: &'static [&'static str],
    ) -> Result<Option<Vec<&'static str>>, Problem> {
        let known = |text: &Text<'_>| allowed.iter().copied().find(|word| word == text);
        let listed: Option<Vec<_>> = match field {
            Field::Absent => return Ok(None),
            Field::Is(texts) => texts.iter().map(known).collect(),
            Field::Other(_) => None,
        };
        let is_set = |words: &Vec<&str>| {
            let mut unlike = words.clone();
            unlike.sort_unstable();
            unlike.dedup();
            !words.is_empty() && unlike.len() == words.len()
        };
        match listed.filter(is_set) {
            Some(words) => {
                *field = Field::Absent;
                Ok(Some(words))
            }
            None if self.lenient => Ok(None),
            None => {
                let form = format!("a list of one or more of {}, each once", allowed.join(", "));
                Err(self.problem(name, ProblemKind::Form { form }))
            }
        }
    }

    /// A text of 1 to `most` characters.
    pub(super) fn text(
        self,
        name: &str,
        field: &mut Field<Text<'_>>,
        most: usize,
    ) -> Result<Option<String>, Problem> {
        match field.take() {
            Field::Absent => Ok(None),
            Field::Is(found) if self.lenient => {
                Ok(Some(text::cut(&found, most)).filter(|text| !text.is_empty()))
            }
            Field::Is(found) if found.trim().is_empty() || found.chars().count() > most => {
                Err(self.problem(name, ProblemKind::Length { most }))
            }
            Field::Is(found) => Ok(Some(text::cut(&found, most))),
            Field::Other(_) if self.lenient => Ok(None),
            Field::Other(_) => Err(self.problem(name, ProblemKind::NoText)),
        }
    }

    /// A text of 1 to `most` characters on one line.
    pub(super) fn line(
        self,
        name: &str,
        field: &mut Field<Text<'_>>,
        most: usize,
    ) -> Result<Option<String>, Problem> {
        if let Field::Is(found) = field
            && !self.lenient
            && let Some(why) = hidden(found)
        {
            return Err(self.problem(name, why));
        }
        Ok(self.text(name, field, most)?.map(text::line))
    }

    /// A whole number in `range`.
    pub(super) fn number(
        self,
        name: &str,
        field: &mut Field<u64>,
        range: RangeInclusive<u32>,
    ) -> Result<Option<u32>, Problem> {
        let (least, most) = range.into_inner();
        let number = match field.take() {
            Field::Absent => return Ok(None),
            Field::Is(number) => Some(u32::try_from(number).unwrap_or(u32::MAX)),
            Field::Other(_) => None,
        };
        match number {
            Some(number) if self.lenient => Ok(Some(number.clamp(least, most))),
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            None if self.lenient => Ok(None),
            _ => Err(self.problem(name, ProblemKind::Number { least, most })),
        }
    }

    /// A word that `parse` knows; `allowed` lists them for people.
    pub(super) fn word<T>(
        self,
        name: &str,
        field: &mut Field<Text<'_>>,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.parsed(name, field, parse, || ProblemKind::UnknownWord { allowed: allowed.to_owned() })
    }

    /// A text that `parse` knows; `form` tells people what it must be.
    pub(super) fn formed<T>(
        self,
        name: &str,
        field: &mut Field<Text<'_>>,
        form: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.parsed(name, field, parse, || ProblemKind::Form { form: form.to_owned() })
    }

    /// A text that `parse` knows; `why` tells people what is wrong with another. What a newer version wrote stays in its field,
    /// to be passed on.
    pub(super) fn parsed<T>(
        self,
        name: &str,
        field: &mut Field<Text<'_>>,
        parse: impl Fn(&str) -> Option<T>,
        why: impl Fn() -> ProblemKind,
    ) -> Result<Option<T>, Problem> {
        let parsed = match field {
            Field::Absent => return Ok(None),
            Field::Is(text) => parse(text),
            Field::Other(_) => None,
        };
        match parsed {
            Some(parsed) => {
                *field = Field::Absent;
                Ok(Some(parsed))
            }
            None if self.lenient => Ok(None),
            None => Err(self.problem(name, why())),
        }
    }

    /// A part of the message.
    pub(super) fn part<T: Form>(self, name: &str, field: &mut Field<T>) -> Result<Option<T>, Problem> {
        match field.take() {
            Field::Absent => Ok(None),
            Field::Is(part) => Ok(Some(part)),
            Field::Other(_) => Err(self.problem(name, ProblemKind::NoObject)),
        }
    }

    /// Whether the field is there; it can only be `true`.
    pub(super) fn flag(self, name: &str, field: &mut Field<bool>) -> Result<bool, Problem> {
        match field.take() {
            Field::Absent => Ok(false),
            Field::Is(true) => Ok(true),
            Field::Is(false) | Field::Other(_) if self.lenient => Ok(false),
            Field::Is(false) | Field::Other(_) => {
                Err(self.problem(name, ProblemKind::Form { form: "true".to_owned() }))
            }
        }
    }

    /// What is left: nothing in what a person wrote, what a newer version added in what opwatch passed on.
    pub(super) fn finish(self, left: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
        match left.keys().next() {
            Some(unknown) if !self.lenient => Err(self.problem(unknown, ProblemKind::UnknownField)),
            _ => Ok(left),
        }
    }
}
