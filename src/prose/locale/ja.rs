//! Japanese. The titles, the labels and the sentence above the command are those of the system that opwatch replaces.

mod cause;
mod form;

use std::time::Duration;

use super::slips;
use super::words::{Change, Column, Command, Happened, Label, Note, Per, Scene, Subject, Words};
use crate::placeholder;
use crate::services::{Cause, Ending, Unit};
use crate::watch::{Outcome, Problem, ProblemKind};

pub(super) struct Japanese;

impl Words for Japanese {
    fn subject(&self, service: &str, subject: Subject) -> String {
        match subject {
            Subject::Export => format!("{service}のバックアップ"),
            Subject::Import => format!("{service}のインポート"),
            Subject::Work(verb) => format!("{service}の{}", verb.japanese()),
            Subject::Other("operation") => format!("{service}のオペレーション"),
            Subject::Other(_) => format!("{service}のジョブ"),
        }
    }

    fn subject_with_target(&self, subject: &str, _kind: Subject, target: &str) -> String {
        format!("{subject} ({target}) ")
    }

    fn headline(&self, outcome: Outcome, subject: &str, has_title: bool) -> String {
        match outcome {
            Outcome::Succeeded => format!("{subject}に成功"),
            Outcome::Failed => format!("{subject}に失敗"),
            Outcome::Cancelled => format!("{subject}が想定外の状態 (キャンセル済み)"),
            Outcome::NotStarted => format!("{subject}を開始できない"),
            Outcome::LimitReached if !has_title && subject.ends_with("のバックアップ") => {
                "バックアップが終わっていない".to_owned()
            }
            Outcome::LimitReached => format!("{subject}が終わっていない"),
            Outcome::CannotTell => format!("{subject}が想定外の状態"),
            Outcome::Notice => "opwatchが処理できないメッセージ".to_owned(),
            Outcome::Test => "opwatchのテスト: すべての経路が正常".to_owned(),
            Outcome::Doctor => "opwatch doctor: 投稿は正常".to_owned(),
            Outcome::Lost => format!("{subject}の監視が途切れた"),
            Outcome::Running => format!("{subject}を実行中"),
            Outcome::Stalled => format!("{subject}が進んでいない"),
        }
    }

    fn waiting(&self, subject: &str) -> String {
        format!("{subject}が操作待ち")
    }

    fn nothing_started(&self, subject: &str) -> String {
        format!("{subject}は今回開始していない")
    }

