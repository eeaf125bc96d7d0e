//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes in the largest unit of a thousand, with one decimal.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let power = (bytes.max(1).ilog10() / 3) as usize;
    let unit = UNITS.get(power).copied().unwrap_or("EB");
    if power == 0 {
        return format!("{bytes} B");
    }
    let tenths = u128::from(bytes) * 10 / 1_000_u128.pow(u32::try_from(power).unwrap_or(0));
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes_as_people_read_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_000, 1_550_000, 2_147_483_648, u64::MAX].map(size),
            ["0 B", "999 B", "1.0 kB", "1.5 MB", "2.1 GB", "18.4 EB"]
        );
    }
}
