//! Reads the fields of a message: strictly what a person wrote, leniently what opwatch passed on.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use super::LONGEST_TITLE;
use crate::text;
use crate::watch::{Problem, Why};

/// Why a text can't be the title of a watch, if it can't.
pub(crate) fn title_problem(title: &str) -> Option<Why> {
    let fits = !title.trim().is_empty() && title.chars().count() <= LONGEST_TITLE;
    if fits { hidden(title) } else { Some(Why::Length { most: LONGEST_TITLE }) }
}

/// What is wrong with a text that must be one line.
fn hidden(text: &str) -> Option<Why> {
    text::hidden(text).map(|hidden| Why::Character { code: format!("U+{:04X}", u32::from(hidden)) })
}

/// The fields of a message that were not read yet.
pub(super) struct Fields {
    map: Map<String, Value>,
    prefix: &'static str,
    /// Clamp rather than refuse, keep what is unknown.
    lenient: bool,
}

impl Fields {
    pub(super) fn new(map: Map<String, Value>, prefix: &'static str, lenient: bool) -> Self {
        Self { map, prefix, lenient }
    }

    fn problem(&self, field: &str, why: Why) -> Problem {
        Problem::new(&format!("{}{field}", self.prefix), why)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    /// A text of 1 to `most` characters.
    pub(super) fn text(&mut self, field: &str, most: usize) -> Result<Option<String>, Problem> {
        match self.map.remove(field) {
            None => Ok(None),
            Some(Value::String(found)) => {
                if self.lenient {
                    return Ok(Some(text::cut(&found, most)).filter(|text| !text.is_empty()));
                }
                if found.trim().is_empty() || found.chars().count() > most {
                    return Err(self.problem(field, Why::Length { most }));
                }
                Ok(Some(text::cut(&found, most)))
            }
            Some(_) if self.lenient => Ok(None),
            Some(_) => Err(self.problem(field, Why::NoText)),
        }
    }

    /// A text of 1 to `most` characters on one line.
    pub(super) fn line(&mut self, field: &str, most: usize) -> Result<Option<String>, Problem> {
        if !self.lenient
            && let Some(why) = self.map.get(field).and_then(Value::as_str).and_then(hidden)
        {
            return Err(self.problem(field, why));
        }
        Ok(self.text(field, most)?.map(text::line))
    }

    /// A whole number in `range`.
    pub(super) fn number(&mut self, field: &str, range: RangeInclusive<u32>) -> Result<Option<u32>, Problem> {
        let (least, most) = range.into_inner();
        let Some(value) = self.map.remove(field) else { return Ok(None) };
        let number = value.as_u64().map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        match number {
            Some(number) if self.lenient => Ok(Some(number.clamp(least, most))),
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            None if self.lenient => Ok(None),
            _ => Err(self.problem(field, Why::Number { least, most })),
        }
    }

    /// A word that `parse` knows; `allowed` lists them for people.
    pub(super) fn word<T>(
        &mut self,
        field: &str,
        allowed: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.parsed(field, parse, || Why::UnknownWord { allowed: allowed.to_owned() })
    }

    /// A text that `parse` knows; `form` tells people what it must be.
    pub(super) fn formed<T>(
        &mut self,
        field: &str,
        form: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.parsed(field, parse, || Why::Form { form: form.to_owned() })
    }

    /// A text that `parse` knows; `why` tells people what is wrong with another.
    pub(super) fn parsed<T>(
        &mut self,
        field: &str,
        parse: impl Fn(&str) -> Option<T>,
        why: impl Fn() -> Why,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.map.remove(field) else { return Ok(None) };
        match value.as_str().and_then(parse) {
            Some(parsed) => Ok(Some(parsed)),
            None if self.lenient => {
                // A newer version's: passed on as it is.
                self.map.insert(field.to_owned(), value);
                Ok(None)
            }
            None => Err(self.problem(field, why())),
        }
    }

    /// An object.
    pub(super) fn object(&mut self, field: &str) -> Result<Option<Map<String, Value>>, Problem> {
        match self.map.remove(field) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(self.problem(field, Why::NoObject)),
        }
    }

    /// Whether the field is there; it can only be `true`.
    pub(super) fn flag(&mut self, field: &str) -> Result<bool, Problem> {
        match self.map.remove(field) {
            None => Ok(false),
            Some(Value::Bool(true)) => Ok(true),
            Some(_) if self.lenient => Ok(false),
            Some(_) => Err(self.problem(field, Why::Form { form: "true".to_owned() })),
        }
    }

    /// What is left: nothing in what a person wrote, what a newer version added in what opwatch passed on.
    pub(super) fn finish(&mut self) -> Result<Map<String, Value>, Problem> {
        match self.map.keys().next() {
            Some(unknown) if !self.lenient => Err(self.problem(unknown, Why::UnknownField)),
            _ => Ok(std::mem::take(&mut self.map)),
        }
    }
}
