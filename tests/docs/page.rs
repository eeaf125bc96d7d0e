//! A Markdown page, as GitHub reads it: its headings, links and code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A page, and its path in the repository.
pub(super) struct Page {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A link to a file of the repository.
pub(super) struct Link<'a> {
    /// As it is written.
    pub(super) text: &'a str,
    /// The file's path in the repository.
    pub(super) path: PathBuf,
    pub(super) anchor: Option<&'a str>,
}

/// A fenced block.
pub(super) struct Block {
    pub(super) language: String,
    pub(super) code: String,
}

impl Page {
    pub(super) fn read(path: &Path) -> Self {
        let text = fs::read_to_string(root().join(path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path: path.to_owned(), text }
    }

    /// The lines outside of fenced blocks.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut fenced = false;
        self.text.lines().filter(move |line| {
            let fence = line.starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        })
    }

    /// The links to files of the repository, pictures included.
    pub(super) fn links(&self) -> Vec<Link<'_>> {
        let mut targets = Vec::new();
        for line in self.prose() {
            targets.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
            targets.extend(line.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()));
        }
        targets.retain(|target| !target.contains("://") && !target.starts_with("mailto:"));
        targets.into_iter().map(|target| self.link(target)).collect()
    }

    fn link<'a>(&self, text: &'a str) -> Link<'a> {
        let (file, anchor) = text.split_once('#').map_or((text, None), |(file, anchor)| (file, Some(anchor)));
        let path = if file.is_empty() {
            self.path.clone()
        } else {
            normal(&self.path.with_file_name("").join(file))
        };
        Link { text, path, anchor }
    }

    /// The anchors of its headings: <https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links>.
    pub(super) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        for line in self.prose().filter(|line| line.starts_with('#')) {
            let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let anchor: String =
                heading.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect();
            let (mut unique, mut n) = (anchor.clone(), 0);
            while !anchors.insert(unique) {
                n += 1;
                unique = format!("{anchor}-{n}");
            }
        }
        anchors
    }

    /// What is in code font within the text.
    pub(super) fn spans(&self) -> Vec<&str> {
        let spans = self.prose().flat_map(|line| {
            let parts: Vec<&str> = line.split('`').collect();
            assert!(parts.len() % 2 == 1, "{}: code goes on in the next line: {line}", self.path.display());
            parts.into_iter().skip(1).step_by(2)
        });
        spans.collect()
    }

    /// Its fenced blocks.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open) = (Vec::new(), None::<Block>);
        for line in self.text.lines() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(language), None) => {
                    open = Some(Block { language: language.to_owned(), code: String::new() });
                }
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(block)) => {
                    open = Some(Block { code: block.code + line + "\n", language: block.language });
                }
                (None, None) => (),
            }
        }
        assert!(open.is_none(), "{}: a block does not end", self.path.display());
        blocks
    }
}

/// `path` without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(normal.pop(), "{} leaves the repository", path.display()),
            Component::CurDir => (),
            other => normal.push(other),
        }
    }
    normal
}

fn page(text: &str) -> Page {
    Page { path: "docs/outlets/a.md".into(), text: text.to_owned() }
}

#[test]
fn links_are_those_outside_of_code() {
    let page = page(
        "[a](../b.md#c-d) [e](https://example.com) [f](#g)\n```\n[h](i.md)\n```\n<img src=\"../../j.png\" alt=\"\">\n",
    );
    let links = page.links();
    let links: Vec<_> = links.iter().map(|link| (link.path.to_str().unwrap(), link.anchor)).collect();
    assert_eq!(links, [("docs/b.md", Some("c-d")), ("docs/outlets/a.md", Some("g")), ("j.png", None)]);
}

#[test]
fn anchors_are_those_of_github() {
    let page = page("# What it *does*, and `why`\n## Again\n## Again\n```\n# no heading\n```\n");
    let anchors: Vec<String> = page.anchors().into_iter().collect();
    assert_eq!(anchors, ["again", "again-1", "what-it-does-and-why"]);
}

#[test]
fn blocks_have_a_language() {
    let page = page("`x` text `y`\n```sh\na\nb\n```\n```\nc\n```\n");
    let blocks: Vec<_> = page.blocks().into_iter().map(|block| (block.language, block.code)).collect();
    assert_eq!(blocks, [("sh".to_owned(), "a\nb\n".to_owned()), (String::new(), "c\n".to_owned())]);
    assert_eq!(page.spans(), ["x", "y"]);
}
