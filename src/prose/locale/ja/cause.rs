//! The causes of errors, and what to do about each.

use super::super::words::Scene;
use crate::services::{Cause, Service};

pub(super) fn cause(cause: &Cause, scene: Scene<'_>) -> String {
    let service = scene.service;
    match cause {
        Cause::ApiDisabled { api, project } => format!(
            "プロジェクト{project}でAPI {api} が無効になっています。有効にして下さい (反映に数分かかります)。"
        ),
        Cause::NoBilling { project } => format!(
            "プロジェクト{project}に有効な請求先アカウントがありません。{service}のエクスポートとインポートには課金の有効化が必要です。請求先アカウントをリンクして下さい。"
        ),
        Cause::Perimeter { id, .. } => {
            let id = id.as_ref().map(|id| format!(" (一意の識別子: {id})")).unwrap_or_default();
            format!(
                "VPC Service Controlsの境界によりブロックされました{id}。境界の管理者に一意の識別子を伝え、上り (内向き) または下り (外向き) ルールの追加を依頼して下さい。IAMロールの付与では解決しません。"
            )
        }
        Cause::WrongProject { project } => format!(
            "プロジェクト{project}は存在しないか、削除されています。プロジェクト名ではなくプロジェクトIDを指定しているか、綴りが正しいかを確認して下さい。"
        ),
        Cause::CallerLacks { permission, project, .. } => {
            let who = if scene.is_service {
                "opwatchのサービスアカウント"
            } else {
                "コマンドを実行したアカウント"
            };
            let what = permission.as_ref().map(|name| format!(" {name} ")).unwrap_or_default();
            format!(
                "{who}にプロジェクト{project}での権限{what}がありません。opwatchに必要な権限だけを持つロールを付与して下さい。ロールがすでにある場合は、1行目のcreateをupdateに、--permissionsを--add-permissionsに置き換えて実行して下さい。"
            )
        }
        Cause::AgentLacks { bucket, .. } => format!(
            "{service}はサービスエージェントとしてファイルを読み書きしますが、{}へのアクセス権がありません。サービスエージェントに権限を付与して下さい。",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoBucket { bucket, .. } => format!(
            "{}が存在しません。名前を修正するか、データベースと同じロケーションにバケットを作成して下さい。",
            the_bucket(bucket.as_deref())
        ),
        Cause::BucketElsewhere { bucket, database, .. } => format!(
            "{}のロケーションがデータベース {database} と合いません。データベースと同じロケーションのバケットを使用して下さい。",
            the_bucket(bucket.as_deref())
        ),
        Cause::NoDatabase { database, project } => format!(
            "プロジェクト{project}、またはそのデータベース {database} が存在しません。名前を修正するか、データベースを作成して下さい。"
        ),
        Cause::NotFound => {
            "プロジェクト、データベースまたはバケットが存在しません。キックオフを修正するか、足りないものを作成して下さい。".to_owned()
        }
        Cause::OtherMode { use_service } => {
            let mode = if *use_service == Service::DATASTORE { "Datastoreモード" } else { "ネイティブモード" };
            format!(
                "データベースは{mode}のため、{service} APIでは扱えません。\"service\": \"{use_service}\" と、そのAPIのpathおよびフィールド名を指定して下さい。"
            )
        }
        Cause::PathExists { field } => format!(
            "このパスには以前にエクスポートされています。エクスポートごとに新しいパスが必要です。{field} に ${{datetime}} を含めて下さい (例: gs://my-backups/${{datetime}})。"
        ),
        Cause::Quota { quota, starts } => {
            let quota = quota.as_ref().map(|quota| format!(" ({quota})")).unwrap_or_default();
            let limits = if *starts {
                "エクスポートとインポートはプロジェクトごとに毎分20件、同時に50件までです。実行時刻を分散して下さい。"
            } else {
                ""
            };
            format!("{service}の割り当てまたは上限に達しました{quota}。{limits}")
        }
        Cause::Invalid => {
            "リクエストが不正です。キックオフのbodyを修正して再度publishして下さい。".to_owned()
        }
        Cause::Gone => {
            "オペレーションが見つかりません。終了したオペレーションは一定期間しか保持されません。出力先で結果を確認して下さい。".to_owned()
        }
    }
}

fn the_bucket(bucket: Option<&str>) -> String {
    bucket.map_or("バケット".to_owned(), |bucket| format!("バケット {bucket} "))
}
