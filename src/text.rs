//! Cutting and cleaning texts that come from outside.

/// `text` with control characters made spaces (they could break a log line or a terminal), cut to at most
/// `limit` characters, the last of which is then an ellipsis.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    if text.chars().nth(limit).is_none() {
        return text.chars().map(clean).collect();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).map(clean).collect();
    if limit > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn cuts_on_characters_and_cleans_controls() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("データ保存", 3), "デー…");
        assert_eq!(cut("a\u{1b}[31m\r\nb", 10), "a [31m \nb");
        assert_eq!(cut("abc", 0), "");
    }
}
