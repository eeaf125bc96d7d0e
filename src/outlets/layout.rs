//! What the messages of several outlets have in common: which parts there are, the bar, and texts that are escaped and cut.

use serde_json::Value as Json;

use super::Part;
use crate::prose::{Notice, Text};
use crate::text;

/// Cells of a bar.
const BAR: u8 = 20;
/// Characters that one may become when it is escaped.
pub(super) const MAX_ESCAPE: usize = 5;

/// What `part` has of `notice`.
pub(super) fn part_of(notice: &Notice, part: Part) -> Notice {
    let notice = notice.clone();
    match part {
        Part::Whole => notice,
        Part::Edit => Notice { texts: Vec::new(), commands: Vec::new(), ..notice },
        Part::Reply => Notice { bar: None, values: Vec::new(), ..notice },
    }
}

/// Drops the last command to paste with what stands above it; false when there is none.
pub(super) fn drop_last(commands: &mut Vec<Text>) -> bool {
    let last = commands.iter().rposition(|text| matches!(text, Text::Code(_)));
    if let Some(last) = last {
        commands.truncate(last.saturating_sub(1));
    }
    last.is_some()
}

/// `payload` with the fields of `more`.
pub(super) fn with(mut payload: Json, more: Json) -> Json {
    if let (Some(payload), Json::Object(more)) = (payload.as_object_mut(), more) {
        payload.extend(more);
    }
    payload
}

/// The bar that shows `percent`.
pub(super) fn bar(percent: u8) -> String {
    let full = (u16::from(percent.min(100)) * u16::from(BAR) / 100).into();
    let empty = usize::from(BAR).saturating_sub(full);
    format!("{}{} {percent}%", "█".repeat(full), "░".repeat(empty))
}

/// Nothing can escape a backtick inside code, so a look-alike stands for it.
pub(super) fn without_backticks(text: &str) -> String {
    text.replace('`', "\u{2cb}")
}

/// Escapes the three characters that begin or end markup in Slack and in HTML, and cuts, never inside an escape, so that
/// at most `limit` characters come out.
pub(super) fn escaped(text: &str, limit: usize) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut most = limit;
    loop {
        let escaped = escape(&text::cut(text, most));
        let over = escaped.chars().count().saturating_sub(limit);
        if over == 0 {
            return escaped;
        }
        most = most.saturating_sub(over.div_ceil(MAX_ESCAPE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_command_goes_with_what_stands_above_it() {
        let plain = |text: &str| Text::Plain(text.to_owned());
        let code = |text: &str| Text::Code(text.to_owned());
        let mut commands = vec![plain("Go on:"), code("a"), plain("Again:"), code("b")];
        assert!(drop_last(&mut commands));
        assert_eq!(commands, [plain("Go on:"), code("a")]);
        assert!(drop_last(&mut commands) && commands.is_empty());
        assert!(!drop_last(&mut commands));
    }

    #[test]
    fn a_bar_shows_how_far_it_is() {
        let drawn = |percent| {
            let bar = bar(percent);
            let count = |cell: char| bar.matches(cell).count();
            assert!(bar.ends_with(&format!(" {percent}%")), "{bar}");
            (count('█'), count('░'))
        };
        assert_eq!([drawn(0), drawn(4), drawn(5), drawn(50)], [(0, 20), (0, 20), (1, 19), (10, 10)]);
        assert_eq!([drawn(99), drawn(100), drawn(101), drawn(255)], [(19, 1), (20, 0), (20, 0), (20, 0)]);
    }

    #[test]
    fn a_payload_takes_over_fields() {
        use serde_json::json;
        assert_eq!(with(json!({"a": 1, "b": 2}), json!({"b": 3, "c": 4})), json!({"a": 1, "b": 3, "c": 4}));
        assert_eq!(with(json!({"a": 1}), Json::Null), json!({"a": 1}));
        assert_eq!(without_backticks("`a`"), "\u{2cb}a\u{2cb}");
    }

    #[test]
    fn cuts_on_a_character_and_never_inside_an_escape() {
        assert_eq!(escaped("a<b>&c", 100), "a&lt;b&gt;&amp;c");
        assert_eq!(escaped("<<<<", 9), "&lt;&lt;…");
        assert_eq!(escaped("<<<<", 8), "&lt;…");
        assert_eq!(escaped("<", 3), "");
        assert_eq!(escaped("データ", 2), "デ…");
        assert_eq!(
            escaped(&"&".repeat(1_000), 500),
            format!("{}…", "&amp;".repeat(99)),
            "no more than it must"
        );
    }

    proptest! {
        #[test]
        fn an_escaped_text_is_within_its_limit_and_pings_nobody(text in any::<String>(), limit in 0usize..50) {
            let escaped = escaped(&text, limit);
            prop_assert!(escaped.chars().count() <= limit);
            prop_assert!(!escaped.contains(['<', '>']));
        }
    }
}