    fn label(&self, label: Label) -> &'static str {
        match label {
            Label::Start => "開始日時",
            Label::End => "終了日時",
            Label::Duration => "所要時間",
            Label::Elapsed => "経過時間",
            Label::Entities => "Entity数",
            Label::Size => "サイズ",
            Label::Progress => "進捗",
            Label::Rate => "速度",
            Label::Eta => "終了予定",
            Label::Checks => "確認回数",
            Label::State => "状態",
            Label::Target => "対象",
            Label::Output => "バックアップファイル",
            Label::OutputFolder => "バックアップフォルダ",
            Label::Result => "出力",
            Label::Items(Unit::Objects) => "オブジェクト数",
            Label::Items(Unit::Records) => "レコード数",
            Label::Items(Unit::Stages) => "ステージ数",
            Label::Items(Unit::Statements) => "ステートメント数",
            Label::Items(Unit::Steps) => "ステップ数",
            Label::Items(Unit::Tables) => "テーブル数",
            Label::Items(Unit::Tasks) => "タスク数",
            Label::Failures => "失敗件数",
            Label::Detail => "詳細",
            Label::Prefix => "保存先",
            Label::Source => "読み込み元",
            Label::Operation => "JobID",
            Label::StartedBy => "実行者",
            Label::Call => "呼び出し",
            Label::Error => "エラー",
            Label::Field => "フィールド",
            Label::Log => "ログ",
            Label::MessageId => "メッセージID",
        }
    }

    fn duration(&self, duration: Duration) -> String {
        super::two_units(duration, ["日", "時間", "分", "秒"], "")
    }

    fn took(&self, duration: &str) -> String {
        format!("所要時間 {duration}")
    }

    fn entities(&self, count: &str) -> String {
        format!("Entity数 {count}")
    }

    fn since(&self, clock: &str) -> String {
        format!("{clock}開始")
    }

    fn eta(&self, clock: &str) -> String {
        format!("終了予定 {clock}")
    }

    fn in_time(&self, clock: &str, left: &str) -> String {
        format!("{clock} (あと{left})")
    }

    fn out_of(&self, done: &str, of: &str) -> String {
        format!("{done} / {of}")
    }

    fn checks(&self, done: &str, of: &str, next: &str) -> String {
        format!("{done} / {of}、次回 {next}")
    }

    fn checks_until(&self, next: &str, last: &str) -> String {
        format!("次回 {next}（{last} まで監視）")
    }

    fn progress(&self, percent: u8, done: &str, of: &str) -> String {
        format!("{percent}% ({of}件中{done}件)")
    }

    fn rate(&self, count: &str, per: Per) -> String {
        match per {
            Per::Second => format!("{count}件/秒"),
            Per::Minute => format!("{count}件/分"),
        }
    }

    fn happened(&self, happened: Happened<'_>) -> String {
        match happened {
            Happened::Refused { service } => format!("{service}が開始を拒否しました。"),
            Happened::NotListed { service } => {
                format!("{service}のオペレーション一覧を取得できず、二重起動を防げないため開始しませんでした。")
            }
            Happened::NotReadable => "オペレーションを読み取れませんでした。".to_owned(),
            Happened::NotFound { service } => format!(
                "オペレーションが見つかりません。サービス({service})、プロジェクト、ロケーション、名前を確認して下さい。完了したオペレーションの保存期間には限りがあります。"
            ),
            Happened::Deleted => "オペレーションはもう存在しません。最後の確認では削除の実行中だったため、対象のリソースと一緒に削除されたとみられます。".to_owned(),
            Happened::NotInTime => {
                "キックオフから1時間以内に開始できなかったため、開始を取りやめました。".to_owned()
            }
            Happened::NotRead { service } => {
                format!("最後の確認で{service}からオペレーションを読み取れませんでした。まだ実行中の可能性があります。")
            }
            Happened::UnknownState { state } => {
                format!("完了していますが、opwatchが認識できない状態です: {state}")
            }
            Happened::EndedBefore { ending } => {
                let ended = match ending {
                    Ending::Succeeded => "成功しています",
                    Ending::Failed => "失敗しています",
                    Ending::Cancelled => "キャンセルされています",
                    Ending::Unknown => "不明な状態で終了しています",
                };
                format!(
                    "同じkeyのオペレーションが、このキックオフのpublishより前に{ended}。そのため今回は何も開始していません。\
                     表示しているのは以前のオペレーションです。毎回開始するキックオフには\"key\"を付けないで下さい。"
                )
            }
            Happened::NotAllowed { setting } => format!("opwatchの設定 {setting} で許可されなくなりました。"),
            Happened::Late => {
                "キックオフがpublishから1時間を過ぎて届いたため、開始しませんでした。".to_owned()
            }
            Happened::GivenUp { deliveries } => {
                let after = match deliveries {
                    0 => String::new(),
                    deliveries => format!("約{deliveries}回の配信の後に"),
                };
                format!(
                    "Pub/Subが{after}メッセージの配信を打ち切りました。opwatchに届かなかったか、次の処理を予約できませんでした。理由はログを確認して下さい。"
                )
            }
            Happened::Unclear => "開始リクエストの応答が失われ、結果を確認できません。実行中の可能性があります。再実行の前に確認して下さい。".to_owned(),
            Happened::TooManyStarts { most, project } => format!(
                "プロジェクト{project}の開始数が1時間あたりの上限 ({most}件) に達しました。これはこの1時間で最初に拒否したキックオフで、以降のものはログにのみ記録します。上限を上げるには MAX_STARTS_PER_HOUR の値を大きくして下さい。"
            ),
            Happened::TooManyWatches { most } => format!(
                "キックオフ数が1分あたりの上限 ({most}件) に達しました。これはこの1時間で最初に拒否したキックオフで、以降のものはログにのみ記録します。上限を上げるには MAX_WATCHES_PER_MINUTE の値を大きくして下さい。"
            ),
            Happened::TooManyAdoptions { most } => format!(
                "監視を依頼されていないオペレーションが1分間に{most}件を超えて開始されました。これはこの1時間で最初に監視を見送ったもので、以降のものはログにのみ記録します。上限を上げるには MAX_ADOPTIONS_PER_MINUTE の値を大きくして下さい。"
            ),
            Happened::TooManyNotices { most } => format!(
                "処理できないメッセージがこの1時間で{most}件を超えました。この時間帯の以降のものはログにのみ記録します。通知の上限を上げるには MAX_NOTICES_PER_HOUR の値を大きくして下さい。"
            ),
            Happened::Other => "理由は新しいバージョンのopwatchでのみ表示できます。".to_owned(),
        }
    }

    fn cause(&self, cause: &Cause, scene: Scene<'_>) -> String {
        cause::cause(cause, scene)
    }

    fn problem(&self, problem: &Problem) -> String {
        match &problem.kind {
            ProblemKind::TooLarge { size, most } => format!("{size}バイトあります。上限は{most}バイトです。短くして下さい。"),
            ProblemKind::NotBase64 => {
                "message.dataがbase64ではありません。gcloudまたはクライアントライブラリでpublishして下さい。".to_owned()
            }
            ProblemKind::Empty => "データがありません。JSONオブジェクトをpublishして下さい。".to_owned(),
            ProblemKind::NotJson { detail, slip } => match slips::japanese(*slip) {
                Some(cause) => format!("JSONオブジェクトではありません: {cause}"),
                None => format!("JSONオブジェクトではありません: {detail}"),
            },
            ProblemKind::Duplicate => "同じオブジェクトの中で重複しています。どちらか一方を削除して下さい。".to_owned(),
            ProblemKind::Character { code } => format!(
                "文字 {code} は使えません。制御文字や文字の方向を変える文字を含まない1行にして下さい。"
            ),
            ProblemKind::RepeatsPath => {
                "start.pathと重複し、内容が食い違うおそれがあります。bodyから削除して下さい。".to_owned()
            }
            ProblemKind::OtherField { field } => {
                format!("別のサービスまたはメソッドのフィールドです。ここでは {field} を使って下さい。")
            }
            ProblemKind::UnknownField => "不明なフィールドです。綴りを直すか、削除して下さい。".to_owned(),
            ProblemKind::Missing => "値がありません。キックオフには \"name\"、または service・path・body を持つ \"start\" が必要です。".to_owned(),
            ProblemKind::NoText => "引用符で囲んだ文字列にして下さい。".to_owned(),
            ProblemKind::NoObject => "オブジェクトにして下さい。".to_owned(),
            ProblemKind::Length { most } => format!("1〜{most}文字にして下さい。"),
            ProblemKind::Number { least, most } => format!("{least}〜{most}の整数にして下さい (引用符なし)。"),
            ProblemKind::UnknownWord { allowed } => format!("次のいずれかにして下さい: {allowed}"),
            ProblemKind::Form { form } => format!("次の値にして下さい: {}", form::form(form)),
            ProblemKind::BadName { example } => format!("このサービスの形式ではありません。例: {example}"),
            ProblemKind::OtherService { service } => {
                format!("サービス{service}のものです。\"service\": \"{service}\" を指定して下さい。")
            }
            ProblemKind::Ambiguous { services } => format!(
                "この形式の名前は複数のサービスにあります ({services})。\"service\" にいずれかを指定して下さい。"
            ),
            ProblemKind::NotAPlaceholder { found } => format!(
                "{found} というプレースホルダーはありません。使えるのは {} です。文字としての ${{ は $${{ と書いて下さい。",
                placeholder::ALLOWED
            ),
            ProblemKind::Reserved => "このラベルはopwatchが設定します。削除するか、名前を変えて下さい。".to_owned(),
            ProblemKind::NotTogether { with } => format!("\"{with}\" と同時に指定できません。どちらかを削除して下さい。"),
            ProblemKind::Misplaced { with } => format!("\"{with}\" と一緒に指定しても無効です。削除して下さい。"),
            ProblemKind::NotAllowed { setting, value } => {
                format!("設定 {setting} で許可されていません。許可するには {setting} に {value} を追加して下さい。")
            }
            ProblemKind::NotSet { setting, line } => format!(
                "設定 {setting} が未設定のため拒否しました。許可するには設定に次の行を追加して下さい: {line}"
            ),
            ProblemKind::WatchOnly { method } => format!(
                "このopwatchは監視専用です (STARTS=none)。開始を許可するには STARTS={method} を設定して下さい。"
            ),
            ProblemKind::Below { setting, least } => format!("{least}以上にして下さい (設定 {setting})。"),
            ProblemKind::NeedsPower => {
                "この監視の通知先では利用できません。フィールドを削除するか、利用できる通知先を設定して下さい (例: SLACK_WEBHOOK_URLの代わりにSLACK_BOT_TOKENとSLACK_CHANNELを設定したSlackのBot)。".to_owned()
            }
            ProblemKind::Other => "理由は新しいバージョンのopwatchでのみ表示できます。".to_owned(),
        }
    }

    fn command(&self, command: Command) -> &'static str {
        match command {
            Command::Describe => "下記コマンドで状態を確認して対処して下さい",
            Command::List => "下記コマンドでオペレーションを確認して下さい",
            Command::Watch => "監視を続ける場合:",
            Command::Cancel => "キャンセルする場合:",
            Command::Fix => "対処するには下記コマンドを実行して下さい:",
            Command::Look => "下記コマンドで詳細を確認して下さい:",
            Command::Again => "原因を取り除いてから再度開始する場合:",
            Command::StartNew => "新たに開始する場合:",
            Command::Start => "原因を取り除いてから開始する場合:",
        }
    }

    fn note(&self, note: Note<'_>) -> String {
        match note {
            Note::Stopped { checks } => {
                format!(
                    "上限の{checks}回の確認に達したため、監視を終了しました。オペレーションは続いています。"
                )
            }
            Note::TimeIsOver { watched } => {
                format!(
                    "上限の{}が経過したため、監視を終了しました。オペレーションは続いています。",
                    self.duration(watched)
                )
            }
            Note::LastSeen => "表示している値は以前の確認時のものです。".to_owned(),
            Note::AdoptedByKey => {
                "このキックオフによるオペレーションはすでに開始済みのため、二重には開始していません。"
                    .to_owned()
            }
            Note::AdoptedByRequest => {
                "同じ内容のキックオフで直前に開始済みのため、二重には開始していません。".to_owned()
            }
            Note::AsOf { time } => format!("{time}時点の情報です。投稿が遅れました。"),
            Note::TooLongToShow { key: "" } => {
                "メッセージが長すぎるため表示できません。元のメッセージを再度publishして下さい。".to_owned()
            }
            Note::TooLongToShow { key } => {
                format!(
                    "キックオフが長すぎるため表示できません。元のキックオフに \"key\": \"{key}\" を加えて再度publishして下さい。"
                )
            }
            Note::MayRun => "開始された可能性があります。再実行の前に確認して下さい。".to_owned(),
            Note::Excerpt => "メッセージの先頭:".to_owned(),
            Note::Partial => "保存先に不完全なファイルが残っている可能性があります。".to_owned(),
            Note::RoundTrip => {
                "このテストメッセージはトピック、確認用キュー、報告用キューを経由してSlackに届きました。"
                    .to_owned()
            }
            Note::Empty => "警告: Entity数0で成功しました。意図した結果か確認して下さい。".to_owned(),
            Note::NoOutput => "警告: 成功しましたが、結果にバックアップの出力先がありません。".to_owned(),
            Note::Warning { text } => format!("警告: {text}"),
            Note::Waits => "承認や再開などの操作を待っています。".to_owned(),
            Note::Asks => {
                "承認や再開などの操作を待っています。opwatchは監視を続けます。この通知は一度だけです。".to_owned()
            }
            Note::Endless => {
                "ストリーミングジョブなど、停止されるまで動き続けるジョブです。終了を通知するのは、最後の確認までに終わった場合だけです。".to_owned()
            }
            Note::Stalled { checks } => {
                format!("直近{checks}回の確認で進捗がありません。opwatchは監視を続けます。")
            }
            Note::NotRead { time } => format!("{time}時点の情報です。直近の確認では読み取れませんでした。"),
            Note::Diverted { channel, why } => {
                format!("チャンネル {channel} に投稿できなかったため、ここに投稿しました: {why}")
            }
        }
    }

    fn as_of(&self, time: &str) -> String {
        format!("{time}時点")
    }

    fn change(&self, change: Change<'_>) -> String {
        let entities = change.percent.map(|percent| match percent {
            0 => "Entity数は同じ、".to_owned(),
            percent if percent > 0 => format!("Entity数は{percent}%増、"),
            percent => format!("Entity数は{}%減、", percent.unsigned_abs()),
        });
        let took = change.longer.map_or_else(
            || "同じ".to_owned(),
            |(longer, by)| format!("{}{}", self.duration(by), if longer { "増" } else { "減" }),
        );
        format!("前回 ({}) との比較: {}所要時間は{took}。", change.day, entities.unwrap_or_default())
    }

    fn halved(&self, now: &str, then: &str) -> String {
        format!("警告: Entity数が半分未満に減りました ({then} → {now})。")
    }

    fn tripled(&self, now: &str, then: &str) -> String {
        format!("警告: 所要時間が3倍を超えました ({then} → {now})。")
    }

    fn column(&self, column: Column) -> &'static str {
        match column {
            Column::Title => "タイトル",
            Column::Outcome => "結果",
            Column::Work => "種類",
            Column::Age => "経過時間",
        }
    }

    fn outcome(&self, outcome: Option<Outcome>) -> &'static str {
        match outcome {
            None | Some(Outcome::Running | Outcome::Stalled) => "実行中",
            Some(Outcome::Succeeded) => "成功",
            Some(Outcome::Failed) => "失敗",
            Some(Outcome::Cancelled) => "キャンセル済み",
            Some(Outcome::NotStarted) => "未開始",
            Some(Outcome::LimitReached) => "監視終了",
            Some(Outcome::Lost) => "監視が途切れた",
            Some(Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor) => "不明",
        }
    }

    fn digest_title(&self, count: &str) -> String {
        format!("{count}件の監視が終了")
    }

    fn digest_count(&self, outcome: Outcome, count: &str) -> String {
        format!("{} {count}件", self.digest_heading(outcome))
    }

    fn digest_heading(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Succeeded => "成功",
            Outcome::Failed => "失敗",
            Outcome::Cancelled => "キャンセル済み",
            Outcome::NotStarted => "未開始",
            Outcome::LimitReached | Outcome::Running | Outcome::Stalled => "未完了",
            Outcome::Lost => "監視の中断",
            Outcome::CannotTell | Outcome::Notice | Outcome::Test | Outcome::Doctor => "結果不明",
        }
    }

    fn and_more(&self, count: &str) -> String {
        format!("ほか{count}件")
    }

    fn no_runs(&self) -> &'static str {
        "該当する実行履歴はありません。--title、--since、台帳の設定（LEDGER_KIND、LEDGER_PROJECT）を確認して下さい。"
    }
}
