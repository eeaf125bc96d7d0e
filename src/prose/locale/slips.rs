//! What is said of text that is not the JSON object that it was meant to be.

use crate::json::Slip;

/// In English: the cause and the fix.
pub(super) fn english(slip: Slip) -> Option<&'static str> {
    Some(match slip {
        Slip::Utf16Le => {
            "the text is UTF-16LE, not UTF-8. Save it as UTF-8 (PowerShell: Set-Content -Encoding utf8)."
        }
        Slip::Utf16Be => "the text is UTF-16BE, not UTF-8. Save it as UTF-8.",
        Slip::Quoted => {
            "the object is inside a JSON string (encoded twice). Remove the outer quotes and the backslashes."
        }
        Slip::Base64 => {
            "it is base64 (encoded twice): gcloud and the client libraries encode the data themselves. Publish the JSON itself."
        }
        Slip::OuterQuotes => {
            "the whole text is in quotes: cmd.exe does not remove single quotes. Remove them; in cmd.exe, write \
             --message=\"{\\\"name\\\": …}\"."
        }
        Slip::NoQuotes => {
            "a name or string has no double quotes. Write {\"name\": \"…\"}; where the shell removes the quotes (cmd.exe, \
             PowerShell), escape each one as \\\"."
        }
        Slip::EscapedQuotes => {
            "the quotes are escaped with backslashes. Remove the backslashes: inside single quotes the shell keeps \" \
             as it is."
        }
        Slip::SmartQuotes => {
            "it contains typographic quotes, such as \u{201c} and \u{201d}. Replace them with \" (turn off smart quotes in the editor)."
        }
        Slip::Python => {
            "it is a Python dict: single quotes, or True, False and None. Print it with json.dumps."
        }
        Slip::TrailingComma => {
            "there is a comma before a closing brace or bracket. Remove the comma after the last entry."
        }
        Slip::Comment => "it contains a comment, which JSON does not allow. Remove the comment.",
        Slip::Yaml => "it is YAML. Convert it to JSON; gcloud prints JSON with --format=json.",
        Slip::List => "it is a list. Publish each object as its own message.",
        Slip::Unknown => return None,
    })
}

/// In Japanese.
pub(super) fn japanese(slip: Slip) -> Option<&'static str> {
    Some(match slip {
        Slip::Utf16Le => {
            "文字コードがUTF-16LEです。UTF-8で保存して下さい (PowerShell: Set-Content -Encoding utf8)。"
        }
        Slip::Utf16Be => "文字コードがUTF-16BEです。UTF-8で保存して下さい。",
        Slip::Quoted => {
            "オブジェクトがJSON文字列の中に入っています (二重エンコード)。外側の引用符とバックスラッシュを削除して下さい。"
        }
        Slip::Base64 => {
            "base64で二重にエンコードされています。gcloudやクライアントライブラリが自動でエンコードするため、JSONをそのままpublishして下さい。"
        }
        Slip::OuterQuotes => {
            "全体が引用符で囲まれています (cmd.exeは単一引用符をそのまま渡します)。外側の引用符を削除して下さい。cmd.exeでは --message=\"{\\\"name\\\": …}\" と書きます。"
        }
        Slip::NoQuotes => {
            "名前または文字列に二重引用符がありません。{\"name\": \"…\"} のように書いて下さい。シェル (cmd.exe、PowerShell) が引用符を取り除く場合は \\\" と書いて下さい。"
        }
        Slip::EscapedQuotes => {
            "引用符がバックスラッシュでエスケープされています。バックスラッシュを削除して下さい (単一引用符の中では \" をそのまま書けます)。"
        }
        Slip::SmartQuotes => {
            "\u{201c} や \u{201d} などの引用符が使われています。半角の \" に置き換えて下さい。"
        }
        Slip::Python => {
            "Pythonの辞書の形式です (単一引用符、またはTrue・False・None)。json.dumpsで出力して下さい。"
        }
        Slip::TrailingComma => "閉じ括弧の前にカンマがあります。最後の要素の後のカンマを削除して下さい。",
        Slip::Comment => "コメントがあります。JSONにはコメントを書けません。削除して下さい。",
        Slip::Yaml => "YAMLです。JSONに変換して下さい (gcloudでは --format=json)。",
        Slip::List => "リストです。オブジェクトごとに1件のメッセージとしてpublishして下さい。",
        Slip::Unknown => return None,
    })
}
