//! Kinds of work, as the subject of a message.

/// A kind of work that many services have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Something is created.
    Create,
    /// Something is changed.
    Update,
    /// A version is upgraded.
    Upgrade,
    /// Something is deleted.
    Delete,
    /// A backup is made.
    Backup,
    /// A backup is restored.
    Restore,
    /// A copy is made.
    Copy,
    /// Data is loaded.
    Load,
    /// Data is extracted to files.
    Extract,
}

/// How a service's word for the work begins, in lower case. Earlier rows come first: `DELETE_BACKUP` deletes.
const BEGINNINGS: [(&str, Verb); 17] = [
    ("delete", Verb::Delete),
    ("drop", Verb::Delete),
    ("restore", Verb::Restore),
    ("create_backup", Verb::Backup),
    ("createbackup", Verb::Backup),
    ("backup", Verb::Backup),
    ("create", Verb::Create),
    ("insert", Verb::Create),
    ("upgrade", Verb::Upgrade),
    ("auto_upgrade", Verb::Upgrade),
    ("update", Verb::Update),
    ("patch", Verb::Update),
    ("set", Verb::Update),
    ("clone", Verb::Copy),
    ("copy", Verb::Copy),
    ("load", Verb::Load),
    ("extract", Verb::Extract),
];

impl Verb {
    /// The kind that a service's word for the work belongs to, such as `UPGRADE_NODES`; none for a word of no known kind.
    pub fn of(work: &str) -> Option<Self> {
        let work = work.to_ascii_lowercase();
        BEGINNINGS.iter().find(|(beginning, _)| work.starts_with(beginning)).map(|(_, verb)| *verb)
    }

    /// As an English noun.
    pub(super) fn english(self) -> &'static str {
        match self {
            Self::Create => "creation",
            Self::Update => "update",
            Self::Upgrade => "upgrade",
            Self::Delete => "deletion",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Copy => "copy",
            Self::Load => "load",
            Self::Extract => "extract",
        }
    }

    /// As a Japanese noun.
    pub(super) fn japanese(self) -> &'static str {
        match self {
            Self::Create => "作成",
            Self::Update => "更新",
            Self::Upgrade => "アップグレード",
            Self::Delete => "削除",
            Self::Backup => "バックアップ",
            Self::Restore => "リストア",
            Self::Copy => "コピー",
            Self::Load => "読み込み",
            Self::Extract => "エクスポート",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_services_have_their_kind() {
        for (word, verb) in [
            ("UPGRADE_NODES", Some(Verb::Upgrade)),
            ("CREATE_BACKUP", Some(Verb::Backup)),
            ("DELETE_BACKUP", Some(Verb::Delete)),
            ("RESTORE_VOLUME", Some(Verb::Restore)),
            ("CreateCluster", Some(Verb::Create)),
            ("insert", Some(Verb::Create)),
            ("UPDATE_DATABASE_DDL", Some(Verb::Update)),
            ("LOAD", Some(Verb::Load)),
            ("JOB_TYPE_STREAMING", None),
            ("", None),
        ] {
            assert_eq!(Verb::of(word), verb, "{word}");
        }
    }
}
