//! What to call an operation on a line: the last segment of its name, as long as that is clear.

use super::item::Item;
use crate::services::Operation;

/// The longest label, in characters: what all names of operations with a time and a UUID fit in would be too wide.
const LONGEST: usize = 20;

/// The labels of `items`, in their order.
pub(super) fn labels(items: &[Item]) -> Vec<String> {
    let short: Vec<String> = items.iter().map(|item| short(item.operation())).collect();
    let is_clear = |label: &String| short.iter().filter(|other| *other == label).count() == 1;
    let names = short.iter().zip(items);
    names
        .map(|(label, item)| if is_clear(label) { label.clone() } else { item.operation().name().to_owned() })
        .collect()
}

/// The last segment, without its middle where it is long: both its ends may tell it from others.
fn short(operation: &Operation) -> String {
    let last = operation.name().rsplit('/').next().unwrap_or_default();
    let count = last.chars().count();
    if count <= LONGEST {
        return last.to_owned();
    }
    let half = (LONGEST - 2) / 2;
    let (begin, end): (String, String) =
        (last.chars().take(half).collect(), last.chars().skip(count - half).collect());
    format!("{begin}..{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Service;
    use crate::testing::at;
    use crate::watch::Watch;

    fn labels_of(names: &[&str]) -> Vec<String> {
        let item = |name: &&str| {
            let operation = Operation::new(Service::DATASTORE, name).unwrap();
            Item::new(Watch::default(), operation, at(0))
        };
        labels(&names.iter().map(item).collect::<Vec<_>>())
    }

    #[test]
    fn a_label_is_the_last_segment_and_long_ones_keep_both_ends() {
        let uuid = "operation-1763966112345-64475a1f2b3c4-1a2b3c4d-5e6f7a8b";
        assert_eq!(
            labels_of(&["projects/p/operations/a", &format!("projects/p/operations/{uuid}")]),
            ["a", "operation..-5e6f7a8b"]
        );
    }

    #[test]
    fn where_labels_are_the_same_the_names_tell() {
        assert_eq!(
            labels_of(&["projects/p/operations/a", "projects/q/operations/a", "projects/q/operations/b"]),
            ["projects/p/operations/a", "projects/q/operations/a", "b"]
        );
    }
}
