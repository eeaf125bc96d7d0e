//! Slack's markup as HTML.

/// Text of type `mrkdwn`: code, bold, italic, struck, links, mentions.
pub(in crate::fakes) fn mrkdwn(text: &str) -> String {
    code(text, "```", |block| format!("<pre>{}</pre>", html(block.trim_matches('\n'))), inline)
}

fn inline(text: &str) -> String {
    code(text, "`", |code| format!("<code>{}</code>", html(code)), |text| spans(text, &MARKS))
}

/// Text whose marks are off: links and mentions alone.
pub(super) fn unmarked(text: &str) -> String {
    spans(text, &[])
}

/// The marks of a phrase and the elements that they become.
const MARKS: [(char, &str); 3] = [('*', "strong"), ('_', "em"), ('~', "s")];

/// Writes what stands between two fences with `inside`, the rest with `outside`. An open fence is just text.
fn code(
    text: &str,
    fence: &str,
    inside: impl Fn(&str) -> String,
    outside: impl Fn(&str) -> String,
) -> String {
    let mut shown = String::new();
    let mut rest = text;
    loop {
        let found = rest.split_once(fence).and_then(|(before, after)| {
            let (code, after) = after.split_once(fence)?;
            (!code.is_empty()).then_some((before, code, after))
        });
        let Some((before, code, after)) = found else { return shown + &outside(rest) };
        shown += &outside(before);
        shown += &inside(code);
        rest = after;
    }
}

/// Text without code.
fn spans(text: &str, marks: &[(char, &str)]) -> String {
    let mut shown = String::new();
    let mut plain = String::new();
    let mut rest = text;
    let is_mark = |character: char| character == '<' || marks.iter().any(|(mark, _)| *mark == character);
    while let Some(at) = rest.find(is_mark) {
        let (before, marked) = rest.split_at(at);
        plain += before;
        let word_before = plain.chars().last().is_some_and(char::is_alphanumeric);
        let found = match marked.strip_prefix('<') {
            Some(inner) => inner.split_once('>').map(|(inner, after)| (token(inner), after)),
            None if word_before => None,
            None => marks.iter().find_map(|mark| phrase(marked, *mark, marks)),
        };
        if let Some((element, after)) = found {
            shown += &html(&std::mem::take(&mut plain));
            shown += &element;
            rest = after;
        } else {
            let (mark, after) = marked.split_at(1);
            plain += mark;
            rest = after;
        }
    }
    shown + &html(&(plain + rest))
}

/// `*bold*` at the beginning of `text`, on one line, and what follows it.
fn phrase<'a>(text: &'a str, (mark, tag): (char, &str), marks: &[(char, &str)]) -> Option<(String, &'a str)> {
    let (inner, after) = text.strip_prefix(mark)?.split_once(mark)?;
    let word_after = after.chars().next().is_some_and(char::is_alphanumeric);
    let tight = !inner.is_empty() && inner.trim() == inner && !inner.contains('\n');
    (tight && !word_after).then(|| (format!("<{tag}>{}</{tag}>", spans(inner, marks)), after))
}

/// What stands between `<` and `>`: a mention, a link, or nothing that Slack knows.
fn token(inner: &str) -> String {
    let (target, label) =
        inner.split_once('|').map_or((inner, None), |(target, label)| (target, Some(label)));
    let mention = |class: &str, name: &str| format!("<span class=\"mention{class}\">{}</span>", html(name));
    match target.chars().next() {
        Some('@' | '#') => mention("", &label.map_or_else(|| target.to_owned(), |label| format!("@{label}"))),
        Some('!') => match (label, target.strip_prefix('!').unwrap_or_default()) {
            (Some(label), name) if name.starts_with("date^") => html(label),
            (Some(label), _) => mention("", label),
            (None, name) => match name.strip_prefix("subteam^") {
                Some(group) => mention("", &format!("@{group}")),
                None => mention(" everybody", &format!("@{name}")),
            },
        },
        _ if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) => {
            let label = html(label.unwrap_or(target));
            format!("<a href=\"{}\" target=\"_blank\" rel=\"noreferrer\">{label}</a>", html(target))
        }
        _ => html(&format!("<{inner}>")),
    }
}

/// Text with Slack's three entities, as HTML.
pub(super) fn html(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let mut shown = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '&' => shown += "&amp;",
            '<' => shown += "&lt;",
            '>' => shown += "&gt;",
            '"' => shown += "&quot;",
            '\'' => shown += "&#39;",
            other => shown.push(other),
        }
    }
    shown
}
