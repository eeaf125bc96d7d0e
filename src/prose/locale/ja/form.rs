//! What a field must be.

/// In Japanese, what `form` says in English: the notice carries that text, so that versions that do not know a form can show it.
pub(super) fn form(form: &str) -> &str {
    match form {
        "an IANA time zone, such as Europe/Madrid or UTC" => "IANAのタイムゾーン (例: Asia/Tokyo、UTC)",
        "gs://BUCKET or gs://BUCKET/FOLDER" => "gs://バケット または gs://バケット/フォルダ",
        "a channel ID such as C024BE91L (in Slack: the channel's details)" => {
            "C024BE91L のようなチャンネルID (Slackのチャンネル詳細に表示されます)"
        }
        "here, or the ID of a person (U024BE7LH) or a user group (S0614TZR7)" => {
            "here、またはメンバーID (U024BE7LH) かユーザーグループID (S0614TZR7)"
        }
        "1 to 63 characters from a-z, 0-9, _ and -" => "a〜z、0〜9、_、- からなる1〜63文字",
        "a report" => "通知の種類",
        other => other,
    }
}
